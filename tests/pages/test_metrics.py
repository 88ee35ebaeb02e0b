"""Chapter 4: its tables, figures and the branches of its sentences."""

import numpy as np
import pandas as pd
import pytest

from helpers.evaluation import errors, measures, metrics, selective, shift, triage
from helpers.evaluation.measures import Measure
from helpers.pages import comparisons
from helpers.pages import metrics as page
from helpers.pages import metrics_figures as figures
from helpers.study import data_sets

CLASSES = data_sets.get("octmnist").classes
MODELS = ("custom-cnn", "resnet50")
SPACE = measures.NO_BREAK_SPACE


def measure(value: float, reach: float = 0.05, n: int = 100) -> Measure:
    return Measure(value, value - reach, value + reach, n)


def result(sensitivity: Measure, levels: np.ndarray | None = None) -> triage.Triage:
    names = data_sets.URGENCY_LEVELS
    counts = np.diag([8, 4, 4]) if levels is None else levels
    table = pd.DataFrame(counts, index=names, columns=names)
    return triage.Triage(0.5, 0.95, sensitivity, measure(0.8), table)


@pytest.fixture
def shown(any_set, trained):
    return {model: trained(any_set, model, seed) for seed, model in enumerate(MODELS)}


@pytest.fixture
def resamples(any_set):
    return measures.draw_weights(any_set.test.labels, 50)


@pytest.fixture
def measured(shown, any_set, resamples):
    labels, classes = any_set.test.labels, any_set.classes
    probabilities = {model: t.predictions.test_probabilities for model, t in shown.items()}
    return {m: metrics.measure(p, labels, classes, resamples) for m, p in probabilities.items()}


def test_triage_steps_back_where_urgency_is_not_known(images, trained):
    blood = images("bloodmnist")
    assert page.triages({"custom-cnn": trained(blood)}, blood.data_set) == {}
    assert page.trust({}, blood) == page.NOT_TRIAGED
    assert page.trust_table({}, {}) is None
    assert page.misses({}) is None


@pytest.mark.parametrize(
    ("value", "verdict"), [(0.94, "which agrees with"), (0.6, "less than"), (1.1, "more than")]
)
def test_trust_is_told(images, value, verdict):
    said = page.trust({"custom-cnn": result(measure(value))}, images())
    assert f"of the urgent images, {verdict} the 95 % asked for" in said
    assert said.startswith("On the test images of a-file, with the threshold that finds 95 %")
    assert "(CNV, DME)" in said
    assert f"refers 20.0 % [15.0,{SPACE}25.0] of the others" in said


def test_a_clinic_sees_what_is_missed():
    levels = np.array([[5, 2, 1], [1, 3, 0], [0, 0, 4]])
    triages = {"custom-cnn": result(measure(0.9), levels)}
    table = page.misses(triages)
    assert table.loc[("urgent referral", "observation", 8), "custom-cnn"].startswith("1 [")
    assert table.loc[("routine referral", "urgent referral", 4), "custom-cnn"].startswith("1 [")
    trusted = page.trust_table(triages, {"custom-cnn": {"accuracy": measure(0.75)}})
    assert trusted.loc["urgent images sent home for observation", "custom-cnn"].startswith("12.5 %")
    empty = {"custom-cnn": result(measure(0.9), 0 * levels)}
    assert set(page.misses(empty)["custom-cnn"]) == {"0"}


def test_tables_say_metrics_with_intervals(measured, any_set):
    first = measured["custom-cnn"]
    summary = page.summary_table({"custom-cnn": {"0": first}}, ("accuracy", "auc/macro"))
    assert summary.loc["macro AUC", "custom-cnn"] == first["auc/macro"].text()
    table = page.class_table(first, any_set.classes)
    title = data_sets.class_title(any_set.classes[-1])
    assert table.loc[title, "recall"] == first[f"recall/{any_set.classes[-1]}"].text()
    assert table.loc["macro", "AUC"] == first["auc/macro"].text()
    assert table.loc["weighted", "AUC"] == ""
    assert table.loc["macro", "images"] == len(any_set.test)


def test_several_seeds_are_summed_up():
    two = {str(seed): {"accuracy": measure(value)} for seed, value in enumerate((0.5, 0.7))}
    row = page.spread_table({"custom-cnn": two}, ("accuracy",)).loc[("custom-cnn", "accuracy")]
    assert row.tolist() == ["0.500", "0.700", "0.600", "0.141"]


def test_the_hardest_class_is_named():
    confusion = np.array([[3, 1, 0], [0, 4, 0], [2, 1, 1]])
    said = page.hardest_class("resnet50", confusion, CLASSES[:3])
    assert said == "ResNet50 finds drusen least often: 1 of 4; 2 are taken for CNV."
    perfect = page.hardest_class("custom-cnn", np.diag([3, 3, 3]), CLASSES[:3])
    assert perfect == "The custom CNN names every image correctly."


