"""Files in MedMNIST's format: the user's own, checked, and MedMNIST's, downloaded and verified."""

import functools
import math
import os
import stat
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil

from helpers.data import unpacked
from helpers.study import data_sets, downloads
from helpers.study.data_sets import DataSet
from helpers.study.errors import InputError

SPLITS = ("train", "val", "test")
# Where MedMNIST's own package keeps its files, unless this variable names another folder.
CACHE_VARIABLE = "OCTMNIST_DATA"
LEAST_SIZE = 28
IMAGE_SUFFIXES = (".jpeg", ".jpg", ".png", ".tif", ".tiff", ".bmp")
# What numpy.savez and savez_compressed write.
COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ARCHIVE = b"PK\3\4"  # begins a zip archive
ENCRYPTED = 1  # of a zip member's flags
BYTES_OF_LABEL = 8

# Images uint8 (n, size, size, channels) and labels int64 (n,).
Arrays = tuple[np.ndarray, np.ndarray]


class _Stored(NamedTuple):
    """An array of an archive as its header tells it, before anything is allocated."""

    member: zipfile.ZipInfo
    dtype: np.dtype
    shape: tuple[int, ...]


def download(data_set: DataSet, size: int) -> Path:
    """Fetch MedMNIST's file of that image size, unless it is there, and verify its MD5.

    InputError when it can't be had, and where another file is in its place.
    """
    path = place(data_set, size)
    downloads.fetch(
        data_set.address[size],
        path,
        f"md5:{data_set.md5[size]}",
        most_bytes(data_set, size),
        f"put {path.name} there yourself (another folder: {CACHE_VARIABLE}=...)",
        f"move it away, or name it as your own (profile local, DATA={path})",
    )
    return path


def place(data_set: DataSet, size: int) -> Path:
    """Where MedMNIST's file of that image size lies, or will."""
    folder = Path(os.environ.get(CACHE_VARIABLE, Path.home() / ".medmnist"))
    return folder / f"{data_set.name}{'' if size == LEAST_SIZE else f'_{size}'}.npz"


def most_bytes(data_set: DataSet, size: int) -> int:
    """What MedMNIST's file can't be larger than: it is compressed, and its size isn't published."""
    images = sum(data_set.samples.values())
    return images * (size**2 * data_set.channels + BYTES_OF_LABEL) * 11 // 10 + 2**20


def read(path: Path, data_set: DataSet, splits: Sequence[str] = SPLITS) -> dict[str, Arrays]:
    """Splits of a file, each checked against the data set that it is said to be of.

    Grey images may be stored without their channel, labels as a column. What an array is and takes
    is read from the archive's directory and the array's header, and refused before any is loaded.
    Large arrays are unpacked once and read by memory map, where the disk has room.

    Raises
    ------
    InputError : for a file that can't be read, isn't in MedMNIST's format, or is larger than
        `size_limit` or than the memory that is free.
    """
    names = [f"{split}_{kind}" for split in splits for kind in ("images", "labels")]
    try:
        with existing(path).open("rb") as file, zipfile.ZipFile(file) as archive:
            file.seek(0)
            if file.read(len(ARCHIVE)) != ARCHIVE:  # a tar, say, with an archive in it
                raise zipfile.BadZipFile
            stored = {name: _header(path, archive, name) for name in names}
            for split in splits:
                images, labels = stored[f"{split}_images"], stored[f"{split}_labels"]
                _check_images(f"{path}: {split}_images", images, data_set)
                _check_labels(f"{path}: {split}_labels", labels, images.shape[0], data_set)
            if len({stored[f"{split}_images"].shape[1:3] for split in splits}) > 1:
                raise InputError(f"{path}: the splits differ in image size; save them at one size")
            members = {name: array.member for name, array in stored.items()}
            mapped = _worth_mapping(path, archive, members)
            check_size(str(path), sum(member.file_size for member in members.values()))
            check_room(
                str(path), sum(members[name].file_size for name in names if name not in mapped)
            )
            arrays = {
                name: _load(path, archive, name, member, name in mapped)
                for name, member in members.items()
            }
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: not a whole .npz archive; write it with numpy.savez") from None
    checked = {}
    for split in splits:
        images, labels = arrays[f"{split}_images"], arrays[f"{split}_labels"]
        labels = _classes(f"{path}: {split}_labels", labels, data_set)
        checked[split] = images[..., None] if images.ndim == 3 else images, labels
    return checked


