"""Chapter 4, metrics: the report's figures, measured; its tables, figures and sentences."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from helpers.evaluation import measures, metrics
from helpers.evaluation.measures import Measure
from helpers.evaluation.metrics import SCORES, Means
from helpers.models.trainings import Trained
from helpers.pages import style, words
from helpers.pages.comparisons import model_title
from helpers.pages.study import Study
from helpers.study import architectures
from helpers.study.data_sets import class_title

Scores = Mapping[str, Measure]
# Up to so many classes fit beside one another, and their intervals into a cell.
FEW = 5


def findings(study: Study) -> list[str]:
    """What the page tells first: each model's accuracy, and the class that it finds least often."""
    means, told = metrics.over_seeds(*study.given), []
    for model, by_name in means.items():
        accuracy = by_name["accuracy"].measure
        title = architectures.get(model).sentence_title
        random = " (its base has random weights)" if study.settings.has_random_base(model) else ""
        recalls = {n: by_name[f"recall/{n}"].measure for n in study.dataset.classes}
        worst = min((n for n in recalls if recalls[n].n), key=lambda n: recalls[n].value)
        told.append(
            f"{title}{random} names {accuracy.percent()} of the {accuracy.n:,} test images "
            f"correctly, and finds {class_title(worst)} least often: {recalls[worst].percent()}."
        )
    return [*told, of_seeds(means)]


def of_seeds(means: Means) -> str:
    """What figures and intervals are of: so many seeds, and test images or their patients."""
    seeds = next(iter(means.values()))["accuracy"].seeds
    units = next(iter(means.values()))["accuracy"]
    patients = units.units != units.measure.n
    drawn = f"the {units.units:,} patients of the test images" if patients else "the test images"
    if seeds == 1:
        return f"There is one seed: intervals (95 %) hold the chance of {drawn} alone."
    return f"Means over {seeds} seeds; intervals (95 %) hold the chance of seeds and of {drawn}."


def summary_names(sizes: np.ndarray) -> tuple[str, ...]:
    """The metrics worth a row where test classes have these sizes, int (classes,)."""
    same = ("accuracy", "macro_precision", "macro_f1", "auc/macro", "auc/micro", "loss")
    if len(set(sizes.tolist())) == 1:
        return same
    return (*same[:3], "macro_recall", "weighted_precision", "weighted_f1", *same[3:])


def averages(sizes: np.ndarray) -> str:
    """What averages have in common where test classes have these sizes, int (classes,)."""
    if len(set(sizes.tolist())) == 1:
        return (
            "Every class has as many test images, so the weighted averages are the macro averages, "
            "and macro recall is accuracy: one number, with one interval."
        )
    return "Weighted recall is accuracy: one number, with one interval."


def summary_table(by_model: Mapping[str, Scores], names: Sequence[str]) -> pd.DataFrame:
    """The named metrics (rows) of each model (columns), with their intervals, as text."""
    rows = {
        metrics.in_words(name): {
            architectures.get(m).sentence_title: by_name[name].text()
            for m, by_name in by_model.items()
        }
        for name in names
    }
    return pd.DataFrame(rows).T


def class_table(measured: Scores, classes: Sequence[str]) -> pd.DataFrame:
    """The classification report of one model, as text with intervals: a row a class."""
    scores = {metrics.in_words(name): name for name in (*SCORES, "auc")}
    return pd.DataFrame(
        {
            class_title(name): {
                told: measured[f"{score}/{name}"].text() for told, score in scores.items()
            }
            for name in classes
        }
    ).T


def hardest_class(model: str, confusion: np.ndarray, classes: Sequence[str]) -> str:
    """The class with the lowest recall and what it is most often misclassified as."""
    title = architectures.get(model).sentence_title
    if confusion.trace() == confusion.sum():
        return f"{title} names every image correctly."
    sizes = confusion.sum(axis=1)
    worst = int(np.where(sizes, confusion.diagonal() / np.maximum(sizes, 1), np.inf).argmin())
    mistakes = confusion[worst] * (np.arange(len(classes)) != worst)
    most = mistakes.max()
    return (
        f"{title} finds {class_title(classes[worst])} least often: {confusion[worst, worst]} of "
        f"{confusion[worst].sum()}; {most} {'is' if most == 1 else 'are'} misclassified as "
        f"{class_title(classes[mistakes.argmax()])}."
    )


