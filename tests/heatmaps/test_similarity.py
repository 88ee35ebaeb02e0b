"""Likeness of heatmaps: equal, opposite, constant and flipped ones."""

import numpy as np
import pytest

from helpers.heatmaps import similarity

SHAPE = (6, 28, 28)


def random_maps(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random(SHAPE)


@pytest.fixture
def maps() -> np.ndarray:
    return random_maps(0)


def test_only_the_order_counts_for_rank_correlation(maps):
    np.testing.assert_allclose(similarity.rank_correlation(maps, maps**3), 1)
    np.testing.assert_allclose(similarity.rank_correlation(maps, 1 - maps), -1)


def test_ranks_by_hand():
    first = np.array([[[1, 2], [3, 4]]])
    second = np.array([[[1, 2], [4, 3]]])
    # 1 - 6 (0 + 0 + 1 + 1) / (4 * 15)
    assert similarity.rank_correlation(first, second) == pytest.approx([0.8])


def test_unrelated_maps_are_not_alike(maps):
    assert abs(similarity.rank_correlation(maps, random_maps(1)).mean()) < 0.05
    assert abs(similarity.by_chance(maps).mean()) < 0.05


def test_maps_that_are_the_same_for_every_image_are_alike_by_chance(maps):
    same = np.repeat(maps[:1], len(maps), axis=0)
    np.testing.assert_allclose(similarity.by_chance(same), 1)
    # Then no likeness lies above half-way from chance to 1.
    np.testing.assert_allclose(similarity.half_way(similarity.by_chance(same)), 1)
    assert similarity.half_way(np.array([0.2])) == pytest.approx([0.6])


def test_constant_maps_have_no_likeness(maps):
    other = maps.copy()
    other[0], maps[1] = 1, 0
    scores = similarity.rank_correlation(maps, other)
    assert np.isnan(scores).tolist() == [True, True, False, False, False, False]
    # Nor do they count among the others.
    chance = similarity.by_chance(maps)
    assert np.isnan(chance).tolist() == [False, True, False, False, False, False]
    assert np.isnan(similarity.by_chance(maps[:1])).all()


def test_a_map_that_moves_with_the_image_is_equivariant(maps):
    moved = similarity.turned_back(maps[:, :, ::-1])
    np.testing.assert_allclose(similarity.rank_correlation(maps, moved), 1)
    stayed = similarity.rank_correlation(maps, similarity.turned_back(maps))
    assert abs(stayed.mean()) < 0.1


@pytest.mark.parametrize("channels", [1, 3])
def test_noise_has_two_grey_levels(channels):
    images = np.full((3, 28, 28, channels), 100, np.uint8)
    noisy = similarity.noisy(images)
    assert noisy.dtype == np.uint8
    # Rounding to whole levels adds a twelfth to the variance.
    assert noisy.std() == pytest.approx((2**2 + 1 / 12) ** 0.5, rel=0.05)
    assert noisy.mean() == pytest.approx(100, abs=0.2)
    assert similarity.noisy(np.full_like(images, 255)).max() == 255
