"""Pretrained weights: a file is checked before a model is built, without Keras."""

from pathlib import Path

import h5py

from helpers.study import architectures
from helpers.study.architectures import Base
from helpers.study.errors import InputError
from helpers.study.provenance import file_digest
from helpers.study.settings import Settings

# What stands for weights that no file of the user's holds.
IMAGENET, RANDOM = "imagenet", "random"


def check(settings: Settings) -> None:
    """Refuse weights files that can't be those of the frozen bases that a run stands on.

    Raises
    ------
    InputError : with the file's name and the three choices.
    """
    for model in settings.models:
        base = architectures.get(model).base
        if base:
            check_file(settings.weights(model), base)


def check_file(weights: str, base: Base) -> None:
    """Refuse a weights file that can't be a base without its top; raises as `check` does."""
    if weights in (IMAGENET, RANDOM):
        return
    sizes = []
    try:
        with h5py.File(weights) as file:
            file.visititems(
                lambda _, item: sizes.append(item.size) if isinstance(item, h5py.Dataset) else None
            )
    except OSError:
        raise unusable(weights, base, "no readable HDF5 file") from None
    if sum(sizes) != base.parameters:
        raise unusable(
            weights, base, f"not the weights of Keras's {base.application} with include_top=False"
        )


def identity(weights: str) -> str:
    """What tells weights from others: their name, or the SHA-256 of the file's content."""
    return weights if weights in (IMAGENET, RANDOM) else file_digest(Path(weights))


def unusable(weights: str, base: Base, why: str) -> InputError:
    """The error that says why weights can't be used, and the three choices."""
    return InputError(
        f"weights {weights} of {base.title}: {why}; choose {IMAGENET} (fetched by Keras), the path "
        f"of such a file, or {RANDOM} (WEIGHTS=)"
    )
