"""What the report states and what others measured: figures to compare with, never targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from helpers.evaluation import Measure

# The report's section 1.2.
STATED_SPLITS = {"train": 97_477, "val": 10_832, "test": 1_000}
# The report's tables 3.1 and 3.2.
STATED_ACCURACY = {"custom-cnn": 0.9810, "resnet50": 0.9840}
STATED_PARAMETERS = {"custom-cnn": 1_847_236, "resnet50": 24_637_828}


@dataclass(frozen=True)
class Published:
    """A published test accuracy (0 to 1) on OCTMNIST at 28 px."""

    model: str
    accuracy: float


# All from MedMNIST v2 (Yang et al. 2023), whose models saw the 28 px images.
PUBLISHED = (
    Published("ResNet-18", 0.743),
    Published("ResNet-50", 0.762),
    Published("Google AutoML Vision", 0.771),
)


def in_prose(dataset_name: str) -> str:
    """A data set's name as prose writes it: the phantom, OCTMNIST, octmnist-mini."""
    return "the phantom" if dataset_name == "phantom" else dataset_name


def about(dataset_name: str) -> str:
    """Why a claim on OCTMNIST's test images can or can't be judged on a data set; a sentence."""
    if dataset_name == "OCTMNIST":
        return "The report's claims on accuracy can be judged on these data."
    return (
        f"The report's claims on accuracy are not testable here: they are about OCTMNIST, and this "
        f"run used {in_prose(dataset_name)}. `make book PROFILE=paper` would test them."
    )


def judge_accuracy(stated: float, measured: Measure, dataset_name: str) -> str:
    """Whether a stated test accuracy (0 to 1) lies in the interval; only OCTMNIST can tell."""
    if dataset_name != "OCTMNIST":
        return f"not testable on {in_prose(dataset_name)}"
    inside = measured["low"] <= stated <= measured["high"]
    return "inside the measured interval" if inside else "outside the measured interval"
