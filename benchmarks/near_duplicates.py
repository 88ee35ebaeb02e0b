"""Near duplicates among as many images as OCTMNIST has, beside all pairs in float32."""

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from benchmarks.comparison import Comparison, at_most, peak_memory, seconds, show, timed
from helpers.data import duplicates, phantom
from helpers.study import data_sets

IMAGES = sum(data_sets.get(data_sets.imitated()).samples.values())
DRAWN, FEW, BLOCK = 6_000, 20_000, 2_048
PLANTED = 200
SECONDS, GIGABYTES = 60, 2


def images(count: int) -> np.ndarray:
    """Phantom scans, most of them shifted and noisy ones of others; uint8 (count, 28, 28, 1).

    Of the last ones each is a near copy of one of the first.
    """
    rng = np.random.default_rng(0)
    drawn = phantom.draw_phantom(np.arange(DRAWN) % 4, 28, seed=0).images
    made = np.empty((count, 28, 28), np.uint8)
    for start in range(0, count, DRAWN):
        part = made[start : start + DRAWN]
        moved = np.roll(drawn[: len(part)], (start // DRAWN, 3 * start // DRAWN), axis=(1, 2))
        part[:] = np.clip(moved + rng.normal(0, 25, part.shape), 0, 255)
    made[-PLANTED:] = np.clip(made[:PLANTED] + rng.normal(0, 1, (PLANTED, 28, 28)), 0, 255)
    return made[..., None]


def pairs_of_all(pixels: np.ndarray, correlation: float) -> np.ndarray:
    """Every pair at or above a correlation, by all products in float32: int (pairs, 2)."""
    flat = pixels.reshape(len(pixels), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    found = []
    for top in range(0, len(flat), BLOCK):
        for left in range(top, len(flat), BLOCK):
            product = flat[top : top + BLOCK] @ flat[left : left + BLOCK].T
            found.append(np.argwhere(product >= correlation) + np.array([top, left]))
    pairs = np.concatenate(found)
    return pairs[pairs[:, 0] < pairs[:, 1]]


def compare() -> list[Comparison]:
    """Time and memory of all images; the same groups among as many as all pairs allow."""
    asked = duplicates.NEAR_DUPLICATE_CORRELATION
    few = images(FEW)
    took, pairs = timed(pairs_of_all, few, asked)
    links = coo_array((np.ones(len(pairs), bool), pairs.T), shape=(FEW, FEW))
    expected = connected_components(links, directed=False)[1]
    grouped = duplicates.near_duplicate_groups(few, asked)
    if not np.array_equal(pd.factorize(grouped)[0], pd.factorize(expected)[0]):
        raise AssertionError("groups differ from those of all pairs")
    many = images(IMAGES)
    with peak_memory() as gigabytes:
        ours = [seconds(duplicates.near_duplicate_groups, many, asked)]
    results = (
        f"{len(pairs):,} pairs among {FEW:,} images, and the same groups; {gigabytes():.2g} GB"
    )
    goals = [at_most(ours[0], SECONDS, "s"), at_most(gigabytes(), GIGABYTES, "GB")]
    work = f"near duplicates among {IMAGES:,} images"
    name = f"all pairs in float32, estimated from {FEW:,} images"
    return [Comparison(work, name, ours, [took * (IMAGES / FEW) ** 2], goals, results)]


if __name__ == "__main__":
    show(compare())
