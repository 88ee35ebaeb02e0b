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


def test_a_gap_made_by_stretching_alone_is_closed_by_it():
    rng = np.random.default_rng(0)
    val, test = calibrated(rng, 3_000, skill=2), calibrated(rng, 3_000, skill=1.3)
    altered = _same_labels(rng, val[1], 1.3)
    gap = shift.stretching_gap(predictions(val, test), altered, 300)
    assert gap.before.low > 0.05
    assert gap.closed.low > 0.05
    assert gap.left.low < 0 < gap.left.high
    assert gap.before.value == pytest.approx(gap.closed.value + gap.left.value)


def _same_labels(rng: np.random.Generator, labels: np.ndarray, skill: float) -> np.ndarray:
    odds = np.exp(skill * (rng.normal(size=(len(labels), 4)) + skill * np.eye(4)[labels]))
    return odds / odds.sum(axis=1, keepdims=True)


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


def test_recalls_of_altered_validation_images_stand_between_the_splits():
    val = calibrated(np.random.default_rng(3), 200)
    altered = np.eye(4)[val[1]]
    recalls = shift.recalls_by_split(predictions(val, val), CLASSES, altered)
    assert list(recalls) == ["validation", "validation, stretched", "test"]
    assert all(recall.value == 1 for recall in recalls["validation, stretched"].values())
    assert recalls["validation"] == recalls["test"]


def test_recalls_are_told_for_every_variant():
    probabilities, labels = calibrated(np.random.default_rng(1), 100)
    recalls = shift.recalls_by_variant({"as it is": probabilities}, labels, CLASSES)
    assert set(recalls["as it is"]) == {"accuracy", *(f"recall/{name}" for name in CLASSES)}


def test_what_a_model_gives_for_its_own_images_is_what_it_gave(trainings, dataset):
    images = dataset.val.images
    for trained in trainings:
        given = shift.probabilities(trained, {"as they are": images, "again": images.copy()})
        assert list(given) == ["as they are", "again"]
        np.testing.assert_allclose(given["again"], given["as they are"], atol=1e-5)


def test_the_prior_that_training_assumes(small, dataset):
    np.testing.assert_array_equal(shift.assumed_prior(small.training, dataset), np.full(4, 0.25))
    plain = small.training.model_copy(update={"class_weights": "none"})
    counts = np.bincount(dataset.train.labels)
    np.testing.assert_allclose(shift.assumed_prior(plain, dataset), counts / counts.sum())
