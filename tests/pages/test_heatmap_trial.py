"""Chapter 10: its figures, and the branches of its sentences."""

from dataclasses import replace

import numpy as np
import pytest

from helpers.evaluation.measures import Measure
from helpers.heatmaps import artifacts, controls
from helpers.heatmaps.artifacts import Shown, Trial
from helpers.heatmaps.controls import METHODS
from helpers.heatmaps.judgement import Margin
from helpers.heatmaps.rows import (
    ALL_RANDOM,
    ANOTHER_DRAW,
    CHECKS,
    MORE_THAN,
    NO_MODEL,
    NOISE,
    OTHER_SEED,
    PROBABILITY,
    SHUFFLED,
    TRUE_MASK,
    Row,
    decided,
    judged,
)
from helpers.pages import heatmap_trial as page
from helpers.pages.study import Study
from helpers.study.runs import Run
from helpers.study.settings import load_settings

MODEL = "custom-cnn"
BASELINES = ("brightness", "edges", "centre blob", "centre band")


def measure(value: float, n: int = 40) -> Measure:
    return Measure(value, value - 0.05, value + 0.05, n)


def row(method: str, check: str, above: float, p: float = 1e-9, model: str = MODEL, **more) -> Row:
    margin = Margin(measure(above), "chance", p)
    criterion, control = CHECKS[check]
    more = {"best": 0.3, "best_map": "centre blob"} | more
    return judged(model, method, criterion, measure(0.4), 0.2, control, margin=margin, **more)


@pytest.fixture
def trial() -> list[Row]:
    rows = [
        row(method, check, above, p)
        for check in CHECKS
        for method, (above, p) in zip(
            METHODS[:-1], 3 * [(0.1, 1e-9), (-0.1, 1e-9), (0.1, 0.5)], strict=True
        )
    ]
    rows += [
        Row(MODEL, "SHAP", *CHECKS[c][:1], None, control=CHECKS[c][1], why="dear") for c in CHECKS
    ]
    for name in BASELINES:
        rows.append(judged(NO_MODEL, name, "mass inside", measure(0.3), 0.2))
        rows += [judged(MODEL, name, kind, measure(0.3), 0.0) for kind in ("deletion", "insertion")]
    rows.append(judged(NO_MODEL, f"{TRUE_MASK}mean of 3 x 3 cells", "mass inside", measure(0.13)))
    return decided(rows)


def a_study(images, tmp_path, rows: list[Row]) -> Study:
    run = Run(tmp_path)
    artifacts.save_trial(run, Trial(rows, {}), "a key")
    return Study(load_settings("demo"), images(), run)


def test_what_the_trial_found_is_said(images, tmp_path, trial):
    said = page.findings(a_study(images, tmp_path, trial))
    assert said[0] == (
        "The custom CNN: of the methods tried, three of nine at finding the phantom's lesions, "
        "three of nine by deletion and three of nine by insertion are shown to do better than "
        "chance and than every map that knows no model."
    )
    assert said[1] == (
        "Its Grad-CAM passes: 40.0 % [35.0,\N{NO-BREAK SPACE}45.0] of the heat lies inside the "
        "lesion, of the centre blob of the same 40 images 30.0 %."
    )
    assert page.findings(a_study(images, tmp_path / "other", [])) == []


def test_a_study_without_lesions_tells_of_deletion_alone(images, tmp_path):
    rows = decided([row("LIME", "deletion", 0.1), row("SHAP", "deletion", 0.1, 0.9)])
    first, second = page.findings(a_study(images, tmp_path, rows))
    assert "of the methods tried, one of two by deletion are shown" in first
    assert second == ""


def test_each_check_has_its_verdict_in_a_sentence(trial):
    said = page.verdict(trial, MODEL, "deletion")
    assert said == (
        "The custom CNN, deletion: Grad-CAM, Score-CAM and integrated gradients pass; LayerCAM, "
        "SmoothGrad and LIME are undecided; Grad-CAM++, saliency and occlusion fail."
    )
    one = decided([row("LIME", "deletion", 0.1, 0.9)])
    assert page.verdict(one, MODEL, "deletion") == "The custom CNN, deletion: LIME is undecided."
    assert page.verdict(one, MODEL, "insertion") == ""
    assert page.verdicts(one, "deletion") == [page.verdict(one, MODEL, "deletion")]


def test_the_trial_is_one_figure_with_every_check_and_no_overlap(trial, overlaps):
    figure = page.dot_plot(trial, MODEL)
    titles = [axis.get_title(loc="left") for axis in figure.axes]
    assert titles == [f"{check} (n = 40)" for check in CHECKS]
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == [*METHODS, *BASELINES]
    assert not overlaps(figure)
    width, height = figure.get_size_inches()
    assert width <= 6.5
    assert height / width < 2


