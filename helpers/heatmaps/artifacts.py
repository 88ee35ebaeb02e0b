"""What the trial's job keeps and chapters read; loads no Keras."""

from typing import NamedTuple

import numpy as np

from helpers.heatmaps import rows
from helpers.study.runs import Run, remember, replacing_file, write_json


class Shown(NamedTuple):
    """To look at: maps by method in their own cells, float32 (n, h, w), 0 to 1, and the classes.

    Of some test images (indices int64 (n,)), for the classes that a model named, int64 (n,).
    """

    images: np.ndarray
    classes: np.ndarray
    maps: dict[str, np.ndarray]


PLACES = ("images", "classes")


class Trial(NamedTuple):
    """A trial's rows, and by model the maps to show."""

    rows: list[rows.Row]
    shown: dict[str, Shown]


def save_trial(run: Run, trial: Trial, key: str) -> None:
    """Keep `explanations.json` and `heatmaps.npz` under the trial's key: each replaced whole."""
    write_json(run.explanations, [row.as_json() for row in trial.rows])
    arrays = {}
    for model, shown in trial.shown.items():
        arrays |= {f"{model}/{method}": maps for method, maps in shown.maps.items()}
        arrays |= {f"{model}/{field}": getattr(shown, field) for field in PLACES}
    with replacing_file(run.heatmaps) as partial:
        np.savez(partial, **arrays)
    for artifact in (run.explanations, run.heatmaps):
        remember(artifact, key)


def load_trial(run: Run) -> Trial:
    """The trial that is kept; without rows and maps where there is none."""
    by_model: dict[str, dict[str, np.ndarray]] = {}
    if run.heatmaps.exists():
        with np.load(run.heatmaps) as arrays:
            for name, array in arrays.items():
                model, _, method = name.partition("/")
                by_model.setdefault(model, {})[method] = array
    shown = {model: Shown(*map(maps.pop, PLACES), maps) for model, maps in by_model.items()}
    return Trial(rows.load(run), shown)
