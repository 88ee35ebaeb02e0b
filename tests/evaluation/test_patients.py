"""A leak is found where there is one, and nowhere else; patients are resampled whole."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from helpers.data import dataset as datasets
from helpers.data import duplicates
from helpers.evaluation import patients
from helpers.models.trainings import Predictions, Trained
from helpers.study.settings import load_settings

NEAREST = KNeighborsClassifier(n_neighbors=1)


def made_up(rng: np.random.Generator, sizes: np.ndarray, signal: float):
    """Rows, labels and groups: each group an identity, and of the class as much as `signal`."""
    groups = np.repeat(np.arange(len(sizes)), sizes)
    label_of = np.arange(len(sizes)) % 2
    identity = rng.normal(size=(len(sizes), 8))
    labels = label_of[groups]
    rows = identity[groups] + 0.01 * rng.normal(size=(len(groups), 8))
    rows[:, 0] += signal * labels
    return rows, labels, groups


def test_a_memoriser_leaks_where_groups_are_parted_and_nowhere_else():
    rng = np.random.default_rng(0)
    rows, labels, groups = made_up(rng, np.tile([4, 1, 1], 60), signal=0)
    test = made_up(rng, np.ones(100, int), signal=0)
    half = np.array([0.5, 0.5])
    found = patients.leak(NEAREST, rows, labels, groups, test[:2], half)
    assert found.related.value > 0.35  # near 1 minus one half
    assert found.related.low > 0.25
    assert abs(found.alone.value) < 0.1
    assert found.alone.low < 0 < found.alone.high
    assert found.by_patient.value == pytest.approx(0.5, abs=0.12)
    assert found.test.value == pytest.approx(0.5, abs=0.12)
    assert found.leak.value == pytest.approx(found.by_image.value - found.by_patient.value)
    assert (found.related.n, found.alone.n, found.leak.n) == (240, 120, 360)


def test_without_relatives_nothing_can_leak():
    rng = np.random.default_rng(1)
    rows, labels, groups = made_up(rng, np.ones(200, int), signal=3)
    found = patients.leak(NEAREST, rows, labels, groups, (rows, labels), np.array([0.5, 0.5]))
    assert np.isnan(found.related.value)
    assert found.leak.low < 0.02
    assert patients.from_json(patients.to_json(patients.Patients("", {}, {"a": found}, {}, {}, {})))


def trained(right: np.ndarray, labels: np.ndarray) -> Trained:
    probabilities = np.eye(2)[np.where(right, labels, 1 - labels)]
    return Trained(
        "m", 0, Path(), None, Predictions(probabilities, labels, probabilities, labels), {}
    )


def test_patients_who_are_right_or_wrong_whole_widen_the_interval():
    rng = np.random.default_rng(2)
    whose, labels = np.repeat(np.arange(100), 4), np.repeat(np.arange(100) % 2, 4)
    together = rng.random(100).repeat(4) < 0.7
    measured, effect = patients.clustered_accuracy(trained(together, labels), whose)
    # Four images that agree tell as much as one (Kish: 1 + (4 - 1) * 1).
    assert effect == pytest.approx(4, rel=0.15)
    assert measured.value == together.mean()
    assert measured.n == 100
    _, apart = patients.clustered_accuracy(trained(rng.random(400) < 0.7, labels), whose)
    assert apart == pytest.approx(1, abs=0.3)


def test_who_has_two_labels_is_found():
    whose, labels = np.array([0, 0, 1, 1, 2]), np.array([1, 1, 1, 0, 0])
    assert patients.has_two_labels(whose, labels).tolist() == [False, False, True, True, False]


def test_of_many_images_whole_groups_are_drawn(monkeypatch):
    monkeypatch.setattr(patients, "MOST", 50)
    groups = np.repeat(np.arange(40), 3)
    chosen = patients._whole_groups(groups)
    assert 40 < len(chosen) <= 50
    assert (np.bincount(groups[chosen])[np.unique(groups[chosen])] == 3).all()


def test_large_images_are_compared_at_28_px_and_read_where_the_pool_has_them():
    settings = load_settings("demo", "phantom_images=[40,30,20] image_size=64", models="custom-cnn")
    dataset, pool = datasets.load(settings.data), np.array([3, 39, 40, 60])
    ((_, rows),) = patients._classifiers(settings, dataset, pool).values()
    train, val, test = (split.images for split in dataset.splits.values())
    expected = duplicates.averaged_down(np.concatenate([train[[3, 39]], val[[0, 20]], test]))
    np.testing.assert_array_equal(rows, expected.reshape(len(rows), 28 * 28))


def test_the_phantom_has_no_patients(run, small, dataset, trainings):
    found = patients.load_or_measure(run, small, dataset)
    assert found.why.startswith("A program drew each of this run's eyes")
    assert not found.leaks
    first = run.patients.stat().st_mtime_ns
    patients.load_or_measure(run, small, dataset)
    assert run.patients.stat().st_mtime_ns == first
