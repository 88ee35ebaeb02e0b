"""Every figure of the book: values in, a matplotlib figure out; one palette throughout."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from helpers import claims
from helpers.sentences import class_name, first_seed

if TYPE_CHECKING:
    from helpers.evaluation import Metrics

# Okabe and Ito's colours, which colour-blind readers tell apart; classes and models share none.
CLASS_COLOURS = ("#D55E00", "#0072B2", "#009E73", "#7F7F7F")
MODEL_COLOURS = {"custom-cnn": "#CC79A7", "resnet50": "#E69F00", "resnet50-caffe": "#56B4E9"}
MORE_COLOURS = tuple(sns.color_palette("husl", 12).as_hex())
STATED_COLOUR = "#000000"
PUBLISHED_COLOUR = "#7F7F7F"
HEAT = "inferno"


def use_style() -> None:
    """Set the book's style: figures on white, readable on a dark page; no cell cut short."""
    pd.set_option("display.max_colwidth", None)
    sns.set_theme(
        style="ticks",
        rc={
            "figure.dpi": 130,
            "savefig.facecolor": "white",
            "figure.facecolor": "white",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "figure.constrained_layout.use": True,
        },
    )


def class_colours(classes: tuple[str, ...]) -> dict[str, str]:
    """The colour of each class, the same in every figure."""
    colours = CLASS_COLOURS if len(classes) <= len(CLASS_COLOURS) else MORE_COLOURS
    return dict(zip(classes, colours, strict=False))


def class_distribution(counts: pd.DataFrame) -> Figure:
    """Share of each class per split; `counts` as `data.class_counts` gives them."""
    figure, axes = plt.subplots(1, counts.shape[1], figsize=(8, 2.6), sharey=True)
    colours = list(class_colours(tuple(counts.index)).values())
    names = [class_name(name) for name in counts.index]
    for axis, (split, column) in zip(axes, counts.items(), strict=True):
        bars = axis.bar(names, 100 * column / column.sum(), color=colours)
        axis.bar_label(bars, [f"{n:,}" for n in column], fontsize=9)
        axis.set(title=f"{split} (n = {column.sum():,})")
    axes[0].set_ylabel("share of the split (%)")
    return figure


def image_grid(images: np.ndarray, row_names: list[str], column_names: list[str]) -> Figure:
    """Grey images uint8 (rows, columns, height, width) in a named grid."""
    rows, columns = images.shape[:2]
    figure, axes = plt.subplots(
        rows, columns, figsize=(1.1 * columns + 0.6, 1.1 * rows + 0.3), squeeze=False
    )
    for row, column in np.ndindex(rows, columns):
        axis = axes[row, column]
        axis.imshow(images[row, column], cmap="gray", vmin=0, vmax=255)
        bare(axis)
        if column == 0:
            axis.set_ylabel(row_names[row], rotation=0, ha="right", va="center")
        if row == 0 and column_names:
            axis.set_title(column_names[column], fontsize=9)
    return figure


def training_curves(history: pd.DataFrame, best_epoch: int) -> Figure:
    """Accuracy and loss by epoch, training and validation; the epoch that is judged is marked."""
    figure, axes = plt.subplots(1, 2, figsize=(8, 2.8))
    for axis, name, label in zip(
        axes, ("accuracy", "loss"), ("accuracy", "cross-entropy (nats)"), strict=True
    ):
        axis.plot(history.index, history[name], color="#7F7F7F", ls="--", label="training")
        axis.plot(history.index, history[f"val_{name}"], color="black", label="validation")
        axis.axvline(best_epoch, color="#7F7F7F", lw=0.8, ls=":")
        axis.plot(
            best_epoch, history.loc[best_epoch, f"val_{name}"], "o", color="black", label="judged"
        )
        axis.set(xlabel="epoch", ylabel=label)
        axis.xaxis.get_major_locator().set_params(integer=True)
    axes[0].set_ylim(0, 1)
    axes[0].legend(frameon=False)
    return figure


