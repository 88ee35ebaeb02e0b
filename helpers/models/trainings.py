"""What a training leaves behind, under which key, and how later steps get at it.

Imports no Keras, which takes ten seconds to load: most chapters only read.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
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
from helpers.study.provenance import digest, file_digest
from helpers.study.runs import Run, read_json
from helpers.study.settings import Settings

# The modules of this wing that determine what a training gives.
DETERMINING = (
    *("augmentation", "backend", "batches", "checkpoints", "devices", "features", "fit"),
    "networks",
)
# How trainings run unless their settings say otherwise, which then is no part of their key.
USUAL = {"devices": 1, "backend": "tensorflow"}
# What a training leaves in its folder; the last holds the digests of all under `SEAL`.
PREDICTIONS, HISTORY, MODEL = "predictions.npz", "history.csv", "model.keras"
PROVENANCE, SEAL = "provenance.json", "sha256"
# So many images, each counted once an epoch, are a long training.
LONG = 50_000


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
        """The Keras model with the weights of its best epoch.

        InputError where its file isn't as the training left it.
        """
        path = self.folder / MODEL
        if not self.has_whole_model:
            raise InputError(f"{path}: missing or damaged; make book makes it anew")
        keras = importlib.import_module("helpers.models.backend").keras
        return keras.models.load_model(path, safe_mode=True)

    @property
    def has_whole_model(self) -> bool:
        """Whether the model's file is as the training left it; reads all of it."""
        return _are_whole(self.folder, (MODEL,), self.provenance)


def key(settings: Settings, dataset: Dataset, model: str, seed: int) -> str:
    """What determines a training: its seed, its settings, base weights, the images, the code."""
    told = settings.determining(model)
    determining = {name: value for name, value in told.items() if USUAL.get(name) != value}
    if "weights" in determining:
        determining["weights"] = _identity(settings, model)
    return digest(model, seed, dataset.fingerprint, determining, _code(model))


def features_key(settings: Settings, dataset: Dataset, model: str) -> str:
    """What determines a model's frozen features: of the labels how many there are of each class.

    By these training decides whether it augments.
    """
    augmentation = settings.augmentation.model_dump(mode="json")
    blocks = [augmentation, settings.base.model_dump(mode="json", exclude={"weights"})]
    if settings.training.backend != USUAL["backend"]:
        blocks.append(settings.training.backend)
    counts = np.bincount(dataset.train.labels).tolist()
    images = dataset.images_digest, counts
    return digest(model, images, blocks, _identity(settings, model), _code(model))


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
    """The training with this key, or None where there is none, or a damaged one.

    Its model is not looked at, which takes longer than all else (`Trained.has_whole_model`). A
    recorded training counts as it stands.
    """
    folder = run.training(model, seed)
    recorded = run.is_recorded and (read_json(folder / PROVENANCE) or {}).get("key")
    if not is_whole(folder, recorded or key(settings, dataset, model, seed)):
        return None
    with np.load(folder / PREDICTIONS) as arrays:
        predictions = Predictions(**arrays)
    history = pd.read_csv(folder / HISTORY, index_col="epoch")
    return Trained(model, seed, folder, history, predictions, read_json(folder / PROVENANCE))


def is_whole(folder: Path, key: str) -> bool:
    """Whether a folder holds the training with this key as it was left, its model aside."""
    provenance = read_json(folder / PROVENANCE)
    if not isinstance(provenance, dict) or provenance.get("key") != key:
        return False
    return _are_whole(folder, (PREDICTIONS, HISTORY), provenance)


def files(folder: Path) -> list[Path]:
    """What a training leaves in its folder."""
    return [folder / name for name in (PREDICTIONS, HISTORY, MODEL, PROVENANCE)]


def is_complete(folder: Path) -> bool:
    """Whether a folder holds a training, of any key, as it was left; reads its model as well."""
    provenance = read_json(folder / PROVENANCE)
    names = (PREDICTIONS, HISTORY, MODEL)
    return isinstance(provenance, dict) and _are_whole(folder, names, provenance)


def sealed(facts: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The content of `provenance.json`: facts, and digests of them and of the files beside it."""
    digests = {name: file_digest(folder / name) for name in (PREDICTIONS, HISTORY, MODEL)}
    return facts | {SEAL: digests | {PROVENANCE: digest(facts)}}


def missing(run: Run, settings: Settings, dataset: Dataset) -> list[tuple[str, int]]:
    """The models and seeds of which a run has no whole training; their models are not looked at."""
    return [
        (model, seed)
        for model in settings.models
        for seed in settings.seeds
        if not is_whole(run.training(model, seed), key(settings, dataset, model, seed))
    ]


def are_long(settings: Settings, dataset: Dataset) -> bool:
    """Whether trainings take more than a minute or two each without a GPU."""
    return len(dataset.train) * settings.training.epochs > LONG


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


def _are_whole(folder: Path, names: Sequence[str], provenance: dict[str, Any]) -> bool:
    seal = provenance.get(SEAL)
    facts = {name: value for name, value in provenance.items() if name != SEAL}
    if not isinstance(seal, dict) or seal.get(PROVENANCE) != digest(facts):
        return False
    paths = [folder / name for name in names]
    return all(path.is_file() and file_digest(path) == seal.get(path.name) for path in paths)


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
