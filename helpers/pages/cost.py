"""Chapter 13, cost: what the protocol takes in time and memory, and how that grows."""

import functools
import json
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.stats import linregress, t

from helpers.models.trainings import Trained
from helpers.pages import style, words
from helpers.pages.study import Study
from helpers.study import architectures, data_sets
from helpers.study.settings import PROTOCOL, REPOSITORY, load_settings

CURVE = REPOSITORY / "benchmarks" / "cost_curve.json"
# What a forward pass multiplies and adds: the custom CNN at 28 px, counted layer by layer, and
# ResNet-50 at 224 px (He et al. 2016, table 1), which falls with the pixels.
CUSTOM_MACS, RESNET_MACS, RESNET_SIDE = 32e6, 3.8e9, 224
# Passes' worth of a forward one: with the gradients of weights and inputs, and of inputs alone.
TRAINED, TRAINED_THROUGH = 3, 2


class Gpu(NamedTuple):
    """A GPU as its vendor and a cloud tell of it.

    flops : peak operations a second in float32; dollars : an hour on demand.
    """

    title: str
    flops: float
    dollars: float


# NVIDIA's data sheet; Google Cloud's price as computeprices.com told it on 31 March 2026.
GPU = Gpu("NVIDIA T4", 8.1e12, 0.35)
# What share of a GPU's peak small convolutions reach, from the worst to the best.
SHARES = (0.05, 0.5)


class Exponent(NamedTuple):
    """The power of one quantity with which another grows, with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


@functools.cache
def curve() -> pd.DataFrame:
    """What `benchmarks/cost_curve.py` measured: a row a pass.

    Columns: model, images, size (pixels), seconds, gigabytes, is_short (taken from fewer images).
    """
    return pd.DataFrame(_told()["rows"])


def models() -> list[str]:
    """The models that were measured: the one that trains throughout comes first."""
    return list(curve()["model"].unique())


def hardware() -> str:
    """What it was measured on, and when."""
    told = _told()
    return f"{told['hardware']}, {told['date']}"


def exponent(of: pd.Series, by: pd.Series) -> Exponent:
    """The slope of log(of) by log(by), with the interval of a straight line's slope."""
    line = linregress(np.log(by), np.log(of))
    reach = t.ppf(0.975, len(of) - 2) * line.stderr
    return Exponent(line.slope, line.slope - reach, line.slope + reach)


def by_images(model: str) -> pd.DataFrame:
    """The rows of a model at the least size, whose number of images varies."""
    rows = curve()
    return rows[(rows["model"] == model) & (rows["size"] == rows["size"].min())]


def by_pixels(model: str) -> pd.DataFrame:
    """A model's passes by size: columns pixels, and milliseconds an image."""
    rows = curve()
    rows = rows[(rows["model"] == model) & (rows["images"] <= 1_000)]
    milliseconds = 1000 * rows["seconds"] / rows["images"]
    return pd.DataFrame({"pixels": rows["size"] ** 2, "milliseconds": milliseconds})


def findings(study: Study) -> list[str]:
    """What a training of each model took, and where."""
    where = study.trainings[0].provenance["hardware"]
    told = [took(by_seed) for by_seed in study.by_model.values()]
    shared = ""
    if any(map(study.settings.features_are_fixed, study.settings.models)):
        shared = "The seed of a frozen base that comes first computes the features of all."
    return [f"On {where}, training took {words.listed(told)}.", shared]


def took(by_seed: list[Trained]) -> str:
    """How long a model's trainings took."""
    seconds = [trained.provenance["seconds"] for trained in by_seed]
    each = f"{min(seconds):,.0f} s"
    if len(seconds) > 1:
        each = f"{min(seconds):,.0f} to {max(seconds):,.0f} s a seed"
    return f"{each} ({architectures.get(by_seed[0].model).title})"


def growth(model: str) -> str:
    """Whether time grows in proportion to the images, and what memory does."""
    rows = by_images(model)
    power, held = exponent(rows["seconds"], rows["images"]), rows["gigabytes"]
    if power.low <= 1 <= power.high:
        verdict = "in proportion to them, as far as this tells"
    else:
        verdict = "more slowly than they do" if power.value < 1 else "faster than they do"
    few, many = rows.loc[[rows["images"].idxmin(), rows["images"].idxmax()], "gigabytes"]
    return (
        f"For {architectures.get(model).title}, seconds grow as the images to the power of "
        f"{power}: {verdict}. From {rows['images'].min():,} to {rows['images'].max():,} images, "
        f"{rows['images'].max() / rows['images'].min():,.0f} times as many, the memory held goes "
        f"from {few:.2f} to {many:.2f} GB (at most {held.max():.2f})."
    )


