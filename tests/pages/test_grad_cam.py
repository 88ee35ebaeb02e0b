"""Chapter 5: its figures and the branches of its sentences."""

from dataclasses import replace

import numpy as np

from helpers.evaluation.measures import Measure
from helpers.heatmaps import artifacts
from helpers.heatmaps.artifacts import Trial
from helpers.heatmaps.localization import MASS_INSIDE
from helpers.heatmaps.rows import BEFORE_RELU, CELLS, HOTTEST_CELL, MEAN_MAPS, Row, judged
from helpers.pages import grad_cam as page
from helpers.pages.study import Study
from helpers.study.runs import Run
from helpers.study.settings import load_settings

MODEL = "custom-cnn"


def measure(value: float) -> Measure:
    return Measure(value, value - 0.01, value + 0.01, 9)


def mean_maps(pair: str, value: float) -> Row:
    return Row(MODEL, "Grad-CAM", MEAN_MAPS, Measure(value, None, None, 9), class_name=pair)


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
    averages = page.average_maps(maps, any_set)
    drawn = [
        page.gallery(shown[MODEL], any_set, maps[MODEL]),
        page.average_figure(averages, any_set),
    ]
    for figure in drawn:
        assert not overlaps(figure), any_set.data_set.name
        heat = [i for axis in figure.axes for i in axis.images if i.get_cmap().name == "inferno"]
        assert heat
        assert all(image.get_array().shape == (3, 3) for image in heat)


def test_a_class_without_a_wrong_image_says_so_and_lesions_are_outlined(images, trained):
    dataset = images(each=6)
    masks = np.random.default_rng(0).random((len(dataset.test), 28, 28)) > 0.8
    phantom = replace(dataset, lesion_masks={"test": masks})
    perfect = trained(dataset, skill=50.0)
    assert (perfect.predicted == dataset.test.labels).all()
    maps = cells(len(dataset.test))
    maps[:] = 0
    figure = page.gallery(perfect, phantom, maps)
    said = [text.get_text() for axis in figure.axes for text in axis.texts]
    assert said == [f"{name}, wrong:\nnone" for name in ("CNV", "DME", "drusen", "normal")]
    outlined = [axis for axis in figure.axes if axis.images and axis.collections]
    assert len(outlined) == 8
    assert [axis.get_xlabel() for axis in figure.axes].count("constant map") == 4


def test_only_maps_of_eyes_are_mirrored(images):
    for name, is_mirrored in (("octmnist", True), ("pneumoniamnist", False)):
        dataset = images(name)
        maps = page.average_maps({MODEL: cells(len(dataset.test))}, dataset)[MODEL]
        assert np.allclose(maps, maps[:, :, ::-1]) == is_mirrored
        assert page.mirroring(dataset).startswith("Each map is averaged") == is_mirrored
    assert page.mirroring(images("bloodmnist")) == ""


def test_mean_maps_that_should_differ_and_do_not_are_told():
    rows = [mean_maps("cnv and dme", 0.999), mean_maps("cnv and drusen", -1.0)]
    assert page.alike(rows, MODEL) == (
        "The custom CNN: the mean maps most alike are those of CNV and DME (r = 1.00), the least "
        "alike those of CNV and drusen (r = \N{MINUS SIGN}1.00). Maps that explain classes should "
        "differ; those of these two don't."
    )
    none = page.alike([rows[0], mean_maps("cnv and drusen", 0.96)], MODEL)
    assert none.endswith("should differ; none of these do.")
    assert page.alike([mean_maps("cnv and dme", 0.5)], MODEL).endswith("correlate by 0.50.")
    assert page.alike([], MODEL) == ""


def test_whether_grad_cam_finds_lesions_is_told_by_its_verdict():
    row = judged(MODEL, "Grad-CAM", MASS_INSIDE.name, measure(0.05), 0.04)
    row = replace(row, best=0.12, best_map="centre blob", verdict="fail")
    said = page.verdict([row], MODEL)
    known = "The custom CNN: on the phantom, whose lesions are known, Grad-CAM"
    assert said.startswith(f"{known} doesn't find them: 5.0 %")
    assert said.endswith(
        "4.0 % would by chance, and 12.0 % of a map that knows no model (centre blob)."
    )
    assert "Grad-CAM finds them" in page.verdict([replace(row, verdict="pass")], MODEL)
    assert "isn't shown to find them" in page.verdict([replace(row, verdict="undecided")], MODEL)
    assert page.verdict([], MODEL) == ""


def test_the_chapter_begins_with_what_was_found(images, tmp_path):
    run = Run(tmp_path)
    study = Study(load_settings("demo"), images(), run)
    assert page.findings(study) == []
    rows = [
        Row(MODEL, "Grad-CAM", CELLS, Measure(9, None, None, 16)),
        mean_maps("cnv and dme", 0.5),
        judged(MODEL, "Grad-CAM", HOTTEST_CELL, measure(0.8), control=BEFORE_RELU),
    ]
    artifacts.save_trial(run, Trial(rows, {}), "a key")
    first, second, third = page.findings(study)
    assert first == "Grad-CAM of the custom CNN has 9 cells, of an image of 784 pixels."
    assert second.startswith("The custom CNN: the mean maps of CNV and DME")
    assert third == ""
    (layer,) = page.target_layer(rows)
    assert layer.startswith("The custom CNN: the hottest cell is the same in 80.0 %")
