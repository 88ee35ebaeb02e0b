"""Files in MedMNIST's format are checked, downloads verified, and every supported set loads."""

import functools
import hashlib
import http.server
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
import warnings
import zipfile
import zlib
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import draw_arrays

from helpers.data import dataset, files
from helpers.study import data_sets, downloads
from helpers.study.errors import InputError
from helpers.study.settings import REPOSITORY, load_settings


def load_file(path, data_set="octmnist"):
    settings = load_settings("local", data_path=str(path), data_set=data_set, weights="random")
    return dataset.load(settings.data)


def test_a_valid_file_loads(tmp_path, arrays):
    np.savez(tmp_path / "good.npz", **arrays)
    loaded = load_file(tmp_path / "good.npz")
    assert loaded.classes == ("cnv", "dme", "drusen", "normal")
    assert loaded.train.images.dtype == np.uint8
    assert loaded.train.labels.dtype == np.int64
    np.testing.assert_array_equal(loaded.test.images, arrays["test_images"][..., None])


def change(name, edit):
    return lambda arrays: arrays | {name: edit(arrays[name])}


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda a: {k: v for k, v in a.items() if k != "val_labels"}, "no array val_labels"),
        (change("train_images", lambda x: x.astype(np.float32)), "float32"),
        (change("train_images", lambda x: np.stack([x] * 3, axis=-1)), "RGB.*data_set"),
        (change("test_images", lambda x: x[:, :, :20]), "square"),
        (change("train_images", lambda x: x[:, :20, :20]), "28 px are the least"),
        (change("train_labels", lambda y: y + 1), "1 to 4"),
        (change("train_labels", lambda y: y.astype(np.float64)), "float64"),
        (change("val_labels", lambda y: y[:-1]), "for 8 images"),
        (change("val_labels", lambda y: y * 0), "lack class 1"),
        (
            lambda a: a | {"val_images": a["val_images"][:0], "val_labels": []},
            "val_images are empty",
        ),
        (
            change("test_images", lambda x: np.pad(x, ((0, 0), (2, 2), (2, 2)))),
            "differ in image size",
        ),
    ],
)
def test_a_file_that_is_not_in_the_format_is_refused_in_one_line(tmp_path, arrays, edit, words):
    path = tmp_path / "bad.npz"
    np.savez(path, **edit(arrays))
    with pytest.raises(InputError, match=words) as error:
        load_file(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"not an archive", None])
def test_a_file_that_is_no_whole_archive_is_refused(tmp_path, arrays, content):
    path = tmp_path / "bad.npz"
    np.savez(path, **arrays)
    path.write_bytes(path.read_bytes()[:-200] if content is None else content)
    with pytest.raises(InputError, match="not a whole"):
        load_file(path)


def test_pickled_objects_are_never_loaded(tmp_path, arrays):
    path = tmp_path / "bad.npz"
    np.savez(path, **arrays | {"train_images": np.array([{}], dtype=object)})
    with pytest.raises(InputError, match="pickled"):
        load_file(path)