@functools.cache
def size_limit() -> int:
    """The bytes of images and labels that a file may hold: those of MedMNIST's largest set."""
    entries = [data_sets.get(name) for name in data_sets.names()]
    largest = data_sets.SIZES[-1] ** 2
    return max(
        sum(entry.samples.values()) * (largest * entry.channels + BYTES_OF_LABEL)
        for entry in entries
    )


def check_size(what: str, needed: int) -> None:
    """InputError where arrays of so many bytes are more than `size_limit`."""
    _check(what, needed, size_limit(), "the most that is read")


def check_room(what: str, needed: int) -> None:
    """InputError where arrays of so many bytes are more than `size_limit`, or than is free."""
    check_size(what, needed)
    _check(what, needed, psutil.virtual_memory().available, "the memory free")


def _check(what: str, needed: int, most: int, of_what: str) -> None:
    if needed > most:
        raise InputError(
            f"{what}: its arrays take {needed / 2**20:,.0f} MiB, and {of_what} is "
            f"{most / 2**20:,.0f} MiB; take fewer or smaller images"
        )


def _worth_mapping(
    path: Path, archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo]
) -> set[str]:
    """The names of large arrays, or none where the disk has no room for them."""
    large = {name: m for name, m in members.items() if m.file_size >= unpacked.LEAST_BYTES}
    return set(large) if unpacked.has_room(path, archive, list(large.values())) else set()


