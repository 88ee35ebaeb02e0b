"""What several chapters show: models on the same images, recalls on each split, labelled images."""

import textwrap
from collections.abc import Mapping, Sequence, Sized

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from helpers.evaluation.comparison import Comparison
from helpers.evaluation.measures import Measure
from helpers.models.trainings import Trained
from helpers.pages import style, words
from helpers.pages.study import Study
from helpers.study import architectures

SIGNIFICANCE = 0.05
# A split by its mark, since colour tells models and classes.
SPLIT_MARKS = {
    "validation": ("o", "white"),
    "test": ("D", None),
}


def alone(models: Sized) -> str:
    """Says that a run's only model can't be compared; else nothing."""
    return "" if len(models) > 1 else "This run has one model, and no other to compare it with."


def informed(study: Study) -> dict[str, list[Trained]]:
    """Each model's trainings, without models on a base of random weights where there are others.

    What such a model is sure of, doubts or gets wrong tells nothing of the images.
    """
    known = {m: t for m, t in study.by_model.items() if not study.settings.has_random_base(m)}
    return known or study.by_model


def left_out(study: Study) -> str:
    """Says which models `informed` leaves out; else nothing."""
    out = [architectures.get(m).title for m in study.by_model if m not in informed(study)]
    if not out:
        return ""
    return (
        f"{words.listed(out)}, whose base has random weights in this run, "
        f"{'is' if len(out) == 1 else 'are'} left out on this page."
    )


def sentence(first: str, second: str, compared: Comparison) -> str:
    """Two models on the same test images, with McNemar's exact test in words."""
    a, b = (architectures.get(model).title for model in (first, second))
    more = compared.only_second - compared.only_first
    *shares, n = compared.difference
    value, low, high = (words.signed(100 * share) for share in shares)
    lead = f"and {a} get the same number of the {n:,} test images right"
    if more:
        count = f"{abs(more)} {'more' if more > 0 else 'fewer'}"
        lead = f"gets {count} of the {n:,} test images right than {a}"
    is_shown = compared.p_value < SIGNIFICANCE
    verdict = "a difference is shown" if is_shown else "no difference can be shown"
    return (
        f"{architectures.get(second).sentence_title} {lead} ({value} points [{low}, {high}]): "
        f"{compared.only_second} only {b} gets right, {compared.only_first} only {a}. By "
        f"McNemar's exact test at 5 % {verdict} ({words.p_value(compared.p_value)})."
    )


def recalls(
    by_model: Mapping[str, Mapping[str, Mapping[str, Measure]]], classes: Sequence[str]
) -> Figure | None:
    """Recall of each class on each split (`shift.recalls_by_split`), a panel a model."""
    if not by_model:
        return None
    columns = min(2, len(by_model))
    inches = (6.4 / columns, max(2.4, 0.42 * len(classes) + 0.9))
    drawn, axes = style.in_rows(len(by_model), columns, inches, sharey=True)
    for axis, (model, by_split) in zip(axes, by_model.items(), strict=True):
        offsets = np.linspace(-0.2, 0.2, len(by_split))
        for offset, (split, by_class) in zip(offsets, by_split.items(), strict=True):
            mark, fill = SPLIT_MARKS[split]
            for place, (name, colour) in enumerate(style.class_colours(classes).items()):
                if by_class[name].n:
                    value, low, high = (100 * each for each in by_class[name][:3])
                    look = {"fmt": mark, "color": colour, "mfc": fill or colour, "ms": 5}
                    reach = [[value - low], [high - value]]
                    axis.errorbar(value, place + offset, xerr=reach, **look)
        axis.set_title(model_title(model), fontsize=10)
        axis.set(xlabel="recall (%)", xlim=(-3, 103), xticks=range(0, 101, 25))
        axis.set(yticks=range(len(classes)), yticklabels=words.labels(classes))
        axis.tick_params(labelsize=9)
    axes[0].invert_yaxis()
    marks = ((split, *SPLIT_MARKS[split]) for split in by_split)
    handles = [style.mark(s, m, style.GREY, mfc=fill or style.GREY) for s, m, fill in marks]
    drawn.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return drawn


def labelled_images(images: np.ndarray, titles: Sequence[str], columns: int = 4) -> Figure | None:
    """Images uint8 (n, height, width, channels), each under its title; nothing without any."""
    if not len(images):
        return None
    figure, axes = style.in_rows(len(images), columns, inches=(1.7, 2.2))
    for axis, image, title in zip(axes, images, titles, strict=True):
        style.show_image(axis, image)
        axis.set_title(title, fontsize=9)
    return figure


def none_there(images: pd.DataFrame) -> str:
    """Says that there is no such image to show; else nothing."""
    return "" if len(images) else "There are none."


def model_title(model: str) -> str:
    """A model as a panel's title has it, in lines of a panel's width."""
    return textwrap.fill(architectures.get(model).sentence_title, 30)
