"""A training that is killed goes on after its last finished epoch, and ends in the same bits."""

import random
import signal
import subprocess
import sys

import pytest

from helpers.models import checkpoints, fit, trainings
from helpers.models.checkpoints import Checkpoint
from helpers.study.provenance import arrays_digest
from helpers.study.runs import Run
from helpers.study.settings import load_settings

# Such patience that the learning rate falls, and training ends before its last epoch.
SETTINGS = (
    "phantom_images=[96,48,48] epochs=20 upsample_to=32 batch_size=32 plateau_patience=1 "
    "early_stopping_patience=8"
)


class Killed(Exception):
    """Raised where a kill would have come."""


def killing(steps, after_saving):
    """A checkpoint's class whose training ends after so many steps, or epochs."""

    class Killing(Checkpoint):
        left = steps

        def _step(self):
            self.left -= 1
            if self.left < 0:
                raise Killed

        def on_train_batch_end(self, batch, logs=None):
            if not after_saving:
                self._step()

        def on_epoch_end(self, epoch, logs=None):
            super().on_epoch_end(epoch, logs)
            if after_saving:
                self._step()

    return Killing


def content(trained):
    kept = trained.predictions
    arrays = kept.val_probabilities, kept.test_probabilities
    return arrays_digest(*arrays, trained.history.to_numpy())


@pytest.mark.parametrize("model", ["custom-cnn", "resnet50"])
def test_a_killed_training_ends_in_the_same_bits(model, dataset, tmp_path, monkeypatch):
    settings, draws = load_settings("demo", SETTINGS), random.Random(0)
    whole = fit.load_or_train(Run(tmp_path / "whole"), settings, dataset, model, 0)
    run = Run(tmp_path / "killed")
    for after_saving in (False, True, False, True, False):
        steps = draws.randrange(2) if after_saving else draws.randrange(5)
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(fit, "Checkpoint", killing(steps, after_saving))
            fit.load_or_train(run, settings, dataset, model, 0)
    path, key = run.checkpoint(model, 0), trainings.key(settings, dataset, model, 0)
    assert checkpoints.finished_epochs(path, key) >= 2  # two of the kills came after an epoch
    assert checkpoints.finished_epochs(path, "another") == 0
    resumed = fit.load_or_train(run, settings, dataset, model, 0)
    assert checkpoints.finished_epochs(path, key) == 0
    assert content(resumed) == content(whole)
    assert len(whole.history) < settings.training.epochs
    assert not run.checkpoint(model, 0).exists()


def test_one_that_was_killed_after_its_last_epoch_is_not_fitted_again(
    dataset, tmp_path, monkeypatch
):
    settings = load_settings("demo", f"{SETTINGS} epochs=2")
    run = Run(tmp_path)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(fit, "Checkpoint", killing(1, after_saving=True))
        fit.load_or_train(run, settings, dataset, "custom-cnn", 0)
    epochs = []
    monkeypatch.setattr(Checkpoint, "on_epoch_begin", lambda *given: epochs.append(given))
    assert len(fit.load_or_train(run, settings, dataset, "custom-cnn", 0).history) == 2
    assert not epochs


@pytest.mark.parametrize("damage", ["cut", "another key"])
def test_a_state_that_is_not_this_trainings_is_none(damage, dataset, tmp_path, monkeypatch):
    settings, run = load_settings("demo", f"{SETTINGS} epochs=3"), Run(tmp_path)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(fit, "Checkpoint", killing(0, after_saving=True))
        fit.load_or_train(run, settings, dataset, "custom-cnn", 0)
    path = run.checkpoint("custom-cnn", 0)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-200])
    else:
        settings = load_settings("demo", f"{SETTINGS} epochs=2")
    begun = []
    monkeypatch.setattr(Checkpoint, "on_epoch_begin", lambda _, epoch, logs: begun.append(epoch))
    fit.load_or_train(run, settings, dataset, "custom-cnn", 0)
    assert begun[0] == 0


TRAIN = """
import sys
from pathlib import Path
from helpers.data import dataset
from helpers.models import checkpoints, fit, trainings
from helpers.study.runs import Run
from helpers.study.settings import load_settings
settings = load_settings("demo", sys.argv[2])
print("ready", flush=True)
fit.load_or_train(Run(Path(sys.argv[1])), settings, dataset.load(settings.data), "custom-cnn", 0)
"""


@pytest.mark.torture
def test_five_kills_at_random_moments(dataset, tmp_path):
    settings, draws, kills = load_settings("demo", SETTINGS), random.Random(1), 0
    whole = fit.load_or_train(Run(tmp_path / "whole"), settings, dataset, "custom-cnn", 0)
    run = Run(tmp_path / "killed")
    command = [sys.executable, "-c", TRAIN, str(run.folder), SETTINGS]
    while kills < 5:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "ready\n"
        try:
            process.wait(draws.uniform(0, 8))
        except subprocess.TimeoutExpired:
            process.kill()
        kills += process.wait() == -signal.SIGKILL
        if process.returncode == 0:  # it was too quick: begin anew
            for path in run.folder.rglob("predictions.npz"):
                path.unlink()
    subprocess.run(command, check=True)
    assert content(fit.load_or_train(run, settings, dataset, "custom-cnn", 0)) == content(whole)
