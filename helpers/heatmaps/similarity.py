"""How alike heatmaps stay when the weights, the image, the seed or the model change.

Maps are float (n, height, width), 0 to 1, paired by their place; scores float (n,), -1 to 1, nan
where either map of a pair is constant.
"""

from collections.abc import Callable

import numpy as np
from scipy.stats import pearsonr, rankdata
from skimage.metrics import structural_similarity

from helpers.evaluation import measures
from helpers.heatmaps.maps import Criterion, is_constant

NOISE_LEVELS = 25.6 / 2.0 ** np.arange(5)  # standard deviations in grey levels, most noise first


def ssim(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Structural similarity (Wang et al. 2004) of each pair, 1 when equal."""
    pairs = zip(first, second, strict=True)
    scores = np.array([structural_similarity(a, b, data_range=1) for a, b in pairs])
    return np.where(is_constant(first) | is_constant(second), np.nan, scores)


def rank_correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation of each pair, 1 when they order pixels alike."""
    scores = np.full(len(first), np.nan)
    varying = ~(is_constant(first) | is_constant(second))
    if varying.any():
        pair = (maps[varying].reshape(varying.sum(), -1) for maps in (first, second))
        scores[varying] = pearsonr(*(rankdata(maps, axis=1) for maps in pair), axis=1).statistic
    return scores


SSIM = Criterion("SSIM", ssim)
RANK_CORRELATION = Criterion("rank correlation", rank_correlation)
CRITERIA = (SSIM, RANK_CORRELATION)


def similarity(first: np.ndarray, second: np.ndarray) -> dict[str, measures.Measure]:
    """Each criterion's mean over the pairs that have it, by its name, with 95 % intervals."""
    return {criterion.name: measures.mean(criterion.score(first, second)) for criterion in CRITERIA}


def turned_back(maps_of_flipped: np.ndarray) -> np.ndarray:
    """Maps of images flipped left to right, as of the images themselves."""
    return maps_of_flipped[:, :, ::-1]


def quiet_noise(
    predict: Callable[[np.ndarray], np.ndarray], images: np.ndarray, classes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian noise on each image, as much of `NOISE_LEVELS` as leaves its predicted class.

    `predict` takes images, uint8 (n, height, width, channels), to probabilities or logits; classes
    are int (n,). Returned are the noisy images, uint8, and the noise's standard deviation in grey
    levels, float (n,): 0 where every level changes the prediction, and the image is unaltered.
    """
    noise = np.random.default_rng(0).standard_normal(images.shape, np.float32)
    noisy, levels = images.copy(), np.zeros(len(images))
    for level in NOISE_LEVELS:
        candidates = np.rint(images + level * noise).clip(0, 255).astype(np.uint8)
        accepted = (levels == 0) & (predict(candidates).argmax(axis=1) == classes)
        noisy[accepted], levels[accepted] = candidates[accepted], level
    return noisy, levels
