"""Whether a probability means what it says: calibration errors, Brier score, temperature."""

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from helpers.evaluation import Measure, bootstrapped, proportion

BINS = 15


def scores(
    probabilities: np.ndarray, labels: np.ndarray, weights: np.ndarray
) -> dict[str, np.ndarray]:
    """Calibration scores of one model in every resample.

    Parameters
    ----------
    probabilities : float (n, classes), rows adding up to 1; labels : int (n,).
    weights : float32 (resamples, n), as `bootstrap.draw_weights` gives them.

    Returns
    -------
    `{score: float (resamples,)}`. `expected calibration error`: of the top label, in 15 bins of
    equal width (Guo et al. 2017, equation 3). `classwise calibration error`: the same of every
    class's probability, averaged over classes (Kull et al. 2019, equation 2). `Brier score`: the
    mean squared distance from the one-hot label, 0 to 2 (Brier 1950). `negative log-likelihood`:
    in nats.
    """
    n, classes = probabilities.shape
    one_hot = np.eye(classes)[labels]
    top = probabilities.argmax(axis=1)
    classwise = [
        _calibration_error(probabilities[:, k], one_hot[:, k], weights) for k in range(classes)
    ]
    likelihood = np.clip(probabilities[np.arange(n), labels], np.finfo(np.float32).tiny, 1)
    return {
        "expected calibration error": _calibration_error(
            probabilities.max(axis=1), top == labels, weights
        ),
        "classwise calibration error": np.mean(classwise, axis=0),
        "Brier score": _brier_score(probabilities, labels, weights),
        "negative log-likelihood": -(weights @ np.log(likelihood)) / n,
    }


def measure(
    probabilities: np.ndarray, labels: np.ndarray, weights: np.ndarray
) -> dict[str, Measure]:
    """The scores of one model with 95 % bootstrap intervals; parameters as in `scores`.

    A resample repeats images, which adds to a calibration error what chance adds to it: the
    percentile interval would sit too high. These have the basic one, reflected about the value
    (Davison and Hinkley 1997, equation 5.6), cut off at 0.
    """
    values = scores(probabilities, labels, np.ones((1, len(labels)), np.float32))
    resampled = scores(probabilities, labels, weights)
    n, found = len(labels), {}
    for name, (value,) in values.items():
        if name.endswith("calibration error"):
            found[name] = bootstrapped(value, np.maximum(0, 2 * value - resampled[name]), n)
        else:
            found[name] = bootstrapped(value, resampled[name], n)
    return found


def bias(probabilities: np.ndarray, draws: int = 200, seed: int = 0) -> float:
    """The expected calibration error that a perfectly calibrated model would show by chance.

    The mean over labels drawn from `probabilities` (float (n, classes)) themselves: binning takes
    chance for error (Bröcker 2012).
    """
    rng = np.random.default_rng(seed)
    cumulated = probabilities.cumsum(axis=1)
    confidence, top = probabilities.max(axis=1), probabilities.argmax(axis=1)
    everything = np.ones((1, len(top)), np.float32)
    found = []
    for _ in range(draws):
        drawn = (rng.random((len(top), 1)) * cumulated[:, -1:] > cumulated).sum(axis=1)
        found.append(_calibration_error(confidence, drawn == top, everything)[0])
    return float(np.mean(found))


def reliability(probabilities: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """The reliability diagram's points: a row a bin of the top label's probability that has images.

    Columns: confidence (mean), accuracy, low, high (Wilson, 95 %), images.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    rows = []
    for place in np.unique(_bins(confidence)):
        inside = _bins(confidence) == place
        share = proportion(int(right[inside].sum()), int(inside.sum()))
        share["accuracy"], share["images"] = share.pop("value"), share.pop("n")
        rows.append({"confidence": confidence[inside].mean(), **share})
    return pd.DataFrame(rows)


def brier_decomposition(
    probabilities: np.ndarray, labels: np.ndarray, weights: np.ndarray
) -> dict[str, Measure]:
    """The Brier score's parts, added up over classes, each in 15 bins of equal width.

    Score = reliability - resolution + uncertainty + within bins (Murphy 1973; the last, which
    binning leaves over, by Stephenson et al. 2008). Reliability is what calibration could mend;
    resolution what the model tells apart; uncertainty lies in the class ratio alone, which a
    stratified resample keeps. Parameters as in `scores`; 95 % intervals, reflected as in `measure`.
    """
    found = _brier_parts(probabilities, labels, np.ones((1, len(labels)), np.float32))
    resampled = _brier_parts(probabilities, labels, weights)
    return {
        name: bootstrapped(value, 2 * value - resampled[name], len(labels))
        for name, (value,) in found.items()
    }


def _brier_parts(
    probabilities: np.ndarray, labels: np.ndarray, weights: np.ndarray
) -> dict[str, np.ndarray]:
    n = len(labels)
    reliability, resolution, uncertainty = np.zeros((3, len(weights)))
    for k in range(probabilities.shape[1]):
        forecast, outcome = probabilities[:, k], (labels == k).astype(np.float32)
        member = np.eye(BINS, dtype=np.float32)[_bins(forecast)]
        share = weights @ member / n
        sizes = np.maximum(share * n, 1)
        mean_forecast = weights @ (member * forecast[:, None]) / sizes
        mean_outcome = weights @ (member * outcome[:, None]) / sizes
        base = weights @ outcome[:, None] / n
        reliability += (share * (mean_forecast - mean_outcome) ** 2).sum(axis=1)
        resolution += (share * (mean_outcome - base) ** 2).sum(axis=1)
        uncertainty += (base * (1 - base))[:, 0]
    explained = reliability - resolution + uncertainty
    return {
        "reliability": reliability,
        "resolution": resolution,
        "uncertainty": uncertainty,
        "within bins": _brier_score(probabilities, labels, weights) - explained,
    }


def _brier_score(probabilities: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    distances = ((probabilities - np.eye(probabilities.shape[1])[labels]) ** 2).sum(axis=1)
    return weights @ distances / len(labels)


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


def _logits(probabilities: np.ndarray) -> np.ndarray:
    return np.log(np.clip(probabilities.astype(float), np.finfo(np.float32).tiny, 1))


def _bins(values: np.ndarray) -> np.ndarray:
    # Bin m holds ((m - 1) / 15, m / 15], the first one 0 as well.
    return np.clip(np.ceil(values * BINS).astype(int) - 1, 0, BINS - 1)


def _calibration_error(
    confidence: np.ndarray, right: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    gaps = np.zeros((len(confidence), BINS), np.float32)
    gaps[np.arange(len(confidence)), _bins(confidence)] = confidence - right
    return np.abs(weights @ gaps).sum(axis=1) / len(confidence)
