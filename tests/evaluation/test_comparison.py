"""McNemar by hand, DeLong by its definition, Holm over the family."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from benchmarks.simulated import CLASSES, draw, trained_with
from helpers import comparison


def test_mcnemar_by_hand():
    labels = np.arange(40) % 4
    right, wrong = np.eye(4)[labels], np.eye(4)[(labels + 1) % 4]
    first, second = right.copy(), right.copy()
    first[:1], second[1:10] = wrong[:1], wrong[1:10]
    found = comparison.compare(trained_with(first, labels), trained_with(second, labels))
    assert (found.only_first, found.only_second) == (9, 1)
    assert found.difference == pytest.approx(-8 / 40)
    assert found.p_value == pytest.approx(2 * (1 + 10) / 2**10)


def delong_by_definition(first, second, positive):
    """Every pair compared; structural components and their covariance (DeLong et al. 1988)."""
    kernels = []
    for scores in (first, second):
        gap = scores[positive][:, None] - scores[~positive][None, :]
        kernels.append((gap > 0) + 0.5 * (gap == 0))
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


def test_holm_multiplies_the_least_p_by_the_size_of_the_family():
    labels = np.arange(200) % 4
    first, second = (
        trained_with(draw(np.random.default_rng(k), labels, 1.7), labels) for k in (1, 2)
    )
    tests = comparison.paired_tests([(first, second)], CLASSES, {k: k for k in CLASSES})
    assert len(tests) == 5
    assert tests["p (Holm)"].min() == pytest.approx(5 * tests["p"].min())
    assert (tests["p (Holm)"] >= tests["p"]).all()
    assert ((tests["low"] <= tests["difference"]) & (tests["difference"] <= tests["high"])).all()
