"""Calibration scores by hand and by scikit-learn; a temperature that is known is found."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import log_loss

from benchmarks.simulated import calibrated
from helpers import bootstrap, calibration


def everything(n: int) -> np.ndarray:
    return np.ones((1, n), np.float32)


def test_scores_by_hand():
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.3, 0.7], [0.45, 0.55]])
    labels = np.array([0, 1, 1, 0])
    found = calibration.scores(probabilities, labels, everything(4))
    # bins (13/15, 14/15]: 2 images of 0.9, half right; 0.7 right; 0.55 wrong
    expected = (2 * abs(0.9 - 0.5) + abs(0.7 - 1) + abs(0.55 - 0)) / 4
    assert found["expected calibration error"][0] == pytest.approx(expected)
    assert found["Brier score"][0] == pytest.approx((0.02 + 1.62 + 0.18 + 0.605) / 4)
    assert found["negative log-likelihood"][0] == pytest.approx(log_loss(labels, probabilities))
    # two classes' probabilities mirror each other, and so do their bins here
    assert found["classwise calibration error"][0] == pytest.approx(
        (2 * 0.4 + 0.3 + 0.55) / 4, abs=1e-6
    )


def test_a_calibrated_model_shows_what_chance_alone_would():
    probabilities, labels = calibrated(np.random.default_rng(0), 2_000)
    found = calibration.scores(probabilities, labels, everything(2_000))
    by_chance = calibration.bias(probabilities)
    assert 0 < by_chance < 0.05
    assert found["expected calibration error"][0] == pytest.approx(by_chance, abs=0.01)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_a_known_temperature_is_found(temperature):
    truth, labels = calibrated(np.random.default_rng(1), 20_000)
    distorted = softmax(np.log(truth) * temperature, axis=1)
    found = calibration.fit_temperature(distorted, labels)
    assert found == pytest.approx(temperature, rel=0.05)
    scaled = calibration.scaled(distorted, temperature)
    np.testing.assert_allclose(scaled, truth, atol=1e-9)
    np.testing.assert_array_equal(scaled.argmax(axis=1), distorted.argmax(axis=1))


def test_the_brier_scores_parts_add_up_and_are_murphys():
    rng = np.random.default_rng(2)
    positive = np.array([0.1, 0.5, 0.9])[rng.integers(3, size=600)]
    labels = (rng.random(600) < positive).astype(int)
    probabilities = np.stack([1 - positive, positive], axis=1)
    found = calibration.brier_decomposition(probabilities, labels, everything(600))
    parts = {name: part["value"] for name, part in found.items()}
    # forecasts of three values only: nothing is left within bins
    assert parts["within bins"] == pytest.approx(0, abs=1e-6)
    base, reliability, resolution = labels.mean(), 0, 0
    for value in (0.1, 0.5, 0.9):
        own = labels[positive == value]
        reliability += 2 * len(own) / 600 * (value - own.mean()) ** 2
        resolution += 2 * len(own) / 600 * (own.mean() - base) ** 2
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


def test_an_error_is_measured_with_its_interval():
    probabilities, labels = calibrated(np.random.default_rng(4), 400)
    weights = bootstrap.draw_weights(labels, resamples=300)
    found = calibration.measure(probabilities, labels, weights)
    for name, measure in found.items():
        assert 0 <= measure["low"] <= measure["high"], name
    brier = found["Brier score"]
    assert brier["low"] < brier["value"] < brier["high"]
