"""Chapter 8: its verdicts in every branch, its tables and figures."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from helpers.evaluation import calibration, errors, measures, selective, triage
from helpers.evaluation.calibration import ByChance
from helpers.evaluation.measures import Measure
from helpers.pages import comparisons
from helpers.pages import trust as page
from helpers.pages.study import Study
from helpers.study import data_sets

OCT = data_sets.get("octmnist")
MODELS = ("custom-cnn", "resnet50")
SPACE = measures.NO_BREAK_SPACE


def measure(value: float, reach: float = 0.05, n: int = 100) -> Measure:
    return Measure(value, value - reach, value + reach, n)


@pytest.fixture
def shown(any_set, trained):
    return {model: trained(any_set, model, seed) for seed, model in enumerate(MODELS)}


def test_findings_leave_out_a_base_of_random_weights(run, small, dataset, trainings):
    study = Study(small, dataset, run)
    assert list(comparisons.informed(study)) == ["custom-cnn"]
    found = page.findings(study)
    assert found[0].startswith("The custom CNN finds ")
    assert found[1].startswith("The probabilities that the custom CNN gives")
    assert found[-1].startswith("ResNet50, whose base has random weights in this run, is left out")
    only = small.model_copy(update={"models": ("resnet50",)})
    assert list(comparisons.informed(Study(only, dataset, run))) == ["resnet50"]
    assert comparisons.left_out(Study(only, dataset, run)) == ""


@pytest.mark.parametrize(
    ("found", "verdict"), [(0.94, "as many as"), (0.6, "fewer than"), (1.1, "more than")]
)
def test_triage_is_judged(found, verdict):
    of = page.Triaged(measure(found), measure(0.2), measure(0.3))
    said = page.triage_verdict("custom-cnn", of)
    assert f"of the urgent images, {verdict} the 95 % asked for" in said
    assert f"send 20.0 % [15.0,{SPACE}25.0] of them home" in said


def test_triage_is_a_mean_over_seeds(images, trained):
    dataset = images(each=30)
    seeds = [trained(dataset, seed=seed) for seed in range(3)]
    of = page.triaged(seeds, OCT)
    each = [triage.triage(t.predictions, OCT) for t in seeds]
    assert of.sensitivity.value == pytest.approx(np.mean([t.sensitivity.value for t in each]))
    assert of.needless.value == pytest.approx(1 - np.mean([t.specificity.value for t in each]))
    home = [t.levels.iloc[0, 2] / 60 for t in each]
    assert of.sent_home.value == pytest.approx(np.mean(home))


def test_what_is_missed_is_told_with_its_share(images, trained):
    result = triage.triage(trained(images()).predictions, OCT)
    levels = pd.DataFrame([[51, 0, 74], [0, 3, 1], [0, 0, 0]])
    table = page.misses({"custom-cnn": result._replace(levels=levels)})
    told = table["The custom CNN"]
    assert told["urgent referral → observation"] == f"74 of 125, 59 % [50,{SPACE}67]"
    assert told["observation → urgent referral"] == "none there"


TOO_SURE = Measure(1.5, 1.2, 1.8, 100)


def off(*errors: float, temperature: Measure = TOO_SURE) -> page.Calibrated:
    count = len(errors)
    chance = [ByChance(0.02, 0.01, 0.03)] * count
    return page.Calibrated([temperature] * count, list(errors), [0.02] * count, chance)


@pytest.mark.parametrize(
    ("of", "told"),
    [
        (
            (0.02, 0.02),
            "can be taken at their word, as far as so many images tell: they are off by",
        ),
        ((0.04, 0.06), "can't be taken at their word: they are off by 5.0 points on average"),
        ((0.02, 0.04), "can't be taken at their word in 1 of 2 seeds: they are off by 3.0 points"),
    ],
)
def test_calibration_is_judged_against_chance(of, told):
    said = page.calibration_verdict("custom-cnn", off(*of))
    assert told in said
    assert "a perfectly calibrated model would show 1.0 to 3.0 by chance" in said


@pytest.mark.parametrize(
    ("temperature", "told"),
    [
        (Measure(1.5, 1.2, 1.8, 9), "is 1.50 [1.20, 1.80], so it was too sure of itself there."),
        (Measure(0.8, 0.7, 0.9, 9), "so it was not sure enough of itself there."),
        (Measure(1.03, 0.9, 1.15, 9), "which can't be told from 1."),
        (Measure(1.0, None, None, 9), "validation labels tell no temperature."),
    ],
)
def test_a_temperature_is_told_with_its_doubt(temperature, told):
    assert told in page.temperature("custom-cnn", off(0.04, temperature=temperature))


@pytest.mark.parametrize(
    ("half", "told"),
    [((0.1, 0.05, 0.15), "knows something of when it errs"), ((0.2, 0.1, 0.3), "is not shown to")],
)
def test_knowing_when_it_errs_is_judged(half, told):
    ends = pd.DataFrame([half, (0.25, 0.2, 0.3)], columns=["risk", "low", "high"])
    said = page.answering_verdict("custom-cnn", ends, measure(0.1))
    assert told in said
    assert f"of all 25.0 % [20.0,{SPACE}30.0]" in said


@pytest.mark.parametrize(
    ("on_test", "told"), [(4.0, "keep the promise"), (0.2, "break the promise")]
)
def test_a_promise_is_kept_or_not(images, trained, on_test, told):
    dataset = images(each=60)
    good, other = (trained(dataset, seed=4, skill=skill) for skill in (4.0, on_test))
    of = type(good.predictions)(
        good.predictions.val_probabilities,
        good.predictions.val_labels,
        other.predictions.test_probabilities,
        other.predictions.test_labels,
    )
    said = page.sets_verdict("custom-cnn", dataclasses.replace(good, predictions=of), OCT.classes)
    assert f"The sets of the custom CNN {told} of 90 % on test" in said


def test_the_costliest_confusion_is_named():
    none = page.costliest_confusion("custom-cnn", None)
    assert none == "The custom CNN names no image at a lower level than it needs."
    one = page.costliest_confusion("resnet50", errors.Confusion("drusen", "normal", 2, 4, 1))
    assert one.startswith("ResNet50: drusen named normal costs most, 2 of 4, 50 % [")
    assert one.endswith("each 1 level of urgency too low.")
    two = page.costliest_confusion("resnet50", errors.Confusion("cnv", "normal", 2, 4, 2))
    assert two.endswith("each 2 levels of urgency too low.")


def test_confident_errors_are_counted(images, trained):
    made = trained(images())
    labels = np.arange(20) % 4
    sure = 0.05 / 3 + (0.95 - 0.05 / 3) * np.eye(4)[np.where(labels == 3, 0, labels)]
    of = type(made.predictions)(None, None, sure, labels)
    said = page.confident_errors("custom-cnn", dataclasses.replace(made, predictions=of))
    assert "90 % or more, on 20 of 20 test images, 25.0 % [" in said
    unsure = type(made.predictions)(None, None, np.full((20, 4), 0.25), labels)
    said = page.confident_errors("custom-cnn", dataclasses.replace(made, predictions=unsure))
    assert said == "The custom CNN gives no test image a probability of 90 %."


def test_acting_on_a_model_is_judged(images, trained):
    dataset = images(each=100)
    resamples = measures.draw_weights(dataset.test.labels, 50)
    good, useless = trained(dataset, skill=5.0), trained(dataset, skill=0.0)
    told = page.decision_verdict({"custom-cnn": good}, OCT, resamples)
    assert told.startswith("The custom CNN does more good than referring everyone or no one at")
    told = page.decision_verdict({"custom-cnn": useless}, OCT, resamples)
    assert told.startswith("The custom CNN is not shown to do more good")


def test_a_series_is_drawn_twice_only_where_its_temperature_can_be_told(images, trained):
    shown = {"custom-cnn": trained(images())}
    for at, series in ((Measure(1.5, 1.2, 1.9, 9), 2), (Measure(1.1, 0.9, 1.3, 9), 1)):
        figure = page.reliability(shown, {"custom-cnn": at})
        legend = [text.get_text() for text in figure.legends[0].get_texts()]
        assert legend == ["as it comes", "scaled"][:series]
        assert len(figure.axes[0].containers) == series


def test_three_models_stand_in_two_columns(images, trained, overlaps):
    models = ("custom-cnn", "resnet50", "resnet50-caffe")
    shown = {model: trained(images(), model) for model in models}
    figure = page.reliability(shown, dict.fromkeys(models, Measure(1.5, 1.2, 1.9, 9)))
    assert not overlaps(figure)
    assert figure.get_size_inches()[0] <= 6.5
    assert sum(axis.axison for axis in figure.axes) == 6


def test_binned_errors_stand_beside_chance(images, trained):
    dataset = images()
    resamples = measures.draw_weights(dataset.test.labels, 20)
    told = page.calibration_table({"custom-cnn": trained(dataset)}, resamples)["The custom CNN"]
    for name in (*calibration.BINNED, "reliability (of the Brier score)"):
        assert "; by chance 0." in told[name]
    assert "[" in told["Brier score"]


def test_nothing_overlaps_in_a_figure(shown, any_set, overlaps):
    labels, data_set = any_set.test.labels, any_set.data_set
    resamples = measures.draw_weights(labels, 50)
    raw = {model: t.predictions.test_probabilities for model, t in shown.items()}
    curves = {m: selective.risk_coverage(p, labels, resamples)[0] for m, p in raw.items()}
    surest = errors.confident_errors(shown[MODELS[0]].predictions, 8)
    pictures = any_set.test.images[surest["image"]]
    drawn = [
        page.reliability(shown, dict.fromkeys(raw, Measure(1.5, 1.2, 1.9, 9))),
        page.risk_coverage(curves),
        comparisons.labelled_images(pictures, page.error_titles(surest, any_set.classes)),
    ]
    if triage.applies(data_set):
        drawn.append(page.decision_curves(shown, data_set, resamples))
        figure, told = page.precision_by_prevalence(shown, data_set, resamples)
        assert told.startswith("The custom CNN: were 1 in 100 urgent, ")
        drawn.append(figure)
    for figure in filter(None, drawn):
        assert not overlaps(figure), figure.axes[0].get_title()


@pytest.mark.parametrize("name", data_sets.names())
def test_the_longest_titles_fit_over_pictures(name, overlaps):
    entry = data_sets.get(name)
    by_length = sorted(range(len(entry.classes)), key=lambda k: -len(entry.classes[k]))
    longest = (by_length * 2)[:4]
    table = pd.DataFrame(dict.fromkeys(("true", "predicted"), longest) | {"probability": 0.5})
    pictures = np.zeros((4, 28, 28, entry.channels), np.uint8)
    titles = page.error_titles(table, entry.classes)
    assert not overlaps(comparisons.labelled_images(pictures, titles))


def test_images_that_are_not_there_are_said_not_to_be():
    assert comparisons.none_there(pd.DataFrame()) == "There are none."
    assert comparisons.none_there(pd.DataFrame({"image": [1]})) == ""
    assert comparisons.labelled_images(np.zeros((0, 4, 4, 1), np.uint8), []) is None
