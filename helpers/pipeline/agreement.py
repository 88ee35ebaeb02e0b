"""How far an artifact made anew agrees with the one that was there, and where they first differ.

Values are compared, not bytes: a zip archive, which `.npz` and `.keras` are, holds the time it was
written.
"""

import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import pandas as pd

EQUAL, CLOSE, DIFFERENT = "equal bit for bit", "equal within tolerance", "different"
# By how much a number may differ at most, by the artifact's name. Where probabilities may differ by
# so little, the named classes must all agree, and with them accuracies.
TOLERANCES = {
    "predictions.npz": 1e-4,
    "history.csv": 1e-3,
    "model.keras": 1e-3,
    "grad-cam.npz": 1e-2,
    "heatmaps.npz": 1e-2,
    "metrics.json": 1e-3,
    "explanations.json": 1e-2,
    "claims.json": 1e-3,
    "acquisition.json": 1e-3,
    "patients.json": 1e-3,
}
PROBABILITIES = "_probabilities"
UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)

Values = dict[str, np.ndarray]


class Agreement(NamedTuple):
    """An artifact's name, one of `EQUAL`, `CLOSE` and `DIFFERENT`, and where it first differs."""

    artifact: str
    outcome: str
    where: str = ""


def compare(name: str, before: Path, after: Path, leaving_out: frozenset[str]) -> Agreement:
    """How the artifact of that name agrees with the one made anew.

    leaving_out : the rows of a JSON list that are not compared, by their `id`.
    """
    tolerance = TOLERANCES[before.name]
    try:
        then = _values(before, leaving_out)
    except UNREADABLE as error:
        return Agreement(name, DIFFERENT, f"it can't be read ({type(error).__name__})")
    now = _values(after, leaving_out)
    if unmatched := sorted(then.keys() ^ now.keys()):
        where = f"{unmatched[0]} is only in the one {'before' if unmatched[0] in then else 'now'}"
        return Agreement(name, DIFFERENT, where)
    outcome = EQUAL
    for key, old in then.items():
        new = now[key]
        if old.dtype == new.dtype and old.shape == new.shape and old.tobytes() == new.tobytes():
            continue
        if where := _first_difference(key, old, new, tolerance):
            return Agreement(name, DIFFERENT, where)
        outcome = CLOSE
    return Agreement(name, outcome)


def _first_difference(key: str, old: np.ndarray, new: np.ndarray, tolerance: float) -> str | None:
    if (old.shape, old.dtype.kind) != (new.shape, new.dtype.kind):
        was, now = (f"{v.dtype} {v.shape}" if v.ndim else _shown(v) for v in (old, new))
        return f"{key} was {was} and is {now}"
    if old.dtype.kind == "f":
        differs = ~np.isclose(old, new, rtol=0, atol=tolerance, equal_nan=True)
    else:
        differs = np.asarray(old != new)
    if not differs.any():
        return _first_renamed(key, old, new) if key.endswith(PROBABILITIES) else None
    first = tuple(int(place) for place in np.argwhere(differs)[0])
    place = f"{key}[{', '.join(map(str, first))}]" if first else key
    return f"{place} was {_shown(old[first])} and is {_shown(new[first])}"


def _first_renamed(key: str, old: np.ndarray, new: np.ndarray) -> str | None:
    was, now = old.argmax(axis=1), new.argmax(axis=1)
    renamed = np.flatnonzero(was != now)
    if not len(renamed):
        return None
    first = renamed[0]
    return f"{key}[{first}] named class {was[first]} and names class {now[first]}"


def _shown(value: Any) -> str:
    text = str(value)
    return f"{text[:60]}..." if len(text) > 60 else text


def _values(path: Path, leaving_out: frozenset[str]) -> Values:
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    if path.suffix == ".csv":
        table = pd.read_csv(path)
        return {column: table[column].to_numpy() for column in table}
    if path.suffix == ".keras":
        return _weights(path)
    content = json.loads(path.read_text(encoding="utf-8"))
    return {key: _as_array(value) for key, value in _leaves(content, "", leaving_out)}


def _weights(path: Path) -> Values:
    """The arrays of a Keras model, read without Keras and without what its file may run."""
    found: Values = {}

    def keep(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = item[()]

    with zipfile.ZipFile(path) as archive:
        content = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(content) as file:
        file.visititems(keep)
    return found


def _leaves(value: Any, key: str, leaving_out: frozenset[str]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _leaves(each, f"{key}/{name}".lstrip("/"), leaving_out)
    elif isinstance(value, list):
        for place, each in enumerate(value):
            identity = each.get("id") if isinstance(each, dict) else None
            if identity not in leaving_out:
                yield from _leaves(each, f"{key}[{identity or place}]", leaving_out)
    else:
        yield key, value


def _as_array(value: Any) -> np.ndarray:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return np.asarray(float(value) if is_number else str(value))
