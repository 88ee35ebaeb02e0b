"""A model as heatmaps ask it: its predictions, activations, logits and their gradients."""

from collections.abc import Callable, Iterator
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

    # A layer as finely divided as this can point at a part of a retina.
    FINE = 7

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
        self._inside: dict[str, Callable[..., tuple[tf.Tensor, tf.Tensor]]] = {}

    @property
    def target(self) -> str:
        """The layer that Grad-CAM reads: the last before the pooled features."""
        return networks.last_convolution(self.model)

    @property
    def last_convolution(self) -> str:
        """The last layer that is itself a convolution; batch norm and ReLU may follow."""
        return next(
            layer.name
            for layer in reversed(self.model.layers)
            if isinstance(layer, keras.layers.Conv2D)
        )

    @property
    def finer(self) -> str:
        """The last layer of at least `FINE` cells a side; the target where there is none."""
        names = [layer.name for layer in self.model.layers]
        before = self.model.layers[1 : names.index(self.target) + 1]
        sides = {layer.name: layer.output.shape[1:-1] for layer in before}
        fine = [name for name, side in sides.items() if len(side) == 2 and min(side) >= self.FINE]
        return fine[-1] if fine else self.target

    def inside(
        self, layer: str, images: np.ndarray, classes: np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """A layer's activations, and the logit's gradient by them, batch by batch.

        Both are float32 (batch, h, w, filters).
        """
        if layer not in self._inside:
            model = self.model
            outputs = [model.get_layer(layer).output, model.get_layer(networks.LOGITS).output]
            both = partial(_inside, keras.Model(model.input, outputs))
            signature = [
                tf.TensorSpec((None, *model.input_shape[1:]), tf.float32),
                tf.TensorSpec((None,), tf.int32),
            ]
            self._inside[layer] = tf.function(both, signature)
        for start in range(0, len(images), BATCH):
            batch = slice(start, start + BATCH)
            asked = images[batch].astype(np.float32), classes[batch].astype(np.int32)
            yield tuple(array.numpy() for array in self._inside[layer](*asked))


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


def _inside(
    both: keras.Model, images: tf.Tensor, classes: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    with tf.GradientTape() as tape:
        tape.watch(images)  # else nothing in a frozen base is recorded
        activations, logits = both(images, training=False)
        logit = tf.gather(logits, classes, axis=1, batch_dims=1)
    return activations, tape.gradient(logit, activations)


def _in_batches(function: Callable, images: np.ndarray, *classes: np.ndarray) -> np.ndarray:
    parts = []
    for start in range(0, len(images), BATCH):
        batch = slice(start, start + BATCH)
        further = (array[batch].astype(np.int32) for array in classes)
        parts.append(function(images[batch].astype(np.float32), *further))
    return np.concatenate(parts)