def test_the_maps_of_every_method_are_cells_with_lesions_outlined(images, overlaps):
    rng = np.random.default_rng(0)
    dataset = images()
    masks = rng.random((len(dataset.test), 28, 28)) > 0.8
    phantom = replace(dataset, lesion_masks={"test": masks})
    maps = {method: rng.random((4, 28, 28)) for method in METHODS}
    maps["LIME"][0] = 0
    shown = {"custom-cnn": Shown(np.arange(4), np.array([0, 1, 2, 3]), maps)}
    for each, outlines in ((phantom, 1), (dataset, 0)):
        figure = page.all_methods(shown, each)
        assert not overlaps(figure)
        axes = [axis for axis in figure.axes if axis.images]
        drawn = [axis.images[0] for axis in axes if axis.images[0].get_cmap().name == "inferno"]
        assert {image.get_interpolation() for image in drawn} == {"nearest"}
        assert axes[0].collections[:1] == [] or outlines
        assert [axis.get_xlabel() for axis in axes].count("constant") == 1


def test_the_maps_of_two_models_stand_side_by_side(images, overlaps):
    rng = np.random.default_rng(0)
    of_all = {method: rng.random((4, 3, 3)) for method in METHODS}
    fewer = {method: of_all[method] for method in METHODS if method not in ("LIME", "SHAP")}
    places = np.arange(4)
    shown = {"custom-cnn": Shown(places, places, of_all), "resnet50": Shown(places, places, fewer)}
    figure = page.all_methods(shown, images())
    assert not overlaps(figure)
    assert figure.get_size_inches()[0] <= 6.7
    told = [text.get_text() for axis in figure.axes for text in axis.texts]
    assert told.count("not tried") == 6
    assert {"The custom CNN", "ResNet50"} <= set(told)


def test_what_is_on_trial_is_said(images, tmp_path):
    study = a_study(images, tmp_path, [])
    said = page.on_trial(study)
    assert said.startswith("On trial are the maps of the custom CNN (40 and 5 images, by")
    assert f"ResNet50 is not on trial here: {controls.RANDOM_BASE}." in said
    assert said.endswith("LIME 252 times and SHAP 252 times.")
    alone = replace(study, settings=load_settings("demo", "models=resnet50"))
    assert page.on_trial(alone).startswith("Nothing is on trial here. ResNet50 is not")


def test_whose_models_each_panel_is_about_is_said(images):
    dataset = images(name="octmnist-mini")
    said = page.whose_models(dataset)
    assert said.startswith("The first panel is about networks of the same architecture trained")
    assert said.endswith("trained on octmnist-mini.")
    phantom = replace(dataset, lesion_masks={})
    assert page.whose_models(phantom).startswith("All six panels are about this run's own models")
    assert "the phantom imitates OCTMNIST" in page.whose_models(images("bloodmnist"))


def test_what_stands_beside_is_told(trial):
    assert page.ceilings(trial).endswith("would have: mean of 3 x 3 cells 0.130.")
    assert page.ceilings([]) == ""
    likeness = {"criterion": "rank correlation", "chance": 0.1}
    rows = [
        judged(MODEL, "prediction", PROBABILITY, measure(0.01), control=NOISE),
        judged(MODEL, "LIME", measure=measure(0.84), control=ANOTHER_DRAW, **likeness),
        judged(MODEL, "Grad-CAM", measure=measure(0.5), control=OTHER_SEED, **likeness),
        judged(MODEL, "Grad-CAM", measure=measure(0.5), control=ALL_RANDOM, **likeness),
    ]
    assert "falls by 1.0 [-4.0, 6.0] points on average (n = 40)" in page.noise(rows)[0]
    assert page.settled(rows)[0].endswith("(n = 40); not settled at 0.9.")
    assert len(page.steadiness(rows)) == 1
    assert "and of the other seed: 0.500" in page.steadiness(rows)[0]
    shuffled = judged(MODEL, "Grad-CAM", "mass inside", measure(0.04), 0.04, SHUFFLED)
    assert "trained on shuffled labels: 0.040" in page.shuffled([*trial, shuffled])[0]


def test_the_reports_sentences_are_answered_by_the_model_that_they_name(images):
    control = f"{MORE_THAN}custom-cnn"
    margin = Margin(measure(-0.1), "custom-cnn", 0.001)
    rows = [
        judged("resnet50", "Grad-CAM", "AUPRC", measure(-0.1), control=control, margin=margin),
        judged(MODEL, "Grad-CAM", "IoU", measure(0.3), 0.1),
    ]
    said = page.answers(decided(rows), images()).replace("\N{NO-BREAK SPACE}", " ")
    assert said.count("\n") == 0  # no sentence on ResNet50 by the custom CNN's figures
    assert "More Refined Localization" in said
    assert (
        "AUPRC (on the phantom) more than custom-cnn -0.100 [-0.150, -0.050]; n = 40; less, "
        "shown" in said
    )
    assert page.answers([], images()) == "Nothing on trial here answers them."
    assert page.answers(decided(rows), images("bloodmnist")) == page.answers([], images())
