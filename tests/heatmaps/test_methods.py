"""Attribution: every method finds what a toy model is known to look at."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from scipy.ndimage import gaussian_filter
from tf_keras_vis.saliency import Saliency

from helpers import attribution, models
from helpers.attribution import METHODS

SIZE = 32
LOOKED_AT = (slice(8, 16), slice(16, 24))
MARGIN = 4  # half a cell of the coarsest grid


def toy(gain: float = 200.0) -> keras.Model:
    """A model whose first logit is the brightness of one square; its second is 0.

    Its last convolution has a second channel, the brightness everywhere, which no logit reads.
    """
    mask = np.zeros((SIZE, SIZE, 1), np.float32)
    mask[LOOKED_AT] = 1
    images = keras.Input((SIZE, SIZE, 1), name="images")
    x = layers.Rescaling(1 / 255)(images)
    x = layers.Concatenate()([x * mask, x])
    x = layers.Conv2D(2, 4, strides=4, activation="relu", name="last_convolution")(x)
    x = layers.GlobalAveragePooling2D(name=models.FEATURES)(x)
    x = layers.Dense(2, name=models.LOGITS)(x)
    model = keras.Model(images, layers.Softmax(name=models.PROBABILITIES)(x))
    kernel = np.zeros((4, 4, 2, 2), np.float32)
    kernel[:, :, 0, 0] = kernel[:, :, 1, 1] = 1 / 16
    model.get_layer("last_convolution").set_weights([kernel, np.zeros(2)])
    weights = np.array([[gain, 0], [0, 0]])
    model.get_layer(models.LOGITS).set_weights([weights, np.zeros(2)])
    return model


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return toy()


@pytest.fixture(scope="module")
def loaded(trainings) -> list[keras.Model]:
    return [trained.load_model() for trained in trainings]


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    """Noise with a bright square where the toy model looks, and a brighter one elsewhere."""
    found = np.random.default_rng(0).integers(60, size=(3, SIZE, SIZE), dtype=np.uint8)
    found[:, *LOOKED_AT] = 200
    found[:, 20:28, 2:10] = 255
    return found


@pytest.mark.parametrize("evaluations", [32, 64])
@pytest.mark.parametrize("name", METHODS)
def test_every_method_points_where_the_model_looks(model, images, name, evaluations):
    maps = METHODS[name](model, images, np.zeros(3, int), evaluations)
    assert maps.shape == images.shape
    assert maps.dtype == np.float32
    assert maps.min() >= 0
    np.testing.assert_array_equal(maps.max(axis=(1, 2)), 1)
    rows, columns = (slice(part.start - MARGIN, part.stop + MARGIN) for part in LOOKED_AT)
    for heat in maps:
        assert heat[LOOKED_AT].max() == 1
        assert heat[rows, columns].sum() > 0.5 * heat.sum()


@pytest.mark.parametrize("name", METHODS)
def test_a_map_does_not_depend_on_the_call_nor_on_the_images_beside_it(model, images, name):
    first, again = (METHODS[name](model, images, np.zeros(3, int), 16) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    alone = METHODS[name](model, images[1:2], np.zeros(1, int), 16)
    np.testing.assert_allclose(alone[0], first[1], atol=1e-5)


@pytest.mark.parametrize("name", [name for name in METHODS if name != "Score-CAM"])
def test_a_logit_that_reads_nothing_has_maps_of_zeros(model, images, name):
    assert not METHODS[name](model, images, np.ones(3, int), 16).any()


def test_score_cam_of_channels_that_say_nothing_is_zero(model):
    blank = np.zeros((2, SIZE, SIZE), np.uint8)
    assert not attribution.score_cam(model, blank, np.zeros(2, int), 16).any()


def test_large_logits_do_not_overflow(images):
    maps = attribution.grad_cam_plus_plus(toy(gain=1e4), images, np.zeros(3, int), 16)
    np.testing.assert_array_equal(maps.max(axis=(1, 2)), 1)


@pytest.mark.parametrize("name", METHODS)
def test_methods_take_both_architectures(loaded, dataset, name):
    images, classes = dataset.test.images[:3], np.arange(3)
    for place, model in enumerate(loaded):
        maps = METHODS[name](model, images, classes, 8)
        assert maps.shape == images.shape
        assert maps.min() >= 0
        assert set(maps.max(axis=(1, 2))) <= {0, 1}
        if place == 1 and "CAM" in name:  # at 32 px the last convolution's grid is a single cell
            assert not maps.any()
        elif name != "Grad-CAM":
            assert maps.any()


def test_saliency_agrees_with_tf_keras_vis(loaded, dataset):
    model = loaded[0]
    images, classes = dataset.test.images[:4], np.arange(4)
    logits = keras.Model(model.inputs, model.get_layer(models.LOGITS).output)
    expected = Saliency(logits, clone=False)(
        lambda outputs: tf.gather(outputs, classes, axis=1, batch_dims=1),
        images[..., None].astype(np.float32),
        normalize_map=False,
    )
    expected = expected / expected.max(axis=(1, 2), keepdims=True)
    found = attribution.saliency(model, images, classes, 1)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_integrated_gradients_of_a_linear_model_are_exact(model, images):
    kernel = np.zeros(images.shape[1:])
    kernel[LOOKED_AT] = 1
    sigma = attribution.BASELINE_BLUR * SIZE
    baseline = np.stack([gaussian_filter(image.astype(float), sigma) for image in images])
    expected = np.maximum(kernel * (images - baseline), 0)
    expected /= expected.max(axis=(1, 2), keepdims=True)
    found = attribution.integrated_gradients(model, images, np.zeros(3, int), 4)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("name", ["Grad-CAM", "saliency"])
def test_weights_changed_in_place_change_the_map(images, name):
    model = toy()
    assert METHODS[name](model, images, np.zeros(3, int), 1).any()
    logits = model.get_layer(models.LOGITS)
    convolution = model.get_layer("last_convolution")
    for layer in (logits, convolution):
        before = layer.get_weights()
        layer.set_weights([np.zeros_like(weights) for weights in before])
        assert not METHODS[name](model, images, np.zeros(3, int), 1).any()
        layer.set_weights(before)
    assert METHODS[name](model, images, np.zeros(3, int), 1).any()


def test_many_models_bring_no_warning_of_retracing(images, caplog, monkeypatch):
    monkeypatch.setattr(tf.get_logger(), "propagate", True)
    for _ in range(7):
        attribution.saliency(toy(), images, np.zeros(3, int), 1)
        attribution.grad_cam(toy(), images, np.zeros(3, int), 1)
    assert "retracing" not in caplog.text
