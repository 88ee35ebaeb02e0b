"""Paired tests between two models on the same test images, corrected for their number."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import binomtest, norm, rankdata
from statsmodels.stats.multitest import multipletests

from helpers.evaluation import measures
from helpers.models.trainings import Trained


class Comparison(NamedTuple):
    """Two models on the same images.

    difference : accuracy of the second less that of the first, -1 to 1, with its interval by the
        paired, stratified bootstrap.
    only_first, only_second : images that only that model gets right.
    p_value : McNemar's exact test (McNemar 1947): the chance of so uneven a split, or a more uneven
        one, of the images on which they differ, were both equally accurate.
    """

    difference: measures.Measure
    only_first: int
    only_second: int
    p_value: float


def compare(first: Trained, second: Trained) -> Comparison:
    """Compare the test predictions of two models, image by image."""
    labels = first.predictions.test_labels
    is_right = [trained.predicted == labels for trained in (first, second)]
    gain = is_right[1].astype(np.float32) - is_right[0]
    only_first, only_second = int((gain < 0).sum()), int((gain > 0).sum())
    differing = only_first + only_second
    p_value = float(binomtest(only_first, differing).pvalue) if differing else 1.0
    return Comparison(measures.mean(gain, labels), only_first, only_second, p_value)


def delong(
    first: np.ndarray, second: np.ndarray, positive: np.ndarray
) -> tuple[float, float, float]:
    """DeLong's test of two AUCs on the same images (DeLong et al. 1988, equations 3 to 9).

    first, second : float (n,), the two models' scores; positive : bool (n,), both values occur.
    Returns the second AUC less the first, the standard error of that difference, and the two-sided
    p-value; p is 1 where the scores rank alike.
    """
    placements = []
    for scores in (first, second):
        ranks, positives, negatives = rankdata(scores), scores[positive], scores[~positive]
        # The share of negatives below each positive, and of positives above each negative.
        below = (ranks[positive] - rankdata(positives)) / len(negatives)
        above = 1 - (ranks[~positive] - rankdata(negatives)) / len(positives)
        placements.append((below, above))
    difference = float(placements[1][0].mean() - placements[0][0].mean())
    gains = [after - before for before, after in zip(*placements, strict=True)]
    variance = sum(np.var(gain, ddof=1) / len(gain) for gain in gains)
    error = float(np.sqrt(variance))
    p_value = float(2 * norm.sf(abs(difference) / error)) if error > 0 else 1.0
    return difference, error, p_value


def paired_tests(pairs: list[tuple[Trained, Trained]], classes: tuple[str, ...]) -> pd.DataFrame:
    """Every difference of each pair's second model to its first, with Holm's correction over all.

    A row a pair and metric (accuracy by McNemar's exact test, each one-vs-rest AUC by DeLong's; of
    two classes the second's alone, the first's being the same test). Columns: first, second,
    metric (as in metrics.json), difference, low, high (95 %, each by itself), test, p, p (Holm)
    (Holm 1979). A class of which there is one image has no row of its AUC: one gives no variance.
    """
    rows = []
    for first, second in pairs:
        compared, names = compare(first, second), (first.model, second.model)
        rows.append((*names, "accuracy", *compared.difference[:3], "McNemar", compared.p_value))
        scores = [trained.predictions.test_probabilities.T for trained in (first, second)]
        for k in range(1 if len(classes) == 2 else 0, len(classes)):
            positive = first.predictions.test_labels == k
            if min(positive.sum(), (~positive).sum()) > 1:
                gain, error, p_value = delong(scores[0][k], scores[1][k], positive)
                reach = norm.ppf(0.975) * error
                measured = (gain, gain - reach, gain + reach)
                rows.append((*names, f"auc/{classes[k]}", *measured, "DeLong", p_value))
    columns = ["first", "second", "metric", "difference", "low", "high", "test", "p"]
    table = pd.DataFrame(rows, columns=columns)
    table["p (Holm)"] = multipletests(table["p"], method="holm")[1]
    return table
