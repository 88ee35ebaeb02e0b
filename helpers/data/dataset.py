"""Three splits of images with labels: the phantom's, a file's, or MedMNIST's own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from helpers.data import files, phantom
from helpers.data.files import SPLITS
from helpers.study import data_sets, names, settings
from helpers.study.data_sets import DataSet
from helpers.study.provenance import arrays_digest, file_digest

PHANTOM = "phantom"


@dataclass(frozen=True)
class Split:
    """Images with their labels.

    images : uint8 (n, size, size, channels), 0 to 255.
    labels : int64 (n,), an index into `Dataset.classes`.
    """

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Dataset:
    """Three splits and what they are of."""

    name: str  # "phantom", the file's name or MedMNIST's title, as pages print it
    data_set: DataSet  # the registry's entry of the set that it is, or that it imitates
    train: Split
    val: Split
    test: Split
    path: Path | None = None  # of the file, if there is one
    is_official: bool = False  # whether these are MedMNIST's own bytes, by MD5
    # The truth of the phantom, bool (n, size, size) by split; None elsewhere.
    lesion_masks: dict[str, np.ndarray] | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """Short class names; a label is an index into them."""
        return self.data_set.classes

    @property
    def size(self) -> int:
        """Height and width of an image in pixels."""
        return self.train.images.shape[1]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of an image: height, width, channels."""
        return self.train.images.shape[1:]

    @property
    def splits(self) -> dict[str, Split]:
        """The splits by MedMNIST's names: train, val, test."""
        return {"train": self.train, "val": self.val, "test": self.test}

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of every image and label."""
        arrays = [array for s in self.splits.values() for array in (s.images, s.labels)]
        return arrays_digest(*arrays)

    @cached_property
    def images_digest(self) -> str:
        """SHA-256 of every image, whatever the labels."""
        return arrays_digest(*(split.images for split in self.splits.values()))

    @property
    def origin(self) -> str:
        """Name, size and fingerprint in a line."""
        return f"{self.name} ({self.size} px, fingerprint {self.fingerprint[:12]})"

    @property
    def is_phantom(self) -> bool:
        """Whether a program drew these images, so that every lesion is known."""
        return self.lesion_masks is not None

    @property
    def is_audited(self) -> bool:
        """Whether these are the very images that the report is about."""
        at_its_size = self.size == data_sets.SIZES[0]
        return self.is_official and self.data_set.audited and at_its_size

    @property
    def in_prose(self) -> str:
        """Its name in a sentence: the phantom, OCTMNIST, octmnist-mini."""
        return f"the {self.name}" if self.is_phantom else self.name


def load(data: settings.Data) -> Dataset:
    """Load the images that the settings name; download and verify MedMNIST's if need be.

    InputError for a file that can't be read or isn't in MedMNIST's format, and for a download that
    fails, with the file's name and the remedy.
    """
    data_set = data_sets.get(data.data_set)
    if data.is_embedded:
        return phantom_like(data, data.image_size)
    path = data.data_path or files.download(data_set, data.image_size)
    splits = {split: Split(*arrays) for split, arrays in files.read(path, data_set).items()}
    # A download is verified.
    is_official = data.data_path is None or file_digest(path, "md5") in data_set.md5.values()
    name = data_set.title if is_official else names.shown(path.stem)
    return Dataset(name, data_set, **splits, path=path, is_official=is_official)


def phantom_like(data: settings.Data, size: int, channels: int = 1) -> Dataset:
    """Draw the phantom: as many images as the settings say, in the class ratio that it imitates.

    Training and validation have the imitated set's ratio, test an even one. The phantom is grey;
    `channels` repeats its grey for a network that takes more.
    """
    data_set = data_sets.get(data_sets.imitated())
    count = len(data_set.classes)
    ratio = np.array(data_set.train_counts) / sum(data_set.train_counts)
    balance = {"train": ratio, "val": ratio, "test": np.full(count, 1 / count)}
    splits, masks = {}, {}
    for place, (name, n) in enumerate(zip(SPLITS, data.phantom_images, strict=True)):
        rng = np.random.default_rng([data.phantom_seed, place])
        counts = np.maximum(1, np.round(balance[name] * n)).astype(int)
        labels = rng.permutation(np.repeat(np.arange(count), counts))
        drawn = phantom.draw_phantom(labels, size, seed=int(rng.integers(2**31)))
        images = np.repeat(drawn.images[..., None], channels, axis=-1)
        splits[name] = Split(images, labels.astype(np.int64))
        masks[name] = drawn.lesion_masks
    return Dataset(PHANTOM, data_set, **splits, lesion_masks=masks)
