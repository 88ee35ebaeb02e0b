"""What two chapters show: two models on the same images, and recalls on each split."""

from collections.abc import Mapping, Sequence, Sized

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from helpers.evaluation.comparison import Comparison
from helpers.evaluation.measures import Measure
from helpers.pages import style, words
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


def sentence(first: str, second: str, compared: Comparison) -> str:
    """Two models on the same test images, with McNemar's exact test in words."""
    a, b = (architectures.get(model).title for model in (first, second))
    more = compared.only_second - compared.only_first
    *shares, n = compared.difference
    value, low, high = (f"{100 * share:+.1f}" for share in shares)
    lead = f"and {a} get the same number of the {n:,} test images right"
    if more:
        count = f"{abs(more)} {'more' if more > 0 else 'fewer'}"
        lead = f"gets {count} of the {n:,} test images right than {a}"
    is_shown = compared.p_value < SIGNIFICANCE
    verdict = "a difference is shown" if is_shown else "no difference can be shown"
    return (
        f"{architectures.get(second).sentence_title} {lead} ({value} points [{low}, {high}]): "
        f"{compared.only_second} only {b} gets right, {compared.only_first} only {a}. By "
        f"McNemar's exact test at 5 % {verdict} (p = {compared.p_value:.2g})."
    )


def recalls(
    by_model: Mapping[str, Mapping[str, Mapping[str, Measure]]], classes: Sequence[str]
) -> Figure | None:
    """Recall of each class on each split (`shift.recalls_by_split`), a panel a model."""
    if not by_model:
        return None
    size = (3.2 * len(by_model) + 0.6, max(2.9, 0.42 * len(classes) + 1.1))
    drawn, axes = plt.subplots(1, len(by_model), figsize=size, sharey=True, squeeze=False)
    for axis, (model, by_split) in zip(axes[0], by_model.items(), strict=True):
        offsets = np.linspace(-0.2, 0.2, len(by_split))
        for offset, (split, by_class) in zip(offsets, by_split.items(), strict=True):
            mark, fill = SPLIT_MARKS[split]
            for place, (name, colour) in enumerate(style.class_colours(classes).items()):
                value, low, high = (100 * each for each in by_class[name][:3])
                look = {"fmt": mark, "color": colour, "mfc": fill or colour, "ms": 5}
                reach = [[value - low], [high - value]]
                axis.errorbar(value, place + offset, xerr=reach, **look)
        axis.set(title=model, xlabel="recall (%)", xlim=(0, 100))
        axis.set(yticks=range(len(classes)), yticklabels=words.labels(classes))
    axes[0, 0].invert_yaxis()
    marks = ((split, *SPLIT_MARKS[split]) for split in by_split)
    handles = [style.mark(s, m, style.GREY, mfc=fill or style.GREY) for s, m, fill in marks]
    drawn.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    return drawn
