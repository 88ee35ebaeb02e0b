"""A probe: compiled once, right when weights change, and gone when it is dropped."""

import gc
import weakref

import numpy as np
import pytest
import tensorflow as tf

from helpers.heatmaps import probe as probes
from helpers.heatmaps.probe import Probe
from helpers.models import networks

ASKED = ("predict", "activations", "logit", "gradient")


def ask(probe: Probe, name: str, images: np.ndarray) -> np.ndarray:
    classes = [np.zeros(len(images), int)] if name in ("logit", "gradient") else []
    return getattr(probe, name)(images, *classes)


def test_it_says_what_the_model_says(trainings, dataset):
    model = trainings[0].load_model()
    images = dataset.test.images[: probes.BATCH + 5]  # more than one batch
    classes = np.arange(len(images)) % 4
    probe = Probe(model)
    predicted = probe.predict(images)
    expected = model.predict(images, verbose=0)
    np.testing.assert_allclose(predicted, expected, rtol=1e-4, atol=1e-6)
    logits = np.stack([probe.logit(images, np.full(len(images), k)) for k in range(4)], axis=1)
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    np.testing.assert_allclose(
        shifted / shifted.sum(axis=1, keepdims=True), expected, rtol=1e-4, atol=1e-6
    )
    picked = probe.logit(images, classes)
    np.testing.assert_allclose(picked, logits[np.arange(len(images)), classes], rtol=1e-5)
    base = networks.split_at_last_convolution(model)[0]
    np.testing.assert_allclose(probe.activations(images), base(images), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("channels", [(1.0,), (0.5, -2.0, 0.25)])
def test_the_gradient_is_that_of_the_logit_by_the_pixels(toy, bright, looked_at, channels):
    probe = Probe(toy(gain=64.0, channels=channels))
    images = np.repeat(bright, len(channels), axis=3)
    # Below 0 the rectifier passes nothing.
    images[..., 1:2] = 0
    expected = np.zeros(images.shape)
    expected[:, *looked_at] = np.array(channels) / (16 * 255)
    np.testing.assert_allclose(probe.gradient(images, np.zeros(3, int)), expected, rtol=1e-5)
    assert not probe.gradient(images, np.ones(3, int)).any()


def test_fractions_of_a_grey_value_count(toy, bright):
    probe, classes = Probe(toy()), np.zeros(3, int)
    whole, more = (probe.logit(bright + part, classes) for part in (0.0, 0.25))
    assert (more > whole).all()


def test_a_model_is_traced_once(toy, bright):
    probe = Probe(toy())
    for count in (3, 1, 2):
        for name in ASKED:
            ask(probe, name, bright[:count])
    graphs = [getattr(probe, name).args[0] for name in ASKED]
    traced = [graph.experimental_get_tracing_count() for graph in graphs]
    assert traced == [1] * len(ASKED)


@pytest.mark.parametrize("name", ASKED)
def test_weights_changed_in_place_change_the_result(toy, bright, name):
    model = toy()
    probe = Probe(model)
    before = ask(probe, name, bright)
    for layer in (model.get_layer("last_convolution"), model.get_layer(networks.LOGITS)):
        layer.set_weights([weights / 2 for weights in layer.get_weights()])
    assert not np.allclose(ask(probe, name, bright), before)


def test_many_models_bring_no_warning_of_retracing(toy, bright, caplog, monkeypatch):
    monkeypatch.setattr(tf.get_logger(), "propagate", True)
    for _ in range(7):
        probe = Probe(toy())
        for name in ASKED:
            ask(probe, name, bright)
    assert "retracing" not in caplog.text


def test_a_model_is_freed_with_its_probe(toy, bright):
    model = toy()
    probe, alive = Probe(model), weakref.ref(model)
    for name in ASKED:
        ask(probe, name, bright)
    del model
    gc.collect()
    assert alive() is not None
    del probe
    gc.collect()
    assert alive() is None