def rewritten(path, **changes):
    """Write an archive anew with other members or other ways to pack them."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (members | changes.get("members", {})).items():
            kind = changes.get("kind", zipfile.ZIP_STORED)
            archive.writestr(name, content, compress_type=kind)
        for name in changes.get("twice", ()):
            with warnings.catch_warnings(action="ignore"):
                archive.writestr(name, members[name])


def header(shape, dtype="|u1"):
    described = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape}}}"
    text = described.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def with_member(content):
    return lambda path: rewritten(path, members={"train_images.npy": content})


def patched(place_of, change):
    """Change the bytes at a place of the archive."""

    def spoil(path):
        content = bytearray(path.read_bytes())
        place = place_of(content)
        content[place] = change(content[place])
        path.write_bytes(content)

    return spoil


def as_tar(path):
    with tarfile.open(path.with_name("a.tar"), "w") as archive:
        archive.add(path)
    path.with_name("a.tar").rename(path)


def bomb(path):
    rewritten(path, members={"train_images.npy": b"\0" * 2**20}, kind=zipfile.ZIP_DEFLATED)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: rewritten(path, kind=zipfile.ZIP_LZMA), "packed as numpy doesn't"),
        (lambda path: rewritten(path, kind=zipfile.ZIP_BZIP2), "packed as numpy doesn't"),
        (lambda path: rewritten(path, twice=["val_labels.npy"]), "val_labels is there twice"),
        (with_member(header((10**13, 28, 28))), "tells of 7,840,000,000,000,000"),
        (with_member(header((-1, -1, 28))), "tells of"),
        (with_member(header((0, 28, 28))), "are empty"),
        (with_member(header((1, 28, 28)) + b"0" * 783), "holds 783 bytes"),
        (with_member(header("(" * 1000)), "no array of numpy's"),
        (with_member(header((1,), dtype="|O")), "pickled"),
        (with_member(header("9" * 5000)), "no array of numpy's"),
        (with_member(b"PNG"), "no array of numpy's"),
        (with_member(b""), "no array of numpy's"),
        (bomb, "no array of numpy's"),
        # In the central directory: whether the member is encrypted, and how it is packed.
        (patched(lambda c: c.rfind(b"PK\1\2") + 8, lambda _: 1), "encrypted"),
        (patched(lambda c: c.rfind(b"PK\1\2") + 10, lambda _: 93), "packed as numpy doesn't"),
        (patched(lambda c: c.find(b"NUMPY") + 500, lambda byte: byte ^ 1), "damaged .*CRC"),
        (lambda path: path.write_bytes(zlib.compress(path.read_bytes())), "not a whole"),
        (lambda path: np.save(path.open("wb"), np.zeros(3)), "not a whole"),
        (as_tar, "not a whole|no array"),
    ],
)
def test_a_spoilt_archive_is_refused_before_it_is_loaded(tmp_path, arrays, spoil, words):
    path = tmp_path / "spoilt.npz"
    np.savez(path, **arrays)
    spoil(path)
    with pytest.raises(InputError, match=words) as error:
        load_file(path)
    assert str(path) in str(error.value)
    assert str(error.value).isprintable()


def test_a_damaged_deflate_stream_is_refused(tmp_path, arrays):
    path = tmp_path / "spoilt.npz"
    np.savez_compressed(path, **arrays)
    content = bytearray(path.read_bytes())
    content[400:500] = b"\xff" * 100
    path.write_bytes(content)
    with pytest.raises(InputError, match="train_images is damaged"):
        load_file(path)


def test_a_file_larger_than_any_set_or_than_the_memory_is_refused(tmp_path, arrays, monkeypatch):
    np.savez(tmp_path / "mine.npz", **arrays)
    assert files.size_limit() > 107_180 * 224 * 224 * 3  # PathMNIST
    with monkeypatch.context() as patch:
        patch.setattr(files, "size_limit", lambda: 2**14)
        with pytest.raises(InputError, match=r"take 0 MiB, and the most that is read is 0 MiB"):
            load_file(tmp_path / "mine.npz")
    monkeypatch.setattr(files.psutil, "virtual_memory", lambda: SimpleNamespace(available=2**14))
    with pytest.raises(InputError, match="the memory free is"):
        load_file(tmp_path / "mine.npz")


@pytest.mark.parametrize(
    "labels",
    [
        lambda y: y.reshape(-1),
        lambda y: y.astype(np.int64),
        lambda y: y.astype(">i4"),
        lambda y: y.astype(np.uint64),
        lambda y: np.asfortranarray(y.astype(np.int16)),
    ],
)
def test_labels_load_in_any_shape_and_integer(tmp_path, arrays, labels):
    changed = {name: labels(a) if "labels" in name else a for name, a in arrays.items()}
    np.savez(tmp_path / "mine.npz", **changed)
    loaded = load_file(tmp_path / "mine.npz")
    assert loaded.train.labels.tolist() == [0, 1, 2, 3, 0, 1, 2, 3]


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_fortran_order_and_further_pickled_arrays_load(tmp_path, arrays, save):
    images = np.asfortranarray(arrays["val_images"])
    more = {"names": np.array([{}], dtype=object), "val_images": images}
    save(tmp_path / "mine.npz", **arrays | more)
    loaded = load_file(tmp_path / "mine.npz")
    np.testing.assert_array_equal(loaded.val.images[..., 0], arrays["val_images"])


@pytest.mark.parametrize("kind", ["folder", "images", "class folders", "pipe", "loop", "long"])
def test_what_is_no_plain_file_is_named(tmp_path, kind):
    path, words = tmp_path / "my.npz", "DATA="
    if kind == "folder":
        (path / "empty").mkdir(parents=True)
        words = "a folder;"
    elif kind == "images":
        path.mkdir()
        (path / "CNV-1-1.JPEG").write_bytes(b"")
        words = f"a folder of images.*make npz FROM={path} OUT=my.npz SIZE=28"
    elif kind == "class folders":
        (path / "train" / "CNV").mkdir(parents=True)
        words = "a folder of images"
    elif kind == "pipe":
        os.mkfifo(path)
        words = "a device or a pipe"
    elif kind == "loop":
        path.symlink_to(path)
    else:
        path = tmp_path / ("x" * 300)
        words = "too long"
    with pytest.raises(InputError, match=words) as error:
        files.existing(path)
    assert str(error.value).isprintable()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        load_file(tmp_path / "none.npz")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_named(tmp_path, arrays):
    path = tmp_path / "secret.npz"
    np.savez(path, **arrays)
    path.chmod(0)
    with pytest.raises(InputError, match="permission"):
        load_file(path)


# Set once the server has sent half a file and waits.
half_sent = threading.Event()


def load_published():
    return dataset.load(load_settings("paper").data)


@pytest.fixture
def server(tmp_path):
    """A web server on a folder of its own; yields the folder and the address."""
    folder = tmp_path / "served"
    folder.mkdir()

    half_sent.clear()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            if "cut" not in self.path and "slow" not in self.path:
                return super().do_GET()
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"half")
            if "slow" in self.path:
                half_sent.set()
                time.sleep(20)

    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


@pytest.fixture
def published(monkeypatch, tmp_path):
    """Have MedMNIST's table name another address and MD5, and keep downloads in a folder."""
    monkeypatch.setattr(downloads, "PAUSE_SECONDS", 0)
    monkeypatch.setenv(files.CACHE_VARIABLE, str(tmp_path / "cache"))

    def publish(url, md5="0" * 32):
        facts = data_sets.INFO["octmnist"] | {"url": url, "MD5": md5}
        monkeypatch.setitem(data_sets.INFO, "octmnist", facts)
        data_sets.get.cache_clear()
        return tmp_path / "cache"

    yield publish
    data_sets.get.cache_clear()


