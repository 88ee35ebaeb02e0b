"""The images: MedMNIST's own, a file in its format, or the phantom; checked and described."""

import contextlib
import io
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pooch
from sklearn.utils.class_weight import compute_class_weight

from helpers import phantom, runs
from helpers.settings import InputError, Settings

with contextlib.redirect_stdout(io.StringIO()):  # it asks for torch, which nothing here needs
    from medmnist import INFO

SPLITS = ("train", "val", "test")
# Where MedMNIST's own package keeps its files, unless this variable names another folder.
CACHE_VARIABLE = "OCTMNIST_DATA"
# The short names that clinicians use; MedMNIST's own labels are the long ones.
SHORT_NAMES = {
    "choroidal neovascularization": "cnv",
    "diabetic macular edema": "dme",
}
# Images per class in OCTMNIST's training split (MedMNIST v2): the phantom has the same ratio.
OCTMNIST_TRAIN_CLASSES = (33_484, 10_213, 7_754, 46_026)


@dataclass(frozen=True)
class Split:
    """Images with their labels.

    images : uint8 (n, height, width), 0 to 255.
    labels : int64 (n,), an index into `Dataset.classes`.
    """

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Dataset:
    """Three splits, the names of their classes, and where they come from.

    name : "OCTMNIST", "phantom" or the file's name, as pages print it.
    classes : short class names; a label is an index into them.
    fingerprint : SHA-256 or MD5 of what determines every pixel.
    lesion_masks : bool (n, height, width) by split, the truth of the phantom; None elsewhere.
    """

    name: str
    classes: tuple[str, ...]
    train: Split
    val: Split
    test: Split
    fingerprint: str
    lesion_masks: dict[str, np.ndarray] | None = None

    @property
    def size(self) -> int:
        """Height and width of an image in pixels."""
        return self.train.images.shape[1]

    @property
    def origin(self) -> str:
        """Name, size and fingerprint in a line."""
        return f"{self.name} ({self.size} px, fingerprint {self.fingerprint[:12]})"

    @property
    def splits(self) -> dict[str, Split]:
        """The splits by MedMNIST's names: train, val, test."""
        return {"train": self.train, "val": self.val, "test": self.test}


def class_names(data_set: str) -> tuple[str, ...]:
    """The short class names of a MedMNIST data set, in the order of its labels.

    Raises
    ------
    InputError : for a set that MedMNIST doesn't know, or that isn't grey with one label an image.
    """
    info = INFO.get(data_set)
    if not info or info["n_channels"] != 1 or info["task"] not in ("multi-class", "binary-class"):
        usable = [
            name
            for name, facts in INFO.items()
            if facts["n_channels"] == 1
            and facts["task"] in ("multi-class", "binary-class")
            and not name.endswith("3d")
        ]
        raise InputError(
            f"data_set {data_set!r} can't be used: this study reads MedMNIST sets of grey images "
            f"with one label each: {', '.join(usable)}"
        )
    labels = [info["label"][str(index)] for index in range(len(info["label"]))]
    return tuple(SHORT_NAMES.get(label, label.replace(" ", "-")) for label in labels)


def fingerprint(settings: Settings) -> str:
    """What determines every pixel, found without drawing or downloading any.

    The SHA-256 of a file, the MD5 that MedMNIST publishes, or the SHA-256 of the phantom's settings
    and code.
    """
    if settings.source == "medmnist":
        return _published(settings)[1]
    if settings.source == "file":
        return runs.file_digest(_existing(settings.data_path))
    return runs.digest(
        settings.phantom_images,
        settings.phantom_seed,
        settings.image_size,
        runs.code_digest(Path(phantom.__file__)),
    )


def load(settings: Settings) -> Dataset:
    """Load the data that the settings name; download and verify OCTMNIST if it isn't there yet.

    Raises
    ------
    InputError : for a file that can't be read or isn't in MedMNIST's format, and for a download
        that fails, with the file's name and the remedy.
    """
    classes = class_names(settings.data_set)
    if settings.source == "phantom":
        return _draw_phantom(settings)
    if settings.source == "file":
        path, name = settings.data_path, settings.data_path.stem.replace("_", "-")
    else:
        path, name = _download(settings), INFO[settings.data_set]["python_class"]
    return Dataset(name, classes, **_read(path, len(classes)), fingerprint=fingerprint(settings))


