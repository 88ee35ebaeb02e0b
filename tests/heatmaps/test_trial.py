"""Heatmaps on trial: every method by every criterion, with what chance and controls earn."""

import json
from dataclasses import replace

import numpy as np
import pytest

from helpers.data.dataset import Dataset, Split
from helpers.heatmaps import artifacts, controls, maps, methods, results, trial
from helpers.heatmaps import localization as places
from helpers.heatmaps import rows as heatmap_rows
from helpers.heatmaps.controls import METHODS
from helpers.heatmaps.probe import Probe
from helpers.heatmaps.rows import CHECKS, NO_MODEL, Row
from helpers.heatmaps.trial import Explained
from helpers.models import fit
from helpers.study import data_sets
from helpers.study.runs import Run
from helpers.study.settings import load_settings

MODEL, UNTRIED = "custom-cnn", "resnet50"
TRUTH = ["pointing game", "mass inside", "AUPRC", "IoU"]


@pytest.fixture(scope="module")
def explained(trainings, dataset, small) -> Explained:
    return trial.explain_first(trainings[0], dataset, small)


@pytest.fixture(scope="module")
def tried(run, small, dataset, trainings) -> artifacts.Trial:
    return results.load_or_run(run, small, dataset)


def toy_explained(model: str, classes: list[int], seed: int) -> Explained:
    """A model on trial whose maps are random numbers; nothing asks its network."""
    rng = np.random.default_rng(seed)
    maps = {method: rng.random((len(classes), 28, 28), np.float32) for method in METHODS}
    return Explained(model, None, None, np.array(classes), maps, 4)


def test_every_method_that_can_be_afforded_is_tried_by_every_check(tried):
    afforded = [method for method in METHODS if method not in controls.SAMPLING]
    for check in CHECKS:
        found = heatmap_rows.of_check(tried.rows, MODEL, check)
        assert list(found) == list(METHODS), check
        assert [m for m, row in found.items() if row.why == trial.TOO_DEAR] == ["LIME", "SHAP"]
        untried = heatmap_rows.of_check(tried.rows, UNTRIED, check)
        assert {row.why for row in untried.values()} == {controls.RANDOM_BASE}
    judged = [row for row in tried.rows if row.verdict]
    assert {row.method for row in judged} <= set(afforded)
    assert {row.model for row in judged} == {MODEL}
    assert len(judged) > 4 * len(afforded)
    assert all(row.measure or row.why for row in tried.rows)
    assert heatmap_rows.tried(tried.rows) == [MODEL]


def test_maps_that_know_no_model_and_the_truth_on_a_grid_stand_beside(tried):
    names = {row.method for row in tried.rows if row.model == NO_MODEL}
    assert {"brightness", "edges", "centre blob", "centre band"} < names
    assert "true mask, mean of 3 x 3 cells" in names
    assert "true mask, best of 7 x 7 cells" in names
    row = heatmap_rows.find(tried.rows, MODEL, "Grad-CAM", "mass inside")
    truth = heatmap_rows.find(tried.rows, NO_MODEL, "true mask, mean of 3 x 3 cells", "mass inside")
    assert row.ceiling == pytest.approx(truth.measure.value)
    best = heatmap_rows.find(tried.rows, NO_MODEL, row.best_map, "mass inside")
    assert row.best == pytest.approx(best.measure.value)


def test_a_trial_is_run_once(run, small, dataset, tried, explained, monkeypatch):
    packed = json.loads(run.explanations.read_text())
    assert [Row.from_json(row).as_json() for row in packed] == packed
    assert [Row.from_json(row) for row in packed] == tried.rows
    assert list(tried.shown) == [MODEL]
    shown = tried.shown[MODEL]
    assert len(set(dataset.test.labels[shown.images])) == len(shown.images)
    np.testing.assert_array_equal(shown.classes, explained.classes[shown.images])
    grids = methods.grids(explained.probe, dataset.size, explained.calls)
    for method, drawn in explained.maps.items():
        in_cells = maps.cells(drawn[shown.images], grids[method])
        np.testing.assert_array_equal(shown.maps[method], in_cells)
    asked = []
    monkeypatch.setattr(trial, "run_trial", lambda *_: asked.append(True) or tried)
    assert results.load_or_run(run, small, dataset).rows == tried.rows
    assert not asked
    more = small.heatmaps.model_copy(update={"evaluations": 5})
    results.load_or_run(run, small.model_copy(update={"heatmaps": more}), dataset)
    assert asked


