"""Pages say so where there is nothing to show: few images, blank ones, models without an error."""

import dataclasses

import matplotlib.pyplot as plt
import numpy as np
import pytest

from helpers.data import duplicates
from helpers.data.dataset import Split
from helpers.evaluation import comparison, errors, measures, metrics, selective, shift, triage
from helpers.heatmaps import maps
from helpers.models.trainings import Predictions
from helpers.pages import comparisons, grad_cam, statistics, training, trust
from helpers.pages import data as data_page
from helpers.pages import metrics as page
from helpers.study.settings import load_settings


def sure_of(labels, classes, named):
    """Probabilities of a model that names what `named` says: float32 (n, classes)."""
    others = np.full((len(labels), classes), 0.02 / (classes - 1), np.float32)
    others[np.arange(len(labels)), named] = 0.98
    return others


@pytest.fixture(params=[("octmnist", 1), ("pneumoniamnist", 2), ("organamnist", 1)])
def few(request, images):
    name, each = request.param
    return images(name, each=each)


@pytest.fixture(params=["perfect", "constant", "always wrong"])
def extreme(request, few, trained):
    """A training whose model makes no error, or names one class, or is never right."""
    naming = {
        "perfect": lambda labels, _: labels,
        "constant": lambda labels, _: np.zeros_like(labels),
        "always wrong": lambda labels, classes: (labels + 1) % classes,
    }[request.param]
    made, count = trained(few), len(few.classes)
    labels = made.predictions.val_labels, made.predictions.test_labels
    val, test = (sure_of(each, count, naming(each, count)) for each in labels)
    return dataclasses.replace(made, predictions=Predictions(val, labels[0], test, labels[1]))


def test_chapters_4_8_and_9_hold_for_extreme_models_of_few_images(extreme, few, trained):
    shown = {"custom-cnn": extreme, "resnet50": trained(few, "resnet50")}
    predictions, labels, classes = extreme.predictions, few.test.labels, few.classes
    resamples = measures.draw_weights(labels, 200)
    measured, means = metrics.measure_all([extreme], classes)
    confusion = {"custom-cnn": metrics.confusion(extreme)}
    calibrated = trust.calibrated([extreme])
    by_split = shift.recalls_by_split(predictions, classes)
    curve = selective.risk_coverage(predictions.test_probabilities, labels, resamples)
    told = [
        page.hardest_class("custom-cnn", confusion["custom-cnn"], classes),
        *page.learned(means),
        page.class_table(measured["custom-cnn"]["0"], classes).to_string(),
        trust.calibration_verdict("custom-cnn", calibrated),
        trust.temperature("custom-cnn", calibrated),
        trust.answering_verdict("custom-cnn", *curve),
        trust.sets_verdict("custom-cnn", extreme, classes),
        trust.confident_errors("custom-cnn", extreme),
        statistics.shift_verdict("custom-cnn", [extreme]),
        statistics.prevalence_shift("custom-cnn", shift.prevalence_shift(extreme.predictions)),
        statistics.worst_fall("custom-cnn", by_split),
        statistics.power(*shown.values()),
        statistics.components(means).to_string(),
        statistics.patients(means),
        str(len(errors.doubtful_labels(predictions))),
    ]
    if triage.applies(few.data_set):
        told.append(trust.triage_verdict("custom-cnn", trust.triaged([extreme], few.data_set)))
    tests = comparison.paired_tests([tuple(shown.values())], classes)
    told += [statistics.paired(tests), statistics.paired_table(tests).to_string()]
    first = {"custom-cnn": extreme}
    page.confusion_matrices(confusion, classes)
    page.roc_curves(first, classes)
    trust.reliability(first, {"custom-cnn": calibrated.temperature[0]})
    trust.risk_coverage({"custom-cnn": curve[0]})
    comparisons.recalls({"custom-cnn": by_split}, classes)
    assert all(told)
    assert "nan" not in "".join(told)


def test_one_image_of_a_class_has_no_test_of_its_area(images, trained):
    dataset = images(each=1)
    pair = (trained(dataset), trained(dataset, "resnet50"))
    tests = comparison.paired_tests([pair], dataset.classes)
    assert tests["p"].notna().tolist() == [True, False, False, False, False]


def test_where_every_test_image_is_a_copy_no_accuracy_is_left(images, trained):
    dataset = images()
    same = dataclasses.replace(dataset, test=dataset.train)
    without = errors.accuracy_without(trained(same), errors.copies(same))
    told = statistics.without_copies("custom-cnn", without)
    assert "copies in training or validation, exact, no image is left" in told


def test_blank_images_go_through_chapters_1_and_5(images, trained):
    dataset = images()
    blank = {n: Split(np.zeros_like(s.images), s.labels) for n, s in dataset.splits.items()}
    dataset = dataclasses.replace(dataset, **blank)
    assert "0" in data_page.about_pixels(dataset)
    told = data_page.copies(duplicates.duplicate_table(dataset), dataset)
    assert told.startswith("Of 16 test images 16 are exactly, and 0 nearly")
    cells = np.random.default_rng(0).random((16, 3, 3), np.float32)
    averages = maps.class_average_maps(np.zeros_like(cells), dataset.test.labels, 4)
    grad_cam.average_figure({"custom-cnn": averages}, dataset)
    grad_cam.gallery(trained(dataset), dataset, cells)


def test_one_epoch_is_told_and_drawn(images, trained):
    made = trained(images())
    one = dataclasses.replace(made, history=made.history.iloc[:1])
    assert "After the last epoch (1)" in training.outcome(one)
    training.training_curves([one]).canvas.draw()
    plt.close("all")
    settings = load_settings("demo", "epochs=1 plateau_patience=1")
    assert "at most 1 epoch. After 1 epoch without" in training.protocol(settings, "custom-cnn")


def test_what_has_no_value_is_called_none():
    nothing = measures.mean(np.array([np.nan]))
    assert {nothing.text(), nothing.percent(), nothing.points()} == {"none"}
