"""What a training that was killed needs to go on after its last finished epoch, kept after each."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from helpers.models.backend import keras

# isort: split
import numpy as np

from helpers.study.runs import DAMAGED_ARCHIVE, replacing_file


class Checkpoint(keras.callbacks.Callback):
    """Keeps a training's state after every epoch, and puts it back where a killed one left it.

    The state is all that later epochs depend on: the model's variables (with those of its random
    generators) and the optimizer's, the counters of the other callbacks, the weights of the best
    epoch. It must come last among the callbacks. A training that goes on from there gives the
    same bits as one that was never killed, if each epoch's batches depend on its number alone.

    Parameters
    ----------
    path : where the state is kept; `discard` removes it.
    key : of the training. A state under another key, or a damaged one, is none.

    Attributes
    ----------
    history : what Keras tells of each finished epoch.
    epoch : the number of the epoch that is at work, or is to begin, from 0.
    is_finished : whether no epoch is left.
    """

    def __init__(self, path: Path, key: str) -> None:
        super().__init__()
        self._path, self._key = path, key
        self._started, self._seconds_before = time.monotonic(), 0.0
        self.history: list[dict[str, float]] = []
        self.epoch, self.is_finished = 0, False

    @property
    def seconds(self) -> float:
        """How long the training has taken, with what a killed one had done."""
        return self._seconds_before + time.monotonic() - self._started

    def restore(
        self, model: keras.Model, best: Path, others: list[keras.callbacks.Callback]
    ) -> None:
        """Put a kept state back into a compiled model, if there is one.

        `best` is the file to which one of the `others` saves the weights of the best epoch.
        """
        self._best, self._others, self._counters = best, others, []
        state = self._kept()
        if state is None:
            return
        model.optimizer.build(model.trainable_variables)
        for variable, value in zip(_variables(model), state["variables"], strict=True):
            variable.assign(value)
        best.write_bytes(state["best"])
        self.history, self._counters = state["history"], state["counters"]
        self.epoch, self.is_finished = len(self.history), state["is_finished"]
        self._seconds_before = state["seconds"]

    def discard(self) -> None:
        """Remove what was kept."""
        self._path.unlink(missing_ok=True)

    def on_train_begin(self, logs: dict | None = None) -> None:
        # Not before: the others set their counters to zero here.
        for other, counters in zip(self._others, self._counters, strict=False):
            vars(other).update(counters)

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.epoch = epoch

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.history.append({name: float(value) for name, value in logs.items()})
        told = {
            "key": self._key,
            "history": self.history,
            "counters": [_counters(other) for other in self._others],
            "is_finished": self.model.stop_training or epoch + 1 == self.params["epochs"],
            "seconds": self.seconds,
        }
        values = map(keras.ops.convert_to_numpy, _variables(self.model))
        with replacing_file(self._path) as partial, partial.open("wb") as file:
            np.savez(
                file,
                told=np.frombuffer(json.dumps(told).encode(), np.uint8),
                best=np.frombuffer(self._best.read_bytes(), np.uint8),
                **{f"variable-{place}": value for place, value in enumerate(values)},
            )

    def _kept(self) -> dict[str, Any] | None:
        try:
            with np.load(self._path) as arrays:
                told = _told(arrays, self._key)
                if told is None:
                    return None
                best = arrays["best"].tobytes()
                variables = [arrays[f"variable-{place}"] for place in range(len(arrays) - 2)]
        except DAMAGED_ARCHIVE:
            return None
        return told | {"best": best, "variables": variables}


def finished_epochs(path: Path, key: str) -> int:
    """How many epochs a killed training under this key has behind it."""
    try:
        with np.load(path) as arrays:
            told = _told(arrays, key)
    except DAMAGED_ARCHIVE:
        return 0
    return len(told["history"]) if told else 0


def _told(arrays: Mapping[str, np.ndarray], key: str) -> dict[str, Any] | None:
    told = json.loads(arrays["told"].tobytes())
    return told if told.pop("key") == key else None


def _variables(model: keras.Model) -> list[keras.Variable]:
    return [*model.variables, *model.optimizer.variables]


def _counters(callback: keras.callbacks.Callback) -> dict[str, float]:
    numbers = (bool, int, float, np.number)
    return {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in vars(callback).items()
        if isinstance(value, numbers)
    }
