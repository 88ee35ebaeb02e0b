"""Chapter 11, the acquisition shift: about OCT scans; it steps back in a run on other images."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from helpers.data import scans
from helpers.data.dataset import Dataset
from helpers.evaluation import acquisition
from helpers.evaluation.acquisition import AS_THEY_ARE, TEST, Acquisition, Gap
from helpers.evaluation.measures import Measure
from helpers.pages import style, words
from helpers.pages.study import Study
from helpers.study import architectures
from helpers.study.data_sets import DataSet, class_title

STRETCHED = "stretched"
MARKS = {AS_THEY_ARE: ("o", "white"), STRETCHED: ("s", "#CCCCCC"), TEST: ("D", None)}


def findings(study: Study) -> list[str]:
    """How the scans of the splits differ, and what stretching validation images costs."""
    found = acquisition.load_or_measure(*study.given)
    told = [scan_widths(found, study.dataset.data_set)]
    return told + [stretching(model, gap) for model, gap in found.gaps.items()]


def scan_widths(found: Acquisition, data_set: DataSet) -> str:
    """How many scans of each split are of high resolution, or why that can't be told."""
    if not data_set.audited:
        return words.aside(data_set, "This chapter is about OCT scans")
    shares = found.high_resolution
    if shares is None:
        return (
            "How wide the scans behind these images were is not known; every validation image is "
            "stretched alike, which tells what a model can bear, not what explains a gap."
        )
    told = words.listed([f"{100 * share:.0f} % in {split}" for split, share in shares.items()])
    return f"Scans of high resolution are {told}."


def widths(found: Acquisition) -> Figure | None:
    """The share of each split's images by the width of their scan, a bar a split."""
    if found.widths is None:
        return None
    values = sorted({int(width) for counts in found.widths.values() for width in counts})
    shades = plt.get_cmap("cividis")(np.linspace(0, 0.95, len(values)))
    figure, axis = plt.subplots(figsize=(6.4, 1.9))
    for place, counts in enumerate(found.widths.values()):
        total, left = sum(counts.values()), 0.0
        for value, shade in zip(values, shades, strict=True):
            share = 100 * counts.get(str(value), 0) / total
            label = f"{value:,} px" if place == 0 else None
            axis.barh(place, share, left=left, color=shade, label=label, edgecolor="white")
            left += share
    axis.set(yticks=range(len(found.widths)), yticklabels=found.widths, xlim=(0, 100))
    axis.set_xlabel("share of the split (%), by width of the scan")
    axis.invert_yaxis()
    figure.legend(loc="outside upper center", ncols=len(values), frameon=False, fontsize=9)
    return figure


def how_stretched(found: Acquisition, data_set: DataSet) -> str:
    """How validation images are stretched, against what control, and of which class none is."""
    if not data_set.audited:
        return ""
    if not any(found.stretched.values()):
        return "None is stretched: no validation scan is narrower than most test scans are."
    text = (
        "Stretching an image of this size loses detail across, which a true scan of high "
        "resolution has; the control loses as much and moves nothing."
    )
    if "anew" in found.control:
        text = (
            f"They are stretched from the same scans at {scans.FINER_SIZE} px, so that no detail "
            "is lost; the control is made from those alike, but not stretched."
        )
    left = [class_title(name) for name, count in found.stretched.items() if not count]
    if left:
        text += f" Of {words.listed(left)} none is: all their scans are of high resolution."
    return text


def examples(dataset: Dataset) -> Figure | None:
    """Of each class a test image and, where one is stretched, a validation image's variants."""
    factors = acquisition.stretch_factors(dataset, acquisition.source_widths(dataset))
    if not (factors > 1).any():
        return None
    variants = scans.variants(dataset.val.images, factors, scans.finer_validation(dataset))
    labels, classes = dataset.val.labels, range(len(dataset.classes))
    first = [np.flatnonzero((labels == k) & (factors > 1))[:1] for k in classes]
    rows = [[next(iter(images[k]), None) for k in first] for images in variants.values()]
    rows.append([dataset.test.images[np.argmax(dataset.test.labels == k)] for k in classes])
    return style.image_grid(rows, [*variants, TEST], words.labels(dataset.classes))


def stretching(model: str, gap: Gap) -> str:
    """What stretching validation images costs a model beyond its control."""
    verdict = "is not shown to cost accuracy"
    if gap.shape.low is not None and gap.shape.low > 0:
        verdict = "costs accuracy"
    elif gap.shape.high is not None and gap.shape.high < 0:
        verdict = "gains accuracy"
    return (
        f"{architectures.get(model).sentence_title}: stretching {verdict} "
        f"({gap.shape.points()} points beyond its control)."
    )


