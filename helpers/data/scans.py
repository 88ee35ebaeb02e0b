"""The scans behind images: their widths, and images stretched as those of wider scans are.

A square is cut from the middle of every scan, so a scan with twice the columns across the same
angle shows half as much of the eye, at twice its width.
"""

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from helpers.data import files
from helpers.data.dataset import Dataset
from helpers.data.files import SPLITS
from helpers.study.errors import InputError

MANIFEST = "manifest.csv"
COLUMNS = ("split", "index", "source_width")
PATIENT, UNKNOWN = "patient_id", ""  # a column that may lack, and what it has for some images
HIGH_RESOLUTION_WIDTH = 1_024
STRETCH = 2.0  # how far a scan of high resolution is stretched beside one of high speed
FINER_SIZE = 64
LARGEST_WIDTH = 100_000  # of a scan in pixels; the largest known are 1,536
LARGEST_DIGITS = 9
LARGEST_MANIFEST = 2**28  # bytes, 1,000 for each image of the largest set
ALIKE = 0.95  # the least correlation of an image with its finer counterpart


def check(dataset: Dataset) -> None:
    """Read what lies beside the data file, so that what is wrong with it is told beforehand.

    Raises
    ------
    InputError : as `source_widths` and `finer_validation` do.
    """
    source_widths(dataset)
    finer_validation(dataset)


def of_size(path: Path, size: int) -> Path:
    """Where the images of a file lie at another height in pixels, as MedMNIST names its files."""
    return path.with_name(f"{path.stem}_{size}.npz")


def companions(dataset: Dataset) -> list[Path]:
    """The files beside the data file that this module reads, as far as they are there."""
    if dataset.path is None:
        return []
    beside = (dataset.path.with_name(MANIFEST), of_size(dataset.path, FINER_SIZE))
    return [path for path in beside if path.exists() or path.is_symlink()]


def source_widths(dataset: Dataset) -> dict[str, np.ndarray] | None:
    """The width in pixels of the scan behind each image: int (n,) by split.

    Read from `manifest.csv` beside the data file (columns split, index, source_width); None where
    there is none, as for the phantom and for MedMNIST's own files.

    Raises
    ------
    InputError : for a manifest that lacks a column, a width, or doesn't list each image once,
        with the line and the column.
    """
    path = dataset.path and dataset.path.with_name(MANIFEST)
    if path not in companions(dataset):
        return None
    if files.existing(path).stat().st_size > LARGEST_MANIFEST:
        raise InputError(
            f"{path}: larger than {LARGEST_MANIFEST >> 20} MiB, so no list of a data set's images; "
            "move it away"
        )
    widths = {split: np.zeros(len(images), int) for split, images in dataset.splits.items()}
    for line, row in _rows(path):
        split, index, width = (row[column] for column in COLUMNS)
        if split not in widths:
            raise _wrong(path, line, "split", split, f"one of {', '.join(SPLITS)}")
        of_split = widths[split]
        if not _is_number(index) or int(index) >= len(of_split):
            raise _wrong(path, line, "index", index, f"a number from 0 to {len(of_split) - 1}")
        width = width.removesuffix(".0")  # as pandas writes a column that had gaps
        if not _is_number(width) or not 0 < int(width) <= LARGEST_WIDTH:
            allowed = f"a width in whole pixels, 1 to {LARGEST_WIDTH:,}"
            raise _wrong(path, line, "source_width", width, allowed)
        if of_split[int(index)]:
            raise _wrong(path, line, "index", index, f"there once; {split} has it before")
        of_split[int(index)] = int(width)
    for split, of_split in widths.items():
        if not of_split.all():
            raise InputError(
                f"{path}: doesn't list each of the {len(of_split)} {split} images once; index "
                f"{int(np.argmin(of_split))} is missing; add it, or move the file away"
            )
    return widths


def source_patients(dataset: Dataset) -> dict[str, np.ndarray] | None:
    """The patient of each image as the manifest names it, `UNKNOWN` for some: text (n,) by split.

    None where there is no manifest, or one that names no patient; InputError as `source_widths`.
    """
    if (widths := source_widths(dataset)) is None:
        return None
    patients = {split: np.full(len(each), UNKNOWN, object) for split, each in widths.items()}
    for _, row in _rows(dataset.path.with_name(MANIFEST)):
        patients[row["split"]][int(row["index"])] = row.get(PATIENT, UNKNOWN).strip()
    is_known = any((of_split != UNKNOWN).any() for of_split in patients.values())
    return patients if is_known else None


def is_high_resolution(widths: np.ndarray) -> np.ndarray:
    """Which scans (widths int (n,)) have twice the columns across the same angle: bool (n,).

    Heidelberg's Spectralis, which Kermany et al. (2018) used, takes 512 or 768 columns at high
    speed and 1,024 or 1,536 at high resolution.
    """
    return widths >= HIGH_RESOLUTION_WIDTH


