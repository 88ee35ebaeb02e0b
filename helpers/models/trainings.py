"""What a training leaves behind, under which key, and how later steps get at it.

Imports no Keras, which takes ten seconds to load: most chapters only read.
"""

from __future__ import annotations

import importlib.util
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from helpers.data.dataset import Dataset
from helpers.models import weights
from helpers.study import architectures
from helpers.study.code import code_digest, result_digest
from helpers.study.errors import InputError
from helpers.study.provenance import digest
from helpers.study.runs import Run, read_json
from helpers.study.settings import Settings

# The modules of this wing that determine what a training gives.
DETERMINING = ("augmentation", "backend", "fit", "networks")


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

    def load_model(self) -> Any:
        """The Keras model with the weights of its best epoch."""
        keras = importlib.import_module("helpers.models.backend").keras
        return keras.models.load_model(self.folder / "model.keras")


def key(settings: Settings, dataset: Dataset, model: str, seed: int) -> str:
    """What determines a training: its seed, its settings, base weights, the images, the code."""
    determining = settings.determining(model)
    if "weights" in determining:
        determining["weights"] = _identity(settings, model)
    return digest(model, seed, dataset.fingerprint, determining, _code(model))


def features_key(settings: Settings, dataset: Dataset, model: str) -> str:
    """What determines a model's frozen features."""
    augmentation = settings.augmentation.model_dump(mode="json")
    blocks = [augmentation, settings.base.model_dump(mode="json", exclude={"weights"})]
    return digest(model, dataset.fingerprint, blocks, _identity(settings, model), _code(model))


def result_key(settings: Settings, dataset: Dataset, module: Path, *more: Any) -> str:
    """What determines a result that a module makes of all trainings of a run.

    The trainings' keys, the code of the module and of what it imports (`code.result_digest`), and
    whatever JSON values else it depends on.
    """
    keys = [
        key(settings, dataset, model, seed) for model in settings.models for seed in settings.seeds
    ]
    return digest(keys, result_digest(module), *more)


def load(run: Run, settings: Settings, dataset: Dataset, model: str, seed: int) -> Trained | None:
    """The training with this key, or None where there is none."""
    folder = run.training(model, seed)
    provenance = read_json(folder / "provenance.json")
    if provenance is None or provenance["key"] != key(settings, dataset, model, seed):
        return None
    with np.load(folder / "predictions.npz") as arrays:
        predictions = Predictions(**arrays)
    history = pd.read_csv(folder / "history.csv", index_col="epoch")
    return Trained(model, seed, folder, history, predictions, provenance)


def recall(run: Run, settings: Settings, dataset: Dataset) -> list[Trained]:
    """Every model's training for every seed, as the chapters before have left them.

    Raises
    ------
    InputError : where one is missing, naming the chapter to run first.
    """
    recalled = []
    for model in settings.models:
        for seed in settings.seeds:
            trained = load(run, settings, dataset, model, seed)
            if trained is None:
                raise InputError(
                    f"{run.training(model, seed)}: holds no {model} trained with these settings "
                    f"and seed {seed}; run chapter {architectures.get(model).chapter} with them "
                    "first, or make book"
                )
            recalled.append(trained)
    return recalled


def _identity(settings: Settings, model: str) -> str:
    source = settings.weights(model)
    weights.check_file(source, architectures.get(model).base)
    return weights.identity(source)


def _code(model: str) -> list[Any]:
    """What of the registry and of code determines a training: base, builder, fitting."""
    entry, folder = architectures.get(model), Path(__file__).parent
    builder = importlib.util.find_spec(entry.build.partition(":")[0])
    modules = [Path(builder.origin), *(folder / f"{name}.py" for name in DETERMINING)]
    return [entry.build, entry.base and asdict(entry.base), code_digest(*modules)]
