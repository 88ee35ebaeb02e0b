"""`make book FROM=`: a crate goes into a folder of its own, and nothing amiss goes anywhere."""

import json
import os
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from helpers.pipeline import crate, pack, unpack
from helpers.study.errors import InputError
from helpers.study.provenance import file_digest
from helpers.study.runs import Run

Files = dict[str, bytes]


@pytest.fixture
def packed(made_up, tmp_path) -> Path:
    out = tmp_path / "made-up.zip"
    pack.pack(made_up, out)
    return out


@pytest.fixture
def target(tmp_path) -> Run:
    return Run(tmp_path / "other checkout" / "runs" / "opened")


def contents(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): file_digest(path)
        for path in folder.rglob("*")
        if path.is_file()
    }


def rewritten(path: Path, change: Callable[[Files], None], out: Path) -> Path:
    """A crate with other content, whose zip archive is sound."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out


def test_a_crate_is_unpacked_as_it_was(made_up, packed, target):
    unpack.open_crate(packed, target)
    there, before = contents(target.folder), contents(made_up.folder)
    assert there == {name: before[name] for name in there}
    assert "artifacts/resnet50/seed-0/model.keras" in there
    assert "notebooks/11-acquisition-shift.ipynb" in there
    assert [path.name for path in target.folder.parent.iterdir()] == ["opened"]


def test_the_same_crate_again_is_fine_and_mends_what_is_missing(packed, target):
    unpack.open_crate(packed, target)
    before = contents(target.folder)
    target.metrics.unlink()
    unpack.open_crate(packed, target)
    assert contents(target.folder) == before


def test_a_folder_of_another_run_is_left_alone(made_up, packed, target):
    target.artifacts.mkdir(parents=True)
    target.metrics.write_text("another run's")
    with pytest.raises(InputError, match=r"metrics\.json: is not of made-up\.zip.*RUN="):
        unpack.open_crate(packed, target)
    assert contents(target.folder).keys() == {"artifacts/metrics.json"}
    # Its own run, on the machine that it was packed on.
    unpack.open_crate(packed, made_up)
    (made_up.notebooks / "own.ipynb").write_text("{}")
    with pytest.raises(InputError, match=r"own\.ipynb: is not of"):
        unpack.open_crate(packed, made_up)


def list_again(files: Files) -> None:
    """Have the crate's list agree with its files, as whoever forges a crate would."""
    import hashlib

    content = json.loads(files[crate.METADATA])
    listed = [entity for entity in content["@graph"] if "sha256" not in entity]
    for name in set(files) - {crate.METADATA}:
        digest = hashlib.sha256(files[name]).hexdigest()
        listed.append({"@id": name, "@type": "File", "sha256": digest})
    files[crate.METADATA] = json.dumps(content | {"@graph": listed}).encode()


def damage(files: Files) -> None:
    files["artifacts/metrics.json"] += b" "


def hide(files: Files) -> None:
    files["artifacts/more.json"] = b"{}"


def remove(files: Files) -> None:
    del files["artifacts/metrics.json"]


def no_metadata(files: Files) -> None:
    del files[crate.METADATA]


def named(name: str) -> Callable[[Files], None]:
    def change(files: Files) -> None:
        files[name] = b"evil"
        list_again(files)

    change.__name__ = name
    return change


