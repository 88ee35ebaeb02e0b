"""Chapter 5, Grad-CAM: its figures and sentences."""

import textwrap
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from helpers.data.dataset import Dataset
from helpers.evaluation import metrics
from helpers.heatmaps import maps, rows
from helpers.heatmaps.controls import GRAD_CAM
from helpers.heatmaps.judgement import FAIL, PASS, UNDECIDED
from helpers.heatmaps.localization import MASS_INSIDE
from helpers.heatmaps.rows import Row
from helpers.models.trainings import Predictions, Trained
from helpers.pages import style, words
from helpers.pages.study import Study
from helpers.study import architectures
from helpers.study.data_sets import class_title

ALIKE = 0.95  # mean maps that correlate by more are told to be the same: ours
# So many classes stand beside one another; the others below them.
IN_A_ROW = 4


def most_confident(predictions: Predictions) -> pd.DataFrame:
    """For each class its most confident right and its most confident wrong test image.

    Columns: image (index), true, predicted (class indices), probability (of the predicted class),
    right. A class without a wrong image has no such row.
    """
    table = metrics.surest_first(predictions)
    table["right"] = table["true"] == table["predicted"]
    chosen = table.groupby(["true", "right"], sort=True).head(1)
    return chosen.sort_values(["right", "true"], ascending=[False, True]).reset_index(drop=True)


def gallery(trained: Trained, dataset: Dataset, cells: np.ndarray) -> Figure:
    """The images that a model was surest of, right ones above, with their maps (n, h, w).

    Maps are drawn as the cells that they are, each over its highest value. Lesions are outlined
    where they are known.
    """
    figure, columns = _classes_in_blocks(dataset.classes, 4, inches=(1.6, 1.75))
    names = [words.shortened(name, 16) for name in dataset.classes]
    chosen = {(c.true, c.right): c for c in most_confident(trained.predictions).itertuples()}
    for k, column in enumerate(columns):
        for right in (True, False):
            above, below = column[:2] if right else column[2:]
            choice = chosen.get((k, right))
            if choice is None:
                told = f"{names[k]}, {'right' if right else 'wrong'}:\nnone"
                above.text(0.5, 0.5, told, ha="center", va="center", transform=above.transAxes)
                continue
            for axis in (above, below):
                axis.set_axis_on()
                style.bare(axis)
            style.show_image(above, dataset.test.images[choice.image])
            heat = cells[choice.image]
            below.imshow(maps.share(heat, heat.max()), **style.as_cells(dataset.size))
            if not np.ptp(heat):
                below.set_xlabel("constant map", fontsize=9)
            if dataset.is_phantom:
                for axis in (above, below):
                    style.outline(axis, dataset.lesion_masks["test"][choice.image])
            said = textwrap.fill(f"{names[k]}, said {names[choice.predicted]}", 20)
            above.set_title(f"{said}\np = {choice.probability:.2f}", fontsize=9)
    style.heat_bar(figure)
    figure.suptitle(architectures.get(trained.model).sentence_title, fontsize=11)
    return figure


def average_maps(cells: Mapping[str, np.ndarray], dataset: Dataset) -> dict[str, np.ndarray]:
    """Each model's mean map of each class: float (classes, h, w), of eyes with its mirror image."""
    labels, count = dataset.test.labels, len(dataset.classes)
    if dataset.data_set.audited:
        cells = {model: maps.with_mirror_image(drawn) for model, drawn in cells.items()}
    return {m: maps.class_average_maps(drawn, labels, count) for m, drawn in cells.items()}


def mirroring(dataset: Dataset) -> str:
    """Says that eyes' maps are averaged with their mirror images; nothing of other pictures."""
    told = (
        "Each map is averaged with its mirror image, since left and right eyes mirror each other."
    )
    return told if dataset.data_set.audited else ""


