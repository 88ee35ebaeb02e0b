"""Knowing when not to answer: risk against coverage, and prediction sets."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers import bootstrap
from helpers.evaluation import Measure, bootstrapped, by_class, proportion


def risk_coverage(
    probabilities: np.ndarray, labels: np.ndarray, weights: np.ndarray
) -> tuple[pd.DataFrame, Measure]:
    """The error among the most confident images, for every share of images answered.

    El-Yaniv and Wiener (2010); the area under the curve (AURC) by Geifman et al. (2019): the mean
    risk over the n coverages 1/n to 1.

    Parameters
    ----------
    probabilities : float (n, classes); labels : int (n,).
    weights : float32 (resamples, n), as `bootstrap.draw_weights` gives them.

    Returns
    -------
    The curve, a row an image by falling confidence (columns coverage, risk, low, high; 0 to 1), and
    the area with its 95 % interval.
    """
    order = np.argsort(-probabilities.max(axis=1), kind="stable")
    wrong = (probabilities.argmax(axis=1) != labels)[order].astype(np.float32)
    n = len(labels)
    ordered = weights[:, order]
    answered = ordered.cumsum(axis=1)
    risks = (ordered * wrong).cumsum(axis=1) / np.maximum(answered, 1)
    low, high = np.quantile(risks, [0.025, 0.975], axis=0)
    risk = wrong.cumsum() / np.arange(1, n + 1)
    curve = pd.DataFrame(
        {"coverage": np.arange(1, n + 1) / n, "risk": risk, "low": low, "high": high}
    )
    return curve, bootstrapped(risk.mean(), (ordered * risks).sum(axis=1) / n, n)


def conformal_threshold(probabilities: np.ndarray, labels: np.ndarray, miss: float) -> float:
    """The least probability that a class needs to enter a prediction set.

    Split-conformal (Vovk et al. 2005; the score 1 - p(label) of Sadinle et al. 2019): 1 less the
    ceil((n + 1)(1 - miss))-th smallest score of n images kept aside. On exchangeable images a set
    holds the label with probability of at least 1 - miss. 0 (every class enters) when n is too
    small for that.
    """
    scores = np.sort(1 - probabilities[np.arange(len(labels)), labels])
    place = int(np.ceil((len(labels) + 1) * (1 - miss)))
    return float(1 - scores[place - 1]) if place <= len(labels) else 0.0


@dataclass(frozen=True)
class Sets:
    """Prediction sets on one split.

    coverage : share of images whose set holds the label, over all and by class.
    size : mean number of classes in a set (bootstrap); empty, single : share of sets without any
        and with one class.
    """

    coverage: dict[str, Measure]
    size: Measure
    empty: Measure
    single: Measure


def prediction_sets(
    probabilities: np.ndarray, labels: np.ndarray, threshold: float, classes: tuple[str, ...]
) -> Sets:
    """Every class of at least the threshold's probability, and how often the label is among them.

    Probabilities float (n, classes), labels int (n,); every class occurs. Shares have Wilson's 95 %
    interval, the mean size the bootstrap's.
    """
    members = probabilities >= threshold
    holds = members[np.arange(len(labels)), labels]
    sizes = members.sum(axis=1)
    resampled = bootstrap.draw_weights(labels) @ sizes / len(sizes)
    return Sets(
        {"all": proportion(int(holds.sum()), len(labels)), **by_class(holds, labels, classes)},
        bootstrapped(sizes.mean(), resampled, len(sizes)),
        proportion(int((sizes == 0).sum()), len(sizes)),
        proportion(int((sizes == 1).sum()), len(sizes)),
    )


def halves(labels: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two random halves of the images, each class split alike: indices int, int."""
    order = np.random.default_rng(seed).permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    return order[::2], order[1::2]
