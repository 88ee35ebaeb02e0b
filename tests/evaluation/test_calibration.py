"""Calibration scores by hand and by scikit-learn; a temperature that is known is found."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import log_loss

from benchmarks.simulated import calibrated
from helpers.evaluation import calibration, measures


def test_scores_by_hand():
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.3, 0.7], [0.45, 0.55]])
    labels = np.array([0, 1, 1, 0])
    scores = calibration.resampled(probabilities, labels, measures.everything(4))
    # bins (13/15, 14/15]: 2 images of 0.9, half right; 0.7 right; 0.55 wrong
    expected = (2 * abs(0.9 - 0.5) + abs(0.7 - 1) + abs(0.55 - 0)) / 4
    assert scores["expected calibration error"][0] == pytest.approx(expected)
    assert scores["Brier score"][0] == pytest.approx((0.02 + 1.62 + 0.18 + 0.605) / 4)
    assert scores["negative log-likelihood"][0] == pytest.approx(log_loss(labels, probabilities))
    # two classes' probabilities mirror each other, and so do their bins here
    assert scores["classwise calibration error"][0] == pytest.approx(
        (2 * 0.4 + 0.3 + 0.55) / 4, abs=1e-6
    )


def test_a_calibrated_model_shows_what_chance_alone_would():
    probabilities, labels = calibrated(np.random.default_rng(0), 2_000)
    scores = calibration.resampled(probabilities, labels, measures.everything(2_000))
    parts = calibration.brier_decomposition(probabilities, labels)
    values = {name: of_all[0] for name, of_all in scores.items()} | parts
    for name, chance in calibration.by_chance(probabilities).items():
        assert 0 < chance.low < chance.mean < chance.high < 0.06
        assert chance.low <= values[name] <= chance.high, name
    # a model that is twice as sure as it may be shows more
    sure = probabilities**2 / (probabilities**2).sum(axis=1, keepdims=True)
    chance = calibration.by_chance(sure)
    shown = calibration.scores(sure, labels, measures.draw_weights(labels, 20))
    for name in calibration.BINNED:
        assert shown[name].value > chance[name].high


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_a_known_temperature_is_found(temperature):
    truth, labels = calibrated(np.random.default_rng(1), 20_000)
    distorted = softmax(np.log(truth) * temperature, axis=1)
    fitted = calibration.fit_temperature(distorted, labels)
    assert fitted.value == pytest.approx(temperature, rel=0.05)
    assert fitted.low < temperature < fitted.high
    scaled = calibration.scaled(distorted, temperature)
    np.testing.assert_allclose(scaled, truth, atol=1e-9)
    np.testing.assert_array_equal(scaled.argmax(axis=1), distorted.argmax(axis=1))


def test_a_temperatures_interval_holds_it_nineteen_times_of_twenty():
    held = [
        fitted.low <= 1 <= fitted.high
        for seed in range(300)
        for fitted in [
            calibration.fit_temperature(*calibrated(np.random.default_rng(seed), 400, skill=1.5))
        ]
    ]
    assert 0.92 < np.mean(held) < 0.98


@pytest.mark.parametrize("says", ["always right", "the same of all"])
def test_labels_may_tell_no_temperature(says):
    labels = np.arange(80) % 4
    probabilities = np.eye(4)[labels] if says == "always right" else np.full((80, 4), 0.25)
    assert calibration.fit_temperature(probabilities, labels) == measures.Measure(1, None, None, 80)


def test_the_brier_scores_parts_add_up_and_are_murphys():
    rng = np.random.default_rng(2)
    positive = np.array([0.1, 0.5, 0.9])[rng.integers(3, size=600)]
    labels = (rng.random(600) < positive).astype(int)
    probabilities = np.stack([1 - positive, positive], axis=1)
    parts = calibration.brier_decomposition(probabilities, labels)
    # forecasts of three values only: nothing is left within bins
    assert parts["within bins"] == pytest.approx(0, abs=1e-6)
    base, reliability, resolution = labels.mean(), 0, 0
    for value in (0.1, 0.5, 0.9):
        inside = labels[positive == value]
        reliability += 2 * len(inside) / 600 * (value - inside.mean()) ** 2
        resolution += 2 * len(inside) / 600 * (inside.mean() - base) ** 2
    assert parts["reliability"] == pytest.approx(reliability, abs=1e-6)
    assert parts["resolution"] == pytest.approx(resolution, abs=1e-6)
    assert parts["uncertainty"] == pytest.approx(2 * base * (1 - base), abs=1e-6)


def test_reliability_counts_every_image_once():
    probabilities, labels = calibrated(np.random.default_rng(3), 300)
    points = calibration.reliability(probabilities, labels)
    assert points["images"].sum() == 300
    right = (probabilities.argmax(axis=1) == labels).sum()
    assert (points["accuracy"] * points["images"]).sum() == pytest.approx(right)
    assert ((points["low"] <= points["accuracy"]) & (points["accuracy"] <= points["high"])).all()


def test_a_binned_error_has_no_interval_and_a_proper_score_has():
    probabilities, labels = calibrated(np.random.default_rng(4), 400)
    measured = calibration.scores(probabilities, labels, measures.draw_weights(labels, 300))
    for name, score in measured.items():
        assert (score.low is None) == (name in calibration.BINNED)
        assert score.low is None or score.low < score.value < score.high
    is_surely_wrong = np.eye(4)[(labels + 1) % 4]
    sure = calibration.scores(is_surely_wrong, labels, measures.everything(400))
    assert sure["negative log-likelihood"].value == pytest.approx(-np.log(1e-7))


@pytest.mark.parametrize("count", [2, 11])
def test_any_number_of_classes_is_measured_even_where_one_has_no_image(count):
    probabilities, _ = calibrated(np.random.default_rng(5), 300, (1 / count,) * count, skill=1)
    labels = np.arange(300) % (count - 1)
    scores = calibration.scores(probabilities, labels, measures.draw_weights(labels, 50))
    parts = calibration.brier_decomposition(probabilities, labels)
    assert np.isfinite([*parts.values(), *(score.value for score in scores.values())]).all()
    total = sum(parts[name] for name in ("reliability", "uncertainty", "within bins"))
    assert total - parts["resolution"] == pytest.approx(scores["Brier score"].value)