def _draw_phantom(settings: Settings) -> Dataset:
    ratio = np.array(OCTMNIST_TRAIN_CLASSES) / sum(OCTMNIST_TRAIN_CLASSES)
    balance = {"train": ratio, "val": ratio, "test": np.full(4, 1 / 4)}
    splits, masks = {}, {}
    for place, (name, n) in enumerate(zip(SPLITS, settings.phantom_images, strict=True)):
        rng = np.random.default_rng([settings.phantom_seed, place])
        counts = np.maximum(1, np.round(balance[name] * n)).astype(int)
        labels = rng.permutation(np.repeat(np.arange(4), counts))
        drawn = phantom.draw_phantom(labels, settings.image_size, seed=int(rng.integers(2**31)))
        splits[name] = Split(drawn.images, labels.astype(np.int64))
        masks[name] = drawn.lesion_masks
    return Dataset(
        "phantom", phantom.CLASSES, **splits, fingerprint=fingerprint(settings), lesion_masks=masks
    )


def _published(settings: Settings) -> tuple[str, str]:
    facts = INFO[settings.data_set]
    suffix = "" if settings.image_size == 28 else f"_{settings.image_size}"
    return facts[f"url{suffix}"], facts[f"MD5{suffix}"]


def _download(settings: Settings) -> Path:
    url, md5 = _published(settings)
    folder = Path(os.environ.get(CACHE_VARIABLE, Path.home() / ".medmnist"))
    suffix = "" if settings.image_size == 28 else f"_{settings.image_size}"
    name = f"{settings.data_set}{suffix}.npz"
    try:
        # pooch writes to a temporary file and moves it only when the hash agrees.
        return Path(pooch.retrieve(url, f"md5:{md5}", name, folder, progressbar=True))
    except ValueError:
        raise InputError(
            f"{url}: the file that came does not have MedMNIST's MD5 {md5} and was thrown away; "
            "try again later"
        ) from None
    except OSError as error:  # requests' errors are among these
        raise InputError(
            f"{url}: could not be fetched into {folder} ({type(error).__name__}); check the "
            f"network, or put {name} there yourself (another folder: {CACHE_VARIABLE}=...)"
        ) from None


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise InputError(f"{path}: no such file; name a MedMNIST-format .npz (data_path, DATA=)")
    if not os.access(path, os.R_OK):
        raise InputError(f"{path}: no permission to read it; change that, or name another file")
    return path


def _read(path: Path, classes: int) -> dict[str, Split]:
    if not zipfile.is_zipfile(_existing(path)):
        raise InputError(f"{path}: not a whole .npz archive; write it with numpy.savez")
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = dict(_members(path, archive))
    except InputError:
        raise
    except (zipfile.BadZipFile, EOFError, OSError):
        raise InputError(f"{path}: not a whole .npz archive; write it with numpy.savez") from None
    except ValueError:
        raise InputError(
            f"{path}: holds pickled objects, which are never loaded; save plain uint8 arrays"
        ) from None
    splits = {
        name: _check_split(path, name, arrays[f"{name}_images"], arrays[f"{name}_labels"], classes)
        for name in SPLITS
    }
    if len({split.images.shape[1:] for split in splits.values()}) > 1:
        raise InputError(f"{path}: the splits differ in image size; save them at one size")
    return splits


def _members(path: Path, archive: np.lib.npyio.NpzFile) -> Iterator[tuple[str, np.ndarray]]:
    for split in SPLITS:
        for name in (f"{split}_images", f"{split}_labels"):
            if name not in archive:
                raise InputError(
                    f"{path}: has no array {name}; MedMNIST's format has train_, val_ and test_ "
                    "images and labels"
                )
            yield name, archive[name]


