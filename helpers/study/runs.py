"""A run's folder: where each result lies, and files and folders that are replaced whole."""

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from helpers.study.errors import InputError
from helpers.study.settings import REPOSITORY, Settings

SCRATCH, KEYS = "scratch", "keys.json"
# What `run.json` tells, by which a run can be made anew, and be described to others.
RECORDED = (
    *("settings", "data", "data_set", "data_fingerprint", "shape", "is_phantom", "is_official"),
    *("weights", "trainings"),
)


def _below(place: str) -> property:
    return property(lambda run: run.folder / place)


@dataclass(frozen=True)
class Run:
    """A folder under `runs/` and whether a chapter may fill in what its predecessors left out."""

    folder: Path
    fills_gaps: bool = False

    artifacts = _below("artifacts")
    description = _below("artifacts/run.json")  # what this run is: its settings, data and models
    metrics = _below("artifacts/metrics.json")  # every test metric of every training
    explanations = _below("artifacts/explanations.json")  # every heatmap method by every criterion
    claims = _below("artifacts/claims.json")  # every claim of the report with its verdicts
    inputs = _below("inputs.json")  # where its files lie on this machine; no artifact
    heatmaps = _below("heatmaps.npz")  # the maps of every method that are on trial
    notebooks = _below("notebooks")  # the executed chapters
    html = _below("html")  # the site

    def training(self, model: str, seed: int) -> Path:
        return self.artifacts / model / f"seed-{seed}"

    def features(self, model: str) -> Path:
        return self.folder / "features" / model

    def control(self, name: str) -> "Run":
        """A run below this one that holds the models which serve as controls."""
        return Run(self.folder / "controls" / name)


def named(name: str) -> Run:
    return Run(REPOSITORY / "runs" / name)


def existing(name: str) -> Run:
    """The run of a folder under `runs/`; InputError, with those that there are, where it is none.

    A name is no path: it leads nowhere else.
    """
    run = named(name)
    if Path(name).name != name or name in ("", "..") or not run.folder.is_dir():
        described = sorted((REPOSITORY / "runs").glob("*/artifacts/run.json"))
        there = ", ".join(path.parents[1].name for path in described) or "none yet: make book"
        raise InputError(f"RUN={name}: no folder under runs/; name one of a finished run ({there})")
    return run


def open_run(settings: Settings, name: str | None = None) -> Run:
    """The run that a chapter belongs to: the one named, or `runs/scratch/<profile>`.

    Gaps are filled where that takes minutes at most, or where nobody can do otherwise: with the
    embedded data, and in Colab.
    """
    fills_gaps = settings.data.is_embedded or "google.colab" in sys.modules
    return replace(named(name or f"{SCRATCH}/{settings.profile}"), fills_gaps=fills_gaps)


@contextlib.contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of `folder` once the block has ended well.

    A process killed before then leaves the old folder as it was.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".", dir=folder.parent, ignore_cleanup_errors=True) as beside:
        staging = Path(beside, "new")
        staging.mkdir()
        yield staging
        if folder.exists():
            folder.rename(Path(beside, "old"))
        staging.rename(folder)


@contextlib.contextmanager
def replacing_file(path: Path) -> Iterator[Path]:
    """As `replacing`, for a file: yield a path beside it to write to."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Replace a file's text at once by a value's, unless it is the same and may stay untouched."""
    text = json.dumps(value, indent=1, allow_nan=False) + "\n"
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    with replacing_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


def is_current(artifact: Path, key: str) -> bool:
    """Whether an artifact is there and was made under this key."""
    return (
        artifact.exists() and (read_json(artifact.with_name(KEYS)) or {}).get(artifact.name) == key
    )


def remember(artifact: Path, key: str) -> None:
    """Note the key under which an artifact was made, once it is written whole."""
    path = artifact.with_name(KEYS)
    write_json(path, (read_json(path) or {}) | {artifact.name: key})


def record(run: Run) -> dict[str, Any]:
    """What `run.json` tells of a run; InputError where it lacks anything of `RECORDED`."""
    facts = read_json(run.description)
    for name in RECORDED:
        if not isinstance(facts, dict) or name not in facts:
            raise InputError(
                f"{run.description}: tells no {name}, so an earlier version wrote it, or somebody "
                "else; call make book again there, with its settings"
            )
    return facts


def read_json(path: Path) -> Any:
    """The value that `write_json` wrote, or None where there is no such file."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
