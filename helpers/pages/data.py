"""Chapter 1, the data: its tables, its figures and the sentences that differ from run to run."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from helpers.data.dataset import Dataset, Split
from helpers.ledger import claims
from helpers.models import augmentation
from helpers.pages import style, words
from helpers.study import data_sets
from helpers.study.data_sets import DataSet
from helpers.study.settings import Settings

COLOURS = ("red", "green", "blue")


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


def class_counts(dataset: Dataset) -> pd.DataFrame:
    """Images per class (rows) and split (columns)."""
    count = len(dataset.classes)
    counts = {n: np.bincount(s.labels, minlength=count) for n, s in dataset.splits.items()}
    return pd.DataFrame(counts, index=pd.Index(dataset.classes, name="class"))


def class_distribution(counts: pd.DataFrame) -> Figure:
    """Share of each class per split; `counts` as `class_counts` gives them."""
    height = 0.42 * len(counts) + 0.9
    figure, axes = plt.subplots(1, counts.shape[1], figsize=(8, height), sharex=True, sharey=True)
    colours = list(style.class_colours(tuple(counts.index)).values())
    for axis, (split, column) in zip(axes, counts.items(), strict=True):
        bars = axis.barh(range(len(column)), 100 * column / column.sum(), color=colours)
        axis.bar_label(bars, [f"{n:,}" for n in column], fontsize=9, padding=2)
        axis.set(title=f"{split} (n = {column.sum():,})", xlabel="share of the split (%)")
        axis.margins(x=0.25)
    axes[0].set_yticks(range(len(counts)), words.labels(counts.index))
    axes[0].invert_yaxis()
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
        text += " White borders are scans that were rotated when they were stored."
    return text


def pixel_statistics(dataset: Dataset) -> pd.DataFrame:
    """Mean, standard deviation, least and greatest value (0 to 1): a row a split, or its colour."""
    levels, rows = np.arange(256) / 255, {}
    for name, split in dataset.splits.items():
        channels = np.moveaxis(split.images, -1, 0)
        for values, colour in zip(channels, COLOURS, strict=False):
            # Image by image, since what is counted is copied to eight times its size.
            counts = sum(np.bincount(one.reshape(-1), minlength=256) for one in values)
            histogram = counts / values.size
            mean, there = histogram @ levels, levels[histogram > 0]
            rows[name if len(channels) == 1 else f"{name}, {colour}"] = {
                "mean": mean,
                "standard deviation": np.sqrt(histogram @ (levels - mean) ** 2),
                "least": there.min(),
                "greatest": there.max(),
            }
    return pd.DataFrame(rows).T.rename_axis("split")


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
