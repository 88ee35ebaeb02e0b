"""Whether a head's batch norm knows the mean of what it normalises.

In training batch norm takes a batch's own mean, in inference a moving one. Where inputs are nearly
the same for every image, each step of the layer before moves the mean by more than the images
differ, and the moving mean, which averages over the last hundred batches or so, lags behind.
"""

import numpy as np

from helpers.models.backend import keras

BEFORE, NORMALISATION = "dense1", "dense1_batch_norm"


def lag(head: keras.Model, features: np.ndarray) -> float:
    """How far the moving mean lies from the mean, in standard deviations, averaged over units.

    `head` is one of `networks.head`, `features` float32 (n, features) those that it was trained on.
    """
    mean, variance = _statistics(head, features)
    moving = keras.ops.convert_to_numpy(head.get_layer(NORMALISATION).moving_mean)
    varying = variance > 0
    return float(np.mean(np.abs(moving - mean)[varying] / np.sqrt(variance[varying])))


def settled(head: keras.Model, features: np.ndarray) -> keras.Model:
    """A copy of a head whose moving statistics are those of the features that it was trained on."""
    copy = keras.models.clone_model(head)
    copy.set_weights(head.get_weights())
    layer = copy.get_layer(NORMALISATION)
    mean, variance = _statistics(head, features)
    layer.moving_mean.assign(mean)
    layer.moving_variance.assign(variance)
    return copy


def _statistics(head: keras.Model, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    kernel, bias = head.get_layer(BEFORE).get_weights()
    # Float32 sums of nearly equal numbers would lose what they differ by.
    activations = features.astype(np.float64) @ kernel.astype(np.float64) + bias
    return activations.mean(axis=0), activations.var(axis=0)
