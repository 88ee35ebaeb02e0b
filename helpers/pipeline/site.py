"""The static site of a run: executed chapters and pages in, Jupyter Book's HTML out."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat

from helpers.models import trainings
from helpers.pages import first_page
from helpers.pipeline.damage import is_notebook
from helpers.study.errors import InputError
from helpers.study.runs import Run, is_whole, read_json, replacing
from helpers.study.settings import REPOSITORY


def render(run: Run) -> None:
    """Render `<run>/notebooks` and the pages of `book/` to `<run>/html`, replacing it whole.

    InputError where there is no such run, and when Jupyter Book warns of anything; `<run>/html` is
    then as it was.
    """
    published = (run.metrics, run.claims, run.explanations)
    for path in (run.description, *published):
        if not is_whole(path):
            raise InputError(
                f"{path}: missing or damaged, so no whole run is there; make book first"
            )
    for name, key in read_json(run.description)["trainings"].items():
        model, _, seed = name.partition(", seed ")
        if not trainings.is_whole(run.training(model, int(seed)), key):
            raise InputError(
                f"{run.folder}: {name} isn't trained as run.json says, so the last make book there "
                "didn't end; call it again"
            )
    for path in run.notebooks.glob("*.ipynb"):
        if not is_notebook(path):
            raise InputError(f"{path}: damaged; make book executes the chapter anew")
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder) / "source", Path(folder) / "output"
        pages = shutil.ignore_patterns("*.ipynb", ".*")
        shutil.copytree(REPOSITORY / "book", source, ignore=pages)
        for name in ("_config.yml", "_toc.yml"):
            shutil.copy(REPOSITORY / name, source)
        for notebook in run.notebooks.glob("*.ipynb"):
            _copy_with_parameters_folded(notebook, source)
        first_page.write(source, run)
        _call_jupyter_book(source, output)
        with replacing(run.html) as html:
            shutil.copytree(output / "_build" / "html", html, dirs_exist_ok=True)
            for path in published:
                shutil.copy(path, html)


def _copy_with_parameters_folded(path: Path, folder: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        # papermill's own cell, beside the parameters that the chapter folds itself
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.metadata.tags.append("hide-input")
    nbformat.write(notebook, folder / path.name)


def _call_jupyter_book(source: Path, output: Path) -> None:
    program, plain = Path(sys.executable).with_name("jupyter-book"), os.environ | {"NO_COLOR": "1"}
    command = [program, "build", source, "--path-output", output]
    command += ["-W", "-n", "--keep-going", "-q"]
    finished = subprocess.run(command, capture_output=True, text=True, env=plain)
    if finished.returncode:
        lines = (finished.stdout + finished.stderr).splitlines()
        told = [line for line in lines if "WARNING" in line or "ERROR" in line] or lines[-1:]
        raise InputError(
            "the site was not rendered: " + "; ".join(told).replace(str(source), "book")
        )
