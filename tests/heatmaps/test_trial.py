"""Heatmaps on trial: every method by every criterion, with what chance and controls earn."""

import json

import numpy as np
import pytest

from helpers.data.dataset import Dataset, Split
from helpers.heatmaps import artifacts, controls, localization, methods, results, trial
from helpers.heatmaps import rows as heatmap_rows
from helpers.heatmaps.methods import METHODS
from helpers.heatmaps.probe import Probe
from helpers.heatmaps.rows import NO_MODEL, SHUFFLED, Row
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


def kinds(rows: list[Row]) -> list[tuple]:
    return list(dict.fromkeys((r.model, r.control, r.criterion, r.class_name) for r in rows))


def test_every_method_is_tried_by_every_criterion(explained, trainings):
    assert list(explained.maps) == list(METHODS)
    rows = [*trial.faithful(explained), *trial.noisy_and_flipped(explained)]
    rows += [*trial.randomized(explained), *trial.other_seed(explained, trainings)]
    rows += trial.other_model([explained])
    by_method = {m: sum(r.method == m for r in rows) for m in METHODS}
    assert set(by_method.values()) == {2 + 2 * 2 + 3 * 2 + 2 + 2}
    assert all(r.measure or r.why for r in rows)
    missing = trial.not_tried(rows, UNTRIED)
    assert {(r.control, r.criterion) for r in rows} <= {(r.control, r.criterion) for r in missing}


def test_a_whole_trial_has_its_rows_in_their_order(tried, dataset):
    compared = [
        (control, criterion)
        for control in (
            "random down to head",
            "random down to block3",
            "all weights random",
            "quiet noise",
            "flip",
            "other seed",
            "other model",
        )
        for criterion in ("SSIM", "rank correlation")
    ]
    faithful = [(None, "deletion"), (None, "insertion")]
    truth = [(None, criterion) for criterion in TRUTH]
    *sick, healthy = dataset.classes
    assert kinds(tried.rows) == [
        *((MODEL, *kind, None) for kind in truth),
        *((MODEL, SHUFFLED, criterion, None) for criterion in TRUTH),
        *((NO_MODEL, *kind, None) for kind in truth),
        *((MODEL, *kind, None) for kind in (*faithful, *compared)),
        *((UNTRIED, *kind, None) for kind in (*truth, *faithful, *compared)),
        *((MODEL, None, "mass inside", name) for name in sick),
        (MODEL, None, "warm area", healthy),
    ]
    assert all(row.measure or row.why for row in tried.rows)
    assert all(row.why == controls.RANDOM_BASE for row in tried.rows if row.model == UNTRIED)


def test_a_trial_is_run_once(run, small, dataset, tried, explained, monkeypatch):
    packed = json.loads(run.explanations.read_text())
    assert [Row.from_json(row).as_json() for row in packed] == packed
    assert [Row.from_json(row) for row in packed] == tried.rows
    assert list(tried.shown) == [MODEL]
    shown = tried.shown[MODEL]
    np.testing.assert_array_equal(shown.classes, explained.classes[: artifacts.SHOWN])
    for method, maps in explained.maps.items():
        np.testing.assert_array_equal(shown.maps[method], maps[: artifacts.SHOWN])
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


def test_a_perfect_map_is_at_the_top_and_a_random_one_at_chance(dataset):
    masks = dataset.lesion_masks["test"]
    masks = masks[masks.any(axis=(1, 2))]
    rng = np.random.default_rng(0)
    maps = {
        "perfect": masks.astype(np.float32),
        "random": rng.random(masks.shape, np.float32),
    }
    rows = trial.truth(MODEL, maps, masks, maps, masks)
    assert len(rows) == 2 * len(TRUTH)
    for row in rows:
        if row.method == "perfect":
            assert row.measure.value == pytest.approx(1), row
            assert row.measure.low > row.chance
        else:
            assert row.measure.low <= row.chance + 0.02, row
            assert row.measure.value < 0.2


@pytest.mark.parametrize("method", ["Grad-CAM", "saliency", "integrated gradients"])
def test_a_model_trained_on_shuffled_labels_finds_lesions_by_chance_alone(
    run, small, dataset, trainings, method
):
    control = controls.load_or_train(run, small, dataset, MODEL)
    test, masks = control.phantom.test, control.phantom.lesion_masks["test"]
    maps = METHODS[method](Probe(control.shuffled.load_model()), test.images, test.labels, 8)
    for criterion, score in localization.truth(maps, masks, threshold=0.5).items():
        # 36 images: a twentieth beyond the interval is allowed for
        assert score.above.low - 0.05 <= 0 <= score.above.high + 0.05, criterion


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
    assert kinds(rows) == [
        (model, "other model", name, None)
        for model in ("a", "b")
        for name in ("SSIM", "rank correlation")
    ]
    assert {row.measure.n for row in rows} == {3}
    there, back = rows[: len(rows) // 2], rows[len(rows) // 2 :]
    assert [row.measure.value for row in there] == pytest.approx(
        [row.measure.value for row in back]
    )


def test_of_three_models_every_pair_is_compared():
    on_trial = [
        toy_explained(model, classes, seed)
        for seed, (model, classes) in enumerate(
            {"a": [0, 1, 2, 3], "b": [0, 1, 0, 0], "c": [3, 1, 2, 1]}.items()
        )
    ]
    rows = trial.other_model(on_trial)
    others = {(row.model, row.control) for row in rows}
    assert others == {
        (first, f"other model, {second}") for first in "abc" for second in "abc" if first != second
    }
    by_pair = {frozenset((row.model, row.control[-1])): row for row in rows}
    assert by_pair[frozenset("ab")].measure.n == 2
    assert by_pair[frozenset("ac")].measure.n == 2
    assert "fewer than two" in by_pair[frozenset("bc")].why
    packed = [row.as_json() for row in rows]
    assert [Row.from_json(row) for row in packed] == rows
    untried = trial.not_tried(rows, "d")
    assert {row.control for row in rows} <= {row.control for row in untried}


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
    assert not {row.criterion for row in tried.rows} & {*TRUTH, "warm area"}
    assert controls.why_no_truth(dataset)
    assert not (tmp_path / "controls").exists()
    assert heatmap_rows.verdicts(tried.rows, MODEL)["finds the lesion"].isna().all()
