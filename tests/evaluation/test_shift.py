"""The gap between validation and test: prevalence shift is told from another change of images."""

import numpy as np
import pytest

from benchmarks.simulated import CLASSES, calibrated
from helpers.evaluation import shift
from helpers.models.trainings import Predictions

COMMON = (0.34, 0.10, 0.09, 0.47)


def predictions(val, test) -> Predictions:
    return Predictions(*val, *test)


def test_where_only_the_class_ratio_changes_nothing_is_left_over():
    rng = np.random.default_rng(0)
    # a model that is good on the common classes alone
    val, test = calibrated(rng, 8_000, COMMON), calibrated(rng, 8_000)
    bias = np.array([3, 0.3, 0.3, 3])
    val, test = ((p * bias / (p * bias).sum(axis=1, keepdims=True), y) for p, y in (val, test))
    fall = shift.prevalence_shift(predictions(val, test))
    assert fall.by_ratio.low > 0.02
    assert fall.rest.low < 0 < fall.rest.high
    assert fall.total.value == pytest.approx(fall.by_ratio.value + fall.rest.value, abs=1e-6)
    assert fall.total.value == pytest.approx(fall.validation.value - fall.test.value, abs=1e-6)
    assert fall.at_test_ratio.value == pytest.approx(
        fall.validation.value - fall.by_ratio.value, abs=1e-6
    )


def test_where_only_the_images_change_prevalence_shift_is_not_blamed():
    rng = np.random.default_rng(1)
    val, test = calibrated(rng, 4_000), calibrated(rng, 4_000, skill=1.2)
    fall = shift.prevalence_shift(predictions(val, test))
    assert abs(fall.by_ratio.value) < 0.01
    assert fall.rest.low > 0.05


def test_a_class_that_one_split_lacks_is_no_obstacle():
    rng = np.random.default_rng(4)
    val, test = calibrated(rng, 300, (0.5, 0.5, 0)), calibrated(rng, 300, (0.5, 0, 0.5))
    fall = shift.prevalence_shift(predictions(val, test))
    assert np.isfinite([fall.by_ratio[:3], fall.rest[:3], fall.total[:3]]).all()
    recalls = shift.recalls_by_split(predictions(val, test), ("a", "b", "c"))
    assert (recalls["validation"]["c"].n, recalls["test"]["b"].n) == (0, 0)


def test_saerens_finds_the_class_ratio_and_gains_by_it():
    probabilities, labels = calibrated(np.random.default_rng(2), 20_000, COMMON)
    adapted, estimate = shift.adapted_to_prior(probabilities, np.full(4, 0.25))
    np.testing.assert_allclose(estimate, COMMON, atol=0.015)
    np.testing.assert_allclose(adapted.sum(axis=1), 1)
    before, after = ((p.argmax(axis=1) == labels).mean() for p in (probabilities, adapted))
    assert after > before + 0.01


def test_recalls_are_told_by_class_and_split():
    val = calibrated(np.random.default_rng(3), 200)
    recalls = shift.recalls_by_split(predictions(val, val), CLASSES)
    assert list(recalls) == ["validation", "test"]
    told = [recall for by_class in recalls.values() for recall in by_class.values()]
    assert len(told) == 8
    assert sum(recall.n for recall in told) == 400
    assert all(recall.low <= recall.value <= recall.high for recall in told)


def test_the_prior_that_training_assumes(small, dataset):
    np.testing.assert_array_equal(shift.assumed_prior(small.training, dataset), np.full(4, 0.25))
    plain = small.training.model_copy(update={"class_weights": "none"})
    counts = np.bincount(dataset.train.labels)
    np.testing.assert_allclose(shift.assumed_prior(plain, dataset), counts / counts.sum())
