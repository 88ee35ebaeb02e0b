"""The figures and coloured tables of the trial of heatmaps."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from helpers.figures import HEAT, bare

# Blue for what passes and orange for what doesn't, dark letters on both, on light and dark pages.
PASSED, FAILED, UNTRIED = "#A6CEE3", "#FDBF6F", "#DDDDDD"


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


def verdict_table(verdicts: pd.DataFrame) -> str:
    """Verdicts (`trials.verdicts`) as a coloured HTML table: yes, no, or untried."""
    words = {True: "passes", False: "fails", None: "not tried"}
    colours = {True: PASSED, False: FAILED, None: UNTRIED}
    cells = verdicts.astype(object).where(verdicts.notna(), None)
    style = cells.map(lambda verdict: f"background-color: {colours[verdict]}; color: #222222")
    return (
        cells.map(words.get)
        .style.apply(lambda _: style, axis=None)
        .set_table_attributes('class="dataframe"')
        .to_html()
    )
