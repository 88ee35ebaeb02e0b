"""What training does about unequal classes: random views of its images, and weights in the loss."""

import numpy as np
from sklearn.utils.class_weight import compute_class_weight

from helpers.models.backend import keras
from helpers.study.settings import Augmentation

# Many images at once, since drawing a view costs more in calls than in arithmetic; but of large
# ones no more than have so many pixels, of which each takes some 40 bytes meanwhile.
BATCH, PIXELS = 512, 2**21


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


def transformations(
    settings: Augmentation, count: int, height: int, width: int, rng: np.random.Generator
) -> np.ndarray:
    """The report's random transformations (section 2.1) of `count` images, one map for each.

    Flip, rotation, shift and zoom, each drawn evenly from its range, composed about the image's
    centre: one interpolation in place of three leaves more of the image's detail.

    Returns
    -------
    float64 (count, 3, 3) : takes the place (column, row, 1) in a view, in pixels, to the place in
        the image that it shows.
    """
    turn = np.radians(rng.uniform(-1, 1, count) * settings.rotation_degrees)
    scale = 1 + rng.uniform(-1, 1, count) * settings.zoom
    shifts = rng.uniform(-1, 1, (count, 2)) * settings.shift * [width, height]
    mirror = np.where(rng.random(count) < 0.5 * settings.horizontal_flip, -1.0, 1.0)
    centre = np.array([width - 1, height - 1]) / 2
    cosine, sine = scale * np.cos(turn), scale * np.sin(turn)
    maps = np.zeros((count, 3, 3))
    maps[:, 0, 0], maps[:, 0, 1] = mirror * cosine, -mirror * sine
    maps[:, 1, 0], maps[:, 1, 1] = sine, cosine
    maps[:, :2, 2] = centre + shifts - maps[:, :2, :2] @ centre
    maps[:, 2, 2] = 1
    return maps


def views(images: np.ndarray, settings: Augmentation, rng: np.random.Generator) -> np.ndarray:
    """One random view of each image by `transformations`: uint8, shape as `images`.

    Bilinear; beyond the image's edges its outermost pixels go on.
    """
    drawn = np.empty_like(images)
    step = max(1, min(BATCH, PIXELS // (images.shape[1] * images.shape[2])))
    for start in range(0, len(images), step):
        batch = images[start : start + step]
        maps = transformations(settings, len(batch), *batch.shape[1:3], rng)
        seen = keras.ops.image.affine_transform(
            batch.astype(np.float32),
            maps.reshape(-1, 9)[:, :8].astype(np.float32),
            fill_mode="nearest",
            data_format="channels_last",
        )
        drawn[start : start + step] = keras.ops.convert_to_numpy(seen).round()
    return drawn
