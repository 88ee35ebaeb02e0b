"""The recall of each class on each split, in a figure: chapters 4 and 7."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from helpers.evaluation.measures import Measure
from helpers.pages import style, words

# A split by its mark, since colour tells models and classes.
SPLIT_MARKS = {
    "validation": ("o", "white"),
    "validation, drawn out": ("s", "#CCCCCC"),
    "test": ("D", None),
}


def figure(
    by_model: Mapping[str, Mapping[str, Mapping[str, Measure]]], classes: Sequence[str]
) -> Figure | None:
    """Recall of each class on each split (`shift.recalls_by_split`), a panel a model."""
    if not by_model:
        return None
    size = (3.2 * len(by_model) + 0.6, max(2.9, 0.42 * len(classes) + 1.1))
    drawn, axes = plt.subplots(1, len(by_model), figsize=size, sharey=True, squeeze=False)
    colours = style.class_colours(classes)
    for axis, (model, by_split) in zip(axes[0], by_model.items(), strict=True):
        offsets = np.linspace(-0.2, 0.2, len(by_split))
        for offset, (split, by_class) in zip(offsets, by_split.items(), strict=True):
            mark, fill = SPLIT_MARKS[split]
            for place, name in enumerate(classes):
                value, low, high = (100 * each for each in by_class[name][:3])
                axis.errorbar(
                    value,
                    place + offset,
                    xerr=[[value - low], [high - value]],
                    fmt=mark,
                    color=colours[name],
                    mfc=fill or colours[name],
                    ms=5,
                )
        axis.set(title=model, xlabel="recall (%)", xlim=(0, 100))
        axis.set(yticks=range(len(classes)), yticklabels=words.labels(classes))
    axes[0, 0].invert_yaxis()
    handles = []
    for split in by_split:
        mark, fill = SPLIT_MARKS[split]
        look = {"color": style.GREY, "marker": mark, "mfc": fill or style.GREY}
        handles.append(plt.Line2D([], [], ls="", label=split, **look))
    drawn.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    return drawn