def average_figure(averages: Mapping[str, np.ndarray], dataset: Dataset) -> Figure:
    """Each class's mean image, and below it each model's mean map, on its own grid."""
    figure, axes = _classes_in_blocks(dataset.classes, 1 + len(averages), inches=(1.6, 1.6), left=1)
    images, labels = dataset.test.images, dataset.test.labels
    titles = words.labels(dataset.classes)
    titles_of_models = [
        textwrap.fill(architectures.get(model).sentence_title, 16) for model in averages
    ]
    for k, column in enumerate(axes):
        mean = images[labels == k].mean(axis=0)
        style.show_image(column[0], style.full_range(mean))
        column[0].set_title(titles[k], fontsize=9)
        for axis, averaged in zip(column[1:], averages.values(), strict=True):
            axis.imshow(averaged[k], cmap=style.HEAT)
        for axis, name in zip(column, ["image", *titles_of_models], strict=True):
            axis.set_axis_on()
            style.bare(axis)
            if k % IN_A_ROW == 0:
                axis.set_ylabel(name, fontsize=9)
    return figure


def findings(study: Study) -> list[str]:
    """What Grad-CAM showed in a study, in plain sentences; none where it wasn't on trial."""
    trial, told = rows.load(study.run), []
    for model in rows.tried(trial):
        cells = rows.find(trial, model, GRAD_CAM, rows.CELLS)
        if not cells:
            continue
        title, size = architectures.get(model).title, study.dataset.size
        told.append(
            f"Grad-CAM of {title} has {cells.measure.value:.0f} cells, of an image of "
            f"{size**2:,} pixels."
        )
        told.append(alike(trial, model))
        told.append(verdict(trial, model))
    return told


def alike(trial: Sequence[Row], model: str) -> str:
    """How alike the mean maps of two classes are: those most alike, and those least."""
    pairs = {r.class_name: r.measure.value for r in trial if _is_of(r, model, rows.MEAN_MAPS)}
    if not pairs:
        return ""
    names, value = max(pairs.items(), key=lambda pair: pair[1])
    least, lowest = min(pairs.items(), key=lambda pair: pair[1])
    title = architectures.get(model).sentence_title
    compared = f"the mean maps of {_titles(names)} correlate by {_signed(value)}"
    if len(pairs) > 1:
        compared = (
            f"the mean maps most alike are those of {_titles(names)} (r = {_signed(value)}), the "
            f"least alike those of {_titles(least)} (r = {_signed(lowest)})"
        )
    if value > ALIKE:
        return f"{title}: {compared}. Maps that explain classes should differ; {_these(pairs)}."
    return f"{title}: {compared}."


def verdict(trial: Sequence[Row], model: str) -> str:
    """Whether Grad-CAM finds the phantom's lesion, and what a map without a model has."""
    row = rows.find(trial, model, GRAD_CAM, MASS_INSIDE.name)
    if not (row and row.measure and row.best_map):
        return ""
    word = {PASS: "finds", FAIL: "doesn't find", UNDECIDED: "isn't shown to find"}
    return (
        f"{architectures.get(model).sentence_title}: on the phantom, whose lesions are known, "
        f"Grad-CAM {word.get(row.verdict, 'may find')} them: "
        f"{row.measure.percent()} of its heat lies inside; {100 * row.chance:.1f} % would by "
        f"chance, and {100 * row.best:.1f} % of a map that knows no model ({row.best_map})."
    )


def target_layer(trial: Sequence[Row]) -> list[str]:
    """Which layer is read, and how often the convolution itself has another hottest cell."""
    return [
        f"{architectures.get(row.model).sentence_title}: the hottest cell is the same in "
        f"{row.measure.percent()} of {row.measure.n} images."
        for row in trial
        if row.criterion == rows.HOTTEST_CELL and row.measure
    ]


def _is_of(row: Row, model: str, criterion: str) -> bool:
    return (row.model, row.criterion) == (model, criterion)


def _titles(pair: str) -> str:
    return words.listed([class_title(name) for name in pair.split(" and ")])


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "\N{MINUS SIGN}")


def _these(pairs: Mapping[str, float]) -> str:
    return "none of these do" if min(pairs.values()) > ALIKE else "those of these two don't"


def _classes_in_blocks(
    classes: Sequence[str], height: int, inches: tuple[float, float], left: float = 0
) -> tuple[Figure, np.ndarray]:
    """A figure, its axes switched off, and each class's column of `height` axes in it."""
    across, blocks = min(len(classes), IN_A_ROW), -(-len(classes) // IN_A_ROW)
    size = (inches[0] * across + left, inches[1] * height * blocks)
    figure, axes = plt.subplots(height * blocks, across, figsize=size, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    columns = axes.reshape(blocks, height, across).swapaxes(1, 2).reshape(-1, height)
    return figure, columns[: len(classes)]
