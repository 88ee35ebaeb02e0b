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
FEATURES_OF_BASE = 2_048
# Passes' worth of a forward one: with the gradients of weights and inputs, and of inputs alone.
TRAINED, TRAINED_THROUGH = 3, 2


class Gpu(NamedTuple):
    """A GPU as its vendor and a cloud tell of it.

    flops : peak operations a second in float32; dollars : an hour on demand.
    """

    title: str
    flops: float
    dollars: float


# NVIDIA's data sheet; Google Cloud's price of the GPU alone, without its machine, as
# computeprices.com told it on 31 March 2026.
GPU = Gpu("NVIDIA T4", 8.1e12, 0.35)
# What share of a GPU's peak small convolutions are taken to reach, from the worst to the best.
SHARES = (0.02, 0.5)
# A power whose interval lies within these is called proportional.
PROPORTIONAL = (0.9, 1.1)
TRAINING, FEATURES, HEAD = "training", "features", "head"
NAMES = {TRAINING: "an epoch", FEATURES: "a pass of its frozen base", HEAD: "an epoch of its head"}
REPORTED_MINUTES = 45  # of the report's training of the custom CNN


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

    Columns: work (`TRAINING`, `FEATURES`, `HEAD`), model, images, size (pixels), seconds,
    gigabytes, is_short (taken from fewer images).
    """
    return pd.DataFrame(_told()["rows"])


def hardware() -> str:
    """What it was measured on, and when, in words."""
    made = {(each["hardware"], each["date"]) for each in _told()["made"].values()}
    return words.listed([f"{hardware}, {date}" for hardware, date in sorted(made)])


def exponent(of: pd.Series, by: pd.Series) -> Exponent:
    """The slope of log(of) by log(by), of medians where `by` repeats, with its interval.

    The interval is that of a straight line's slope (Student's t).
    """
    medians = of.groupby(by.to_numpy()).median()
    line = linregress(np.log(medians.index), np.log(medians))
    reach = t.ppf(0.975, len(medians) - 2) * line.stderr
    return Exponent(line.slope, line.slope - reach, line.slope + reach)


def by_images(work: str) -> pd.DataFrame:
    """The rows of a work at the least size, whose number of images varies."""
    rows = curve()
    return rows[(rows["work"] == work) & (rows["size"] == rows["size"].min())]


def by_pixels() -> pd.DataFrame:
    """Passes of training by size: columns pixels, milliseconds an image, gigabytes."""
    rows = curve()
    rows = rows[(rows["work"] == TRAINING) & (rows["images"] <= 1_000)]
    milliseconds = 1000 * rows["seconds"] / rows["images"]
    return rows.assign(pixels=rows["size"] ** 2, milliseconds=milliseconds)


def findings(study: Study) -> list[str]:
    """What a training of each model took, and where."""
    machines = {trained.provenance["hardware"]: None for trained in study.trainings}
    where = words.listed(list(machines))
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


def growth(work: str) -> str:
    """Whether time grows in proportion to the images, and what memory does."""
    rows = by_images(work)
    whole = rows[~rows["is_short"]]
    power, held = exponent(whole["seconds"], whole["images"]), rows["gigabytes"]
    least, most = PROPORTIONAL
    if least <= power.low and power.high <= most:
        verdict = "in proportion to them"
    elif power.high < 1:
        verdict = "more slowly than they do"
    elif power.low > 1:
        verdict = "faster than they do"
    else:
        verdict = f"too few points to tell whether that is within {least} and {most}"
    few, many = rows["images"].min(), rows["images"].max()
    at = rows.groupby("images")["gigabytes"].median()
    return (
        f"{_title(work)}: seconds grow as the images to the power of {power}, {verdict}. From "
        f"{few:,} to {many:,} images, {many / few:,.0f} times as many, the memory held goes from "
        f"{at[few]:.2f} to {at[many]:.2f} GB (at most {held.max():.2f})."
    )


def growth_by_pixels() -> str:
    """How the time of an image and the memory held grow with its pixels, in training."""
    rows = by_pixels()
    power = exponent(rows["milliseconds"], rows["pixels"])
    each = rows.groupby("size")[["milliseconds", "gigabytes"]].median()
    (small, few), (large, many) = each.iloc[[0, -1]].iterrows()
    return (
        f"{_title(TRAINING)}: at {small} px an image takes {few.milliseconds:.3g} ms, with "
        f"{few.gigabytes:.2f} GB held, and at {large} px {many.milliseconds:.3g} ms, with "
        f"{many.gigabytes:.2f} GB. Time grows as the pixels to the power of {power}."
    )


def held_by_head() -> str:
    """What a head held in memory, beside the file of views that it trained on."""
    row = by_images(HEAD).iloc[-1]
    views = load_settings(PROTOCOL).base.cached_views
    file = 4 * views * row["images"] * FEATURES_OF_BASE / 1e9
    return (
        f"{_title(HEAD)}: from a file of {file:.1f} GB with {views} views of {row['images']:,} "
        f"images, {row['gigabytes']:.2f} GB are held."
    )


def over_images() -> Figure:
    """Seconds of a pass (left) and memory held (right) by the number of images."""
    figure, axes = plt.subplots(1, 2, figsize=(6.4, 3))
    for work in (TRAINING, FEATURES):
        rows, colour = by_images(work), _entry(work).colour
        for axis, column in zip(axes, ("seconds", "gigabytes"), strict=True):
            for is_short, part in rows.groupby("is_short"):
                face = "none" if is_short else colour
                axis.plot(part["images"], part[column], "o", color=colour, mfc=face)
        medians = rows[~rows["is_short"]].groupby("images")["seconds"].median()
        line = linregress(np.log(medians.index), np.log(medians))
        ends = np.array([rows["images"].min(), rows["images"].max()])
        axes[0].plot(ends, np.exp(line.intercept) * ends**line.slope, color=colour, lw=1)
    axes[0].set(xscale="log", yscale="log", xlabel="images", ylabel="time of a pass (s)")
    axes[1].set(xscale="log", xlabel="images", ylabel="memory held (GB)")
    axes[1].set_ylim(bottom=0)
    handles = [
        style.mark(_entry(work).sentence_title, "o", _entry(work).colour)
        for work in (TRAINING, FEATURES)
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=2, frameon=False, fontsize=9)
    return figure


def over_pixels() -> Figure:
    """Milliseconds of an image in training by its side in pixels."""
    rows = by_pixels()
    figure, axis = plt.subplots(figsize=(4.4, 2.8))
    axis.plot(rows["size"], rows["milliseconds"], "o", color=_entry(TRAINING).colour)
    sides = data_sets.SIZES
    axis.set(xscale="log", yscale="log", xlabel="side of an image (px)")
    axis.set(ylabel="time of an image (ms)", xticks=sides, xticklabels=sides)
    axis.minorticks_off()
    return figure


def learned() -> str:
    """What the protocol takes here, beside what the report states."""
    custom, features, head = (between(*seconds) for seconds in protocol_seconds().values())
    return (
        f"With as many images as the report had, the custom CNN takes {custom} a seed, ResNet50's "
        f"frozen features {features}, once for all seeds, and its head {head} a seed "
        f"({hardware()}). The report states 45 and 60 minutes of an accelerator; its 60 are for "
        "training through ResNet50, which was not measured here."
    )


def protocol_seconds() -> dict[str, tuple[float, float]]:
    """What each work of the protocol takes on OCTMNIST here: the fastest and slowest seconds.

    Both are a pass's seconds an image, of those measured at the least size, times the images.
    """
    images, views = _passes()
    return {
        work: _seconds_for(work, count)
        for work, count in ((TRAINING, images), (FEATURES, views), (HEAD, images))
    }


def protocol_table() -> pd.DataFrame:
    """What the report's protocol takes on OCTMNIST, estimated: a row a work."""
    settings, (images, views) = load_settings(PROTOCOL), _passes()
    measured, here = protocol_seconds(), _told()["made"][TRAINING]["hardware"]
    through = RESNET_MACS * (settings.base.upsample_to / RESNET_SIDE) ** 2
    rows = {
        "custom CNN, a seed": (measured[TRAINING], TRAINED * CUSTOM_MACS * images),
        "frozen features of ResNet50, once": (measured[FEATURES], through * views),
        "its head, a seed": (measured[HEAD], None),
        "through ResNet50, a seed": (None, TRAINED_THROUGH * through * images),
    }
    return pd.DataFrame(
        {
            work: {
                here: "not measured" if seconds is None else between(*seconds),
                GPU.title: "not estimated" if macs is None else _on_gpu(2 * macs),
            }
            for work, (seconds, macs) in rows.items()
        }
    ).T.rename_axis("work")