def factors_like(val_widths: np.ndarray, test_widths: np.ndarray) -> np.ndarray:
    """How far to stretch each validation image to look as most test images do: float (n,).

    2 for a high-speed scan where most test scans are of high resolution, else 1.
    """
    most_are_high = is_high_resolution(test_widths).mean() > 0.5
    return np.where(most_are_high & ~is_high_resolution(val_widths), STRETCH, 1.0)


def finer_validation(dataset: Dataset) -> np.ndarray | None:
    """The validation images at 64 px, from `<name>_64.npz` beside `<name>.npz`; else None.

    None also where that file holds other images: where an image of 64 px, resized, correlates less
    than 0.95 with its counterpart. uint8 (n, 64, 64, channels).
    """
    path = dataset.path and of_size(dataset.path, FINER_SIZE)
    if path not in companions(dataset) or dataset.size >= FINER_SIZE:
        return None
    finer, _ = files.read(path, dataset.data_set, ("val",))["val"]
    if len(finer) != len(dataset.val) or finer.shape[1] != FINER_SIZE:
        return None
    pairs = zip(resized(finer, 1.0, dataset.size), dataset.val.images, strict=True)
    alike = min(np.corrcoef(one.ravel(), other.ravel())[0, 1] for one, other in pairs)
    return finer if alike > ALIKE else None


def resized(images: np.ndarray, factors: np.ndarray | float, size: int) -> np.ndarray:
    """Images whose middle is stretched to the full width and brought to `size` px, in one step.

    By Pillow's bilinear filter, as MedMNIST resizes (Yang et al. 2023), from uint8 (n, height,
    width, channels) to (n, size, size, channels). Factors are float (n,) or one for all, 1 and
    above; 2 shows the middle half.
    """
    height, width = images.shape[1:3]

    def stretch(image: Image.Image, factor: float) -> Image.Image:
        reach = width / 2 / factor
        box = (width / 2 - reach, 0, width / 2 + reach, height)
        return image.resize((size, size), Image.Resampling.BILINEAR, box=box)

    return _each(images, factors, stretch)


def blurred(images: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Images squeezed to 1 / factor of their width and stretched again: the detail lost, no more.

    The control for stretching, which loses as much detail across; parameters as in `resized`.
    """
    height, width = images.shape[1:3]

    def squeeze(image: Image.Image, factor: float) -> Image.Image:
        narrow = image.resize((max(1, round(width / factor)), height), Image.Resampling.BOX)
        return narrow.resize((width, height), Image.Resampling.BILINEAR)

    return _each(images, factors, squeeze)


def variants(
    images: np.ndarray, factors: np.ndarray, finer: np.ndarray | None
) -> dict[str, np.ndarray]:
    """The images as they are, a control, and stretched: uint8 (n, size, size, channels), by name.

    From finer images nothing is lost, and the control shows what resizing them anew does alone.
    Without them the control loses as much detail as stretching does.
    """
    size = images.shape[1]
    if finer is None:
        source, control = images, {"control: blurred": blurred(images, factors)}
    else:
        source, control = finer, {"control: resized anew": resized(finer, 1.0, size)}
    return {"as they are": images, **control, "stretched": resized(source, factors, size)}


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a manifest with the line that each ends on."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file, restval="", strict=True)
            for column in COLUMNS:
                if column not in (table.fieldnames or ()):
                    raise InputError(
                        f"{path}: has no column {column}; add it, or move the file away"
                    )
            for row in table:
                if None in row:
                    raise InputError(
                        f"{path}: line {table.line_num} has more fields than the first line has "
                        "columns; mend it, or move the file away"
                    )
                yield table.line_num, row
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{path}: no table in UTF-8 ({error}); mend it or move it away") from None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= LARGEST_DIGITS


def _wrong(path: Path, line: int, column: str, value: str, allowed: str) -> InputError:
    return InputError(
        f"{path}: line {line}, column {column} has {value[:40]!r}, which must be {allowed}; mend "
        "it, or move the file away"
    )


def _each(
    images: np.ndarray,
    factors: np.ndarray | float,
    change: Callable[[Image.Image, float], Image.Image],
) -> np.ndarray:
    # Pillow takes a grey image without its channel.
    plain = images[..., 0] if images.shape[3] == 1 else images
    pairs = zip(plain, np.broadcast_to(factors, len(images)), strict=True)
    changed = np.stack([np.asarray(change(Image.fromarray(one), factor)) for one, factor in pairs])
    return changed.reshape(*changed.shape[:3], images.shape[3])
