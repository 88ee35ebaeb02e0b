"""Where models fail: planted errors, labels and copies are found."""

import dataclasses

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from benchmarks.simulated import calibrated, draw, trained_with
from helpers.data.dataset import Split
from helpers.evaluation import errors
from helpers.models.trainings import Predictions
from helpers.study import data_sets

OCT = data_sets.get("octmnist")


def test_the_surest_errors_come_first():
    probabilities, labels = calibrated(np.random.default_rng(0), 200)
    table = errors.confident_errors(Predictions(None, None, probabilities, labels), 5)
    assert len(table) == 5
    assert (table["true"] != table["predicted"]).all()
    assert table["probability"].is_monotonic_decreasing
    wrong = probabilities.argmax(axis=1) != labels
    assert table["probability"].iloc[0] == probabilities[wrong].max()


def test_an_urgent_image_sent_home_costs_more_than_one_observed():
    confusion = np.diag([10, 10, 10, 10])
    confusion[0, 2], confusion[1, 3], confusion[3, 0] = 3, 2, 9
    costliest = errors.costliest_confusion(confusion, OCT)
    assert (costliest.true, costliest.named) == ("dme", "normal")
    assert (costliest.images, costliest.of, costliest.levels) == (2, 12, 2)
    assert errors.costliest_confusion(np.diag([1, 1, 1, 1]), OCT) is None


@pytest.mark.parametrize("classes", [2, 4, 11])
def test_agreement_is_scikit_learns(classes):
    labels = np.arange(200) % classes
    first, second = (
        trained_with(draw(np.random.default_rng(k), labels, 1.5, classes), labels) for k in (1, 2)
    )
    agreement = errors.agreement(first, second)
    assert agreement.kappa.value == pytest.approx(
        cohen_kappa_score(first.predicted, second.predicted)
    )
    assert agreement.kappa.low < agreement.kappa.value < agreement.kappa.high
    assert agreement.agree.value == (first.predicted == second.predicted).mean()
    assert agreement.same_error.value <= agreement.both_wrong.value


def test_planted_label_errors_are_doubted():
    probabilities, labels = calibrated(np.random.default_rng(3), 600, skill=3)
    given = labels.copy()
    given[:12] = (given[:12] + 1) % 4
    doubted = errors.doubtful_labels(Predictions(probabilities, given, None, None))
    assert np.isin(np.arange(12), doubted["image"]).sum() >= 10
    assert len(doubted) <= 40
    assert doubted["probability"].is_monotonic_increasing


@pytest.mark.filterwarnings("ignore:May not flag all label issues")
@pytest.mark.parametrize("classes", [2, 3, 11])
def test_labels_are_doubted_where_a_class_has_no_image_and_is_never_named(classes):
    labels = np.arange(300) % (classes - 1)
    probabilities = draw(np.random.default_rng(0), labels, 3, classes)
    probabilities[:, -1] = 0
    doubted = errors.doubtful_labels(Predictions(probabilities, labels, None, None))
    assert set(doubted["predicted"]) <= set(labels)


def test_planted_copies_are_found_and_left_out(dataset):
    images = dataset.test.images.copy()
    images[0], images[5] = dataset.train.images[7], images[4]
    changed = dataclasses.replace(dataset, test=Split(images, dataset.test.labels))
    copies = errors.copies(changed)
    assert copies["in training or validation, exact"].nonzero()[0].tolist() == [0]
    assert copies["earlier in test, exact"].nonzero()[0].tolist() == [5]
    probabilities = np.eye(4)[dataset.test.labels]
    probabilities[0] = np.roll(probabilities[0], 1)
    without = errors.accuracy_without(trained_with(probabilities, dataset.test.labels), copies)
    n = len(dataset.test)
    assert without["nothing"].accuracy.value == pytest.approx((n - 1) / n)
    assert without["nothing"].left_out == 0
    assert without["copies in training or validation, exact"].accuracy.value == 1
    assert without["copies in training or validation, exact"].left_out == 1
