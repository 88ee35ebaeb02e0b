"""Several devices of one machine, among which each batch of a training is divided.

Every device holds the model and takes its part of every batch; their gradients are averaged. What
differs from one device: sums are rounded otherwise, dropout draws the same masks for every part,
and where an epoch's last batch can't be divided evenly, the images of its smaller parts weigh more
(and all weigh less where a device is left without any).

TensorFlow alone: Keras's own `keras.distribution` runs on JAX, and takes no uneven batch there.
"""

import contextlib
import functools

from helpers.models.backend import keras

# isort: split
import tensorflow as tf

from helpers.study.errors import InputError


def spread(count: int) -> contextlib.AbstractContextManager[object]:
    """What is built in this context is trained on the first `count` devices: GPUs, or else CPUs.

    Raises
    ------
    InputError : where there are fewer.
    """
    if count == 1:
        return contextlib.nullcontext()
    return _strategy(count).scope()


def synchronise(network: keras.Model) -> None:
    """Have a network's batch norm take its statistics from a batch's parts on all devices."""
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = True


# One for all trainings of a process: two number their exchanges alike, and wait for each other's.
@functools.cache
def _strategy(count: int) -> tf.distribute.Strategy:
    kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    names = [device.name for device in tf.config.list_logical_devices(kind)]
    if count > len(names):
        raise InputError(
            f"devices = {count}: TensorFlow sees {len(names)} {kind} here; ask for no more, or "
            "leave devices out"
        )
    return tf.distribute.MirroredStrategy(names[:count])
