"""Metrics: scikit-learn and MedMNIST's evaluator get the same; intervals and McNemar by hand."""

import dataclasses

import numpy as np
import pytest
from sklearn import metrics as reference

from helpers import evaluation, runs

CLASSES = ("cnv", "dme", "drusen", "normal")


def test_every_metric_agrees_with_scikit_learn(trainings):
    found = evaluation.measure_all(trainings, CLASSES)
    for trained in trainings:
        labels, scores = trained.predictions.test_labels, trained.predictions.test_probabilities
        ours = found[trained.model]["0"]
        report = reference.classification_report(
            labels, scores.argmax(1), target_names=CLASSES, output_dict=True, zero_division=0
        )
        expected = {"accuracy": report["accuracy"]}
        for name in CLASSES:
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
        scores = scores.astype(float) / scores.astype(float).sum(axis=1, keepdims=True)
        expected["auc/macro"] = reference.roc_auc_score(labels, scores, multi_class="ovr")
        expected["auc/micro"] = reference.roc_auc_score(np.eye(4)[labels], scores, average="micro")
        expected["loss"] = reference.log_loss(labels, scores)
        for k, name in enumerate(CLASSES):
            expected[f"auc/{name}"] = reference.roc_auc_score(labels == k, scores[:, k])
        assert set(ours) == set(expected)
        for name, value in expected.items():
            assert ours[name]["value"] == pytest.approx(value, abs=1e-6), name


def test_medmnists_evaluator_agrees(trainings):
    shown = {trained.model: trained for trained in trainings}
    table = evaluation.cross_check(shown, evaluation.measure_all(trainings, CLASSES))
    assert table.to_numpy().max() < 1e-6


def test_wilsons_interval_by_hand():
    # 8 of 10: (p + z2/2n +- z sqrt(p(1-p)/n + z2/4n2)) / (1 + z2/n), z = 1.959964
    labels = np.zeros(10, int)
    labels[:4] = [0, 1, 2, 3]
    scores = np.eye(4)[labels]
    scores[[8, 9]] = np.eye(4)[1]
    accuracy = evaluation.measure(scores, labels, CLASSES, np.ones((1, len(labels)), np.float32))[
        "accuracy"
    ]
    assert accuracy["value"] == 0.8
    assert accuracy["low"] == pytest.approx(0.49016, abs=1e-5)
    assert accuracy["high"] == pytest.approx(0.94332, abs=1e-5)


def test_a_class_never_predicted_has_precision_zero_of_no_images():
    labels = np.arange(8) % 4
    scores = np.eye(4)[np.where(labels == 3, 0, labels)]
    found = evaluation.measure(scores, labels, CLASSES, np.ones((1, len(labels)), np.float32))[
        "precision/normal"
    ]
    assert found == {"value": 0.0, "low": None, "high": None, "n": 0}


def test_metrics_are_written_once(run, trainings):
    metrics = evaluation.measure_all(trainings, CLASSES)
    path = run.artifacts / "metrics.json"
    evaluation.save(run, metrics)
    first = path.stat()
    evaluation.save(run, metrics)
    assert path.stat().st_mtime_ns == first.st_mtime_ns
    assert runs.read_json(path) == metrics
    assert set(metrics["custom-cnn"]["0"]["accuracy"]) == {"value", "low", "high", "n"}


def test_several_seeds_are_summed_up_beside_the_first(trainings):
    second = dataclasses.replace(trainings[0], seed=1)
    metrics = evaluation.measure_all([trainings[0], second], CLASSES)
    table = evaluation.spread_table(metrics, ("accuracy",))
    first = metrics["custom-cnn"]["0"]["accuracy"]["value"]
    assert table.loc[("custom-cnn", "accuracy"), "mean"] == f"{first:.3f}"
    assert table.loc[("custom-cnn", "accuracy"), "standard deviation"] == "0.000"
