"""A model as heatmaps ask it: its predictions, activations, logits and their gradients."""

from collections.abc import Callable
from functools import partial

import numpy as np
import tensorflow as tf

from helpers.models import networks
from helpers.models.backend import keras

BATCH = 32


class Probe:
    """A model's functions of images, each compiled when first called and freed with the probe.

    A graph runs ResNet50 faster than layer by layer, but tracing it takes seconds, so keep a probe
    for as long as its model is asked. It reads the weights anew at each call, so that it stays
    right when they change. Images are (n, height, width, channels), 0 to 255, uint8 or float, since
    a method may ask for fractions of a grey-value; classes are int (n,).

    predict : of images, their probabilities, float32 (n, classes).
    activations : of images, what the last convolution's block makes, float32 (n, map_height,
        map_width, filters); `tail` is the part of the model from there on to the logits.
    logit : of images and classes, the logit of each image's class, float32 (n,).
    gradient : of images and classes, that logit's by the pixels, float32, the images' shape.
    """

    def __init__(self, model: keras.Model) -> None:
        self.model = model
        # Apart from the tail: Grad-CAM's gradient ends here, so what lies before isn't recorded.
        base, self.tail = networks.split_at_last_convolution(model)
        logits = keras.Model(model.input, model.get_layer(networks.LOGITS).output)
        images = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)
        classes = tf.TensorSpec((None,), tf.int32)
        self.predict = _compiled(partial(model, training=False), images)
        self.activations = _compiled(partial(base, training=False), images)
        self.logit = _compiled(partial(_logit, logits), images, classes)
        self.gradient = _compiled(partial(_gradient, logits), images, classes)


def _compiled(function: partial, *signature: tf.TensorSpec) -> Callable[..., np.ndarray]:
    # A partial has no code object, of which TensorFlow warns when it is traced for many models.
    return partial(_in_batches, tf.function(function, signature))


def _logit(logits: keras.Model, images: tf.Tensor, classes: tf.Tensor) -> tf.Tensor:
    return tf.gather(logits(images, training=False), classes, axis=1, batch_dims=1)


def _gradient(logits: keras.Model, images: tf.Tensor, classes: tf.Tensor) -> tf.Tensor:
    with tf.GradientTape() as tape:
        tape.watch(images)
        logit = _logit(logits, images, classes)
    return tape.gradient(logit, images)


def _in_batches(function: Callable, images: np.ndarray, *classes: np.ndarray) -> np.ndarray:
    parts = []
    for start in range(0, len(images), BATCH):
        batch = slice(start, start + BATCH)
        further = (array[batch].astype(np.int32) for array in classes)
        parts.append(function(images[batch].astype(np.float32), *further))
    return np.concatenate(parts)
