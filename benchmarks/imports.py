"""How long a chapter's imports take, beside those of one that would import everything.

Each chapter's own import statements, in a new process, and those of all modules of `helpers`
but its pipeline.
"""

import json
import subprocess
import sys

from benchmarks.comparison import Comparison, in_turn, show, times_faster
from helpers.study.settings import REPOSITORY

CHAPTERS = ("04-metrics", "12-patients")  # which train nothing
TURNS, ASKED = 3, 2
ALL = "importing every module of helpers but the pipeline's, which no chapter does"


def imports_of(chapter: str) -> str:
    """The import statements of a chapter's code, a line each."""
    notebook = json.loads((REPOSITORY / "book" / f"{chapter}.ipynb").read_text(encoding="utf-8"))
    cells = ("".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code")
    lines = [line for cell in cells for line in cell.splitlines()]
    return "\n".join(line for line in lines if line.startswith(("import ", "from ")))


def of_everything() -> str:
    """An import statement for every module of the wings that chapters use."""
    paths = sorted((REPOSITORY / "helpers").glob("*/*.py"))
    modules = [".".join(path.relative_to(REPOSITORY).with_suffix("").parts) for path in paths]
    used = [m for m in modules if ".pipeline." not in m and not m.endswith("__init__")]
    return "\n".join(f"import {module}" for module in ["helpers.models.backend", *used])


def run(statements: str) -> None:
    """Run import statements in a new process."""
    command = [sys.executable, "-c", statements]
    subprocess.run(command, cwd=REPOSITORY, check=True, stderr=subprocess.DEVNULL)


def compare() -> list[Comparison]:
    """Each chapter."""
    made = []
    for chapter in CHAPTERS:
        own, everything = imports_of(chapter), of_everything()
        turns, slow = in_turn(
            lambda own=own: run(own), lambda everything=everything: run(everything), TURNS
        )
        goals = [times_faster(turns, slow, ASKED)]
        work = f"imports of chapter {chapter}"
        made.append(Comparison(work, ALL, turns, slow, goals))
    return made


if __name__ == "__main__":
    show(compare())
