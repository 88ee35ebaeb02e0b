"""Data: files are checked, downloads verified, classes and copies counted."""

import dataclasses
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
import pandas as pd
import pytest

from helpers import data, duplicates
from helpers.settings import REPOSITORY, InputError, load_settings


def load_file(path):
    return data.load(load_settings("local", data_path=str(path)))


def test_a_valid_file_loads(tmp_path, arrays):
    np.savez(tmp_path / "good.npz", **arrays)
    dataset = load_file(tmp_path / "good.npz")
    assert dataset.classes == ("cnv", "dme", "drusen", "normal")
    assert dataset.train.images.dtype == np.uint8
    assert dataset.train.labels.dtype == np.int64
    np.testing.assert_array_equal(dataset.test.images, arrays["test_images"])


def change(name, edit):
    return lambda arrays: arrays | {name: edit(arrays[name])}


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda a: {k: v for k, v in a.items() if k != "val_labels"}, "no array val_labels"),
        (change("train_images", lambda x: x.astype(np.float32)), "float32"),
        (change("train_images", lambda x: np.stack([x] * 3, axis=-1)), "RGB"),
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
    monkeypatch.setenv(data.CACHE_VARIABLE, str(tmp_path / "cache"))

    def publish(url, md5="0" * 32):
        facts = data.INFO["octmnist"] | {"url": url, "MD5": md5}
        monkeypatch.setitem(data.INFO, "octmnist", facts)
        return tmp_path / "cache"

    return publish


def test_a_download_is_verified_and_kept(server, published, arrays):
    folder, address = server
    np.savez(folder / "good.npz", **arrays)
    md5 = hashlib.md5((folder / "good.npz").read_bytes()).hexdigest()
    cache = published(f"{address}/good.npz", md5)
    dataset = data.load(load_settings("paper"))
    assert dataset.name == "OCTMNIST"
    assert [path.name for path in cache.iterdir()] == ["octmnist.npz"]


@pytest.mark.parametrize("name", ["other.npz", "cut.npz", "missing.npz"])
def test_a_failed_download_leaves_nothing(server, published, name):
    folder, address = server
    (folder / "other.npz").write_bytes(b"something else")
    cache = published(f"{address}/{name}")
    with pytest.raises(InputError) as error:
        data.load(load_settings("paper"))
    assert f"{address}/{name}" in str(error.value)
    assert not cache.exists() or list(cache.iterdir()) == []


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL], ids=lambda end: end.name)
def test_a_killed_download_leaves_no_file_and_the_next_one_succeeds(server, published, arrays, end):
    folder, address = server
    np.savez(folder / "good.npz", **arrays)
    cache = published(f"{address}/slow.npz")
    program = (
        "import sys; from helpers import data; from helpers.settings import load_settings; "
        "data.INFO['octmnist']['url'] = sys.argv[1]; data.load(load_settings('paper'))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, f"{address}/slow.npz"],
        stderr=subprocess.DEVNULL,
        cwd=REPOSITORY,
    ) as process:
        assert half_sent.wait(60)
        process.send_signal(end)
        assert process.wait(30) != 0
    assert not (cache / "octmnist.npz").exists()
    md5 = hashlib.md5((folder / "good.npz").read_bytes()).hexdigest()
    published(f"{address}/good.npz", md5)
    assert len(data.load(load_settings("paper")).test) == 8
    assert (cache / "octmnist.npz").read_bytes() == (folder / "good.npz").read_bytes()


def test_without_a_network_the_remedy_is_named(published):
    published("http://127.0.0.1:1/octmnist.npz")
    with pytest.raises(InputError, match="check the network"):
        data.load(load_settings("paper"))


def test_another_medmnist_set_brings_its_classes():
    assert data.class_names("pneumoniamnist") == ("normal", "pneumonia")
    with pytest.raises(InputError, match="octmnist"):
        data.class_names("pathmnist")


def test_the_phantom_has_octmnists_ratio_and_a_balanced_test(dataset):
    counts = data.class_counts(dataset)
    shares = counts["train"] / counts["train"].sum()
    np.testing.assert_allclose(shares, [0.34, 0.10, 0.08, 0.47], atol=0.02)
    assert counts["test"].nunique() == 1


def test_augmentation_follows_the_rule(dataset, small):
    assert data.imbalance(np.array([0, 0, 0, 1, 1])) == 1.5
    assert data.is_augmented(small, dataset)
    even = dataclasses.replace(dataset, train=dataset.test)
    assert not data.is_augmented(small, even)


def test_class_weights_are_balanced():
    labels = np.array([0, 0, 0, 1])
    np.testing.assert_allclose(data.class_weights(labels), [4 / 6, 4 / 2])


def test_copies_are_found_within_and_across_splits(dataset):
    train, test = dataset.train, dataset.test
    noisy = np.clip(train.images[1].astype(int) + 1, 0, 255).astype(np.uint8)
    images = np.concatenate([[train.images[0], noisy], test.images[2:]])
    leaky = dataclasses.replace(dataset, test=data.Split(images, test.labels))
    before, after = (duplicates.duplicate_table(found) for found in (dataset, leaky))
    exact, near = ("exact", "test"), ("near", "test")
    assert after.loc[exact, "copy in train"] - before.loc[exact, "copy in train"] == 1
    assert after.loc[near, "copy in train"] >= 2


def test_an_image_without_contrast_is_nobodys_duplicate():
    images = np.zeros((3, 28, 28), np.uint8)
    assert len(set(duplicates.near_duplicate_groups(images, 0.975))) == 3


def test_near_duplicates_agree_with_octmnist_minis_manifest(octmnist_mini):
    dataset = load_file(octmnist_mini)
    manifest = pd.read_csv(octmnist_mini.with_name("manifest.csv"), dtype={"patient_id": str})
    for name in ("train", "val"):
        rows = manifest[manifest["split"] == name].sort_values("index")
        images = dataset.splits[name].images
        table = pd.DataFrame(
            {
                "found": duplicates.near_duplicate_groups(images, 0.975),
                "group": rows["group"].to_numpy(),
                "known": rows["patient_id"].notna().to_numpy(),
            }
        )
        # What we link, the manifest links; it also links scans of one patient that differ.
        assert (table.groupby("found")["group"].nunique() == 1).all()
        by_image = table.groupby("group").filter(lambda group: not group["known"].any())
        assert (by_image.groupby("group")["found"].nunique() == 1).all()


def test_octmnist_minis_test_split_has_copies_under_different_patients(octmnist_mini):
    # The manifest groups test scans by patient alone; equal pixels show where that falls short.
    manifest = pd.read_csv(octmnist_mini.with_name("manifest.csv"), dtype={"patient_id": str})
    patients = manifest[manifest["split"] == "test"].sort_values("index")["patient_id"].to_numpy()
    images = load_file(octmnist_mini).test.images
    assert (images[20] == images[204]).all()
    assert patients[20] != patients[204]
    groups = duplicates.near_duplicate_groups(images, 0.975)
    assert groups[20] == groups[204]