def existing(path: Path) -> Path:
    """The path of a plain file that can be read; InputError for anything else."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise InputError(
            f"{path}: no such file; name a MedMNIST-format .npz (data_path, DATA=)"
        ) from None
    except OSError as error:  # a loop of links, a name that is too long, a folder that is closed
        raise InputError(f"{path}: {error.strerror}; name another file (DATA=)") from None
    if stat.S_ISDIR(mode):
        if holds_images(path):
            raise InputError(
                f"{path}: a folder of images, and a MedMNIST-format .npz is read; make one with "
                f"make npz FROM={path} OUT=my.npz SIZE={LEAST_SIZE}"
            )
        raise InputError(f"{path}: a folder; name a MedMNIST-format .npz (data_path, DATA=)")
    if not stat.S_ISREG(mode):
        raise InputError(f"{path}: no plain file but a device or a pipe; name a .npz (DATA=)")
    if not os.access(path, os.R_OK):
        raise InputError(f"{path}: no permission to read it; change that, or name another file")
    return path


def holds_images(folder: Path) -> bool:
    """Whether there are images in a folder, or in class folders as Kermany's release has them.

    Empty folders two deep (OCT2017/train/CNV) count as well.
    """
    for path, folders, names in os.walk(folder):
        depth = len(Path(path).relative_to(folder).parts)
        if depth == 2 or any(name.lower().endswith(IMAGE_SUFFIXES) for name in names):
            return True
        folders.sort()
    return False


def _header(path: Path, archive: zipfile.ZipFile, name: str) -> _Stored:
    members = [member for member in archive.infolist() if member.filename == f"{name}.npy"]
    if not members:
        raise InputError(
            f"{path}: has no array {name}; MedMNIST's format has train_, val_ and test_ images and "
            "labels"
        )
    member, what = members[0], f"{path}: {name}"
    if len(members) > 1:
        raise InputError(f"{what} is there twice; write each array once, with numpy.savez")
    if member.flag_bits & ENCRYPTED:
        raise InputError(f"{what} is encrypted; write it plain, with numpy.savez")
    if member.compress_type not in COMPRESSIONS:
        raise InputError(f"{what} is packed as numpy doesn't; write it with numpy.savez")
    try:
        with archive.open(member) as file:
            version = np.lib.format.read_magic(file)
            read_header = {
                (1, 0): np.lib.format.read_array_header_1_0,
                (2, 0): np.lib.format.read_array_header_2_0,
            }[version]
            shape, _, dtype = read_header(file)
            begins = file.tell()
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
        raise _damaged(what, error) from None
    except Exception:  # numpy evaluates the header as Python's literal, which fails in many ways
        raise InputError(f"{what} is no array of numpy's; write it with numpy.savez") from None
    if dtype.hasobject:
        raise InputError(
            f"{what} holds pickled objects, which are never loaded; save plain uint8 arrays"
        )
    told, held = math.prod(shape) * dtype.itemsize, member.file_size - begins
    if told != held or min(shape, default=0) < 0:
        raise InputError(
            f"{what} holds {held:,} bytes where its header tells of {told:,} {shape}; write the "
            "file anew with numpy.savez"
        )
    return _Stored(member, dtype, shape)


def _load(
    path: Path, archive: zipfile.ZipFile, name: str, member: zipfile.ZipInfo, is_mapped: bool
) -> np.ndarray:
    try:
        if is_mapped:
            return _mapped(path, archive, name, member)
        with archive.open(member) as file:
            array = np.lib.format.read_array(file, allow_pickle=False)
            file.read()  # to its end, where the checksum is compared
    except MemoryError:
        raise InputError(f"{path}: {name} doesn't fit the memory; save fewer images") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
        raise _damaged(f"{path}: {name}", error) from None
    return array


def _mapped(path: Path, archive: zipfile.ZipFile, name: str, member: zipfile.ZipInfo) -> np.ndarray:
    try:
        return unpacked.array(path, archive, member)
    except OSError as error:
        raise InputError(
            f"{unpacked.FOLDER}: {error.strerror or error}, where {name} of {path} is to be "
            "unpacked; mend that, or free some disk"
        ) from None


def _damaged(what: str, error: Exception) -> InputError:
    return InputError(f"{what} is damaged ({error}); get or write the file anew")


def _check_images(name: str, images: _Stored, data_set: DataSet) -> None:
    is_grey = data_set.channels == 1
    kind, shape = ("grey", "(n, size, size)") if is_grey else ("RGB", "(n, size, size, 3)")
    if images.dtype != np.uint8:
        raise InputError(f"{name} are {images.dtype}; save them as uint8, 0 to 255")
    if len(images.shape) not in (3, 4) or images.shape[1] != images.shape[2]:
        raise InputError(f"{name} have shape {images.shape}; save square {kind} ones {shape}")
    count, size, _, channels = (*images.shape, 1)[:4]
    if channels != data_set.channels:
        stored = {1: "grey", 3: "RGB"}.get(channels, f"of {channels} channels")
        raise InputError(
            f"{name} are {stored}, and those of {data_set.name} are {kind}; save them as {shape}, "
            "or name another set (data_set)"
        )
    if count == 0:
        raise InputError(f"{name} are empty; each split needs images of every class")
    if size < LEAST_SIZE:
        raise InputError(f"{name} are {size} px; {LEAST_SIZE} px are the least")


def _check_labels(name: str, labels: _Stored, images: int, data_set: DataSet) -> None:
    if labels.shape not in ((images,), (images, 1)):
        raise InputError(f"{name} have shape {labels.shape} for {images} images; save one each")
    if not np.issubdtype(labels.dtype, np.integer):
        most = len(data_set.classes) - 1
        raise InputError(f"{name} are {labels.dtype}; save integers from 0 to {most}")


def _classes(name: str, labels: np.ndarray, data_set: DataSet) -> np.ndarray:
    """Labels int64 (n,); InputError unless each class of the set occurs, and no other."""
    classes = len(data_set.classes)
    other = f"{data_set.name} has {classes} classes (another set: data_set=...)"
    if labels.min() < 0 or labels.max() >= classes:
        raise InputError(
            f"{name} run from {labels.min()} to {labels.max()}; they must be 0 to {classes - 1}, "
            f"for {other}"
        )
    missing = sorted(set(range(classes)) - set(labels.reshape(-1).tolist()))
    if missing:
        raise InputError(
            f"{name} lack class {missing[0]}; each split needs images of every class, and {other}"
        )
    return labels.reshape(-1).astype(np.int64)