def test_grad_cam_of_every_test_image_is_drawn_once(trainings, dataset, monkeypatch):
    trained, images = trainings[0], dataset.test.images
    drawn = results.load_or_draw_grad_cam(trained, images)
    expected = methods.grad_cam_cells(Probe(trained.load_model()), images, trained.predicted)
    assert len(drawn) == len(images)
    np.testing.assert_allclose(drawn, expected, rtol=1e-4, atol=1e-6)
    monkeypatch.delattr(methods, "grad_cam_cells")
    np.testing.assert_array_equal(results.load_or_draw_grad_cam(trained, images), drawn)


@pytest.fixture(scope="module")
def lesions(dataset) -> tuple[np.ndarray, np.ndarray]:
    masks = dataset.lesion_masks["test"]
    chosen = masks.any(axis=(1, 2))
    return dataset.test.images[chosen], masks[chosen]


def judged_by_truth(maps: np.ndarray, lesions: tuple[np.ndarray, np.ndarray]) -> dict[str, Row]:
    images, masks = lesions
    known = trial.located(places.baselines(images), masks)
    rows = trial.truth(MODEL, trial.located({"LIME": maps}, masks), known, {})
    rows = heatmap_rows.decided(rows)
    assert [row.criterion for row in rows] == TRUTH
    return {row.criterion: row for row in rows}


def test_a_perfect_map_passes_and_a_random_one_does_not(lesions):
    _, masks = lesions
    perfect = judged_by_truth(masks.astype(np.float32), lesions)
    assert {row.measure.value for row in perfect.values()} == {1}
    assert perfect["mass inside"].verdict == "pass"
    noise = np.random.default_rng(0).random(masks.shape, np.float32)
    assert judged_by_truth(noise, lesions)["mass inside"].verdict != "pass"


@pytest.mark.parametrize("name", ["brightness", "edges", "centre blob", "centre band"])
def test_no_map_that_knows_no_model_passes(lesions, name):
    maps = places.baselines(lesions[0])[name]
    row = judged_by_truth(maps, lesions)["mass inside"]
    assert row.verdict != "pass"
    # By chance alone the brightest of them would look well.
    assert row.best >= row.measure.value - 1e-9


def test_two_models_are_compared_on_the_same_images(lesions):
    _, masks = lesions
    perfect, half = masks.astype(np.float32), masks * np.linspace(0, 1, 28, dtype=np.float32)
    half[:, 0, 0] = 1
    by_model = {
        "a": trial.located({"Grad-CAM": perfect}, masks),
        "b": trial.located({"Grad-CAM": half[:12]}, masks[:12]),
    }
    rows = heatmap_rows.decided(trial.more_than(by_model))
    there, back = (
        heatmap_rows.find(rows, *pair, control=control)
        for pair, control in (
            (("a", "Grad-CAM", "mass inside"), "more than b"),
            (("b", "Grad-CAM", "mass inside"), "more than a"),
        )
    )
    expected = 1 - by_model["b"].scores["Grad-CAM"]["mass inside"].mean()
    assert there.measure.value == pytest.approx(expected)
    assert back.measure.value == pytest.approx(-expected)
    assert there.measure.n == back.measure.n == 12


