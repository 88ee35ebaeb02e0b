"""Likeness of heatmaps: equal, opposite, constant and flipped ones."""

import numpy as np
import pytest

from helpers.heatmaps import localization, similarity

SHAPE = (6, 28, 28)


@pytest.fixture
def maps() -> np.ndarray:
    return localization.random_maps(SHAPE, 0)


def test_equal_maps_have_similarity_one(maps):
    for name, measure in similarity.similarity(maps, maps.copy()).items():
        assert measure.value == pytest.approx(1), name
        assert measure.n == len(maps)


def test_only_the_order_counts_for_rank_correlation(maps):
    np.testing.assert_allclose(similarity.rank_correlation(maps, maps**3), 1)
    np.testing.assert_allclose(similarity.rank_correlation(maps, 1 - maps), -1)
    assert (similarity.ssim(maps, maps**3) < 1).all()


def test_ranks_by_hand():
    first = np.array([[[1, 2], [3, 4]]])
    second = np.array([[[1, 2], [4, 3]]])
    # 1 - 6 (0 + 0 + 1 + 1) / (4 * 15)
    assert similarity.rank_correlation(first, second) == pytest.approx([0.8])


def test_unrelated_maps_are_not_alike(maps):
    unrelated = similarity.similarity(maps, localization.random_maps(SHAPE, 1))
    assert list(unrelated) == [criterion.name for criterion in similarity.CRITERIA]
    assert all(abs(measure.value) < 0.05 for measure in unrelated.values())


def test_constant_maps_have_no_similarity(maps):
    other = maps.copy()
    other[0], maps[1] = 1, 0
    for name, measure in similarity.similarity(maps, other).items():
        assert measure.n == len(maps) - 2, name
        assert measure.value == pytest.approx(1), name
    nothing = similarity.similarity(np.zeros(SHAPE), maps)["SSIM"]
    assert nothing.n == 0
    assert np.isnan(nothing.value)
    assert nothing.low is None


def test_a_map_that_moves_with_the_image_is_equivariant(maps):
    moved = similarity.similarity(maps, similarity.turned_back(maps[:, :, ::-1]))
    stayed = similarity.similarity(maps, similarity.turned_back(maps))
    assert all(measure.value == pytest.approx(1) for measure in moved.values())
    assert all(abs(measure.value) < 0.1 for measure in stayed.values())


@pytest.mark.parametrize("channels", [1, 3])
def test_noise_is_scaled_down_until_the_prediction_stays(channels):
    images = np.full((3, 28, 28, channels), 100, np.uint8)

    def predict(images: np.ndarray) -> np.ndarray:
        """Class 1 once the pixels spread more than the image at this place bears."""
        noisy = images.std(axis=(1, 2, 3)) > [100, 5, -1]
        return np.stack([~noisy, noisy], axis=1).astype(float)

    noisy, levels = similarity.quiet_noise(predict, images, np.zeros(3, int))
    assert noisy.dtype == np.uint8
    assert levels.tolist() == [25.6, 3.2, 0]
    np.testing.assert_allclose(noisy.std(axis=(1, 2, 3)), levels, rtol=0.1)
    assert predict(noisy).argmax(axis=1).tolist() == [0, 0, 1]
    np.testing.assert_array_equal(noisy[2], images[2])
