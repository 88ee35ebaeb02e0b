"""Heatmaps, whichever method drew them: what is done to them, and what they show in numbers.

Maps are float (n, height, width), 0 and above; labels int (n,).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import pearsonr


class Criterion(NamedTuple):
    """What maps are judged by, under the name that rows and pages have for it.

    score : of maps and what they are set beside, float (n,), nan where an image has no value.
    """

    name: str
    score: Callable[..., np.ndarray]


def scaled_up(maps: np.ndarray, size: int) -> np.ndarray:
    """Maps (n, h, w) brought to (n, size, size) bilinearly: smoother, no more precise."""
    # Ten seconds, which most of those who read maps needn't wait.
    from helpers.models.backend import keras

    return np.asarray(keras.ops.image.resize(maps[..., None], (size, size)))[..., 0]


def share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """A part over its whole, both 0 and above: 0 where the whole, and so the part, is 0."""
    return part / np.where(whole > 0, whole, 1)


def is_constant(maps: np.ndarray) -> np.ndarray:
    """Which maps have the same value everywhere, and so point nowhere: bool (n,)."""
    return np.ptp(maps, axis=(1, 2)) == 0


def with_mirror_image(maps: np.ndarray) -> np.ndarray:
    """Each map averaged with its mirror image: left and right eyes mirror each other."""
    return (maps + maps[:, :, ::-1]) / 2


def class_average_maps(maps: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """The mean map of each class: float32 (classes, h, w), nan for one without an image."""
    averages = np.full((classes, *maps.shape[1:]), np.nan, np.float32)
    for k in np.unique(labels):
        averages[k] = maps[labels == k].mean(axis=0)
    return averages


def map_statistics(
    maps: np.ndarray, images: np.ndarray, labels: np.ndarray, classes: tuple[str, ...]
) -> pd.DataFrame:
    """What each class's average map shows: a row a class, nan for one without an image.

    `peak row`, `peak column`: where the average map is highest, as a share of the image's height
    and width (0 top or left, 1 bottom or right); `correlation with the image`: Pearson's, between
    the scaled-up average map and the class's average image (1: it lights up where the retina is
    bright; nan where either is constant); `constant maps`: the share of images whose map points
    nowhere. Images are uint8 (n, height, width, channels).
    """
    averages = class_average_maps(maps, labels, len(classes))
    large = scaled_up(averages, images.shape[1])
    rows = {}
    for k in np.unique(labels):
        row, column = np.unravel_index(averages[k].argmax(), averages[k].shape)
        pair = large[k].ravel(), images[labels == k].mean(axis=(0, 3)).ravel()
        varied = all(np.ptp(each) > 0 for each in pair)
        rows[classes[k]] = {
            "peak row": (row + 0.5) / averages.shape[1],
            "peak column": (column + 0.5) / averages.shape[2],
            "correlation with the image": pearsonr(*pair).statistic if varied else np.nan,
            "constant maps": is_constant(maps[labels == k]).mean(),
        }
    return pd.DataFrame(rows).T.reindex(list(classes)).rename_axis("class")
