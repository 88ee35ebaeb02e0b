"""A training that is spread over two devices gives what one gives, but for rounding."""

import subprocess
import sys

import numpy as np
import pytest

from helpers.models import trainings as kept
from helpers.study.errors import InputError
from helpers.study.settings import REPOSITORY, load_settings

# The images divide evenly into batches and these among devices. Each device draws dropout's masks
# for its own part, so there is none.
ALIKE = (
    "phantom_images=[96,48,48] epochs=2 batch_size=16 upsample_to=32 augmentation=off "
    "convolution_filters=4,8,8,16 convolution_dropout=0 pooling_dropout=0 dense_units=16,8 "
    "dense_dropout=0,0"
)
MODELS = ("custom-cnn", "resnet50")
TOLERANCE = 1e-4

# What tests of this file look at, trained in a process that has two virtual devices.
TRAIN = """
import sys
from pathlib import Path
import tensorflow as tf
virtual = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], virtual)
import numpy as np
from helpers.data import dataset as datasets
from helpers.models import devices, fit
from helpers.models.checkpoints import Checkpoint
from helpers.study.errors import InputError
from helpers.study.runs import Run
from helpers.study.settings import load_settings

folder, alike, models = Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
data = datasets.load(load_settings("demo", alike).data)

def train(words, model="custom-cnn"):
    settings = load_settings("demo", f"{alike} {words}")
    trained = fit.load_or_train(Run(folder), settings, data, model, 0)
    return np.append(trained.predictions.test_probabilities, trained.history["loss"])

found = {}
for model in models:
    for count in (1, 2):
        found[f"{model}-{count}"] = train(f"devices={count}", model)
drawing = "devices=2 augmentation=on convolution_dropout=0.25 dense_dropout=0.5,0.3 batch_size=10"
found["whole"] = train(drawing)
train("")

class Killed(Exception): pass

class Killing(Checkpoint):
    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, logs)
        raise Killed

fit.Checkpoint = Killing
try:
    train(drawing)
except Killed:
    fit.Checkpoint = Checkpoint
found["resumed"] = train(drawing)
try:
    train("devices=4")
except InputError as error:
    found["refused"] = str(error)
devices.synchronise = lambda network: None
train("")
found["apart"] = train("devices=2")
np.savez(folder / "found.npz", **found)
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> dict[str, np.ndarray]:
    folder = tmp_path_factory.mktemp("devices")
    command = [sys.executable, "-c", TRAIN, str(folder), ALIKE, *MODELS]
    finished = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr[-3000:]
    with np.load(folder / "found.npz") as arrays:
        return dict(arrays)


@pytest.mark.parametrize("model", MODELS)
def test_two_devices_give_what_one_gives(found, model):
    np.testing.assert_allclose(found[f"{model}-2"], found[f"{model}-1"], atol=TOLERANCE)


def test_without_common_statistics_of_batch_norm_they_would_not(found):
    assert np.abs(found["apart"] - found["custom-cnn-1"]).max() > 10 * TOLERANCE


def test_a_killed_training_on_two_devices_ends_in_the_same_bits(found):
    np.testing.assert_array_equal(found["resumed"], found["whole"])


def test_more_devices_than_there_are_get_one_line(found):
    refused = str(found["refused"])
    assert refused.startswith("devices = 4: TensorFlow sees 2 CPU here")
    assert "\n" not in refused


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("devices=3", "batch_size 16 can't be divided among 3 devices"),
        ("devices=0", "devices = 0"),
        ("devices=2 backend=jax", "devices = 2 goes with backend tensorflow"),
        ("backend=jaks", "Allowed: tensorflow, jax"),
    ],
)
def test_what_cannot_be_spread_is_refused_beforehand(words, told):
    with pytest.raises(InputError, match=told):
        load_settings("demo", words)


def test_only_unusual_devices_and_backends_are_part_of_a_key(small, dataset):
    def keys(**update):
        training = small.training.model_copy(update=update)
        changed = small.model_copy(update={"training": training})
        key = kept.key(changed, dataset, "resnet50", 0)
        return key, kept.features_key(changed, dataset, "resnet50")

    usual, spread, other = keys(), keys(devices=2), keys(backend="jax")
    assert keys(**kept.USUAL) == usual
    assert usual[0] != spread[0] != other[0] != usual[0]
    assert spread[1] == usual[1] != other[1]
