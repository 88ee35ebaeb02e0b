"""Networks: the report's layers, counted; what is frozen and what is not; grey and colour."""

import h5py
import keras
import numpy as np
import pytest

from helpers.models import networks
from helpers.study import architectures
from helpers.study.errors import InputError
from helpers.study.settings import load_settings

GREY, RGB = (28, 28, 1), (28, 28, 3)


@pytest.fixture(scope="module")
def learned():
    return networks.build("resnet50", load_settings("paper", weights="random"), GREY, 4, seed=0)


@pytest.fixture(scope="module")
def replicated():
    return networks.build("resnet50", load_settings("demo"), GREY, 4, seed=0)


def test_custom_cnn_has_the_weights_of_the_reports_layers():
    network = networks.build("custom-cnn", load_settings("demo"), GREY, 4, seed=0)
    assert networks.parameters(network) == (849_508, 847_524)
    kinds = [type(layer).__name__ for layer in network.layers]
    counts = [kinds.count(kind) for kind in ("Conv2D", "BatchNormalization", "Dense")]
    assert counts == [7, 5, 3]


def test_resnet50_trains_the_adapter_only_where_it_is_learned(learned, replicated):
    assert networks.parameters(learned) == (24_771_210, 1_182_474)
    assert networks.parameters(replicated) == (24_771_210, 1_182_468)


def test_a_base_fed_as_its_weights_expect_gets_grey_copied_whatever_the_adapter():
    network = networks.build("resnet50-caffe", load_settings("paper", weights="random"), GREY, 4, 0)
    assert not network.get_layer(networks.ADAPTER).trainable
    np.testing.assert_array_equal(network.get_layer(networks.ADAPTER).get_weights()[0], 1)


def test_keras_runs_resnet50_on_28_pixels_and_leaves_one_cell():
    images = networks.keras.Input((28, 28, 3))
    build = networks.keras.applications.ResNet50
    assert build(include_top=False, weights=None, input_tensor=images).output.shape == (
        None,
        1,
        1,
        2048,
    )
    with pytest.raises(ValueError, match="at least"):
        build(include_top=False, weights=None, input_shape=(28, 28, 3))


def test_replicate_copies_grey_into_each_channel(replicated):
    kernel, bias = replicated.get_layer(networks.ADAPTER).get_weights()
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
    first, second = (networks.build("resnet50", settings, GREY, 4, seed) for seed in (0, 1))
    kernels = [m.get_layer("conv1_conv").get_weights()[0] for m in (first, second)]
    heads = [m.get_layer("dense1").get_weights()[0] for m in (first, second)]
    np.testing.assert_array_equal(*kernels)
    assert not np.array_equal(*heads)


def test_caffe_features_equal_keras_own(pretrained):
    settings = load_settings("demo", weights=str(pretrained))
    network = networks.build("resnet50-caffe", settings, GREY, 4, seed=0)
    images = np.random.default_rng(0).integers(256, size=(3, 28, 28, 1)).astype(np.float32)
    base = keras.applications.ResNet50(
        weights=str(pretrained), include_top=False, input_shape=(96, 96, 3), pooling="avg"
    )
    coloured = np.repeat(keras.ops.image.resize(images, (96, 96)), 3, axis=-1)
    expected = base(keras.applications.resnet50.preprocess_input(coloured))
    np.testing.assert_allclose(networks.features_of(network)(images), expected, atol=1e-4)


@pytest.mark.parametrize("model", ["resnet50", "resnet50-caffe"])
def test_colours_reach_the_base_as_its_preprocessing_has_them(pretrained, model):
    settings = load_settings("demo", weights=str(pretrained))
    network = networks.build(model, settings, RGB, 4, seed=0)
    images = np.random.default_rng(0).integers(256, size=(2, *RGB)).astype(np.float32)
    base = keras.applications.ResNet50(
        weights=str(pretrained), include_top=False, input_shape=(96, 96, 3), pooling="avg"
    )
    enlarged = keras.ops.convert_to_numpy(keras.ops.image.resize(images, (96, 96)))
    caffe = architectures.get(model).base.pixels == "caffe"
    prepared = (
        keras.applications.resnet50.preprocess_input(enlarged.copy()) if caffe else enlarged / 255
    )
    expected = base(prepared)
    np.testing.assert_allclose(networks.features_of(network)(images), expected, atol=1e-4)


def test_a_copied_base_gives_what_the_whole_gives(replicated):
    names = [layer.name for layer in replicated.layers]
    assert "conv5_block3_out" in names
    assert networks.last_convolution(replicated) == "conv5_block3_out"


@pytest.mark.parametrize("shape", [GREY, RGB])
@pytest.mark.parametrize("classes", [2, 11])
def test_the_custom_cnn_takes_any_channels_and_classes(shape, classes):
    network = networks.build("custom-cnn", load_settings("demo"), shape, classes, seed=0)
    probabilities = network(np.zeros((2, *shape), np.float32))
    np.testing.assert_allclose(probabilities.numpy().sum(axis=1), 1, atol=1e-6)
    assert probabilities.shape == (2, classes)


def test_weights_of_the_right_size_in_the_wrong_places_are_refused(tmp_path):
    path = tmp_path / "scrambled.h5"
    base = architectures.get("resnet50").base
    with h5py.File(path, "w") as file:
        file["kernel"] = np.zeros(base.parameters, np.float16)
    with pytest.raises(InputError, match="could not be loaded"):
        networks.build("resnet50", load_settings("demo", weights=str(path)), GREY, 4, seed=0)


def test_weights_are_checked_layer_by_layer_before_a_run(pretrained, tmp_path):
    base = architectures.get("resnet50").base
    networks.check_weights(base, str(pretrained))
    path = tmp_path / "swapped.h5"
    path.write_bytes(pretrained.read_bytes())
    with h5py.File(path, "r+") as file:
        file.attrs["layer_names"] = list(file.attrs["layer_names"])[::-1]
    with pytest.raises(InputError, match="could not be loaded") as error:
        networks.check_weights(base, str(path))
    assert str(error.value).isprintable()


def test_weights_that_are_no_numbers_are_refused(monkeypatch):
    network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    network.layers[0].bias.assign([np.nan])
    monkeypatch.setattr(keras.applications, "ResNet50", lambda **_: network)
    with pytest.raises(InputError, match="no finite numbers"):
        networks.check_weights(architectures.get("resnet50").base, "random")


def test_keras_weights_are_fetched_with_limits_and_leave_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr("keras.src.applications.resnet.BASE_WEIGHTS_PATH", "http://127.0.0.1:1/")
    monkeypatch.setattr(networks.downloads, "PAUSE_SECONDS", 0)
    with pytest.raises(InputError, match=r"could not be fetched into .*put resnet50_weights"):
        networks.check_weights(architectures.get("resnet50").base, "imagenet")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_imagenet_weights_without_a_network_name_the_choices(monkeypatch):
    def fail(*_, **__):
        raise Exception("URL fetch failure on https://example.org: None -- unreachable")

    monkeypatch.setattr(keras.applications, "ResNet50", fail)
    with pytest.raises(InputError, match=r"choose imagenet .* or random"):
        networks.check_weights(architectures.get("resnet50").base, "imagenet")
