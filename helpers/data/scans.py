"""The acquisition shift: scans of another width, cropped to a square, show the eye stretched."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from PIL import Image
from scipy.ndimage import affine_transform

from helpers import bootstrap, data, shift
from helpers.artifacts import Predictions, Trained
from helpers.data import SPLITS, Dataset
from helpers.evaluation import Measure, by_class, proportion
from helpers.settings import InputError, Settings

if TYPE_CHECKING:
    import keras

MANIFEST = "manifest.csv"
HIGH_RESOLUTION_WIDTH = 1_024
FINER = 64
BATCH = 128
COLUMNS = ("split", "index", "source_width")


def source_widths(settings: Settings, dataset: Dataset) -> dict[str, np.ndarray] | None:
    """The width in pixels of the scan behind each image: int (n,) by split.

    Read from `manifest.csv` beside the data file (columns split, index, source_width); None where
    there is none, as for the phantom and for MedMNIST's own files.

    Raises
    ------
    InputError : for a manifest that lacks a column or doesn't list each image once.
    """
    if settings.data_path is None:
        return None
    path = settings.data_path.with_name(MANIFEST)
    if not path.is_file():
        return None
    return _read_widths(path, {name: len(split) for name, split in dataset.splits.items()})


def _read_widths(path: Path, sizes: dict[str, int]) -> dict[str, np.ndarray]:
    try:
        table = pd.read_csv(path)
    except (ValueError, OSError) as error:
        raise InputError(f"{path}: no readable table ({error}); mend it or move it away") from None
    for column in COLUMNS:
        if column not in table:
            raise InputError(f"{path}: has no column {column}; add it, or move the file away")
    found = {}
    for split in SPLITS:
        own = table[table["split"] == split].sort_values("index")
        if own["index"].tolist() != list(range(sizes[split])):
            raise InputError(
                f"{path}: doesn't list each of the {sizes[split]} {split} images once; mend it, "
                "or move it away"
            )
        found[split] = own["source_width"].to_numpy()
    return found


def width_table(widths: dict[str, np.ndarray]) -> pd.DataFrame:
    """Images by width of their scan (rows) and split (columns)."""
    counts = {split: pd.Series(values).value_counts() for split, values in widths.items()}
    return pd.DataFrame(counts).fillna(0).astype(int).rename_axis("width of the scan (pixels)")


def is_high_resolution(widths: np.ndarray) -> np.ndarray:
    """Which scans (widths int (n,)) have twice the columns across the same angle: bool (n,).

    Heidelberg's Spectralis, which Kermany et al. (2018) used, takes 512 or 768 columns at high
    speed and 1,024 or 1,536 at high resolution.
    """
    return widths >= HIGH_RESOLUTION_WIDTH


def factors_like(val_widths: np.ndarray, test_widths: np.ndarray) -> np.ndarray:
    """How far to draw out each validation image to look as most test images do: float (n,).

    2 for a high-speed scan where most test scans are of high resolution, else 1.
    """
    most_are_high = is_high_resolution(test_widths).mean() > 0.5
    return np.where(most_are_high & ~is_high_resolution(val_widths), 2.0, 1.0)


def stretched(images: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Images whose middle is drawn out to the full width, by bilinear interpolation.

    Parameters
    ----------
    images : uint8 (n, height, width); factors : float (n,), 1 and above; 2 shows the middle half.

    Returns
    -------
    uint8 (n, height, width).
    """
    centre = (images.shape[2] - 1) / 2
    drawn = [
        affine_transform(
            image.astype(np.float32),
            [1, 1 / factor],
            offset=[0, centre - centre / factor],
            order=1,
            mode="nearest",
        )
        for image, factor in zip(images, factors, strict=True)
    ]
    return np.round(drawn).astype(np.uint8)


