"""What hangs on the epoch that is kept: the table, and each branch of the sentence."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from helpers.models import networks, trainings
from helpers.models.trainings import Predictions, Trained
from helpers.pages import steadiness as page
from helpers.study.settings import load_settings


def trained(*val_accuracy: float) -> Trained:
    epochs = pd.RangeIndex(1, len(val_accuracy) + 1, name="epoch")
    history = pd.DataFrame({"val_accuracy": val_accuracy}, index=epochs)
    labels = np.zeros(100, int)
    predictions = Predictions(np.ones((100, 1)), labels, np.ones((100, 1)), labels)
    return Trained("custom-cnn", 0, Path(), history, predictions, {})


def test_the_epoch_kept_stands_beside_the_last_ones():
    table = page.epochs_table([trained(0.1, 0.9, 0.3, 0.4, 0.5, 0.6, 0.2)])
    assert table.loc[("the custom CNN", 0)].tolist() == pytest.approx([90, 20, 40, 80])
    assert page.epochs_table([]) is None


def test_a_jumping_course_is_told():
    said = page.steps(trained(0.5, 0.9, 0.5, 0.52))
    assert "moves by 40.0 points in the median and by 40.0 at most" in said
    assert "100 images leave it uncertain by 6.0 points either way" in said
    assert "can choose another" in said


def test_a_steady_course_is_told():
    assert page.steps(trained(0.80, 0.81, 0.80)).endswith("No step is larger than that.")


def test_one_epoch_has_no_step():
    assert page.steps(trained(0.8)) == ""


def test_a_lagging_mean_and_its_cost_are_told(tmp_path):
    keras.utils.set_random_seed(0)
    images = keras.Input((8,))
    features = keras.layers.Identity(name=networks.FEATURES)(images)
    settings = load_settings("demo", "dense_units=[6,4]").head
    network = keras.Model(images, networks.head(features, settings, 3))
    # Its mind is made up, whatever the statistics.
    network.get_layer(networks.LOGITS).bias.assign([100, 0, 0])
    network.save(tmp_path / "model.keras")
    for name in ("predictions.npz", "history.csv"):
        (tmp_path / name).touch()
    provenance = trainings.sealed({}, tmp_path)
    same = np.full((100, 8), 5, np.float32) + 0.01 * np.eye(8, dtype=np.float32)[np.arange(100) % 8]
    said = page.moving_mean(
        replace(trained(0.8), folder=tmp_path, provenance=provenance),
        {"train": same[None], "val": same, "test": same},
    )
    assert float(said.partition(" lies ")[2].split()[0]) > 10
    assert said.count("100.0 %") == 4
