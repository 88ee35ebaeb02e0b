"""Large arrays of an archive, unpacked to disk once and read from there by memory map.

An archive's arrays are compressed, so nothing of one can be read without all of it. Unpacked, the
system loads what is looked at and gives it up again where memory runs short.
"""

import fcntl
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from helpers.study.provenance import digest
from helpers.study.runs import UNFINISHED, read_json, replacing_file, write_json
from helpers.study.settings import REPOSITORY

FOLDER = REPOSITORY / "runs" / ".unpacked"
# Smaller arrays are loaded as fast as they are mapped.
LEAST_BYTES = 2**25
SOURCE = "source.json"
COPIED_AT_ONCE = 2**24


def has_room(needed: int) -> bool:
    """Whether so many bytes can be unpacked on this machine's disk."""
    try:
        FOLDER.mkdir(parents=True, exist_ok=True)
        return shutil.disk_usage(FOLDER).free > needed
    except OSError:
        return False


def array(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    """An array of an archive, read only, by memory map.

    It is unpacked unless it was since the archive at `path` last changed. What was unpacked of
    archives that have changed since, or are gone, is removed on that occasion.

    Raises
    ------
    zipfile.BadZipFile, zlib.error, EOFError : for a member that is damaged.
    OSError : where it can't be written.
    """
    source = _as_it_is(path)
    kept = FOLDER / digest(source)[:16] / member.filename
    with _alone():
        if not kept.is_file() or kept.stat().st_size != member.file_size:
            _remove_what_is_over()
            write_json(kept.with_name(SOURCE), source)
            with (
                replacing_file(kept) as partial,
                partial.open("wb") as file,
                archive.open(member) as packed,
            ):
                shutil.copyfileobj(packed, file, COPIED_AT_ONCE)
    # A plain array over the map: what is computed of a part of it isn't one.
    return np.asarray(np.load(kept, mmap_mode="r", allow_pickle=False))


def _as_it_is(path: Path) -> list[str | int]:
    """What changes with a file's content; its last entry whoever writes to it can't choose."""
    told = path.stat()
    return [str(path.resolve()), told.st_ino, told.st_size, told.st_mtime_ns, told.st_ctime_ns]


@contextmanager
def _alone() -> Iterator[None]:
    """Hold the folder, so that two processes don't unpack the same."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _remove_what_is_over() -> None:
    for folder in [path for path in FOLDER.iterdir() if path.is_dir()]:
        source = read_json(folder / SOURCE)
        try:
            is_current = source == _as_it_is(Path(source[0]))
        except (OSError, TypeError):
            is_current = False
        if not is_current:
            shutil.rmtree(folder, ignore_errors=True)
        for partial in folder.glob(f"{UNFINISHED}*"):
            partial.unlink(missing_ok=True)
