"""The models of this book: an entry says all that one is, and nothing else asks for its name.

Imports no Keras, which takes ten seconds to load: a builder is named by its module and function.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True)
class Base:
    """A network of keras.applications without its top, frozen; only a head on it is trained.

    application : its name in keras.applications.
    title : as prose writes it.
    parameters : its weights without the top, statistics included; a weights file must hold as many.
    pixels : what it is fed: `unit` [0, 1], `bytes` 0 to 255, or `caffe` 0 to 255 in the order blue,
        green, red, less ImageNet's mean.
    """

    application: str
    title: str
    parameters: int
    pixels: Literal["unit", "bytes", "caffe"]


@dataclass(frozen=True)
class Architecture:
    """All that a model of this book is.

    name : as users type it; title : as prose writes it in a sentence; colour : in every figure.
    chapter : the chapter that trains it.
    learning_rate : of its optimizer, unless the setting `learning_rate_<name>` says another.
    stages : a regular expression for the beginning of a layer's name that gives the layer's stage,
        from the image up; the head is a stage by itself.
    blocks : the blocks of settings that its network is built from, besides those of training.
    counted_by : the settings that determine how many weights it has, the classes aside.
    build : "module:function" that builds it, called as `networks.build` says.
    base : the frozen network that it stands on, if any.
    reported : whether it is one of the report's two models.
    variant_of : the architecture that it is, on other input; its heatmaps are not put on trial.
    trial_share : one in so many of the images that a trial of heatmaps is asked for, by its cost.
    """

    name: str
    title: str
    colour: str
    chapter: str
    learning_rate: float
    stages: str
    blocks: tuple[str, ...]
    counted_by: tuple[str, ...]
    build: str
    base: Base | None = None
    reported: bool = False
    variant_of: str | None = None
    trial_share: int = 1

    @property
    def sentence_title(self) -> str:
        """The title as a sentence begins with it."""
        return self.title[:1].upper() + self.title[1:]

    @property
    def setting_suffix(self) -> str:
        """How the name ends a setting of this model alone, such as `learning_rate_custom_cnn`."""
        return self.name.replace("-", "_")

    def builder(self) -> Callable:
        """The function that `build` names."""
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
    """The report's own models."""
    return tuple(entry for entry in _REGISTRY.values() if entry.reported)


def trained_in(chapter: str) -> tuple[str, ...]:
    """The names of the models that a chapter trains."""
    return tuple(entry.name for entry in _REGISTRY.values() if entry.chapter == chapter)


def chapters() -> tuple[str, ...]:
    """The chapters that train a model, in the order of the entries."""
    return tuple(dict.fromkeys(entry.chapter for entry in _REGISTRY.values()))


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
