"""Images that occur more than once: exact copies and near ones, within and across splits."""

import numpy as np
import pandas as pd
from scipy.sparse.csgraph import connected_components
from sklearn.neighbors import NearestNeighbors

from helpers.data.dataset import Dataset
from helpers.data.files import SPLITS

# Correlation of two images' pixels from which on they count as near duplicates.
NEAR_DUPLICATE_CORRELATION = 0.975


def near_duplicate_groups(images: np.ndarray, correlation: float) -> np.ndarray:
    """Group images that are near copies: int (n,), equal for images linked by a chain of pairs.

    Two images (uint8 (n, size, size, channels)) are linked when Pearson's correlation of their
    pixels is at least `correlation` (in (0, 1)); an image without contrast is linked to none. For
    unit vectors of centred pixels, correlation r is Euclidean distance sqrt(2 - 2 r).
    """
    vectors = images.reshape(len(images), -1).astype(np.float32)
    vectors -= vectors.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    groups = -np.arange(1, len(images) + 1)
    has_contrast = norms[:, 0] > 0
    if not has_contrast.any():
        return groups
    units = (vectors / np.maximum(norms, 1e-12))[has_contrast]
    search = NearestNeighbors(radius=np.sqrt(2 - 2 * correlation), algorithm="brute").fit(units)
    groups[has_contrast] = connected_components(search.radius_neighbors_graph())[1]
    return groups


def groups(dataset: Dataset) -> dict[str, np.ndarray]:
    """Groups of copies among all images, those of training first, then validation's and test's.

    `exact` (equal in every pixel) and `near` (a pixel correlation of at least
    `NEAR_DUPLICATE_CORRELATION`, by chains): int (n,), 0 and above, equal within a group.
    """
    images = np.concatenate([split.images for split in dataset.splits.values()])
    exact = np.unique(images.reshape(len(images), -1), axis=0, return_inverse=True)[1]
    near = near_duplicate_groups(images, NEAR_DUPLICATE_CORRELATION)
    return {"exact": exact.reshape(-1), "near": np.unique(near, return_inverse=True)[1]}


def duplicate_table(dataset: Dataset) -> pd.DataFrame:
    """Images with an exact or near duplicate, within their split and in each other split.

    Rows are (kind, split), the kinds as in `groups`; columns the split that holds the duplicate.
    """
    place = np.repeat(np.arange(3), [len(split) for split in dataset.splits.values()])
    rows = {}
    for kind, group in groups(dataset).items():
        members = np.zeros((group.max() + 1, 3), int)
        np.add.at(members, (group, place), 1)
        for index, split in enumerate(SPLITS):
            others = members[group[place == index]] - np.eye(3, dtype=int)[index]
            rows[kind, split] = (others > 0).sum(axis=0)
    table = pd.DataFrame(rows, index=[f"copy in {split}" for split in SPLITS]).T
    return table.rename_axis(["kind", "images of"])
