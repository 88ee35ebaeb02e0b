"""What a run answers: its figures, its settings, and what keeps them from deciding anything."""

import math

import numpy as np
import pytest

from helpers.data import dataset as datasets
from helpers.evaluation.measures import Measure
from helpers.ledger import claims, evidence
from helpers.ledger.evidence import Evidence
from helpers.study.settings import load_settings


@pytest.fixture
def answer(paper_run):
    """What a run of profile paper, with some settings or parts changed, answers to a source."""

    def ask(measured, overrides=None, profile="paper", **changed):
        settings = load_settings(profile, overrides)
        return Evidence(settings, **paper_run() | changed).answer(measured)

    return ask


def test_each_source_answers(answer):
    accuracy = answer("metric custom-cnn accuracy")
    assert accuracy.value == pytest.approx(0.981)
    # Five seeds 0.001 apart: t(4) * sd * sqrt(1 + 1/5), sd = 0.001 * sqrt(2.5).
    reach = 2.776445 * 0.001 * np.sqrt(2.5) * np.sqrt(1.2)
    assert accuracy.interval == pytest.approx((0.981 - reach, 0.981 + reach))
    assert accuracy.obstacle is None
    assert answer("metric custom-cnn loss").obstacle == "this run has no loss"
    no_images = {"custom-cnn": {"0": {"recall/dme": Measure(math.nan, None, None, 0)}}}
    without = answer("metric custom-cnn recall/dme", metrics=no_images)
    assert without == evidence.Answer(obstacle="this run has no recall/dme")
    for column in ("accuracy", "val_accuracy"):
        share = answer(f"history custom-cnn {column}")
        assert share.interval == pytest.approx(accuracy.interval)
    assert answer("minutes resnet50").value == 10
    assert answer("parameters resnet50").value == 24_771_210
    assert answer("ratio resnet50 custom-cnn").value == pytest.approx(29.16, abs=0.01)
    assert answer("setting epochs").value == 30
    assert answer("setting horizontal_flip").value == "True"
    assert answer("layers resnet50 weights").value == evidence.AS_LISTED
    assert answer("medmnist n_samples train").value == 97_477
    assert answer("medmnist total").value == 109_309
    assert "frozen" in answer("protocol base").value


def test_one_training_says_nothing_of_another(answer, paper_run):
    few = answer("metric custom-cnn accuracy", **paper_run(seeds=1))
    assert few.value == pytest.approx(0.981)
    assert few.interval is None
    assert few.obstacle == "1 seed, and how far seeds lie apart takes 5 to tell"
    assert answer("difference resnet50 custom-cnn", **paper_run(seeds=4)).interval is None


def test_models_are_compared_seed_by_seed(answer, paper_run):
    run = paper_run()
    gain = answer("difference resnet50 custom-cnn", **run)
    assert gain.value == pytest.approx(0.003)
    # Both move together, seed by seed: their difference doesn't move at all.
    assert gain.interval == pytest.approx((0.003, 0.003))
    least = answer("least_difference resnet50 custom-cnn", **run)
    assert least == gain
    worse = {
        s: m | {"f1/dme": Measure(0.5, None, None, 9)}
        for s, m in run["metrics"]["resnet50"].items()
    }
    behind = run | {"metrics": run["metrics"] | {"resnet50": worse}}
    assert answer("least_difference resnet50 custom-cnn", **behind).interval[1] < 0
    assert answer("difference resnet50 custom-cnn", **behind) == gain


def test_every_source_is_one_that_a_claim_may_name():
    public = {name for name in vars(Evidence) if not name.startswith("_")}
    assert set(claims.SOURCES) == public - {"answer"}


def test_the_images_say_how_large_they_are(answer, images, tmp_path):
    large = images(size=64)
    assert answer("setting image_size", dataset=large).value == 64
    obstacle = answer("layers custom-cnn data_set image_size", dataset=large).obstacle
    assert "image_size=64" in obstacle
    assert "its images at 64 px" in answer("metric custom-cnn accuracy", dataset=large).obstacle
    # A file has a size of its own, whatever the setting.
    local = load_settings("local", data_path=tmp_path / "octmnist.npz")
    assert Evidence(local, large, {}, []).answer("setting image_size").value == 64


