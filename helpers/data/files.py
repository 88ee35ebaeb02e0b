"""Files in MedMNIST's format: the user's own, checked, and MedMNIST's, downloaded and verified."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pooch

from helpers.study.data_sets import DataSet
from helpers.study.errors import InputError

SPLITS = ("train", "val", "test")
# Where MedMNIST's own package keeps its files, unless this variable names another folder.
CACHE_VARIABLE = "OCTMNIST_DATA"
LEAST_SIZE = 28

# Images uint8 (n, size, size, channels) and labels int64 (n,).
Arrays = tuple[np.ndarray, np.ndarray]


def download(data_set: DataSet, size: int) -> Path:
    """Fetch MedMNIST's file of that image size, unless it is there, and verify its MD5.

    InputError when it can't be had or is another file.
    """
    address, md5 = data_set.address[size], data_set.md5[size]
    folder = Path(os.environ.get(CACHE_VARIABLE, Path.home() / ".medmnist"))
    name = f"{data_set.name}{'' if size == LEAST_SIZE else f'_{size}'}.npz"
    try:
        # pooch writes to a temporary file and moves it only when the hash agrees.
        return Path(pooch.retrieve(address, f"md5:{md5}", name, folder, progressbar=True))
    except ValueError:
        raise InputError(
            f"{address}: the file that came does not have MedMNIST's MD5 {md5} and was thrown "
            "away; try again later"
        ) from None
    except OSError as error:  # requests' errors are among these
        raise InputError(
            f"{address}: could not be fetched into {folder} ({type(error).__name__}); check the "
            f"network, or put {name} there yourself (another folder: {CACHE_VARIABLE}=...)"
        ) from None


def read(path: Path, data_set: DataSet) -> dict[str, Arrays]:
    """The splits of a file, each checked against the data set that it is said to be of.

    Grey images may be stored without their channel, labels as a column.

    Raises
    ------
    InputError : for a file that can't be read, or isn't in MedMNIST's format.
    """
    names = [f"{split}_{kind}" for split in SPLITS for kind in ("images", "labels")]
    try:
        # numpy takes what is no archive for pickled objects.
        with zipfile.ZipFile(existing(path)), np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in names if name in archive}
    except InputError:
        raise
    except (zipfile.BadZipFile, EOFError, OSError):
        raise InputError(f"{path}: not a whole .npz archive; write it with numpy.savez") from None
    except ValueError:
        raise InputError(
            f"{path}: holds pickled objects, which are never loaded; save plain uint8 arrays"
        ) from None
    for name in names:
        if name not in arrays:
            raise InputError(
                f"{path}: has no array {name}; MedMNIST's format has train_, val_ and test_ "
                "images and labels"
            )
    splits = {}
    for split in SPLITS:
        images, labels = arrays[f"{split}_images"], arrays[f"{split}_labels"]
        images = _check_images(f"{path}: {split}_images", images, data_set)
        labels = _check_labels(f"{path}: {split}_labels", labels, len(images), data_set)
        splits[split] = images, labels
    if len({images.shape[1:] for images, _ in splits.values()}) > 1:
        raise InputError(f"{path}: the splits differ in image size; save them at one size")
    return splits


def existing(path: Path) -> Path:
    """The path of a file that can be read; InputError where there is none."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; name a MedMNIST-format .npz (data_path, DATA=)")
    if not os.access(path, os.R_OK):
        raise InputError(f"{path}: no permission to read it; change that, or name another file")
    return path


def _check_images(name: str, images: np.ndarray, data_set: DataSet) -> np.ndarray:
    is_grey = data_set.channels == 1
    kind, shape = ("grey", "(n, size, size)") if is_grey else ("RGB", "(n, size, size, 3)")
    if images.dtype != np.uint8:
        raise InputError(f"{name} are {images.dtype}; save them as uint8, 0 to 255")
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[1] != images.shape[2]:
        raise InputError(f"{name} have shape {images.shape}; save square {kind} ones {shape}")
    size, channels = images.shape[2:]
    if channels != data_set.channels:
        stored = {1: "grey", 3: "RGB"}.get(channels, f"of {channels} channels")
        raise InputError(
            f"{name} are {stored}, and those of {data_set.name} are {kind}; save them as {shape}, "
            "or name another set (data_set)"
        )
    if len(images) == 0:
        raise InputError(f"{name} are empty; each split needs images of every class")
    if size < LEAST_SIZE:
        raise InputError(f"{name} are {size} px; {LEAST_SIZE} px are the least")
    return images


def _check_labels(name: str, labels: np.ndarray, images: int, data_set: DataSet) -> np.ndarray:
    classes = len(data_set.classes)
    if labels.shape not in ((images,), (images, 1)):
        raise InputError(f"{name} have shape {labels.shape} for {images} images; save one each")
    if not np.issubdtype(labels.dtype, np.integer):
        raise InputError(f"{name} are {labels.dtype}; save integers from 0 to {classes - 1}")
    labels = labels.reshape(-1).astype(np.int64)
    other = f"{data_set.name} has {classes} classes (another set: data_set=...)"
    if labels.min() < 0 or labels.max() >= classes:
        raise InputError(
            f"{name} run from {labels.min()} to {labels.max()}; they must be 0 to {classes - 1}, "
            f"for {other}"
        )
    missing = sorted(set(range(classes)) - set(labels.tolist()))
    if missing:
        raise InputError(
            f"{name} lack class {missing[0]}; each split needs images of every class, and {other}"
        )
    return labels
