"""Does a heatmap find the lesion? Four criteria against the phantom's masks, and what chance earns.

Maps are float (n, height, width), 0 to 1; masks bool of the same shape; scores float (n,), 0 to 1.
A constant map points nowhere, so it finds nothing: it scores 0 on every criterion. An image without
a lesion has no truth to find and scores nan.
"""

from functools import partial
from typing import NamedTuple

import numpy as np
from scipy.signal.windows import gaussian
from scipy.stats import rankdata
from skimage.filters import sobel

from helpers.evaluation import measures
from helpers.heatmaps.maps import Criterion, is_constant, share

THRESHOLDS = np.arange(1, 20) / 20
OTHERS = 5  # masks of other images on which each map is scored for chance
EDGES = "edges"  # the image's own edges as a map
BLOB_WIDTH = 1 / 6  # standard deviation of the centre blob, as a share of the side


class Score(NamedTuple):
    """By one criterion, the mean over the images that have a lesion.

    chance : the mean of the same maps on other images' masks; above : value less chance, paired by
    image; constant : the share of constant maps, which count as 0.
    """

    measure: measures.Measure
    chance: float
    above: measures.Measure
    constant: float


def pointing_game(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Share of the map's highest pixels, mostly one, in the lesion (Zhang et al. 2018)."""
    highest = maps == maps.max(axis=(1, 2), keepdims=True)
    return _share(maps, masks, highest & masks, highest)


def mass_inside(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Share of the map's heat in the lesion: relevance mass accuracy (Arras et al. 2022)."""
    return _share(maps, masks, maps * masks, maps)


def auprc(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Area under precision and recall of the map as a classifier of pixels.

    scikit-learn's `average_precision_score`, for all images at once: precision at each lesion
    pixel's own threshold, averaged over lesion pixels. Its own takes 2 ms an image.
    """
    heat, lesion = (pixels.reshape(len(maps), -1) for pixels in (maps, masks))
    # Pixels at or above each pixel's heat: all of them, and those in the lesion.
    named = rankdata(-heat, method="max", axis=1).astype(int)
    order = np.argsort(-heat, axis=1, kind="stable")
    hits = np.cumsum(np.take_along_axis(lesion, order, axis=1), axis=1)
    precision = np.take_along_axis(hits, named - 1, axis=1) / named
    return _share(maps, masks, precision.reshape(maps.shape) * masks, masks)


def intersection_over_union(maps: np.ndarray, masks: np.ndarray, threshold: float) -> np.ndarray:
    """Overlap of the lesion with the pixels at or above the threshold."""
    named = maps >= threshold
    return _share(maps, masks, named & masks, named | masks)


MASS_INSIDE = Criterion("mass inside", mass_inside)
# Of images without a lesion: the share of pixels above half of the highest value there can be.
WARM_AREA = Criterion("warm area", lambda maps: (maps > 0.5).mean(axis=(1, 2)))


def criteria_at(threshold: float) -> tuple[Criterion, ...]:
    """The four criteria of images with a lesion, IoU at this threshold."""
    iou = Criterion("IoU", partial(intersection_over_union, threshold=threshold))
    return Criterion("pointing game", pointing_game), MASS_INSIDE, Criterion("AUPRC", auprc), iou


CRITERIA = criteria_at(0.5)  # a trial takes the threshold that is best on validation


def best_threshold(maps: np.ndarray, masks: np.ndarray) -> float:
    """The threshold with the highest mean IoU, to be fixed on validation: 0.05 to 0.95."""
    means = [np.nanmean(intersection_over_union(maps, masks, t)) for t in THRESHOLDS]
    return float(THRESHOLDS[np.argmax(means)])


def truth(maps: np.ndarray, masks: np.ndarray, threshold: float) -> dict[str, Score]:
    """Each criterion's score, by its name, on the images that have a lesion; IoU at a threshold.

    Chance is the same maps on other images' masks, each on up to `OTHERS` of them: lesions lie near
    the centre, so that uniform chance would flatter every map that is warm there. Raises ValueError
    when fewer than two images have a lesion.
    """
    lesion = masks.any(axis=(1, 2))
    maps, masks = maps[lesion], masks[lesion]
    others = _derangements(len(maps), seed=0)
    constant = float(is_constant(maps).mean())
    scores = {}
    for name, score in criteria_at(threshold):
        inside = score(maps, masks)
        chance = np.mean([score(maps, masks[other]) for other in others], axis=0)
        above = measures.mean(inside - chance)
        scores[name] = Score(measures.mean(inside), float(chance.mean()), above, constant)
    return scores


def baselines(images: np.ndarray) -> dict[str, np.ndarray]:
    """Maps that know no model, by name, of images uint8 (n, height, width, channels): float32."""
    shape = images.shape[:3]
    blob, noise = centre_blob(shape), random_maps(shape, seed=0)
    return {"centre blob": blob, EDGES: edges(images), "random": noise}


def centre_blob(shape: tuple[int, int, int]) -> np.ndarray:
    """The same Gaussian in the middle of every image, 1 at most."""
    n, *sides = shape
    blob = np.outer(*(gaussian(side, BLOB_WIDTH * side) for side in sides))
    return np.repeat((blob / blob.max())[None], n, axis=0).astype(np.float32)


def edges(images: np.ndarray) -> np.ndarray:
    """Sobel's gradient magnitude of the mean over channels, over its highest in the image."""
    grey = images.mean(axis=3).astype(np.float32)
    magnitude = np.stack([sobel(image) for image in grey])
    return share(magnitude, magnitude.max(axis=(1, 2), keepdims=True))


def random_maps(shape: tuple[int, int, int], seed: int) -> np.ndarray:
    """Every pixel drawn uniformly from 0 to 1."""
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


def _share(maps: np.ndarray, masks: np.ndarray, part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """What share of a whole a part is, both summed over pixels; of constant maps 0."""
    sums = (pixels.sum(axis=(1, 2), dtype=np.float64) for pixels in (part, whole))
    known = np.where(is_constant(maps), 0.0, share(*sums))
    return np.where(masks.any(axis=(1, 2)), known, np.nan)
