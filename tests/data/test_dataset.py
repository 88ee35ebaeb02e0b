"""Three splits, whatever their source: the phantom's ratio, identity by MD5, fingerprints."""

import dataclasses
import hashlib

import numpy as np
import pytest

from helpers.data import dataset as datasets
from helpers.data.dataset import Split
from helpers.study import data_sets
from helpers.study.settings import load_settings


def test_the_phantom_has_octmnists_ratio_and_a_balanced_test(dataset):
    shares = np.bincount(dataset.train.labels) / len(dataset.train)
    np.testing.assert_allclose(shares, [0.34, 0.10, 0.08, 0.47], atol=0.02)
    assert len(set(np.bincount(dataset.test.labels))) == 1
    assert dataset.is_phantom
    assert not dataset.is_audited
    assert dataset.in_prose == "the phantom"


@pytest.mark.parametrize("size", data_sets.SIZES)
def test_the_phantom_is_drawn_at_each_of_medmnists_sizes(size):
    settings = load_settings("demo", f"phantom_images=[8,8,8] image_size={size}")
    drawn = datasets.load(settings.data)
    assert drawn.shape == (size, size, 1)
    assert drawn.lesion_masks["test"].shape == (8, size, size)


def test_a_phantom_of_three_channels_repeats_its_grey(small):
    grey, coloured = (datasets.phantom_like(small.data, 28, channels) for channels in (1, 3))
    assert coloured.shape == (28, 28, 3)
    np.testing.assert_array_equal(coloured.test.images, np.repeat(grey.test.images, 3, axis=-1))


def test_the_fingerprint_follows_every_image_and_label(dataset):
    labels = dataset.train.labels.copy()
    labels[[0, 1]] = 0, 1
    other_labels = dataclasses.replace(dataset, train=Split(dataset.train.images, labels))
    images = dataset.test.images.copy()
    images[-1, -1, -1] ^= 1
    other_image = dataclasses.replace(dataset, test=Split(images, dataset.test.labels))
    same = dataclasses.replace(dataset, name="another name")
    assert same.fingerprint == dataset.fingerprint
    assert len({d.fingerprint for d in (dataset, other_labels, other_image)}) == 3


def test_a_name_makes_no_file_octmnist_but_its_md5_does(tmp_path, arrays, monkeypatch):
    path = tmp_path / "OCTMNIST.npz"
    np.savez(path, **arrays)
    settings = load_settings("local", data_path=str(path), weights="random")
    named = datasets.load(settings.data)
    assert named.name == "OCTMNIST"
    assert not named.is_official
    assert not named.is_audited
    md5 = hashlib.md5(path.read_bytes()).hexdigest()
    monkeypatch.setitem(data_sets.INFO, "octmnist", data_sets.INFO["octmnist"] | {"MD5_64": md5})
    data_sets.get.cache_clear()
    try:
        official = datasets.load(settings.data)
    finally:
        data_sets.get.cache_clear()
    assert official.is_official
    assert official.is_audited
