"""Fitting: bit for bit by seed, loaded where it is there, frozen features, what is trained."""

import numpy as np
import pytest

from helpers.models import fit, networks
from helpers.study.errors import InputError
from helpers.study.runs import Run
from helpers.study.settings import load_settings


def test_the_same_seed_gives_the_same_bits(trainings, small, dataset, tmp_path):
    other = Run(tmp_path)
    for trained in trainings:
        again = fit.load_or_train(other, small, dataset, trained.model, 0)
        np.testing.assert_array_equal(
            again.predictions.test_probabilities, trained.predictions.test_probabilities
        )


def test_what_is_there_is_loaded_and_not_trained(trainings, run, small, dataset, monkeypatch):
    monkeypatch.setattr(fit, "_train", lambda *_: pytest.fail("trained again"))
    fit.load_or_train(run, small, dataset, "custom-cnn", 0)


def test_the_learned_adapter_is_trained(dataset, tmp_path):
    settings = load_settings(
        "demo", "phantom_images=[96,48,48] epochs=1 upsample_to=32 adapter=learned models=resnet50"
    )
    before = networks.build("resnet50", settings, (28, 28, 1), 4, seed=0)
    trained = fit.load_or_train(Run(tmp_path), settings, dataset, "resnet50", 0)
    after = trained.load_model()
    changed = {
        layer.name
        for layer in before.layers
        for old, new in zip(
            layer.get_weights(), after.get_layer(layer.name).get_weights(), strict=True
        )
        if not np.array_equal(old, new)
    }
    assert networks.ADAPTER in changed
    assert not [name for name in changed if name.startswith("conv")]


def test_a_diverged_training_is_refused():
    class Diverged:
        def predict(self, *_, **__):
            return np.full((3, 4), np.nan, np.float32)

    with pytest.raises(InputError, match="custom-cnn, seed 0: training diverged"):
        fit._predict(Diverged(), np.zeros((3, 28, 28, 1), np.uint8), "custom-cnn, seed 0")
