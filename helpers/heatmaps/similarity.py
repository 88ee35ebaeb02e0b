"""How alike heatmaps stay when the weights, the image, the seed or the model change.

Maps are float (n, height, width), 0 to 1, paired by their place; scores float (n,), -1 to 1, nan
where either map of a pair is constant.
"""

import numpy as np
from scipy.stats import pearsonr, rankdata

from helpers.heatmaps.localization import derangements
from helpers.heatmaps.maps import Criterion, is_constant

NOISE = 2.0  # standard deviation in grey levels: what an eye doesn't see


def rank_correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation of each pair, 1 when they order pixels alike."""
    scores = np.full(len(first), np.nan)
    varying = ~(is_constant(first) | is_constant(second))
    if varying.any():
        pair = (maps[varying].reshape(varying.sum(), -1) for maps in (first, second))
        scores[varying] = pearsonr(*(rankdata(maps, axis=1) for maps in pair), axis=1).statistic
    return scores


RANK_CORRELATION = Criterion("rank correlation", rank_correlation)


def by_chance(maps: np.ndarray) -> np.ndarray:
    """How alike each map is to those of up to `OTHERS` other images, on average: float (n,)."""
    if len(maps) < 2:
        return np.full(len(maps), np.nan)
    scores = np.stack([rank_correlation(maps, maps[other]) for other in derangements(len(maps))])
    known = ~np.isnan(scores)
    means = np.where(known, scores, 0).sum(axis=0) / np.maximum(1, known.sum(axis=0))
    return np.where(known.any(axis=0), means, np.nan)


def half_way(chance: np.ndarray) -> np.ndarray:
    """The likeness half-way from chance to the same map, 1: above it, maps count as the same."""
    return (1 + chance) / 2


def turned_back(maps_of_flipped: np.ndarray) -> np.ndarray:
    """Maps of images flipped left to right, as of the images themselves."""
    return maps_of_flipped[:, :, ::-1]


def noisy(images: np.ndarray) -> np.ndarray:
    """Images under Gaussian noise of `NOISE` grey levels: uint8, as the images."""
    noise = np.random.default_rng(0).standard_normal(images.shape, np.float32)
    return np.rint(images + NOISE * noise).clip(0, 255).astype(np.uint8)