@pytest.mark.parametrize(
    ("p", "told"),
    [
        ((0.9, 0.9, 0.9), "0 of the 3 differences are shown at 5 % after Holm's correction."),
        ((0.01, 0.9, 0.9), "correction; these are accuracy (ResNet50 against the custom CNN)."),
        ((0.01, 0.01, 0.9), "not shown are AUC, DME (ResNet50 against the custom CNN)."),
        ((0.01, 0.01, 0.01), "3 of the 3 differences are shown at 5 % after Holm's correction."),
    ],
)
def test_a_family_of_tests_is_summed_up(p, told):
    tests = pd.DataFrame(
        {
            "first": "custom-cnn",
            "second": "resnet50",
            "metric": ["accuracy", "auc/cnv", "auc/dme"],
            **{"difference": 0.1, "low": -0.1, "high": 0.2, "test": "T", "p": p, "p (Holm)": p},
        }
    )
    assert page.paired(tests).endswith(told)
    table = page.paired_table(tests)
    row = table.loc[("resnet50 less custom-cnn", "AUC, CNV")]
    assert row["difference (points)"] == f"+10.0 [-10.0,{SPACE}+20.0]"


@pytest.mark.parametrize(("temperature", "sure"), [(1.5, "too sure"), (0.8, "not sure enough")])
def test_calibration_is_told(temperature, sure):
    scores = {page.CALIBRATION_ERROR: measure(0.1)}
    said = page.calibration("custom-cnn", temperature, scores, scores, 0.02)
    assert f"it was {sure} of itself there" in said
    assert "is 10.0 [5.0, 15.0] points as it comes" in said
    assert "would show 2.0 by chance alone" in said
    table = page.calibration_table({"custom-cnn": scores}, {"custom-cnn": scores})
    assert list(table.index) == [("custom-cnn", "as it comes"), ("custom-cnn", "scaled")]


@pytest.mark.parametrize(
    ("rest", "told"),
    [
        (0.1, "more than chance, so images of a class differ between the splits."),
        (-0.1, "test images are easier than validation images of the same class."),
        (0.0, ", which chance alone could leave."),
    ],
)
def test_the_fall_from_validation_is_told(rest, told):
    parts = [measure(0.9), measure(0.7), measure(0.8), measure(0.1), measure(rest), measure(0.2)]
    said = page.prevalence_shift("resnet50", shift.PrevalenceShift(*parts))
    assert said.endswith(told)
    assert f"70.0 % [65.0,{SPACE}75.0] on test, 20.0 [15.0, 25.0] points less" in said


def test_the_class_that_falls_most_is_named():
    val = {"cnv": measure(0.9), "dme": measure(0.8)}
    test = {"cnv": measure(0.85), "dme": measure(0.5)}
    said = page.worst_fall("custom-cnn", {"validation": val, "test": test})
    assert said.startswith("The custom CNN loses most on DME: recall 80.0 %")
    none = page.worst_fall("custom-cnn", {"validation": test, "test": val})
    assert none == "The custom CNN finds no class less often on test than on validation."


def test_the_costliest_confusion_is_named():
    none = page.costliest_confusion("custom-cnn", None)
    assert none == "The custom CNN names no image at a lower level than it needs."
    one = page.costliest_confusion("resnet50", errors.Confusion("drusen", "normal", 2, 4, 1))
    assert one.startswith("ResNet50: drusen named normal costs most, 2 of 4 images, 50.0 %")
    assert one.endswith("each 1 level of urgency too low.")
    two = page.costliest_confusion("resnet50", errors.Confusion("cnv", "normal", 2, 4, 2))
    assert two.endswith("each 2 levels of urgency too low.")


def test_images_that_are_not_there_are_said_not_to_be():
    assert page.none_there(pd.DataFrame()) == "There are none."
    assert page.none_there(pd.DataFrame({"image": [1]})) == ""
    assert figures.labelled_images(np.zeros((0, 4, 4, 1), np.uint8), []) is None


def test_copies_left_out_are_counted():
    table = page.accuracy_table({"nothing": errors.WithoutCopies(0, measure(0.5))})
    assert table.loc["nothing"].tolist() == [0, f"50.0 % [45.0,{SPACE}55.0]"]


