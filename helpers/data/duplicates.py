"""Images that occur more than once: exact copies and near ones, within and across splits."""

import hashlib
from collections.abc import Iterator

import numpy as np
import pandas as pd
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.utils.extmath import randomized_range_finder

from helpers.data.dataset import Dataset
from helpers.data.files import LEAST_SIZE, SPLITS

# Correlation of two images' pixels from which on they count as near duplicates.
NEAR_DUPLICATE_CORRELATION = 0.975
# Images by images that are compared at once, and pixels that are: 16 and 32 MiB.
BLOCK, CELLS = 2048, 2**22
# The search's directions come from so many images, and are as few of these as leave at most this
# share of pairs to be looked at in full; else all there are.
SAMPLE, DIRECTIONS, LEFT_OVER = 2000, (32, 64, 128, 256), 1e-4
ROUNDING = 1e-4  # more than float32 errs by in a correlation


def near_duplicate_groups(images: np.ndarray, correlation: float) -> np.ndarray:
    """Group images that are near copies: int (n,), equal for images linked by a chain of pairs.

    Two images (uint8 (n, size, size, channels)) are linked when Pearson's correlation of their
    pixels is at least `correlation` (in (0, 1)); an image without contrast is linked to none.
    Those above 28 px are averaged down to 28 px first, and rounded.

    Every pair is compared, but most by a bound alone: what two unit vectors have along some
    directions, and the product of the lengths of the rest, add up to no less than their
    correlation (Cauchy and Schwarz). Memory grows with the images, not with their pairs.
    """
    pixels = averaged_down(images).reshape(len(images), -1)
    groups = np.arange(len(pixels))
    (varied,) = np.nonzero(pixels.min(axis=1) < pixels.max(axis=1))
    if not len(varied):
        return groups
    bounding = _bounding_vectors(pixels[varied], correlation)
    for first, second in _pairs_bounded(bounding, correlation):
        first, second = varied[first], varied[second]
        step = max(1, CELLS // pixels.shape[1])
        for start in range(0, len(first), step):
            a, b = first[start : start + step], second[start : start + step]
            apart = groups[a] != groups[b]  # what a chain links already needs no look
            a, b = a[apart], b[apart]
            is_linked = _correlations(pixels[a], pixels[b]) >= correlation
            if is_linked.any():
                groups = _united(groups, a[is_linked], b[is_linked])
    return groups


def groups(dataset: Dataset) -> dict[str, np.ndarray]:
    """Groups of copies among all images, those of training first, then validation's and test's.

    `exact` (equal in every pixel) and `near` (a pixel correlation of at least
    `NEAR_DUPLICATE_CORRELATION`, by chains): int (n,), 0 and above, equal within a group.
    """
    images = [split.images for split in dataset.splits.values()]
    prints = [hashlib.blake2b(one.tobytes(), digest_size=16).digest() for s in images for one in s]
    small = np.concatenate(list(map(averaged_down, images)))
    near = near_duplicate_groups(small, NEAR_DUPLICATE_CORRELATION)
    return {"exact": pd.factorize(np.array(prints, object))[0], "near": pd.factorize(near)[0]}


def duplicate_table(dataset: Dataset) -> pd.DataFrame:
    """Images with an exact or near duplicate, within their split and in each other split.

    Rows are (kind, split), the kinds as in `groups`; columns the split that holds the duplicate,
    and at the end `other label`: images with a duplicate in another split under another label.
    """
    splits = dataset.splits.values()
    place = np.repeat(np.arange(3), [len(split) for split in splits])
    labels = np.concatenate([split.labels for split in splits])
    rows = {}
    for kind, group in groups(dataset).items():
        members = np.zeros((group.max() + 1, 3, len(dataset.classes)), int)
        np.add.at(members, (group, place, labels), 1)
        for index, split in enumerate(SPLITS):
            mine = place == index
            of_group = members[group[mine]]
            others = of_group.sum(axis=2) - np.eye(3, dtype=int)[index]
            elsewhere = np.delete(of_group, index, axis=1).sum(axis=1)
            elsewhere[np.arange(len(elsewhere)), labels[mine]] = 0
            rows[kind, split] = [*(others > 0).sum(axis=0), (elsewhere > 0).any(axis=1).sum()]
    columns = [*(f"copy in {split}" for split in SPLITS), "other label"]
    return pd.DataFrame(rows, index=columns).T.rename_axis(["kind", "images of"])


def averaged_down(images: np.ndarray) -> np.ndarray:
    """Images of at most 28 px, by averages over their pixels: uint8 (n, size, size, channels)."""
    if images.shape[1] <= LEAST_SIZE:
        return images
    size, channels = (LEAST_SIZE, LEAST_SIZE), images.shape[3]
    averaged = np.empty((len(images), *size, channels), np.uint8)
    for place in range(len(images)):
        # Pillow takes a grey image without its channel.
        image = Image.fromarray(images[place, ..., 0] if channels == 1 else images[place])
        small = np.asarray(image.resize(size, Image.Resampling.BOX))
        averaged[place] = small.reshape(*size, channels)
    return averaged


def _bounding_vectors(pixels: np.ndarray, correlation: float) -> np.ndarray:
    """Vectors whose products are no less than the images' correlations: float32 (n, k).

    Each holds an image's unit vector (uint8 (n, pixels), none without contrast) along the
    directions in which a sample varies most, and at the end the length of what they leave over.
    """
    apart = -(-len(pixels) // SAMPLE)
    sample = _units(pixels[::apart])
    others = _units(pixels[apart // 2 :: apart])  # the sample's own directions flatter it
    linked = (others @ others.T >= correlation).mean()
    directions = np.eye(pixels.shape[1], dtype=np.float32)
    for count in DIRECTIONS:
        fewer = randomized_range_finder(sample.T, size=count, n_iter=2, random_state=0)
        bounding = _with_rest(others @ fewer)
        if (bounding @ bounding.T >= correlation).mean() - linked <= LEFT_OVER:
            directions = fewer
            break
    step = max(1, CELLS // pixels.shape[1])
    blocks = (pixels[start : start + step] for start in range(0, len(pixels), step))
    return np.concatenate([_with_rest(_units(each) @ directions) for each in blocks])


def _units(pixels: np.ndarray) -> np.ndarray:
    centred = pixels.astype(np.float32)
    centred -= centred.mean(axis=1, keepdims=True)
    return centred / np.linalg.norm(centred, axis=1, keepdims=True)


def _with_rest(projected: np.ndarray) -> np.ndarray:
    rest = np.sqrt(np.maximum(0, 1 - (projected**2).sum(axis=1, keepdims=True)))
    return np.concatenate([projected, rest], axis=1)


def _pairs_bounded(
    bounding: np.ndarray, correlation: float
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Every pair whose bound reaches the correlation, block by block: indices int (m,) twice."""
    starts = range(0, len(bounding), BLOCK)
    for top in starts:
        for left in starts[top // BLOCK :]:
            product = bounding[top : top + BLOCK] @ bounding[left : left + BLOCK].T
            at = np.flatnonzero(product >= correlation - ROUNDING)
            first, second = top + at // product.shape[1], left + at % product.shape[1]
            yield first[first < second], second[first < second]


def _correlations(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Pearson's correlation of each pair of images, uint8 (m, pixels) each: float64 (m,)."""
    one, other = (each - each.mean(axis=1, keepdims=True) for each in (first, second))
    products = np.einsum("ij,ij->i", one, other)
    squares = np.einsum("ij,ij->i", one, one) * np.einsum("ij,ij->i", other, other)
    return products / np.sqrt(squares)


def _united(groups: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The groups int (n,), those of each pair of images made one."""
    links = (np.ones(len(first), bool), (groups[first], groups[second]))
    graph = coo_array(links, shape=(len(groups), len(groups)))
    return connected_components(graph, directed=False)[1][groups]
