"""Chapter 1, the data: its tables, its figures and the sentences that differ from run to run."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from helpers.data import phantom
from helpers.data.dataset import Dataset, Split
from helpers.ledger import claims
from helpers.models import augmentation
from helpers.pages import style, words
from helpers.pages.study import Described, Study
from helpers.study import data_sets
from helpers.study.data_sets import DataSet
from helpers.study.settings import Settings

COLOURS = ("red", "green", "blue")
# The drawn eye whose layers are named, and where its foveal pit is looked for.
SHOWN_EYE, PIT = 21, slice(32, 96)
LINE = "#56B4E9"


def annotated_scan() -> Figure:
    """A drawn healthy B-scan, its layers named where the phantom's program put them."""
    drawn = phantom.draw_phantom(np.full(SHOWN_EYE + 1, phantom.NORMAL), phantom.FINE, seed=0)
    lines = drawn.boundaries[SHOWN_EYE]
    ilm, bruch = lines[phantom.ILM], lines[phantom.BRUCH]
    rpe = lines[phantom.RPE_TOP : phantom.BRUCH].mean(axis=0)
    figure, axis = plt.subplots(figsize=(6.4, 2.7))
    axis.imshow(drawn.images[SHOWN_EYE], cmap="gray", vmin=0, vmax=255)
    for line in (ilm, bruch):
        axis.plot(line, color=LINE, lw=0.8)
    fovea, edge = int((rpe - ilm)[PIT].argmin()) + PIT.start, phantom.FINE - 12
    places = {
        "vitreous": (edge, ilm[edge] - 10),
        "inner limiting\nmembrane": (edge, ilm[edge]),
        "retinal layers": (edge, (ilm[edge] + rpe[edge]) / 2),
        "retinal pigment\nepithelium (RPE)": (edge, rpe[edge]),
        "Bruch's membrane": (edge, bruch[edge]),
        "choroid": (edge, bruch[edge] + 8),
    }
    top, bottom = ilm.min() - 16, bruch.max() + 16
    heights = np.linspace(top + 3, bottom - 3, len(places))
    for (name, place), height in zip(places.items(), heights, strict=True):
        axis.text(phantom.FINE + 6, height, name, fontsize=9, va="center")
        ends = [place[0], phantom.FINE + 5], [place[1], height]
        axis.plot(*ends, color=LINE, lw=0.8, clip_on=False)
    axis.text(fovea, top + 6, "fovea", color="white", fontsize=9, ha="center", va="center")
    axis.plot([fovea, fovea], [top + 9, ilm[fovea]], color="white", lw=0.8)
    axis.set_xlim(0, phantom.FINE - 1)
    axis.set_ylim(bottom, top)
    style.bare(axis)
    return figure


def facts(data_set: DataSet) -> pd.DataFrame:
    """What MedMNIST's table says of a data set: one column, `MedMNIST`."""
    rows = {
        "task": data_set.task,
        "channels": str(data_set.channels),
        **{f"images, {split}": f"{n:,}" for split, n in data_set.samples.items()},
        "images, total": f"{sum(data_set.samples.values()):,}",
        **{f"class {index}": label for index, label in enumerate(data_set.labels)},
        "licence": data_set.licence,
    }
    return pd.DataFrame({"MedMNIST": rows}).rename_axis("fact")


def stated_splits(data_set: DataSet) -> str:
    """The report's split sizes beside MedMNIST's own, in a sentence."""
    if not data_set.audited:
        return words.aside(data_set, f"The report is about {data_sets.audited().title}")
    stated = claims.stated_splits()
    sizes = words.listed([f"{n:,}" for n in stated.values()])
    agreeing = "exactly" if stated == dict(data_set.samples) else "not"
    return f"The report's split sizes ({sizes}) are {agreeing} these."


def findings(study: Study) -> list[str]:
    """How many images there are, and how uneven the classes of each split."""
    if isinstance(study, Described):
        predictions = study.trainings[0].predictions
        labels = {"val": predictions.val_labels, "test": predictions.test_labels}
        counts = study.counts
    else:
        splits = study.dataset.splits
        labels = {name: split.labels for name, split in splits.items()}
        counts = {name: len(split) for name, split in splits.items()}
    sizes = words.listed([f"{count:,} in {split}" for split, count in counts.items()])
    return [f"{sum(counts.values()):,} images, of which {sizes}.", imbalances(labels)]


