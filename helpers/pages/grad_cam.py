"""Chapter 5, Grad-CAM and heatmaps on trial: its tables, figures and sentences."""

import textwrap
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import HTML
from matplotlib.figure import Figure

from helpers.data.dataset import Dataset
from helpers.evaluation import metrics
from helpers.heatmaps import controls, faithfulness, localization, maps, rows
from helpers.heatmaps.artifacts import Shown
from helpers.heatmaps.rows import Row
from helpers.ledger import claims, evidence
from helpers.models.trainings import Predictions, Trained
from helpers.pages import style, words
from helpers.study import architectures
from helpers.study.data_sets import class_title
from helpers.study.settings import Settings

# Blue for what passes and orange for what doesn't, dark letters on both, on light and dark pages.
VERDICTS = {
    True: ("passes", "#A6CEE3"),
    False: ("fails", "#FDBF6F"),
    None: ("not tried", "#DDDDDD"),
}
# So many classes stand beside one another; the others below them.
IN_A_ROW = 6

Tables = dict[str, pd.DataFrame]


def most_confident(predictions: Predictions) -> pd.DataFrame:
    """For each class its most confident right and its most confident wrong test image.

    Columns: image (index), true, predicted (class indices), probability (of the predicted class),
    right. A class without a wrong image has no such row.
    """
    table = metrics.surest_first(predictions)
    table["right"] = table["true"] == table["predicted"]
    chosen = table.groupby(["true", "right"], sort=True).head(1)
    return chosen.sort_values(["right", "true"], ascending=[False, True]).reset_index(drop=True)


def galleries(
    shown: Mapping[str, Trained], dataset: Dataset, cells: Mapping[str, np.ndarray]
) -> list[Figure]:
    """Of each model the images it was surest of, with their maps: right above and wrong below.

    cells : the maps of all test images, float (n, h, w).
    """
    return [_gallery(trained, dataset, cells[model]) for model, trained in shown.items()]


def average_maps(cells: Mapping[str, np.ndarray], dataset: Dataset) -> dict[str, np.ndarray]:
    """Each model's mean map of each class: float (classes, h, w), of eyes with its mirror image."""
    averages = {}
    for model, drawn in cells.items():
        evened = maps.with_mirror_image(drawn) if dataset.data_set.audited else drawn
        count = len(dataset.classes)
        averages[model] = maps.class_average_maps(evened, dataset.test.labels, count)
    return averages


def mirroring(dataset: Dataset) -> str:
    """Says that eyes' maps are averaged with their mirror images; nothing of other pictures."""
    if not dataset.data_set.audited:
        return ""
    return (
        "Each map is averaged with its mirror image, since left and right eyes mirror each other."
    )


def average_figure(averages: Mapping[str, np.ndarray], dataset: Dataset) -> Figure:
    """Each class's mean image, and below it each model's mean map, on its own grid."""
    figure, axes = _classes_in_blocks(dataset.classes, 1 + len(averages), inches=(1.6, 1.6), left=1)
    images, labels = dataset.test.images, dataset.test.labels
    titles = words.labels(dataset.classes)
    for k, column in enumerate(axes):
        mean = images[labels == k].mean(axis=0)
        style.show_image(column[0], style.full_range(mean))
        column[0].set_title(titles[k], fontsize=9)
        for axis, averaged in zip(column[1:], averages.values(), strict=True):
            axis.imshow(averaged[k], cmap=style.HEAT)
        for axis, name in zip(column, ["image", *averages], strict=True):
            axis.set_axis_on()
            style.bare(axis)
            if k % IN_A_ROW == 0:
                axis.set_ylabel(name, fontsize=9)
    return figure


def map_tables(cells: Mapping[str, np.ndarray], dataset: Dataset) -> Tables:
    """What each class's average map shows in numbers (`maps.map_statistics`), by model."""
    images, labels = dataset.test.images, dataset.test.labels
    return {
        model: maps.map_statistics(drawn, images, labels, dataset.classes).round(2)
        for model, drawn in cells.items()
    }


def class_maps(model: str, averages: np.ndarray, classes: Sequence[str]) -> str:
    """How alike the classes' mean maps (classes, h, w) are: the highest and lowest correlation."""
    title = architectures.get(model).sentence_title
    if maps.is_constant(averages).any():
        return f"{title}: some mean maps are constant and can't be compared."
    correlation = np.corrcoef(averages.reshape(len(averages), -1))
    first, second = np.triu_indices(len(averages), 1)
    values = correlation[first, second]
    names = [class_title(name) for name in classes]
    pairs = [
        f"{names[a]} and {names[b]} (r = {r:.2f})"
        for a, b, r in zip(first, second, values, strict=True)
    ]
    text = f"{title}: the mean maps most alike are those of {pairs[values.argmax()]}, "
    if len(pairs) == 1:
        text = f"{title}: compared are the mean maps of {pairs[0]}"
    else:
        text += f"the least alike those of {pairs[values.argmin()]}"
    return f"{text}. A map that explains one class differs from another's."


