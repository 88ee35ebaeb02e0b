"""Heatmaps against masks: cases by hand, and maps whose worth is known."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from helpers.heatmaps import judgement, localization

NAMES = ("pointing game", "mass inside", "AUPRC", "IoU")


@pytest.fixture(scope="module")
def masks(dataset) -> np.ndarray:
    return dataset.lesion_masks["train"]


@pytest.fixture(scope="module")
def lesions(masks) -> np.ndarray:
    return masks[masks.any(axis=(1, 2))]


def random_maps(shape: tuple[int, int, int], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random(shape, np.float32)


def test_one_image_by_hand():
    masks = np.array([[[True, True], [False, False]]])
    maps = np.array([[[0.4, 0.1], [0.5, 0.0]]])
    assert localization.pointing_game(maps, masks) == [0]
    assert localization.mass_inside(maps, masks) == pytest.approx([0.5])
    # The lesion's pixels rank second and third: precision 1/2 and 2/3.
    assert localization.auprc(maps, masks) == pytest.approx([(1 / 2 + 2 / 3) / 2])
    assert localization.intersection_over_union(maps, masks, 0.3) == pytest.approx([1 / 3])
    assert localization.intersection_over_union(maps, masks, 0.6) == [0]


def test_highest_pixels_share_the_pointing_game():
    masks = np.array([[[True, False], [False, False]]])
    assert localization.pointing_game(np.array([[[1, 1], [0, 0]]]), masks) == [0.5]


def test_auprc_is_scikit_learns(masks):
    masks = masks[masks.any(axis=(1, 2))]
    # Rounded, so that many pixels tie.
    maps = random_maps(masks.shape, 0).round(1)
    expected = [
        average_precision_score(mask.ravel(), heat.ravel())
        for mask, heat in zip(masks, maps, strict=True)
    ]
    np.testing.assert_allclose(localization.auprc(maps, masks), expected)


def test_a_constant_map_finds_nothing_and_a_healthy_image_has_no_score():
    masks = np.zeros((3, 2, 2), bool)
    masks[:2, 0] = True
    maps = np.stack([np.zeros((2, 2)), np.ones((2, 2)), np.eye(2)])
    for criterion in localization.CRITERIA:
        np.testing.assert_array_equal(criterion.score(maps, masks), [0, 0, np.nan])


def scores(criterion, maps, lesions):
    values = criterion.score(maps, lesions)
    chance = localization.chance(criterion, maps, lesions)
    return values, chance, judgement.margin(values, {"chance": chance}).above


@pytest.mark.parametrize("criterion", localization.CRITERIA, ids=NAMES)
def test_a_random_map_scores_at_chance(lesions, criterion):
    *_, above = scores(criterion, random_maps(lesions.shape, 1), lesions)
    assert above.low < 0 < above.high


@pytest.mark.parametrize("criterion", localization.CRITERIA, ids=NAMES)
def test_a_perfect_map_scores_at_the_top(lesions, criterion):
    values, chance, above = scores(criterion, lesions.astype(np.float32), lesions)
    assert (values == 1).all()
    assert chance.mean() < 0.6
    assert above.low > 0


def test_chance_is_kinder_to_the_centre_than_uniform_chance_is(lesions):
    maps = localization.centre_blob(lesions.shape)
    _, chance, above = scores(localization.POINTING, maps, lesions)
    assert chance.mean() > 2 * lesions.mean()
    # The same map everywhere finds another image's lesion as well as its own.
    assert above.low < 0 < above.high


def test_others_are_never_the_same_image_nor_the_same_pair():
    drawn = np.array(localization.derangements(7))
    assert (drawn != np.arange(7)).all()
    assert all(len(set(others)) == len(drawn) for others in drawn.T)
    with pytest.raises(ValueError, match="two images"):
        localization.derangements(1)


def test_the_threshold_is_the_one_with_the_highest_overlap():
    masks = np.zeros((2, 4, 4), bool)
    masks[:, :2] = True
    maps = np.where(masks, 0.65, 0.4)
    assert 0.4 < localization.best_threshold(maps, masks) <= 0.65


def test_no_image_has_a_part_in_its_own_threshold():
    masks = np.zeros((4, 4, 4), bool)
    masks[:, :2] = True
    maps = np.where(masks, 0.65, 0.4)
    maps[1::2] = np.where(masks[1::2], 0.3, 0.1)
    # At the others' threshold the first half has no more than its half, the second half nothing.
    np.testing.assert_allclose(localization.fitted_overlap(maps, masks), [0.5, 0, 0.5, 0])


def test_masks_are_averaged_by_area():
    mask = np.array([[[1, 0, 0], [0, 0, 0], [0, 0, 1]]], bool)
    # A cell of 1.5 x 1.5 pixels holds one whole pixel of area 1.
    np.testing.assert_allclose(
        localization.averaged(mask, (2, 2)), [[[1 / 2.25, 0], [0, 1 / 2.25]]], atol=1e-6
    )
    np.testing.assert_allclose(localization.averaged(mask, (1, 1)), [[[2 / 9]]], rtol=1e-6)


def test_the_truth_on_a_coarse_grid_scores_little_and_more_on_a_finer_one(lesions):
    inside = {
        side: {
            name: localization.mass_inside(maps, lesions).mean()
            for name, maps in localization.ceilings(lesions, (side, side)).items()
        }
        for side in (3, 7, 28)
    }
    assert inside[28]["mean"] == 1
    for kind in ("mean", "best"):
        assert inside[3][kind] < inside[7][kind] < inside[28][kind] + 1e-9
        assert inside[3][kind] < 0.25


@pytest.mark.parametrize("channels", [1, 3])
def test_baselines_know_no_model(channels):
    images = np.zeros((2, 28, 28, channels), np.uint8)
    images[0, :, 14:] = 200  # the second image is black
    baselines = localization.baselines(images)
    for maps in baselines.values():
        assert maps.dtype == np.float32
        assert maps.shape == images.shape[:3]
        assert maps.min() >= 0
        assert maps.max() <= 1
    assert set(np.argwhere(baselines["edges"][0] == 1)[:, 1]) == {13, 14}
    assert not baselines["edges"][1].any()
    assert set(baselines["brightness"][0, :, 20]) == {np.float32(200 / 255)}
    band = baselines["centre band"][0]
    assert (np.ptp(band, axis=1) == 0).all()
    np.testing.assert_allclose(band, band[::-1])
    blob = baselines["centre blob"][0]
    assert blob[13, 13] == blob[14, 14] == 1
    np.testing.assert_allclose(blob, blob[::-1, ::-1])


def test_edges_are_those_of_the_mean_over_channels():
    images = np.zeros((1, 28, 28, 3), np.uint8)
    images[0, :, :14, 0] = images[0, :, 14:, 1] = 90  # red meets green: no edge in grey
    assert not localization.edges(images).any()


def test_the_warm_area_is_the_share_above_half():
    maps = np.array([[[1, 0.6], [0.5, 0]], [[0, 0], [0, 0]]])
    np.testing.assert_array_equal(localization.warm_area(maps), [0.5, 0])
