"""What is damaged in a run's folder is thrown away, so that Snakemake makes it anew."""

from pathlib import Path

import nbformat

from helpers.models import trainings
from helpers.study.runs import Run, is_whole
from helpers.study.settings import Settings


def discard(run: Run, settings: Settings) -> list[Path]:
    """Remove every artifact of a run that isn't as it was written; returns what was removed.

    Snakemake knows files by name and age alone, and takes a damaged one for new.
    """
    folders = [run.training(model, seed) for model in settings.models for seed in settings.seeds]
    results = [*run.results, run.heatmaps]
    results += [folder / "grad-cam.npz" for folder in folders]
    damaged = [path for path in results if path.exists() and not is_whole(path)]
    damaged += [path for path in run.notebooks.glob("*.ipynb") if not is_notebook(path)]
    for folder in folders:
        if folder.is_dir() and not trainings.is_complete(folder):
            damaged += [path for path in trainings.files(folder) if path.exists()]
    for path in damaged:
        path.unlink()
    return damaged


def is_notebook(path: Path) -> bool:
    """Whether a file can be read as a notebook."""
    try:
        nbformat.read(path, as_version=4)
    except Exception:  # nbformat says what is no notebook in many ways
        return False
    return True