def imbalances(labels: Mapping[str, np.ndarray]) -> str:
    """How many times as large as the smallest class the largest is, by split."""
    (first, *others) = [(f"{augmentation.imbalance(each):.1f}", s) for s, each in labels.items()]
    told = [f"{first[0]} times as many images as the smallest in {first[1]}"]
    told += [f"{ratio} times in {split}" for ratio, split in others]
    return f"The largest class has {words.listed(told)}."


def class_counts(dataset: Dataset) -> pd.DataFrame:
    """Images per class (rows) and split (columns)."""
    count = len(dataset.classes)
    counts = {n: np.bincount(s.labels, minlength=count) for n, s in dataset.splits.items()}
    return pd.DataFrame(counts, index=pd.Index(dataset.classes, name="class"))


def class_distribution(counts: pd.DataFrame) -> Figure:
    """Share of each class per split; `counts` as `class_counts` gives them."""
    height = (0.36 * len(counts) + 0.75) * counts.shape[1]
    figure, axes = plt.subplots(counts.shape[1], 1, figsize=(6.4, height), sharex=True)
    colours = list(style.class_colours(tuple(counts.index)).values())
    for axis, (split, column) in zip(axes, counts.items(), strict=True):
        bars = axis.barh(range(len(column)), 100 * column / column.sum(), color=colours)
        axis.bar_label(bars, [f"{n:,}" for n in column], fontsize=9, padding=2)
        axis.set_title(f"{split} (n = {column.sum():,})", fontsize=10, loc="left")
        axis.set_yticks(range(len(counts)), words.labels(counts.index), fontsize=9)
        axis.margins(x=0.12)
        axis.invert_yaxis()
    axes[-1].set_xlabel("share of the split (%)")
    return figure


def first_of_each_class(split: Split, classes: int, each: int) -> list[np.ndarray]:
    """The first images of each class, `each` at most: uint8 (m, height, width, channels)."""
    return [split.images[np.flatnonzero(split.labels == k)[:each]] for k in range(classes)]


def about_pixels(dataset: Dataset) -> str:
    """What the pixels' values stand for."""
    text = "Grey values as shares of the full range, so that 0 is black and 1 is white."
    if dataset.data_set.channels == len(COLOURS):
        text = (
            "Values of red, green and blue as shares of the full range, so that 0 is none and 1 is "
            "all of a colour."
        )
    if dataset.data_set.audited:
        text += " Many scans have white borders; why is not documented."
    return text


def countermeasures(settings: Settings, dataset: Dataset) -> str:
    """Whether training augments and how it weights the classes."""
    labels, varied = dataset.train.labels, settings.augmentation
    switch = "on" if augmentation.applies(varied, labels) else "off"
    text = (
        f"The ratio in training is {augmentation.imbalance(labels):.1f}, the threshold "
        f"{varied.imbalance_ratio:g}; augmentation is {switch} (setting: {varied.when})."
    )
    if settings.training.class_weights == "none":
        return f"{text} Classes are not weighted."
    pairs = zip(dataset.classes, augmentation.class_weights(labels), strict=True)
    weights = [f"{weight:.2f} for {data_sets.class_title(name)}" for name, weight in pairs]
    return f"{text} The weights of an image in the loss are {words.listed(weights)}."


def transformations(settings: Settings) -> str:
    """What augmentation does to an image (the report's section 2.1)."""
    varied = settings.augmentation
    flip = ", flips left and right" if varied.horizontal_flip else ""
    return (
        f"Augmentation turns by up to {varied.rotation_degrees:g} degrees, shifts by up to "
        f"{100 * varied.shift:g} %{flip}, and zooms by up to {100 * varied.zoom:g} %."
    )


def copies(table: pd.DataFrame, dataset: Dataset) -> str:
    """How many test images are elsewhere too (`duplicates.duplicate_table`), and labelled how."""
    exact, near = (table.loc[(kind, "test")] for kind in ("exact", "near"))
    text = (
        f"Of {len(dataset.test):,} test images {exact['copy in train']:,} are exactly, and "
        f"{near['copy in train']:,} nearly, in training as well; {exact['copy in test']:,} have an "
        "exact copy within the test split."
    )
    if not (exact["copy in train"] or exact["copy in val"]):
        return text
    count = exact["other label"]
    whose = f"Of {count:,} the copy outside" if count else "No exact copy outside"
    return f"{text} {whose} the test split bears another label."
