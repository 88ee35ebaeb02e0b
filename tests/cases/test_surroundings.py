"""Somebody's own settings and places: the book is planned and made as anywhere else."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cases.conftest import SMALL, make, own_lines, plan
from conftest import copy_of_the_repository

from helpers.pipeline import contents
from helpers.study.settings import REPOSITORY

EVERY_CHAPTER = len(contents.chapters())

NO_KERNEL = {
    "argv": ["/nonexistent/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
    "display_name": "gone",
    "language": "python",
}


def foreign_settings(folder: Path) -> dict[str, dict[str, str]]:
    """Settings that people have, by what they are; each broke the book once, or might."""
    kernels = folder / "jupyter" / "kernels" / "python3"
    kernels.mkdir(parents=True)
    (kernels / "kernel.json").write_text(json.dumps(NO_KERNEL))
    modules = folder / "modules"
    modules.mkdir()
    (modules / "yaml.py").write_text("raise ImportError('of another Python')")
    (modules / "helpers.py").write_text("")
    (folder / "startup.py").write_text("raise SystemExit('started')")
    (folder / "matplotlibrc").write_text("text.usetex: True\nbackend: TkAgg\n")
    (folder / ".keras").mkdir()
    keras = {"backend": "theano", "image_data_format": "channels_first", "floatx": "float16"}
    (folder / ".keras" / "keras.json").write_text(json.dumps(keras))
    (folder / "bashrc").write_text("exit 3\n")
    return {
        "a kernel of a removed environment": {"JUPYTER_PATH": str(folder / "jupyter")},
        "modules of another Python": {"PYTHONPATH": str(modules)},
        "a startup file": {"PYTHONSTARTUP": str(folder / "startup.py")},
        "a cluster's profile": {"SNAKEMAKE_PROFILE": "slurm"},
        "LaTeX in figures": {"MATPLOTLIBRC": str(folder / "matplotlibrc"), "MPLBACKEND": "TkAgg"},
        "another backend of Keras": {"KERAS_BACKEND": "torch"},
        "a keras.json": {"HOME": str(folder), "KERAS_HOME": str(folder / ".keras")},
        "a home that cannot be written": {"HOME": str(folder / "startup.py" / "home")},
        "an ASCII locale": {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        "a German locale": {"LC_ALL": "de_DE.UTF-8", "LANG": "de_DE.UTF-8"},
        "a file for every shell": {
            "BASH_ENV": str(folder / "bashrc"),
            "ENV": str(folder / "bashrc"),
        },
        "a repository of its own": {"GIT_DIR": str(folder), "GIT_WORK_TREE": str(folder)},
    }


@pytest.mark.torture
def test_nobodys_settings_change_the_plan(tmp_path):
    for name, settings in foreign_settings(tmp_path).items():
        finished = plan(RUN="cases", SET=SMALL, environment=settings)
        assert finished.returncode == 0, (name, finished.stderr)
        assert planned_chapters("cases") == EVERY_CHAPTER, name


@pytest.mark.parametrize("home", ["a keras.json", "a home that cannot be written"])
def test_all_of_somebodys_settings_change_no_plan(tmp_path, home):
    settings = foreign_settings(tmp_path)
    together = {}
    for name in (*settings, home):
        together |= settings[name]
    finished = plan(RUN="cases", SET=SMALL, environment=together)
    assert finished.returncode == 0, finished.stderr
    assert planned_chapters("cases") == EVERY_CHAPTER


def test_a_backend_that_somebody_exports_becomes_a_setting():
    for backend, setting in (("jax", "jax"), ("torch", None)):
        finished = plan(RUN="cases", SET=SMALL, environment={"KERAS_BACKEND": backend})
        assert finished.returncode == 0, finished.stderr
        call = json.loads((REPOSITORY / "runs" / "cases" / "call.json").read_text())
        assert call["parameters"].get("backend") == setting


def planned_chapters(name: str) -> int:
    planned = (REPOSITORY / "runs" / name / "log.txt").read_text(encoding="utf-8")
    return planned.count("rule chapter:")


@pytest.mark.torture
def test_all_settings_at_once_change_neither_a_training_nor_a_page(tmp_path, file):
    together = {}
    for name, settings in foreign_settings(tmp_path).items():
        if "home" not in name:
            together |= settings
    values = {"PROFILE": "local", "DATA": str(file), "SET": "models=custom-cnn epochs=1"}
    page = "runs/foreign/notebooks/02-custom-cnn.ipynb"
    finished = make(
        "book", RUN="foreign", **values, environment=together | {"SNAKEMAKE_ARGUMENTS": page}
    )
    try:
        assert finished.returncode == 0, finished.stderr
        notebooks = REPOSITORY / "runs" / "foreign" / "notebooks"
        assert "image/png" in (notebooks / "02-custom-cnn.ipynb").read_text(encoding="utf-8")
    finally:
        shutil.rmtree(REPOSITORY / "runs" / "foreign", ignore_errors=True)


def test_make_with_many_jobs_is_make():
    finished = plan(RUN="cases", SET=SMALL, environment={"MAKEFLAGS": "-j4"})
    assert finished.returncode == 0, finished.stderr
    assert planned_chapters("cases") == EVERY_CHAPTER


def everywhere() -> Iterator[Any]:
    yield "OCT study (1)"
    yield 'it\'s a $HOME & {x}; "Netzhaut" über 网膜'
    for name in (
        "it's",
        "a $HOME b",
        "Netzhaut über 网膜",
        "{x}",
        "a;b&c",
        'say "no"',
        "two\nlines",
    ):
        yield pytest.param(name, marks=pytest.mark.torture)


@pytest.mark.parametrize("name", everywhere())
def test_a_checkout_may_lie_anywhere(tmp_path, checkout, name):
    """Where a tool can't work in such a folder, one line says so; where it plans, it works."""
    folder = tmp_path / name
    shutil.copytree(checkout, folder, symlinks=True)
    finished = plan(folder=folder, SET=SMALL)
    if finished.returncode == 0:
        assert (folder / "runs" / "demo" / "log.txt").read_text().count(
            "rule chapter:"
        ) == EVERY_CHAPTER
    else:
        (line,) = own_lines(finished)
        assert "folder" in line or name in line


def test_a_zip_inside_another_repository_names_no_commit_of_it(tmp_path):
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@y", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "mine"], check=True)
    theirs = subprocess.check_output([*git, "rev-parse", "HEAD"], text=True).strip()
    copy_of_the_repository(tmp_path / "zip")
    code = "from helpers.study import provenance; print(provenance.here_and_now()['commit'])"
    told = subprocess.check_output([sys.executable, "-c", code], cwd=tmp_path / "zip", text=True)
    assert theirs[:12] not in told
    assert "not known" in told
