"""What jobs keep of heatmaps comes back as it was."""

import shutil
import sys
from dataclasses import replace
from subprocess import run as call

import numpy as np

from helpers.evaluation.measures import Measure
from helpers.heatmaps import artifacts, methods, results
from helpers.heatmaps.artifacts import Shown, Trial
from helpers.heatmaps.rows import Row
from helpers.study.code import result_digest
from helpers.study.runs import Run, is_current


def test_a_trial_comes_back_as_it_was(tmp_path):
    run = Run(tmp_path)
    assert artifacts.load_trial(run) == Trial([], {})
    maps = np.random.default_rng(0).random((2, 8, 8), np.float32)
    shown = {
        "custom-cnn": Shown(
            np.array([0, 5]), np.array([1, 3]), {"Grad-CAM++": maps, "SHAP": maps / 2}
        ),
        "resnet50": Shown(np.array([2, 4]), np.array([1, 0]), {"SHAP": 1 - maps}),
    }
    rows = [Row("custom-cnn", "SHAP", "IoU", Measure(0.5, 0.4, 0.6, 2), 0.25)]
    assert not is_current(run.heatmaps, "a key")
    artifacts.save_trial(run, Trial(rows, shown), "a key")
    assert is_current(run.heatmaps, "a key")
    kept = artifacts.load_trial(run)
    assert kept.rows == rows
    assert list(kept.shown) == list(shown)
    for model, each in shown.items():
        np.testing.assert_array_equal(kept.shown[model].images, each.images)
        np.testing.assert_array_equal(kept.shown[model].classes, each.classes)
        assert list(kept.shown[model].maps) == list(each.maps)
        for method, drawn in each.maps.items():
            np.testing.assert_array_equal(kept.shown[model].maps[method], drawn)
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["artifacts", "heatmaps.npz", "keys.json"]


def test_grad_cam_maps_come_back_as_they_were(trainings, dataset, tmp_path, monkeypatch):
    shutil.copy(trainings[0].folder / "model.keras", tmp_path)
    trained, path = replace(trainings[0], folder=tmp_path), tmp_path / "grad-cam.npz"
    key = result_digest(methods.__file__)
    assert not is_current(path, key)
    maps = np.random.default_rng(0).random((len(trained.predicted), 3, 3), np.float32)
    monkeypatch.setattr(methods, "grad_cam_cells", lambda *_: maps)
    drawn = results.load_or_draw_grad_cam(trained, dataset.test.images)
    assert is_current(path, key)
    np.testing.assert_array_equal(drawn, maps)
    with np.load(path) as kept:
        np.testing.assert_array_equal(kept["classes"], trained.predicted)
        assert kept["classes"].dtype == np.int64
        assert kept["maps"].dtype == np.float32


def test_who_only_reads_loads_no_keras():
    code = "import sys; from helpers.heatmaps import controls, localization, maps, results, rows;"
    code += "print([name for name in ('keras', 'tensorflow', 'shap') if name in sys.modules])"
    answer = call([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
