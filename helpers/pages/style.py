"""What all figures and tables of the book share: one palette, and how pictures are shown."""

import os
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from IPython import get_ipython
from IPython.display import HTML, Markdown, display
from matplotlib.figure import Figure
from matplotlib_inline.backend_inline import set_matplotlib_formats

# Okabe and Ito's first three, a grey, and what lies furthest from those before: two of them differ
# by 15 or more (CIEDE2000) with normal sight and each kind of colour blindness (Machado 2009).
CLASS_COLOURS = (
    *("#D55E00", "#0072B2", "#009E73", "#555555", "#CCCC00", "#FF99AA"),
    *("#001188", "#88CCEE", "#550011", "#9988FF", "#774400"),
)
# In points: 9 pixels or more where a phone shows 5.2 inches in 360 pixels.
SIZES = {"font.size": 10, "axes.labelsize": 10, "axes.titlesize": 11} | dict.fromkeys(
    ("xtick.labelsize", "ytick.labelsize", "legend.fontsize", "legend.title_fontsize"), 9.5
)
GREY, FAINT = "#7F7F7F", "#BBBBBB"
HEAT = "inferno"
OUTLINE = "#00E5FF"  # of a lesion, on grey as on the heat


def use() -> None:
    """Set the book's style: figures on white, readable on a dark page; no cell cut short.

    It starts from Matplotlib's own defaults, whatever a `matplotlibrc` says, and its figures are
    the notebook's or go to files, whatever was drawn on before.
    """
    matplotlib.rcdefaults()
    matplotlib.use(os.environ["MPLBACKEND"])
    pd.set_option("display.max_colwidth", None)
    white = dict.fromkeys(("savefig.facecolor", "figure.facecolor"), "white")
    bare_sides = dict.fromkeys(("axes.spines.top", "axes.spines.right"), False)
    layout = {"figure.figsize": (5.2, 3.4), "figure.constrained_layout.use": True}
    # Sharp at any size, with the reader's own letters; the same file for the same figure.
    drawing = {"svg.fonttype": "none", "svg.hashsalt": "octmnist"}
    sns.set_theme(style="ticks", rc=white | bare_sides | layout | drawing | SIZES)
    if get_ipython():
        set_matplotlib_formats("svg")


def class_colours(classes: Sequence[str]) -> dict[str, str]:
    """The colour of each class, the same in every figure."""
    return dict(zip(classes, CLASS_COLOURS[: len(classes)], strict=True))


def mark(label: str, marker: str, colour: str, **look: str) -> plt.Line2D:
    """A legend's entry for a mark."""
    return plt.Line2D([], [], ls="", label=label, marker=marker, color=colour, **look)


def in_rows(
    count: int, columns: int, inches: tuple[float, float], **given: bool
) -> tuple[Figure, np.ndarray]:
    """A figure and `count` axes in rows of `columns`, each of width and height `inches`."""
    rows = -(-count // columns)
    size = (inches[0] * columns, inches[1] * rows)
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, **given)
    for axis in axes.flat[count:]:
        axis.set_axis_off()
    return figure, axes.flat[:count]


def show_image(axis: plt.Axes, image: np.ndarray) -> None:
    """A picture without ticks or frame: uint8 (height, width, channels), grey or RGB."""
    plain = image[..., 0] if image.shape[-1] == 1 else image
    axis.imshow(plain, cmap="gray", vmin=0, vmax=255)
    bare(axis)


def outline(axis: plt.Axes, mask: np.ndarray) -> None:
    """The border of a lesion, bool (height, width), over a picture; nothing of an empty one."""
    if mask.any():
        axis.contour(mask, levels=[0.5], colors=OUTLINE, linewidths=1.2)


def as_cells(size: int) -> dict[str, Any]:
    """How `imshow` draws a map (h, w), 0 to 1, as the cells that it is, over a picture's pixels."""
    edge = size - 0.5
    look = {"cmap": HEAT, "interpolation": "nearest", "vmin": 0, "vmax": 1}
    return look | {"extent": (-0.5, edge, edge, -0.5)}


def heat_bar(figure: Figure) -> None:
    """The colours of maps below a figure of them."""
    shown = plt.cm.ScalarMappable(plt.Normalize(0, 1), HEAT)
    bar = figure.colorbar(shown, ax=figure.axes, location="bottom", shrink=0.5, aspect=40, pad=0.01)
    bar.set_label("heat, as a share of the map's highest", fontsize=9)
    bar.ax.tick_params(labelsize=9)


def full_range(image: np.ndarray) -> np.ndarray:
    """An image, float (height, width, channels), from its least value to its greatest: uint8."""
    spread = np.ptp(image)
    return np.round(255 * (image - image.min()) / (spread or 1)).astype(np.uint8)


def image_grid(
    rows: Sequence[Iterable[np.ndarray | None]],
    row_names: Sequence[str],
    column_names: Sequence[str] = (),
) -> Figure:
    """Named rows of images, each uint8 (height, width, channels); some may lack, or be None."""
    rows = [list(row) for row in rows]
    columns = max(map(len, rows))
    figure, axes = plt.subplots(
        len(rows), columns, figsize=(1.1 * columns + 0.6, 1.1 * len(rows) + 0.3), squeeze=False
    )
    for line, images, name in zip(axes, rows, row_names, strict=True):
        line[0].set_ylabel(name, rotation=0, ha="right", va="center")
        for axis, image in zip_longest(line, images):
            bare(axis) if image is None else show_image(axis, image)
    for axis, name in zip(axes[0], column_names, strict=False):
        axis.set_title(name, fontsize=9)
    return figure


def show_tables(tables: Mapping[str, pd.DataFrame | HTML]) -> None:
    """Each table under its name."""
    for name, table in tables.items():
        display(Markdown(f"**{name}**"), table)


def dot(axis: plt.Axes, measured: Sequence[float | None], place: float, **look: str | None) -> None:
    """A value in points of 100 at a height; with its interval, if any: value, low, high, ..."""
    value, low, high = (None if each is None else 100 * each for each in measured[:3])
    reach = None if low is None else [[value - low], [high - value]]
    axis.errorbar(value, place, xerr=reach, ms=5, **look)


def bare(axis: plt.Axes) -> None:
    """Take ticks and frame from an axis that shows a picture."""
    axis.set(xticks=[], yticks=[])
    sns.despine(ax=axis, left=True, bottom=True)
