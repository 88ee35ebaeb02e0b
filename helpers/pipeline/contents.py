"""What the book consists of: its pages, its chapters, and what its site is rendered from."""

import json
from pathlib import Path
from typing import Any

import yaml

from helpers.study.settings import REPOSITORY

# Folders of `book/` with what pages show or are styled by.
ASSETS = ("_static", "images")
# What a chapter's metadata, and a cell's, has of ours.
METADATA = "octmnist"


def pages() -> list[str]:
    """The pages of the book in reading order, as `_toc.yml` lists them, without their endings."""
    listed = yaml.safe_load((REPOSITORY / "_toc.yml").read_text(encoding="utf-8"))
    entries = [entry for part in listed["parts"] for entry in part["chapters"]]
    return [listed["root"], *(entry["file"] for entry in entries)]


def chapters() -> list[str]:
    """The pages that are notebooks; others in `book/` are somebody's own and left alone."""
    return [page for page in pages() if (REPOSITORY / "book" / f"{page}.ipynb").exists()]


def reads(chapter: str) -> list[str]:
    """Which of a run's results a chapter reads, as its own metadata names them."""
    return _notebook(chapter)["metadata"][METADATA]["reads"]


def measured(chapter: str) -> dict[str, Path]:
    """By a cell's id the file of what it shows that was measured beforehand, as the cell says."""
    return {
        cell["id"]: REPOSITORY / cell["metadata"][METADATA]["measured"]
        for cell in _notebook(chapter)["cells"]
        if METADATA in cell["metadata"]
    }


def all_measured() -> list[Path]:
    """The files of all chapters that were measured beforehand."""
    return sorted({path for chapter in chapters() for path in measured(chapter).values()})


def sources() -> list[Path]:
    """What a site is rendered from besides a run: texts, pictures, settings, measured figures."""
    texts = [REPOSITORY / "book" / f"{page}.md" for page in pages()]
    beside = [path for name in ASSETS for path in (REPOSITORY / "book" / name).rglob("*")]
    others = [REPOSITORY / name for name in ("book/references.bib", "_config.yml", "_toc.yml")]
    return sorted(path for path in (*texts, *beside, *others, *all_measured()) if path.is_file())


def _notebook(chapter: str) -> dict[str, Any]:
    path = REPOSITORY / "book" / f"{chapter}.ipynb"
    return json.loads(path.read_text(encoding="utf-8"))
