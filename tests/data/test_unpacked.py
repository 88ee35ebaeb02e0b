"""Large arrays are read by memory map: the same values, unpacked once, never of another file."""

import errno
import os
import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from helpers.data import files, unpacked
from helpers.study import data_sets
from helpers.study.errors import InputError

OCT = data_sets.get("octmnist")


@pytest.fixture
def path(tmp_path, arrays, monkeypatch):
    monkeypatch.setattr(unpacked, "FOLDER", tmp_path / "unpacked")
    monkeypatch.setattr(unpacked, "LEAST_BYTES", arrays["train_images"].nbytes)
    np.savez_compressed(tmp_path / "scans.npz", **arrays)
    return tmp_path / "scans.npz"


def unpacked_files():
    return sorted(unpacked.FOLDER.rglob("*.npy"))


def test_values_are_the_files_and_can_not_be_written_to(path, arrays):
    for split, (images, labels) in files.read(path, OCT).items():
        np.testing.assert_array_equal(images[..., 0], arrays[f"{split}_images"])
        assert not images.flags.writeable
        assert labels.flags.writeable
    assert [file.stem for file in unpacked_files()] == [f"{s}_images" for s in sorted(files.SPLITS)]


def test_the_second_time_nothing_is_unpacked(path):
    files.read(path, OCT)
    before = [file.stat().st_mtime_ns for file in unpacked_files()]
    files.read(path, OCT)
    assert [file.stat().st_mtime_ns for file in unpacked_files()] == before


def test_a_file_that_changed_is_read_anew_though_its_time_and_size_are_the_same(path, arrays):
    np.savez(path, **arrays)
    files.read(path, OCT)
    told = path.stat()
    turned = {name: array[::-1] for name, array in arrays.items()}
    np.savez(path, **turned)
    os.utime(path, ns=(told.st_atime_ns, told.st_mtime_ns))
    assert path.stat().st_size == told.st_size
    np.testing.assert_array_equal(files.read(path, OCT)["train"][0][..., 0], turned["train_images"])
    assert len(unpacked_files()) == 3  # what was unpacked before is gone


def test_what_is_cut_short_or_left_half_made_is_unpacked_again(path, arrays):
    files.read(path, OCT)
    cut = unpacked_files()[0]
    cut.write_bytes(cut.read_bytes()[:-1])
    (cut.parent / ".unfinished-1-train_images.npy").write_bytes(b"")
    files.read(path, OCT)
    np.testing.assert_array_equal(np.load(cut), arrays[cut.stem])
    assert not list(cut.parent.glob(".unfinished*"))


def test_a_file_that_is_gone_leaves_nothing_behind(path, tmp_path):
    files.read(path, OCT)
    other = shutil.copy(path, tmp_path / "other.npz")
    path.unlink()
    files.read(other, OCT)
    assert len(unpacked_files()) == 3


def test_a_damaged_array_is_refused_and_nothing_of_it_kept(path, arrays):
    np.savez(path, **arrays)
    content = bytearray(path.read_bytes())
    place = content.find(arrays["val_images"].tobytes())
    content[place + 5] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="val_images is damaged"):
        files.read(path, OCT)
    assert "val_images" not in [file.stem for file in unpacked_files()]


def test_where_the_disk_has_no_room_arrays_are_loaded(path, arrays, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=0))
    np.testing.assert_array_equal(files.read(path, OCT)["test"][0][..., 0], arrays["test_images"])
    assert not unpacked_files()


def test_what_is_unpacked_already_needs_no_room(path, monkeypatch):
    files.read(path, OCT)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=0))
    assert not any(images.flags.writeable for images, _ in files.read(path, OCT).values())


def test_a_disk_that_fills_up_is_told_as_that(path, monkeypatch):
    def full(packed, file, length):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(unpacked.shutil, "copyfileobj", full)
    with pytest.raises(InputError, match=r"unpacked: No space left on device, where train_images"):
        files.read(path, OCT)
    assert not unpacked_files()


def test_a_file_replaced_while_it_is_read_leaves_nothing_under_the_new_ones_name(
    path, arrays, tmp_path, monkeypatch
):
    turned = {name: array[::-1] for name, array in arrays.items()}
    unpack = unpacked.array

    def replaced_meanwhile(at, archive, member):
        np.savez(tmp_path / "new.npz", **turned)
        (tmp_path / "new.npz").replace(path)
        return unpack(at, archive, member)

    with monkeypatch.context() as patch:
        patch.setattr(unpacked, "array", replaced_meanwhile)
        files.read(path, OCT)
    read = files.read(path, OCT)
    for split, (images, _) in read.items():
        np.testing.assert_array_equal(images[..., 0], turned[f"{split}_images"])


def test_mapped_arrays_need_no_memory(path, monkeypatch):
    free = SimpleNamespace(available=10_000)
    monkeypatch.setattr(files.psutil, "virtual_memory", lambda: free)
    assert files.read(path, OCT)
    monkeypatch.setattr(unpacked, "LEAST_BYTES", 2**40)
    with pytest.raises(InputError, match="memory free"):
        files.read(path, OCT)