@pytest.mark.parametrize(("covered", "kept"), [(0.89, "in keeping with"), (0.8, "short of")])
def test_a_promise_is_kept_or_not(covered, kept):
    by_class = {"cnv": measure(0.9), "dme": measure(0.7)}
    few = measure(0.1)
    on_test = selective.Sets(measure(covered), by_class, few, few, few)
    said = page.exchangeability("custom-cnn", on_test, on_test, miss=0.1)
    assert said.startswith("The custom CNN: promised 90 %;")
    assert f"{kept} the promise; least often for DME, 70.0 %" in said
    table = page.set_table({"custom-cnn": on_test})
    assert list(table.index[:3]) == ["coverage, all", "coverage, CNV", "coverage, DME"]


def test_pictures_are_titled():
    table = pd.DataFrame({"true": [0], "labelled": [0], "predicted": [3], "probability": [0.987]})
    assert page.error_titles(table, CLASSES) == ["CNV, said\nnormal (p = 0.99)"]
    assert page.doubt_titles(table, CLASSES) == ["labelled CNV\n(p = 0.99), said normal"]


def test_two_models_are_compared():
    assert comparisons.alone(["one"]) == (
        "This run has one model, and no other to compare it with."
    )
    assert comparisons.alone(["one", "other"]) == ""


@pytest.mark.parametrize(
    ("only", "p", "told"),
    [
        ((3, 5), 0.7, "ResNet50 gets 2 more of the 100 test images right than the custom CNN"),
        ((5, 3), 0.7, "ResNet50 gets 2 fewer of the 100 test images right than the custom CNN"),
        ((3, 3), 1.0, "ResNet50 and the custom CNN get the same number of the 100 test images"),
        ((9, 30), 0.01, "By McNemar's exact test at 5 % a difference is shown (p = 0.01)."),
        ((3, 5), 0.7, "By McNemar's exact test at 5 % no difference can be shown (p = 0.7)."),
    ],
)
def test_a_comparison_is_told(only, p, told):
    compared = comparisons.Comparison(measure(0.02), *only, p)
    said = comparisons.sentence("custom-cnn", "resnet50", compared)
    assert told in said
    assert "(+2.0 points [-3.0, +7.0]): " in said
    assert f"{only[1]} only ResNet50 gets right, {only[0]} only the custom CNN" in said


def test_nothing_overlaps_in_a_figure(shown, measured, any_set, resamples, overlaps):
    classes, labels = any_set.classes, any_set.test.labels
    raw = {model: t.predictions.test_probabilities for model, t in shown.items()}
    triages = page.triages(shown, any_set.data_set)
    confusions = {model: 250 * metrics.confusion(t) for model, t in shown.items()}
    by_split = {m: shift.recalls_by_split(t.predictions, classes) for m, t in shown.items()}
    temperatures = dict.fromkeys(raw, 1.5)
    curves = {m: selective.risk_coverage(p, labels, resamples)[0] for m, p in raw.items()}
    surest = errors.confident_errors(shown[MODELS[0]].predictions, 8)
    pictures = any_set.test.images[surest["image"]]
    drawn = [
        figures.confusion_matrices(confusions, classes),
        figures.roc_curves(shown, measured, classes),
        figures.reliability(shown, temperatures),
        figures.precision_by_prevalence(shown, any_set.data_set, triages, resamples),
        figures.decision_curves(shown, any_set.data_set, resamples),
        figures.risk_coverage(curves),
        figures.labelled_images(pictures, page.error_titles(surest, classes)),
        comparisons.recalls(by_split, classes),
    ]
    for figure in filter(None, drawn):
        assert not overlaps(figure), figure.axes[0].get_title()


@pytest.mark.parametrize("name", data_sets.names())
def test_the_longest_titles_fit_over_pictures(name, overlaps):
    entry = data_sets.get(name)
    by_length = sorted(range(len(entry.classes)), key=lambda k: -len(entry.classes[k]))
    longest = (by_length * 2)[:4]
    columns = dict.fromkeys(("true", "labelled", "predicted"), longest)
    table = pd.DataFrame(columns | {"probability": 0.5})
    pictures = np.zeros((4, 28, 28, entry.channels), np.uint8)
    for titles in (page.error_titles, page.doubt_titles):
        assert not overlaps(figures.labelled_images(pictures, titles(table, entry.classes)))


def test_decision_curves_and_recalls_step_back(images, trained):
    blood = images("bloodmnist")
    shown = {"custom-cnn": trained(blood)}
    resamples = measures.draw_weights(blood.test.labels, 10)
    assert figures.decision_curves(shown, blood.data_set, resamples) is None
    assert comparisons.recalls({}, blood.classes) is None


def test_reliability_tells_both_kinds_apart(images, trained):
    figure = figures.reliability({"custom-cnn": trained(images())}, {"custom-cnn": 1.5})
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert legend == ["as it comes", "scaled by 1.50"]