def _check_split(
    path: Path, name: str, images: np.ndarray, labels: np.ndarray, classes: int
) -> Split:
    def refuse(what: str) -> None:
        raise InputError(f"{path}: {name}_{what}")

    if images.dtype != np.uint8:
        refuse(f"images are {images.dtype}; save them as uint8, 0 to 255")
    if images.ndim == 4 and images.shape[-1] == 3:
        refuse("images are RGB; this study reads grey images (n, height, width)")
    if images.ndim != 3 or images.shape[1] != images.shape[2]:
        refuse(f"images have shape {images.shape}; save square grey ones (n, height, width)")
    if len(images) == 0:
        refuse("images are empty; each split needs images of every class")
    if images.shape[1] < 28:
        refuse(f"images are {images.shape[1]} px; 28 px are the least")
    if labels.shape not in ((len(images),), (len(images), 1)):
        refuse(f"labels have shape {labels.shape} for {len(images)} images; save one an image")
    if not np.issubdtype(labels.dtype, np.integer):
        refuse(f"labels are {labels.dtype}; save integers from 0 to {classes - 1}")
    labels = labels.reshape(-1).astype(np.int64)
    if labels.min() < 0 or labels.max() >= classes:
        refuse(f"labels run from {labels.min()} to {labels.max()}; they must be 0 to {classes - 1}")
    missing = sorted(set(range(classes)) - set(labels.tolist()))
    if missing:
        refuse(f"labels lack class {missing[0]}; each split needs images of every class")
    return Split(images, labels)


def facts(data_set: str) -> pd.DataFrame:
    """What MedMNIST's INFO table says of a data set: one column, `MedMNIST`."""
    info = INFO[data_set]
    splits = info["n_samples"]
    rows = {
        "task": info["task"],
        "channels": str(info["n_channels"]),
        **{f"images, {name}": f"{n:,}" for name, n in splits.items()},
        "images, total": f"{sum(splits.values()):,}",
        **{f"class {index}": label for index, label in info["label"].items()},
        "licence": info["license"],
    }
    return pd.DataFrame({"MedMNIST": rows}).rename_axis("fact")


def first_of_each_class(split: Split, classes: int, each: int) -> np.ndarray:
    """The first images of each class: uint8 (classes, each, height, width).

    Raises
    ------
    ValueError : when a class has fewer than `each` images.
    """
    return np.stack([split.images[split.labels == k][:each] for k in range(classes)])


def class_counts(dataset: Dataset) -> pd.DataFrame:
    """Images per class (rows) and split (columns)."""
    return pd.DataFrame(
        {
            name: np.bincount(split.labels, minlength=len(dataset.classes))
            for name, split in dataset.splits.items()
        },
        index=pd.Index(dataset.classes, name="class"),
    )


def imbalance(labels: np.ndarray) -> float:
    """The size of the largest class as a multiple of the smallest's; labels are int (n,)."""
    counts = np.unique(labels, return_counts=True)[1]
    return float(counts.max() / counts.min())


def is_augmented(settings: Settings, dataset: Dataset) -> bool:
    """Whether training augments: as set, or (`auto`) when the training classes are imbalanced."""
    if settings.augmentation == "auto":
        return imbalance(dataset.train.labels) >= settings.imbalance_ratio
    return settings.augmentation == "on"


def class_weights(labels: np.ndarray) -> np.ndarray:
    """scikit-learn's balanced weights n / (classes * n_class): float64 (classes,)."""
    return compute_class_weight("balanced", classes=np.unique(labels), y=labels)


def pixel_statistics(dataset: Dataset) -> pd.DataFrame:
    """Mean, standard deviation, least and greatest grey value (0 to 1) of each split's pixels."""
    rows = {}
    for name, split in dataset.splits.items():
        histogram = np.bincount(split.images.reshape(-1), minlength=256) / split.images.size
        levels = np.arange(256) / 255
        mean = histogram @ levels
        rows[name] = {
            "mean": mean,
            "standard deviation": np.sqrt(histogram @ (levels - mean) ** 2),
            "least": levels[histogram > 0].min(),
            "greatest": levels[histogram > 0].max(),
        }
    return pd.DataFrame(rows).T.rename_axis("split")
