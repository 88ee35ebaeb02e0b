"""What the pages' tests share: images of any set, made-up trainings, and a look for overlaps."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from conftest import draw_arrays
from matplotlib.figure import Figure
from matplotlib.text import Text

from benchmarks.simulated import draw
from helpers.data.dataset import Dataset, Split
from helpers.data.files import SPLITS
from helpers.models.trainings import Predictions, Trained
from helpers.pages import style
from helpers.study import data_sets

MACHINE = {"hardware": "a machine", "date": "today", "commit": "1", "packages": "p", "python": "3"}
# Sets of two, four, eight and eleven classes, grey and coloured, with short and long names.
SETS = ("pneumoniamnist", "octmnist", "bloodmnist", "dermamnist", "organamnist")


def _images(data_set: str = "octmnist", each: int = 4, size: int = 28, **given) -> Dataset:
    """Random images of a set, `each` of each class in every split; by default of a user's file."""
    arrays = draw_arrays(data_set, each, size)
    entry, splits = data_sets.get(data_set), {}
    for split in SPLITS:
        pixels = arrays[f"{split}_images"]
        shape = (*pixels.shape[:3], entry.channels)
        labels = arrays[f"{split}_labels"][:, 0].astype(np.int64)
        splits[split] = Split(pixels.reshape(shape), labels)
    return Dataset(**{"name": "a-file", "data_set": entry} | splits | given)


def _trained(dataset: Dataset, model: str = "custom-cnn", seed: int = 0, skill: float = 2.0):
    """A made-up training: the better, the more skill."""
    rng, classes = np.random.default_rng(seed), len(dataset.classes)
    labels = dataset.val.labels, dataset.test.labels
    val, test = (draw(rng, each, skill, classes) for each in labels)
    predictions = Predictions(val, labels[0], test, labels[1])
    columns = {
        "accuracy": [0.25, 0.5, 0.75],
        "val_accuracy": [0.3, 0.7, 0.6],
        "loss": [1.5, 1.0, 0.5],
        "val_loss": [1.4, 0.9, 1.1],
    }
    history = pd.DataFrame(columns, index=pd.RangeIndex(1, 4, name="epoch"))
    facts = {"parameters": {"total": 849_508, "trainable": 847_524}, "seconds": 12.3} | MACHINE
    return Trained(model, seed, Path("nowhere"), history, predictions, facts)


def _overlaps(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of texts of a figure that lie on one another or beyond its edge."""
    figure.canvas.draw()
    hidden = set(_not_drawn(figure))
    shown = [
        text
        for text in figure.findobj(Text)
        if text.get_visible() and text.get_text().strip() and text not in hidden
    ]
    boxes = [text.get_window_extent().padded(-1) for text in shown]
    page = figure.bbox.padded(3)
    beyond = [
        (text.get_text(), "the edge")
        for text, box in zip(shown, boxes, strict=True)
        if not (page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1)
    ]
    return beyond + [
        (shown[a].get_text(), shown[b].get_text())
        for a, b in itertools.combinations(range(len(shown)), 2)
        if boxes[a].overlaps(boxes[b])
    ]


def _not_drawn(figure: Figure) -> Iterator[Text]:
    """The texts of axes that are off, and of ticks out of sight."""
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            if not axes.axison:
                yield axis.label
            for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
                if not axes.axison or not low <= tick.get_loc() <= high:
                    yield from (tick.label1, tick.label2)


@pytest.fixture(autouse=True)
def looks() -> Iterator[None]:
    """The book's style, and no figure left open."""
    style.use()
    yield
    plt.close("all")


@pytest.fixture(scope="session")
def images() -> Callable[..., Dataset]:
    return _images


@pytest.fixture(scope="session")
def trained() -> Callable[..., Trained]:
    return _trained


@pytest.fixture(scope="session")
def overlaps() -> Callable[[Figure], list[tuple[str, str]]]:
    return _overlaps


@pytest.fixture(params=SETS)
def any_set(request: pytest.FixtureRequest) -> Dataset:
    """Images of each of several sets."""
    return _images(request.param)