def test_settings_of_one_model_count_for_that_model(answer):
    other = "weights_resnet50=random learning_rate_resnet50=0.01"
    assert answer("setting weights", other).value == "imagenet"
    assert answer("setting weights_resnet50", other).value == "random"
    assert answer("setting weights_resnet50").value == "imagenet"
    assert "weights=random" in answer("layers resnet50 weights", other).obstacle
    assert "learning_rate_resnet50=0.01" in answer("metric resnet50 accuracy", other).obstacle
    assert answer("metric custom-cnn accuracy", other).obstacle is None


def test_no_folder_of_the_machine_is_told(answer, tmp_path):
    path = tmp_path / "base.h5"
    assert answer("setting weights", f"weights={path}").value == "base.h5"
    obstacle = answer("layers resnet50 weights", f"weights={path}").obstacle
    assert "weights=base.h5" in obstacle
    assert str(tmp_path) not in obstacle


def test_a_file_named_imagenet_is_not_imagenets_weights(answer, tmp_path):
    assert answer("layers resnet50 weights", f"weights={tmp_path / 'imagenet'}").obstacle


def test_a_files_identity_is_its_md5(arrays, tmp_path, monkeypatch):
    """A user's file of OCTMNIST's name isn't OCTMNIST; one of its MD5 is, whatever the name."""
    paths = {name: tmp_path / f"{name}.npz" for name in ("OCTMNIST", "octmnist", "scans")}
    settings = {}
    for name, path in paths.items():
        np.savez(path, **arrays)
        settings[name] = load_settings("local", data_path=path)
    for name in ("OCTMNIST", "octmnist"):
        named = datasets.load(settings[name].data)
        assert f"named {name} whose MD5 isn't MedMNIST's" in evidence.other_images(named)
    scans = datasets.load(settings["scans"].data)
    assert evidence.other_images(scans) == "this run used scans"

    md5 = next(iter(scans.data_set.md5.values()))
    monkeypatch.setattr(datasets, "file_digest", lambda *_: md5)
    assert evidence.other_images(datasets.load(settings["scans"].data)) is None


def test_medmnists_own_file_is_judged_by_the_settings_that_determine_training(answer, tmp_path):
    own = f"data_path={tmp_path / 'scans.npz'}"
    assert answer("metric custom-cnn accuracy", own, profile="local").obstacle is None
    obstacle = answer("metric resnet50 accuracy", own, profile="local").obstacle
    assert obstacle == "this run's settings aren't the report's (adapter=replicate)"
    learned = f"{own} adapter=learned"
    assert answer("metric resnet50 accuracy", learned, profile="local").obstacle is None


def test_another_set_has_other_layers_and_other_images(answer, images):
    blood = images("BloodMNIST", "bloodmnist")
    for measured in (
        "metric custom-cnn accuracy",
        "difference resnet50 custom-cnn",
        "parameters resnet50",
        "layers custom-cnn data_set",
        "layers resnet50 data_set adapter",
    ):
        assert "this run is about BloodMNIST" in answer(measured, dataset=blood).obstacle, measured
    assert answer("layers custom-cnn convolution_filters", dataset=blood).obstacle is None
    assert answer("medmnist total", dataset=blood).value == 109_309


def test_a_run_without_a_model_has_no_answer_on_it(answer, paper_run):
    first = paper_run()
    first["trainings"] = [t for t in first["trainings"] if t.model == "custom-cnn"]
    first["metrics"] = {"custom-cnn": first["metrics"]["custom-cnn"]}
    for measured in (
        "metric resnet50 accuracy",
        "history resnet50 accuracy",
        "minutes resnet50",
        "parameters resnet50",
        "ratio resnet50 custom-cnn",
        "difference resnet50 custom-cnn",
        "least_difference resnet50 custom-cnn",
        "setting learning_rate_resnet50",
        "setting weights_resnet50",
        "layers resnet50",
    ):
        without = answer(measured, **first)
        assert without.obstacle == "this run has no resnet50", measured
        assert without.value is None
