"""Deletion, insertion and imputation, on a model of which it is known where it looks."""

import itertools

import numpy as np
import pytest

from helpers.heatmaps import faithfulness, judgement, localization

REGION = (slice(None), slice(10, 18), slice(6, 14))


def looks_at_the_region(images: np.ndarray) -> np.ndarray:
    """Class 1 is as probable as the region is bright, and nothing else counts."""
    bright = images[REGION].mean(axis=(1, 2, 3)) / 255
    return np.stack([1 - bright, bright], axis=1)


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    drawn = np.random.default_rng(0).integers(0, 60, (12, 28, 28, 1), dtype=np.uint8)
    drawn[REGION] += 190
    return drawn


@pytest.fixture(scope="module")
def perfect(images) -> np.ndarray:
    maps = np.zeros(images.shape[:3], np.float32)
    maps[REGION] = 1
    return maps


@pytest.fixture(scope="module")
def random(images) -> dict[str, np.ndarray]:
    return faithfulness.random_areas(looks_at_the_region, images, np.ones(len(images), int))


def judge(images: np.ndarray, maps: np.ndarray, random: dict[str, np.ndarray]) -> dict:
    own = faithfulness.areas(looks_at_the_region, images, maps, np.ones(len(images), int), seed=9)
    return {name: judgement.mean(gain) for name, gain in faithfulness.gains(own, random).items()}


def test_the_region_the_model_looks_at_beats_a_random_order(images, perfect, random):
    for name, gain in judge(images, perfect, random).items():
        assert gain.low > 0.1, name
        assert gain.n == len(images)


def test_what_the_model_ignores_is_worse_than_a_random_order(images, perfect, random):
    for name, gain in judge(images, 1 - perfect, random).items():
        assert gain.high < 0, name


@pytest.mark.parametrize("constant", [False, True])
def test_a_random_or_constant_map_is_at_chance(images, random, constant):
    shape = images.shape[:3]
    maps = np.ones(shape) if constant else np.random.default_rng(77).random(shape)
    for name, gain in judge(images, maps, random).items():
        assert abs(gain.value) < 0.02, name
        assert gain.low < 0 < gain.high, name


def test_maps_that_know_no_model_gain_less_than_the_region_it_looks_at(images, perfect, random):
    best = judge(images, perfect, random)
    maps = localization.baselines(images)
    # Brightness is what this model reads: it orders the region's own pixels, which the region's
    # outline does not.
    bright = judge(images, maps.pop("brightness"), random)
    assert bright["deletion"].value > best["deletion"].value
    for name, each in maps.items():
        gains = judge(images, each, random)
        assert all(gains[kind].value < best[kind].value for kind in best), name


def test_curves_begin_and_end_where_they_should(images, perfect):
    classes = np.ones(len(images), int)
    own = looks_at_the_region(images)[:, 1]
    deleted = faithfulness.deletion(looks_at_the_region, images, perfect, classes)
    inserted = faithfulness.insertion(looks_at_the_region, images, perfect, classes)
    assert deleted.shape == inserted.shape == (len(images), faithfulness.STEPS + 1)
    np.testing.assert_allclose(deleted[:, 0], own, rtol=1e-5)
    np.testing.assert_allclose(inserted[:, -1], own, rtol=1e-5)
    np.testing.assert_allclose(deleted[:, -1], images.mean(axis=(1, 2, 3)) / 255, atol=0.01)
    blurred = looks_at_the_region(faithfulness.blur(images))[:, 1]
    np.testing.assert_allclose(inserted[:, 0], blurred, rtol=1e-5)


def test_the_area_is_the_mean_of_the_curve(images, perfect):
    def certain(images: np.ndarray) -> np.ndarray:
        return np.full((len(images), 2), 0.5)

    areas = faithfulness.areas(certain, images, perfect, np.zeros(len(images), int))
    assert list(areas) == list(faithfulness.CRITERIA)
    np.testing.assert_allclose([*areas.values()], 0.5)


def test_imputation_keeps_what_is_kept_and_fills_smoothly():
    plane = np.add.outer(np.arange(28), 2 * np.arange(28)).astype(np.float32)
    plane = np.stack([plane, 84 - plane], axis=2)[None]  # channels are filled apart
    removed = np.zeros(plane.shape[:3], bool)
    removed[:, 8:20, 5:16] = True
    filled = faithfulness.impute(plane, removed, np.random.default_rng(0))
    np.testing.assert_array_equal(filled[~removed], plane[~removed])
    # The mean of a plane's neighbours is the plane itself, so only noise is left.
    error = (filled - plane)[removed]
    assert 0.5 * faithfulness.NOISE < error.std() < 1.5 * faithfulness.NOISE
    assert abs(error.mean()) < faithfulness.NOISE / 2


def test_a_single_hole_is_the_weighted_mean_of_its_neighbours(monkeypatch):
    monkeypatch.setattr(faithfulness, "NOISE", 0)
    images = np.array([[[12, 24, 12], [60, 0, 0], [0, 120, 36]]], np.uint8)[..., None]
    inside, corner = np.zeros((2, *images.shape[:3]), bool)
    inside[0, 1, 1] = corner[0, 0, 0] = True
    rng = np.random.default_rng(0)
    beside, diagonal = 24 + 60 + 0 + 120, 12 + 12 + 0 + 36
    assert faithfulness.impute(images, inside, rng)[0, 1, 1, 0] == pytest.approx(
        beside / 6 + diagonal / 12
    )
    assert faithfulness.impute(images, corner, rng)[0, 0, 0, 0] == pytest.approx((2 * 84 + 0) / 5)


def test_pixels_of_equal_relevance_go_in_no_order(images):
    removed = list(faithfulness._taken(np.zeros(images.shape[:3]), np.random.default_rng(0)))
    assert not removed[0].any()
    assert removed[-1].all()
    top = removed[5][:, :14].mean()
    assert 0.45 < top < 0.55
    assert all((before <= after).all() for before, after in itertools.pairwise(removed))


def test_rgb_images_are_judged_by_maps_without_channels(images, perfect, random):
    rgb = np.repeat(images, 3, axis=3)
    assert faithfulness.blur(rgb).shape == rgb.shape
    np.testing.assert_array_equal(faithfulness.blur(rgb)[..., :1], faithfulness.blur(images))
    for name, gain in judge(rgb, perfect, random).items():
        assert gain.low > 0.1, name
    nothing_left = np.ones(perfect.shape, bool)
    rgb[..., 2] = 0
    filled = faithfulness.impute(rgb, nothing_left, np.random.default_rng(0))
    np.testing.assert_allclose(
        filled.mean(axis=(1, 2))[:, :2], rgb.mean(axis=(1, 2))[:, :2], atol=0.5
    )
    assert (filled[..., 2].mean(axis=(1, 2)) < 3).all()  # cut at 0, half of the noise is left
