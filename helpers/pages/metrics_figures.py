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
from helpers.study import architectures
from helpers.study.data_sets import DataSet

Models = Mapping[str, Trained]
# Up to so many classes fit beside one another, and their names into a panel's corner.
FEW = 5


def confusion_matrices(confusions: Mapping[str, np.ndarray], classes: Sequence[str]) -> Figure:
    """Of each model counts, and shares of the true class in per cent with Wilson intervals."""
    few, names = len(classes) <= FEW, words.labels(classes, width=14)
    columns, inches = (2, (4.2, 3.3)) if few else (1, (8.4, 0.5 * len(classes) + 1.4))
    figure, axes = style.in_rows(2 * len(confusions), columns, inches)
    look = {"cmap": "Greys", "cbar": False, "vmin": 0, "vmax": 100}
    look |= {"xticklabels": names, "yticklabels": names}
    pairs = axes.reshape(len(confusions), 2)
    for (left, right), (model, counts) in zip(pairs, confusions.items(), strict=True):
        shares = 100 * counts / counts.sum(axis=1, keepdims=True)
        told = [[_share(measures.proportion(k, line.sum())) for k in line] for line in counts]
        size = {"fontsize": 8 if few else 7}
        sns.heatmap(shares, annot=counts, fmt="d", ax=left, **look)
        sns.heatmap(shares, annot=np.array(told), fmt="", annot_kws=size, ax=right, **look)
        left.set(title=f"{model}: images", xlabel="predicted class", ylabel="true class")
        right.set(title=f"{model}: % of the true class", xlabel="predicted class")
        for axis in (left, right):
            axis.tick_params(axis="y", rotation=0)
            axis.tick_params(axis="x", rotation=0 if few else 90)
    return figure


def roc_curves(
    shown: Models, measured: Mapping[str, Mapping[str, Measure]], classes: Sequence[str]
) -> Figure:
    """One-vs-rest ROC curves, a panel a model, with each curve's AUC and its interval."""
    few = len(classes) <= FEW
    heights = [3.8] if few else [3.6, 0.17 * (len(classes) + 2)]
    look = {"figsize": (3.6 * len(shown), sum(heights)), "height_ratios": heights}
    figure, axes = plt.subplots(len(heights), len(shown), squeeze=False, **look)
    colours = style.class_colours(classes) | {"micro": "black"}
    for axis, below, (model, trained) in zip(axes[0], axes[-1], shown.items(), strict=True):
        for name, curve in metrics.roc_curves(trained, classes).groupby("curve", sort=False):
            label = f"{words.shortened(name)} {measured[model][f'auc/{name}'].text()}"
            look = {"color": colours[name], "ls": "--" if name == "micro" else "-", "label": label}
            axis.plot(curve["false_positive_rate"], curve["true_positive_rate"], **look)
        axis.plot([0, 1], [0, 1], color=style.FAINT, lw=0.8, ls=":")
        axis.set(title=model, xlabel="false positive rate", ylabel="true positive rate")
        axis.set_aspect("equal")
        look = {"frameon": False, "fontsize": 7, "title": "AUC", "title_fontsize": 8}
        where = "lower right" if few else "upper center"
        below.legend(*axis.get_legend_handles_labels(), loc=where, **look)
        if not few:
            below.set_axis_off()
    return figure


def reliability(shown: Models, temperatures: Mapping[str, float]) -> Figure:
    """Reliability on test with Wilson intervals, as a model comes (filled) and scaled (hollow)."""
    figure, axes = style.in_rows(len(shown), len(shown), inches=(3.4, 3.6))
    for axis, (model, trained) in zip(axes, shown.items(), strict=True):
        colour, temperature = architectures.get(model).colour, temperatures[model]
        raw, labels = trained.predictions.test_probabilities, trained.predictions.test_labels
        scaled = calibration.scaled(raw, temperature)
        axis.plot([0, 1], [0, 1], color=style.FAINT, lw=0.8, ls=":")
        kinds = (("as it comes", raw, colour), (f"scaled by {temperature:.2f}", scaled, "white"))
        for label, probabilities, fill in kinds:
            points = calibration.reliability(probabilities, labels)
            value = points["accuracy"]
            reach = [value - points["low"], points["high"] - value]
            look = {"fmt": "o", "color": colour, "mfc": fill, "ms": 4, "lw": 0.8, "label": label}
            axis.errorbar(points["confidence"], value, yerr=reach, **look)
        axis.set(title=model, xlabel="probability of the named class", ylabel="share right")
        axis.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
        axis.legend(frameon=False, fontsize=8, loc="upper left")
    return figure


def decision_curves(shown: Models, data_set: DataSet, resamples: np.ndarray) -> Figure | None:
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
    axis.set(ylim=(-0.1, None), ylabel="net benefit per image")
    axis.set_xlabel("threshold: probability from which on one refers")
    axis.legend(frameon=False, fontsize=8)
    return figure


def precision_by_prevalence(
    shown: Models, data_set: DataSet, triages: Mapping[str, Triage], resamples: np.ndarray
) -> Figure:
    """Precision by prevalence (`triage.precision_at`), a panel a finding, a line a model."""
    titles = [*words.labels(data_set.classes, width=24), *(["urgent"] if triages else [])]
    at, columns = np.geomspace(0.001, 0.5, 40), 3
    inches = (8 / columns, 2.6)
    figure, axes = style.in_rows(len(titles), columns, inches, sharex=True, sharey=True)
    for model, trained in shown.items():
        findings = _findings(trained, data_set, triages.get(model))
        for axis, title, (called, positive) in zip(axes, titles, findings, strict=True):
            points = 100 * triage.precision_at(called, positive, at, resamples)
            _band(axis, model, points["precision"], points.set_axis(100 * at))
            axis.set(title=title, xscale="log", ylim=(0, 100))
            axis.xaxis.set_major_formatter("{x:g}")
            axis.xaxis.set_tick_params(labelbottom=True)
    for axis in axes[::columns]:
        axis.set_ylabel("precision (%)")
    figure.supxlabel("prevalence (%)", fontsize=10)
    look = {"loc": "outside upper center", "frameon": False, "fontsize": 8}
    figure.legend(*axes[0].get_legend_handles_labels(), ncols=3, **look)
    return figure


def labelled_images(images: np.ndarray, titles: Sequence[str], columns: int = 4) -> Figure | None:
    """Images uint8 (n, height, width, channels), each under its title; nothing without any."""
    if not len(images):
        return None
    figure, axes = style.in_rows(len(images), columns, inches=(1.9, 2.3))
    for axis, image, title in zip(axes, images, titles, strict=True):
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
    colour = architectures.get(model).colour
    axis.fill_between(points.index, points["low"], points["high"], color=colour, alpha=0.2)
    axis.plot(points.index, values, color=colour, label=model)


def _findings(trained: Trained, data_set: DataSet, result: Triage | None) -> Iterator[tuple]:
    """Which test images are called so, and which are: bool (n,) each, by class and for urgent."""
    labels = trained.predictions.test_labels
    for k in range(len(data_set.classes)):
        yield trained.predicted == k, labels == k
    if result:
        urgent = triage.urgent(data_set)
        scores = trained.predictions.test_probabilities[:, urgent].sum(axis=1)
        yield scores >= result.threshold, urgent[labels]


def _share(share: Measure) -> str:
    return f"{100 * share.value:.0f}\n[{100 * share.low:.0f}, {100 * share.high:.0f}]"
