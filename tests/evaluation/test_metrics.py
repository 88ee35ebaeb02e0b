"""Metrics: scikit-learn and MedMNIST's evaluator get the same, on the images and on resamples."""

import math
import tracemalloc

import numpy as np
import pytest
from sklearn import metrics as reference

from benchmarks.simulated import CLASSES, draw, trained_with
from helpers.evaluation import measures, metrics
from helpers.evaluation.measures import Measure
from helpers.study import data_sets, runs


def scikit_learns(
    probabilities: np.ndarray, labels: np.ndarray, classes: tuple[str, ...]
) -> dict[str, float]:
    """Every metric as scikit-learn has it; every class occurs."""
    report = reference.classification_report(
        labels, probabilities.argmax(1), target_names=classes, output_dict=True, zero_division=0
    )
    expected = {"accuracy": report["accuracy"]}
    for name in classes:
        expected |= {
            f"precision/{name}": report[name]["precision"],
            f"recall/{name}": report[name]["recall"],
            f"f1/{name}": report[name]["f1-score"],
        }
    for average in ("macro", "weighted"):
        values = report[f"{average} avg"]
        expected |= {
            f"{average}_precision": values["precision"],
            f"{average}_recall": values["recall"],
            f"{average}_f1": values["f1-score"],
        }
    one_hot = np.eye(len(classes))[labels]
    by_class = reference.roc_auc_score(one_hot, probabilities, average=None)
    expected |= {f"auc/{name}": area for name, area in zip(classes, by_class, strict=True)}
    expected["auc/macro"] = reference.roc_auc_score(one_hot, probabilities)
    expected["auc/micro"] = reference.roc_auc_score(one_hot, probabilities, average="micro")
    exact = probabilities.astype(float)
    expected["loss"] = reference.log_loss(labels, exact / exact.sum(axis=1, keepdims=True))
    return expected


def test_every_metric_agrees_with_scikit_learn(trainings):
    measured = metrics.measure_all(trainings, CLASSES)
    for trained in trainings:
        labels, scores = trained.predictions.test_labels, trained.predictions.test_probabilities
        ours = measured[trained.model]["0"]
        expected = scikit_learns(scores, labels, CLASSES)
        assert set(ours) == set(expected)
        for name, value in expected.items():
            assert ours[name].value == pytest.approx(value, abs=1e-6), name


