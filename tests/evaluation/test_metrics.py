"""Metrics: scikit-learn and MedMNIST's evaluator get the same, on the images and on resamples."""

import dataclasses
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
    exact = np.clip(exact / exact.sum(axis=1, keepdims=True), 1e-7, 1 - 1e-7)  # as Keras does
    expected["loss"] = reference.log_loss(labels, exact / exact.sum(axis=1, keepdims=True))
    return expected


def test_every_metric_agrees_with_scikit_learn(trainings):
    measured, _ = metrics.measure_all(trainings, CLASSES)
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
    assert measured["auc/normal"].as_json()["value"] is None


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


def test_one_number_has_one_interval():
    labels = np.arange(80) % 4
    probabilities = draw(np.random.default_rng(0), labels, skill=1.5)
    measured = metrics.measure(probabilities, labels, CLASSES, measures.draw_weights(labels, 50))
    assert measured["accuracy"] == measured["weighted_recall"]
    assert measured["accuracy"] == pytest.approx(measured["macro_recall"])
    is_right = probabilities.argmax(axis=1) == labels
    assert measured["accuracy"] == pytest.approx(measures.stratified_share(is_right, labels))


def test_a_perfect_model_is_not_taken_for_certain():
    labels = np.arange(80) % 4
    measured = metrics.measure(
        np.eye(4)[labels], labels, CLASSES, measures.draw_weights(labels, 50)
    )
    assert measured["accuracy"].low < measured["accuracy"].high == 1
    assert measured["macro_f1"] == Measure(1.0, None, None, 80)
    assert measured["auc/macro"].low is None


@pytest.fixture
def three_seeds():
    labels = np.arange(240) % 4
    drawn = (draw(np.random.default_rng(seed), labels, 1.7) for seed in range(3))
    made = [trained_with(probabilities, labels) for probabilities in drawn]
    return [dataclasses.replace(each, seed=seed) for seed, each in enumerate(made)]


def test_the_headline_is_the_mean_over_seeds_with_both_sources_of_chance(three_seeds):
    each, means = metrics.measure_all(three_seeds, CLASSES)
    accuracy = means["custom-cnn"]["accuracy"]
    values = [by_name["accuracy"].value for by_name in each["custom-cnn"].values()]
    assert accuracy.measure.value == pytest.approx(np.mean(values))
    assert accuracy.between_seeds == pytest.approx(np.std(values, ddof=1))
    assert (accuracy.seeds, accuracy.units, accuracy.measure.n) == (3, 240, 240)
    # on a balanced split all three are one number, and have one interval
    for name in ("macro_recall", "weighted_recall"):
        assert means["custom-cnn"][name].measure == pytest.approx(accuracy.measure, abs=1e-6)
    reach = 4.302653 * accuracy.between_seeds / np.sqrt(3)  # t of two degrees of freedom
    assert accuracy.measure.high - accuracy.measure.value > reach
    content = metrics.to_json(each, means)
    assert metrics.from_json(content) == each
    assert metrics.means_from_json(content) == means


def test_the_headline_resamples_patients_where_they_are_known(three_seeds):
    patients = np.arange(240) // 12  # each has three images of every class
    alike = [
        dataclasses.replace(
            t,
            predictions=dataclasses.replace(
                t.predictions,
                test_probabilities=t.predictions.test_probabilities[
                    patients * 12 + np.arange(240) % 4
                ],
            ),
        )
        for t in three_seeds
    ]
    _, means = metrics.measure_all(alike, CLASSES, patients)
    accuracy = means["custom-cnn"]["accuracy"]
    assert accuracy.units == 20
    assert accuracy.by_units / accuracy.by_images == pytest.approx(np.sqrt(3), rel=0.25)


def test_one_seed_is_its_own_mean(three_seeds):
    each, means = metrics.measure_all(three_seeds[:1], CLASSES)
    (measured,) = each["custom-cnn"].values()
    for name, mean in means["custom-cnn"].items():
        assert mean.measure == measured[name], name
        assert np.isnan(mean.between_seeds)
    written = metrics.to_json(each, means)
    assert written["custom-cnn"][metrics.ALL_SEEDS]["accuracy"]["between_seeds"] is None


def test_patients_that_are_not_known_are_each_their_own(dataset, monkeypatch):
    assert metrics.of_test_patients(dataset) is None
    n = len(dataset.test)
    known = np.full(n, "", object)
    known[:4] = "7"
    monkeypatch.setattr(metrics.scans, "source_patients", lambda _: {"test": known})
    patients = metrics.of_test_patients(dataset)
    assert len(set(patients[:4])) == 1
    assert len(set(patients)) == n - 3
    known[:] = ""
    assert metrics.of_test_patients(dataset) is None


def test_medmnists_evaluator_agrees(trainings):
    shown = {trained.model: trained for trained in trainings}
    measured, _ = metrics.measure_all(trainings, CLASSES)
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
    measured, _ = metrics.measure_all([trained], binary.classes)
    table = metrics.cross_check({trained.model: trained}, measured, binary)
    assert table.columns.tolist() == ["accuracy", "normal benign AUC"]
    assert table.to_numpy().max() < 1e-6


def test_metrics_are_measured_once_and_read_back(run, small, dataset, trainings, monkeypatch):
    measured = metrics.load_or_measure(run, small, dataset)
    each, means = metrics.measure_all(trainings, CLASSES)
    assert measured == each
    assert metrics.over_seeds(run, small, dataset).keys() == means.keys()
    first = metrics.headline(run, small, dataset)["custom-cnn"]["accuracy"]
    assert first == measured["custom-cnn"]["0"]["accuracy"]
    content = runs.read_json(run.metrics)
    assert content == metrics.to_json(each, means)
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
    runs.write_json(run.metrics, metrics.to_json(*measured))
    first = run.metrics.stat()
    runs.write_json(run.metrics, metrics.to_json(*measured))
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
