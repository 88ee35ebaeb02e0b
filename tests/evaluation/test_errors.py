"""Where models fail: planted errors, labels and copies are found."""

import dataclasses

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from benchmarks.simulated import CLASSES, calibrated, draw, trained_with
from helpers import failures
from helpers.artifacts import Predictions
from helpers.data import Split


def test_the_surest_errors_come_first():
    probabilities, labels = calibrated(np.random.default_rng(0), 200)
    table = failures.confident_errors(Predictions(None, None, probabilities, labels), 5)
    assert len(table) == 5
    assert (table["true"] != table["predicted"]).all()
    assert table["probability"].is_monotonic_decreasing
    wrong = probabilities.argmax(axis=1) != labels
    assert table["probability"].iloc[0] == probabilities[wrong].max()


def test_an_urgent_image_sent_home_costs_more_than_one_observed():
    confusion = np.diag([10, 10, 10, 10])
    confusion[0, 2], confusion[1, 3], confusion[3, 0] = 3, 2, 9
    found = failures.costliest_confusion(confusion, CLASSES)
    assert (found.true, found.named, found.images, found.of, found.levels) == (
        *("dme", "normal"),
        *(2, 12, 2),
    )
    assert failures.costliest_confusion(np.diag([1, 1, 1, 1]), CLASSES) is None


def test_agreement_is_scikit_learns():
    labels = np.arange(200) % 4
    first, second = (
        trained_with(draw(np.random.default_rng(k), labels, 1.5), labels) for k in (1, 2)
    )
    found = failures.agreement(first, second)
    assert found["kappa"]["value"] == pytest.approx(
        cohen_kappa_score(first.predicted, second.predicted)
    )
    assert found["kappa"]["low"] < found["kappa"]["value"] < found["kappa"]["high"]
    assert found["agree"]["value"] == (first.predicted == second.predicted).mean()
    assert found["same error"]["value"] <= found["both wrong"]["value"]


def test_planted_label_errors_are_doubted():
    probabilities, labels = calibrated(np.random.default_rng(3), 600, skill=3)
    given = labels.copy()
    given[:12] = (given[:12] + 1) % 4
    doubted = failures.doubtful_labels(Predictions(probabilities, given, None, None))
    assert np.isin(np.arange(12), doubted["image"]).sum() >= 10
    assert len(doubted) <= 40
    assert doubted["probability"].is_monotonic_increasing


def test_planted_copies_are_found_and_left_out(dataset):
    images = dataset.test.images.copy()
    images[0], images[5] = dataset.train.images[7], images[4]
    changed = dataclasses.replace(dataset, test=Split(images, dataset.test.labels))
    found = failures.copies(changed)
    assert found["in training or validation, exact"].nonzero()[0].tolist() == [0]
    assert found["earlier in test, exact"].nonzero()[0].tolist() == [5]
    probabilities = np.eye(4)[dataset.test.labels]
    probabilities[0] = np.roll(probabilities[0], 1)
    table = failures.accuracy_without(trained_with(probabilities, dataset.test.labels), found)
    n = len(dataset.test)
    assert table.loc["nothing", "value"] == pytest.approx((n - 1) / n)
    assert table.loc["copies in training or validation, exact", "value"] == 1
