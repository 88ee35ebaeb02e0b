"""Does a heatmap tell what the model uses? Deletion and insertion, away from unseen images.

Most relevant pixels first, a share of each image is removed or brought in, and the model's
probability of a class is followed (Petsiuk et al. 2018). A hole cut into an image is itself
something the model has never seen, so removed pixels are imputed from their neighbours (Rong et al.
2022), and insertion starts from a blurred image.
"""

from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
from scipy import sparse
from scipy.ndimage import gaussian_filter
from scipy.sparse.linalg import spsolve

from helpers import evaluation
from helpers.evaluation import Measure

# Images float32 (n, height, width), 0 to 255, to probabilities (n, classes).
Predict = Callable[[np.ndarray], np.ndarray]

STEPS = 10  # a curve has a point more
RANDOM_ORDERS = 3
NOISE = 0.01 * 255  # Rong et al.'s standard deviation on a range of 1, in grey levels
# Petsiuk et al. blur by 5 of 224 px, which would leave every layer of a retina at 28 px.
BLUR = 1 / 8  # standard deviation, as a share of the side


def deletion(
    predict: Predict, images: np.ndarray, maps: np.ndarray, classes: np.ndarray, seed: int = 0
) -> np.ndarray:
    """Probability of each image's class as its most relevant pixels are removed and imputed.

    Parameters
    ----------
    predict : images float32 (n, height, width), 0 to 255, to probabilities (n, classes).
    images : uint8 (n, height, width); maps : float of the same shape, more is more relevant.
    classes : int (n,), the class whose probability is followed.
    seed : of the noise, and of the order among pixels of equal relevance; a constant map's order is
        thus random.

    Returns
    -------
    float (n, STEPS + 1), from the image itself to one without any pixel left.
    """
    rng = np.random.default_rng(seed)
    steps = (impute(images, removed, rng) for removed in _taken(maps, rng))
    return _follow(predict, steps, classes)


def insertion(
    predict: Predict, images: np.ndarray, maps: np.ndarray, classes: np.ndarray, seed: int = 0
) -> np.ndarray:
    """Probability of each image's class as its most relevant pixels replace those of its blur.

    Parameters as for `deletion`; float (n, STEPS + 1), from the blurred image to the image itself.
    """
    exact, blurred = images.astype(np.float32), blur(images)
    rng = np.random.default_rng(seed)
    steps = (np.where(inserted, exact, blurred) for inserted in _taken(maps, rng))
    return _follow(predict, steps, classes)


def areas(
    predict: Predict, images: np.ndarray, maps: np.ndarray, classes: np.ndarray, seed: int = 0
) -> dict[str, np.ndarray]:
    """Area under each image's curve, the mean probability over the share of pixels: float (n,).

    Keys deletion (a faithful map's is low) and insertion (high); parameters as for `deletion`.
    """
    return {
        curve.__name__: np.trapezoid(
            curve(predict, images, maps, classes, seed), dx=1 / STEPS, axis=1
        )
        for curve in (deletion, insertion)
    }


def random_areas(
    predict: Predict, images: np.ndarray, classes: np.ndarray, seed: int = 0
) -> dict[str, np.ndarray]:
    """`areas` of a random order of pixels, averaged over `RANDOM_ORDERS` orders."""
    # A constant map's order is random; the first seed is left to constant maps under judgement.
    seeds = range(seed + 1, seed + 1 + RANDOM_ORDERS)
    found = [areas(predict, images, np.zeros(images.shape), classes, one) for one in seeds]
    return {name: np.mean([one[name] for one in found], axis=0) for name in found[0]}


def faithfulness(own: dict[str, np.ndarray], random: dict[str, np.ndarray]) -> dict[str, Measure]:
    """How much better than a random order of pixels a map's order is, paired by image.

    `own` as `areas` gives it and `random` as `random_areas` does. Deletion: the random order's area
    less the map's; insertion: the map's less the random order's. Above 0 is better than random, in
    both -1 to 1; with 95 % intervals over images.
    """
    return {
        "deletion": evaluation.mean(random["deletion"] - own["deletion"]),
        "insertion": evaluation.mean(own["insertion"] - random["insertion"]),
    }


def impute(images: np.ndarray, removed: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Fill removed pixels by noisy linear imputation (Rong et al. 2022, ROAD).

    Each removed pixel is the weighted mean of its eight neighbours, removed ones among them, those
    beside it counting twice those at its corners; a little noise is added. An image of which
    nothing is left becomes its mean.

    Parameters
    ----------
    images : uint8 or float (n, height, width), 0 to 255; removed : bool of the same shape.

    Returns
    -------
    float32 (n, height, width), 0 to 255; kept pixels are unchanged.
    """
    n, *sides = images.shape
    equations = _neighbour_means(*sides)
    filled = images.reshape(n, -1).astype(np.float32)
    for image, holes in zip(filled, removed.reshape(n, -1), strict=True):
        if holes.all():
            image[:] = image.mean()
        elif holes.any():
            rows = equations[holes]
            image[holes] = spsolve(rows[:, holes].tocsc(), -(rows[:, ~holes] @ image[~holes]))
        image[holes] += rng.normal(0, NOISE, holes.sum())
    return filled.clip(0, 255).reshape(images.shape)


def blur(images: np.ndarray) -> np.ndarray:
    """Images (n, height, width) under a Gaussian an eighth of their side wide: float32."""
    width = BLUR * images.shape[1]
    return gaussian_filter(images.astype(np.float32), sigma=(0, width, width), mode="nearest")


@cache
def _neighbour_means(height: int, width: int) -> sparse.csr_array:
    """A row a pixel: its neighbours' weighted sum less its own share, 0 where it is their mean."""
    down, across = (
        sparse.diags_array(np.ones((2, side - 1)), offsets=[-1, 1], shape=(side, side))
        for side in (height, width)
    )
    beside = sparse.kron(down, sparse.eye_array(width)) + sparse.kron(
        sparse.eye_array(height), across
    )
    weights = 2 * beside + sparse.kron(down, across)
    # Summed over the neighbours there are, since a pixel at the edge has fewer.
    return (weights - sparse.diags_array(weights.sum(axis=1))).tocsr()


def _taken(maps: np.ndarray, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """The most relevant 0, 1, ..., STEPS of STEPS equal shares of pixels: bool like the maps."""
    n = len(maps)
    heat = maps.reshape(n, -1)
    # By chance among equals: in reading order, a map that is mostly 0 would sweep from the top.
    shuffled = rng.permuted(np.tile(np.arange(heat.shape[1]), (n, 1)), axis=1)
    order = np.argsort(-np.take_along_axis(heat, shuffled, axis=1), axis=1, kind="stable")
    ranks = np.argsort(np.take_along_axis(shuffled, order, axis=1), axis=1)
    for step in range(STEPS + 1):
        yield (ranks * STEPS < step * heat.shape[1]).reshape(maps.shape)


def _follow(predict: Predict, steps: Iterator[np.ndarray], classes: np.ndarray) -> np.ndarray:
    own = classes[:, None]
    return np.stack(
        [np.take_along_axis(predict(images), own, axis=1)[:, 0] for images in steps], axis=1
    )
