"""A run's folder: where each result lies, and files and folders that are replaced whole."""

import contextlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers.study.settings import REPOSITORY, Settings

SCRATCH = "scratch"


@dataclass(frozen=True)
class Run:
    """A folder under `runs/` and whether a chapter may fill in what its predecessors left out."""

    folder: Path
    fills_gaps: bool = False

    @property
    def artifacts(self) -> Path:
        """The folder that holds the results: `<folder>/artifacts`."""
        return self.folder / "artifacts"

    @property
    def description(self) -> Path:
        """What this run is: its settings, data and models."""
        return self.artifacts / "run.json"

    @property
    def metrics(self) -> Path:
        """Every test metric of every training."""
        return self.artifacts / "metrics.json"

    @property
    def explanations(self) -> Path:
        """Every heatmap method by every criterion."""
        return self.artifacts / "explanations.json"

    @property
    def claims(self) -> Path:
        """Every claim of the report with its verdicts."""
        return self.artifacts / "claims.json"

    @property
    def heatmaps(self) -> Path:
        """The maps of every method that are on trial."""
        return self.folder / "heatmaps.npz"

    @property
    def notebooks(self) -> Path:
        """The folder of the executed chapters."""
        return self.folder / "notebooks"

    @property
    def html(self) -> Path:
        """The folder of the site."""
        return self.folder / "html"

    def training(self, model: str, seed: int) -> Path:
        """The folder of a training: `<folder>/artifacts/<model>/seed-<seed>`."""
        return self.artifacts / model / f"seed-{seed}"

    def features(self, model: str) -> Path:
        """The folder of a frozen base's features."""
        return self.folder / "features" / model

    def control(self, name: str) -> "Run":
        """A run below this one that holds the models which serve as controls."""
        return Run(self.folder / "controls" / name)


def named(name: str) -> Run:
    """The run of that name, `runs/<name>`."""
    return Run(REPOSITORY / "runs" / name)


def open_run(settings: Settings, name: str | None = None) -> Run:
    """The run that a chapter belongs to: the one named, or `runs/scratch/<profile>`.

    Gaps are filled where that takes minutes at most, or where nobody can do otherwise: with the
    embedded data, and in Colab.
    """
    folder = REPOSITORY / "runs" / (name or f"{SCRATCH}/{settings.profile}")
    return Run(folder, fills_gaps=settings.data.is_embedded or "google.colab" in sys.modules)


@contextlib.contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of `folder` once the block has ended well.

    A process killed before then leaves the old folder as it was.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    retired = staging.with_suffix(".retired")
    try:
        yield staging
        staging.chmod(0o755)
        if folder.exists():
            folder.rename(retired)
        staging.rename(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        shutil.rmtree(retired, ignore_errors=True)


@contextlib.contextmanager
def replacing_file(path: Path) -> Iterator[Path]:
    """Yield a path beside `path`; the file written there takes its place once the block ended well.

    A process killed before then leaves the old file as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write `value` so that `path` holds, at any moment, the old text or the new one.

    A file that holds the same text already is left untouched.
    """
    text = json.dumps(value, indent=1, allow_nan=False) + "\n"
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    with replacing_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


def is_current(artifact: Path, key: str) -> bool:
    """Whether an artifact is there and was made under this key."""
    return artifact.exists() and (read_json(_keys(artifact)) or {}).get(artifact.name) == key


def remember(artifact: Path, key: str) -> None:
    """Note the key under which an artifact was made, once it is written whole."""
    write_json(_keys(artifact), (read_json(_keys(artifact)) or {}) | {artifact.name: key})


def read_json(path: Path) -> Any:
    """The value that `write_json` wrote, or None where there is no such file."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _keys(artifact: Path) -> Path:
    return artifact.with_name("keys.json")