def told(text: str) -> Callable[[Files], None]:
    def change(files: Files) -> None:
        files[crate.METADATA] = text.encode()

    change.__name__ = text[:20]
    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (damage, "'artifacts/metrics.json' has not the SHA-256"),
        (hide, "'artifacts/more.json' is in the archive or in its list"),
        (remove, "'artifacts/metrics.json' is in the archive or in its list"),
        (no_metadata, "no packed run of this book"),
        (told("[]"), "no packed run"),
        (told("{"), "no packed run"),
        (told('{"@graph": 3}'), "no packed run"),
        (told('{"@graph": [{"@id": "x", "sha256": "y"}]}'), "no packed run"),
        (told("[" * 100_000), "no packed run"),
        (named("../evil"), "is no name of a file"),
        (named("artifacts/../../evil"), "is no name of a file"),
        (named("/tmp/evil"), "is no name of a file"),
        (named("artifacts//evil"), "is no name of a file"),
        (named("artifacts\\evil"), "is no name of a file"),
        (named("C:evil"), "is no name of a file"),
        (named("artifacts/a\nb"), "is no name of a file"),
        (named("artifacts/metrics.json/evil"), "no whole zip archive"),
        (named("artifacts/METRICS.json"), "two files of one name"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_is_amiss_is_one_line_and_writes_nothing(packed, target, tmp_path, change, words):
    forged = rewritten(packed, change, tmp_path / "forged.zip")
    with pytest.raises(InputError, match="FROM=") as refusal:
        unpack.open_crate(forged, target)
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert list(target.folder.parent.iterdir()) == []
    assert not (tmp_path / "evil").exists()


def test_links_and_devices_are_refused(packed, target, tmp_path):
    with zipfile.ZipFile(packed, "a") as archive:
        entry = zipfile.ZipInfo("artifacts/link")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    with pytest.raises(InputError, match="'artifacts/link' is a link"):
        unpack.open_crate(packed, target)


def test_an_encrypted_and_a_strangely_compressed_file_are_refused(made_up, packed, target):
    whole = packed.read_bytes()
    # Where the directory starts stands near the end; a file's flags and method, 8 and 10 bytes on.
    (place,) = struct.unpack("<I", whole[-6:-2])
    packed.write_bytes(whole[: place + 8] + struct.pack("<H", 1) + whole[place + 10 :])
    with pytest.raises(InputError, match="encrypted"):
        unpack.open_crate(packed, target)
    packed.write_bytes(whole[: place + 10] + struct.pack("<H", 14) + whole[place + 12 :])
    with pytest.raises(InputError, match="compressed as make pack never does"):
        unpack.open_crate(packed, target)


@pytest.mark.parametrize("limit", ["MOST_FILES", "MOST_BYTES", "MOST_METADATA_BYTES"])
def test_there_are_limits(packed, target, monkeypatch, limit):
    monkeypatch.setattr(unpack, limit, 10)
    with pytest.raises(InputError, match=r"are the most that a run takes|no packed run"):
        unpack.open_crate(packed, target)
    assert list(target.folder.parent.iterdir()) == []


def test_a_bomb_is_known_by_what_it_says_it_holds(packed, target, tmp_path):
    with zipfile.ZipFile(packed, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("artifacts/bomb", b"\0" * 50_000_000)
    before = packed.read_bytes()
    place = before.rindex(b"PK\x01\x02")
    # It tells 4 GB less one byte; what comes out is less, which is a damaged archive.
    packed.write_bytes(before[: place + 24] + b"\xfe\xff\xff\xff" + before[place + 28 :])
    with pytest.raises(InputError):
        unpack.open_crate(packed, target)
    assert list(target.folder.parent.iterdir()) == []


def test_no_file_and_no_zip_are_one_line(target, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "nothing.zip", tmp_path, tmp_path / "fifo"):
        with pytest.raises(InputError, match="no such file"):
            unpack.open_crate(path, target)
    for content in (b"", b"no zip", b"PK\x05\x06"):
        (tmp_path / "bad.zip").write_bytes(content)
        with pytest.raises(InputError, match="no whole zip archive"):
            unpack.open_crate(tmp_path / "bad.zip", target)


def test_a_cut_or_flipped_archive_is_one_line(packed, target):
    whole = packed.read_bytes()
    for spoilt in (
        whole[: len(whole) // 2],
        whole[:5000] + b"\xff" * 40 + whole[5040:],
        whole[:-10],
    ):
        packed.write_bytes(spoilt)
        with pytest.raises(InputError, match="FROM="):
            unpack.open_crate(packed, target)
    assert list(target.folder.parent.iterdir()) == []
