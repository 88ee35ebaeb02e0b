"""What a training leaves behind, under which key, and how later chapters get at it.

Imports no Keras, which takes ten seconds to load: most chapters only read.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pandas as pd

from helpers import data, runs
from helpers.data import Dataset
from helpers.runs import Run
from helpers.settings import FROZEN_FEATURES, REPOSITORY, InputError, Settings

if TYPE_CHECKING:
    import keras

# The chapter that trains each model.
CHAPTERS = {
    "custom-cnn": "02-custom-cnn",
    "resnet50": "03-resnet50",
    "resnet50-caffe": "03-resnet50",
}
# The helpers that determine what a training gives.
DETERMINING = ("data", "models", "training")
# Weights of Keras's ResNet50 without its top, batch norm statistics included.
RESNET50_WEIGHTS = 23_587_712


@dataclass(frozen=True)
class Predictions:
    """Probabilities float32 (n, classes), rows adding up to 1, and labels int64 (n,)."""

    val_probabilities: np.ndarray
    val_labels: np.ndarray
    test_probabilities: np.ndarray
    test_labels: np.ndarray


@dataclass(frozen=True)
class Trained:
    """One training's artifacts, read from `folder`.

    history : a row an epoch (from 1): accuracy, loss, val_accuracy, val_loss, learning_rate.
    provenance : settings, data fingerprint, versions, commit, hardware, seconds, parameters.
    """

    model: str
    seed: int
    folder: Path
    history: pd.DataFrame
    predictions: Predictions
    provenance: dict

    @property
    def best_epoch(self) -> int:
        """The epoch (from 1) whose weights are judged: best validation accuracy, first on ties."""
        return int(self.history["val_accuracy"].idxmax())

    @property
    def predicted(self) -> np.ndarray:
        """The most probable class of each test image: int64 (n,)."""
        return self.predictions.test_probabilities.argmax(axis=1)

    def load_model(self) -> "keras.Model":
        """The model with the weights of its best epoch."""
        import keras

        return keras.models.load_model(self.folder / "model.keras")


def key(settings: Settings, model: str, seed: int) -> str:
    """What determines a training: its seed, settings, data, base weights, and the code."""
    return runs.digest(model, seed, *_determining(settings, settings.concerning(model)))


def features_key(settings: Settings, model: str) -> str:
    """What determines a model's frozen features: settings, data, base weights, and the code."""
    concerning = settings.model_dump(mode="json", include=set(FROZEN_FEATURES))
    return runs.digest(model, *_determining(settings, concerning))


def _determining(settings: Settings, concerning: dict) -> list:
    weights = settings.weights
    if "weights" in concerning and weights not in ("imagenet", "random"):
        check_weights(weights)
        concerning = concerning | {"weights": runs.file_digest(Path(weights))}
    code = [REPOSITORY / "helpers" / f"{name}.py" for name in DETERMINING]
    return [data.fingerprint(settings), concerning, runs.code_digest(*code)]


def folder_of(run: Run, model: str, seed: int) -> Path:
    """Where a training's artifacts lie: `<run>/artifacts/<model>/seed-<seed>`."""
    return run.artifacts / model / f"seed-{seed}"


def load(run: Run, settings: Settings, model: str, seed: int) -> Trained | None:
    """The training with this key, or None when there is none."""
    folder = folder_of(run, model, seed)
    provenance = runs.read_json(folder / "provenance.json")
    if provenance is None or provenance["key"] != key(settings, model, seed):
        return None
    with np.load(folder / "predictions.npz") as arrays:
        predictions = Predictions(**arrays)
    history = pd.read_csv(folder / "history.csv", index_col="epoch")
    return Trained(model, seed, folder, history, predictions, provenance)


def seeds_table(trainings: list[Trained]) -> pd.DataFrame:
    """A row a training: the epoch judged, its accuracy and loss on validation, epochs, seconds."""
    rows = {
        (trained.model, trained.seed): {
            "judged epoch": trained.best_epoch,
            "epochs": len(trained.history),
            **trained.history.loc[trained.best_epoch, ["val_accuracy", "val_loss"]].round(3),
            "seconds": trained.provenance["seconds"],
        }
        for trained in trainings
    }
    table = pd.DataFrame(rows).T.rename_axis(["model", "seed"])
    return table.astype({"judged epoch": int, "epochs": int})


def recall(run: Run, settings: Settings, dataset: Dataset) -> list[Trained]:
    """Every model's training for every seed, as the chapters before have left them.

    In the demo and in Colab what is missing is trained first, with a line on standard error.

    Raises
    ------
    InputError : elsewhere, naming the chapter to run first.
    """
    found = []
    for model in settings.models:
        for seed in settings.seeds:
            trained = load(run, settings, model, seed)
            if trained is None and not run.fills_gaps:
                raise InputError(
                    f"{folder_of(run, model, seed)}: holds no {model} trained with these settings "
                    f"and seed {seed}; run chapter {CHAPTERS[model]} with them first, or make book"
                )
            if trained is None:
                _run_first(settings, model, seed)
                trained = load(run, settings, model, seed)
            found.append(trained)
    return found


def _run_first(settings: Settings, model: str, seed: int) -> None:
    print(f"first chapter {CHAPTERS[model]}: training {model}, seed {seed}", file=sys.stderr)
    parameters = json.dumps(settings.model_dump(mode="json"))
    command = [sys.executable, "-m", "helpers.steps", "train", model, str(seed)]
    subprocess.run([*command, "--parameters", parameters], cwd=REPOSITORY, check=True)


def check_weights(weights: str) -> None:
    """Refuse, without building a model, a weights file that can't be a ResNet50 without its top.

    Raises
    ------
    InputError : with the file's name and the three choices.
    """
    if weights in ("imagenet", "random"):
        return
    sizes = []
    try:
        with h5py.File(weights) as file:
            file.visititems(
                lambda _, item: sizes.append(item.size) if isinstance(item, h5py.Dataset) else None
            )
    except OSError:
        raise unusable_weights(weights, "no readable HDF5 file") from None
    if sum(sizes) != RESNET50_WEIGHTS:
        raise unusable_weights(
            weights, "not the weights of Keras's ResNet50 with include_top=False"
        )


def unusable_weights(weights: str, why: str) -> InputError:
    """The error that says why weights can't be used, and the three choices."""
    name = weights if weights == "imagenet" else str(Path(weights))
    return InputError(
        f"weights {name}: {why}; choose imagenet (fetched by Keras), the path of such a file, or "
        "random (WEIGHTS=)"
    )
