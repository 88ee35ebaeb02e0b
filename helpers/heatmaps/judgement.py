"""How a value of heatmaps is judged: intervals of few images, paired margins, three verdicts.

Intervals are Student's for means and Wilson's for shares. The percentile bootstrap, which serves
the hundreds of images of a test split, holds less than it says on a dozen.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import ttest_1samp, ttest_ind
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from helpers.evaluation.measures import Measure

LEAST = 5  # images: fewer have no interval
LEVEL = 0.05
PASS, FAIL, UNDECIDED = "pass", "fail", "undecided"


class Margin(NamedTuple):
    """By how much values lie above the reference that they clear by least, paired by image.

    above : the mean difference; beside : the reference's name; p : two-sided, of all references
    cleared where `above` is positive, of any missed where it is negative; 1 where nothing is shown.
    """

    above: Measure
    beside: str
    p: float


def mean(values: np.ndarray) -> Measure:
    """The mean of one value an image with Student's 95 % interval; nan is an image without one.

    There is no interval of fewer than `LEAST` values, nor of values that are all the same.
    """
    known = _known(values)
    if not len(known):
        return Measure(math.nan, None, None, 0)
    value, n = float(known.mean()), len(known)
    if n < LEAST or not np.ptp(known):
        return Measure(value, None, None, n)
    low, high = ttest_1samp(known, 0).confidence_interval(1 - LEVEL)
    return Measure(value, float(low), float(high), n)


def share(hits: np.ndarray) -> Measure:
    """The mean of hits, each 0 to 1, with Wilson's 95 % interval; nan and `LEAST` as in `mean`."""
    known = _known(hits)
    if len(known) < LEAST:
        return mean(known)
    low, high = proportion_confint(known.sum(), len(known), LEVEL, method="wilson")
    return Measure(float(known.mean()), float(low), float(high), len(known))


def margin(values: np.ndarray, references: Mapping[str, np.ndarray]) -> Margin:
    """How far values, float (n,), clear every reference of the same images (each float (n,)).

    Who passes clears all of them, so that the greatest p counts (the intersection-union test of
    Berger 1982); who fails misses one, so that the least counts, times their number (Bonferroni).
    """
    differences = {name: _known(values - reference) for name, reference in references.items()}
    measured = {name: mean(difference) for name, difference in differences.items()}
    beside = min(measured, key=lambda name: measured[name].value)
    is_above = measured[beside].value > 0
    p_values = [
        _p_value(differences[name])
        for name, measure in measured.items()
        if is_above or measure.value < 0
    ]
    p = max(p_values) if is_above else min([1.0, len(references) * min(p_values, default=1.0)])
    return Margin(measured[beside], beside, p)


def difference(first: np.ndarray, second: np.ndarray) -> Measure:
    """How much higher the mean of one group of images is than another's (Welch): n is of both."""
    first, second = _known(first), _known(second)
    value, n = float(first.mean() - second.mean()), len(first) + len(second)
    if min(len(first), len(second)) < LEAST:
        return Measure(value, None, None, n)
    low, high = ttest_ind(first, second, equal_var=False).confidence_interval(1 - LEVEL)
    return Measure(value, float(low), float(high), n)


def verdicts(margins: Sequence[tuple[float, float]]) -> list[str]:
    """Pass, fail or undecided, of each (mean difference, p) of one table, after Holm."""
    if not margins:
        return []
    shown, *_ = multipletests([p for _, p in margins], alpha=LEVEL, method="holm")
    return [
        UNDECIDED if not is_shown else PASS if above > 0 else FAIL
        for (above, _), is_shown in zip(margins, shown, strict=True)
    ]


def _known(values: np.ndarray) -> np.ndarray:
    return values[~np.isnan(values)].astype(np.float64)


def _p_value(values: np.ndarray) -> float:
    if len(values) < LEAST or not np.ptp(values):
        return 1.0
    return float(ttest_1samp(values, 0).pvalue)
