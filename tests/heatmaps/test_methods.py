"""Attribution: every method finds what a toy model is known to look at."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.ndimage import gaussian_filter
from tf_keras_vis.gradcam import Gradcam
from tf_keras_vis.layercam import Layercam
from tf_keras_vis.saliency import Saliency

from helpers.heatmaps import maps as heatmaps
from helpers.heatmaps import methods
from helpers.heatmaps.methods import METHODS
from helpers.heatmaps.probe import Probe
from helpers.models import networks

MARGIN = 4  # half a cell of the coarsest grid
GREY, RGB = (1.0,), (1 / 3, 1 / 3, 1 / 3)


@pytest.fixture(scope="module")
def probe(toy) -> Probe:
    return Probe(toy())


@pytest.fixture(scope="module")
def rgb_probe(toy) -> Probe:
    return Probe(toy(channels=RGB))


@pytest.fixture(scope="module")
def probes(trainings) -> list[Probe]:
    return [Probe(trained.load_model()) for trained in trainings]


def by_the_paper(model: keras.Model, images: np.ndarray, classes: np.ndarray) -> np.ndarray:
    target = model.get_layer(networks.last_convolution(model)).output
    both = keras.Model(model.input, [target, model.get_layer(networks.LOGITS).output])
    with tf.GradientTape() as tape:
        activations, logits = both(images.astype(np.float32), training=False)
        score = tf.reduce_sum(tf.gather(logits, classes, axis=1, batch_dims=1))
    weights = tf.reduce_mean(tape.gradient(score, activations), axis=(1, 2), keepdims=True)
    return tf.nn.relu(tf.reduce_sum(weights * activations, axis=-1)).numpy()


@pytest.mark.parametrize("place", [0, 1])
def test_grad_cam_agrees_with_an_independent_implementation(probes, dataset, place):
    images, classes = dataset.test.images[:40], np.arange(40) % 4  # more than a batch
    maps = methods.grad_cam_cells(probes[place], images, classes)
    expected = by_the_paper(probes[place].model, images, classes)
    assert maps.dtype == np.float32
    assert maps.shape == expected.shape
    assert np.ptp(expected) > 0
    np.testing.assert_allclose(maps, expected, atol=1e-4 * np.ptp(expected))


def by_tf_keras_vis(method: type, probe: Probe, images: np.ndarray, classes: np.ndarray, at: str):
    logits = keras.Model(probe.model.inputs, probe.model.get_layer(networks.LOGITS).output)
    return method(logits, clone=False)(
        lambda outputs: tf.gather(outputs, classes, axis=1, batch_dims=1),
        images.astype(np.float32),
        penultimate_layer=at,
        seek_penultimate_conv_layer=False,
        expand_cam=False,
        normalize_cam=False,
    )


def test_grad_cam_of_the_convolution_itself_is_tf_keras_viss(probes, dataset):
    probe, images, classes = probes[0], dataset.test.images[:4], np.arange(4)
    assert probe.last_convolution == "last_convolution"
    assert probe.target == "last_convolution_relu"
    expected = by_tf_keras_vis(Gradcam, probe, images, classes, probe.last_convolution)
    drawn = methods.grad_cam_cells(probe, images, classes, probe.last_convolution)
    np.testing.assert_allclose(drawn, expected, atol=1e-4 * np.ptp(expected))


def test_layer_cam_is_tf_keras_viss_of_a_finer_layer(probes, dataset):
    probe, images, classes = probes[0], dataset.test.images[:4], np.arange(4)
    assert probe.finer == "block3_convolution2_relu"
    expected = np.asarray(by_tf_keras_vis(Layercam, probe, images, classes, probe.finer))
    assert expected.shape == (4, 7, 7)
    drawn = np.concatenate(
        [heatmaps.layer_cam(*batch) for batch in probe.inside(probe.finer, images, classes)]
    )
    np.testing.assert_allclose(drawn, expected, atol=1e-4 * np.ptp(expected))


def test_before_the_average_grad_cam_plus_plus_and_layer_cam_are_one_map(probes, dataset):
    probe, images, classes = probes[0], dataset.test.images[:4], np.arange(4)
    drawn = methods.grad_cam_plus_plus_cells(probe, images, classes)
    (batch,) = probe.inside(probe.target, images, classes)
    layer_cam = heatmaps.layer_cam(*batch)
    # Up to a factor of each image.
    np.testing.assert_allclose(
        *(maps / maps.max(axis=(1, 2), keepdims=True) for maps in (drawn, layer_cam)), atol=1e-4
    )


def test_a_methods_grid_is_said(probes):
    grids = methods.grids(probes[0], 28, 18)
    assert list(grids) == list(METHODS)
    assert grids["Grad-CAM"] == grids["Score-CAM"] == (3, 3)
    assert grids["LayerCAM"] == (7, 7)
    assert grids["occlusion"] == grids["LIME"] == (4, 4)
    assert grids["saliency"] == (28, 28)


def test_at_32_px_resnet50s_maps_are_constant(probes, dataset):
    maps = methods.grad_cam_cells(probes[1], dataset.test.images[:4], np.zeros(4, int))
    assert maps.shape == (4, 1, 1)
    assert heatmaps.is_constant(maps).all()


@pytest.mark.parametrize("evaluations", [16, 32])
@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_method_points_where_the_model_looks(
    probe, rgb_probe, bright, looked_at, name, evaluations, channels
):
    asked, images = (probe if channels == 1 else rgb_probe), np.repeat(bright, channels, axis=3)
    maps = METHODS[name](asked, images, np.zeros(3, int), evaluations)
    assert maps.shape == images.shape[:3]
    assert maps.dtype == np.float32
    assert maps.min() >= 0
    np.testing.assert_array_equal(maps.max(axis=(1, 2)), 1)
    rows, columns = (slice(part.start - MARGIN, part.stop + MARGIN) for part in looked_at)
    for heat in maps:
        assert heat[looked_at].max() == 1
        assert heat[rows, columns].sum() > 0.5 * heat.sum()


@pytest.mark.parametrize("name", METHODS)
def test_grey_repeated_into_three_channels_has_the_map_of_grey(probe, rgb_probe, bright, name):
    grey = METHODS[name](probe, bright, np.zeros(3, int), 16)
    rgb = METHODS[name](rgb_probe, np.repeat(bright, 3, axis=3), np.zeros(3, int), 16)
    np.testing.assert_allclose(rgb, grey, atol=1e-4)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_map_does_not_depend_on_the_call_nor_on_the_images_beside_it(
    probe, rgb_probe, bright, name, channels
):
    asked, images = (probe if channels == 1 else rgb_probe), np.repeat(bright, channels, axis=3)
    first, again = (METHODS[name](asked, images, np.zeros(3, int), 16) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    alone = METHODS[name](asked, images[1:2], np.zeros(1, int), 16)
    np.testing.assert_allclose(alone[0], first[1], atol=1e-5)


@pytest.mark.parametrize("name", [name for name in METHODS if name != "Score-CAM"])
def test_a_logit_that_reads_nothing_has_maps_of_zeros(probe, bright, name):
    assert not METHODS[name](probe, bright, np.ones(3, int), 16).any()


def test_score_cam_of_filters_that_say_nothing_is_zero(probe, bright):
    blank = np.zeros((2, *bright.shape[1:]), np.uint8)
    assert not methods.score_cam(probe, blank, np.zeros(2, int), 16).any()


def test_large_logits_do_not_overflow(toy, bright):
    maps = METHODS["Grad-CAM++"](Probe(toy(gain=1e4)), bright, np.zeros(3, int), 16)
    np.testing.assert_array_equal(maps.max(axis=(1, 2)), 1)


@pytest.mark.parametrize("name", METHODS)
def test_methods_take_both_architectures(probes, dataset, name):
    images, classes = dataset.test.images[:3], np.arange(3)
    for place, probe in enumerate(probes):
        maps = METHODS[name](probe, images, classes, 8)
        assert maps.shape == images.shape[:3]
        assert maps.min() >= 0
        assert set(maps.max(axis=(1, 2))) <= {0, 1}
        if (
            place == 1 and "CAM" in name and name != "LayerCAM"
        ):  # at 32 px the last convolution's grid is a single cell
            assert not maps.any()
        elif name != "Grad-CAM":
            assert maps.any()


@pytest.mark.parametrize("name", METHODS)
def test_methods_take_any_number_of_classes(toy, bright, name):
    probe = Probe(toy(classes=11))
    maps = METHODS[name](probe, bright, np.array([0, 10, 0]), 8)
    assert maps[0].any()
    np.testing.assert_array_equal(maps[1].any(), name == "Score-CAM")


def test_saliency_agrees_with_tf_keras_vis(probes, dataset):
    model = probes[0].model
    images, classes = dataset.test.images[:4], np.arange(4)
    logits = keras.Model(model.inputs, model.get_layer(networks.LOGITS).output)
    expected = Saliency(logits, clone=False)(
        lambda outputs: tf.gather(outputs, classes, axis=1, batch_dims=1),
        images.astype(np.float32),
        normalize_map=False,
    )
    expected = expected / expected.max(axis=(1, 2), keepdims=True)
    maps = methods.saliency(probes[0], images, classes, 1)
    np.testing.assert_allclose(maps, expected, atol=1e-4)


@pytest.mark.parametrize("name", ["saliency", "SmoothGrad"])
def test_of_an_rgb_pixel_the_strongest_channel_counts(name):
    gradient = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype(np.float32)

    class Steep:
        def gradient(self, images, classes):
            return gradient

    maps = METHODS[name](Steep(), np.zeros(gradient.shape, np.uint8), np.zeros(2, int), 8)
    strongest = np.abs(gradient).max(axis=3)
    expected = strongest / strongest.max(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(maps, expected, rtol=1e-5)


@pytest.mark.parametrize("name", ["occlusion", "LIME", "SHAP"])
def test_what_hides_a_part_has_the_mean_of_each_channel(toy, name):
    probe = Probe(toy(channels=(1.0, 0.0, 0.0)))
    flat = np.zeros((1, 32, 32, 3), np.uint8)
    flat[..., 0] = 200  # hidden by its own mean nothing changes, by that of all channels all does
    assert not METHODS[name](probe, flat, np.zeros(1, int), 16).any()


@pytest.mark.parametrize("channels", [GREY, (1.0, 0.5, 0.25)])
def test_integrated_gradients_of_a_linear_model_are_exact(toy, bright, looked_at, channels):
    probe, images = Probe(toy(channels=channels)), np.repeat(bright, len(channels), axis=3)
    kernel = np.zeros(images.shape[1:])
    kernel[looked_at] = channels
    sigma = methods.BASELINE_BLUR * images.shape[1]
    baseline = np.stack([gaussian_filter(i.astype(float), sigma, axes=(0, 1)) for i in images])
    expected = np.maximum((kernel * (images - baseline)).sum(axis=3), 0)
    expected /= expected.max(axis=(1, 2), keepdims=True)
    maps = methods.integrated_gradients(probe, images, np.zeros(3, int), 4)
    np.testing.assert_allclose(maps, expected, atol=1e-5)


@pytest.mark.parametrize("name", ["Grad-CAM", "saliency"])
def test_weights_changed_in_place_change_the_map(toy, bright, name):
    model = toy()
    probe = Probe(model)
    assert METHODS[name](probe, bright, np.zeros(3, int), 1).any()
    logits = model.get_layer(networks.LOGITS)
    convolution = model.get_layer("last_convolution")
    for layer in (logits, convolution):
        before = layer.get_weights()
        layer.set_weights([np.zeros_like(weights) for weights in before])
        assert not METHODS[name](probe, bright, np.zeros(3, int), 1).any()
        layer.set_weights(before)
    assert METHODS[name](probe, bright, np.zeros(3, int), 1).any()


def test_many_models_bring_no_warning_of_retracing(toy, bright, caplog, monkeypatch):
    monkeypatch.setattr(tf.get_logger(), "propagate", True)
    for _ in range(7):
        probe = Probe(toy())
        methods.saliency(probe, bright, np.zeros(3, int), 1)
        METHODS["Grad-CAM"](probe, bright, np.zeros(3, int), 1)
    assert "retracing" not in caplog.text
