"""The data behind a site's figures: files that its pages offer, and links from figures to them."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.evaluation.measures import NO_BREAK_SPACE
from helpers.models.trainings import Trained
from helpers.pages import source, words
from helpers.pages.study import described
from helpers.pipeline import contents
from helpers.study import architectures
from helpers.study.runs import Run
from helpers.study.settings import REPOSITORY

FOLDER, PAGE = "data", "downloads"
# What each file holds, by its name: a run's results, and what chapters show besides.
RESULTS = {
    "run.json": "settings, data and trainings: what the run is",
    "metrics.json": "every test metric of every training, with its interval",
    "claims.json": "every claim of the report with its verdicts and reasons",
    "explanations.json": "every heatmap method by every criterion",
    "acquisition.json": "what another width of scans costs",
    "patients.json": "what holding patients together changes",
    "cost_curve.json": "not of this run: seconds and memory of trainings by images and pixels",
    "coverage.json": "not of this run: how often simulated intervals hold the truth",
}


def write(folder: Path, run: Run) -> None:
    """Write a run's results as they are, its predictions and histories as CSV, and their list.

    Below `folder`, where the site's pages lie; the list is `this-run-downloads.txt`, in Markdown.
    """
    study = described(run)
    data = folder / FOLDER
    data.mkdir()
    for path in (run.description, *run.results, *contents.all_measured()):
        (data / path.name).write_bytes(path.read_bytes())
    told = dict(RESULTS)
    for trained in study.trainings:
        name = f"{trained.model}-seed-{trained.seed}"
        title = f"{architectures.get(trained.model).sentence_title}, seed {trained.seed}"
        trained.history.to_csv(data / f"{name}-history.csv")
        predictions(trained, study.dataset.classes).to_csv(
            data / f"{name}-predictions.csv", index=False, float_format="%.7g"
        )
        told[f"{name}-history.csv"] = f"{title}: accuracy, loss and learning rate by epoch"
        told[f"{name}-predictions.csv"] = (
            f"{title}: each validation and test image's class and predicted probabilities"
        )
    kilobytes = {name: (data / name).stat().st_size / 1e3 for name in told}
    rows = [
        f"| [{name}]({FOLDER}/{name}) | {what} | {kilobytes[name]:,.0f}{NO_BREAK_SPACE}kB |"
        for name, what in told.items()
    ]
    table = ["| File | What it holds | Size |", "| --- | --- | ---: |", *rows]
    listed = folder / f"this-run-{PAGE}.txt"
    listed.write_text("\n".join(table) + "\n", encoding="utf-8")


def predictions(trained: Trained, classes: tuple[str, ...]) -> pd.DataFrame:
    """A row an image of validation and test: its split, place and class, and probabilities."""
    kept, parts = trained.predictions, []
    for split in ("val", "test"):
        labels, of_classes = (getattr(kept, f"{split}_{of}") for of in ("labels", "probabilities"))
        part = pd.DataFrame(of_classes, columns=[f"probability of {name}" for name in classes])
        part.insert(0, "class", np.asarray(classes)[labels])
        part.insert(0, "index", np.arange(len(labels)))
        part.insert(0, "split", split)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def links(chapter: str, cell: str) -> str:
    """Links in Markdown from a figure to the lines of its cell, by its id, and to its data."""
    path = REPOSITORY / "book" / f"{chapter}.ipynb"
    reads, measured = contents.reads(chapter), contents.measured(chapter)
    names = [measured[cell].name] if cell in measured else [f"{name}.json" for name in reads]
    offered = [f"[{name}]({FOLDER}/{name})" for name in names if name in RESULTS]
    if cell not in measured and ("trainings" in reads or architectures.trained_in(chapter)):
        offered.append(f"[predictions]({PAGE}.md)")
    data = [f"data: {words.listed(offered)}"] if offered else []
    place = (
        f"{source.address()}/blob/{source.revision()}/book/{path.name}?plain=1{_lines(path, cell)}"
    )
    return f"({'; '.join([f'[code]({place})', *data])})"


def _lines(path: Path, cell: str) -> str:
    """Where a cell stands in a notebook's file, as a link ends; empty where it has no such cell."""
    spans = dict(_spans(path))
    return "#L{}-L{}".format(*spans[cell]) if cell in spans else ""


def _spans(path: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    begins, told = 0, None
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line == "  {":
            begins, told = number, None
        elif named := re.fullmatch(r'   "id": "(.+)",', line):
            told = named[1]
        elif line.startswith("  }") and told:
            yield told, (begins, number)
