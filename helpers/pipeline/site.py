"""The static site of a run: executed chapters and pages in, Jupyter Book's HTML out."""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat

from helpers.models import trainings
from helpers.pages import first_page
from helpers.pipeline import console, contents, data_files, surroundings, webpages
from helpers.pipeline.damage import is_notebook
from helpers.study import runs
from helpers.study.errors import InputError
from helpers.study.runs import Run, is_whole, replacing
from helpers.study.settings import REPOSITORY


def render(run: Run) -> None:
    """Render `<run>/notebooks` and the pages of `book/` to `<run>/html`, replacing it whole.

    InputError where there is no such run, and when Jupyter Book warns of anything; `<run>/html` is
    then as it was.
    """
    require_finished(run)
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder) / "source", Path(folder) / "output"
        for path in contents.sources():
            inside = path.relative_to(REPOSITORY)
            target = source / (inside.relative_to("book") if inside.parts[0] == "book" else inside)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
        for notebook in (run.notebooks / f"{chapter}.ipynb" for chapter in contents.chapters()):
            _copy_for_readers(notebook, source)
        first_page.write(source, run)
        data_files.write(source, run)
        _call_jupyter_book(source, output)
        webpages.finish(output / "_build" / "html")
        with replacing(run.html) as html:
            shutil.copytree(output / "_build" / "html", html, dirs_exist_ok=True)


def require_finished(run: Run) -> None:
    """Raise InputError for a run whose last `make book` didn't end, or that isn't there."""
    executed = [run.notebooks / f"{chapter}.ipynb" for chapter in contents.chapters()]
    missing = [path for path in (run.description, *run.results) if not is_whole(path)]
    for path in (*missing, *(path for path in executed if not is_notebook(path))):
        raise InputError(f"{path}: missing or damaged, so no whole run is there; make book first")
    for name, key in runs.record(run)["trainings"].items():
        model, _, seed = name.partition(", seed ")
        if not trainings.is_whole(run.training(model, int(seed)), key):
            raise InputError(
                f"{run.folder}: {name} isn't trained as run.json says, so the last make book there "
                "didn't end; call it again"
            )


def _copy_for_readers(path: Path, folder: Path) -> None:
    """Copy a chapter without what only whoever runs it needs, its figures linked to their data.

    That is the cells of parameters and imports.
    """
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if {"parameters", "injected-parameters"} & set(tags):
            tags.append("remove-cell")
        elif "hide-input" in tags:
            tags[tags.index("hide-input")] = "remove-input"
        if figure := cell.metadata.get("mystnb", {}).get("figure"):
            figure["caption"] += f" {data_files.links(path.stem, cell.id)}"
    nbformat.write(notebook, folder / path.name)


def _call_jupyter_book(source: Path, output: Path) -> None:
    # Not by its script, whose first line names the folder that .venv was made in.
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build"]
    command += [source, "--path-output", output, "-W", "-n", "--keep-going", "-q"]
    environment = surroundings.plain() | {"NO_COLOR": "1"}
    finished = subprocess.run(
        command, capture_output=True, encoding="utf-8", errors="replace", env=environment
    )
    if finished.returncode:
        lines = [line for line in (finished.stdout + finished.stderr).splitlines() if line.strip()]
        told = [line for line in lines if "WARNING" in line or "ERROR" in line] or lines[-3:]
        raise InputError(
            "the site was not rendered: " + "; ".join(told).replace(str(source), "book")
        )


def main() -> None:
    """`make render`: render a finished run anew."""
    parser = argparse.ArgumentParser(prog="python -m helpers.pipeline.site", description=__doc__)
    parser.add_argument("--run", required=True, help="folder under runs/")
    with console.one_line_errors():
        render(runs.existing(parser.parse_args().run))


if __name__ == "__main__":
    main()