def methods_side_by_side(shown: Mapping[str, Shown], dataset: Dataset) -> list[Figure]:
    """Of each model a row a method, a column a test image, for the class that the model named.

    The first row is the images; a constant map is left out and said to be one.
    """
    return [_side_by_side(model, maps_of_it, dataset) for model, maps_of_it in shown.items()]


def on_trial(settings: Settings, dataset: Dataset) -> str:
    """How many images of which models are on trial, and which models are not and why."""
    counts = [
        f"{min(controls.images_on_trial(settings, model), len(dataset.test))} of "
        f"{architectures.get(model).title}"
        for model in controls.models_on_trial(settings)
    ]
    text = "No heatmaps are on trial here."
    if counts:
        text = (
            f"On trial are the maps of the first test images: {words.listed(counts)}, with some "
            f"{settings.heatmaps.evaluations} calls of the model an image."
        )
    for entry in map(architectures.get, settings.models):
        if entry.variant_of:
            text += f" {entry.sentence_title}, the same network on other input, is left out."
        elif entry.name in controls.models_untried(settings):
            text += f" {entry.sentence_title} is not on trial here: {controls.RANDOM_BASE}."
    return text


def no_truth(dataset: Dataset) -> str:
    """Says why it isn't known here whether maps find lesions; nothing where it is."""
    why = controls.why_no_truth(dataset)
    return f"Not tried here: {why}." if why else ""


def truth(trial: Sequence[Row], models: Sequence[str], control: str | None = None) -> Tables:
    """Whether methods find lesions, by model; `control` names how else the model was trained."""
    kinds = [(control, criterion.name) for criterion in localization.CRITERIA]
    tables = _tables(trial, models, kinds)
    return {", ".join(filter(None, [model, control])): table for model, table in tables.items()}


def faithful(trial: Sequence[Row], models: Sequence[str]) -> Tables:
    """Whether methods show what a model uses, by model."""
    return _tables(trial, models, [(None, criterion.name) for criterion in faithfulness.CRITERIA])


def randomized(trial: Sequence[Row], models: Sequence[str]) -> Tables:
    """How alike methods' maps stay with random weights, by model."""
    return _tables(trial, models, [k for k in rows.compared(trial) if rows.randomizes(k[0])])


def robust(trial: Sequence[Row], models: Sequence[str]) -> Tables:
    """How alike methods' maps stay under noise, flipped, with another seed or model; by model."""
    return _tables(trial, models, [k for k in rows.compared(trial) if not rows.randomizes(k[0])])


def edge_detectors(trial: Sequence[Row], model: str) -> str:
    """Which methods keep their maps though all weights are random, and so show edges."""
    same = [f"{row.method} (n = {row.measure.n})" for row in rows.keeping_maps(trial, model)]
    told = (
        f"the maps of {words.listed(same)} stay much the same (rank correlation above {rows.SAME} "
        "and above chance, interval and all): edge detectors here"
        if same
        else f"no method keeps its maps (rank correlation above {rows.SAME} and above chance)"
    )
    text = f"{architectures.get(model).sentence_title}: with all weights random, {told}."
    without = dict.fromkeys(
        row.method
        for row in trial
        if (row.model, row.control) == (model, rows.ALL_RANDOM) and row.measure is None
    )
    if without:
        text += f" Constant, and so without an answer: {words.listed(list(without))}."
    return text


def verdict_tables(trial: Sequence[Row], models: Sequence[str]) -> dict[str, HTML]:
    """Each model's verdicts (`rows.verdicts`) as a coloured table: passes, fails, or not tried."""
    tables = {}
    for model in models:
        verdicts = rows.verdicts(trial, model).astype(object)
        verdicts = verdicts.where(verdicts.notna(), None)
        look = verdicts.map(lambda v: f"background-color: {VERDICTS[v][1]}; color: #222222")
        told = verdicts.map(lambda v: VERDICTS[v][0]).style.apply(lambda _, s=look: s, axis=None)
        tables[model] = HTML(told.set_table_attributes('class="dataframe"').to_html())
    return tables


