"""What is done to maps, and what they show in numbers."""

import numpy as np
import pytest

from helpers.heatmaps import maps


def test_a_map_and_its_mirror_image_are_averaged():
    drawn = np.array([[[0.0, 2.0], [4.0, 4.0]]])
    np.testing.assert_array_equal(maps.with_mirror_image(drawn), [[[1, 1], [4, 4]]])


def test_a_map_is_constant_or_not():
    assert maps.is_constant(np.stack([np.zeros((2, 2)), np.eye(2), np.ones((2, 2))])).tolist() == [
        True,
        False,
        True,
    ]


def test_scaling_up_keeps_a_constant_and_what_lies_between():
    large = maps.scaled_up(np.array([[[1, 1], [1, 1]], [[0, 1], [0, 1]]], np.float32), 8)
    assert large.shape == (2, 8, 8)
    np.testing.assert_allclose(large[0], 1)
    assert (np.diff(large[1], axis=1) >= 0).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_the_average_map_is_described(dataset, channels):
    drawn = np.zeros((len(dataset.test), 3, 3), np.float32)
    drawn[:, 0, 2] = 1
    images = np.repeat(dataset.test.images, channels, axis=3)
    table = maps.map_statistics(drawn, images, dataset.test.labels, dataset.classes)
    assert table.index.tolist() == list(dataset.classes)
    np.testing.assert_allclose(table["peak row"], 1 / 6)
    np.testing.assert_allclose(table["peak column"], 5 / 6)
    assert (table["constant maps"] == 0).all()
    assert table["correlation with the image"].abs().max() < 1


def test_a_map_like_the_image_correlates_with_it(dataset):
    test = dataset.test
    table = maps.map_statistics(
        test.images[..., 0].astype(np.float32), test.images, test.labels, dataset.classes
    )
    np.testing.assert_allclose(table["correlation with the image"], 1, rtol=1e-5)


def test_a_class_without_an_image_is_left_empty(dataset):
    images, labels = dataset.test.images[:8], np.array([0, 0, 1, 1, 3, 3, 3, 3])
    drawn = np.ones((8, 3, 3), np.float32)
    averages = maps.class_average_maps(drawn, labels, 4)
    assert averages.dtype == np.float32
    assert np.isnan(averages[2]).all()
    assert (averages[[0, 1, 3]] == 1).all()
    table = maps.map_statistics(drawn, images, labels, dataset.classes)
    assert table.iloc[2].isna().all()
    assert (table["constant maps"].dropna() == 1).all()
    assert table["correlation with the image"].isna().all()