@pytest.mark.parametrize("count", [2, 4, 11])
@pytest.mark.parametrize("decimals", [8, 1], ids=["no ties", "ties"])
def test_a_resamples_metrics_are_scikit_learns(decimals, count):
    classes = tuple("abcdefghijk"[:count])
    labels = np.random.default_rng(1).permutation(np.arange(100) ** 2 // 100 % count)
    probabilities = draw(np.random.default_rng(2), labels, skill=1.5, classes=count)
    probabilities = probabilities.round(decimals) + np.float32(0.01)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    resamples = measures.draw_weights(labels, 3)
    drawn = metrics.resampled(probabilities, labels, classes, resamples)
    for place, row in enumerate(resamples):
        images = np.repeat(np.arange(100), row.astype(int))
        expected = scikit_learns(probabilities[images], labels[images], classes)
        assert expected.keys() == drawn.keys() == set(metrics.names(classes))
        for name, values in drawn.items():
            assert values[place] == pytest.approx(expected[name], abs=1e-6), name


@pytest.mark.parametrize("count", [2, 4, 11])
def test_the_images_themselves_are_a_resample(count):
    classes = tuple("abcdefghijk"[:count])
    labels = np.arange(200) % count
    probabilities = draw(np.random.default_rng(0), labels, skill=1, classes=count)
    everything = measures.everything(200)
    drawn = metrics.resampled(probabilities, labels, classes, everything)
    measured = metrics.measure(probabilities, labels, classes, everything)
    assert list(measured) == metrics.names(classes)
    for name, measure in measured.items():
        assert drawn[name][0] == pytest.approx(measure.value, abs=1e-12), name


def test_a_class_that_is_never_named_has_precision_and_f1_of_0():
    labels = np.arange(8) % 4
    probabilities = np.tile(np.float32([0.7, 0.1, 0.1, 0.1]), (8, 1))
    drawn = metrics.resampled(probabilities, labels, CLASSES, measures.everything(8))
    assert drawn["precision/normal"] == drawn["f1/normal"] == 0
    assert drawn["auc/normal"] == 0.5


def test_a_class_never_predicted_has_precision_zero_of_no_images():
    labels = np.arange(8) % 4
    scores = np.eye(4)[np.where(labels == 3, 0, labels)]
    measured = metrics.measure(scores, labels, CLASSES, measures.everything(8))
    assert measured["precision/normal"] == Measure(0.0, None, None, 0)


def test_a_class_without_images_is_left_out_of_macro_averages():
    labels = np.arange(90) % 3
    probabilities = draw(np.random.default_rng(0), labels, skill=1)
    measured = metrics.measure(probabilities, labels, CLASSES, measures.draw_weights(labels, 50))
    assert measured["recall/normal"] == Measure(0.0, None, None, 0)
    assert math.isnan(measured["auc/normal"].value)
    expected = reference.recall_score(
        labels, probabilities.argmax(1), labels=range(3), average="macro"
    )
    assert measured["macro_recall"].value == pytest.approx(expected)
    for name in ("macro_recall", "macro_precision", "auc/macro", "auc/micro"):
        assert measured[name].low <= measured[name].value <= measured[name].high, name
    written = metrics.to_json({"custom-cnn": {"0": measured}})
    assert written["custom-cnn"]["0"]["auc/normal"]["value"] is None


@pytest.mark.parametrize("name", ["organamnist", "tissuemnist"])
def test_the_largest_sets_are_measured_in_little_memory(name):
    # A table of all pairs of decisions, as micro AUC is defined, takes 13.9 and 71.5 GB.
    data_set = data_sets.get(name)
    classes, images = data_set.classes, data_set.samples["test"]
    labels = np.arange(images) % len(classes)
    probabilities = draw(np.random.default_rng(0), labels, skill=2, classes=len(classes))
    resamples = measures.draw_weights(labels, 40)
    tracemalloc.start()
    measured = metrics.measure(probabilities, labels, classes, resamples)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100 * 2**20
    assert measured["auc/micro"].low < measured["auc/micro"].value < measured["auc/micro"].high


def test_accuracy_has_wilsons_interval():
    labels = np.zeros(10, int)
    labels[:4] = [0, 1, 2, 3]
    scores = np.eye(4)[labels]
    scores[[8, 9]] = np.eye(4)[1]
    measured = metrics.measure(scores, labels, CLASSES, measures.everything(10))
    assert measured["accuracy"] == measures.proportion(8, 10)


def test_medmnists_evaluator_agrees(trainings):
    shown = {trained.model: trained for trained in trainings}
    measured = metrics.measure_all(trainings, CLASSES)
    table = metrics.cross_check(shown, measured, data_sets.get("octmnist"))
    assert table.shape == (len(shown), 2)
    assert table.to_numpy().max() < 1e-6


def test_medmnists_evaluator_agrees_on_a_binary_set_whose_scores_tie():
    binary = data_sets.get("breastmnist")
    labels = np.arange(200) % 2
    # In float32 the surest scores of the first class are 1 and tie; the second's don't.
    probabilities = draw(np.random.default_rng(0), labels, skill=1, classes=2).astype(float)
    probabilities = (probabilities**12 / (probabilities**12).sum(1, keepdims=True)).astype("f4")
    trained = trained_with(probabilities, labels)
    measured = metrics.measure_all([trained], binary.classes)
    table = metrics.cross_check({trained.model: trained}, measured, binary)
    assert table.columns.tolist() == ["accuracy", "normal benign AUC"]
    assert table.to_numpy().max() < 1e-6


def test_metrics_are_measured_once_and_read_back(run, small, dataset, trainings, monkeypatch):
    measured = metrics.load_or_measure(run, small, dataset)
    assert measured == metrics.measure_all(trainings, CLASSES)
    content = runs.read_json(run.metrics)
    assert content == metrics.to_json(measured)
    assert set(content["custom-cnn"]["0"]["accuracy"]) == {"value", "low", "high", "n"}
    monkeypatch.setattr(metrics, "measure_all", None)  # not called again
    first = run.metrics.stat()
    assert metrics.load_or_measure(run, small, dataset) == measured
    assert run.metrics.stat().st_mtime_ns == first.st_mtime_ns


def test_metrics_of_other_trainings_are_measured_anew(run, small, dataset, trainings):
    fewer = small.model_copy(update={"models": small.models[:1]})
    assert list(metrics.load_or_measure(run, fewer, dataset)) == list(fewer.models)
    assert list(metrics.load_or_measure(run, small, dataset)) == list(small.models)


def test_the_same_metrics_are_written_once(run, trainings):
    measured = metrics.measure_all(trainings, CLASSES)
    runs.write_json(run.metrics, metrics.to_json(measured))
    first = run.metrics.stat()
    runs.write_json(run.metrics, metrics.to_json(measured))
    assert run.metrics.stat().st_mtime_ns == first.st_mtime_ns


def test_a_metric_is_told_in_words():
    names = ("auc/macro", "recall/cnv", "macro_f1", "loss", "accuracy")
    words = ["macro AUC", "CNV recall", "macro F1", "loss (nats)", "accuracy"]
    assert [metrics.in_words(name) for name in names] == words


def test_every_test_image_is_counted_once_in_the_confusion():
    labels = np.arange(30) % 3
    counts = metrics.confusion(trained_with(draw(np.random.default_rng(0), labels, 1), labels))
    assert counts.shape == (4, 4)
    assert counts.sum(axis=1).tolist() == [10, 10, 10, 0]


def test_a_roc_curve_encloses_its_area():
    labels = np.arange(120) % 4
    probabilities = draw(np.random.default_rng(0), labels, 1)
    curves = metrics.roc_curves(trained_with(probabilities, labels), CLASSES)
    expected = scikit_learns(probabilities, labels, CLASSES)
    for name, curve in curves.groupby("curve"):
        area = np.trapezoid(curve["true_positive_rate"], curve["false_positive_rate"])
        assert area == pytest.approx(expected[f"auc/{name}"], abs=1e-6)
