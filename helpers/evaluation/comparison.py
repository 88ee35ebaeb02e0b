"""Paired tests between two models on the same test images, corrected for their number."""

from math import nan
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import binom, binomtest, norm, rankdata
from statsmodels.stats.multitest import multipletests

from helpers.evaluation import measures
from helpers.models.trainings import Trained


class Comparison(NamedTuple):
    """Two models on the same images.

    difference : accuracy of the second less that of the first, -1 to 1, with its interval by the
        paired, stratified bootstrap.
        Where no image differs, what Wilson's leaves to a share of none on either side.
    only_first, only_second : images that only that model gets right.
    p_value : McNemar's exact test (McNemar 1947): the chance of so uneven a split, or a more uneven
        one, of the images on which they differ, were both equally accurate.
    mid_p : the same with half the weight of the split itself (Fagerland et al. 2013): the exact
        test rejects too rarely, this one about as often as it says.
    """

    difference: measures.Measure
    only_first: int
    only_second: int
    p_value: float
    mid_p: float


def compare(first: Trained, second: Trained) -> Comparison:
    """Compare the test predictions of two models, image by image."""
    labels = first.predictions.test_labels
    is_right = [trained.predicted == labels for trained in (first, second)]
    gain = is_right[1].astype(np.float32) - is_right[0]
    only_first, only_second = int((gain < 0).sum()), int((gain > 0).sum())
    difference = measures.mean(gain, labels)
    if not only_first + only_second:
        unseen = measures.proportion(0, len(labels)).high
        difference = difference._replace(low=-unseen, high=unseen)
    return Comparison(difference, only_first, only_second, *mcnemar(only_first, only_second))


def mcnemar(only_first: int, only_second: int) -> tuple[float, float]:
    """McNemar's two-sided p, exact and mid-p, from the images that only one model gets right."""
    differing = only_first + only_second
    if not differing:
        return 1.0, 1.0
    exact = float(binomtest(only_first, differing).pvalue)
    fewer = min(only_first, only_second)
    mid_p = 2 * binom.cdf(fewer, differing, 0.5) - binom.pmf(fewer, differing, 0.5)
    return exact, float(mid_p)


def power(n: int, discordant: float, difference: float, level: float = 0.05) -> float:
    """How often McNemar's exact test finds a difference in accuracy on n images: 0 to 1.

    discordant : the share of images that only one of the models gets right; difference : the
    accuracy of one less that of the other, at most `discordant`. Summed over the number of such
    images, which is binomial, and over how they split.
    """
    total = 0.0
    towards = (discordant + difference) / (2 * discordant)
    spread = 6 * np.sqrt(n * discordant * (1 - discordant)) + 1
    least, most = max(1, int(n * discordant - spread)), min(n, int(n * discordant + spread))
    for differing in range(least, most + 1):
        # The most images of the rarer kind with which the test rejects.
        limit = binom.ppf(level / 2, differing, 0.5)
        limit -= binom.cdf(limit, differing, 0.5) > level / 2
        rejects = binom.cdf(limit, differing, towards) + binom.cdf(limit, differing, 1 - towards)
        total += binom.pmf(differing, n, discordant) * rejects
    return float(total)


def least_difference(n: int, discordant: float, wanted: float = 0.8) -> float | None:
    """The least difference, in steps of 0.1 points, that `power` finds as often as wanted.

    None where not even models that differ on these images in one way alone are told apart.
    """
    steps = np.arange(1, int(1000 * discordant) + 1) / 1000
    return next((float(step) for step in steps if power(n, discordant, step) >= wanted), None)


def delong(
    first: np.ndarray, second: np.ndarray, positive: np.ndarray
) -> tuple[float, float, float]:
    """DeLong's test of two AUCs on the same images (DeLong et al. 1988, equations 3 to 9).

    first, second : float (n,), the two models' scores; positive : bool (n,), both values occur.
    Returns the second AUC less the first, the standard error of that difference, and the two-sided
    p-value: 1 where the scores rank alike; nan where no test is possible, for AUCs differ without a
    variance, as a perfect model's and a constant one's do, or there is one image of either kind.
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
    if min(map(len, gains)) < 2:
        return difference, nan, nan
    error = float(np.sqrt(sum(np.var(gain, ddof=1) / len(gain) for gain in gains)))
    if error < 1e-12:
        return difference, error, nan if difference else 1.0
    return difference, error, float(2 * norm.sf(abs(difference) / error))


def paired_tests(pairs: list[tuple[Trained, Trained]], classes: tuple[str, ...]) -> pd.DataFrame:
    """Every difference of each pair's second model to its first, with Holm's correction over all.

    A row a pair and metric (accuracy by McNemar's exact test, each one-vs-rest AUC by DeLong's; of
    two classes the second's alone, the first's being the same test). Columns: first, second,
    metric (as in metrics.json), difference, low, high (95 %, each by itself), test, p, mid-p (of
    McNemar's), p (Holm) (Holm 1979). nan stands for what can't be tested, which is no member of the
    family that Holm's correction guards.
    """
    rows = []
    for first, second in pairs:
        compared, names = compare(first, second), (first.model, second.model)
        measured = (*compared.difference[:3], "McNemar", compared.p_value, compared.mid_p)
        rows.append((*names, "accuracy", *measured))
        scores = [trained.predictions.test_probabilities.T for trained in (first, second)]
        for k in range(1 if len(classes) == 2 else 0, len(classes)):
            positive = first.predictions.test_labels == k
            if positive.any() and not positive.all():
                gain, error, p_value = delong(scores[0][k], scores[1][k], positive)
                reach = norm.ppf(0.975) * error if p_value == p_value else nan
                measured = (gain, gain - reach, gain + reach, "DeLong", p_value, nan)
                rows.append((*names, f"auc/{classes[k]}", *measured))
    columns = ["first", "second", "metric", "difference", "low", "high", "test", "p", "mid-p"]
    table = pd.DataFrame(rows, columns=columns)
    is_tested = table["p"].notna()
    table["p (Holm)"] = nan
    table.loc[is_tested, "p (Holm)"] = multipletests(table["p"][is_tested], method="holm")[1]
    return table
