"""Chapter 7, the acquisition shift: about OCT scans, and about nothing in a run on other images."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from helpers.data import scans
from helpers.data.dataset import Dataset
from helpers.evaluation import measures, metrics, shift
from helpers.evaluation.shift import StretchingGap
from helpers.models.trainings import Trained
from helpers.pages import style, words
from helpers.study import architectures
from helpers.study.data_sets import class_title

Widths = dict[str, np.ndarray] | None


def source_widths(dataset: Dataset) -> Widths:
    """The widths of the scans behind OCT images (`scans.source_widths`); None of others."""
    return scans.source_widths(dataset) if dataset.data_set.audited else None


def scan_widths(dataset: Dataset, widths: Widths) -> str:
    """How many scans of each split are of high resolution, and what that does to their pictures."""
    if not dataset.data_set.audited:
        return words.aside(dataset.data_set, "This chapter is about OCT scans")
    if widths is None:
        return (
            "How wide the scans behind these images were is not known here: there is no "
            f"`{scans.MANIFEST}` beside the data. What follows draws out every validation "
            "image alike; it tells what a model can bear, not what explains a gap."
        )
    shares = {split: scans.is_high_resolution(each).mean() for split, each in widths.items()}
    told = words.listed([f"{100 * share:.0f} % in {split}" for split, share in shares.items()])
    return (
        f"Scans of high resolution, with twice the columns across the same angle, are {told}. A "
        "square is cut from the middle of every scan; cut from one of high resolution it holds "
        "half as much of the eye, drawn out to twice its width."
    )


def width_table(widths: Widths) -> pd.DataFrame | None:
    """Images by width of their scan (rows) and split (columns)."""
    if widths is None:
        return None
    counts = {split: pd.Series(values).value_counts() for split, values in widths.items()}
    return pd.DataFrame(counts).fillna(0).astype(int).rename_axis("width of the scan (pixels)")


def factors(dataset: Dataset, widths: Widths) -> np.ndarray:
    """How far each validation image is drawn out, to look as test images do: float (n,), from 1."""
    if not dataset.data_set.audited:
        return np.ones(len(dataset.val))
    if widths is None:
        return np.full(len(dataset.val), scans.STRETCH)
    return scans.factors_like(widths["val"], widths["test"])


def drawing_out(dataset: Dataset, drawn: np.ndarray, from_finer: bool) -> str:
    """How validation images are drawn out by `factors`, against what control, and which are not."""
    if not dataset.data_set.audited:
        return ""
    if not (drawn > 1).any():
        return "None is drawn out: no validation scan is narrower than most test scans are."
    text = (
        "Drawing out an image of this size loses detail across, which a true scan of high "
        "resolution has; the control loses as much and moves nothing."
    )
    if from_finer:
        text = (
            f"They are drawn out from the same scans at {scans.FINER_SIZE} px, so that no detail "
            "is lost; the control is made from those alike, but not drawn out."
        )
    reached = np.bincount(dataset.val.labels, drawn > 1, minlength=len(dataset.classes))
    left = [class_title(dataset.classes[k]) for k in np.flatnonzero(reached == 0)]
    if left:
        text += f" Of {words.listed(left)} none is: all their scans are of high resolution."
    return text


def examples(
    dataset: Dataset, drawn: np.ndarray, variants: Mapping[str, np.ndarray]
) -> Figure | None:
    """Of each class a test image and, where one is drawn out, a validation image's variants."""
    if not (drawn > 1).any():
        return None
    labels, classes = dataset.val.labels, range(len(dataset.classes))
    first = [np.flatnonzero((labels == k) & (drawn > 1))[:1] for k in classes]
    rows = [[next(iter(images[k]), None) for k in first] for images in variants.values()]
    rows.append([dataset.test.images[np.argmax(dataset.test.labels == k)] for k in classes])
    return style.image_grid(rows, [*variants, "test"], words.labels(dataset.classes))


def recalls_by_variant(by_variant: dict[str, np.ndarray], dataset: Dataset) -> pd.DataFrame:
    """Accuracy and recalls (rows) by variant (columns) of a model's float (n, classes), as text."""
    measured = shift.recalls_by_variant(by_variant, dataset.val.labels, dataset.classes)
    texts = pd.DataFrame({v: {n: m.percent() for n, m in by.items()} for v, by in measured.items()})
    return texts.rename(index=metrics.in_words)


def stretching(training: str, drawn_out: StretchingGap, control: StretchingGap) -> str:
    """What drawing out validation images costs a `training`, as a sentence begins; its control."""
    left, beyond = drawn_out.left, drawn_out.closed.low > control.closed.high
    return (
        f"{training}: at test's class ratio validation less test is {drawn_out.before.points()} "
        f"points. Drawing out validation images costs {drawn_out.closed.points()} points, the "
        f"control {control.closed.points()}: the shape by itself "
        f"{'costs' if beyond else 'is not shown to cost'} accuracy. Validation drawn out, less "
        f"test, is {left.points()} points"
        f"{'' if left.low <= 0 <= left.high else ', which is not nothing'}."
    )


def by_resolution(trained: Trained, dataset: Dataset, widths: Widths) -> str:
    """Accuracy on validation scans of either resolution: what nature's own experiment says."""
    if not dataset.data_set.audited:
        return ""
    if widths is None:
        return "Which these are is not known here."
    predictions, is_high = trained.predictions, scans.is_high_resolution(widths["val"])
    is_right = predictions.val_probabilities.argmax(axis=1) == predictions.val_labels
    high, others = (measures.share(is_right[chosen]) for chosen in (is_high, ~is_high))
    title = architectures.get(trained.model).sentence_title
    if not high.n or not others.n:
        return f"{title}: validation has scans of one resolution alone."
    return (
        f"{title} names {high.percent()} of the {high.n} validation scans of high resolution "
        f"correctly, {others.percent()} of the {others.n} others."
    )
