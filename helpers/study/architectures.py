"""The models of this book: an entry says all that one is, and nothing else asks for its name.

Imports no Keras, which takes ten seconds to load: a builder is named by its module and function.
"""

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True)
class Base:
    """A network of keras.applications without its top, frozen; only a head on it is trained."""

    application: str  # its name in keras.applications
    title: str  # as prose writes it
    parameters: int  # without the top, statistics included; a weights file must hold as many
    # What it is fed: [0, 1], 0 to 255, or that in the order blue, green, red, less ImageNet's mean.
    pixels: Literal["unit", "bytes", "caffe"]


@dataclass(frozen=True)
class Architecture:
    """All that a model of this book is."""

    name: str  # as users type it
    title: str  # as prose writes it in a sentence
    colour: str  # in every figure
    chapter: str  # the one that trains it
    learning_rate: float  # of its optimizer, unless the setting `learning_rate_<name>` says another
    # A regular expression: a layer's stage is how its name begins; the head is one by itself.
    stages: str
    blocks: tuple[
        str, ...
    ]  # the settings that its network is built from, besides those of training
    counted_by: tuple[str, ...]  # the settings that say how many weights it has, classes aside
    build: str  # "module:function" that builds it, called as `networks.build` says
    base: Base | None = None  # the frozen network that it stands on
    reported: bool = False  # whether it is one of the report's two models
    variant_of: str | None = None  # what it is, on other input; its heatmaps are not put on trial
    trial_share: int = 1  # one in so many of the images that a trial is asked for, by its cost

    @property
    def sentence_title(self) -> str:
        """The title as a sentence begins with it."""
        return self.title[:1].upper() + self.title[1:]

    @property
    def setting_suffix(self) -> str:
        """How the name ends a setting of this model alone, such as `learning_rate_custom_cnn`."""
        return self.name.replace("-", "_")

    def builder(self) -> Callable:
        return pkgutil.resolve_name(self.build)


_REGISTRY: dict[str, Architecture] = {}


def register(architecture: Architecture) -> Architecture:
    """Add an entry; its name must be new."""
    if architecture.name in _REGISTRY:
        raise ValueError(f"architecture {architecture.name} is registered twice")
    _REGISTRY[architecture.name] = architecture
    return architecture


def get(name: str) -> Architecture:
    """The entry of that name; KeyError where there is none."""
    return _REGISTRY[name]


def names() -> tuple[str, ...]:
    """Every registered name, in the order of the entries."""
    return tuple(_REGISTRY)


def reported() -> tuple[Architecture, ...]:
    return tuple(entry for entry in _REGISTRY.values() if entry.reported)


def trained_in(chapter: str) -> tuple[str, ...]:
    """The names of the models that a chapter trains."""
    return tuple(entry.name for entry in _REGISTRY.values() if entry.chapter == chapter)


# Okabe and Ito's colours, which colour-blind readers tell apart; no class has one of these.
register(
    Architecture(
        name="custom-cnn",
        title="the custom CNN",
        colour="#CC79A7",
        chapter="02-custom-cnn",
        learning_rate=1e-3,  # the report's section 2.3.1
        stages=r"block\d|last_convolution",
        blocks=("convolutions", "head"),
        counted_by=("convolution_filters", "dense_units"),
        build="helpers.models.networks:custom_cnn",
        reported=True,
    )
)
RESNET50 = register(
    Architecture(
        name="resnet50",
        title="ResNet50",
        colour="#E69F00",
        chapter="03-resnet50",
        learning_rate=1e-4,  # the report's section 2.3.1
        stages=r"conv\d",
        blocks=("base", "head"),
        counted_by=("dense_units",),
        build="helpers.models.networks:on_frozen_base",
        base=Base("ResNet50", "ResNet50", 23_587_712, "unit"),  # the report's section 2.1: [0, 1]
        reported=True,
        trial_share=3,
    )
)
register(
    replace(
        RESNET50,
        name="resnet50-caffe",
        title="ResNet50 with Keras's own preprocessing",
        colour="#56B4E9",
        base=replace(RESNET50.base, pixels="caffe"),
        reported=False,
        variant_of="resnet50",
    )
)
