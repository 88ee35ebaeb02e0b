"""Chapter 9: its sentences in every branch, its tables and its figure."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from benchmarks import simulated
from helpers.evaluation import comparison, errors, measures, shift
from helpers.evaluation.measures import Measure
from helpers.evaluation.seeds import OverSeeds
from helpers.pages import comparisons, words
from helpers.pages import statistics as page
from helpers.pages.study import Study
from helpers.study import data_sets

CLASSES = data_sets.get("octmnist").classes
SPACE = measures.NO_BREAK_SPACE


def measure(value: float, reach: float = 0.05, n: int = 100) -> Measure:
    return Measure(value, value - reach, value + reach, n)


def mean(seeds_there: int = 5, units: int = 80) -> dict[str, dict[str, OverSeeds]]:
    return {
        "custom-cnn": {page.PRIMARY: OverSeeds(measure(0.7), seeds_there, units, 0.01, 0.02, 0.022)}
    }


def fall(rest: float, reach: float = 0.02) -> shift.PrevalenceShift:
    parts = [measure(0.9), measure(0.7), measure(0.8), measure(0.1), measure(rest, reach)]
    return shift.PrevalenceShift(*parts, measure(0.2))


def test_a_runs_findings_begin_with_the_primary_endpoint(run, small, dataset, trainings):
    found = page.findings(Study(small, dataset, run))
    assert found[0].startswith("The custom CNN: macro recall ")
    assert found[0].endswith("(one seed).")
    assert "validation minus test is" in found[1]
    assert found[-1].startswith("ResNet50, whose base has random weights")


def test_the_interval_is_taken_apart():
    row = page.components(mean()).loc["The custom CNN"]
    assert row.tolist() == ["70.0", "1.0", "2.0", "2.2"]
    alone = page.components(mean(1, 100)).loc["The custom CNN"]
    assert alone.tolist() == ["70.0", "one seed", "2.0", "not known"]
    assert "The 100 test images are of 80 patients" in page.patients(mean())
    assert "by a factor of 1.21 to 1.21" in page.patients(mean())
    assert page.patients(mean(units=100)).startswith("Which test images are of one patient isn't")


def test_models_are_compared_over_seeds(images, trained):
    dataset = images(each=50)
    by_model = {
        model: [trained(dataset, model, seed, skill) for seed in range(3)]
        for model, skill in (("custom-cnn", 1.0), ("resnet50", 3.0))
    }
    said = page.difference("custom-cnn", "resnet50", by_model)
    right = [np.mean([t.predicted == dataset.test.labels for t in by_model[m]]) for m in by_model]
    assert said.startswith("ResNet50 less the custom CNN: in the mean of their seeds, ")
    assert f"{100 * (right[1] - right[0]):+.1f} [" in said
    assert said.endswith("more than chance leaves.")
    same = page.difference("custom-cnn", "custom-cnn", by_model)
    assert same.endswith("chance could leave that.")


@pytest.mark.parametrize(
    ("p", "told"),
    [
        ((0.9, 0.9, 0.9), "0 of the 3 differences are shown at 5 % after Holm's correction."),
        ((0.01, 0.9, 0.9), "correction; these are accuracy (ResNet50 against the custom CNN)."),
        ((0.01, 0.01, 0.9), "not shown are AUC, DME (ResNet50 against the custom CNN)."),
        ((0.01, 0.01, 0.01), "3 of the 3 differences are shown at 5 % after Holm's correction."),
        ((0.01, 0.01, np.nan), "a test: AUC, DME (ResNet50 against the custom CNN)."),
    ],
)
def test_a_family_of_tests_is_summed_up(p, told):
    tests = pd.DataFrame(
        {
            "first": "custom-cnn",
            "second": "resnet50",
            "metric": ["accuracy", "auc/cnv", "auc/dme"],
            **{"difference": 0.1, "low": [-0.1, -0.1, np.nan], "high": [0.2, 0.2, np.nan]},
            **{"test": "T", "p": p, "mid-p": [2e-5, np.nan, np.nan], "p (Holm)": p},
        }
    )
    assert page.paired(tests).endswith(told)
    table = page.paired_table(tests)
    row = table.loc["resnet50 less custom-cnn: AUC, CNV"]
    assert row["points"] == f"+10.0 [−10.0,{SPACE}+20.0]"
    assert table.loc["resnet50 less custom-cnn: accuracy", "mid-p"] == "< 0.001"
    assert table.loc["resnet50 less custom-cnn: AUC, DME", "points"] == "+10.0"
    if np.isnan(p[2]):
        assert table.loc["resnet50 less custom-cnn: AUC, DME", "p"] == "can't be tested"


@pytest.mark.parametrize(
    ("only", "p", "told"),
    [
        ((3, 5), 0.7, "ResNet50 gets 2 more of the 100 test images right than the custom CNN"),
        ((5, 3), 0.7, "ResNet50 gets 2 fewer of the 100 test images right than the custom CNN"),
        ((3, 3), 1.0, "ResNet50 and the custom CNN get the same number of the 100 test images"),
        ((9, 30), 0.01, "By McNemar's exact test at 5 % a difference is shown (p = 0.01)."),
        ((9, 90), 1e-9, "By McNemar's exact test at 5 % a difference is shown (p < 0.001)."),
        ((3, 5), 0.7, "By McNemar's exact test at 5 % no difference can be shown (p = 0.7)."),
    ],
)
def test_a_comparison_is_told(only, p, told):
    compared = comparison.Comparison(measure(0.02), *only, p, p)
    said = comparisons.sentence("custom-cnn", "resnet50", compared)
    assert told in said
    assert "(+2.0 points [−3.0, +7.0]): " in said
    assert f"{only[1]} only ResNet50 gets right, {only[0]} only the custom CNN" in said


def test_a_single_model_has_no_other():
    told = "This run has one model, and no other to compare it with."
    assert (comparisons.alone(["one"]), comparisons.alone(["one", "other"])) == (told, "")


def test_what_could_have_been_shown_is_told(images, trained):
    dataset = images(each=100)
    first, second = trained(dataset, seed=0), trained(dataset, "resnet50", seed=1)
    said = page.power(first, second)
    differing = int(
        (
            (first.predicted == dataset.test.labels) != (second.predicted == dataset.test.labels)
        ).sum()
    )
    assert said.startswith(f"On {differing} of 400 test images")
    assert "points is found four times of five by McNemar's exact test" in said
    assert page.power(first, first).endswith("no test could tell them apart.")


def right_on(*shares):
    """Trainings on 400 images of either split, right on these shares of validation and test."""
    labels = np.arange(400) % 4
    told = []
    for of_split in shares:
        both = [
            np.eye(4)[(labels + (np.arange(400) >= 400 * share)) % 4].astype(np.float32)
            for share in of_split
        ]
        told.append(simulated.trained_with(both[1], labels))
        predictions = dataclasses.replace(told[-1].predictions, val_probabilities=both[0])
        told[-1] = dataclasses.replace(told[-1], predictions=predictions)
    return told


@pytest.mark.parametrize(
    ("shares", "told"),
    [
        ([(0.9, 0.7)] * 3, "are harder than"),
        ([(0.7, 0.9)] * 3, "are easier than"),
        ([(0.8, 0.8)] * 3, "are not shown to be harder or easier than"),
        # one seed of three, far as it is, shows nothing of the mean
        ([(0.7, 0.95), (0.8, 0.8), (0.8, 0.8)], "are not shown to be harder or easier than"),
    ],
)
def test_validation_is_told_from_test_by_the_mean_over_seeds(shares, told):
    said = page.shift_verdict("resnet50", right_on(*shares))
    assert said.startswith(f"Test images {told} validation images of their class for ResNet50: at")
    value = 100 * np.mean([val - test for val, test in shares])
    assert f"validation minus test is {words.signed(value)} [" in said


def test_the_step_from_validation_is_taken_apart():
    said = page.prevalence_shift("resnet50", fall(-0.1))
    assert "Validation minus test is +20.0 [+15.0, +25.0] points" in said
    assert said.endswith("accounts for +10.0 [+5.0, +15.0], −10.0 [−12.0, −8.0] are left.")


def test_only_classes_that_differ_measurably_are_named():
    many, few = measures.proportion(90, 100), measures.proportion(40, 100)
    # the reviewed case: 33 of 34 on validation, 97 of 100 on test
    alike = {"cnv": measures.proportion(33, 34)}, {"cnv": measures.proportion(97, 100)}
    said = page.worst_fall("custom-cnn", {"validation": alike[0], "test": alike[1]})
    assert said.startswith("The custom CNN finds no class measurably more or less often")
    said = page.worst_fall("custom-cnn", {"validation": {"dme": many}, "test": {"dme": few}})
    assert said.startswith(
        "The custom CNN: recall on validation differs from that on test for DME by +50.0"
    )


def test_a_corrected_class_ratio_is_judged(images, trained):
    said = page.class_ratio("custom-cnn", trained(images(each=50)), np.full(4, 0.25))
    assert said.startswith("The custom CNN: the ratio estimated from its predictions is at most")
    assert said.endswith(("which chance could leave.", "so it helps.", "images of a class differ."))
    sure = trained(images(each=50), skill=12.0)
    said = page.class_ratio("custom-cnn", sure, np.full(4, 0.25))
    assert said.endswith("correcting for it changes nothing in which images are named correctly.")


def test_copies_left_out_are_counted():
    all_there = {"nothing": errors.WithoutCopies(0, measure(0.5))}
    assert page.without_copies("custom-cnn", all_there) == (
        "The custom CNN: no test image has a copy."
    )
    nothing = measures.proportion(0, 0)
    out = all_there | {
        "copies near": errors.WithoutCopies(3, measure(0.4)),
        "copies exact": errors.WithoutCopies(9, nothing),
    }
    assert page.without_copies("custom-cnn", out) == (
        "The custom CNN: accuracy 50.0 %; without 3 copies near, 40.0 %; without 9 copies exact, "
        "no image is left."
    )


@pytest.mark.parametrize(
    ("largest", "told"),
    [
        (0.0, "Yes, to the last digit."),
        (3e-8, "Yes, to 3e-08."),
        (0.01, "No: they differ by 0.01."),
    ],
)
def test_the_evaluators_verdict_is_a_word(largest, told):
    assert page.evaluator(pd.DataFrame({"accuracy": [0.0], "AUC": [largest]})) == told


def test_coverage_is_what_was_measured():
    recorded = json.loads(page.COVERAGE.read_text())
    value = 100 * recorded["500"]["accuracy"]
    assert page.coverage_table().loc["accuracy", "500 test images"].startswith(f"{value:.1f} % [")
    # what pages print holds, as far as so many sets tell; the bootstrap near 1 doesn't
    for name, share in recorded["500"].items():
        held = measures.proportion(round(share * recorded["sets"]), recorded["sets"])
        if name == "recall near 1, bootstrap":
            assert held.high < 0.9
        elif "reflected" not in name:
            assert held.high > 0.94, name


def test_doubts_are_told():
    table = pd.DataFrame({"labelled": [0], "predicted": [3], "probability": [0.087]})
    assert page.doubt_titles(table, CLASSES) == ["label CNV\n(p = 0.09),\nnamed normal"]
    assert page.doubts("custom-cnn", table, 100).startswith(
        "By the custom CNN, 1 of 100 validation"
    )


def test_nothing_overlaps_in_the_figure(any_set, trained, overlaps):
    shown = {m: trained(any_set, m, seed) for seed, m in enumerate(("custom-cnn", "resnet50"))}
    by_split = {m: shift.recalls_by_split(t.predictions, any_set.classes) for m, t in shown.items()}
    assert not overlaps(comparisons.recalls(by_split, any_set.classes))
    assert comparisons.recalls({}, any_set.classes) is None
