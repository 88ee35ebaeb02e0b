"""Where JAX is installed, models trained on it are as good, go on after a kill, run anywhere."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from helpers.models import fit
from helpers.models import trainings as kept
from helpers.study import architectures
from helpers.study.errors import InputError
from helpers.study.runs import Run
from helpers.study.settings import REPOSITORY, load_settings

# Steps enough for batch norm to settle, and so little dropout that a small network learns.
SETTINGS = (
    "phantom_images=[320,96,200] epochs=8 batch_size=8 upsample_to=32 seeds=0-2 augmentation=off "
    "learning_rate_custom_cnn=0.003 convolution_filters=8,16,16,32 convolution_dropout=0 "
    "pooling_dropout=0.1 dense_units=32,16 dense_dropout=0.1,0"
)
# Of Student's t with four degrees of freedom: three seeds on each backend.
TWO_SIDED_99_PERCENT = 4.604

TRAIN = """
import sys
from pathlib import Path
from helpers.study import environment
environment.use_backend("jax")
from helpers.data import dataset as datasets
from helpers.models import fit
from helpers.models.checkpoints import Checkpoint
from helpers.study.runs import Run
from helpers.study.settings import load_settings

settings, folder = load_settings("demo", sys.argv[2], backend="jax"), Path(sys.argv[1])
data = datasets.load(settings.data)
for model in settings.models:
    for seed in settings.seeds:
        fit.load_or_train(Run(folder / "whole"), settings, data, model, seed)

class Killed(Exception): pass

class Killing(Checkpoint):
    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, logs)
        if epoch == 1:
            raise Killed

for model in settings.models:
    fit.Checkpoint = Killing
    try:
        fit.load_or_train(Run(folder / "killed"), settings, data, model, 0)
    except Killed:
        fit.Checkpoint = Checkpoint
    fit.load_or_train(Run(folder / "killed"), settings, data, model, 0)
"""


@pytest.fixture(scope="module")
def settings():
    return load_settings("demo", SETTINGS, backend="jax")


@pytest.fixture(scope="module")
def data(settings):
    from helpers.data import dataset

    return dataset.load(settings.data)


@pytest.fixture(scope="module")
def on_jax(tmp_path_factory):
    pytest.importorskip("jax")
    folder = tmp_path_factory.mktemp("jax")
    command = [sys.executable, "-c", TRAIN, str(folder), SETTINGS]
    # Each model is compiled once for all seeds, which takes longer than to train it.
    cache = {"JAX_COMPILATION_CACHE_DIR": str(folder / "compiled")}
    cache |= {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    finished = subprocess.run(
        command, cwd=REPOSITORY, env=os.environ | cache, capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    return folder


@pytest.mark.parametrize("model", ["custom-cnn", "resnet50"])
def test_it_trains_to_the_same_accuracy_within_seeds(on_jax, settings, data, model, tmp_path):
    usual = load_settings("demo", SETTINGS)
    found = {}
    for name in ("jax", "tensorflow"):
        if name == "jax":
            of_seeds = [
                kept.load(Run(on_jax / "whole"), settings, data, model, seed) for seed in (0, 1, 2)
            ]
        else:
            of_seeds = [
                fit.load_or_train(Run(tmp_path), usual, data, model, seed) for seed in (0, 1, 2)
            ]
        right = [trained.predicted == trained.predictions.test_labels for trained in of_seeds]
        found[name] = np.mean(right, axis=1)
    print({name: values.tolist() for name, values in found.items()})
    apart = found["jax"].mean() - found["tensorflow"].mean()
    spread = np.sqrt(sum(values.var(ddof=1) / len(values) for values in found.values()))
    assert abs(apart) <= TWO_SIDED_99_PERCENT * spread, found
    if not architectures.get(model).base:  # on a random base neither learns much
        largest = np.bincount(data.test.labels).max() / len(data.test)
        assert min(values.mean() for values in found.values()) > largest + 0.1, found


@pytest.mark.parametrize("model", ["custom-cnn", "resnet50"])
def test_a_killed_training_ends_in_the_same_bits(on_jax, settings, data, model):
    whole, killed = (
        kept.load(Run(on_jax / name), settings, data, model, 0) for name in ("whole", "killed")
    )
    np.testing.assert_array_equal(
        killed.predictions.test_probabilities, whole.predictions.test_probabilities
    )
    assert killed.history.equals(whole.history)


@pytest.mark.parametrize("model", ["custom-cnn", "resnet50"])
def test_what_it_trained_runs_on_tensorflow(on_jax, settings, data, model):
    trained = kept.load(Run(on_jax / "whole"), settings, data, model, 0)
    assert trained.provenance["backend"].startswith("jax ")
    assert trained.provenance["settings"]["backend"] == "jax"
    again = trained.load_model().predict(data.test.images, verbose=0)
    np.testing.assert_allclose(again, trained.predictions.test_probabilities, atol=1e-4)


def test_elsewhere_than_in_its_job_it_is_refused(settings, data, tmp_path):
    with pytest.raises(InputError, match="backend = jax, and Keras runs on tensorflow here"):
        fit.load_or_train(Run(tmp_path), settings, data, "custom-cnn", 0)


def test_where_it_is_not_installed_its_job_says_so_in_one_line(tmp_path):
    (tmp_path / "jax.py").write_text("raise ModuleNotFoundError(name='jax')", encoding="utf-8")
    parameters = json.dumps({"profile": "demo", "overrides": "backend=jax"})
    command = [sys.executable, "-m", "helpers.pipeline.jobs", "train", "custom-cnn", "0"]
    command += ["--folder", str(tmp_path), "--parameters", parameters]
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    told = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True)
    assert told.returncode
    assert "backend = jax: jax is not installed" in told.stderr
    assert "Traceback" not in told.stderr
