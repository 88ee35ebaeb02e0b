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
    rng = np.random.default_rng(0)
    for channels in (1, 3):
        images = np.repeat(dataset.train.images, channels, axis=-1)
        views = augmentation.views(images, small.augmentation, rng)
        assert (views.dtype, views.shape) == (np.uint8, images.shape)
        assert (views != images).any(axis=(1, 2, 3)).all()


def changed(settings, **values):
    off = {"rotation_degrees": 0.0, "shift": 0.0, "zoom": 0.0, "horizontal_flip": False}
    return settings.augmentation.model_copy(update=off | values)


def test_a_view_without_any_range_is_the_image(small, dataset):
    views = augmentation.views(dataset.val.images, changed(small), np.random.default_rng(0))
    np.testing.assert_array_equal(views, dataset.val.images)


def test_half_of_the_views_are_mirrored(small, dataset):
    images = dataset.train.images
    views = augmentation.views(
        images, changed(small, horizontal_flip=True), np.random.default_rng(0)
    )
    mirrored = (views == images[:, :, ::-1]).all(axis=(1, 2, 3))
    kept = (views == images).all(axis=(1, 2, 3))
    assert (mirrored | kept).all()
    assert 0.3 < mirrored.mean() < 0.7


def test_places_move_as_far_as_the_settings_say(small):
    """Rotation by 10 degrees, 10 % of shift and zoom, each alone, seen at corner and centre."""
    height, width, rng = 20, 40, np.random.default_rng(0)
    centre, corner = np.array([19.5, 9.5, 1]), np.array([39.0, 19.0, 1])
    radius = np.hypot(19.5, 9.5)

    def seen(**values):
        maps = augmentation.transformations(changed(small, **values), 4000, height, width, rng)
        return (maps @ centre)[:, :2] - centre[:2], (maps @ corner)[:, :2] - centre[:2]

    at_centre, at_corner = seen(rotation_degrees=10.0)
    np.testing.assert_allclose(at_centre, 0, atol=1e-9)
    np.testing.assert_allclose(np.hypot(*at_corner.T), radius)
    turned = np.degrees(np.arctan2(*at_corner.T[::-1]) - np.arctan2(9.5, 19.5))
    np.testing.assert_allclose([turned.min(), turned.max()], [-10, 10], atol=0.05)
    at_centre, _ = seen(shift=0.1)
    np.testing.assert_allclose(abs(at_centre).max(axis=0), [4, 2], rtol=0.01)
    at_centre, at_corner = seen(zoom=0.1)
    np.testing.assert_allclose(at_centre, 0, atol=1e-9)
    scales = np.hypot(*at_corner.T) / radius
    np.testing.assert_allclose([scales.min(), scales.max()], [0.9, 1.1], atol=0.001)


def test_one_interpolation_keeps_more_detail_than_three(small, dataset):
    """Power above half of the highest frequency, against Keras's layers one after another."""
    chosen = changed(small, rotation_degrees=10.0, shift=0.1, zoom=0.1)
    three = keras.Sequential(
        [
            keras.layers.RandomRotation(10 / 360, fill_mode="nearest", seed=1),
            keras.layers.RandomTranslation(0.1, 0.1, fill_mode="nearest", seed=2),
            keras.layers.RandomZoom(0.1, fill_mode="nearest", seed=3),
        ]
    )
    images = dataset.train.images
    ours = augmentation.views(images, chosen, np.random.default_rng(0))
    theirs = keras.ops.convert_to_numpy(three(images.astype(np.float32), training=True))

    def high(views):
        spectrum = abs(np.fft.rfft2(views[..., 0].astype(float))) ** 2
        rows, columns = np.fft.fftfreq(28)[:, None], np.fft.rfftfreq(28)
        return spectrum[:, np.maximum(abs(rows), abs(columns)) > 0.25].mean()

    assert high(theirs) < 0.9 * high(ours) < high(images)
