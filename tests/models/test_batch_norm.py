"""A head's moving mean beside the mean that it stands for."""

import keras
import numpy as np
import pytest

from helpers.models import batch_norm, networks
from helpers.study.settings import load_settings


@pytest.fixture
def features():
    """Two hundred images whose eight features are nearly the same."""
    rng = np.random.default_rng(0)
    return (5 + 0.01 * rng.normal(size=(200, 8))).astype(np.float32)


@pytest.fixture
def head():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8,))
    settings = load_settings("demo", "dense_units=[6,4]").head
    return keras.Model(inputs, networks.head(inputs, settings, classes=3))


def test_a_moving_mean_that_never_moved_lags(head, features):
    kernel, bias = head.get_layer("dense1").get_weights()
    activations = features.astype(np.float64) @ kernel + bias
    expected = np.mean(np.abs(activations.mean(0)) / activations.std(0))
    assert batch_norm.lag(head, features) == pytest.approx(expected, rel=1e-6)
    assert expected > 10


def test_settled_it_lags_no_more_and_the_head_is_left_alone(head, features):
    before = [weight.copy() for weight in head.get_weights()]
    settled = batch_norm.settled(head, features)
    assert batch_norm.lag(settled, features) < 1e-3
    assert all(np.array_equal(a, b) for a, b in zip(before, head.get_weights(), strict=True))


def test_settled_it_normalises_as_a_batch_of_all_would(head, features):
    settled = batch_norm.settled(head, features)
    end = settled.get_layer("dense1_batch_norm").output
    normalised = keras.Model(settled.input, end).predict(features, verbose=0)
    assert normalised.mean(axis=0) == pytest.approx(0, abs=1e-3)


def test_a_unit_that_never_varies_has_no_lag(head, features):
    layer = head.get_layer("dense1")
    kernel, bias = layer.get_weights()
    kernel[:, 0] = 0
    layer.set_weights([kernel, bias])
    assert np.isfinite(batch_norm.lag(head, features))
