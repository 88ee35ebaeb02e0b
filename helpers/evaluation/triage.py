"""The clinic's question: who has to be seen at once? Grouped as Kermany et al. (2018) group it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.artifacts import Predictions
from helpers.evaluation import Measure, proportion

# Kermany et al. 2018: what each finding asks for, the most urgent first.
LEVELS = ("urgent referral", "routine referral", "observation")
URGENCY = {"cnv": LEVELS[0], "dme": LEVELS[0], "drusen": LEVELS[1], "normal": LEVELS[2]}
SENSITIVITY = 0.95


@dataclass(frozen=True)
class Triage:
    """What a model does with the test images at a threshold chosen on validation.

    threshold : of the urgent score, 0 to 1.
    on_validation : sensitivity there, the least that was asked for.
    sensitivity, specificity : for "urgent" on test, with Wilson intervals.
    levels : images by true (rows) and assigned (columns) level.
    """

    threshold: float
    on_validation: float
    sensitivity: Measure
    specificity: Measure
    levels: pd.DataFrame


def applies(classes: tuple[str, ...]) -> bool:
    """Whether these are the four classes that the grouping is about."""
    return set(classes) == set(URGENCY)


def urgent(classes: tuple[str, ...]) -> np.ndarray:
    """Which classes are urgent: bool (classes,)."""
    return np.array([URGENCY[name] == LEVELS[0] for name in classes])


def choose_threshold(scores: np.ndarray, positive: np.ndarray, sensitivity: float) -> float:
    """The highest threshold at which scores at or above it find enough of the positive images.

    Parameters
    ----------
    scores : float (n,); positive : bool (n,), true somewhere; sensitivity : in (0, 1].
    """
    own = np.sort(scores[positive])
    missed = int(np.floor(len(own) * (1 - sensitivity) + 1e-9))
    return float(own[missed])


def triage(predictions: Predictions, classes: tuple[str, ...]) -> Triage:
    """Sort the test images into urgent referral, routine referral and observation.

    Urgent is an image whose p(CNV) + p(DME) reaches the highest threshold that finds 95 % of the
    urgent validation images; the others go where the larger of p(drusen) and p(normal) points.
    """
    columns = urgent(classes)
    test_probabilities, test_labels = predictions.test_probabilities, predictions.test_labels
    val_scores = predictions.val_probabilities[:, columns].sum(axis=1)
    scores = test_probabilities[:, columns].sum(axis=1)
    val_urgent, is_urgent = columns[predictions.val_labels], columns[test_labels]
    threshold = choose_threshold(val_scores, val_urgent, SENSITIVITY)
    called = scores >= threshold
    calmest = np.where(columns, -1, test_probabilities).argmax(axis=1)
    level_of = np.array([LEVELS.index(URGENCY[name]) for name in classes])
    assigned = np.where(called, 0, level_of[calmest])
    counts = np.zeros((len(LEVELS), len(LEVELS)), int)
    np.add.at(counts, (level_of[test_labels], assigned), 1)
    return Triage(
        threshold,
        float((val_scores[val_urgent] >= threshold).mean()),
        proportion(int(called[is_urgent].sum()), int(is_urgent.sum())),
        proportion(int((~called[~is_urgent]).sum()), int((~is_urgent).sum())),
        pd.DataFrame(counts, index=LEVELS, columns=LEVELS),
    )


def misses(found: dict[str, Triage]) -> pd.DataFrame:
    """Images sent to a lower level than they need, gravest first, and those sent too high.

    Rows: (needs, is sent to, of how many); columns: the models, as counts with Wilson's interval of
    the share in per cent.
    """
    levels = {model: triage.levels for model, triage in found.items()}
    rows = {}
    urgent_referral, routine_referral, observation = LEVELS
    for needs, sent in (
        (urgent_referral, observation),
        (urgent_referral, routine_referral),
        (routine_referral, observation),
        (routine_referral, urgent_referral),
        (observation, urgent_referral),
        (observation, routine_referral),
    ):
        n = int(next(iter(levels.values())).loc[needs].sum())
        rows[needs, sent, n] = {
            model: _count_in_words(int(table.loc[needs, sent]), n)
            for model, table in levels.items()
        }
    return pd.DataFrame(rows).T.rename_axis(["needs", "is sent to", "of"])


def net_benefit(
    scores: np.ndarray, positive: np.ndarray, thresholds: np.ndarray, weights: np.ndarray
) -> pd.DataFrame:
    """The decision curve (Vickers and Elkin 2006): true referrals less false ones, per image.

    A false referral weighs t / (1 - t), t being the probability from which on one refers.

    Parameters
    ----------
    scores : float (n,), 0 to 1; positive : bool (n,); thresholds : float (t,), in (0, 1).
    weights : float32 (resamples, n), as `bootstrap.draw_weights` gives them.

    Returns
    -------
    A row a threshold (index). Columns: model, low, high (95 %), refer all; "refer none" is 0.
    """
    referred = scores[:, None] >= thresholds
    odds = thresholds / (1 - thresholds)
    gain = np.where(positive[:, None], referred, -odds * referred).astype(np.float32)
    low, high = np.quantile(weights @ gain / len(scores), [0.025, 0.975], axis=0)
    everyone = positive.mean() - (1 - positive.mean()) * odds
    return pd.DataFrame(
        {"model": gain.mean(axis=0), "low": low, "high": high, "refer all": everyone},
        index=pd.Index(thresholds, name="threshold"),
    )


def precision_at(
    called: np.ndarray, positive: np.ndarray, prevalences: np.ndarray, weights: np.ndarray
) -> pd.DataFrame:
    """The share of called images that are positive, were positives as common as given (Bayes).

    Parameters
    ----------
    called, positive : bool (n,), positive with both values; prevalences : float (p,), in (0, 1).
    weights : float32 (resamples, n), stratified by class.

    Returns
    -------
    A row a prevalence (index). Columns: precision, low, high (95 %); 0 where nothing is called.
    """
    everything = np.ones((1, len(called)), np.float32)
    (value,) = _precisions(called, positive, prevalences, everything)
    resampled = _precisions(called, positive, prevalences, weights)
    low, high = np.quantile(resampled, [0.025, 0.975], axis=0)
    return pd.DataFrame(
        {"precision": value, "low": low, "high": high},
        index=pd.Index(prevalences, name="prevalence"),
    )


def _precisions(
    called: np.ndarray, positive: np.ndarray, prevalences: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    sensitivity = weights @ (called & positive) / positive.sum()
    false_alarms = weights @ (called & ~positive) / (~positive).sum()
    true = sensitivity[:, None] * prevalences
    return true / np.maximum(true + false_alarms[:, None] * (1 - prevalences), 1e-12)


def _count_in_words(count: int, n: int) -> str:
    share = proportion(count, n)
    low, high = 100 * share["low"], 100 * share["high"]
    return f"{count} [{low:.1f},\N{NO-BREAK SPACE}{high:.1f}\N{NO-BREAK SPACE}%]"
