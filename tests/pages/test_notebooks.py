"""The chapters as code: short cells, which may be run twice and in any run."""

import ast
import json
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
from IPython.core.interactiveshell import InteractiveShell

from helpers.study.code import imported_by
from helpers.study.settings import REPOSITORY

CHAPTERS = {path.stem: path for path in sorted((REPOSITORY / "book").glob("*.ipynb"))}
READABLE = {"trainings", "metrics", "grad_cam", "explanations", "claims", "acquisition", "patients"}
LONGEST_CELL = 20


def cells(chapter: str) -> list[dict]:
    notebook = json.loads(CHAPTERS[chapter].read_text(encoding="utf-8"))
    return [
        cell | {"code": "".join(cell["source"])}
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
    ]


def names_bound(code: str) -> set[str]:
    tree = ast.parse(re.sub(r"^(\s*)[%!].*$", r"\1pass", code, flags=re.MULTILINE))
    stored = {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    imported = {alias.asname or alias.name for node in imports for alias in node.names}
    defined = {
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }
    return stored | imported | defined


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_cells_are_short(chapter):
    for cell in cells(chapter):
        assert len(cell["source"]) <= LONGEST_CELL, cell["code"]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_no_cell_overwrites_a_parameter(chapter):
    (given,) = (c for c in cells(chapter) if "parameters" in c["metadata"].get("tags", []))
    parameters = names_bound(given["code"])
    assert "weights" in parameters
    assert "run" in parameters
    for cell in cells(chapter):
        if cell is not given and cell["id"] != given["id"]:
            assert not names_bound(cell["code"]) & parameters, cell["code"]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_figure_has_alt_text(chapter):
    for cell in cells(chapter):
        if re.search(r"^figures? = ", cell["code"], flags=re.MULTILINE):
            assert cell["metadata"]["mystnb"]["image"]["alt"], cell["code"]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_opens_one_study_and_says_what_it_reads(chapter):
    opening = cells(chapter)[2]
    assert "study = open_study(" in opening["code"]
    assert opening["code"].endswith("study.banner")
    assert sum("open_study(" in cell["code"] for cell in cells(chapter)) == 1
    metadata = json.loads(CHAPTERS[chapter].read_text(encoding="utf-8"))["metadata"]
    assert set(metadata["octmnist"]["reads"]) <= READABLE


@pytest.mark.parametrize(
    ("chapter", "unneeded"),
    [
        ("01-data", {"evaluation", "heatmaps"}),
        ("02-custom-cnn", {"evaluation", "heatmaps"}),
        ("03-resnet50", {"evaluation", "heatmaps"}),
        ("04-metrics", {"heatmaps", "ledger"}),
        ("08-trust", {"heatmaps", "ledger"}),
        ("09-statistics", {"heatmaps", "ledger"}),
        ("11-acquisition-shift", {"heatmaps", "ledger"}),
        ("12-patients", {"heatmaps", "ledger"}),
    ],
)
def test_a_chapter_imports_what_it_shows_alone(chapter, unneeded):
    wings = {module.parent.name for module in imported_by(CHAPTERS[chapter])}
    assert not wings & unneeded
    pages = {m.stem for m in imported_by(CHAPTERS[chapter]) if m.parent.name == "pages"}
    shared = {
        "comparisons",
        "first_page",
        "opening",
        "origin",
        "source",
        "steadiness",
        "study",
        "style",
        "words",
    }
    assert len(pages - shared) == 1


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_in_colab_all_cells_may_run_twice(chapter, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    monkeypatch.chdir(tmp_path)
    said = []

    def stub(command):
        said.append(command)
        if "git clone" in command:
            book = Path(command.rpartition("/")[2].strip(), "book")
            book.mkdir(parents=True)
            book.joinpath("01-data.ipynb").touch()
            book.parent.joinpath("Snakefile").touch()

    shell = InteractiveShell()
    monkeypatch.setattr(shell, "system", stub)
    setup = cells(chapter)[0]["code"]
    for _ in range(2):
        assert shell.run_cell(setup).success
    assert Path.cwd() == tmp_path / "octmnist-case-study"
    assert sum("git clone" in command for command in said) == 1
    monkeypatch.chdir(tmp_path)  # as after the session was restarted
    assert shell.run_cell(setup).success
    assert Path.cwd() == tmp_path / "octmnist-case-study"
    assert sum("git clone" in command for command in said) == 1
