"""The gap between validation and test: label shift is told from another change of the images."""

import numpy as np
import pytest

from benchmarks.simulated import CLASSES, calibrated
from helpers import shift
from helpers.artifacts import Predictions

COMMON = (0.34, 0.10, 0.09, 0.47)


def predictions(val, test) -> Predictions:
    return Predictions(*val, *test)


def test_where_only_the_class_ratio_changes_nothing_is_left_over():
    rng = np.random.default_rng(0)
    # a model that is good on the common classes alone
    val, test = calibrated(rng, 8_000, COMMON), calibrated(rng, 8_000)
    bias = np.array([3, 0.3, 0.3, 3])
    val, test = ((p * bias / (p * bias).sum(axis=1, keepdims=True), y) for p, y in (val, test))
    found = shift.gap(predictions(val, test), resamples=500)
    assert found["fall: label shift"]["low"] > 0.02
    assert found["fall: the rest"]["low"] < 0 < found["fall: the rest"]["high"]
    assert found["fall: total"]["value"] == pytest.approx(
        found["fall: label shift"]["value"] + found["fall: the rest"]["value"], abs=1e-6
    )
    assert found["fall: total"]["value"] == pytest.approx(
        found["validation accuracy"]["value"] - found["test accuracy"]["value"], abs=1e-6
    )


def test_where_only_the_images_change_label_shift_is_not_blamed():
    rng = np.random.default_rng(1)
    val, test = calibrated(rng, 4_000), calibrated(rng, 4_000, skill=1.2)
    found = shift.gap(predictions(val, test), resamples=500)
    assert abs(found["fall: label shift"]["value"]) < 0.01
    assert found["fall: the rest"]["low"] > 0.05


def test_saerens_finds_the_class_ratio_and_gains_by_it():
    probabilities, labels = calibrated(np.random.default_rng(2), 20_000, COMMON)
    adapted, estimate = shift.adapted_to_prior(probabilities, np.full(4, 0.25))
    np.testing.assert_allclose(estimate, COMMON, atol=0.015)
    np.testing.assert_allclose(adapted.sum(axis=1), 1)
    before, after = ((p.argmax(axis=1) == labels).mean() for p in (probabilities, adapted))
    assert after > before + 0.01


def test_recalls_are_told_by_class_and_split():
    val = calibrated(np.random.default_rng(3), 200)
    table = shift.recalls(predictions(val, val), CLASSES)
    assert len(table) == 8
    assert table["images"].sum() == 400
    assert ((table["low"] <= table["recall"]) & (table["recall"] <= table["high"])).all()
