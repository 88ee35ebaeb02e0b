"""Chapter 6: what a run says of the report's conclusions."""

import numpy as np
import pandas as pd
import pytest

from helpers.pages import discussion as page


@pytest.fixture
def by_model(trained, images):
    """Two models of three seeds, whose weights and accuracies are known."""
    dataset = images(each=2)
    trainings = {m: [trained(dataset, m, seed) for seed in range(3)] for m in MODELS}
    for one in trainings["resnet50"]:
        one.provenance["parameters"] = {"total": 8_495_080}
    return trainings


MODELS = ("custom-cnn", "resnet50")
ACCURACIES = {
    "custom-cnn": {0: 0.7, 1: 0.72, 2: 0.74},
    "resnet50": {0: 0.75, 1: 0.70, 2: 0.72},
}


def test_models_are_compared_by_their_means_and_seed_by_seed(by_model):
    (told,) = page.larger(by_model, ACCURACIES)
    assert told == (
        "ResNet50, with 10.0 times the weights of the custom CNN, names 72.3 % of the test images "
        "rightly, against 72.0 %: +0.3 points (\N{MINUS SIGN}2.0 to +5.0 over three seeds)."
    )


def test_one_seed_has_no_spread_and_one_model_no_rival(by_model):
    one = {model: trainings[:1] for model, trainings in by_model.items()}
    first = {model: {0: by_seed[0]} for model, by_seed in ACCURACIES.items()}
    assert page.larger(one, first)[0].endswith("+5.0 points, by one seed.")
    alone = {"custom-cnn": by_model["custom-cnn"]}
    (told,) = page.larger(alone, ACCURACIES)
    assert "no other to compare it with" in told


def test_splits_are_told_by_model(by_model):
    epochs = [t.history.loc[t.best_epoch] for t in by_model["custom-cnn"]]
    shares = [100 * pd.DataFrame(epochs)[name].mean() for name in ("accuracy", "val_accuracy")]
    (told,) = page.fit(by_model, ACCURACIES)
    assert f"the custom CNN {shares[0]:.1f} / {shares[1]:.1f} / 72.0 %" in told
    assert "ResNet50 50.0 / 70.0 / 72.3 %" in told
    assert np.isclose(shares, [50, 70]).all()


def test_published_results_have_their_true_range():
    told = page.published()
    assert "at 60 to 78 % where the whole network was trained" in told
    assert "at 26 to 63 % on frozen features" in told
    assert "96.6 %, and 93.4 %" in told
    assert "98.1 % with the custom CNN and 98.4 % with ResNet50, at 28 px" in told