def decomposition(model: str, gap: Gap) -> str:
    """A model's gap before and after its validation images are stretched."""
    rest = "which chance does not explain" if _excludes_zero(gap.left) else "within chance"
    return (
        f"{architectures.get(model).sentence_title}: at test's class ratio validation minus test "
        f"is {gap.before.points()} points. Stretching takes {gap.cost.points()} of them, the "
        f"control {gap.control.points()}. Validation stretched minus test is "
        f"{gap.left.points()} points, {rest}."
    )


def gaps(found: Acquisition) -> Figure | None:
    """Validation minus test, what the shape costs and what is left: a row a model."""
    if not found.gaps:
        return None
    fields = {"before": "validation minus test", "shape": "cost of the shape", "left": "left over"}
    figure, axis = plt.subplots(figsize=(6.4, 0.75 * len(found.gaps) + 1.2))
    marks = zip(
        fields.items(), np.linspace(-0.22, 0.22, 3), "osD", style.CLASS_COLOURS, strict=False
    )
    for (field, label), offset, mark, colour in marks:
        for place, gap in enumerate(found.gaps.values()):
            look = {"fmt": mark, "color": colour, "label": "" if place else label}
            style.dot(axis, getattr(gap, field), place + offset, **look)
    axis.axvline(0, color=style.GREY, lw=0.8)
    axis.set(xlabel="points of accuracy, at test's class ratio", yticks=range(len(found.gaps)))
    axis.set_yticklabels([architectures.get(model).title for model in found.gaps])
    axis.set_ylim(len(found.gaps) - 0.5, -0.5)
    figure.legend(loc="outside upper center", ncols=3, frameon=False, fontsize=9)
    return figure


def recalls(found: Acquisition) -> Figure | None:
    """Recall of each class on validation, validation stretched and test: a panel a model."""
    if not found.recalls:
        return None
    classes = tuple(found.stretched)
    inches = (3.2, 0.55 * len(classes) + 1)
    figure, axes = style.in_rows(len(found.recalls), 2, inches, sharey=True)
    for axis, (model, by_variant) in zip(axes, found.recalls.items(), strict=True):
        offsets = np.linspace(-0.22, 0.22, len(MARKS))
        for offset, (variant, (mark, fill)) in zip(offsets, MARKS.items(), strict=True):
            for place, (name, colour) in enumerate(style.class_colours(classes).items()):
                look = {"fmt": mark, "color": colour, "mfc": fill or colour}
                style.dot(axis, by_variant[variant][name], place + offset, **look)
        axis.set(title=architectures.get(model).title, xlabel="recall (%)", xlim=(-3, 103))
        axis.title.set_fontsize(9)
        axis.set(yticks=range(len(classes)), yticklabels=words.labels(classes))
    axes[0].invert_yaxis()
    names = {AS_THEY_ARE: AS_THEY_ARE, STRETCHED: "validation, stretched", TEST: TEST}
    handles = [
        style.mark(names[variant], mark, style.GREY, mfc=fill or style.GREY)
        for variant, (mark, fill) in MARKS.items()
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=3, frameon=False, fontsize=9)
    return figure


def by_seed(found: Acquisition) -> str:
    """How far the seeds' own values lie apart."""
    told = []
    for model, values in found.by_seed.items():
        shapes = [100 * shape for _, shape in values.values()]
        if len(shapes) > 1:
            low, high = (_signed(each) for each in (min(shapes), max(shapes)))
            title = architectures.get(model).title
            told.append(f"{low} to {high} points for {title}")
    return f"Seed by seed the shape costs {words.listed(told)}." if told else ""


def by_resolution(found: Acquisition) -> str:
    """Accuracy on validation scans of either resolution: what nature's own experiment says."""
    told = []
    for model, by in found.by_resolution.items():
        high, others = by["high resolution"], by["others"]
        if high.n and others.n:
            told.append(
                f"{architectures.get(model).sentence_title} names {high.percent()} of the "
                f"{high.n} validation scans of high resolution correctly, {others.percent()} of "
                f"the {others.n} others."
            )
    return " ".join(told)


def learned(found: Acquisition) -> str:
    """What stretching shows for all models together."""
    if not found.gaps:
        return "Nothing could be stretched here, so this run says nothing of the lead."
    costly = [
        architectures.get(m).title for m, gap in found.gaps.items() if (gap.shape.low or 0) > 0
    ]
    if not costly:
        return "Stretching is not shown to cost any model accuracy."
    return f"Stretching by itself costs {words.listed(costly)} accuracy."


def _excludes_zero(measured: Measure) -> bool:
    return measured.low is not None and not measured.low <= 0 <= measured.high


def _signed(number: float) -> str:
    return f"{number:+.1f}".replace("-", "\N{MINUS SIGN}")


def told_of(study: Study) -> Study:
    """The study that the page shows: this run where it knows its scans' widths, else the record."""
    here = acquisition.load_or_measure(*study.given)
    return study.record if here.widths is None and study.record else study
