"""Does a heatmap tell what the model uses? Deletion and insertion, away from unseen images.

Most relevant pixels first, a share of each image is removed or brought in, and the model's
probability of a class is followed (Petsiuk et al. 2018). A hole cut into an image is itself
something the model has never seen, so removed pixels are imputed from their neighbours (Rong et al.
2022), and insertion starts from a blurred image.

Images are uint8 (n, height, width, channels), maps float (n, height, width), more being more
relevant, and classes int (n,), whose probability is followed. A seed is of the noise, and of the
order among pixels of equal relevance; a constant map's order is thus random.
"""

from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
from scipy import sparse
from scipy.ndimage import gaussian_filter
from scipy.sparse.linalg import spsolve

# Images float32 (n, height, width, channels), 0 to 255, to probabilities (n, classes).
Predict = Callable[[np.ndarray], np.ndarray]
Areas = dict[str, np.ndarray]  # under each image's curves, float (n,), by the criteria's names

STEPS = 10  # a curve has a point more
RANDOM_ORDERS = 3
NOISE = 0.01 * 255  # Rong et al.'s standard deviation on a range of 1, in grey levels
# Petsiuk et al. blur by 5 of 224 px, which would leave every layer of a retina at 28 px.
BLUR = 1 / 8  # standard deviation, as a share of the side


def deletion(
    predict: Predict, images: np.ndarray, maps: np.ndarray, classes: np.ndarray, seed: int = 0
) -> np.ndarray:
    """Probability of each image's class as its most relevant pixels are removed and imputed.

    float (n, STEPS + 1), from the image itself to one without any pixel left.
    """
    rng = np.random.default_rng(seed)
    steps = (impute(images, removed, rng) for removed in _taken(maps, rng))
    return _follow(predict, steps, classes)


def insertion(
    predict: Predict, images: np.ndarray, maps: np.ndarray, classes: np.ndarray, seed: int = 0
) -> np.ndarray:
    """Probability of each image's class as its most relevant pixels replace those of its blur.

    float (n, STEPS + 1), from the blurred image to the image itself.
    """
    exact, blurred = images.astype(np.float32), blur(images)
    rng = np.random.default_rng(seed)
    steps = (np.where(inserted[..., None], exact, blurred) for inserted in _taken(maps, rng))
    return _follow(predict, steps, classes)


DELETION, INSERTION = "deletion", "insertion"
CRITERIA = (DELETION, INSERTION)


def areas(
    predict: Predict, images: np.ndarray, maps: np.ndarray, classes: np.ndarray, seed: int = 0
) -> Areas:
    """The mean of each curve over the share of pixels: low by deletion of what a model uses."""
    return {
        name: np.trapezoid(curve(predict, images, maps, classes, seed), dx=1 / STEPS, axis=1)
        for name, curve in ((DELETION, deletion), (INSERTION, insertion))
    }


def random_areas(predict: Predict, images: np.ndarray, classes: np.ndarray) -> Areas:
    """`areas` of a random order of pixels, averaged over `RANDOM_ORDERS` orders."""
    # A constant map's order is random; the first seed is left to constant maps under judgement.
    constant = np.zeros(images.shape[:3])
    orders = [areas(predict, images, constant, classes, 1 + k) for k in range(RANDOM_ORDERS)]
    return {name: np.mean([order[name] for order in orders], axis=0) for name in orders[0]}


def gains(by_map: Areas, by_chance: Areas) -> Areas:
    """How much better than a random order of pixels a map's is: above 0, at most 1, is better."""
    return {
        DELETION: by_chance[DELETION] - by_map[DELETION],
        INSERTION: by_map[INSERTION] - by_chance[INSERTION],
    }


def impute(images: np.ndarray, removed: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Fill removed pixels, bool (n, height, width), by noisy linear imputation (Rong et al. 2022).

    Each removed pixel is the weighted mean of its eight neighbours, removed ones among them, those
    beside it counting twice those at its corners; a little noise is added. An image of which
    nothing is left becomes its mean. Channels are filled apart. float32, 0 to 255, as the images,
    which may be float as well; kept pixels are unchanged.
    """
    n, height, width, channels = images.shape
    equations = _neighbour_means(height, width)
    filled = images.reshape(n, -1, channels).astype(np.float32)
    for image, holes in zip(filled, removed.reshape(n, -1), strict=True):
        if holes.all():
            image[:] = image.mean(axis=0)
        elif holes.any():
            rows = equations[holes]
            solved = spsolve(rows[:, holes].tocsc(), -(rows[:, ~holes] @ image[~holes]))
            image[holes] = solved.reshape(-1, channels)
        image[holes] += rng.normal(0, NOISE, (holes.sum(), channels))
    return filled.clip(0, 255).reshape(images.shape)


def blur(images: np.ndarray) -> np.ndarray:
    """Images under a Gaussian an eighth of a side wide: float32."""
    width = BLUR * images.shape[1]
    return gaussian_filter(images.astype(np.float32), width, mode="nearest", axes=(1, 2))


@cache
def _neighbour_means(height: int, width: int) -> sparse.csr_array:
    """A row a pixel: its neighbours' weighted sum less its own share, 0 where it is their mean."""
    down, across = (
        sparse.diags_array(np.ones((2, side - 1)), offsets=[-1, 1], shape=(side, side))
        for side in (height, width)
    )
    weights = 2 * sparse.kronsum(across, down) + sparse.kron(down, across)
    # Summed over the neighbours there are, since a pixel at the edge has fewer.
    return (weights - sparse.diags_array(weights.sum(axis=1))).tocsr()


def _taken(maps: np.ndarray, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """The most relevant 0, 1, ..., STEPS of STEPS equal shares of pixels: bool like the maps."""
    heat = maps.reshape(len(maps), -1)
    # By chance among equals: in reading order, a map that is mostly 0 would sweep from the top.
    shuffled = rng.permuted(np.indices(heat.shape)[1], axis=1)
    order = np.argsort(-np.take_along_axis(heat, shuffled, axis=1), axis=1, kind="stable")
    ranks = np.argsort(np.take_along_axis(shuffled, order, axis=1), axis=1)
    for step in range(STEPS + 1):
        yield (ranks * STEPS < step * heat.shape[1]).reshape(maps.shape)


def _follow(predict: Predict, steps: Iterator[np.ndarray], classes: np.ndarray) -> np.ndarray:
    return np.stack([predict(images)[np.arange(len(classes)), classes] for images in steps], axis=1)