@pytest.mark.parametrize("method", ["Grad-CAM", "saliency", "integrated gradients"])
def test_a_model_trained_on_shuffled_labels_finds_no_lesion(run, small, dataset, lesions, method):
    control = controls.load_or_train(run, small, dataset, MODEL)
    images, _ = lesions
    labels = dataset.test.labels[dataset.lesion_masks["test"].any(axis=(1, 2))]
    probe = Probe(control.shuffled.load_model())
    maps = methods.METHODS[method](probe, images, labels, 8)
    assert judged_by_truth(maps, lesions)["mass inside"].verdict != "pass"


def test_edges_pass_neither_deletion_nor_insertion(explained, dataset):
    edges = places.edges(explained.images)
    rows = trial.faithful(replace(explained, maps={"LIME": edges}))
    own = {row.criterion: row for row in rows if row.method == "LIME"}
    for name in ("deletion", "insertion"):
        row = heatmap_rows.find(rows, MODEL, "edges", name)
        assert own[name].measure == row.measure
        assert own[name].above.value <= 0


def test_a_class_without_an_image_is_a_gap():
    masks = np.zeros((4, 8, 8), bool)
    masks[:, :4] = True
    maps = np.random.default_rng(0).random(masks.shape)
    labels = np.array([0, 0, 2, 2])
    rows = trial.focus(MODEL, maps, masks, labels, ("a", "b", "c"))
    assert [row.class_name for row in rows] == ["a", "b", "c"]
    assert [row.measure is None for row in rows] == [False, True, False]


def test_two_models_are_compared_where_they_name_the_same_class():
    first = toy_explained("a", [0, 1, 2, 3], seed=0)
    second = toy_explained("b", [0, 1, 2, 0, 1], seed=1)
    rows = trial.other_model([first, second])
    assert {(row.model, row.control) for row in rows} == {
        ("a", "other model"),
        ("b", "other model"),
    }
    assert {row.measure.n for row in rows} == {3}
    values = {
        model: {row.method: row.measure.value for row in rows if row.model == model}
        for model in "ab"
    }
    assert values["a"] == pytest.approx(values["b"])


def test_of_three_models_every_pair_is_compared():
    on_trial = [
        toy_explained(model, classes, seed)
        for seed, (model, classes) in enumerate(
            {"a": [0, 1, 2, 3], "b": [0, 1, 0, 0], "c": [3, 1, 2, 1]}.items()
        )
    ]
    rows = trial.other_model(on_trial)
    # The second and third name the same class of one image alone.
    assert {(row.model, row.control[-1]) for row in rows} == {*zip("abac", "baca", strict=True)}
    assert {row.measure.n for row in rows} == {2}
    packed = [row.as_json() for row in rows]
    assert [Row.from_json(row) for row in packed] == rows


@pytest.mark.parametrize("data_set", ["bloodmnist", "pneumoniamnist"])
def test_on_other_images_all_but_the_truth_is_tried(tmp_path, data_set):
    entry = data_sets.get(data_set)
    rng, count = np.random.default_rng(0), 2 * len(entry.classes)
    images = rng.integers(256, size=(count, 28, 28, entry.channels), dtype=np.uint8)
    whole = Split(images, np.arange(count) % len(entry.classes))
    first_class_only = Split(images[:4], np.zeros(4, np.int64))
    dataset = Dataset("file", entry, whole, whole, first_class_only)
    settings = load_settings(
        "local",
        f"data_set={data_set} models={MODEL} epochs=1 explained_images=4 evaluations=4 "
        "convolution_filters=[4,4,4,4]",
        data_path="file.npz",
    )
    run = Run(tmp_path)
    trained = fit.load_or_train(run, settings, dataset, MODEL, 0)
    tried = trial.run_trial(run, settings, dataset, [trained])
    assert tried.rows
    assert {row.model for row in tried.rows} == {MODEL}
    measured = {row.criterion for row in tried.rows if row.measure}
    assert "deletion" in measured
    assert not measured & {*TRUTH, "warm area"}
    assert controls.why_no_truth(dataset)
    assert not (tmp_path / "controls").exists()
    found = heatmap_rows.of_check(tried.rows, MODEL, "finds the lesion")
    assert not any(row.measure for row in found.values())
