"""Paired tests between two models on the same test images, corrected for their number."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import binomtest, norm, rankdata
from statsmodels.stats.multitest import multipletests

from helpers import bootstrap
from helpers.artifacts import Trained


@dataclass(frozen=True)
class Comparison:
    """Two models on the same images.

    difference : accuracy of the second less that of the first, -1 to 1.
    low, high : its 95 % interval by the paired, stratified bootstrap.
    only_first, only_second : images that only that model gets right.
    p_value : McNemar's exact test (McNemar 1947): the chance of so uneven a split, or a more uneven
        one, of the images on which they differ, were both equally accurate.
    """

    difference: float
    low: float
    high: float
    only_first: int
    only_second: int
    p_value: float


def compare(first: Trained, second: Trained) -> Comparison:
    """Compare the test predictions of two models, image by image."""
    labels = first.predictions.test_labels
    right = [trained.predicted == labels for trained in (first, second)]
    gain = right[1].astype(np.float32) - right[0]
    low, high = bootstrap.interval(bootstrap.draw_weights(labels) @ gain / len(labels))
    only_first = int((right[0] & ~right[1]).sum())
    only_second = int((right[1] & ~right[0]).sum())
    differing = only_first + only_second
    p_value = float(binomtest(only_first, differing).pvalue) if differing else 1.0
    return Comparison(float(gain.mean()), low, high, only_first, only_second, p_value)


def delong(
    first: np.ndarray, second: np.ndarray, positive: np.ndarray
) -> tuple[float, float, float]:
    """DeLong's test of two AUCs on the same images (DeLong et al. 1988, equations 3 to 9).

    Parameters
    ----------
    first, second : float (n,), the two models' scores; positive : bool (n,), both values occur.

    Returns
    -------
    The second AUC less the first, the standard error of that difference, and the two-sided p-value;
    p is 1 where the scores rank alike.
    """
    placements = [_placements(scores, positive) for scores in (first, second)]
    difference = float(placements[1][0].mean() - placements[0][0].mean())
    variance = sum(
        np.var(after - before, ddof=1) / len(before)
        for before, after in zip(*placements, strict=True)
    )
    error = float(np.sqrt(variance))
    p_value = float(2 * norm.sf(abs(difference) / error)) if error > 0 else 1.0
    return difference, error, p_value


def _placements(scores: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The share of negatives below each positive, and of positives above each negative."""
    ranks = rankdata(scores)
    own, others = scores[positive], scores[~positive]
    above = (ranks[positive] - rankdata(own)) / len(others)
    below = 1 - (ranks[~positive] - rankdata(others)) / len(own)
    return above, below


def paired_tests(
    pairs: list[tuple[Trained, Trained]], classes: tuple[str, ...], names: dict[str, str]
) -> pd.DataFrame:
    """Every difference between the models of each pair, with Holm's correction over all of them.

    Parameters
    ----------
    pairs : the second model of each is compared with the first.
    names : how the page writes a class.

    Returns
    -------
    A row a pair and metric (accuracy by McNemar's exact test, each one-vs-rest AUC by DeLong's).
    Columns: first, second, metric, difference, low, high (95 %, each by itself), test, p, p (Holm)
    (Holm 1979).
    """
    rows = []
    for first, second in pairs:
        pair = {"first": first.model, "second": second.model}
        found = compare(first, second)
        rows.append(
            pair
            | {"metric": "accuracy", "difference": found.difference}
            | {"low": found.low, "high": found.high, "test": "McNemar", "p": found.p_value}
        )
        scores = [trained.predictions.test_probabilities for trained in (first, second)]
        for k, name in enumerate(classes):
            positive = first.predictions.test_labels == k
            difference, error, p_value = delong(scores[0][:, k], scores[1][:, k], positive)
            reach = norm.ppf(0.975) * error
            rows.append(
                pair
                | {"metric": f"AUC, {names[name]}", "difference": difference}
                | {"low": difference - reach, "high": difference + reach}
                | {"test": "DeLong", "p": p_value}
            )
    table = pd.DataFrame(rows)
    table["p (Holm)"] = multipletests(table["p"], method="holm")[1]
    return table
