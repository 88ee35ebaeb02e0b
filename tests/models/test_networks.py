"""Models: the report's layers, counted; weights loaded strictly; what is frozen and what is not."""

import h5py
import keras
import numpy as np
import pytest

from helpers import artifacts, models
from helpers.settings import InputError, load_settings


@pytest.fixture(scope="module")
def learned():
    return models.build("resnet50", load_settings("paper", weights="random"), 28, 4, seed=0)


@pytest.fixture(scope="module")
def replicated():
    return models.build("resnet50", load_settings("demo"), 28, 4, seed=0)


def test_custom_cnn_has_the_weights_of_the_reports_layers():
    network = models.build("custom-cnn", load_settings("demo"), 28, 4, seed=0)
    assert models.parameters(network) == (849_508, 847_524)
    kinds = models.layer_table(network)["kind"].value_counts()
    assert (kinds["Conv2D"], kinds["BatchNormalization"], kinds["Dense"]) == (7, 5, 3)


def test_resnet50_trains_the_adapter_only_where_it_is_learned(learned, replicated):
    assert models.parameters(learned) == (24_771_210, 1_182_474)
    assert models.parameters(replicated) == (24_771_210, 1_182_468)


def test_replicate_copies_grey_into_each_channel(replicated):
    kernel, bias = replicated.get_layer("grey_to_rgb").get_weights()
    np.testing.assert_array_equal(kernel, 1)
    np.testing.assert_array_equal(bias, 0)


def test_frozen_batch_norm_stays_as_it_is_in_training(learned):
    layer = learned.get_layer("conv1_bn")
    before = [w.copy() for w in layer.get_weights()]
    images = np.random.default_rng(0).integers(256, size=(4, 28, 28, 1))
    learned(images.astype(np.float32), training=True)
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_every_model_is_one_flat_graph(learned):
    assert not [layer for layer in learned.layers if isinstance(layer, keras.Model)]


def test_a_random_base_is_the_same_for_every_seed():
    settings = load_settings("demo", "upsample_to=32")
    first, second = (models.build("resnet50", settings, 28, 4, seed) for seed in (0, 1))
    kernels = [m.get_layer("conv1_conv").get_weights()[0] for m in (first, second)]
    heads = [m.get_layer("dense1").get_weights()[0] for m in (first, second)]
    np.testing.assert_array_equal(*kernels)
    assert not np.array_equal(*heads)


def test_caffe_features_equal_keras_own(pretrained):
    settings = load_settings("demo", weights=str(pretrained))
    network = models.build("resnet50-caffe", settings, 28, 4, seed=0)
    images = np.random.default_rng(0).integers(256, size=(3, 28, 28, 1)).astype(np.float32)
    base = keras.applications.ResNet50(
        weights=str(pretrained), include_top=False, input_shape=(96, 96, 3), pooling="avg"
    )
    coloured = np.repeat(keras.ops.image.resize(images, (96, 96)), 3, axis=-1)
    expected = base(keras.applications.resnet50.preprocess_input(coloured))
    np.testing.assert_allclose(models.features_of(network)(images), expected, atol=1e-4)


def test_weights_of_another_architecture_are_refused(tmp_path):
    path = tmp_path / "other.h5"
    with h5py.File(path, "w") as file:
        file["kernel"] = np.zeros(10)
    with pytest.raises(InputError, match=r"imagenet .*random") as error:
        artifacts.check_weights(str(path))
    assert str(path) in str(error.value)


def test_weights_of_the_right_size_in_the_wrong_places_are_refused(tmp_path):
    path = tmp_path / "scrambled.h5"
    with h5py.File(path, "w") as file:
        file["kernel"] = np.zeros(artifacts.RESNET50_WEIGHTS, np.float16)
    with pytest.raises(InputError, match="could not be loaded"):
        models.build("resnet50", load_settings("demo", weights=str(path)), 28, 4, seed=0)


@pytest.mark.parametrize("content", [None, b"no HDF5"])
def test_weights_that_cannot_be_read_are_refused(tmp_path, content):
    path = tmp_path / "bad.h5"
    if content:
        path.write_bytes(content)
    with pytest.raises(InputError, match="no readable HDF5"):
        artifacts.check_weights(str(path))


def test_imagenet_weights_without_a_network_name_the_choices(monkeypatch):
    def fail(*_, **__):
        raise Exception("URL fetch failure on https://example.org: None -- unreachable")

    monkeypatch.setattr(keras.applications, "ResNet50", fail)
    with pytest.raises(InputError, match=r"choose imagenet .* or random"):
        models.fetch_imagenet_weights()
