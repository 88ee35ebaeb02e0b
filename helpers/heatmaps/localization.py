"""Does a heatmap find the lesion? Four criteria against the phantom's masks, and what chance earns.

Beside chance stand maps that know no model (`baselines`), and what the true masks themselves score
on a coarse grid (`ceilings`).

Maps are float (n, height, width), 0 to 1; masks bool of the same shape; scores float (n,), 0 to 1.
A constant map points nowhere, so it finds nothing: it scores 0 on every criterion. An image without
a lesion has no truth to find and scores nan.
"""

import numpy as np
from scipy.signal.windows import gaussian
from scipy.stats import rankdata
from skimage.filters import sobel

from helpers.heatmaps.maps import Criterion, is_constant, scaled_up, share

THRESHOLDS = np.arange(1, 20) / 20
OTHERS = 5  # masks of other images on which each map is scored for chance
BLOB_WIDTH = 1 / 6  # standard deviation of the centre blob, as a share of the side


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


def fitted_overlap(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Intersection over union, at the threshold that is best on the other half of the images."""
    scores = np.full(len(maps), np.nan)
    for half in (slice(0, None, 2), slice(1, None, 2)):
        other = slice(1 - half.start, None, 2)
        threshold = best_threshold(maps[other], masks[other])
        scores[half] = intersection_over_union(maps[half], masks[half], threshold)
    return scores


MASS_INSIDE = Criterion("mass inside", mass_inside)
POINTING = Criterion("pointing game", pointing_game)
CRITERIA = (POINTING, MASS_INSIDE, Criterion("AUPRC", auprc), Criterion("IoU", fitted_overlap))


def warm_area(maps: np.ndarray) -> np.ndarray:
    """The share of pixels above half of the highest value there can be: float (n,)."""
    return (maps > 0.5).mean(axis=(1, 2))


def best_threshold(maps: np.ndarray, masks: np.ndarray) -> float:
    """The threshold with the highest mean IoU, 0.05 to 0.95, of images with a lesion."""
    means = [np.nansum(intersection_over_union(maps, masks, t)) for t in THRESHOLDS]
    return float(THRESHOLDS[np.argmax(means)])


def chance(criterion: Criterion, maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """What each map scores on other images' masks, on up to `OTHERS` of them: float (n,).

    Lesions lie near the centre, so that uniform chance would flatter every map that is warm there.
    Every image has a lesion; ValueError for fewer than two.
    """
    others = derangements(len(maps))
    return np.mean([criterion.score(maps, masks[other]) for other in others], axis=0)


def baselines(images: np.ndarray) -> dict[str, np.ndarray]:
    """Maps that know no model, by name, of images uint8 (n, height, width, channels): float32."""
    shape = images.shape[:3]
    return {
        "brightness": (images.mean(axis=3) / 255).astype(np.float32),
        "edges": edges(images),
        "centre blob": centre_blob(shape),
        "centre band": centre_band(shape),
    }


def ceilings(masks: np.ndarray, grid: tuple[int, int]) -> dict[str, np.ndarray]:
    """What maps of so few cells could show at best, by name: float32, of the masks' shape.

    `mean`: in each cell the lesion's share of it; `best`: the cell with most of the lesion alone.
    Both are scaled up as a method's cells are.
    """
    area = averaged(masks, grid)
    best = area == area.max(axis=(1, 2), keepdims=True)
    size = masks.shape[1]
    if grid == masks.shape[1:]:
        return {"mean": area, "best": best.astype(np.float32)}
    return {"mean": scaled_up(area, size), "best": scaled_up(best.astype(np.float32), size)}


def averaged(masks: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """Masks averaged in the cells of a grid, by area: float32 (n, *grid)."""
    down, across = (
        _overlap(length, cells) for length, cells in zip(masks.shape[1:], grid, strict=True)
    )
    return (down @ masks.astype(np.float32) @ across.T).astype(np.float32)


def centre_blob(shape: tuple[int, int, int]) -> np.ndarray:
    """The same Gaussian in the middle of every image, 1 at most."""
    n, *sides = shape
    blob = np.outer(*(gaussian(side, BLOB_WIDTH * side) for side in sides))
    return np.repeat((blob / blob.max())[None], n, axis=0).astype(np.float32)


def centre_band(shape: tuple[int, int, int]) -> np.ndarray:
    """The same horizontal band across the middle of every image, Gaussian from top to bottom."""
    n, height, width = shape
    across = gaussian(height, BLOB_WIDTH * height)
    band = np.repeat(across[:, None] / across.max(), width, axis=1)
    return np.repeat(band[None], n, axis=0).astype(np.float32)


def edges(images: np.ndarray) -> np.ndarray:
    """Sobel's gradient magnitude of the mean over channels, over its highest in the image."""
    grey = images.mean(axis=3).astype(np.float32)
    magnitude = np.stack([sobel(image) for image in grey])
    return share(magnitude, magnitude.max(axis=(1, 2), keepdims=True))


def derangements(n: int, seed: int = 0) -> list[np.ndarray]:
    """Up to `OTHERS` permutations int (n,) that leave no image in its place, nor repeat a pair."""
    if n < 2:
        raise ValueError("chance needs two images")
    rng = np.random.default_rng(seed)
    circle = rng.permutation(n)
    place = np.argsort(circle)
    steps = 1 + rng.permutation(n - 1)[:OTHERS]
    return [circle[(place + step) % n] for step in steps]


def _overlap(length: int, cells: int) -> np.ndarray:
    """Which share of each of so many cells each pixel of a side is: float (cells, length)."""
    ends = np.linspace(0, length, cells + 1)
    starts = np.arange(length)
    inside = np.minimum(ends[1:, None], starts + 1) - np.maximum(ends[:-1, None], starts)
    return inside.clip(0) * cells / length


def _share(maps: np.ndarray, masks: np.ndarray, part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """What share of a whole a part is, both summed over pixels; of constant maps 0."""
    sums = (pixels.sum(axis=(1, 2), dtype=np.float64) for pixels in (part, whole))
    known = np.where(is_constant(maps), 0.0, share(*sums))
    return np.where(masks.any(axis=(1, 2)), known, np.nan)
