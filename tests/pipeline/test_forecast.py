"""What is told before a run begins: what it fetches, holds and keeps."""

import numpy as np
import pytest

from helpers.data import dataset as datasets
from helpers.data import files, unpacked
from helpers.pipeline import forecast
from helpers.study.settings import load_settings


@pytest.fixture
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv(files.CACHE_VARIABLE, str(tmp_path / "medmnist"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path


def test_what_is_not_there_yet_is_fetched_and_told_once(folders):
    settings = load_settings("octmnist")
    # 109,309 images of 784 bytes, and labels
    assert forecast.images_to_fetch(settings).startswith("fetches octmnist.npz (at most 9")
    assert forecast.images_to_fetch(settings).endswith(str(folders / "medmnist"))
    # One base of two models.
    told = f"fetches the ImageNet weights of ResNet50 (94 MB) to {folders / 'keras'}"
    assert forecast.weights_to_fetch(settings) == told
    (folders / "medmnist").mkdir()
    (folders / "medmnist" / "octmnist.npz").touch()
    (folders / "keras" / "models").mkdir(parents=True)
    name = "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"  # as Keras calls it
    (folders / "keras" / "models" / name).touch()
    assert forecast.images_to_fetch(settings) == forecast.weights_to_fetch(settings) == ""


@pytest.mark.parametrize("words", ["weights=random", "models=custom-cnn"])
def test_weights_that_nobody_needs_are_not_fetched(folders, words):
    assert forecast.weights_to_fetch(load_settings("octmnist", words)) == ""


def test_the_demo_fetches_nothing(folders):
    settings = load_settings("demo")
    assert forecast.images_to_fetch(settings) == forecast.weights_to_fetch(settings) == ""


def test_disk_is_what_features_models_and_unpacked_images_take(tmp_path, arrays, monkeypatch):
    np.savez(tmp_path / "scans.npz", **arrays)
    given = {"data_path": str(tmp_path / "scans.npz"), "weights": "random"}
    frozen = load_settings("local", "models=resnet50 seeds=0-2", **given)
    loaded = datasets.load(frozen.data)
    apart = forecast.disk(frozen, loaded) - forecast.OF_THE_SITE
    assert apart == 3 * forecast.OF_A_TRAINING + (4 * 8 + 8 + 8) * 2_048 * 4
    monkeypatch.setattr(unpacked, "LEAST_BYTES", 0)
    assert forecast.disk(frozen, loaded) - forecast.OF_THE_SITE - apart == 3 * 8 * 28**2
    assert "of memory a job, 250 MB of disk" in forecast.needs(frozen, loaded)
