"""The clinic's question: who has to be seen soon? For sets whose classes have an urgency."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from helpers.evaluation import measures
from helpers.models.trainings import Predictions
from helpers.study.data_sets import URGENCY_LEVELS, DataSet

SENSITIVITY = 0.95


class Triage(NamedTuple):
    """What a model does with the test images at a threshold chosen on validation.

    threshold : of the urgent score, 0 to 1.
    on_validation : sensitivity there, the least that was asked for.
    sensitivity, specificity : for the most urgent level on test, classes' sizes being fixed.
    levels : images by true (rows) and assigned (columns) level.
    assigned : the level of each test image, a place in `URGENCY_LEVELS`: int (n,).
    """

    threshold: float
    on_validation: float
    sensitivity: measures.Measure
    specificity: measures.Measure
    levels: pd.DataFrame
    assigned: np.ndarray


def applies(data_set: DataSet) -> bool:
    """Whether it is known what each class of a set asks for."""
    return bool(data_set.urgency)


def level_of(data_set: DataSet) -> np.ndarray:
    """Each class's place in `URGENCY_LEVELS`, 0 being the most urgent: int (classes,)."""
    return np.array([URGENCY_LEVELS.index(data_set.urgency[name]) for name in data_set.classes])


def urgent(data_set: DataSet) -> np.ndarray:
    """Which classes are of the most urgent level: bool (classes,)."""
    return level_of(data_set) == 0


def choose_threshold(scores: np.ndarray, positive: np.ndarray, sensitivity: float) -> float:
    """The highest threshold at which scores at or above it find enough of the positive images.

    scores : float (n,); positive : bool (n,), true somewhere; sensitivity : in (0, 1].
    """
    ascending = np.sort(scores[positive])
    missed = int(np.floor(len(ascending) * (1 - sensitivity) + 1e-9))
    return float(ascending[missed])


def triage(predictions: Predictions, data_set: DataSet) -> Triage:
    """Sort the test images into the levels of urgency of a set that `applies`.

    Most urgent is an image whose probabilities of the urgent classes add up to the highest
    threshold that finds 95 % of the urgent validation images; the others go where the largest
    other probability points.
    """
    is_urgent, level = urgent(data_set), level_of(data_set)
    probabilities, labels = predictions.test_probabilities, predictions.test_labels
    val_scores = predictions.val_probabilities[:, is_urgent].sum(axis=1)
    scores = probabilities[:, is_urgent].sum(axis=1)
    val_positive, positive = is_urgent[predictions.val_labels], is_urgent[labels]
    threshold = choose_threshold(val_scores, val_positive, SENSITIVITY)
    called = scores >= threshold
    calmest = np.where(is_urgent, -1, probabilities).argmax(axis=1)
    assigned = np.where(called, 0, level[calmest])
    counts = np.zeros((len(URGENCY_LEVELS), len(URGENCY_LEVELS)), int)
    np.add.at(counts, (level[labels], assigned), 1)
    return Triage(
        threshold,
        float((val_scores[val_positive] >= threshold).mean()),
        measures.stratified_share(called[positive], labels[positive]),
        measures.stratified_share(~called[~positive], labels[~positive]),
        pd.DataFrame(counts, index=URGENCY_LEVELS, columns=URGENCY_LEVELS),
        assigned,
    )


def net_benefit(
    scores: np.ndarray, positive: np.ndarray, thresholds: np.ndarray, resamples: np.ndarray
) -> pd.DataFrame:
    """The decision curve (Vickers and Elkin 2006): true referrals less false ones, per image.

    A false referral weighs t / (1 - t), t being the probability from which on one refers. A row a
    threshold (index); columns: model, low, high (95 %), refer all, and the lower end of the 95 %
    interval of model less refer all, 0 where both refer the same images; "refer none" is 0.
    scores : float (n,), 0 to 1; positive : bool (n,); thresholds : float (t,), in (0, 1).
    """
    referred = scores[:, None] >= thresholds
    odds = thresholds / (1 - thresholds)
    gain = np.where(positive[:, None], referred, -odds * referred).astype(np.float32)
    of_all = np.where(positive[:, None], 1, -odds).astype(np.float32)
    low, high = np.quantile(_means(resamples, gain), [0.025, 0.975], axis=0)
    curves = {"model": gain.mean(axis=0), "low": low, "high": high}
    curves["refer all"] = of_all.mean(axis=0)
    curves["low over all"] = np.quantile(_means(resamples, gain - of_all), 0.025, axis=0)
    return pd.DataFrame(curves, index=pd.Index(thresholds, name="threshold"))


def _means(resamples: np.ndarray, values: np.ndarray) -> np.ndarray:
    return measures.totals(resamples, values) / len(values)


def precision_at(
    called: np.ndarray,
    labels: np.ndarray,
    mixes: tuple[np.ndarray, np.ndarray],
    prevalences: np.ndarray,
    resamples: np.ndarray,
) -> pd.DataFrame:
    """The share of called images that are positive, were positives as common as given (Bayes).

    A clinic's positives and negatives are other mixes of classes than a test split's, and a model
    calls one class more often than another: each class counts by its share.

    called : bool (n,); labels : int (n,); mixes : the classes' shares among positives and among
    negatives, float (classes,) each, adding up to 1; prevalences : float (p,), in (0, 1). A row a
    prevalence (index); columns: precision, low, high (95 %); 0 where nothing is called.
    """
    sizes = np.maximum(np.bincount(labels, minlength=len(mixes[0])), 1)
    calls = (np.eye(len(sizes))[labels] * called[:, None]).astype(np.float32)

    def precisions(resamples: np.ndarray) -> np.ndarray:
        rates = measures.totals(resamples, calls) / sizes
        true, false = (rates @ mix for mix in mixes)
        true, false = true[:, None] * prevalences, false[:, None] * (1 - prevalences)
        return true / np.maximum(true + false, 1e-12)

    (value,) = precisions(measures.everything(len(called)))
    low, high = np.quantile(precisions(resamples), [0.025, 0.975], axis=0)
    curve = {"precision": value, "low": low, "high": high}
    return pd.DataFrame(curve, index=pd.Index(prevalences, name="prevalence"))


def mixes(labels: np.ndarray, data_set: DataSet) -> tuple[np.ndarray, np.ndarray]:
    """The classes' shares among the urgent images of a split and among its others."""
    sizes, is_urgent = np.bincount(labels, minlength=len(data_set.classes)), urgent(data_set)
    parts = sizes * is_urgent, sizes * ~is_urgent
    return tuple(part / max(part.sum(), 1) for part in parts)


def clinics_mix(data_set: DataSet, calm: float) -> np.ndarray:
    """The classes' shares among what isn't urgent, `calm` (0 to 1) of it being to be observed.

    The rest is what asks for a routine referral; classes of one level are equally common.
    """
    level = level_of(data_set)
    shares = (level == 1) / max((level == 1).sum(), 1), (level == 2) / max((level == 2).sum(), 1)
    mix = (1 - calm) * shares[0] + calm * shares[1]
    return mix / mix.sum()
