"""Heatmaps, whichever method drew them: what is done to them, and what they show in numbers.

Maps are float (n, height, width), 0 and above; labels int (n,).
"""

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from scipy.stats import pearsonr


class Criterion(NamedTuple):
    """What maps are judged by, under the name that rows and pages have for it.

    score : of maps and what they are set beside, float (n,), nan where an image has no value.
    """

    name: str
    score: Callable[..., np.ndarray]


def grad_cam(activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Grad-CAM (Selvaraju et al. 2017, equations 1 and 2).

    activations : what a layer makes of each image, float (n, h, w, filters).
    gradients : of the explained logit by these activations, of the same shape.
    """
    weights = gradients.mean(axis=(1, 2), keepdims=True)  # one a filter
    return np.maximum((weights * activations).sum(axis=-1), 0)


def layer_cam(activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """LayerCAM (Jiang et al. 2021, equations 5 and 6): each cell has weights of its own."""
    return np.maximum((np.maximum(gradients, 0) * activations).sum(axis=-1), 0)


def scaled_up(maps: np.ndarray, size: int) -> np.ndarray:
    """Maps (n, h, w) brought to (n, size, size) bilinearly: smoother, no more precise."""
    # Ten seconds, which most of those who read maps needn't wait.
    from helpers.models.backend import keras

    return np.asarray(keras.ops.image.resize(maps[..., None], (size, size)))[..., 0]


def cells(maps: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """The values of maps (n, height, width) in the middles of a grid's cells: (n, *grid).

    Of maps that `scaled_up` made of such cells, these are nearly what they were made of.
    """
    down, across = (
        ((np.arange(count) + 0.5) * size / count).astype(int)
        for count, size in zip(grid, maps.shape[1:], strict=True)
    )
    return maps[:, down[:, None], across]


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


def class_correlations(
    maps: np.ndarray, labels: np.ndarray, classes: Sequence[str]
) -> dict[tuple[str, str], float]:
    """How alike the mean maps of each two classes are, by Pearson; a constant one is left out."""
    averages = class_average_maps(maps, labels, len(classes))
    varied = [k for k, each in enumerate(averages) if np.ptp(each) > 0]
    return {
        (classes[a], classes[b]): float(
            pearsonr(averages[a].ravel(), averages[b].ravel()).statistic
        )
        for a, b in combinations(varied, 2)
    }