def test_a_download_is_verified_and_kept(server, published, arrays):
    folder, address = server
    np.savez(folder / "good.npz", **arrays)
    md5 = hashlib.md5((folder / "good.npz").read_bytes()).hexdigest()
    cache = published(f"{address}/good.npz", md5)
    loaded = load_published()
    assert loaded.name == "OCTMNIST"
    assert loaded.is_audited
    assert [path.name for path in cache.iterdir()] == ["octmnist.npz"]


@pytest.mark.parametrize("name", ["other.npz", "cut.npz", "missing.npz"])
def test_a_failed_download_leaves_nothing(server, published, name):
    folder, address = server
    (folder / "other.npz").write_bytes(b"something else")
    cache = published(f"{address}/{name}")
    with pytest.raises(InputError) as error:
        load_published()
    assert f"{address}/{name}" in str(error.value)
    assert not cache.exists() or list(cache.iterdir()) == []


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL], ids=lambda end: end.name)
def test_a_killed_download_leaves_no_file_and_the_next_one_succeeds(server, published, arrays, end):
    folder, address = server
    np.savez(folder / "good.npz", **arrays)
    cache = published(f"{address}/slow.npz")
    program = (
        "import sys; from helpers.data import dataset; from helpers.study import data_sets, "
        "settings; data_sets.INFO['octmnist']['url'] = sys.argv[1]; "
        "dataset.load(settings.load_settings('paper').data)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, f"{address}/slow.npz"],
        stderr=subprocess.DEVNULL,
        # A shell's background job ignores SIGINT, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        cwd=REPOSITORY,
    ) as process:
        assert half_sent.wait(60)
        process.send_signal(end)
        assert process.wait(30) != 0
    assert not (cache / "octmnist.npz").exists()
    md5 = hashlib.md5((folder / "good.npz").read_bytes()).hexdigest()
    published(f"{address}/good.npz", md5)
    assert len(load_published().test) == 8
    assert (cache / "octmnist.npz").read_bytes() == (folder / "good.npz").read_bytes()


def test_without_a_network_the_remedy_is_named(published):
    published("http://127.0.0.1:1/octmnist.npz")
    with pytest.raises(InputError, match="check the network"):
        load_published()


def test_another_file_in_the_cache_is_named_offline_too(published, arrays):
    cache = published("http://127.0.0.1:1/octmnist.npz")
    cache.mkdir()
    np.savez(cache / "octmnist.npz", **arrays)
    with pytest.raises(InputError, match=r"another file .*profile local, DATA=.*octmnist\.npz"):
        load_published()
    assert (cache / "octmnist.npz").exists()


@pytest.mark.parametrize("name", data_sets.names())
def test_every_set_of_the_registry_loads_with_its_classes_and_channels(tmp_path, name):
    np.savez(tmp_path / "mine.npz", **draw_arrays(name))
    loaded = load_file(tmp_path / "mine.npz", name)
    entry = data_sets.get(name)
    assert loaded.classes == entry.classes
    assert loaded.shape == (28, 28, entry.channels)
    assert not loaded.is_official


def test_a_grey_file_of_an_rgb_set_is_refused(tmp_path, arrays):
    np.savez(tmp_path / "grey.npz", **arrays)
    with pytest.raises(InputError, match=r"grey, and those of bloodmnist are RGB"):
        load_file(tmp_path / "grey.npz", "bloodmnist")


def test_more_classes_than_the_set_has_are_answered_with_data_set(tmp_path):
    np.savez(tmp_path / "organs.npz", **draw_arrays("organamnist"))
    with pytest.raises(InputError, match=r"0 to 10.*data_set="):
        load_file(tmp_path / "organs.npz")


def test_fewer_classes_than_the_set_has_are_answered_with_data_set(tmp_path):
    np.savez(tmp_path / "binary.npz", **draw_arrays("breastmnist"))
    with pytest.raises(InputError, match=r"lack class 2.*data_set="):
        load_file(tmp_path / "binary.npz")
