"""The statistics of one report, beside scikit-learn called in a loop.

Intervals of all metrics and of calibration from 10,000 resamples, and DeLong's test, whose standard
error the jackknife tells the plain way.
"""

import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn.calibration import calibration_curve
from sklearn.metrics import log_loss, precision_recall_fscore_support, roc_auc_score

from benchmarks.comparison import Comparison, show, timed, times_faster
from benchmarks.simulated import CLASSES, draw
from helpers.evaluation import calibration, comparison, measures, metrics
from helpers.study import data_sets

LOOPED, ASKED = 40, 50
WITHIN = 1e-5


def predictions(skill: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and labels of a test set of OCTMNIST's size."""
    labels = np.arange(data_sets.get(data_sets.imitated()).samples["test"]) % len(CLASSES)
    return draw(np.random.default_rng(seed), labels, skill=skill, classes=len(CLASSES)), labels


def of_all_metrics(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """The metrics of a resample by name, by scikit-learn."""
    predicted, truth = probabilities.argmax(axis=1), np.eye(probabilities.shape[1])[labels]
    found = {"accuracy": np.mean(predicted == labels), "loss": log_loss(labels, probabilities)}
    for average in ("macro", "weighted"):
        *scores, _ = precision_recall_fscore_support(
            labels, predicted, average=average, zero_division=0
        )
        names = [f"{average}_{score}" for score in metrics.SCORES]
        found |= zip(names, scores, strict=True)
    *scores, _ = precision_recall_fscore_support(labels, predicted, zero_division=0)
    scores.append(roc_auc_score(truth, probabilities, average=None))
    for score, by_class in zip((*metrics.SCORES, "auc"), scores, strict=True):
        found |= zip([f"{score}/{name}" for name in CLASSES], by_class, strict=True)
    for average in ("macro", "micro"):
        found[f"auc/{average}"] = roc_auc_score(truth, probabilities, average=average)
    return found


def of_calibration(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """The calibration scores of a resample by name, by scikit-learn."""
    truth = np.eye(probabilities.shape[1])[labels]
    is_right = probabilities.argmax(axis=1) == labels
    classwise = np.mean([_error(*pair) for pair in zip(truth.T, probabilities.T, strict=True)])
    squared = np.sum((probabilities - truth) ** 2, axis=1).mean()
    errors = _error(is_right, probabilities.max(axis=1)), classwise
    found = dict(zip(calibration.BINNED, errors, strict=True))
    logs = log_loss(labels, probabilities)
    return found | {"Brier score": squared, "negative log-likelihood": logs}


def looped(
    measure: Callable[[np.ndarray, np.ndarray], dict[str, float]],
    probabilities: np.ndarray,
    labels: np.ndarray,
    resamples: np.ndarray,
) -> tuple[float, pd.DataFrame]:
    """How long a loop over all resamples would take, and what it finds in the first of them."""

    def loop() -> list[dict[str, float]]:
        again = [np.repeat(np.arange(len(labels)), row.astype(int)) for row in resamples[:LOOPED]]
        return [measure(probabilities[images], labels[images]) for images in again]

    took, found = timed(loop)
    return took / LOOPED * len(resamples), pd.DataFrame(found)


def bootstrap() -> Comparison:
    """Intervals of all metrics."""
    probabilities, labels = predictions(2, seed=0)
    resamples = measures.draw_weights(labels)

    def ours() -> dict[str, np.ndarray]:
        found = metrics.resampled(probabilities, labels, CLASSES, resamples)
        for values in found.values():
            measures.interval(values)
        return found

    turns, slow = [], []
    for _ in range(3):
        fast, found = timed(ours)
        turns.append(fast)
        took, expected = looped(of_all_metrics, probabilities, labels, resamples)
        slow.append(took)
    work = f"{len(resamples):,} resamples of {len(found)} metrics, {len(labels):,} images"
    return compared(work, turns, slow, found, expected)


def of_calibrations() -> Comparison:
    """Intervals of the calibration scores."""
    probabilities, labels = predictions(2, seed=0)
    resamples = measures.draw_weights(labels)
    turns, slow = [], []
    for _ in range(3):
        fast, found = timed(calibration.resampled, probabilities, labels, resamples)
        turns.append(fast)
        took, expected = looped(of_calibration, probabilities, labels, resamples)
        slow.append(took)
    work = f"{len(resamples):,} resamples of {len(found)} calibration scores"
    return compared(work, turns, slow, found, expected)


def jackknife(first: np.ndarray, second: np.ndarray, positive: np.ndarray) -> float:
    """The standard error of a difference in AUC, each image left out in turn."""
    everybody = np.arange(len(positive))
    gains = []
    for left_out in everybody:
        rest = everybody != left_out
        areas = [roc_auc_score(positive[rest], scores[rest]) for scores in (first, second)]
        gains.append(areas[1] - areas[0])
    kinds = [np.array(gains)[kind] for kind in (positive, ~positive)]
    return np.sqrt(sum(np.var(kind) * len(kind) for kind in kinds))


def delong() -> Comparison:
    """The standard error of a difference in AUC."""
    (first, labels), (second, _) = predictions(1.7, seed=0), predictions(2, seed=1)
    given = first[:, 0], second[:, 0], labels == 0
    turns, slow = [], []
    for _ in range(3):
        fast, (_, error, _) = timed(comparison.delong, *given)
        took, expected = timed(jackknife, *given)
        turns.append(fast)
        slow.append(took)
    apart = abs(error / expected - 1)
    results = f"standard errors within {apart:.1%}"
    if apart > 0.01:
        raise AssertionError(results)
    goals = [times_faster(turns, slow, ASKED)]
    name = "scikit-learn's AUC with each image left out"
    return Comparison("DeLong's test of two AUCs", name, turns, slow, goals, results)


def compared(
    work: str,
    ours: list[float],
    plain: list[float],
    found: dict[str, np.ndarray],
    expected: pd.DataFrame,
) -> Comparison:
    """A comparison with scikit-learn's loop; AssertionError where their values differ."""
    apart = (pd.DataFrame(found)[:LOOPED] - expected).abs().to_numpy().max()
    if not apart <= WITHIN:  # nor where one of the two lacks a name, which makes it nan
        raise AssertionError(f"{work}: values differ by {apart:.1e}")
    goals = [times_faster(ours, plain, ASKED)]
    plain_way = f"scikit-learn in a loop, estimated from {LOOPED} resamples"
    results = f"all {len(found)} within {apart:.0e} in {LOOPED} resamples"
    return Comparison(work, plain_way, ours, plain, goals, results)


def _error(is_true: np.ndarray, scores: np.ndarray) -> float:
    share, mean = calibration_curve(is_true, scores, n_bins=calibration.BINS)
    sizes = np.histogram(scores, calibration.BINS, (0, 1))[0]
    return np.average(np.abs(share - mean), weights=sizes[sizes > 0])


def compare() -> list[Comparison]:
    """All three."""
    warnings.simplefilter("ignore")  # float32 rows add up to 1 only to 1e-7
    return [bootstrap(), of_calibrations(), delong()]


if __name__ == "__main__":
    show(compare())