def of_the_reports_minutes() -> str:
    """What share of a GPU's peak the report's minutes would be."""
    images, _ = _passes()
    share = 2 * TRAINED * CUSTOM_MACS * images / (60 * REPORTED_MINUTES * GPU.flops)
    return (
        f"If the report's {REPORTED_MINUTES} minutes were of an {GPU.title}, they would be "
        f"{100 * share:.1f} % of its peak."
    )


def between(least: float, most: float) -> str:
    """Two times as a reader counts them, such as 12 to 40 min, or one where they read the same."""
    scale, digits, unit = 1, 0, "s"
    if most >= 5400:
        scale, digits, unit = 3600, 1, "h"
    elif most >= 90:
        scale, digits, unit = 60, 0, "min"
    told = dict.fromkeys(f"{seconds / scale:.{digits}f}" for seconds in (least, most))
    return f"{' to '.join(told)} {unit}"


def _passes() -> tuple[int, int]:
    """How many images the protocol trains on in all its epochs, and how many views it keeps."""
    settings, data_set = load_settings(PROTOCOL), data_sets.get(data_sets.imitated())
    images, others = data_set.samples["train"], sum(data_set.samples.values())
    views = images * settings.base.cached_views + others - images
    return images * settings.training.epochs, views


def _told() -> dict:
    return json.loads(CURVE.read_text(encoding="utf-8"))


def _entry(work: str) -> architectures.Architecture:
    return architectures.get(by_images(work)["model"].iloc[0])


def _title(work: str) -> str:
    return f"{_entry(work).sentence_title}, {NAMES[work]}"


def _seconds_for(work: str, images: int) -> tuple[float, float]:
    rows = by_images(work)
    each = (rows["seconds"] / rows["images"])[~rows["is_short"]]
    return images * each.min(), images * each.max()


def _on_gpu(operations: float) -> str:
    slow, fast = (operations / (share * GPU.flops) for share in SHARES)
    dollars = [seconds / 3600 * GPU.dollars for seconds in (fast, slow)]
    return f"{between(fast, slow)}, {dollars[0]:.2f} to {dollars[1]:.2f} dollars"
