"""The figures of chapter 4, metrics: values in, a matplotlib figure out."""

from collections.abc import Iterator, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from helpers.evaluation import calibration, measures, metrics, triage
from helpers.evaluation.measures import Measure
from helpers.evaluation.triage import Triage
from helpers.models.trainings import Trained
from helpers.pages import style, words
from helpers.study.data_sets import DataSet

# Up to so many classes fit beside one another, and their names into a panel's corner.
FEW = 5
URGENT = "urgent"


def confusion_matrices(confusions: Mapping[str, np.ndarray], classes: Sequence[str]) -> Figure:
    """Of each model counts, and shares of the true class in per cent with Wilson intervals.

    Beside each other, or with many classes below each other.
    """
    few = len(classes) <= FEW
    shape = (len(confusions), 2) if few else (2 * len(confusions), 1)
    height = 3.3 if few else 0.5 * len(classes) + 1.4
    figure, axes = plt.subplots(*shape, figsize=(8.4, height * shape[0]), squeeze=False)
    names = words.labels(classes, width=14)
    look = {"cmap": "Greys", "cbar": False, "xticklabels": names, "yticklabels": names}
    pairs = axes.reshape(len(confusions), 2)
    for (left, right), (model, counts) in zip(pairs, confusions.items(), strict=True):
        shares = 100 * counts / counts.sum(axis=1, keepdims=True)
        told = [[_share(measures.proportion(k, line.sum())) for k in line] for line in counts]
        sns.heatmap(shares, annot=counts, fmt="d", ax=left, vmin=0, vmax=100, **look)
        size = {"fontsize": 8 if few else 7}
        sns.heatmap(
            shares, annot=np.array(told), fmt="", annot_kws=size, ax=right, vmin=0, vmax=100, **look
        )
        left.set(title=f"{model}: images", xlabel="predicted class", ylabel="true class")
        right.set(title=f"{model}: % of the true class", xlabel="predicted class")
        for axis in (left, right):
            axis.tick_params(axis="y", rotation=0)
            axis.tick_params(axis="x", rotation=0 if few else 90)
    return figure


def roc_curves(
    shown: Mapping[str, Trained],
    measured: Mapping[str, Mapping[str, Measure]],
    classes: Sequence[str],
) -> Figure:
    """One-vs-rest ROC curves, a panel a model, with each curve's AUC and its interval."""
    few = len(classes) <= FEW
    heights = [3.8] if few else [3.6, 0.17 * (len(classes) + 2)]
    size = (3.6 * len(shown), sum(heights))
    figure, axes = plt.subplots(
        len(heights), len(shown), figsize=size, height_ratios=heights, squeeze=False
    )
    colours = style.class_colours(classes) | {"micro": "black"}
    for axis, below, (model, trained) in zip(axes[0], axes[-1], shown.items(), strict=True):
        for name, curve in metrics.roc_curves(trained, classes).groupby("curve", sort=False):
            axis.plot(
                curve["false_positive_rate"],
                curve["true_positive_rate"],
                color=colours[name],
                ls="--" if name == "micro" else "-",
                label=f"{words.shortened(name)} {measured[model][f'auc/{name}'].text()}",
            )
        axis.plot([0, 1], [0, 1], color=style.FAINT, lw=0.8, ls=":")
        axis.set(title=model, xlabel="false positive rate", ylabel="true positive rate")
        axis.set_aspect("equal")
        handles = axis.get_legend_handles_labels()
        where = {"loc": "lower right"} if few else {"loc": "upper center"}
        below.legend(*handles, title="AUC", frameon=False, fontsize=7, title_fontsize=8, **where)
        if not few:
            below.set_axis_off()
    return figure


def reliability(
    labels: np.ndarray,
    raw: Mapping[str, np.ndarray],
    scaled: Mapping[str, np.ndarray],
    temperatures: Mapping[str, float],
) -> Figure:
    """Reliability diagrams of test labels int (n,) and probabilities by model, a panel a model.

    Probabilities as they come are drawn filled, scaled ones hollow; bars are Wilson intervals.
    """
    figure, axes = plt.subplots(1, len(raw), figsize=(3.4 * len(raw), 3.6), squeeze=False)
    for axis, model in zip(axes[0], raw, strict=True):
        colour = style.model_colour(model)
        axis.plot([0, 1], [0, 1], color=style.FAINT, lw=0.8, ls=":")
        for label, probabilities, fill in (
            ("as it comes", raw[model], colour),
            (f"scaled by {temperatures[model]:.2f}", scaled[model], "white"),
        ):
            points = calibration.reliability(probabilities, labels)
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


