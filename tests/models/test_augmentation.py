"""When training augments, what a view is, and how classes are weighted."""

import keras
import numpy as np

from helpers.models import augmentation


def test_augmentation_follows_the_rule(dataset, small):
    assert augmentation.imbalance(np.array([0, 0, 0, 1, 1])) == 1.5
    assert augmentation.applies(small.augmentation, dataset.train.labels)
    assert not augmentation.applies(small.augmentation, dataset.test.labels)


def test_class_weights_are_balanced():
    labels = np.array([0, 0, 0, 1])
    np.testing.assert_allclose(augmentation.class_weights(labels), [4 / 6, 4 / 2])


def test_a_view_keeps_size_and_type_and_changes_the_image(small, dataset):
    keras.utils.set_random_seed(0)
    transform = augmentation.transformations(small.augmentation)
    for channels in (1, 3):
        images = np.repeat(dataset.train.images, channels, axis=-1)
        views = augmentation.views(images, transform)
        assert (views.dtype, views.shape) == (np.uint8, images.shape)
        assert (views != images).any(axis=(1, 2, 3)).all()


def test_without_augmentation_an_epoch_sees_the_images_themselves(dataset, small):
    off = small.augmentation.model_copy(update={"when": "off"})
    draw = augmentation.drawing_inputs(off, dataset.train.images, dataset.train.labels)
    np.testing.assert_array_equal(draw(), dataset.train.images)
