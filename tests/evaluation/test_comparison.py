"""McNemar by hand, DeLong by its definition, Holm over the family."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from benchmarks.simulated import CLASSES, draw, trained_with
from helpers.evaluation import comparison


def test_mcnemar_by_hand():
    labels = np.arange(40) % 4
    right, wrong = np.eye(4)[labels], np.eye(4)[(labels + 1) % 4]
    first, second = right.copy(), right.copy()
    first[:1], second[1:10] = wrong[:1], wrong[1:10]
    compared = comparison.compare(trained_with(first, labels), trained_with(second, labels))
    assert (compared.only_first, compared.only_second) == (9, 1)
    assert compared.difference.value == pytest.approx(-8 / 40)
    assert compared.difference.low < compared.difference.value < compared.difference.high
    assert compared.difference.n == 40
    assert compared.p_value == pytest.approx(2 * (1 + 10) / 2**10)
    assert compared.mid_p == pytest.approx((2 * 1 + 10) / 2**10)


def test_where_no_image_differs_a_difference_is_not_ruled_out():
    labels = np.arange(100) % 4
    same = trained_with(np.eye(4)[labels], labels)
    compared = comparison.compare(same, same)
    assert compared.difference == pytest.approx((0, -0.03699, 0.03699, 100), abs=1e-4)
    assert (compared.p_value, compared.mid_p) == (1, 1)


def test_mid_p_rejects_about_as_often_as_it_says():
    rng, rejected = np.random.default_rng(0), np.zeros(2)
    for _ in range(4_000):
        one, other = rng.multinomial(400, [0.05, 0.05, 0.9])[:2]
        rejected += np.array(comparison.mcnemar(int(one), int(other))) < 0.05
    exact, mid_p = rejected / 4_000
    assert exact < 0.042 < mid_p < 0.055


@pytest.mark.parametrize(
    ("n", "discordant", "difference", "expected"),
    [
        (1000, 0.1, 0.03, 0.83),
        (1000, 0.1, 0.01, 0.15),
        (1000, 0.1, 0.003, 0.05),
        (500, 0.15, 0.05, 0.80),
    ],
)
def test_power_is_that_of_simulated_tests(n, discordant, difference, expected):
    found = comparison.power(n, discordant, difference)
    assert found == pytest.approx(expected, abs=0.02)
    rng, shares = (
        np.random.default_rng(0),
        [(discordant + d) / 2 for d in (difference, -difference)],
    )
    drawn = rng.multinomial(n, [*shares, 1 - discordant], size=2_000)
    rejected = [comparison.mcnemar(int(one), int(other))[0] < 0.05 for one, other, _ in drawn]
    assert found == pytest.approx(np.mean(rejected), abs=0.03)


def test_the_least_difference_is_found_four_times_of_five():
    least = comparison.least_difference(1_000, 0.1)
    assert comparison.power(1_000, 0.1, least) >= 0.8 > comparison.power(1_000, 0.1, least - 0.001)
    assert comparison.least_difference(50, 0.02) is None


def delong_by_definition(first, second, positive):
    """Every pair compared; structural components and their covariance (DeLong et al. 1988)."""
    kernels = []
    for scores in (first, second):
        lead = scores[positive][:, None] - scores[~positive][None, :]
        kernels.append((lead > 0) + 0.5 * (lead == 0))
    by_positive = np.array([kernel.mean(axis=1) for kernel in kernels])
    by_negative = np.array([kernel.mean(axis=0) for kernel in kernels])
    covariance = np.cov(by_positive) / positive.sum() + np.cov(by_negative) / (~positive).sum()
    contrast = np.array([-1, 1])
    return contrast @ by_positive.mean(axis=1), np.sqrt(contrast @ covariance @ contrast)


@pytest.mark.parametrize("decimals", [6, 1], ids=["no ties", "ties"])
def test_delong_agrees_with_its_definition(decimals):
    rng = np.random.default_rng(0)
    positive = rng.random(150) < 0.3
    first = (rng.normal(size=150) + positive).round(decimals)
    second = (first + rng.normal(size=150) + 0.5 * positive).round(decimals)
    difference, error, p_value = comparison.delong(first, second, positive)
    expected, expected_error = delong_by_definition(first, second, positive)
    assert difference == pytest.approx(expected, abs=1e-12)
    assert error == pytest.approx(expected_error, abs=1e-12)
    assert difference == pytest.approx(
        roc_auc_score(positive, second) - roc_auc_score(positive, first)
    )
    assert 0 < p_value < 1


def test_delong_rejects_one_time_in_twenty_where_models_are_equally_good():
    positive = np.arange(200) < 100
    rejected = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        scores = rng.normal(size=(2, 200)) + positive
        rejected += comparison.delong(*scores, positive)[2] < 0.05
    assert 0.025 <= rejected / 400 <= 0.085  # 5 % and some three standard errors


def test_the_same_scores_do_not_differ():
    positive = np.arange(10) < 5
    assert comparison.delong(np.arange(10), np.arange(10), positive) == (0, 0, 1)


def test_aucs_that_differ_without_a_variance_are_not_tested():
    positive = np.arange(10) >= 5
    difference, error, p_value = comparison.delong(np.zeros(10), np.arange(10), positive)
    assert (difference, error) == (0.5, 0)
    assert np.isnan(p_value)
    difference, _, p_value = comparison.delong(-np.arange(10), np.arange(10), positive)
    assert difference == 1
    assert np.isnan(p_value)
    one_positive = np.arange(10) == 9
    assert np.isnan(comparison.delong(-np.arange(10), np.arange(10), one_positive)[1:]).all()


def test_what_cannot_be_tested_is_no_member_of_the_family():
    labels = np.arange(40) % 4
    constant = trained_with(np.full((40, 4), 0.25), labels)
    perfect = trained_with(np.eye(4)[labels], labels)
    tests = comparison.paired_tests([(constant, perfect)], CLASSES)
    assert tests["p"].isna().tolist() == [False, True, True, True, True]
    assert tests["p (Holm)"].iloc[0] == tests["p"].iloc[0]
    assert tests["low"].isna().tolist() == [False, True, True, True, True]


def pair(labels, classes):
    return tuple(
        trained_with(draw(np.random.default_rng(k), labels, 1.7, classes), labels) for k in (1, 2)
    )


def test_holm_multiplies_the_least_p_by_the_size_of_the_family():
    tests = comparison.paired_tests([pair(np.arange(200) % 4, 4)], CLASSES)
    assert len(tests) == 5
    assert tests["metric"].tolist() == ["accuracy", *(f"auc/{name}" for name in CLASSES)]
    assert tests["p (Holm)"].min() == pytest.approx(5 * tests["p"].min())
    assert (tests["p (Holm)"] >= tests["p"]).all()
    assert ((tests["low"] <= tests["difference"]) & (tests["difference"] <= tests["high"])).all()


def test_two_classes_have_one_area_and_a_class_without_images_none():
    binary = comparison.paired_tests([pair(np.arange(100) % 2, 2)], ("benign", "malignant"))
    assert binary["metric"].tolist() == ["accuracy", "auc/malignant"]
    lacking = comparison.paired_tests([pair(np.arange(99) % 3, 4)], CLASSES)
    assert lacking["metric"].tolist() == ["accuracy", *(f"auc/{name}" for name in CLASSES[:3])]
    assert lacking["p (Holm)"].notna().all()
