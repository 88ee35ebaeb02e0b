"""Chapter 5: its tables, figures and the branches of its sentences."""

import numpy as np
import pytest

from helpers.evaluation.measures import Measure
from helpers.heatmaps import controls, rows
from helpers.heatmaps.artifacts import Shown
from helpers.heatmaps.faithfulness import DELETION
from helpers.heatmaps.localization import MASS_INSIDE
from helpers.heatmaps.rows import ALL_RANDOM, FLIP, SHUFFLED, Row, judged
from helpers.heatmaps.similarity import RANK_CORRELATION
from helpers.pages import grad_cam as page
from helpers.study import data_sets
from helpers.study.settings import load_settings

MODEL = "custom-cnn"


def measure(value: float) -> Measure:
    return Measure(value, value - 0.01, value + 0.01, 9)


def compared(method: str, value: float, control: str = ALL_RANDOM) -> Row:
    return judged(MODEL, method, RANK_CORRELATION.name, measure(value), 0.1, control)


@pytest.fixture
def trial() -> list[Row]:
    return [
        judged(MODEL, "SHAP", MASS_INSIDE.name, measure(0.5), 0.1),
        judged(MODEL, "SHAP", MASS_INSIDE.name, measure(0.7), 0.1, SHUFFLED),
        judged(MODEL, "SHAP", MASS_INSIDE.name, measure(0.9), 0.1, class_name="cnv"),
        Row(MODEL, "SHAP", DELETION.name, None, why="why"),
        compared("SHAP", 0.8),
        compared("SHAP", 0.3, FLIP),
    ]


def cells(count: int) -> np.ndarray:
    return np.random.default_rng(0).random((count, 3, 3))


def test_the_gallery_holds_the_most_confident_of_each_kind(images, trained):
    predictions = trained(images(each=9), skill=1.0).predictions
    chosen = page.most_confident(predictions)
    assert not chosen.duplicated(["true", "right"]).any()
    for row in chosen.itertuples():
        named = predictions.test_probabilities.argmax(axis=1)
        alike = (predictions.test_labels == row.true) & ((named == row.true) == row.right)
        assert row.probability == predictions.test_probabilities[alike].max()


def test_maps_are_shown_of_every_set(any_set, trained, overlaps):
    shown = {MODEL: trained(any_set, skill=1.0)}
    maps = {MODEL: cells(len(any_set.test))}
    maps[MODEL][0] = 0
    averages = page.average_maps(maps, any_set)
    tried = Shown(shown[MODEL].predicted[:6], {"a": cells(6), "b": 0 * cells(6)})
    drawn = [
        page.gallery(shown[MODEL], any_set, maps[MODEL]),
        page.average_figure(averages, any_set),
        page.methods_side_by_side(MODEL, tried, any_set),
    ]
    for figure in drawn:
        assert not overlaps(figure), any_set.data_set.name
    constant = [axis.get_xlabel() for axis in drawn[-1].axes]
    assert constant.count("constant") == min(6, len(any_set.test))
    assert list(page.map_tables(maps, any_set)[MODEL].index) == list(any_set.classes)


def test_only_maps_of_eyes_are_mirrored(images):
    for name, is_mirrored in (("octmnist", True), ("pneumoniamnist", False)):
        dataset = images(name)
        maps = page.average_maps({MODEL: cells(len(dataset.test))}, dataset)[MODEL]
        assert np.allclose(maps, maps[:, :, ::-1]) == is_mirrored
        assert page.mirroring(dataset).startswith("Each map is averaged") == is_mirrored
    assert page.mirroring(images("bloodmnist")) == ""


