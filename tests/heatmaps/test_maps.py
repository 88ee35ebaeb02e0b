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


def test_grad_cam_by_hand():
    activations = np.zeros((1, 2, 2, 2))
    activations[0, 0, 0, 0], activations[0, 1, 1, 1] = 4, 8
    gradients = np.zeros((1, 2, 2, 2))
    gradients[0, 0, 0], gradients[0, 1, 1, 0] = [2, -1], 6
    # Weights are means: (2 + 6) / 4 and -1 / 4. LayerCAM weights each cell by its own.
    np.testing.assert_allclose(maps.grad_cam(activations, gradients), [[[8, 0], [0, 0]]])
    np.testing.assert_allclose(maps.layer_cam(activations, gradients), [[[8, 0], [0, 0]]])
    gradients[0, 1, 1] = [0, 3]
    np.testing.assert_allclose(maps.layer_cam(activations, gradients), [[[8, 0], [0, 24]]])


def test_a_class_without_an_image_is_left_empty(dataset):
    labels, drawn = np.array([0, 0, 1, 1, 3, 3, 3, 3]), np.ones((8, 3, 3), np.float32)
    averages = maps.class_average_maps(drawn, labels, 4)
    assert averages.dtype == np.float32
    assert np.isnan(averages[2]).all()
    assert (averages[[0, 1, 3]] == 1).all()
    assert maps.class_correlations(drawn, labels, dataset.classes) == {}


def test_classes_mean_maps_are_correlated():
    drawn = np.array([[[0, 1], [0, 1]], [[0, 2], [0, 2.1]], [[1, 0], [1, 0]], [[5, 5], [5, 5]]])
    found = maps.class_correlations(drawn, np.arange(4), tuple("abcd"))
    assert set(found) == {("a", "b"), ("a", "c"), ("b", "c")}  # a constant map is left out
    assert found["a", "c"] == pytest.approx(-1)
    assert found["a", "b"] == pytest.approx(np.corrcoef([0, 1, 0, 1], [0, 2, 0, 2.1])[0, 1])


@pytest.mark.parametrize("grid", [(3, 3), (4, 4), (7, 7), (3, 4)])
def test_the_cells_of_a_map_are_those_it_was_scaled_up_from(grid):
    cells = np.random.default_rng(0).random((5, *grid), np.float32)
    np.testing.assert_allclose(maps.cells(maps.scaled_up(cells, 28), grid), cells, atol=0.25)
    pixels = np.random.default_rng(0).random((2, 28, 28))
    np.testing.assert_array_equal(maps.cells(pixels, (28, 28)), pixels)
