"""A run's folder: where each result lies, and files and folders that are replaced whole."""

import contextlib
import fcntl
import json
import os
import re
import shutil
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from helpers.study.errors import InputError
from helpers.study.provenance import file_digest
from helpers.study.settings import REPOSITORY, Settings

# What a run may be called: a folder's name anywhere, a word for any shell.
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
SCRATCH, KEYS = "scratch", "keys.json"
# Where programs that a run calls keep their caches.
PROGRAMS = REPOSITORY / "runs" / ".programs"
# How the name begins of what isn't whole yet, which a killed process leaves.
UNFINISHED = ".unfinished-"
# What reading a damaged archive of arrays raises; it has a checksum for each array.
DAMAGED_ARCHIVE = (OSError, ValueError, LookupError, EOFError, zipfile.BadZipFile, zlib.error)
# What `run.json` tells, by which a run can be made anew, and be described to others.
RECORDED = (
    *("settings", "data", "data_set", "data_fingerprint", "counts", "shape"),
    *("is_phantom", "is_official", "weights", "trainings"),
)


def _below(place: str) -> property:
    return property(lambda run: run.folder / place)


@dataclass(frozen=True)
class Run:
    """A folder of results: under `runs/`, or one that the repository keeps.

    fills_gaps : whether a chapter may make what its predecessors left out.
    is_recorded : whether its results stand as they are, whatever the code that reads them.
    lender : the run of the same images whose frozen features it uses; None where it has its own.
    """

    folder: Path
    fills_gaps: bool = False
    is_recorded: bool = False
    lender: "Run | None" = None

    artifacts = _below("artifacts")
    description = _below("artifacts/run.json")  # what this run is: its settings, data and models
    metrics = _below("artifacts/metrics.json")  # every test metric of every training
    explanations = _below("artifacts/explanations.json")  # every heatmap method by every criterion
    claims = _below("artifacts/claims.json")  # every claim of the report with its verdicts
    acquisition = _below("artifacts/acquisition.json")  # what another width of scans costs
    patients = _below("artifacts/patients.json")  # what holding patients together changes
    inputs = _below("inputs.json")  # where its files lie on this machine; no artifact
    heatmaps = _below("heatmaps.npz")  # the maps of every method that are on trial
    notebooks = _below("notebooks")  # the executed chapters
    html = _below("html")  # the site
    call = _below("call.json")  # what make book was called with
    wanted = _below("wanted")  # what each result must be made of

    @property
    def results(self) -> tuple[Path, ...]:
        """What is told of all trainings together, each a JSON file that a job makes."""
        judged = self.explanations, self.claims
        return self.metrics, *judged, self.acquisition, self.patients

    @property
    def shown(self) -> str:
        """The folder as a user knows it, such as runs/demo."""
        inside = self.folder.is_relative_to(REPOSITORY)
        return str(self.folder.relative_to(REPOSITORY) if inside else self.folder)

    def training(self, model: str, seed: int) -> Path:
        return self.artifacts / model / f"seed-{seed}"

    def features(self, model: str) -> Path:
        return (self.lender or self).folder / "features" / model

    def checkpoint(self, model: str, seed: int) -> Path:
        """Where a training that is at work keeps what it needs to go on after a kill."""
        return self.folder / "checkpoints" / model / f"seed-{seed}.npz"

    def control(self, name: str) -> "Run":
        """A run below this one that holds the models which serve as controls."""
        return Run(self.folder / "controls" / name)


def named(name: str) -> Run:
    """The run of that name; InputError where it can't be a folder's under `runs/`."""
    if not re.fullmatch(NAME, name) or name == SCRATCH:
        raise InputError(f"run {name!r}: use letters, digits, '.', '_' and '-', not {SCRATCH!r}")
    return Run(REPOSITORY / "runs" / name)


def existing(name: str) -> Run:
    """The run of a folder under `runs/`; InputError, with those that there are, where it is none.

    A name is no path: it leads nowhere else.
    """
    if not re.fullmatch(NAME, name) or not (REPOSITORY / "runs" / name).is_dir():
        described = sorted((REPOSITORY / "runs").glob("*/artifacts/run.json"))
        there = ", ".join(path.parents[1].name for path in described) or "none yet: make book"
        raise InputError(f"RUN={name}: no folder under runs/; name one of a finished run ({there})")
    return named(name)


def open_run(settings: Settings, name: str | None = None) -> Run:
    """The run that a chapter belongs to: the one named, or `runs/scratch/<profile>`.

    Gaps are filled where that takes minutes at most, or where nobody can do otherwise: with the
    embedded data, and in Colab.
    """
    fills_gaps = settings.data.is_embedded or "google.colab" in sys.modules
    by_hand = Run(REPOSITORY / "runs" / SCRATCH / settings.profile)
    return replace(named(name) if name else by_hand, fills_gaps=fills_gaps)


@contextlib.contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of `folder` once the block has ended well.

    A process killed before then leaves the old folder as it was.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(
        prefix=UNFINISHED, dir=folder.parent, ignore_cleanup_errors=True
    ) as beside:
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
    partial = path.with_name(f"{UNFINISHED}{os.getpid()}-{path.name}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Have a folder for oneself: another process that asks for it waits until this block's end."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def remove_unfinished(run: Run) -> None:
    """Remove what killed processes have left half-made in a run's folder."""
    for path in sorted(run.folder.rglob(f"{UNFINISHED}*")):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Replace a file's text at once by a value's, unless it is the same and may stay untouched."""
    text = (json.dumps(value, indent=1, allow_nan=False) + "\n").encode()
    if path.exists() and path.read_bytes() == text:
        return
    with replacing_file(path) as partial:
        partial.write_bytes(text)


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
    """The value that `write_json` wrote, or None where there is no such file or it is damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError, RecursionError):
        return None


def kept(artifact: Path, key: str, make: Callable[[], Any]) -> Any:
    """The value of a JSON artifact, made and written anew unless it is current."""
    if not is_current(artifact, key):
        write_json(artifact, make())
        remember(artifact, key)
    return read_json(artifact)


def is_current(artifact: Path, key: str) -> bool:
    """Whether an artifact is there as it was written, and was made under this key."""
    return is_whole(artifact) and _notes(artifact)[artifact.name].get("key") == key


def is_whole(artifact: Path) -> bool:
    """Whether an artifact is there as it was when `remember` noted it."""
    note = _notes(artifact).get(artifact.name)
    is_noted = artifact.is_file() and isinstance(note, dict)
    return is_noted and note.get("sha256") == file_digest(artifact)


def remember(artifact: Path, key: str) -> None:
    """Note the key under which an artifact was made, and its content, once it is written whole."""
    note = {"key": key, "sha256": file_digest(artifact)}
    write_json(artifact.with_name(KEYS), _notes(artifact) | {artifact.name: note})


def _notes(artifact: Path) -> dict[str, Any]:
    notes = read_json(artifact.with_name(KEYS))
    return notes if isinstance(notes, dict) else {}
