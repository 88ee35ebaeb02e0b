"""The data sets that this book can read: MedMNIST's own table, and what the book knows besides."""

import contextlib
import difflib
import functools
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from helpers.study.errors import InputError

with contextlib.redirect_stdout(io.StringIO()):  # it asks for torch, which nothing here needs
    from medmnist import INFO

# The sides in pixels at which MedMNIST publishes its sets.
SIZES = (28, 64, 128, 224)
# Kermany et al. (2018): what a finding asks for, the most urgent first.
URGENCY_LEVELS = ("urgent referral", "routine referral", "observation")
URGENT, ROUTINE, OBSERVE = URGENCY_LEVELS


@dataclass(frozen=True)
class Published:
    """A published accuracy (0 to 1) on a set's official test images, and where it stands."""

    model: str
    accuracy: float
    source: str
    key: str  # of the source in references.bib
    deviation: float | None = None  # standard deviation over seeds, where given
    is_frozen: bool = False  # whether only a classifier was trained, on features learnt elsewhere

    @property
    def title(self) -> str:
        """The model as a figure names it, with what sets it apart."""
        return f"{self.model}, frozen" if self.is_frozen else self.model


@dataclass(frozen=True)
class DataSet:
    """A MedMNIST set of flat images with one label each."""

    name: str  # MedMNIST's own, as users type it
    title: str  # as prose writes it
    classes: tuple[str, ...]  # short names, a label being an index into them
    labels: tuple[str, ...]  # MedMNIST's names of the classes
    channels: int  # of an image, 1 (grey) or 3 (RGB)
    task: str  # multi-class, binary-class or ordinal-regression, whose grades are classes here
    samples: Mapping[str, int]  # images by split (train, val, test)
    licence: str
    md5: Mapping[int, str]  # of MedMNIST's file, by side in pixels
    address: Mapping[int, str]  # where that file lies, by side in pixels
    urgency: Mapping[str, str] = field(default_factory=dict)  # one of `URGENCY_LEVELS` by class
    train_counts: tuple[int, ...] = ()  # of each class in training, where the phantom imitates it
    published: tuple[Published, ...] = ()  # others' results on it at the least of `SIZES`
    at_full_size: tuple[Published, ...] = ()  # and on the images that it was made of
    audited: bool = False  # whether the report is about it


def _medmnistplus(model: str, accuracy: float, **given: Any) -> Published:
    return Published(model, accuracy, "MedMNIST+", "medmnistplus", **given)


# What the book knows of a set besides MedMNIST's table; `classes` are the names that its prose and
# its artifacts use, in the order of MedMNIST's labels.
KNOWN: dict[str, dict] = {
    "octmnist": {
        "classes": {"cnv": "CNV", "dme": "DME", "drusen": "drusen", "normal": "normal"},
        "urgency": {"cnv": URGENT, "dme": URGENT, "drusen": ROUTINE, "normal": OBSERVE},
        "train_counts": (33_484, 10_213, 7_754, 46_026),
        # "28->224" in the sources: 28 px images scaled up. All on the official 1,000 test images.
        # Of MedMNIST+'s ten networks the lowest rows bound the range without being named here.
        "published": (
            Published("ResNet-18", 0.743, "MedMNIST v2", "medmnist"),
            Published("ResNet-50", 0.762, "MedMNIST v2", "medmnist"),
            Published("ResNet-50, scaled up", 0.776, "MedMNIST v2", "medmnist"),
            Published("MedViT-S, scaled up", 0.782, "MedViT", "medvit"),
            _medmnistplus("VGG16", 0.775, deviation=0.0286),
            _medmnistplus("DenseNet-121", 0.7287, deviation=0.0217),
            _medmnistplus("ResNet-18", 0.6907, deviation=0.0083),
            _medmnistplus("ViT-B", 0.64, deviation=0.0033),
            _medmnistplus("lowest of ten", 0.599),
            _medmnistplus("DINO ViT-B", 0.6263, is_frozen=True),
            _medmnistplus("DenseNet-121", 0.5617, is_frozen=True),
            _medmnistplus("ResNet-18", 0.4673, is_frozen=True),
            _medmnistplus("lowest of ten", 0.262, is_frozen=True),
        ),
        # The scans themselves, in place of 28 px of them: the last layer of an Inception v3.
        "at_full_size": (
            Published("all training images", 0.966, "Kermany", "kermany", is_frozen=True),
            Published("1,000 of each class", 0.934, "Kermany", "kermany", is_frozen=True),
        ),
        "audited": True,
    },
}
_TITLES = {name: title for known in KNOWN.values() for name, title in known["classes"].items()}


@functools.cache
def get(name: str) -> DataSet:
    """The entry of a MedMNIST set; InputError where it is none of `names`, with the reason."""
    if obstacle := _obstacle(name):
        raise InputError(f"data_set {name!r}: {obstacle} (usable: {', '.join(names())})")
    info = INFO[name]
    known = dict(KNOWN.get(name, {}))
    labels = tuple(info["label"][str(index)] for index in range(len(info["label"])))
    suffixes = {size: "" if size == SIZES[0] else f"_{size}" for size in SIZES}
    return DataSet(
        name=name,
        title=info["python_class"],
        classes=tuple(known.pop("classes", (re.sub(r"\W+", "-", s).strip("-") for s in labels))),
        labels=labels,
        channels=info["n_channels"],
        task=info["task"],
        samples=info["n_samples"],
        licence=info["license"],
        md5={size: info[f"MD5{suffix}"] for size, suffix in suffixes.items()},
        address={size: info[f"url{suffix}"] for size, suffix in suffixes.items()},
        **known,
    )


def names() -> tuple[str, ...]:
    """The names of the sets that this book can read."""
    return tuple(name for name in INFO if not _obstacle(name))


def imitated() -> str:
    """The name of the set that the phantom imitates."""
    return next(name for name, known in KNOWN.items() if "train_counts" in known)


def audited() -> DataSet:
    """The set that the report is about."""
    return get(next(name for name, known in KNOWN.items() if known.get("audited")))


def published_range(is_frozen: bool) -> tuple[float, float]:
    """The least and the greatest accuracy that is published of the set that the report is about.

    Of models on frozen features, or of those trained throughout, on its smallest images.
    """
    accuracies = [p.accuracy for p in audited().published if p.is_frozen == is_frozen]
    return min(accuracies), max(accuracies)


def class_title(name: str) -> str:
    """A class as prose writes it: its abbreviation in capitals, words apart."""
    return _TITLES.get(name, name.replace("-", " "))


def _obstacle(name: str) -> str | None:
    if name not in INFO:
        close = difflib.get_close_matches(str(name), INFO, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        return f"MedMNIST has no such set{hint}"
    if name.endswith("3d"):
        return "its images are volumes, and this book reads flat ones"
    if INFO[name]["task"].startswith("multi-label"):
        return "its images bear several labels each, and every metric here takes one"
    return None
