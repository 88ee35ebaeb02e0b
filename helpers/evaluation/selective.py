"""Knowing when not to answer: risk against coverage, and prediction sets."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse
from statsmodels.stats.proportion import proportion_confint

from helpers.evaluation import measures
from helpers.evaluation.measures import Measure


def risk_coverage(
    probabilities: np.ndarray, labels: np.ndarray, resamples: np.ndarray
) -> tuple[pd.DataFrame, Measure]:
    """The error among the most confident images, for every share of images answered.

    El-Yaniv and Wiener (2010); the area under the curve (AURC) by Geifman et al. (2019): the mean
    risk over the n coverages 1/n to 1. Images of equal confidence share their errors evenly, which
    is what a random order of theirs gives on average. Returns the curve, a row an image by falling
    confidence (columns coverage, risk, low, high; 0 to 1, Wilson's interval), and the area with its
    95 % bootstrap interval.
    """
    n, is_wrong = len(labels), probabilities.argmax(axis=1) != labels
    _, tie, size = np.unique(-probabilities.max(axis=1), return_inverse=True, return_counts=True)
    place, places = np.repeat(np.arange(len(size)), size), np.arange(1, n + 1)
    # The mean over the images of a tie, of what each counts and of what is wrong among it.
    shares, shape = (1 / size[tie]).astype(np.float32), (len(size), n)
    mean = sparse.csr_array((shares, (tie, np.arange(n))), shape)
    mean_wrong = sparse.csr_array((shares * is_wrong, (tie, np.arange(n))), shape)
    area = np.empty(len(resamples))
    for rows in measures.blocks(len(resamples), n):
        drawn = np.ascontiguousarray(resamples[rows].T)
        answered, wrong = (mean @ drawn)[place], (mean_wrong @ drawn)[place]
        risks = wrong.cumsum(axis=0) / np.maximum(answered.cumsum(axis=0), 1e-9)
        area[rows] = (answered * risks).sum(axis=0) / n
    errors = (mean @ is_wrong.astype(float))[place].cumsum()
    low, high = proportion_confint(errors, places, method="wilson")
    curve = pd.DataFrame(
        {"coverage": places / n, "risk": errors / places, "low": low, "high": high}
    )
    return curve, measures.bootstrapped(curve["risk"].mean(), area, n)


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


class Sets(NamedTuple):
    """Prediction sets on one split, with 95 % intervals.

    coverage : share of images whose set holds the label; by_class : the same of each class.
    size : mean number of classes in a set (bootstrap); empty, single : share of sets without any
        and with one class. Shares have Wilson's interval.
    """

    coverage: Measure
    by_class: dict[str, Measure]
    size: Measure
    empty: Measure
    single: Measure


def prediction_sets(
    probabilities: np.ndarray, labels: np.ndarray, threshold: float, classes: tuple[str, ...]
) -> Sets:
    """The classes of at least the threshold's probability, and how often the label is one."""
    members = probabilities >= threshold
    holds, sizes = members[np.arange(len(labels)), labels], members.sum(axis=1)
    return Sets(
        measures.share(holds),
        measures.by_class(holds, labels, classes),
        measures.mean(sizes, labels),
        measures.share(sizes == 0),
        measures.share(sizes == 1),
    )


def halves(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two random halves of the images, each class split alike: indices int, int."""
    order = np.random.default_rng(0).permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    return order[::2], order[1::2]
