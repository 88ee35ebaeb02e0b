"""The statistics of one report, beside scikit-learn called in a loop.

Intervals of all metrics and of calibration from 10,000 resamples, and DeLong's test, whose standard
error the jackknife tells the plain way.
"""

import warnings
from collections.abc import Callable

import numpy as np
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


def of_all_metrics(probabilities: np.ndarray, labels: np.ndarray) -> list[float]:
    """The metrics of a resample, by scikit-learn."""
    predicted, truth = probabilities.argmax(axis=1), np.eye(probabilities.shape[1])[labels]
    found = [np.mean(predicted == labels), log_loss(labels, probabilities)]
    for average in (None, "macro", "weighted"):
        precision_recall_fscore_support(labels, predicted, average=average, zero_division=0)
    for average in (None, "macro", "micro"):
        found.append(np.mean(roc_auc_score(truth, probabilities, average=average)))
    return found


def of_calibration(probabilities: np.ndarray, labels: np.ndarray) -> list[float]:
    """The calibration errors and the Brier score of a resample, by scikit-learn."""
    truth = np.eye(probabilities.shape[1])[labels]
    is_right = probabilities.argmax(axis=1) == labels
    classwise = np.mean([_error(*pair) for pair in zip(truth.T, probabilities.T, strict=True)])
    squared = np.sum((probabilities - truth) ** 2, axis=1).mean()
    return [_error(is_right, probabilities.max(axis=1)), classwise, squared]


def looped(
    measure: Callable[[np.ndarray, np.ndarray], list[float]],
    probabilities: np.ndarray,
    labels: np.ndarray,
    resamples: np.ndarray,
) -> tuple[float, np.ndarray]:
    """How long a loop over all resamples would take, and what it finds in the first of them."""

    def loop() -> list[list[float]]:
        again = [np.repeat(np.arange(len(labels)), row.astype(int)) for row in resamples[:LOOPED]]
        return [measure(probabilities[images], labels[images]) for images in again]

    took, found = timed(loop)
    return took / LOOPED * len(resamples), np.array(found)


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
    names = ("accuracy", "loss", "auc/macro")
    apart = max(np.abs(found[m][:LOOPED] - expected[:, k]).max() for k, m in enumerate(names))
    work = f"{len(resamples):,} resamples of {len(found)} metrics, {len(labels):,} images"
    return compared(work, "scikit-learn in a loop", turns, slow, apart)


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
    names = (*calibration.BINNED, "Brier score")
    apart = max(np.abs(found[m][:LOOPED] - expected[:, k]).max() for k, m in enumerate(names))
    work = f"{len(resamples):,} resamples of {len(found)} calibration scores"
    return compared(work, "scikit-learn in a loop", turns, slow, apart)


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
    work: str, plain_way: str, ours: list[float], plain: list[float], apart: float
) -> Comparison:
    """A comparison whose values may be so far apart; AssertionError where they are further."""
    if apart > WITHIN:
        raise AssertionError(f"{work}: values differ by {apart:.1e}")
    goals = [times_faster(ours, plain, ASKED)]
    return Comparison(work, plain_way, ours, plain, goals, f"values within {apart:.0e}")


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
