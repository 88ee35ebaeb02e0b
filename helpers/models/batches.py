"""What an epoch trains on: batches in a new order, with newly drawn views of the images.

An epoch's batches depend on the seed and the epoch's number alone, so that a training that was
killed goes on as it would have.
"""

from collections.abc import Callable, Iterator

from helpers.models.backend import keras

# isort: split
import numpy as np
import tensorflow as tf

from helpers.data.dataset import Dataset
from helpers.models import augmentation
from helpers.study.settings import Settings

PREDICTION_BATCH = 128
# The inputs of the images at these places, int (m,), drawn with this generator.
Draw = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def one_hot(labels: np.ndarray, classes: int) -> np.ndarray:
    """Labels int (n,) as float32 (n, classes): 1 in the label's column, 0 elsewhere."""
    return keras.utils.to_categorical(labels, classes)


def of_images(settings: Settings, dataset: Dataset) -> Draw:
    """Draws training images, or a random view of each where training augments."""
    images, chosen = dataset.train.images, settings.augmentation
    if not augmentation.applies(chosen, dataset.train.labels):
        return lambda places, rng: images[places]
    return lambda places, rng: augmentation.views(images[places], chosen, rng)


def of_views(features: np.ndarray) -> Draw:
    """Draws one of the kept views of each training image: features float32 (views, n, f)."""
    return lambda places, rng: features[rng.integers(len(features), size=len(places)), places]


def in_order(*arrays: np.ndarray) -> tf.data.Dataset:
    """Batches of arrays as they stand, for predictions."""

    def batches() -> Iterator[tuple[np.ndarray, ...]]:
        for start in range(0, len(arrays[0]), PREDICTION_BATCH):
            yield tuple(array[start : start + PREDICTION_BATCH] for array in arrays)

    return _given(batches, arrays, -(-len(arrays[0]) // PREDICTION_BATCH))


def shuffled(
    draw: Draw, truth: np.ndarray, size: int, seed: int, epoch: Callable[[], int]
) -> tf.data.Dataset:
    """Batches of `size` for `fit`, which asks for them anew each epoch.

    truth : float32 (n, classes), a row an image.
    epoch : tells the number of the epoch that begins.
    """
    # A view costs more in calls than in arithmetic, so several batches are drawn at once.
    block = size * max(1, augmentation.BATCH // size)

    def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        rng = np.random.default_rng([seed, epoch()])
        order = rng.permutation(len(truth))
        for begin in range(0, len(order), block):
            places = order[begin : begin + block]
            inputs = draw(places, rng)
            for start in range(0, len(places), size):
                part = slice(start, start + size)
                yield inputs[part], truth[places[part]]

    example = draw(np.arange(1), np.random.default_rng(0)), truth
    return _given(batches, example, -(-len(truth) // size))


def _given(
    batches: Callable[[], Iterator[tuple[np.ndarray, ...]]],
    example: tuple[np.ndarray, ...],
    count: int,
) -> tf.data.Dataset:
    """So many batches, each with arrays like the example's, prepared while others are at work."""
    signature = tuple(tf.TensorSpec((None, *array.shape[1:]), array.dtype) for array in example)
    given = tf.data.Dataset.from_generator(batches, output_signature=signature)
    # tf.data's autotuner sleeps in doubling steps, and the end of every epoch and prediction waits
    # for it to wake: up to 5 s each time, as long again as an epoch of the demo.
    options = tf.data.Options()
    options.autotune.enabled = False
    counted = given.apply(tf.data.experimental.assert_cardinality(count))
    return counted.prefetch(2).with_options(options)
