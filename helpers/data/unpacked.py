"""Large arrays of an archive, unpacked to disk once and read from there by memory map.

An archive's arrays are compressed, so nothing of one can be read without all of it. Unpacked, the
system loads what is looked at and gives it up again where memory runs short.
"""

import os
import shutil
import zipfile
from pathlib import Path

import numpy as np

from helpers.study.provenance import digest
from helpers.study.runs import UNFINISHED, alone_in, read_json, replacing_file, write_json
from helpers.study.settings import REPOSITORY

FOLDER = REPOSITORY / "runs" / ".unpacked"
# Smaller arrays are loaded as fast as they are mapped.
LEAST_BYTES = 2**25
SOURCE = "source.json"
COPIED_AT_ONCE = 2**24


def has_room(path: Path, archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> bool:
    """Whether this machine's disk has room for what isn't unpacked yet of these arrays."""
    source = _opened(path, archive)
    needed = sum(m.file_size for m in members if not _is_kept(_place(source, m), m))
    try:
        FOLDER.mkdir(parents=True, exist_ok=True)
        return not needed or shutil.disk_usage(FOLDER).free > needed
    except OSError:
        return False


def array(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    """An array of an archive, read only, by memory map.

    It is unpacked unless it was since the archive, opened from `path`, last changed. What was
    unpacked of archives that have changed since, or are gone, is removed on that occasion.

    Raises
    ------
    zipfile.BadZipFile, zlib.error, EOFError : for a member that is damaged.
    OSError : where it can't be written.
    """
    source = _opened(path, archive)
    kept = _place(source, member)
    with alone_in(FOLDER):
        if not _is_kept(kept, member):
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


def _opened(path: Path, archive: zipfile.ZipFile) -> list[str | int]:
    # Of the file that is open: another may have taken its place since.
    return _as_it_is(path, os.fstat(archive.fp.fileno()))


def _as_it_is(path: Path, told: os.stat_result) -> list[str | int]:
    """What changes with a file's content; its last entry whoever writes to it can't choose."""
    return [str(path.resolve()), told.st_ino, told.st_size, told.st_mtime_ns, told.st_ctime_ns]


def _place(source: list[str | int], member: zipfile.ZipInfo) -> Path:
    return FOLDER / digest(source)[:16] / member.filename


def _is_kept(kept: Path, member: zipfile.ZipInfo) -> bool:
    return kept.is_file() and kept.stat().st_size == member.file_size


def _remove_what_is_over() -> None:
    for folder in [path for path in FOLDER.iterdir() if path.is_dir()]:
        source = read_json(folder / SOURCE)
        try:
            is_current = source == _as_it_is(Path(source[0]), Path(source[0]).stat())
        except (OSError, TypeError):
            is_current = False
        if not is_current:
            shutil.rmtree(folder, ignore_errors=True)
        for partial in folder.glob(f"{UNFINISHED}*"):
            partial.unlink(missing_ok=True)
