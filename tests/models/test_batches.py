"""Batches: every image once an epoch, drawn by seed and epoch alone, labels beside their images."""

import numpy as np
import pytest

from helpers.models import batches

N, SIZE = 1_100, 32


def drawn(seed, epoch, draw=lambda places, rng: places[:, None].astype(np.float32)):
    truth = batches.one_hot(np.arange(N) % 4, 4)
    dataset = batches.shuffled(draw, truth, SIZE, seed, lambda: epoch)
    return [(inputs.numpy(), labels.numpy()) for inputs, labels in dataset]


def test_labels_become_one_hot():
    np.testing.assert_array_equal(batches.one_hot([0, 2], 3), [[1, 0, 0], [0, 0, 1]])


def test_an_epoch_sees_every_image_once_with_its_label():
    inputs, labels = map(np.concatenate, zip(*drawn(0, 0), strict=True))
    np.testing.assert_array_equal(np.sort(inputs[:, 0]), np.arange(N))
    np.testing.assert_array_equal(labels.argmax(axis=1), inputs[:, 0] % 4)
    assert [len(part) for part, _ in drawn(0, 0)] == [SIZE] * (N // SIZE) + [N % SIZE]


@pytest.mark.parametrize(("seed", "epoch", "is_same"), [(0, 3, True), (0, 4, False), (1, 3, False)])
def test_seed_and_epoch_alone_decide(seed, epoch, is_same):
    def noise(places, rng):
        return rng.random((len(places), 1), np.float32)

    first, second = (
        np.concatenate([inputs for inputs, _ in drawn(*of, noise)])
        for of in [(0, 3), (seed, epoch)]
    )
    assert np.array_equal(first, second) == is_same


def test_without_augmentation_an_epoch_sees_the_images_themselves(dataset, small):
    augmentation = small.augmentation.model_copy(update={"when": "off"})
    off = small.model_copy(update={"augmentation": augmentation})
    places = np.array([3, 1])
    seen = batches.of_images(off, dataset)(places, np.random.default_rng(0))
    np.testing.assert_array_equal(seen, dataset.train.images[places])


def test_each_image_has_one_of_its_own_views():
    views = np.arange(3 * 8, dtype=np.float32).reshape(3, 8, 1)
    places = np.arange(8).repeat(20)
    chosen = batches.of_views(views)(places, np.random.default_rng(0))[:, 0]
    np.testing.assert_array_equal(chosen % 8, places)
    assert set((chosen // 8).astype(int)) == {0, 1, 2}
