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
    by_chance = calibration.bias(probabilities)
    assert 0 < by_chance < 0.05
    assert scores["expected calibration error"][0] == pytest.approx(by_chance, abs=0.01)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_a_known_temperature_is_found(temperature):
    truth, labels = calibrated(np.random.default_rng(1), 20_000)
    distorted = softmax(np.log(truth) * temperature, axis=1)
    fitted = calibration.fit_temperature(distorted, labels)
    assert fitted == pytest.approx(temperature, rel=0.05)
    scaled = calibration.scaled(distorted, temperature)
    np.testing.assert_allclose(scaled, truth, atol=1e-9)
    np.testing.assert_array_equal(scaled.argmax(axis=1), distorted.argmax(axis=1))


def test_the_brier_scores_parts_add_up_and_are_murphys():
    rng = np.random.default_rng(2)
    positive = np.array([0.1, 0.5, 0.9])[rng.integers(3, size=600)]
    labels = (rng.random(600) < positive).astype(int)
    probabilities = np.stack([1 - positive, positive], axis=1)
    measured = calibration.brier_decomposition(probabilities, labels, measures.everything(600))
    parts = {name: part.value for name, part in measured.items()}
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


def test_an_error_is_measured_with_its_interval():
    probabilities, labels = calibrated(np.random.default_rng(4), 400)
    resamples = measures.draw_weights(labels, 300)
    measured = calibration.scores(probabilities, labels, resamples)
    for name, score in measured.items():
        assert 0 <= score.low <= score.high, name
    brier = measured["Brier score"]
    assert brier.low < brier.value < brier.high


@pytest.mark.parametrize("count", [2, 11])
def test_any_number_of_classes_is_measured_even_where_one_has_no_image(count):
    probabilities, _ = calibrated(np.random.default_rng(5), 300, (1 / count,) * count, skill=1)
    labels = np.arange(300) % (count - 1)
    resamples = measures.draw_weights(labels, 50)
    scores = calibration.scores(probabilities, labels, resamples)
    parts = calibration.brier_decomposition(probabilities, labels, resamples)
    assert all(np.isfinite(score[:3]).all() for score in (*scores.values(), *parts.values()))
    total = sum(parts[name].value for name in ("reliability", "uncertainty", "within bins"))
    assert total - parts["resolution"].value == pytest.approx(scores["Brier score"].value)
