"""What training does about unequal classes: random views of its images, and weights in the loss."""

from collections.abc import Callable

import numpy as np
from sklearn.utils.class_weight import compute_class_weight

from helpers.models.backend import keras
from helpers.study.settings import Augmentation

# Many images at once: drawing a view costs more in calls than in arithmetic.
BATCH = 512


def imbalance(labels: np.ndarray) -> float:
    """The size of the largest class as a multiple of the smallest's; labels are int (n,)."""
    counts = np.unique(labels, return_counts=True)[1]
    return float(counts.max() / counts.min())


def applies(settings: Augmentation, labels: np.ndarray) -> bool:
    """Whether training augments: as set, or (`auto`) when its labels int (n,) are imbalanced."""
    if settings.when == "auto":
        return imbalance(labels) >= settings.imbalance_ratio
    return settings.when == "on"


def class_weights(labels: np.ndarray) -> np.ndarray:
    """scikit-learn's balanced weights n / (classes * n_class): float64 (classes,)."""
    return compute_class_weight("balanced", classes=np.unique(labels), y=labels)


def transformations(settings: Augmentation) -> keras.Sequential:
    """The report's random transformations (section 2.1), edges continued outwards."""
    steps = [
        keras.layers.RandomRotation(settings.rotation_degrees / 360, fill_mode="nearest"),
        keras.layers.RandomTranslation(settings.shift, settings.shift, fill_mode="nearest"),
        keras.layers.RandomZoom(settings.zoom, fill_mode="nearest"),
    ]
    flip = [keras.layers.RandomFlip("horizontal")] if settings.horizontal_flip else []
    return keras.Sequential(flip + steps, name="augmentation")


def views(images: np.ndarray, transform: keras.Layer) -> np.ndarray:
    """One random view of each image by `transformations`: uint8, shape as `images`."""
    drawn = np.empty_like(images)
    for start in range(0, len(images), BATCH):
        part = slice(start, start + BATCH)
        batch = transform(images[part].astype(np.float32), training=True)
        drawn[part] = keras.ops.convert_to_numpy(batch).round()
    return drawn


def drawing_inputs(
    settings: Augmentation, images: np.ndarray, labels: np.ndarray
) -> Callable[[], np.ndarray]:
    """What an epoch trains on, drawn anew at each call: the images, or a view of each."""
    if not applies(settings, labels):
        return lambda: images
    transform = transformations(settings)
    return lambda: views(images, transform)
