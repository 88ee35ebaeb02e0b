"""Does a heatmap find the lesion? Four criteria against the phantom's masks, and what chance earns.

Maps are float (n, height, width), 0 and above, 1 at most; masks bool of the same shape. A constant
map points nowhere, so it finds nothing: it scores 0 on every criterion. An image without a lesion
has no truth to find and scores nan.
"""

from collections.abc import Callable

import numpy as np
from scipy.stats import rankdata
from skimage.filters import sobel

from helpers import evaluation, explain

THRESHOLDS = np.arange(1, 20) / 20
OTHERS = 5  # masks of other images on which each map is scored for chance
BLOB_WIDTH = 1 / 6  # standard deviation of the centre blob, as a share of the side

# {"value", "low", "high", "n"} as an `evaluation.Measure`, and "chance", "above_low", "above_high",
# "constant"; see `truth`.
Score = dict[str, float | int | None]


def pointing_game(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Whether the map's highest pixel lies in the lesion (Zhang et al. 2018).

    float (n,), 0 or 1; where several pixels are highest, the share of them that lie inside.
    """
    highest = maps == maps.max(axis=(1, 2), keepdims=True)
    return _found(maps, masks, _total(highest & masks) / _total(highest))


def mass_inside(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Share of the map's heat in the lesion: relevance mass accuracy (Arras et al. 2022): (n,)."""
    return _found(maps, masks, _total(maps * masks) / _positive(_total(maps)))


def auprc(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Area under precision and recall of the map as a classifier of pixels: float (n,).

    scikit-learn's `average_precision_score`, for all images at once: precision at each lesion
    pixel's own threshold, averaged over lesion pixels. Its own takes 2 ms an image.
    """
    n = len(maps)
    heat, lesion = maps.reshape(n, -1), masks.reshape(n, -1)
    # Pixels at or above each pixel's heat: all of them, and those in the lesion.
    named = rankdata(-heat, method="max", axis=1).astype(int)
    order = np.argsort(-heat, axis=1, kind="stable")
    hits = np.cumsum(np.take_along_axis(lesion, order, axis=1), axis=1)
    precision = np.take_along_axis(hits, named - 1, axis=1) / named
    mean = (precision * lesion).sum(axis=1) / _positive(lesion.sum(axis=1))
    return _found(maps, masks, mean)


def intersection_over_union(maps: np.ndarray, masks: np.ndarray, threshold: float) -> np.ndarray:
    """Overlap of the lesion with the pixels at or above the threshold: float (n,)."""
    named = maps >= threshold
    return _found(maps, masks, _total(named & masks) / _positive(_total(named | masks)))


def best_threshold(maps: np.ndarray, masks: np.ndarray) -> float:
    """The threshold with the highest mean IoU, to be fixed on validation: 0.05 to 0.95."""
    means = [np.nanmean(intersection_over_union(maps, masks, t)) for t in THRESHOLDS]
    return float(THRESHOLDS[np.argmax(means)])


def criteria(threshold: float) -> dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]]:
    """The four criteria by name, each of maps and masks, IoU at this threshold."""
    return {
        "pointing game": pointing_game,
        "mass inside": mass_inside,
        "AUPRC": auprc,
        "IoU": lambda maps, masks: intersection_over_union(maps, masks, threshold),
    }


def truth(maps: np.ndarray, masks: np.ndarray, threshold: float, seed: int = 0) -> dict[str, Score]:
    """Each criterion's mean over the images that have a lesion, and what chance earns there.

    Chance is the same maps on other images' masks, each on up to `OTHERS` of them: lesions lie near
    the centre, so that uniform chance would flatter every map that is warm there.

    Parameters
    ----------
    threshold : of IoU, as `best_threshold` finds it on validation.
    seed : of the draw of other images.

    Returns
    -------
    `{criterion: score}`: `value` with its 95 % interval `low` to `high` over `n` images; `chance`;
    `above_low` to `above_high`, the interval of value less chance, paired by image; `constant`, the
    share of constant maps, which count as 0.

    Raises
    ------
    ValueError : when fewer than two images have a lesion.
    """
    lesion = masks.any(axis=(1, 2))
    maps, masks = maps[lesion], masks[lesion]
    others = _derangements(len(maps), seed)
    constant = float(explain.is_constant(maps).mean())
    scores: dict[str, Score] = {}
    for name, criterion in criteria(threshold).items():
        own = criterion(maps, masks)
        chance = np.mean([criterion(maps, masks[other]) for other in others], axis=0)
        above = evaluation.mean(own - chance)
        scores[name] = evaluation.mean(own) | {
            "chance": float(chance.mean()),
            "above_low": above["low"],
            "above_high": above["high"],
            "constant": constant,
        }
    return scores


def baselines(images: np.ndarray, seed: int = 0) -> dict[str, np.ndarray]:
    """Maps that know no model, by name, of images uint8 (n, height, width)."""
    return {
        "centre blob": centre_blob(images.shape),
        "edges": edges(images),
        "random": random_maps(images.shape, seed),
    }


def centre_blob(shape: tuple[int, int, int]) -> np.ndarray:
    """The same Gaussian in the middle of every image, 1 at most: float32 (n, height, width)."""
    n, *sides = shape
    rows, columns = (
        np.exp(-0.5 * ((np.arange(side) - (side - 1) / 2) / (BLOB_WIDTH * side)) ** 2)
        for side in sides
    )
    blob = np.outer(rows, columns)
    return np.repeat((blob / blob.max())[None], n, axis=0).astype(np.float32)


def edges(images: np.ndarray) -> np.ndarray:
    """Sobel's gradient magnitude over its highest in the image: float32 (n, height, width)."""
    found = np.stack([sobel(image.astype(np.float32)) for image in images])
    return found / _positive(found.max(axis=(1, 2), keepdims=True))


def random_maps(shape: tuple[int, int, int], seed: int) -> np.ndarray:
    """Every pixel drawn uniformly from 0 to 1: float32 (n, height, width)."""
    return np.random.default_rng(seed).random(shape, np.float32)


def _derangements(n: int, seed: int) -> list[np.ndarray]:
    """Up to `OTHERS` permutations int (n,) that leave no image in its place, nor repeat a pair."""
    if n < 2:
        raise ValueError("chance needs two images with a lesion")
    rng = np.random.default_rng(seed)
    circle = rng.permutation(n)
    place = np.argsort(circle)
    steps = 1 + rng.permutation(n - 1)[:OTHERS]
    return [circle[(place + step) % n] for step in steps]


def _found(maps: np.ndarray, masks: np.ndarray, scores: np.ndarray) -> np.ndarray:
    scores = np.where(explain.is_constant(maps), 0.0, scores)
    return np.where(masks.any(axis=(1, 2)), scores, np.nan)


def _total(pixels: np.ndarray) -> np.ndarray:
    return pixels.sum(axis=(1, 2), dtype=np.float64)


def _positive(numbers: np.ndarray) -> np.ndarray:
    """Zeros become ones, for divisions whose numerator is then 0 as well."""
    return np.where(numbers > 0, numbers, 1)
