"""An epoch of the custom CNN: ours, beside what a notebook does, and in bfloat16.

Phantom images of 28 px, batches of 32, the report's augmentation. The plain ways are `model.fit` on
float32 arrays with Keras's layers for it in the model, and with ImageDataGenerator.
"""

import statistics

from helpers.models.backend import keras

# isort: split
import numpy as np
import tensorflow as tf

from benchmarks import kernels
from benchmarks.comparison import (
    IS_FULL,
    Comparison,
    Goal,
    in_turn,
    outcome_of,
    seconds,
    show,
    times_faster,
)
from helpers.data import dataset as datasets
from helpers.data.dataset import Dataset
from helpers.models import batches, networks
from helpers.study.settings import Settings, load_settings

IMAGES, TURNS = (97_477, 1) if IS_FULL else (1_024, 3)
MODEL = "custom-cnn"
# Multiplications and additions of a forward pass over one 28 px image, and of training: that of
# the weights' gradient and that of the inputs' cost as much again each.
FORWARD_MACS = 32e6
TRAINING_FLOP = 3 * 2 * FORWARD_MACS
MATRIX = 2_048
ASKED, OF_PEAK, OF_BFLOAT16 = 1.5, 0.7, 1.2


def peak() -> float:
    """The floating-point operations a second of this machine's own matrix product, in float32."""
    one = tf.random.normal((MATRIX, MATRIX))
    product = tf.function(lambda: tf.linalg.matmul(one, one))
    product()
    return 2 * MATRIX**3 / min(seconds(lambda: product().numpy()) for _ in range(10))


def ours(settings: Settings, dataset: Dataset, size: int = 32) -> "Epoch":
    """An epoch as `fit` trains it."""
    truth = batches.one_hot(dataset.train.labels, len(dataset.classes))
    draw = batches.of_images(settings, dataset)
    model = compiled(network_of(settings, dataset))
    return Epoch(model, batches.shuffled(draw, truth, size, 0, lambda: 0))


def with_layers(settings: Settings, dataset: Dataset) -> "Epoch":
    """Keras's four layers in the model."""
    asked, network = settings.augmentation, network_of(settings, dataset)
    turn = asked.rotation_degrees / 360
    varying = [
        keras.layers.RandomFlip("horizontal"),
        keras.layers.RandomRotation(turn),
        keras.layers.RandomTranslation(asked.shift, asked.shift),
        keras.layers.RandomZoom(asked.zoom),
    ]
    model = keras.Sequential([keras.Input(dataset.shape), *varying, network])
    images = dataset.train.images.astype(np.float32)
    truth = batches.one_hot(dataset.train.labels, len(dataset.classes))
    return Epoch(compiled(model), images, truth, batch_size=32)


def with_generator(settings: Settings, dataset: Dataset) -> "Epoch":
    """Keras's older generator of augmented batches."""
    asked = settings.augmentation
    generator = tf.keras.preprocessing.image.ImageDataGenerator(
        rotation_range=asked.rotation_degrees,
        width_shift_range=asked.shift,
        height_shift_range=asked.shift,
        zoom_range=asked.zoom,
        horizontal_flip=True,
    )
    images = dataset.train.images.astype(np.float32)
    truth = batches.one_hot(dataset.train.labels, len(dataset.classes))
    return Epoch(
        compiled(network_of(settings, dataset)), generator.flow(images, truth, batch_size=32)
    )


def network_of(settings: Settings, dataset: Dataset) -> keras.Model:
    """The custom CNN, untrained."""
    return networks.build(MODEL, settings, dataset.shape, len(dataset.classes), seed=0)


def compiled(model: keras.Model, rate: float = 1e-3) -> keras.Model:
    """A model with the report's optimizer and loss."""
    model.compile(keras.optimizers.Adam(rate), "categorical_crossentropy", metrics=["accuracy"])
    return model


class Epoch:
    """A model and what it trains on; a call trains an epoch. The first, which compiles, is over."""

    def __init__(self, model: keras.Model, *inputs: object, **given: object) -> None:
        self._model, self._inputs, self._given = model, inputs, given
        self()

    def __call__(self) -> None:
        self._model.fit(*self._inputs, **self._given, epochs=1, verbose=0)


def in_bfloat16(settings: Settings, dataset: Dataset, size: int) -> "Epoch":
    """Our epoch with products in bfloat16, weights in float32."""
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        return ours(settings, dataset, size)
    finally:
        keras.config.set_dtype_policy("float32")


def given() -> tuple[Settings, Dataset]:
    """The protocol, and the images."""
    settings = load_settings("paper", f"phantom_images=[{IMAGES},64,64] source=phantom")
    return settings, datasets.load(settings.data)


def compare() -> list[Comparison]:
    """Each way beside ours."""
    settings, dataset = given()
    epoch, made = ours(settings, dataset), []
    for plain, name in (
        (with_layers(settings, dataset), "augmentation layers in the model"),
        (with_generator(settings, dataset), "ImageDataGenerator"),
    ):
        turns, slow = in_turn(epoch, plain, TURNS)
        goals = [times_faster(turns, slow, ASKED)]
        results = f"{len(dataset.train) / statistics.median(turns):,.0f} images a second"
        made.append(Comparison("an epoch of the custom CNN", name, turns, slow, goals, results))
    work, most = len(dataset.train) * TRAINING_FLOP, peak()
    share = work / statistics.median(made[0].ours) / most
    in_kernels = kernels.EPOCHS * work / kernels.of_convolutions(kernels.seconds_by_kernel()) / most
    goal = Goal(f"{OF_PEAK:.0%} of the matrix product's peak", outcome_of(share >= OF_PEAK))
    told = (
        f"{share:.0%} of that peak, {most / 1e9:.0f} GFLOP/s; its convolutions alone, as oneDNN "
        f"times them, {in_kernels:.0%}"
    )
    made[0] = made[0]._replace(goals=[*made[0].goals, goal], results=told)
    for size in (32, 128):
        half, full = in_bfloat16(settings, dataset, size), ours(settings, dataset, size)
        turns, slow = in_turn(half, full, TURNS)
        goals = [times_faster(turns, slow, OF_BFLOAT16)]
        made.append(Comparison(f"bfloat16, batches of {size}", "float32", turns, slow, goals))
    return made


if __name__ == "__main__":
    show(compare())
