"""`make book` after no change, and after one chapter's prose, beside all of it from nothing.

Of a small run: how large it is changes only what it takes from nothing."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

from benchmarks.comparison import Comparison, at_most, seconds, show
from helpers.pipeline import address
from helpers.study.settings import REPOSITORY

SECONDS, TURNS = 10, 3
CHAPTER = "08-trust"
SMALL = "phantom_images=[400,160,160] epochs=3 explained_images=4 evaluations=4"


def copy(folder: Path) -> None:
    """The repository's own files, and its environment."""
    for path in address.files(REPOSITORY):
        placed = folder / path.relative_to(REPOSITORY)
        placed.parent.mkdir(parents=True, exist_ok=True)
        placed.write_bytes(path.read_bytes())
    (folder / ".venv").symlink_to(REPOSITORY / ".venv")


def reword(folder: Path, word: str) -> None:
    """Add a word to the chapter's first prose."""
    path = folder / "book" / f"{CHAPTER}.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cell = next(c for c in notebook["cells"] if c["cell_type"] == "markdown")
    cell["source"] = [*cell["source"], f"\n\n{word}"]
    path.write_text(json.dumps(notebook), encoding="utf-8")


def executed(folder: Path) -> dict[str, int]:
    """When each chapter was executed last."""
    notebooks = (folder / "runs" / "demo" / "notebooks").glob("*.ipynb")
    return {path.stem: path.stat().st_mtime_ns for path in notebooks}


def compare() -> list[Comparison]:
    """Nothing changed, then a chapter's prose."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy(folder)
        command = ["make", "book", "RUN=demo", f"SET={SMALL}"]
        handed = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
        environment = {name: value for name, value in os.environ.items() if name not in handed}

        def make() -> None:
            given = {"cwd": folder, "env": environment, "stderr": subprocess.DEVNULL}
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **given)

        slow = [seconds(make)]
        before = executed(folder)
        turns = [seconds(make) for _ in range(TURNS)]
        if executed(folder) != before:
            raise AssertionError("a chapter was executed though nothing had changed")
        reword(folder, "benchmark")
        after_prose = [seconds(make)]
        again = {name for name, when in executed(folder).items() if when != before[name]}
        if again != {CHAPTER}:
            raise AssertionError(f"after the prose of {CHAPTER} were executed: {sorted(again)}")
    goals, whole = [at_most(max(turns), SECONDS, "s")], "a small make book from nothing"
    only = "that chapter executed, and the site rendered"
    return [
        Comparison("make book after no change", whole, turns, slow * TURNS, goals),
        Comparison("make book after a chapter's prose", whole, after_prose, slow, [], only),
    ]


if __name__ == "__main__":
    show(compare())