def decision_curves(
    shown: Mapping[str, Trained], data_set: DataSet, resamples: np.ndarray
) -> Figure | None:
    """Net benefit of each model by threshold, beside all and none; nothing without urgency."""
    if not triage.applies(data_set):
        return None
    urgent, thresholds = triage.urgent(data_set), np.linspace(0.02, 0.8, 40)
    figure, axis = plt.subplots(figsize=(6.4, 3.4))
    for model, trained in shown.items():
        scores = trained.predictions.test_probabilities[:, urgent].sum(axis=1)
        positive = urgent[trained.predictions.test_labels]
        points = triage.net_benefit(scores, positive, thresholds, resamples)
        _band(axis, model, points["model"], points)
    everyone = points["refer all"]
    axis.plot(everyone.index, everyone, color="black", ls="--", lw=1, label="refer all")
    axis.axhline(0, color="black", ls=":", lw=1, label="refer none")
    axis.set_ylim(-0.1, None)
    axis.set(
        xlabel="threshold: probability from which on one refers", ylabel="net benefit per image"
    )
    axis.legend(frameon=False, fontsize=8)
    return figure


def precision_by_prevalence(
    shown: Mapping[str, Trained],
    data_set: DataSet,
    triages: Mapping[str, Triage],
    resamples: np.ndarray,
) -> Figure:
    """Precision by prevalence (`triage.precision_at`), a panel a finding, a line a model."""
    titles = [*words.labels(data_set.classes, width=24), *([URGENT] if triages else [])]
    columns = 3
    rows = -(-len(titles) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(8, 2.6 * rows), sharex=True, sharey=True, squeeze=False
    )
    for axis in axes.flat[len(titles) :]:
        axis.set_axis_off()
    for model, trained in shown.items():
        findings = _findings(trained, data_set, triages.get(model))
        for axis, title, (called, positive) in zip(axes.flat, titles, findings, strict=False):
            at = np.geomspace(0.001, 0.5, 40)
            points = 100 * triage.precision_at(called, positive, at, resamples)
            _band(axis, model, points["precision"], points.set_axis(100 * at))
            axis.set(title=title, xscale="log", ylim=(0, 100))
            axis.xaxis.set_major_formatter("{x:g}")
            axis.xaxis.set_tick_params(labelbottom=True)
    for axis in axes[:, 0]:
        axis.set_ylabel("precision (%)")
    figure.supxlabel("prevalence (%)", fontsize=10)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3, frameon=False, fontsize=8)
    return figure


def labelled_images(images: np.ndarray, titles: Sequence[str], columns: int = 4) -> Figure | None:
    """Images uint8 (n, height, width, channels), each under its title; nothing without any."""
    if not len(images):
        return None
    rows = -(-len(images) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(1.9 * columns, 2.3 * rows), squeeze=False)
    for axis in axes.flat[len(images) :]:
        axis.set_axis_off()
    for axis, image, title in zip(axes.flat, images, titles, strict=False):
        style.show_image(axis, image)
        axis.set_title(title, fontsize=8)
    return figure


def risk_coverage(curves: Mapping[str, pd.DataFrame]) -> Figure:
    """Error among the images answered, by share answered (`selective.risk_coverage`)."""
    figure, axis = plt.subplots(figsize=(6.4, 3.4))
    for model, curve in curves.items():
        points = 100 * curve.set_index("coverage")
        _band(axis, model, points["risk"], points.set_axis(100 * points.index))
    axis.set(xlabel="images answered, most confident first (%)", ylabel="wrong among them (%)")
    axis.set(xlim=(0, 100), ylim=(0, None))
    axis.legend(frameon=False, fontsize=8)
    return figure


def _band(axis: plt.Axes, model: str, values: pd.Series, points: pd.DataFrame) -> None:
    """A model's line over the index of `points`, in the band from its `low` to its `high`."""
    colour = style.model_colour(model)
    axis.fill_between(points.index, points["low"], points["high"], color=colour, alpha=0.2)
    axis.plot(points.index, values, color=colour, label=model)


def _findings(
    trained: Trained, data_set: DataSet, result: Triage | None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Which test images are called so, and which are: bool (n,) each, by class and for urgent."""
    labels, probabilities = trained.predictions.test_labels, trained.predictions.test_probabilities
    for k in range(len(data_set.classes)):
        yield trained.predicted == k, labels == k
    if result:
        urgent = triage.urgent(data_set)
        yield probabilities[:, urgent].sum(axis=1) >= result.threshold, urgent[labels]


def _share(share: Measure) -> str:
    return f"{100 * share.value:.0f}\n[{100 * share.low:.0f}, {100 * share.high:.0f}]"
