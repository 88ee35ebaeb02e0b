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
VERDICT_COLOURS = {"passes": "#A6CEE3", "fails": "#FDBF6F", "not tried": "#DDDDDD"}
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


def gallery(trained: Trained, dataset: Dataset, cells: np.ndarray) -> Figure:
    """The images that a model was surest of, right ones above, with their maps (n, h, w)."""
    figure, columns = _classes_in_blocks(dataset.classes, 4, inches=(1.75, 1.9))
    figure.suptitle(trained.model)
    names = [words.shortened(name, 18) for name in dataset.classes]
    edge = dataset.size - 0.5
    look = {"cmap": style.HEAT, "alpha": 0.5, "interpolation": "bilinear"}
    look["extent"] = (-0.5, edge, edge, -0.5)
    for choice in most_confident(trained.predictions).itertuples():
        top = 0 if choice.right else 2
        above, below = columns[choice.true][top : top + 2]
        for axis in (above, below):
            axis.set_axis_on()
            style.show_image(axis, dataset.test.images[choice.image])
        heat = cells[choice.image]
        if np.ptp(heat) > 0:
            below.imshow(heat, **look)
        else:
            below.set_xlabel("constant map", fontsize=8)
        said = textwrap.fill(f"{names[choice.true]}, said {names[choice.predicted]}", 26)
        above.set_title(f"{said}\np = {choice.probability:.2f}", fontsize=8)
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
    of = (dataset.test.images, dataset.test.labels, dataset.classes)
    tables = {model: maps.map_statistics(drawn, *of) for model, drawn in cells.items()}
    return {m: t.round(2).astype(object).where(t.notna(), "none") for m, t in tables.items()}


def class_maps(model: str, averages: np.ndarray, classes: Sequence[str]) -> str:
    """How alike the classes' mean maps (classes, h, w) are: the highest and lowest correlation."""
    title = architectures.get(model).sentence_title
    if maps.is_constant(averages).any():
        return f"{title}: some mean maps are constant and can't be compared."
    first, second = np.triu_indices(len(averages), 1)
    values = np.corrcoef(averages.reshape(len(averages), -1))[first, second]
    names = [class_title(name) for name in classes]
    each = zip(first, second, values, strict=True)
    pairs = [f"{names[a]} and {names[b]} (r = {r:.2f})" for a, b, r in each]
    told = f"compared are the mean maps of {pairs[0]}"
    if len(pairs) > 1:
        most, least = pairs[values.argmax()], pairs[values.argmin()]
        told = f"the mean maps most alike are those of {most}, the least alike those of {least}"
    return f"{title}: {told}. A map that explains one class differs from another's."


def methods_side_by_side(model: str, shown: Shown, dataset: Dataset) -> Figure:
    """A row a method, a column a test image shown on top, for the class that the model named."""
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


def on_trial(settings: Settings, dataset: Dataset) -> str:
    """How many images of which models are on trial, and which models are not and why."""
    counts = []
    for model in controls.models_on_trial(settings):
        count = min(controls.images_on_trial(settings, model), len(dataset.test))
        counts.append(f"{count} of {architectures.get(model).title}")
    calls = f"some {settings.heatmaps.evaluations} calls of the model an image"
    text = f"On trial are the maps of the first test images: {words.listed(counts)}, with {calls}."
    if not counts:
        text = "No heatmaps are on trial here."
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


def alike(trial: Sequence[Row], models: Sequence[str], *, randomized: bool) -> Tables:
    """How alike maps stay, by model: with random weights, or (else) where they should stay."""
    kinds = [k for k in rows.compared(trial) if rows.randomizes(k[0]) == randomized]
    return _tables(trial, models, kinds)


def edge_detectors(trial: Sequence[Row], model: str) -> str:
    """Which methods keep their maps though all weights are random, and so show edges."""
    same = [f"{row.method} (n = {row.measure.n})" for row in rows.keeping_maps(trial, model)]
    told = f"no method keeps its maps (rank correlation above {rows.SAME} and above chance)"
    if same:
        told = (
            f"the maps of {words.listed(same)} stay much the same (rank correlation above "
            f"{rows.SAME} and above chance, interval and all): edge detectors here"
        )
    text = f"{architectures.get(model).sentence_title}: with all weights random, {told}."
    randomized = [row for row in trial if (row.model, row.control) == (model, rows.ALL_RANDOM)]
    without = dict.fromkeys(row.method for row in randomized if row.measure is None)
    if without:
        text += f" Constant, and so without an answer: {words.listed(list(without))}."
    return text


def verdict_tables(trial: Sequence[Row], models: Sequence[str]) -> dict[str, HTML]:
    """Each model's verdicts (`rows.verdicts`) as a coloured table: passes, fails, or not tried."""
    tables = {}
    for model in models:
        verdicts = rows.verdicts(trial, model).astype(object)
        told = verdicts.map({True: "passes", False: "fails"}.get).fillna("not tried")
        shown = told.style.map(lambda t: f"background-color: {VERDICT_COLOURS[t]}; color: #222222")
        tables[model] = HTML(shown.set_table_attributes('class="dataframe"').to_html())
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
    """Methods by kinds (control, criterion) as text, by model: value, interval, chance; or why."""
    tables: dict[str, dict[str, dict[str, str]]] = {model: {} for model in models}
    for row in trial:
        kind = (row.control, row.criterion)
        if row.model in tables and kind in kinds and not row.class_name:
            is_compared = row.control not in (None, rows.SHUFFLED)
            column = ": ".join(kind) if is_compared else row.criterion
            tables[row.model].setdefault(row.method, {})[column] = evidence.row_in_words(row)
    return {m: pd.DataFrame(t).T.rename_axis("method") for m, t in tables.items() if t}


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
