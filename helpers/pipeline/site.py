"""The static site of a run: executed chapters and pages in, Jupyter Book's HTML out."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat

from helpers import figures, runs, sentences
from helpers.runs import Run
from helpers.settings import REPOSITORY, InputError, load_settings


def render(run: Run) -> None:
    """Render `<run>/notebooks` and the pages of `book/` to `<run>/html`, replacing it whole.

    Raises
    ------
    InputError : when Jupyter Book warns of anything; `<run>/html` is then as it was.
    """
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder) / "source", Path(folder) / "output"
        pages = shutil.ignore_patterns("*.ipynb", ".*")
        shutil.copytree(REPOSITORY / "book", source, ignore=pages)
        for name in ("_config.yml", "_toc.yml"):
            shutil.copy(REPOSITORY / name, source)
        for notebook in (run.folder / "notebooks").glob("*.ipynb"):
            nbformat.write(_with_parameters_folded(notebook), source / notebook.name)
        _write_this_run(source, run)
        _call_jupyter_book(source, output)
        with runs.replacing(run.folder / "html") as html:
            shutil.copytree(output / "_build" / "html", html, dirs_exist_ok=True)
            for name in ("metrics.json", "claims.json", "explanations.json"):
                shutil.copy(run.artifacts / name, html)


def _with_parameters_folded(path: Path) -> nbformat.NotebookNode:
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        # papermill's own cell, beside the parameters that the chapter folds itself
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.metadata.tags.append("hide-input")
    return notebook


def _write_this_run(source: Path, run: Run) -> None:
    metrics = runs.read_json(run.artifacts / "metrics.json")
    made = runs.read_json(next(run.artifacts.glob("*/seed-*/provenance.json")))
    # By the profile: an older training doesn't know the settings that came after it.
    settings, data_name = load_settings(**made["settings"]), made["data"]
    figures.use_style()
    figures.accuracy_overview(metrics, data_name).savefig(source / "this-run.png", dpi=160)
    origin = sentences.origin_table(settings, made["data_origin"], made)
    texts = {
        "banner": sentences.banner(settings, data_name),
        "answer": sentences.answer(metrics, data_name),
        "origin": origin.rename_axis(None).to_html(header=False, border=0),
    }
    for name, text in texts.items():
        (source / f"this-run-{name}.txt").write_text(text + "\n")


def _call_jupyter_book(source: Path, output: Path) -> None:
    command = [
        *(str(Path(sys.executable).with_name("jupyter-book")), "build", str(source)),
        *("--path-output", str(output), "-W", "-n", "--keep-going", "-q"),
    ]
    finished = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | {"NO_COLOR": "1"}
    )
    if finished.returncode:
        lines = (finished.stdout + finished.stderr).splitlines()
        told = [line for line in lines if "WARNING" in line or "ERROR" in line] or lines[-1:]
        raise InputError(
            "the site was not rendered: " + "; ".join(told).replace(str(source), "book")
        )
