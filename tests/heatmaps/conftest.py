"""A model of which it is known where it looks."""

from collections.abc import Callable

import keras
import numpy as np
import pytest
from keras import layers

from helpers.models import networks

SIZE = 32
LOOKED_AT = (slice(8, 16), slice(16, 24))


def build_toy(
    gain: float = 200.0, channels: tuple[float, ...] = (1.0,), classes: int = 2
) -> keras.Model:
    """A model whose first logit is the brightness of one square; all others are 0.

    `channels` are the weights of an image's channels in that brightness. Its last convolution has a
    second filter, the brightness everywhere, which no logit reads.
    """
    mask = np.zeros((SIZE, SIZE, 1), np.float32)
    mask[LOOKED_AT] = 1
    images = keras.Input((SIZE, SIZE, len(channels)), name="images")
    x = layers.Rescaling(1 / 255)(images)
    x = layers.Concatenate()([x * mask, x])
    x = layers.Conv2D(2, 4, strides=4, activation="relu", name="last_convolution")(x)
    x = layers.GlobalAveragePooling2D(name=networks.FEATURES)(x)
    x = layers.Dense(classes, name=networks.LOGITS)(x)
    model = keras.Model(images, layers.Softmax(name=networks.PROBABILITIES)(x))
    kernel = np.zeros((4, 4, 2 * len(channels), 2), np.float32)
    kernel[:, :, : len(channels), 0] = kernel[:, :, len(channels) :, 1] = np.array(channels) / 16
    model.get_layer("last_convolution").set_weights([kernel, np.zeros(2)])
    weights = np.zeros((2, classes))
    weights[0, 0] = gain
    model.get_layer(networks.LOGITS).set_weights([weights, np.zeros(classes)])
    return model


@pytest.fixture(scope="session")
def toy() -> Callable[..., keras.Model]:
    return build_toy


@pytest.fixture(scope="session")
def looked_at() -> tuple[slice, slice]:
    return LOOKED_AT


@pytest.fixture(scope="session")
def bright() -> np.ndarray:
    """Noise with a bright square where the toy model looks, and a brighter one elsewhere: grey."""
    images = np.random.default_rng(0).integers(60, size=(3, SIZE, SIZE, 1), dtype=np.uint8)
    images[:, *LOOKED_AT] = 200
    images[:, 20:28, 2:10] = 255
    return images
