"""Risk-coverage by hand; prediction sets keep their promise where images are exchangeable."""

import itertools

import numpy as np
import pytest

from benchmarks.simulated import CLASSES, calibrated
from helpers.evaluation import measures, selective


def test_risk_by_coverage_by_hand():
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])
    labels = np.array([0, 1, 1, 0])  # by confidence: right, wrong, right, right
    curve, area = selective.risk_coverage(probabilities, labels, measures.everything(4))
    assert curve["coverage"].tolist() == [0.25, 0.5, 0.75, 1]
    assert curve["risk"].to_numpy() == pytest.approx([0, 1 / 2, 1 / 3, 1 / 4])
    assert area.value == pytest.approx((1 / 2 + 1 / 3 + 1 / 4) / 4)
    # two of four wrong: Wilson's interval of a half
    assert curve.loc[1, ["low", "high"]].tolist() == pytest.approx([0.0945, 0.9055], abs=1e-4)


def test_images_of_one_confidence_share_their_errors_whatever_their_order():
    probabilities = np.tile([0.7, 0.1, 0.1, 0.1], (200, 1))
    sorted_labels = np.repeat([0, 1, 2, 3], 50)
    resamples = measures.draw_weights(sorted_labels, 200)
    curve, area = selective.risk_coverage(probabilities, sorted_labels, resamples)
    assert curve["risk"].to_numpy() == pytest.approx(np.full(200, 0.75))
    assert area.value == pytest.approx(0.75)
    # of two ties: the mean over all orders within them
    confidence = np.array([0.9, 0.9, 0.9, 0.6, 0.6])
    two = np.stack([confidence, 1 - confidence], axis=1)
    labels = np.array([1, 0, 0, 1, 0])
    _, area = selective.risk_coverage(two, labels, measures.everything(5))
    orders = [
        np.mean(np.cumsum([*one, *other]) / np.arange(1, 6))
        for one in itertools.permutations([1, 0, 0])
        for other in itertools.permutations([1, 0])
    ]
    assert area.value == pytest.approx(np.mean(orders))


def test_an_area_lies_in_its_interval():
    probabilities, labels = calibrated(np.random.default_rng(3), 300)
    tied = probabilities.round(1) + 0.01
    for scores in (probabilities, tied / tied.sum(axis=1, keepdims=True)):
        _, area = selective.risk_coverage(scores, labels, measures.draw_weights(labels, 500))
        assert area.low < area.value < area.high


def test_half_of_the_images_without_an_error_may_err():
    labels = np.arange(400) % 4
    resamples = measures.draw_weights(labels, 20)
    curve, _ = selective.risk_coverage(np.eye(4)[labels] + 0.0, labels, resamples)
    half = curve.iloc[199]
    assert half["risk"] == 0
    assert half["high"] == pytest.approx(0.0188, abs=1e-4)


def test_blocks_of_images_change_no_risk(monkeypatch):
    probabilities, labels = calibrated(np.random.default_rng(0), 90)
    resamples = measures.draw_weights(labels, 200)
    curve, area = selective.risk_coverage(probabilities, labels, resamples)
    monkeypatch.setattr(measures, "CELLS", 200 * 16)
    again, area_again = selective.risk_coverage(probabilities, labels, resamples)
    assert curve.equals(again)
    assert area_again == pytest.approx(area, abs=1e-6)


def test_sets_hold_the_label_as_often_as_promised():
    coverages = []
    for seed in range(200):
        probabilities, labels = calibrated(np.random.default_rng(seed), 600, skill=1.2)
        threshold = selective.conformal_threshold(probabilities[:100], labels[:100], 0.1)
        coverages.append((probabilities[np.arange(100, 600), labels[100:]] >= threshold).mean())
    # between 0.9 and 0.9 + 1/101, four standard errors of the mean allowed
    error = np.std(coverages) / np.sqrt(200)
    assert 0.9 - 4 * error <= np.mean(coverages) <= 0.9 + 1 / 101 + 4 * error


def test_where_images_are_harder_than_promised_the_promise_breaks():
    rng = np.random.default_rng(0)
    threshold = selective.conformal_threshold(*calibrated(rng, 2_000, skill=2.5), 0.1)
    probabilities, labels = calibrated(rng, 2_000, skill=2.5)
    shifted = np.roll(labels, 1)
    kept = selective.prediction_sets(probabilities, labels, threshold, CLASSES)
    broken = selective.prediction_sets(probabilities, shifted, threshold, CLASSES)
    assert kept.coverage.high >= 0.9
    assert broken.coverage.high < 0.9
    assert kept.single.value + kept.empty.value <= 1
    assert list(kept.by_class) == list(CLASSES)


def test_too_few_images_promise_nothing():
    assert selective.conformal_threshold(np.eye(4), np.arange(4), 0.1) == 0


def test_halves_share_no_image_and_split_each_class():
    labels = np.repeat([0, 1, 2], [10, 20, 6])
    one, other = selective.halves(labels)
    assert sorted([*one, *other]) == list(range(36))
    assert (np.bincount(labels[one]) == np.bincount(labels[other])).all()
