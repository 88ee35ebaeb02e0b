"""A finished run that no program made: every file that a real one has, in seconds."""

import io
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from helpers.models import trainings
from helpers.pipeline import description
from helpers.study import provenance, runs
from helpers.study.runs import Run, write_json
from helpers.study.settings import REPOSITORY


def _fill(run: Run, settings, dataset) -> Run:
    description.write(run, settings, dataset)
    keys = runs.read_json(run.description)["trainings"]
    rng = np.random.default_rng(0)
    for name, key in keys.items():
        model, seed = name.split(", seed ")
        folder = run.training(model, int(seed))
        folder.mkdir(parents=True)
        np.savez(
            folder / "predictions.npz",
            test_probabilities=rng.dirichlet(np.ones(4), 48).astype(np.float32),
            test_labels=dataset.test.labels,
        )
        np.savez(folder / "grad-cam.npz", maps=rng.random((48, 7, 7), dtype=np.float32))
        (folder / "history.csv").write_text("epoch,loss\n1,1.5\n2,1.25\n")
        weights = io.BytesIO()
        with h5py.File(weights, "w") as file:
            file["layers/dense/vars/0"] = rng.random((3, 2), dtype=np.float32)
        with zipfile.ZipFile(folder / "model.keras", "w") as archive:
            archive.writestr("model.weights.h5", weights.getvalue())
        facts = {"key": key, "seconds": 1.5, "settings": settings.told()}
        facts |= provenance.here_and_now()
        write_json(folder / "provenance.json", trainings.sealed(facts, folder))
        runs.remember(folder / "grad-cam.npz", "key")
    accuracy = {"accuracy": {"value": 0.5, "low": 0.4, "high": 0.6, "n": 48}}
    write_json(run.metrics, {model: {"0": accuracy} for model in settings.models})
    write_json(run.claims, [{"id": "a-claim", "measured": 0.5, "why": "because"}])
    for path in (run.explanations, run.acquisition, run.patients):
        write_json(path, [])
    np.savez(run.heatmaps, maps=rng.random((2, 7, 7), dtype=np.float32))
    for result in (*run.results, run.heatmaps):
        runs.remember(result, "key")
    run.notebooks.mkdir()
    for chapter in (REPOSITORY / "book").glob("*.ipynb"):
        shutil.copyfile(chapter, run.notebooks / chapter.name)
    run.html.mkdir()
    (run.html / "index.html").write_text("the site")
    return run


@pytest.fixture
def fill(small, dataset) -> Callable[[Path], Run]:
    """A finished run in a new folder, the same each time."""

    def filled(folder: Path) -> Run:
        folder.mkdir(parents=True)
        return _fill(Run(folder), small, dataset)

    return filled


@pytest.fixture
def made_up(fill, tmp_path) -> Run:
    return fill(tmp_path / "runs" / "made-up")