def growth_by_pixels() -> str:
    """How the time of an image grows with its pixels, for the first model."""
    model = models()[0]
    rows = by_pixels(model)
    power = exponent(rows["milliseconds"], rows["pixels"])
    each = rows.groupby("pixels")["milliseconds"].median()
    told = [f"{each[p]:,.3g} ms at {p**0.5:.0f} px" for p in (each.index.min(), each.index.max())]
    return (
        f"For {architectures.get(model).title}, an image takes {' and '.join(told)}; time grows as "
        f"the pixels to the power of {power}."
    )


def over_images() -> Figure:
    """Seconds of a pass (left) and memory held (right) by the number of images."""
    figure, axes = plt.subplots(1, 2, figsize=(6.4, 3))
    for model in models():
        rows, entry = by_images(model), architectures.get(model)
        for axis, column in zip(axes, ("seconds", "gigabytes"), strict=True):
            for is_short, part in rows.groupby("is_short"):
                face = "none" if is_short else entry.colour
                axis.plot(part["images"], part[column], "o", color=entry.colour, mfc=face)
        line = linregress(np.log(rows["images"]), np.log(rows["seconds"]))
        ends = np.array([rows["images"].min(), rows["images"].max()])
        fitted = np.exp(line.intercept) * ends**line.slope
        axes[0].plot(ends, fitted, color=entry.colour, lw=1)
    axes[0].set(xscale="log", yscale="log", xlabel="images", ylabel="time of a pass (s)")
    axes[1].set(xscale="log", xlabel="images", ylabel="memory held (GB)")
    axes[1].set_ylim(bottom=0)
    handles = [
        style.mark(architectures.get(m).sentence_title, "o", architectures.get(m).colour)
        for m in models()
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=2, frameon=False, fontsize=9)
    return figure


def over_pixels() -> Figure:
    """Milliseconds of an image by its side in pixels, for the first model."""
    model = models()[0]
    rows, entry = by_pixels(model), architectures.get(model)
    figure, axis = plt.subplots(figsize=(4.4, 2.8))
    axis.plot(np.sqrt(rows["pixels"]), rows["milliseconds"], "o", color=entry.colour)
    sides = data_sets.SIZES
    axis.set(xscale="log", yscale="log", xlabel="side of an image (px)")
    axis.set(ylabel="time of an image (ms)", xticks=sides, xticklabels=sides)
    axis.minorticks_off()
    return figure


def learned() -> str:
    """What the protocol takes here, beside what the report states."""
    custom, features = map(duration, protocol_seconds())
    return (
        f"On two cores a seed of the custom CNN takes {custom}, and ResNet50's frozen features "
        f"{features}, once for all seeds, on as many images as the report had. It states 45 and 60 "
        "minutes of an accelerator. Nothing here is computed twice, and nothing is held in memory "
        "that a file can hold."
    )


def protocol_seconds() -> tuple[float, float]:
    """What the protocol takes on OCTMNIST here: a seed of the custom CNN, frozen features once."""
    custom, features = (_seconds_an_image(model) for model in models())
    images, views = _passes()
    return custom * images, features * views


def protocol_table() -> pd.DataFrame:
    """What the report's protocol takes on OCTMNIST: a row a work.

    On the processor from the largest pass that was measured; on a GPU an estimate.
    """
    settings, (images, views) = load_settings(PROTOCOL), _passes()
    custom, features = protocol_seconds()
    through = RESNET_MACS * (settings.base.upsample_to / RESNET_SIDE) ** 2
    rows = {
        "custom CNN, a seed": (custom, TRAINED * CUSTOM_MACS * images),
        "frozen features of ResNet50, once": (features, through * views),
        "through ResNet50, a seed": (None, TRAINED_THROUGH * through * images),
    }
    return pd.DataFrame(
        {
            work: {
                "two cores": "not measured" if seconds is None else duration(seconds),
                f"{GPU.title} (estimate)": _between(2 * macs),
            }
            for work, (seconds, macs) in rows.items()
        }
    ).T.rename_axis("work")


def duration(seconds: float) -> str:
    """A time as a reader counts it: 40 s, 12 min, 3.4 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _passes() -> tuple[int, int]:
    """How many images the protocol trains on in all its epochs, and how many views it keeps."""
    settings, data_set = load_settings(PROTOCOL), data_sets.get(data_sets.imitated())
    images, others = data_set.samples["train"], sum(data_set.samples.values())
    views = images * settings.base.cached_views + others - images
    return images * settings.training.epochs, views


def _told() -> dict:
    return json.loads(CURVE.read_text(encoding="utf-8"))


def _seconds_an_image(model: str) -> float:
    rows = by_images(model)
    largest = rows.loc[rows["images"].where(~rows["is_short"]).idxmax()]
    return largest["seconds"] / largest["images"]


def _between(operations: float) -> str:
    slow, fast = (operations / (share * GPU.flops) for share in SHARES)
    dollars = [seconds / 3600 * GPU.dollars for seconds in (fast, slow)]
    return f"{duration(fast)} to {duration(slow)}, {dollars[0]:.2f} to {dollars[1]:.2f} dollars"
