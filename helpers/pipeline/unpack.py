"""`make book FROM=crate.zip`: a packed run into a folder of its own, once nothing in it is amiss.

A crate is a file from somebody else. What it holds is never executed: its models aren't loaded, its
chapters are shown as they were executed.
"""

import contextlib
import json
import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from helpers.pipeline import crate
from helpers.study.errors import InputError
from helpers.study.provenance import file_digest
from helpers.study.runs import UNFINISHED, Run

# More than any run of this book takes.
MOST_FILES, MOST_BYTES, MOST_METADATA_BYTES = 10_000, 50_000_000_000, 50_000_000
# Where a crate's files may lie in a run's folder; all else stays in the crate.
UNPACKED = ("artifacts", "notebooks", "heatmaps.npz", "keys.json")
COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, EOFError, ValueError),
    *(NotImplementedError, RuntimeError),  # what zipfile can't read, or not without a password
    *(FileExistsError, NotADirectoryError, IsADirectoryError),  # a file where a folder should be
)


def open_crate(path: Path, run: Run) -> None:
    """Unpack a crate of `make pack` into a run's folder, after every file's hash was checked.

    Raises InputError, before anything is written there, for what is no such crate or a damaged one,
    and for a folder that holds anything of another run. The same crate again is fine.
    """
    if not path.is_file():
        raise InputError(f"FROM={path}: no such file; name a zip that make pack wrote")
    run.folder.parent.mkdir(parents=True, exist_ok=True)
    # Beside the run, so that files move into place at once.
    with TemporaryDirectory(prefix=UNFINISHED, dir=run.folder.parent) as beside:
        staging = Path(beside)
        try:
            with zipfile.ZipFile(path) as archive:
                hashes = _unpack(archive, path, staging)
        except InputError:
            raise
        except DAMAGED as error:
            raise InputError(
                f"FROM={path}: no whole zip archive ({type(error).__name__}); have it sent again"
            ) from None
        _require_own(run, path, hashes)
        for place in hashes:
            if PurePosixPath(place).parts[0] in UNPACKED:
                target = run.folder / place
                target.parent.mkdir(parents=True, exist_ok=True)
                (staging / place).replace(target)


def _unpack(archive: zipfile.ZipFile, path: Path, staging: Path) -> dict[str, str]:
    """Write every file below `staging`; the SHA-256 of each by its place."""
    entries = archive.infolist()
    _require_harmless(entries, path, staging)
    hashes = _hashes(archive, path)
    places = {entry.filename for entry in entries} - {crate.METADATA}
    if unlisted := sorted(places ^ hashes.keys()):
        raise _damaged(path, unlisted[0], "is in the archive or in its list, but not in both")
    for entry in entries:
        if entry.filename in hashes:
            target = staging / entry.filename
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(entry) as source, target.open("wb") as file:
                shutil.copyfileobj(source, file, 1 << 20)
            if file_digest(target) != hashes[entry.filename]:
                raise _damaged(path, entry.filename, "has not the SHA-256 that it was packed with")
    return hashes


def _require_harmless(entries: list[zipfile.ZipInfo], path: Path, staging: Path) -> None:
    """Refuse names that lead elsewhere, what is no file, and more than there is room for."""
    size = sum(entry.file_size for entry in entries)
    if len(entries) > MOST_FILES or size > MOST_BYTES:
        raise InputError(
            f"FROM={path}: holds {len(entries):,} files of {size:,} bytes; {MOST_FILES:,} files "
            f"and {MOST_BYTES:,} bytes are the most that a run takes"
        )
    if size > shutil.disk_usage(staging).free:
        raise InputError(f"FROM={path}: takes {size:,} bytes; make room for them under runs/")
    if len({entry.filename.casefold() for entry in entries}) < len(entries):
        raise InputError(f"FROM={path}: holds two files of one name; name a zip of make pack")
    for entry in entries:
        parts, kind = PurePosixPath(entry.filename).parts, stat.S_IFMT(entry.external_attr >> 16)
        is_path = "/".join(parts) == entry.filename and "\\" not in entry.filename
        leads_elsewhere = not is_path or ".." in parts or entry.filename.startswith("/")
        if leads_elsewhere or not entry.filename.isprintable() or ":" in entry.filename:
            raise _damaged(path, entry.filename, "is no name of a file below a run's folder")
        if kind not in (0, stat.S_IFREG) or entry.flag_bits & 1:
            raise _damaged(path, entry.filename, "is a link, no plain file, or encrypted")
        if entry.compress_type not in COMPRESSIONS:
            raise _damaged(path, entry.filename, "is compressed as make pack never does")


def _hashes(archive: zipfile.ZipFile, path: Path) -> dict[str, str]:
    """The SHA-256 of every file by its place, as the crate's metadata tell them."""
    no_crate = InputError(
        f"FROM={path}: no packed run of this book; name a zip that make pack wrote"
    )
    try:
        entry = archive.getinfo(crate.METADATA)
    except KeyError:
        raise no_crate from None
    if entry.file_size > MOST_METADATA_BYTES:
        raise no_crate
    content: Any = None
    with contextlib.suppress(ValueError, RecursionError):
        content = json.loads(archive.read(entry))
    graph = content.get("@graph") if isinstance(content, dict) else None
    listed = graph if isinstance(graph, list) else []
    described = [each for each in listed if isinstance(each, dict)]
    hashes = {str(each.get("@id")): str(each["sha256"]) for each in described if "sha256" in each}
    if "artifacts/run.json" not in hashes:
        raise no_crate
    return hashes


def _require_own(run: Run, path: Path, hashes: dict[str, str]) -> None:
    """Refuse a folder with artifacts or chapters that are not this crate's."""
    for name in UNPACKED:
        for there in (run.folder / name, *sorted((run.folder / name).rglob("*"))):
            place = there.relative_to(run.folder).as_posix()
            if there.is_file() and (place not in hashes or file_digest(there) != hashes[place]):
                raise InputError(
                    f"{there}: is not of {path.name}, so another run is there; name another folder "
                    "with RUN="
                )


def _damaged(path: Path, place: str, why: str) -> InputError:
    return InputError(f"FROM={path}: {place!r} {why}; have the crate sent again")
