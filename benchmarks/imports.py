"""How long a chapter takes to its first cell that does something, imports included.

Run it with `python -m benchmarks.imports`: each chapter's cells of imports, in a new process.
"""

import functools
import json
import subprocess
import sys

from benchmarks.comparison import seconds
from helpers.pipeline import contents
from helpers.study.settings import REPOSITORY


def imports_of(chapter: str) -> str:
    """The import statements of a chapter's code, a line each."""
    notebook = json.loads((REPOSITORY / "book" / f"{chapter}.ipynb").read_text(encoding="utf-8"))
    cells = ("".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code")
    lines = [line for cell in cells for line in cell.splitlines()]
    return "\n".join(line for line in lines if line.startswith(("import ", "from ")))


def begin(chapter: str) -> None:
    """Run a chapter's imports in a new process."""
    subprocess.run([sys.executable, "-c", imports_of(chapter)], cwd=REPOSITORY, check=True)


def main() -> None:
    """Print the least of three for every chapter."""
    for chapter in contents.chapters():
        least = min(seconds(functools.partial(begin, chapter)) for _ in range(3))
        print(f"{chapter:24} {least:5.1f} s", flush=True)


if __name__ == "__main__":
    main()
