"""Whether a probability means what it says: calibration errors, Brier score, temperature."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import brentq, minimize_scalar
from scipy.special import log_softmax, softmax
from scipy.stats import chi2

from helpers.evaluation import measures
from helpers.evaluation.measures import Measure, totals

BINS = 15
BINNED = ("expected calibration error", "classwise calibration error")


class ByChance(NamedTuple):
    """What chance alone lets a perfectly calibrated model show: its mean, and 95 % of it."""

    mean: float
    low: float
    high: float


def scores(
    probabilities: np.ndarray, labels: np.ndarray, resamples: np.ndarray
) -> dict[str, Measure]:
    """Calibration scores of one model, as in `resampled`, the proper ones with their interval.

    A binned error has none: it takes chance for error, and so does each resample once more, so that
    the bootstrap's interval lies too high, and reflected about the value can leave that out. What
    chance shows is told instead (`by_chance`).
    """
    values = resampled(probabilities, labels, measures.everything(len(labels)))
    drawn, n = resampled(probabilities, labels, resamples), len(labels)
    return {
        m: Measure(float(value), None, None, n)
        if m in BINNED
        else measures.bootstrapped(value, drawn[m], n)
        for m, (value,) in values.items()
    }


def resampled(
    probabilities: np.ndarray, labels: np.ndarray, resamples: np.ndarray
) -> dict[str, np.ndarray]:
    """Calibration scores of one model in every resample: float (resamples,) by name.

    `expected calibration error`: of the top label, in 15 bins of equal width (Guo et al. 2017,
    equation 3). `classwise calibration error`: the same of every class's probability, averaged over
    classes (Kull et al. 2019, section 2). `Brier score`: the mean squared distance from the
    one-hot label, 0 to 2 (Brier 1950). `negative log-likelihood`: in nats, the loss that
    metrics.json has (`measures.negative_logs`).
    """
    n = len(labels)
    logs = measures.negative_logs(probabilities, labels)
    return _binned(probabilities, labels, resamples) | {
        "Brier score": totals(resamples, _squared_distances(probabilities, labels)) / n,
        "negative log-likelihood": totals(resamples, logs) / n,
    }


def by_chance(probabilities: np.ndarray, sets: int = 300) -> dict[str, ByChance]:
    """The binned errors, and the Brier score's reliability, of a perfectly calibrated model.

    Of sets of labels drawn from the probabilities themselves (Bröcker and Smith 2007): a model
    within 95 % of them is as calibrated as so many images can tell. Their mean is what binning
    takes for error (Bröcker 2012).
    """
    rng, everything = np.random.default_rng(0), measures.everything(len(probabilities))
    cumulated = probabilities.cumsum(axis=1)
    shown: dict[str, list[float]] = {}
    for _ in range(sets):
        drawn = (rng.random((len(probabilities), 1)) * cumulated[:, -1:] > cumulated).sum(axis=1)
        values = {m: value for m, (value,) in _binned(probabilities, drawn, everything).items()}
        values["reliability"] = brier_decomposition(probabilities, drawn)["reliability"]
        for name, value in values.items():
            shown.setdefault(name, []).append(value)
    ends = {m: np.quantile(each, [0.025, 0.975]).tolist() for m, each in shown.items()}
    return {m: ByChance(float(np.mean(each)), *ends[m]) for m, each in shown.items()}


def reliability(probabilities: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """The reliability diagram's points: a row a bin of the top label's probability that has images.

    Columns: confidence (mean), accuracy, low, high (Wilson, 95 %), images.
    """
    confidence, is_right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    rows, bins = [], _bins(confidence)
    for inside in (bins == place for place in np.unique(bins)):
        rows.append((confidence[inside].mean(), *measures.share(is_right[inside])))
    return pd.DataFrame(rows, columns=["confidence", "accuracy", "low", "high", "images"])


def brier_decomposition(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """The Brier score's parts, added up over classes, each in 15 bins of equal width.

    Score = reliability - resolution + uncertainty + within bins (Murphy 1973; the last, which
    binning leaves over, by Stephenson et al. 2008). Reliability is what calibration could mend, and
    what chance adds to it (`by_chance`); resolution what the model tells apart; uncertainty lies in
    the class ratio alone.
    """
    parts, n = dict.fromkeys(("reliability", "resolution", "uncertainty"), 0.0), len(labels)
    for k in range(probabilities.shape[1]):
        forecast, outcome = probabilities[:, k].astype(float), labels == k
        bins, base = _bins(forecast), outcome.mean()
        share = np.bincount(bins, minlength=BINS) / n
        sizes = np.maximum(share * n, 1)
        mean_forecast = np.bincount(bins, forecast, minlength=BINS) / sizes
        mean_outcome = np.bincount(bins, outcome, minlength=BINS) / sizes
        parts["reliability"] += float(share @ (mean_forecast - mean_outcome) ** 2)
        parts["resolution"] += float(share @ (mean_outcome - base) ** 2)
        parts["uncertainty"] += float(base * (1 - base))
    score = float(_squared_distances(probabilities, labels).mean())
    accounted = parts["reliability"] - parts["resolution"] + parts["uncertainty"]
    return parts | {"within bins": score - accounted}


def fit_temperature(probabilities: np.ndarray, labels: np.ndarray) -> Measure:
    """The temperature that makes validation labels most likely (Guo et al. 2017, section 4.2).

    Above 1 the model was too sure of itself. Its 95 % interval is the likelihood ratio's: every
    temperature that makes the labels less likely by a factor of exp(1.92) at most. Where that
    reaches an end of 0.05 to 20, as with a model without an error or one that says the same of
    every image, labels don't tell a temperature: 1, without an interval.
    """
    logits, rows, n = _logits(probabilities), np.arange(len(labels)), len(labels)

    def loss(log_temperature: float) -> float:
        return -log_softmax(logits / np.exp(log_temperature), axis=1)[rows, labels].sum()

    ends = np.log([0.05, 20])
    best = minimize_scalar(loss, bounds=ends, method="bounded", options={"xatol": 1e-6})
    most = best.fun + chi2.ppf(0.95, 1) / 2
    if min(map(loss, ends)) <= most:
        return Measure(1.0, None, None, n)
    low, high = (brentq(lambda at: loss(at) - most, *sorted((end, best.x))) for end in ends)
    return Measure(float(np.exp(best.x)), float(np.exp(low)), float(np.exp(high)), n)


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


def _binned(
    probabilities: np.ndarray, labels: np.ndarray, resamples: np.ndarray
) -> dict[str, np.ndarray]:
    """The calibration errors in every resample: float (resamples,) by name."""
    confidence, is_right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    places = range(probabilities.shape[1])
    classwise = [_error(probabilities[:, k], labels == k, resamples) for k in places]
    values = _error(confidence, is_right, resamples), np.mean(classwise, axis=0)
    return dict(zip(BINNED, values, strict=True))


def _error(confidence: np.ndarray, is_right: np.ndarray, resamples: np.ndarray) -> np.ndarray:
    gaps = np.zeros((len(confidence), BINS), np.float32)
    gaps[np.arange(len(confidence)), _bins(confidence)] = confidence - is_right
    return np.abs(totals(resamples, gaps)).sum(axis=1) / len(confidence)
