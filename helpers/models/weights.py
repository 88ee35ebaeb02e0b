"""Pretrained weights: a file is checked before a model is built, without Keras."""

import os
import stat
import zipfile
from pathlib import Path

import h5py

from helpers.study import architectures
from helpers.study.architectures import Base
from helpers.study.errors import InputError
from helpers.study.provenance import file_digest
from helpers.study.settings import Settings

# What stands for weights that no file of the user's holds.
IMAGENET, RANDOM = "imagenet", "random"
# How the name of a weights file of Keras 3 ends, and that of no other.
KERAS_3 = ".weights.h5"
HDF5, ZIP = b"\x89HDF\r\n\x1a\n", b"PK\3\4"  # how files begin
# A kernel is height, width, channels, filters; in Theano's order and PyTorch's filters come first.
LARGEST_KERNEL = 15
BYTES = 4  # of a weight
NAMED = 4  # layers of a file that a message names


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
    """Refuse a weights file that can't be a base without its top; raises as `check` does.

    What is in it is told by its beginning, and by the names and shapes of its arrays; whether each
    layer gets what it needs, `networks.check_weights` finds out.
    """
    if weights in (IMAGENET, RANDOM):
        return
    try:
        why = _obstacle(Path(weights), base)
    except OSError as error:
        why = error.strerror or "can't be read"
    if why:
        raise unusable(weights, base, why)


def keras_folder() -> Path:
    """Where Keras keeps what it fetches."""
    return Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"))


def identity(weights: str) -> str:
    """What tells weights from others: their name, or the SHA-256 of the file's content."""
    return weights if weights in (IMAGENET, RANDOM) else file_digest(Path(weights))


def unusable(weights: str, base: Base, why: str) -> InputError:
    """The error that says why weights can't be used, and the three choices."""
    return InputError(
        f"weights {weights} of {base.title}: {why}; choose {IMAGENET} (fetched by Keras), the path "
        f"of such a file, or {RANDOM} (WEIGHTS=)"
    )


def _obstacle(path: Path, base: Base) -> str | None:
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        return "a folder, not a weights file"
    if not stat.S_ISREG(mode):
        return "no plain file but a device or a pipe"
    with path.open("rb") as file:
        begins = file.read(len(HDF5))
    if not begins:
        return "an empty file"
    if begins.startswith(ZIP):
        return _obstacle_of_archive(path)
    if begins != HDF5:
        return "no readable HDF5 file"
    try:
        with h5py.File(path) as file:
            return _obstacle_within(file, path.name.endswith(KERAS_3), base)
    except Exception:  # what h5py raises on a damaged file, it doesn't say
        return "a damaged HDF5 file"


def _obstacle_of_archive(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return "a damaged archive"
    if "model.weights.h5" in names:
        return (
            f"a whole model; load it with Keras and save its weights (save_weights('x{KERAS_3}'))"
        )
    if any(name.endswith("data.pkl") for name in names):
        return "PyTorch's weights, which Keras doesn't read"
    return "a zip archive, not a weights file"


def _obstacle_within(file: h5py.File, is_named_keras_3: bool, base: Base) -> str | None:
    links: list[object] = []
    file.visititems_links(lambda _, link: links.append(link))
    # Before anything is looked up by its name, which would follow it.
    if not all(isinstance(link, h5py.HardLink) for link in links):
        return "holds links, which are never followed"
    is_keras_3 = "layers" in file
    # A compiled model's optimizer has arrays beside its weights.
    root = file["layers"] if is_keras_3 else file.get("model_weights", file)
    arrays: list[h5py.Dataset] = []
    root.visititems(lambda _, item: arrays.append(item) if hasattr(item, "dtype") else None)
    if any(array.external or array.is_virtual for array in arrays):
        return "its arrays lie in other files, which are never followed"
    if any(array.dtype.kind not in "fiu" for array in arrays):
        return "holds arrays that are no numbers"
    names = [array.name.removeprefix(root.name).strip("/") for array in arrays]
    layers = list(dict.fromkeys(name.partition("/")[0] for name in names))
    if any(layer.startswith("res2a_branch") for layer in layers):
        return (
            "in the layer order of Keras's release v0.2 (res2a_branch2a and so on), which later "
            "releases don't read"
        )
    if any(len(array.shape) == 4 and array.shape[0] > LARGEST_KERNEL for array in arrays):
        return "its kernels are in Theano's or PyTorch's order, filters first"
    count = sum(array.size for array in arrays)
    if count != base.parameters:
        return (
            f"not the weights of Keras's {base.application} with include_top=False: holds "
            f"{count:,} numbers, not {base.parameters:,}, in layers {', '.join(layers[:NAMED])}"
        )
    if is_keras_3 and not is_named_keras_3:
        return f"a weights file of Keras 3; its name must end in {KERAS_3}"
    if is_named_keras_3 and not is_keras_3:
        return f"no weights file of Keras 3; its name must not end in {KERAS_3}"
    return None
