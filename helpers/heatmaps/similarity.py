"""How alike heatmaps stay when the weights, the image, the seed or the model change.

Maps are float (n, height, width), 0 to 1, paired by their place.
"""

from collections.abc import Callable

import numpy as np
from scipy.stats import pearsonr, rankdata
from skimage.metrics import structural_similarity

from helpers import evaluation, explain
from helpers.evaluation import Measure

NOISE_LEVELS = 25.6 / 2.0 ** np.arange(5)  # standard deviations in grey levels, most noise first


def ssim(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Structural similarity (Wang et al. 2004) of each pair: float (n,), -1 to 1, 1 when equal.

    nan where either map is constant.
    """
    pairs = zip(first, second, strict=True)
    found = np.array([structural_similarity(a, b, data_range=1) for a, b in pairs])
    return np.where(_either_constant(first, second), np.nan, found)


def rank_correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation of each pair: float (n,), -1 to 1, 1 when they order alike.

    nan where either map is constant.
    """
    found = np.full(len(first), np.nan)
    varying = ~_either_constant(first, second)
    if varying.any():
        a, b = (
            rankdata(maps[varying].reshape(varying.sum(), -1), axis=1) for maps in (first, second)
        )
        found[varying] = pearsonr(a, b, axis=1).statistic
    return found


def similarity(first: np.ndarray, second: np.ndarray) -> dict[str, Measure]:
    """Mean SSIM and rank correlation over the pairs, with 95 % intervals over images.

    `n` counts the pairs of which neither map is constant; the others have no similarity.
    """
    return {
        "SSIM": evaluation.mean(ssim(first, second)),
        "rank correlation": evaluation.mean(rank_correlation(first, second)),
    }


def turned_back(maps_of_flipped: np.ndarray) -> np.ndarray:
    """Maps (n, height, width) of images flipped left to right, as of the images themselves."""
    return maps_of_flipped[:, :, ::-1]


def quiet_noise(
    predict: Callable[[np.ndarray], np.ndarray],
    images: np.ndarray,
    classes: np.ndarray,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian noise on each image, as much of `NOISE_LEVELS` as leaves its predicted class.

    Parameters
    ----------
    predict : images uint8 (n, height, width) to probabilities or logits (n, classes).
    images : uint8 (n, height, width).
    classes : int (n,), the predicted classes, which the noise has to leave.

    Returns
    -------
    The noisy images, uint8, and the noise's standard deviation in grey levels, float (n,): 0 where
    every level changes the prediction, and the image is unaltered.
    """
    noise = np.random.default_rng(seed).standard_normal(images.shape, np.float32)
    noisy, levels = images.copy(), np.zeros(len(images))
    for level in NOISE_LEVELS:
        candidates = np.rint(images + level * noise).clip(0, 255).astype(np.uint8)
        accepted = (levels == 0) & (predict(candidates).argmax(axis=1) == classes)
        noisy[accepted], levels[accepted] = candidates[accepted], level
    return noisy, levels


def _either_constant(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return explain.is_constant(first) | explain.is_constant(second)