def accuracy_overview(metrics: Metrics, dataset_name: str) -> Figure:
    """Measured accuracy with its interval, what the report states, and what others published.

    A row a model of this run, and below a row a published figure with its source: one axis.
    """
    rows = [
        *(model for model in metrics),
        *(f"{other.model} ({other.source})" for other in claims.PUBLISHED),
    ]
    figure, axis = plt.subplots(figsize=(5.6, 0.2 * len(rows) + 1.4))
    for row, (model, by_seed) in enumerate(metrics.items()):
        for seed in by_seed.values():
            axis.plot(100 * seed["accuracy"]["value"], row, "|", color=MODEL_COLOURS[model], ms=14)
        found = first_seed(by_seed)["accuracy"]
        reach = [[100 * (found["value"] - found["low"])], [100 * (found["high"] - found["value"])]]
        axis.errorbar(
            100 * found["value"], row, xerr=reach, fmt="o", color=MODEL_COLOURS[model], capsize=4
        )
        if model in claims.REPORTED_MODELS:
            stated = claims.stated(f"{model}-accuracy")
            axis.plot(100 * stated, row, "D", color=STATED_COLOUR)
    for row, other in enumerate(claims.PUBLISHED, start=len(metrics)):
        reach = other.deviation and 100 * other.deviation
        axis.errorbar(100 * other.accuracy, row, xerr=reach, fmt="s", color=PUBLISHED_COLOUR, ms=4)
    axis.axhline(len(metrics) - 0.5, color=PUBLISHED_COLOUR, lw=0.6, ls=":")
    axis.grid(axis="x", color="#EEEEEE")
    axis.set_axisbelow(True)
    axis.set(
        xlim=(0, 101),
        ylim=(len(rows) - 0.4, -0.6),
        yticks=range(len(rows)),
        yticklabels=rows,
        xlabel="test accuracy (%)",
    )
    axis.tick_params(labelsize=8)
    axis.xaxis.label.set_size(9)
    labels = {
        "o": ("#555555", f"this run, on {claims.in_prose(dataset_name)}, 95 %"),
        "D": (STATED_COLOUR, "the report, on OCTMNIST"),
        "s": (PUBLISHED_COLOUR, "published, on OCTMNIST at 28 px; bar: standard deviation"),
    }
    handles = [
        plt.Line2D([], [], color=colour, marker=marker, ls="", label=label)
        for marker, (colour, label) in labels.items()
    ]
    figure.legend(handles=handles, loc="outside lower center", frameon=False, fontsize=8)
    return figure


def grad_cam_gallery(
    images: np.ndarray, maps: np.ndarray, chosen: pd.DataFrame, classes: tuple[str, ...]
) -> Figure:
    """Chosen images (`explain.gallery`) with their maps laid over; right above, wrong below.

    images : uint8 (n, height, width); maps : float (n, h, w), both in the order of `chosen`.
    """
    figure, axes = plt.subplots(4, len(classes), figsize=(1.75 * len(classes), 7.6), squeeze=False)
    height, width = images.shape[1:]
    for axis in axes.flat:
        axis.set_axis_off()
    for place, row in chosen.iterrows():
        top = 0 if row["right"] else 2
        for axis, heat in ((axes[top, row["true"]], None), (axes[top + 1, row["true"]], place)):
            axis.set_axis_on()
            bare(axis)
            axis.imshow(images[place], cmap="gray", vmin=0, vmax=255)
            if heat is not None and np.ptp(maps[heat]) > 0:
                axis.imshow(
                    maps[heat],
                    cmap=HEAT,
                    alpha=0.5,
                    interpolation="bilinear",
                    extent=(-0.5, width - 0.5, height - 0.5, -0.5),
                )
            elif heat is not None:
                axis.set_xlabel("constant map", fontsize=8)
        axes[top, row["true"]].set_title(
            f"{class_name(classes[row['true']])}, said "
            f"{class_name(classes[row['predicted']])}\np = {row['probability']:.2f}",
            fontsize=8,
        )
    return figure


def class_average_maps(
    averages: dict[str, np.ndarray], images: np.ndarray, labels: np.ndarray, classes: tuple
) -> Figure:
    """Each class's average image, and below it each model's average map, on its own grid.

    averages : by model, float (classes, h, w); images : uint8 (n, height, width).
    """
    figure, axes = plt.subplots(
        1 + len(averages), len(classes), figsize=(1.6 * len(classes) + 1, 1.6 * (1 + len(averages)))
    )
    for k, name in enumerate(classes):
        axes[0, k].imshow(images[labels == k].mean(axis=0), cmap="gray")
        axes[0, k].set_title(class_name(name), fontsize=9)
        for row, maps in enumerate(averages.values(), start=1):
            axes[row, k].imshow(maps[k], cmap=HEAT)
    for axis, name in zip(axes[:, 0], ["image", *averages], strict=True):
        axis.set_ylabel(name, fontsize=9)
    for axis in axes.flat:
        bare(axis)
    return figure


def methods_side_by_side(
    images: np.ndarray, titles: list[str], maps: dict[str, np.ndarray]
) -> Figure:
    """A row a method, a column an image: uint8 (n, height, width), maps float (n, height, width).

    The first row is the images; a constant map is left out and said to be one.
    """
    rows, columns = len(maps) + 1, len(images)
    figure, axes = plt.subplots(
        rows, columns, figsize=(1.25 * columns + 1.2, 1.25 * rows), squeeze=False
    )
    for column, (image, title) in enumerate(zip(images, titles, strict=True)):
        axes[0, column].set_title(title, fontsize=8)
        for axis, (method, found) in zip(
            axes[:, column], {"image": None, **maps}.items(), strict=True
        ):
            bare(axis)
            axis.imshow(image, cmap="gray", vmin=0, vmax=255)
            if found is not None and np.ptp(found[column]) > 0:
                axis.imshow(found[column], cmap=HEAT, alpha=0.6, vmin=0, vmax=1)
            elif found is not None:
                axis.set_xlabel("constant", fontsize=7)
            if column == 0:
                axis.set_ylabel(method, fontsize=8, rotation=0, ha="right", va="center")
    return figure


def bare(axis: plt.Axes) -> None:
    """Take ticks and frame from an axis that shows a picture."""
    axis.set(xticks=[], yticks=[])
    sns.despine(ax=axis, left=True, bottom=True)
