"""Heatmaps against masks: cases by hand, and maps whose worth is known."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from helpers.heatmaps import localization

NAMES = ("pointing game", "mass inside", "AUPRC", "IoU")


@pytest.fixture(scope="module")
def masks(dataset) -> np.ndarray:
    return dataset.lesion_masks["train"]


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
    maps = localization.random_maps(masks.shape, 0).round(1)
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


def test_a_random_map_scores_at_chance(masks):
    maps = localization.random_maps(masks.shape, 1)
    threshold = localization.best_threshold(maps, masks)
    for name, score in localization.truth(maps, masks, threshold).items():
        assert score.measure.low < score.chance < score.measure.high, name
        assert score.above.low < 0 < score.above.high, name


def test_a_perfect_map_scores_at_the_top(masks):
    maps = masks.astype(np.float32)
    threshold = localization.best_threshold(maps, masks)
    scores = localization.truth(maps, masks, threshold)
    assert tuple(scores) == NAMES
    for name, score in scores.items():
        assert score.measure.value == score.measure.low == score.measure.high == 1, name
        assert score.chance < 0.6, name
        assert score.above.low > 0, name
        assert score.measure.n == masks.any(axis=(1, 2)).sum()
        assert score.constant == 0


def test_chance_is_kinder_to_the_centre_than_uniform_chance_is(masks):
    maps = localization.centre_blob(masks.shape)
    scores = localization.truth(maps, masks, 0.5)
    lesions = masks[masks.any(axis=(1, 2))]
    score = scores["pointing game"]
    assert score.chance > 2 * lesions.mean()
    # The same map everywhere finds another image's lesion as well as its own.
    assert score.above.low < 0 < score.above.high


def test_constant_maps_are_counted(masks):
    maps = masks.astype(np.float32)
    first = np.flatnonzero(masks.any(axis=(1, 2)))[0]
    maps[first] = 1
    score = localization.truth(maps, masks, 0.5)["AUPRC"]
    assert score.constant == pytest.approx(1 / score.measure.n)
    assert score.measure.value == pytest.approx(1 - 1 / score.measure.n)


def test_others_are_never_the_same_image_nor_the_same_pair():
    drawn = np.array(localization._derangements(7, 0))
    assert (drawn != np.arange(7)).all()
    assert all(len(set(others)) == len(drawn) for others in drawn.T)
    with pytest.raises(ValueError, match="two images"):
        localization._derangements(1, 0)


def test_the_threshold_is_the_one_with_the_highest_overlap():
    masks = np.zeros((2, 4, 4), bool)
    masks[:, :2] = True
    maps = np.where(masks, 0.65, 0.4)
    assert 0.4 < localization.best_threshold(maps, masks) <= 0.65


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
    blob = baselines["centre blob"][0]
    assert blob[13, 13] == blob[14, 14] == 1
    np.testing.assert_allclose(blob, blob[::-1, ::-1])


def test_edges_are_those_of_the_mean_over_channels():
    images = np.zeros((1, 28, 28, 3), np.uint8)
    images[0, :, :14, 0] = images[0, :, 14:, 1] = 90  # red meets green: no edge in grey
    assert not localization.edges(images).any()


def test_the_warm_area_is_the_share_above_half():
    maps = np.array([[[1, 0.6], [0.5, 0]], [[0, 0], [0, 0]]])
    np.testing.assert_array_equal(localization.WARM_AREA.score(maps), [0.5, 0])