def blurred(images: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Images squeezed to 1 / factor of their width and drawn out again: the detail lost, no more.

    The control for `stretched`, which loses as much detail across; parameters as there.
    """
    size = images.shape[2]
    rows = []
    for image, factor in zip(images, factors, strict=True):
        narrow = max(1, round(size / factor))
        edges = np.linspace(0, size, narrow + 1)
        # The area average of each narrow pixel, from the running sum between its edges.
        total = np.concatenate([np.zeros((len(image), 1)), image.cumsum(axis=1)], axis=1)
        between = np.stack([np.interp(edges, np.arange(size + 1), line) for line in total])
        narrowed = np.diff(between, axis=1) / np.diff(edges)
        centres = (edges[:-1] + edges[1:]) / 2
        rows.append([np.interp(np.arange(size) + 0.5, centres, line) for line in narrowed])
    return np.round(rows).astype(np.uint8)


def finer_validation(settings: Settings, dataset: Dataset) -> np.ndarray | None:
    """The validation images at 64 px, from `<name>_64.npz` beside `<name>.npz`; else None.

    None also where that file holds other images: where an image of 64 px, resized, correlates less
    than 0.95 with its counterpart. uint8 (n, 64, 64).
    """
    if settings.data_path is None or dataset.size >= FINER:
        return None
    path = settings.data_path.with_name(f"{settings.data_path.stem}_{FINER}.npz")
    if not path.is_file():
        return None
    finer = data.load(settings.model_copy(update={"data_path": path})).val.images
    if len(finer) != len(dataset.val) or finer.shape[1] != FINER:
        return None
    pairs = zip(resized(finer, 1.0, dataset.size), dataset.val.images, strict=True)
    alike = min(np.corrcoef(one.ravel(), other.ravel())[0, 1] for one, other in pairs)
    return finer if alike > 0.95 else None


def resized(images: np.ndarray, factors: np.ndarray | float, size: int) -> np.ndarray:
    """Images drawn out by `factors` (as in `stretched`) and resized to `size` px in one step.

    By Pillow's bilinear filter, as MedMNIST resizes (Yang et al. 2023): uint8 (n, size, size).
    """
    height, width = images.shape[1:]
    middles = width / 2 / np.broadcast_to(factors, len(images))
    return np.stack(
        [
            Image.fromarray(image).resize(
                (size, size),
                Image.Resampling.BILINEAR,
                box=(width / 2 - middle, 0, width / 2 + middle, height),
            )
            for image, middle in zip(images, middles, strict=True)
        ]
    )


def variants(
    images: np.ndarray, factors: np.ndarray, finer: np.ndarray | None
) -> dict[str, np.ndarray]:
    """The images as they are, a control, and drawn out: uint8 (n, size, size) each, by name.

    From finer images nothing is lost, and the control shows what resizing them anew does alone.
    Without them the control loses as much detail as drawing out does.
    """
    if finer is None:
        return {
            "as they are": images,
            "control: blurred": blurred(images, factors),
            "drawn out": stretched(images, factors),
        }
    return {
        "as they are": images,
        "control: resized anew": resized(finer, 1.0, images.shape[1]),
        "drawn out": resized(finer, factors, images.shape[1]),
    }


def recall_table(
    variants: dict[str, np.ndarray], labels: np.ndarray, classes: tuple[str, ...]
) -> dict[str, dict[str, Measure]]:
    """Accuracy and each class's recall on variants of the same images, with Wilson intervals.

    `variants` by name, probabilities float (n, classes); labels int (n,).
    """
    found = {}
    for variant, probabilities in variants.items():
        right = probabilities.argmax(axis=1) == labels
        recalls = by_class(right, labels, classes)
        found[variant] = {
            "accuracy": proportion(int(right.sum()), len(right)),
            **{f"recall/{name}": recall for name, recall in recalls.items()},
        }
    return found


def gap(
    predictions: Predictions, altered: np.ndarray, resamples: int = bootstrap.RESAMPLES
) -> dict[str, Measure]:
    """How much of the gap between validation and test goes when validation is altered alike.

    Validation recalls are taken at test's class ratio throughout, so that label shift is no part
    of it (`shift.gap` tells that part).

    Parameters
    ----------
    altered : float (n, classes), probabilities of the altered validation images.

    Returns
    -------
    `gap` (validation less test), `closed` (validation less altered validation) and `left` (altered
    validation less test), with 95 % intervals: validation images are resampled as pairs, test
    images apart.
    """
    val, test = shift.right(predictions)
    as_test = shift.at_test_ratio(predictions)
    after = (altered.argmax(axis=1) == predictions.val_labels).astype(float)
    weights = shift.draw_both(predictions, resamples)
    return {
        "gap": shift.difference(as_test * val, test, weights),
        "closed": shift.difference(as_test * (val - after), np.zeros(len(test)), weights),
        "left": shift.difference(as_test * after, test, weights),
    }


def recalls(
    predictions: Predictions, altered: np.ndarray, classes: tuple[str, ...]
) -> pd.DataFrame:
    """Recall of each class on validation, on altered validation and on test (`shift.recalls`)."""
    plain = shift.recalls(predictions, classes)
    again = shift.recalls(replace(predictions, val_probabilities=altered), classes)
    drawn = again[again["split"] == "validation"].assign(split="validation, drawn out")
    is_test = plain["split"] == "test"
    return pd.concat([plain[~is_test], drawn, plain[is_test]], ignore_index=True)


def probabilities(trained: Trained, images: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What a model gives for each of `variants`: float32 (n, classes) by name.

    The first of them are the validation images themselves, whose probabilities are known.
    """
    as_they_are, *altered = images
    model = trained.load_model()
    return {
        as_they_are: trained.predictions.val_probabilities,
        **{name: _predict(model, images[name]) for name in altered},
    }


def _predict(model: "keras.Model", images: np.ndarray) -> np.ndarray:
    """Probabilities float32 (n, classes) of images uint8 (n, height, width)."""
    # Called as it is: compiling each model anew takes longer than its few batches.
    return np.concatenate(
        [
            np.asarray(model(images[start : start + BATCH, ..., None], training=False))
            for start in range(0, len(images), BATCH)
        ]
    )
