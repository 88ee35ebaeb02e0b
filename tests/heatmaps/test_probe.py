"""Grad-CAM: tf-keras-vis agrees with the paper's equations written down anew."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from helpers import explain, models


def by_the_paper(model: keras.Model, images: np.ndarray, classes: np.ndarray) -> np.ndarray:
    target = model.get_layer(models.last_convolution(model)).output
    both = keras.Model(model.input, [target, model.get_layer(models.LOGITS).output])
    with tf.GradientTape() as tape:
        activations, logits = both(images[..., None].astype(np.float32), training=False)
        score = tf.reduce_sum(tf.gather(logits, classes, axis=1, batch_dims=1))
    weights = tf.reduce_mean(tape.gradient(score, activations), axis=(1, 2), keepdims=True)
    return tf.nn.relu(tf.reduce_sum(weights * activations, axis=-1)).numpy()


@pytest.mark.parametrize("place", [0, 1])
def test_maps_agree_with_an_independent_implementation(trainings, dataset, place):
    model = trainings[place].load_model()
    images, classes = dataset.test.images[:16], np.arange(16) % 4
    maps = explain.grad_cam(model, images, classes)
    expected = by_the_paper(model, images, classes)
    assert maps.dtype == np.float32
    assert maps.shape == expected.shape
    assert np.ptp(expected) > 0
    np.testing.assert_allclose(maps, expected, atol=1e-4 * np.ptp(expected))


def test_at_32_px_resnet50s_maps_are_constant(trainings, dataset):
    maps = explain.grad_cam(trainings[1].load_model(), dataset.test.images[:4], np.zeros(4, int))
    assert maps.shape == (4, 1, 1)
    assert explain.is_constant(maps).all()


def test_the_gallery_holds_the_most_confident_of_each_kind(trainings):
    predictions = trainings[0].predictions
    chosen = explain.gallery(predictions)
    assert not chosen.duplicated(["true", "right"]).any()
    for _, row in chosen.iterrows():
        same = (predictions.test_labels == row["true"]) & (
            (predictions.test_probabilities.argmax(1) == row["true"]) == row["right"]
        )
        assert row["probability"] == predictions.test_probabilities[same].max()


def test_the_average_map_is_described(dataset):
    maps = np.zeros((len(dataset.test), 3, 3), np.float32)
    maps[:, 0, 2] = 1
    labels = dataset.test.labels
    table = explain.map_table(maps, dataset.test.images, labels, dataset.classes)
    np.testing.assert_allclose(table["peak row"], 1 / 6)
    np.testing.assert_allclose(table["peak column"], 5 / 6)
    assert (table["constant maps"] == 0).all()