def confusion_matrices(confusions: Mapping[str, np.ndarray], classes: Sequence[str]) -> Figure:
    """Of each model counts, with the interval of their share of the true class in per cent."""
    few, count = len(classes) <= FEW, len(classes)
    columns = min(2, len(confusions)) if few else 1
    inches = (6.4 / columns, 3.2) if few else (6.4, 0.42 * count + 1.8)
    figure, axes = style.in_rows(len(confusions), columns, inches)
    names = words.labels(classes, width=12 if few else 18)
    # Light throughout, so that black can be read on it.
    look = {"cmap": "Blues", "cbar": False, "vmin": 0, "vmax": 170, "annot": False}
    for axis, (model, counts) in zip(axes, confusions.items(), strict=True):
        shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        sns.heatmap(shares, ax=axis, xticklabels=names, yticklabels=names, **look)
        for (row, column), images in np.ndenumerate(counts):
            x, y = column + 0.5, row + 0.5
            size = {"ha": "center", "fontsize": 12 if few else 9}
            axis.text(x, y, str(images), va="bottom" if few else "center", **size)
            if few:
                told = _range(measures.proportion(images, counts[row].sum()))
                axis.text(x, y + 0.08, told, ha="center", va="top", fontsize=9)
        axis.set_title(model_title(model), fontsize=10)
        axis.set_xlabel("named", fontsize=9)
        axis.set_ylabel("true class", fontsize=9)
        axis.tick_params(axis="y", rotation=0, labelsize=9)
        axis.tick_params(axis="x", rotation=0 if few else 90, labelsize=9)
    return figure


def roc_curves(shown: Mapping[str, Trained], classes: Sequence[str]) -> Figure:
    """One-vs-rest ROC curves and their micro-average, a panel a model."""
    columns = min(2, len(shown))
    figure, axes = style.in_rows(len(shown), columns, (6.4 / columns, 3.2), sharey=True)
    colours = style.class_colours(classes) | {"micro": "black"}
    for axis, (model, trained) in zip(axes, shown.items(), strict=True):
        for name, curve in metrics.roc_curves(trained, tuple(classes)).groupby("curve", sort=False):
            of = "micro-average" if name == "micro" else words.shortened(name)
            look = {"color": colours[name], "ls": "--" if name == "micro" else "-", "label": of}
            axis.plot(curve["false_positive_rate"], curve["true_positive_rate"], **look)
        axis.plot([0, 1], [0, 1], color=style.FAINT, lw=0.8, ls=":")
        axis.set_title(model_title(model), fontsize=10)
        axis.set_xlabel("false positive rate", fontsize=9)
        axis.set_aspect("equal")
        axis.tick_params(labelsize=9)
    for axis in axes[::columns]:
        axis.set_ylabel("true positive rate", fontsize=9)
    handles = axes[0].get_legend_handles_labels()
    look = {"loc": "outside lower center", "ncols": 3, "frameon": False, "fontsize": 9}
    figure.legend(*handles, **look)
    return figure


def learned(means: Means) -> list[str]:
    """What is left when the page is read: each model beside chance, and what averages hide."""
    told = []
    for model, by_name in means.items():
        accuracy = by_name["accuracy"].measure
        recalls = [m.measure.value for name, m in by_name.items() if name.startswith("recall/")]
        told.append(
            f"{architectures.get(model).sentence_title}: accuracy {accuracy.percent()}, recalls of "
            f"single classes from {100 * min(recalls):.0f} to {100 * max(recalls):.0f} %."
        )
    return told


def _range(share: Measure) -> str:
    if share.low is None:  # of no image
        return ""
    return f"{100 * share.low:.0f}\N{EN DASH}{100 * share.high:.0f}"