def test_mean_maps_are_compared():
    maps = np.array([[[0, 1], [0, 1]], [[0, 2], [0, 2.1]], [[1, 0], [1, 0]]], float)
    classes = data_sets.get("octmnist").classes
    said = page.class_maps("resnet50", maps, classes[:3])
    assert said.startswith("ResNet50: the mean maps most alike are those of CNV and DME (r = 1.00)")
    assert "least alike those of CNV and drusen (r = -1.00)" in said
    two = page.class_maps(MODEL, maps[:2], ("normal", "pneumonia"))
    assert two.startswith(
        "The custom CNN: compared are the mean maps of normal and pneumonia (r = 1.00)."
    )
    constant = page.class_maps(MODEL, 0 * maps, classes[:3])
    assert constant == "The custom CNN: some mean maps are constant and can't be compared."


def test_what_is_on_trial_is_said(images):
    demo = page.on_trial(load_settings("demo"), images(each=1))
    assert demo.startswith("On trial are the maps of the first test images: 4 of the custom CNN,")
    assert demo.endswith(f"ResNet50 is not on trial here: {controls.RANDOM_BASE}.")
    paper = page.on_trial(load_settings("paper"), images(each=30))
    assert "100 of the custom CNN and 33 of ResNet50, with some 64 calls" in paper
    assert paper.endswith("preprocessing, the same network on other input, is left out.")
    none = page.on_trial(load_settings("demo", "models=resnet50"), images())
    assert none.startswith("No heatmaps are on trial here. ResNet50 is not on trial here")


def test_where_no_lesion_is_known_that_is_said(images):
    assert page.no_truth(images()) == ""
    assert page.no_truth(images("bloodmnist")).startswith("Not tried here: the phantom imitates")


def test_tables_tell_values_or_why_there_is_none(trial):
    table = page.truth(trial, [MODEL])[MODEL]
    assert table.loc["SHAP", "mass inside"].startswith("0.500")
    assert "chance\N{NO-BREAK SPACE}0.100" in table.loc["SHAP", "mass inside"]
    shuffled = page.truth(trial, [MODEL], SHUFFLED)
    assert shuffled["custom-cnn, shuffled labels"].loc["SHAP", "mass inside"].startswith("0.700")
    assert page.faithful(trial, [MODEL])[MODEL].loc["SHAP", "deletion"] == "why"
    assert page.truth(trial, [rows.NO_MODEL]) == {}


def test_comparisons_stand_under_what_was_changed(trial):
    randomized = page.alike(trial, [MODEL], randomized=True)[MODEL]
    assert list(randomized.columns) == ["all weights random: rank correlation"]
    robust = page.alike(trial, [MODEL], randomized=False)[MODEL]
    assert list(robust.columns) == ["flip: rank correlation"]


def test_a_method_that_keeps_its_maps_is_named_an_edge_detector():
    kept, changed = compared("saliency", 0.8), compared("Grad-CAM", 0.2)
    said = page.edge_detectors([kept, changed], MODEL)
    assert "the maps of saliency (n = 9) stay much the same" in said
    assert "Grad-CAM" not in said
    none = page.edge_detectors([changed], MODEL)
    assert none.endswith("no method keeps its maps (rank correlation above 0.5 and above chance).")
    gap = Row(MODEL, "LIME", RANK_CORRELATION.name, None, why="constant", control=ALL_RANDOM)
    said = page.edge_detectors([kept, gap], MODEL)
    assert said.endswith("Constant, and so without an answer: LIME.")


def test_verdicts_are_told_in_words(trial):
    told = page.verdict_tables([*trial, compared("LIME", 0.2)], [MODEL])[MODEL].data
    assert [told.count(f">{word}<") for word in ("passes", "fails", "not tried")] == [2, 2, 8]


def test_the_reports_sentences_are_answered_by_what_was_measured(images):
    answered = [judged(MODEL, "Grad-CAM", MASS_INSIDE.name, measure(0.5), 0.1)]
    table = page.answers(answered, images())
    assert table["measured"].str.contains("mass inside 0.500").all()
    assert page.no_answers(table) == ""
    assert page.answers([], images()) is None
    assert page.answers(answered, images("bloodmnist")) is None
    assert page.no_answers(None) == "Nothing on trial here answers them."