def answers(trial: Sequence[Row], dataset: Dataset) -> pd.DataFrame | None:
    """Each of the report's sentences on heatmaps with what was measured; nothing where none was."""
    measured = []
    for claim in claims.ledger() if dataset.data_set.audited else ():
        asked = claim.heatmap
        told = asked and evidence.on_heatmaps(trial, asked.models, asked.criteria)
        if told:
            measured.append({"section": claim.section, "the report": claim.claim, "measured": told})
    return pd.DataFrame(measured).set_index("section") if measured else None


def no_answers(table: pd.DataFrame | None) -> str:
    """Says that nothing here answers the report's sentences; else nothing."""
    return "Nothing on trial here answers them." if table is None else ""


def _tables(
    trial: Sequence[Row], models: Sequence[str], kinds: Sequence[tuple[str | None, str]]
) -> Tables:
    """Methods by criteria as text, by model: value, interval, what chance earns; or why not.

    kinds : control and criterion of the columns; a model has those by which it was tried.
    """
    tables = {}
    for model in models:
        cells: dict[str, dict[str, str]] = {}
        for row in trial:
            kind = (row.control, row.criterion)
            if row.model == model and kind in kinds and not row.class_name:
                is_compared = row.control not in (None, rows.SHUFFLED)
                column = ": ".join(kind) if is_compared else row.criterion
                cells.setdefault(row.method, {})[column] = evidence.row_in_words(row)
        if cells:
            tables[model] = pd.DataFrame(cells).T.rename_axis("method")
    return tables


def _gallery(trained: Trained, dataset: Dataset, cells: np.ndarray) -> Figure:
    figure, columns = _classes_in_blocks(dataset.classes, 4, inches=(1.75, 1.9))
    figure.suptitle(trained.model)
    names = [words.shortened(name, 18) for name in dataset.classes]
    for choice in most_confident(trained.predictions).itertuples():
        top = 0 if choice.right else 2
        above, below = columns[choice.true][top : top + 2]
        image, heat = dataset.test.images[choice.image], cells[choice.image]
        for axis in (above, below):
            axis.set_axis_on()
            style.show_image(axis, image)
        _lay_over(below, heat, image.shape[:2])
        said = textwrap.fill(f"{names[choice.true]}, said {names[choice.predicted]}", 26)
        above.set_title(f"{said}\np = {choice.probability:.2f}", fontsize=8)
    return figure


def _side_by_side(model: str, shown: Shown, dataset: Dataset) -> Figure:
    images = dataset.test.images[: len(shown.classes)]
    size = (1.25 * len(images) + 1.2, 1.25 * (len(shown.maps) + 1))
    figure, axes = plt.subplots(len(shown.maps) + 1, len(images), figsize=size, squeeze=False)
    figure.suptitle(f"{model}: the class it named")
    titles = words.labels(dataset.classes)
    for axis, method in zip(axes[:, 0], ["image", *shown.maps], strict=True):
        axis.set_ylabel(method, fontsize=8, rotation=0, ha="right", va="center")
    for column, (image, named) in enumerate(zip(images, shown.classes, strict=True)):
        axes[0, column].set_title(titles[named], fontsize=8)
        for axis in axes[:, column]:
            style.show_image(axis, image)
        for axis, drawn in zip(axes[1:, column], shown.maps.values(), strict=True):
            if np.ptp(drawn[column]) > 0:
                axis.imshow(drawn[column], cmap=style.HEAT, alpha=0.6, vmin=0, vmax=1)
            else:
                axis.set_xlabel("constant", fontsize=7)
    return figure


def _classes_in_blocks(
    classes: Sequence[str], height: int, inches: tuple[float, float], left: float = 0
) -> tuple[Figure, list[np.ndarray]]:
    """A figure, its axes switched off, and each class's column of `height` axes in it."""
    across, blocks = min(len(classes), IN_A_ROW), -(-len(classes) // IN_A_ROW)
    size = (inches[0] * across + left, inches[1] * height * blocks)
    figure, axes = plt.subplots(height * blocks, across, figsize=size, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    columns = [
        axes[block * height : (block + 1) * height, k]
        for block in range(blocks)
        for k in range(across)
    ]
    return figure, columns[: len(classes)]


def _lay_over(axis: plt.Axes, heat: np.ndarray, shape: tuple[int, int]) -> None:
    """A map (h, w) over a picture of `shape`; one that is the same everywhere is said to be so."""
    if np.ptp(heat) == 0:
        axis.set_xlabel("constant map", fontsize=8)
        return
    height, width = shape
    axis.imshow(
        heat,
        cmap=style.HEAT,
        alpha=0.5,
        interpolation="bilinear",
        extent=(-0.5, width - 0.5, height - 0.5, -0.5),
    )
