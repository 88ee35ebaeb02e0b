"""Folders of images, one a class, such as Kermany's OCT2017: found, split by patient, and read.

Kermany's names are CNV-1016042-12.jpeg: the class, the patient, the image.
"""

import re
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from helpers.data.files import IMAGE_SUFFIXES, SPLITS
from helpers.study.data_sets import DataSet
from helpers.study.errors import InputError

# What else people call the splits.
NAMES_OF_SPLITS = {
    **{split: split for split in SPLITS},
    **{"training": "train", "valid": "val", "validation": "val", "testing": "test"},
}
# MedMNIST took a tenth of the source's training images for validation (Yang et al. 2023); where no
# test images are set apart, as many again are.
SHARE = 0.1
PATIENT = re.compile(r"[A-Za-z]+-(\d+)-\d+$")


class Scan(NamedTuple):
    """An image file, its class, and whose eye it shows; None where its name doesn't tell."""

    path: Path
    label: int
    patient: str | None


class Picture(NamedTuple):
    """A scan as a data set has it, and the width and height in pixels of what it was cut from.

    image : uint8 (size, size), in colour (size, size, 3).
    """

    image: np.ndarray
    width: int
    height: int


def find(folder: Path, data_set: DataSet, seed: int = 0) -> dict[str, list[Scan]]:
    """The scans of class folders by split, in the order of their names.

    The class folders lie in the folder itself or in one for each split, and are named as the set's
    classes are, or MedMNIST's labels, whatever their case. Where no validation or test images are
    set apart, they are taken from the others by patient.

    Raises
    ------
    InputError : where there are no such folders, and for a split that lacks a class.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; name the one with the class folders (FROM=)")
    root = _root(folder, data_set)
    split_folders = {
        NAMES_OF_SPLITS[path.name.strip().lower()]: path
        for path in _subfolders(root)
        if path.name.strip().lower() in NAMES_OF_SPLITS
    }
    if "train" in split_folders:
        found = {split: _scans(path, data_set, root) for split, path in split_folders.items()}
    else:
        found = {"train": _scans(root, data_set, root)}
    for split in ("test", "val"):
        if split not in found:
            share = SHARE / (1 - SHARE) if split == "val" and not split_folders else SHARE
            found["train"], found[split] = apart(found["train"], share, seed)
    for split in SPLITS:
        for label, name in enumerate(data_set.labels):
            if not any(scan.label == label for scan in found[split]):
                raise InputError(
                    f"{root}: no image of {name} is left for {split}; each split needs images of "
                    f"every class of {data_set.name} (another set: DATA_SET=), of several patients"
                )
    return {split: found[split] for split in SPLITS}


def apart(scans: Sequence[Scan], share: float, seed: int) -> tuple[list[Scan], list[Scan]]:
    """Scans in two parts that share no patient, the second with a share of each class, or more.

    A scan of an unknown patient counts as one by itself. The rarest class is served first.
    """
    by_patient: dict[str, list[Scan]] = defaultdict(list)
    for scan in scans:
        by_patient[_whose(scan)].append(scan)
    patients = sorted(by_patient)
    order = [patients[place] for place in np.random.default_rng(seed).permutation(len(patients))]
    there, taken = Counter(scan.label for scan in scans), Counter()
    chosen: set[str] = set()
    for label, count in sorted(there.items(), key=lambda pair: pair[::-1]):
        for patient in order:
            if taken[label] >= max(1, round(share * count)):
                break
            labels = Counter(scan.label for scan in by_patient[patient])
            if labels[label] and patient not in chosen:
                chosen.add(patient)
                taken += labels
    first = [scan for scan in scans if _whose(scan) not in chosen]
    return first, [scan for scan in scans if _whose(scan) in chosen]


def shared_patients(one: Iterable[Scan], other: Iterable[Scan]) -> set[str]:
    """The patients that are known to occur in both."""
    first, second = ({scan.patient for scan in scans} for scans in (one, other))
    return (first & second) - {None}


def read(path: Path, size: int, channels: int) -> Picture:
    """An image as MedMNIST has it: the middle square, as wide as the short side, resized.

    Turned as its EXIF says; 16 bits are brought to 8; grey where `channels` is 1, else RGB. By
    Pillow's bilinear filter.

    Raises
    ------
    InputError : for a file that is no whole image, or larger than Pillow takes for safe.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as opened:
                image = ImageOps.exif_transpose(opened)
                if image.mode.startswith("I;16"):
                    image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
                if image.mode in ("I", "F"):
                    raise ValueError("32 bits a pixel, and nothing says which are black and white")
                image = image.convert("L" if channels == 1 else "RGB")
    except Exception as error:  # Pillow's decoders fail in many ways
        raise InputError(f"{path}: no image that can be read ({error})") from None
    side = min(image.size)
    left, top = ((length - side) // 2 for length in image.size)
    square = image.resize(
        (size, size), Image.Resampling.BILINEAR, box=(left, top, left + side, top + side)
    )
    return Picture(np.asarray(square), *image.size)


def _root(folder: Path, data_set: DataSet) -> Path:
    """The folder that holds splits or classes: the one named, or the only one within."""
    within = _subfolders(folder)
    names = {path.name.strip().lower() for path in within}
    is_root = (
        names & set(NAMES_OF_SPLITS) or {_plain(name) for name in names} & _labels(data_set).keys()
    )
    return _root(within[0], data_set) if len(within) == 1 and not is_root else folder


def _scans(folder: Path, data_set: DataSet, root: Path) -> list[Scan]:
    labels, scans = _labels(data_set), []
    for path in _subfolders(folder):
        images = list(_images(path, root))
        if _plain(path.name) in labels:
            label = labels[_plain(path.name)]
            scans += [Scan(image, label, _patient(image)) for image in images]
        elif images:
            raise InputError(
                f"{path}: no class of {data_set.name}, whose are {', '.join(data_set.labels)}; "
                "rename or move it, or name another set (DATA_SET=)"
            )
    return scans


def _labels(data_set: DataSet) -> dict[str, int]:
    """Labels by the names that a class folder may have."""
    named = (*enumerate(data_set.classes), *enumerate(data_set.labels))
    return {_plain(name): label for label, name in named}


def _plain(name: str) -> str:
    return re.sub(r"\W|_", "", name.lower())


def _subfolders(folder: Path) -> list[Path]:
    return sorted(
        path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")
    )


def _images(folder: Path, root: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        # Archives of a Mac hold a hidden twin of each file.
        if path.suffix.lower() not in IMAGE_SUFFIXES or path.name.startswith("."):
            continue
        if not path.is_file():
            raise InputError(f"{path}: no plain file; remove it")
        if not path.resolve().is_relative_to(root.resolve()):
            raise InputError(f"{path}: a link to a file outside of {root}; remove it, or copy")
        yield path


def _whose(scan: Scan) -> str:
    return scan.patient or str(scan.path)


def _patient(path: Path) -> str | None:
    told = PATIENT.fullmatch(path.stem)
    return told and told.group(1)
