"""The figures of the metrics chapter: values in, a matplotlib figure out, in the book's palette."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from helpers import evaluation
from helpers.figures import MODEL_COLOURS, bare, class_colours
from helpers.sentences import class_name

if TYPE_CHECKING:
    from helpers.evaluation import Measure

GREY = "#7F7F7F"
# A split by its mark, since colour tells models and classes.
SPLIT_MARKS = {
    "validation": ("o", "white"),
    "validation, drawn out": ("s", "#CCCCCC"),
    "test": ("D", None),
}


def confusion_matrices(confusions: dict[str, np.ndarray], classes: tuple[str, ...]) -> Figure:
    """A row a model: counts, and shares of the true class in per cent with Wilson intervals."""
    figure, axes = plt.subplots(
        len(confusions), 2, figsize=(8.4, 3.3 * len(confusions)), squeeze=False
    )
    names = [class_name(name) for name in classes]
    style = {"cmap": "Greys", "cbar": False, "xticklabels": names, "yticklabels": names}
    for row, (model, counts) in zip(axes, confusions.items(), strict=True):
        shares = 100 * counts / counts.sum(axis=1, keepdims=True)
        told = np.array(
            [
                [_share_in_words(evaluation.proportion(count, line.sum())) for count in line]
                for line in counts
            ]
        )
        sns.heatmap(shares, annot=counts, fmt="d", ax=row[0], vmin=0, vmax=100, **style)
        sns.heatmap(
            shares,
            annot=told,
            fmt="",
            ax=row[1],
            vmin=0,
            vmax=100,
            annot_kws={"fontsize": 8},
            **style,
        )
        row[0].set(title=f"{model}: images", xlabel="predicted class", ylabel="true class")
        row[1].set(title=f"{model}: % of the true class", xlabel="predicted class")
        for axis in row:
            axis.tick_params(axis="y", rotation=0)
    return figure


def roc_curves(
    curves: dict[str, pd.DataFrame],
    measures: dict[str, dict[str, Measure]],
    classes: tuple[str, ...],
) -> Figure:
    """One-vs-rest ROC curves, a panel a model, with each curve's AUC and its interval.

    Points as `evaluation.roc_curves` gives them, AUCs as `evaluation.measure` does.
    """
    figure, axes = plt.subplots(1, len(curves), figsize=(3.6 * len(curves), 3.8), squeeze=False)
    colours = class_colours(classes) | {"micro": "black"}
    for axis, (model, points) in zip(axes[0], curves.items(), strict=True):
        for name, curve in points.groupby("curve", sort=False):
            area = measures[model][f"auc/{name}"]
            axis.plot(
                curve["false_positive_rate"],
                curve["true_positive_rate"],
                color=colours[name],
                ls="--" if name == "micro" else "-",
                label=f"{class_name(name)} {evaluation.measure_in_words(area)}",
            )
        axis.plot([0, 1], [0, 1], color="#BBBBBB", lw=0.8, ls=":")
        axis.set(title=model, xlabel="false positive rate", ylabel="true positive rate")
        axis.set_aspect("equal")
        axis.legend(title="AUC", frameon=False, fontsize=7, title_fontsize=8, loc="lower right")
    return figure


def reliability(curves: dict[str, dict[str, pd.DataFrame]]) -> Figure:
    """Reliability diagrams, a panel a model; `calibration.reliability` by model and then by label.

    The first label is drawn filled, the second hollow; bars are Wilson intervals.
    """
    figure, axes = plt.subplots(1, len(curves), figsize=(3.4 * len(curves), 3.6), squeeze=False)
    for axis, (model, by_label) in zip(axes[0], curves.items(), strict=True):
        colour = MODEL_COLOURS[model]
        axis.plot([0, 1], [0, 1], color="#BBBBBB", lw=0.8, ls=":")
        for (label, points), fill in zip(by_label.items(), (colour, "white"), strict=False):
            value = points["accuracy"]
            axis.errorbar(
                points["confidence"],
                value,
                yerr=[value - points["low"], points["high"] - value],
                fmt="o",
                color=colour,
                mfc=fill,
                ms=4,
                lw=0.8,
                label=label,
            )
        axis.set(title=model, xlabel="probability of the named class", ylabel="share right")
        axis.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
        axis.legend(frameon=False, fontsize=8, loc="upper left")
    return figure


def decision_curves(curves: dict[str, pd.DataFrame]) -> Figure:
    """Net benefit by threshold of each model (`triage.net_benefit`), beside all and none."""
    figure, axis = plt.subplots(figsize=(6.4, 3.4))
    everyone = next(iter(curves.values()))["refer all"]
    for model, points in curves.items():
        colour = MODEL_COLOURS[model]
        axis.fill_between(points.index, points["low"], points["high"], color=colour, alpha=0.2)
        axis.plot(points.index, points["model"], color=colour, label=model)
    axis.plot(everyone.index, everyone, color="black", ls="--", lw=1, label="refer all")
    axis.axhline(0, color="black", ls=":", lw=1, label="refer none")
    axis.set_ylim(-0.1, None)
    axis.set(
        xlabel="threshold: probability from which on one refers", ylabel="net benefit per image"
    )
    axis.legend(frameon=False, fontsize=8)
    return figure


def precision_by_prevalence(panels: dict[str, dict[str, pd.DataFrame]]) -> Figure:
    """Precision by prevalence, a panel a finding, a line a model (`triage.precision_at`)."""
    columns = 3
    rows = -(-len(panels) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(8, 2.6 * rows), sharex=True, sharey=True, squeeze=False
    )
    for axis in axes.flat[len(panels) :]:
        axis.set_axis_off()
    for axis, (finding, by_model) in zip(axes.flat, panels.items(), strict=False):
        for model, points in by_model.items():
            colour, at = MODEL_COLOURS[model], 100 * points.index
            axis.fill_between(
                at, 100 * points["low"], 100 * points["high"], color=colour, alpha=0.2
            )
            axis.plot(at, 100 * points["precision"], color=colour, label=model)
        axis.set(title=class_name(finding), xscale="log", ylim=(0, 100))
        axis.xaxis.set_major_formatter("{x:g}")
        axis.xaxis.set_tick_params(labelbottom=True)
    for axis in axes[:, 0]:
        axis.set_ylabel("precision (%)")
    figure.supxlabel("prevalence (%)", fontsize=10)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3, frameon=False, fontsize=8)
    return figure


def recalls(tables: dict[str, pd.DataFrame], classes: tuple[str, ...]) -> Figure:
    """Recall of each class on each split, a panel a model (`shift.recalls`)."""
    figure, axes = plt.subplots(
        1, len(tables), figsize=(3.2 * len(tables) + 0.6, 2.9), sharey=True, squeeze=False
    )
    colours = class_colours(classes)
    for axis, (model, table) in zip(axes[0], tables.items(), strict=True):
        splits = table["split"].unique()
        for (_, row), place in zip(table.iterrows(), _places(table, classes), strict=True):
            mark, fill = SPLIT_MARKS[row["split"]]
            colour, value = colours[row["class"]], 100 * row["recall"]
            axis.errorbar(
                value,
                place,
                xerr=[[value - 100 * row["low"]], [100 * row["high"] - value]],
                fmt=mark,
                color=colour,
                mfc=fill or colour,
                ms=5,
            )
        axis.set(title=model, xlabel="recall (%)", xlim=(0, 100))
        axis.set(yticks=range(len(classes)), yticklabels=[class_name(name) for name in classes])
    axes[0, 0].invert_yaxis()
    handles = [
        plt.Line2D([], [], color=GREY, ls="", marker=mark, mfc=fill or GREY, label=split)
        for split, (mark, fill) in SPLIT_MARKS.items()
        if split in splits
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    return figure


def _places(table: pd.DataFrame, classes: tuple[str, ...]) -> list[float]:
    splits = table["split"].unique().tolist()
    offsets = np.linspace(-0.2, 0.2, len(splits))
    return [
        classes.index(name) + offsets[splits.index(split)]
        for name, split in zip(table["class"], table["split"], strict=True)
    ]


def labelled_images(images: np.ndarray, titles: list[str], columns: int = 4) -> Figure:
    """Grey images uint8 (n, height, width), each under its title."""
    rows = max(1, -(-len(images) // columns))
    figure, axes = plt.subplots(rows, columns, figsize=(1.9 * columns, 2.3 * rows), squeeze=False)
    for axis in axes.flat[len(images) :]:
        axis.set_axis_off()
    for axis, image, title in zip(axes.flat, images, titles, strict=False):
        axis.imshow(image, cmap="gray", vmin=0, vmax=255)
        axis.set_title(title, fontsize=8)
        bare(axis)
    return figure


def risk_coverage(curves: dict[str, pd.DataFrame]) -> Figure:
    """Error among the images answered, by share answered (`selective.risk_coverage`)."""
    figure, axis = plt.subplots(figsize=(6.4, 3.4))
    for model, points in curves.items():
        at, colour = 100 * points["coverage"], MODEL_COLOURS[model]
        axis.fill_between(at, 100 * points["low"], 100 * points["high"], color=colour, alpha=0.2)
        axis.plot(at, 100 * points["risk"], color=colour, label=model)
    axis.set(xlabel="images answered, most confident first (%)", ylabel="wrong among them (%)")
    axis.set(xlim=(0, 100), ylim=(0, None))
    axis.legend(frameon=False, fontsize=8)
    return figure


def _share_in_words(share: dict) -> str:
    return f"{100 * share['value']:.0f}\n[{100 * share['low']:.0f}, {100 * share['high']:.0f}]"
