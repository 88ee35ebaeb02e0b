"""Whether a probability means what it says: calibration errors, Brier score, temperature."""

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from helpers.evaluation import measures
from helpers.evaluation.measures import Measure, bootstrapped, totals

BINS = 15


def scores(
    probabilities: np.ndarray, labels: np.ndarray, resamples: np.ndarray
) -> dict[str, Measure]:
    """Calibration scores of one model with 95 % bootstrap intervals, as in `resampled`.

    A resample repeats images, which adds to a calibration error what chance adds to it: the
    percentile interval would sit too high. These have the basic one, reflected about the value
    (Davison and Hinkley 1997, equation 5.6), cut off at 0.
    """
    values = resampled(probabilities, labels, measures.everything(len(labels)))
    drawn = resampled(probabilities, labels, resamples)
    for name in drawn:
        if name.endswith("calibration error"):
            drawn[name] = np.maximum(0, 2 * values[name] - drawn[name])
    n = len(labels)
    return {m: bootstrapped(value, drawn[m], n) for m, (value,) in values.items()}


def resampled(
    probabilities: np.ndarray, labels: np.ndarray, resamples: np.ndarray
) -> dict[str, np.ndarray]:
    """Calibration scores of one model in every resample: float (resamples,) by name.

    `expected calibration error`: of the top label, in 15 bins of equal width (Guo et al. 2017,
    equation 3). `classwise calibration error`: the same of every class's probability, averaged over
    classes (Kull et al. 2019, equation 2). `Brier score`: the mean squared distance from the
    one-hot label, 0 to 2 (Brier 1950). `negative log-likelihood`: in nats.
    """
    n, classes = probabilities.shape
    confidence, is_right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    classwise = [_error(probabilities[:, k], labels == k, resamples) for k in range(classes)]
    likelihood = np.clip(probabilities[np.arange(n), labels], np.finfo(np.float32).tiny, 1)
    return {
        "expected calibration error": _error(confidence, is_right, resamples),
        "classwise calibration error": np.mean(classwise, axis=0),
        "Brier score": totals(resamples, _squared_distances(probabilities, labels)) / n,
        "negative log-likelihood": -totals(resamples, np.log(likelihood)) / n,
    }


def bias(probabilities: np.ndarray) -> float:
    """The expected calibration error that a perfectly calibrated model would show by chance.

    The mean over 200 sets of labels drawn from the probabilities themselves: binning takes chance
    for error (Bröcker 2012).
    """
    rng = np.random.default_rng(0)
    cumulated = probabilities.cumsum(axis=1)
    confidence, top = probabilities.max(axis=1), probabilities.argmax(axis=1)
    by_chance, everything = [], measures.everything(len(top))
    for _ in range(200):
        drawn = (rng.random((len(top), 1)) * cumulated[:, -1:] > cumulated).sum(axis=1)
        by_chance.append(_error(confidence, drawn == top, everything)[0])
    return float(np.mean(by_chance))


def reliability(probabilities: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """The reliability diagram's points: a row a bin of the top label's probability that has images.

    Columns: confidence (mean), accuracy, low, high (Wilson, 95 %), images.
    """
    confidence, is_right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    rows, bins = [], _bins(confidence)
    for inside in (bins == place for place in np.unique(bins)):
        rows.append((confidence[inside].mean(), *measures.share(is_right[inside])))
    return pd.DataFrame(rows, columns=["confidence", "accuracy", "low", "high", "images"])


def brier_decomposition(
    probabilities: np.ndarray, labels: np.ndarray, resamples: np.ndarray
) -> dict[str, Measure]:
    """The Brier score's parts, added up over classes, each in 15 bins of equal width.

    Score = reliability - resolution + uncertainty + within bins (Murphy 1973; the last, which
    binning leaves over, by Stephenson et al. 2008). Reliability is what calibration could mend;
    resolution what the model tells apart; uncertainty lies in the class ratio alone, which a
    stratified resample keeps. 95 % intervals, reflected as in `scores`.
    """
    n = len(labels)

    def parts(resamples: np.ndarray) -> dict[str, np.ndarray]:
        reliability, resolution, uncertainty = np.zeros((3, len(resamples)))
        for k in range(probabilities.shape[1]):
            forecast, outcome = probabilities[:, k], (labels == k).astype(np.float32)
            member = np.eye(BINS, dtype=np.float32)[_bins(forecast)]
            share = totals(resamples, member) / n
            sizes = np.maximum(share * n, 1)
            mean_forecast = totals(resamples, member * forecast[:, None]) / sizes
            mean_outcome = totals(resamples, member * outcome[:, None]) / sizes
            base = totals(resamples, outcome[:, None]) / n
            reliability += (share * (mean_forecast - mean_outcome) ** 2).sum(axis=1)
            resolution += (share * (mean_outcome - base) ** 2).sum(axis=1)
            uncertainty += (base * (1 - base))[:, 0]
        score = totals(resamples, _squared_distances(probabilities, labels)) / n
        return {
            "reliability": reliability,
            "resolution": resolution,
            "uncertainty": uncertainty,
            "within bins": score - (reliability - resolution + uncertainty),
        }

    values, drawn = parts(measures.everything(n)), parts(resamples)
    return {m: bootstrapped(value, 2 * value - drawn[m], n) for m, (value,) in values.items()}


def fit_temperature(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """The temperature that makes validation labels most likely (Guo et al. 2017, section 4.2).

    Above 1 the model was too sure of itself. Searched for between 0.05 and 20.
    """
    logits = _logits(probabilities)
    rows = np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        return -log_softmax(logits / np.exp(log_temperature), axis=1)[rows, labels].mean()

    return float(np.exp(minimize_scalar(loss, bounds=np.log([0.05, 20]), method="bounded").x))


def scaled(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities whose logits are divided by the temperature: float64 (n, classes)."""
    return softmax(_logits(probabilities) / temperature, axis=1)


def _squared_distances(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return ((probabilities - np.eye(probabilities.shape[1])[labels]) ** 2).sum(axis=1)


def _logits(probabilities: np.ndarray) -> np.ndarray:
    return np.log(np.clip(probabilities.astype(float), np.finfo(np.float32).tiny, 1))


def _bins(values: np.ndarray) -> np.ndarray:
    # Bin m holds ((m - 1) / 15, m / 15], the first one 0 as well.
    return np.clip(np.ceil(values * BINS).astype(int) - 1, 0, BINS - 1)


def _error(confidence: np.ndarray, is_right: np.ndarray, resamples: np.ndarray) -> np.ndarray:
    gaps = np.zeros((len(confidence), BINS), np.float32)
    gaps[np.arange(len(confidence)), _bins(confidence)] = confidence - is_right
    return np.abs(totals(resamples, gaps)).sum(axis=1) / len(confidence)
