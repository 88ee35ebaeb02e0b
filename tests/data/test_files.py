"""Files in MedMNIST's format are checked, downloads verified, and every supported set loads."""

import functools
import hashlib
import http.server
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from conftest import draw_arrays

from helpers.data import dataset, files
from helpers.study import data_sets
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
