"""Chapter 4: its tables, figures and the branches of its sentences."""

import numpy as np
import pytest

from helpers.evaluation import measures, metrics
from helpers.evaluation.measures import Measure
from helpers.evaluation.seeds import OverSeeds
from helpers.pages import metrics as page
from helpers.pages.study import Study
from helpers.study import data_sets

CLASSES = data_sets.get("octmnist").classes
MODELS = ("custom-cnn", "resnet50")
SPACE = measures.NO_BREAK_SPACE


def mean(value: float, seeds: int = 1, units: int = 100) -> OverSeeds:
    measure = Measure(value, value - 0.05, value + 0.05, 100)
    return OverSeeds(measure, seeds, units, 0.01, 0.02, 0.03)


def means(**given: int) -> dict[str, dict[str, OverSeeds]]:
    recalls = {f"recall/{name}": mean(0.5 + k / 10) for k, name in enumerate(CLASSES)}
    return {"custom-cnn": {"accuracy": mean(0.65, **given), **recalls}}


@pytest.fixture
def shown(any_set, trained):
    return {model: trained(any_set, model, seed) for seed, model in enumerate(MODELS)}


def test_a_runs_findings_are_its_accuracies_and_hardest_classes(run, small, dataset, trainings):
    found = page.findings(Study(small, dataset, run))
    assert len(found) == len(small.models) + 1
    accuracy = metrics.headline(run, small, dataset)["custom-cnn"]["accuracy"]
    assert found[0].startswith(f"The custom CNN names {accuracy.percent()} of the 48 test images")
    assert "ResNet50 (its base has random weights) names" in found[1]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "There is one seed: intervals (95 %) hold the chance of the test images alone."),
        ({"seeds": 5}, "Means over 5 seeds; intervals (95 %) hold the chance of seeds and of the"),
        ({"seeds": 5, "units": 70}, "of seeds and of the 70 patients of the test images."),
    ],
)
def test_it_is_told_what_intervals_hold(given, told):
    assert told in page.of_seeds(means(**given))


def test_averages_that_are_the_same_are_told_once():
    balanced, skewed = np.array([5, 5, 5]), np.array([5, 6, 5])
    assert "weighted_f1" not in page.summary_names(balanced)
    assert "macro_recall" not in page.summary_names(balanced)
    assert {"weighted_f1", "macro_recall"} < set(page.summary_names(skewed))
    assert "macro recall is accuracy" in page.averages(balanced)
    assert page.averages(skewed).startswith("Weighted recall is accuracy")


def test_tables_say_metrics_with_intervals(shown, any_set):
    labels, classes = any_set.test.labels, any_set.classes
    of = shown["custom-cnn"].predictions.test_probabilities
    first = metrics.measure(of, labels, classes, measures.draw_weights(labels, 50))
    summary = page.summary_table({"custom-cnn": first}, ("accuracy", "auc/macro"))
    assert summary.loc["macro AUC", "The custom CNN"] == first["auc/macro"].text()
    table = page.class_table(first, classes)
    title = data_sets.class_title(classes[-1])
    assert table.loc[title, "recall"] == first[f"recall/{classes[-1]}"].text()
    assert table.shape == (len(classes), 4)


def test_the_hardest_class_is_named():
    confusion = np.array([[3, 1, 0], [0, 4, 0], [2, 1, 1]])
    said = page.hardest_class("resnet50", confusion, CLASSES[:3])
    assert said == "ResNet50 finds drusen least often: 1 of 4; 2 are misclassified as CNV."
    perfect = page.hardest_class("custom-cnn", np.diag([3, 3, 3]), CLASSES[:3])
    assert perfect == "The custom CNN names every image correctly."
    absent = page.hardest_class("resnet50", np.array([[0, 0], [1, 3]]), ("a", "b"))
    assert absent == "ResNet50 finds b least often: 3 of 4; 1 is misclassified as a."


def test_what_was_learned_is_the_runs():
    assert page.learned(means()) == [
        f"The custom CNN: accuracy 65.0 % [60.0,{SPACE}70.0], recalls of single classes from 50 to "
        "80 %."
    ]


def test_nothing_overlaps_in_a_figure(shown, any_set, overlaps):
    classes = any_set.classes
    confusions = {model: 250 * metrics.confusion(t) for model, t in shown.items()}
    for figure in (page.confusion_matrices(confusions, classes), page.roc_curves(shown, classes)):
        assert not overlaps(figure), figure.axes[0].get_title()
