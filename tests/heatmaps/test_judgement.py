"""Intervals of few images, paired margins and verdicts, against SciPy, formulas and simulation."""

import numpy as np
import pytest
from scipy.stats import t as student
from scipy.stats import ttest_1samp, ttest_ind

from helpers.heatmaps import judgement
from helpers.heatmaps.judgement import FAIL, PASS, UNDECIDED, margin, mean, share, verdicts


@pytest.fixture
def values() -> np.ndarray:
    return np.random.default_rng(0).normal(0.3, 0.1, 12)


def test_a_mean_has_students_interval(values):
    measure = mean(np.append(values, np.nan))
    reach = student.ppf(0.975, 11) * values.std(ddof=1) / np.sqrt(12)
    assert measure == pytest.approx(
        (values.mean(), values.mean() - reach, values.mean() + reach, 12)
    )


@pytest.mark.parametrize("n", [5, 8, 24])
def test_intervals_of_skewed_values_hold_what_the_percentile_bootstrap_does_not(n):
    rng = np.random.default_rng(1)
    # Shares of heat inside a lesion are skewed like this; their mean is 2 / 12.
    held = [
        measure.low <= 1 / 6 <= measure.high
        for measure in (mean(rng.beta(2, 10, n)) for _ in range(500))
    ]
    assert np.mean(held) > 0.91


def test_fewer_than_five_images_have_no_interval_nor_have_equal_values(values):
    assert mean(values[:4])[1:] == (None, None, 4)
    assert share(np.ones(4))[1:] == (None, None, 4)
    assert mean(np.full(9, 0.25)) == (0.25, None, None, 9)
    assert mean(np.array([np.nan])).n == 0
    assert margin(values[:4], {"chance": np.zeros(4)}).p == 1


def test_no_hit_of_eight_has_wilsons_interval():
    measure = share(np.zeros(8))
    assert (measure.value, measure.low, measure.n) == (0, pytest.approx(0, abs=1e-12), 8)
    assert measure.high == pytest.approx(3.8414588 / (8 + 3.8414588), rel=1e-4)  # z^2 / (n + z^2)


def test_a_margin_is_that_over_the_reference_cleared_by_least(values):
    rng = np.random.default_rng(2)
    references = {"chance": values - rng.normal(0.2, 0.1, 12), "edges": values - 0.1}
    references["edges"] = references["edges"] + rng.normal(0, 0.01, 12)
    found = margin(values, references)
    assert found.beside == "edges"
    assert found.above.value == pytest.approx((values - references["edges"]).mean())
    p_values = [ttest_1samp(values - each, 0).pvalue for each in references.values()]
    assert found.p == pytest.approx(max(p_values))  # all have to be cleared


def test_who_misses_one_reference_is_judged_by_it(values):
    rng = np.random.default_rng(3)
    blob = values + rng.normal(0.2, 0.05, 12)
    found = margin(values, {"chance": np.zeros(12), "centre blob": blob})
    assert found.beside == "centre blob"
    assert found.above.high < 0
    assert found.p == pytest.approx(2 * ttest_1samp(values - blob, 0).pvalue)


def test_pass_fail_or_undecided_after_holm():
    # Holm by hand: 0.01 * 4 = 0.04, then 0.015 * 3 = 0.045, then 0.03 * 2 = 0.06.
    given = [(0.1, 0.03), (0.2, 0.01), (-0.2, 0.015), (-0.1, 0.9)]
    assert verdicts(given) == [UNDECIDED, PASS, FAIL, UNDECIDED]
    assert verdicts([]) == []


def test_of_maps_that_are_no_better_few_pass(values):
    rng, passed = np.random.default_rng(4), 0
    for _ in range(100):
        heat, blob = rng.beta(2, 10, (2, 24))
        found = margin(heat, {"chance": np.full(24, 0.05), "centre blob": blob})
        passed += verdicts([(found.above.value, found.p)]) == [PASS]
    assert passed / 100 < 0.05


def test_two_groups_differ_by_welch(values):
    other = np.random.default_rng(5).normal(0.2, 0.3, 30)
    found = judgement.difference(values, other)
    expected = ttest_ind(values, other, equal_var=False).confidence_interval()
    assert found == pytest.approx((values.mean() - other.mean(), *expected, 42))
    assert judgement.difference(values[:4], other).low is None
