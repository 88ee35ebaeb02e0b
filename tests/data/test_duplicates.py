"""Copies within and across splits are found, and agree with what is known of octmnist-mini."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy.sparse.csgraph import connected_components

from helpers.data import dataset as datasets
from helpers.data import duplicates
from helpers.data.dataset import Split
from helpers.study.settings import load_settings


def load(path):
    return datasets.load(load_settings("local", data_path=str(path), weights="random").data)


def test_copies_are_found_within_and_across_splits(dataset):
    train, test = dataset.train, dataset.test
    noisy = np.clip(train.images[1].astype(int) + 1, 0, 255).astype(np.uint8)
    images = np.concatenate([[train.images[0], noisy], test.images[2:]])
    leaky = dataclasses.replace(dataset, test=Split(images, test.labels))
    before, after = (duplicates.duplicate_table(each) for each in (dataset, leaky))
    exact, near = ("exact", "test"), ("near", "test")
    assert after.loc[exact, "copy in train"] - before.loc[exact, "copy in train"] == 1
    assert after.loc[near, "copy in train"] >= 2


def test_an_image_without_contrast_is_nobodys_duplicate():
    images = np.zeros((3, 28, 28, 1), np.uint8)
    assert len(set(duplicates.near_duplicate_groups(images, 0.975))) == 3


def linked_by_definition(images, correlation):
    """Groups by every pair's correlation, as the definition has it."""
    together = np.corrcoef(images.reshape(len(images), -1).astype(float)) >= correlation
    return connected_components(together)[1]


@pytest.mark.parametrize(("channels", "noise"), [(1, 15), (3, 15), (1, 40)])
def test_the_bound_leaves_out_no_pair(channels, noise, monkeypatch):
    monkeypatch.setattr(duplicates, "SAMPLE", 100)
    monkeypatch.setattr(duplicates, "BLOCK", 64)
    monkeypatch.setattr(duplicates, "CELLS", 2**12)
    rng = np.random.default_rng(0)
    first = rng.integers(0, 256, (150, 28, 28, channels))
    noisy = first[rng.integers(150, size=300)] + rng.normal(0, noise, (300, 28, 28, channels))
    images = np.concatenate([first, noisy.clip(0, 255)]).astype(np.uint8)
    for correlation in (0.9, 0.975):
        found = duplicates.near_duplicate_groups(images, correlation)
        known = linked_by_definition(images, correlation)
        assert (pd.factorize(found)[0] == pd.factorize(known)[0]).all()


def test_images_that_are_all_alike_form_one_group():
    rng = np.random.default_rng(0)
    one = rng.integers(0, 256, (1, 28, 28, 1))
    images = (one + rng.normal(0, 5, (3000, 28, 28, 1))).clip(0, 255).astype(np.uint8)
    assert len(set(duplicates.near_duplicate_groups(images, 0.975))) == 1


def test_large_images_are_compared_averaged_down():
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (6, 28, 28, 3)).astype(np.uint8)
    large = small.repeat(8, axis=1).repeat(8, axis=2)
    fine = (large + rng.normal(0, 40, large.shape)).clip(0, 255).astype(np.uint8)
    found = duplicates.near_duplicate_groups(np.concatenate([large, fine]), 0.975)
    assert (found[:6] == found[6:]).all()
    assert len(set(found)) == 6


def test_copies_under_another_label_are_counted(dataset):
    train, test = dataset.train, dataset.test
    images = np.concatenate([train.images[:5], test.images[5:]])
    labels = np.concatenate([(train.labels[:5] + np.array([0, 1, 1, 2, 0])) % 4, test.labels[5:]])
    leaky = dataclasses.replace(dataset, test=Split(images, labels))
    table = duplicates.duplicate_table(leaky)
    assert table.loc[("exact", "test"), "copy in train"] == 5
    assert table.loc[("exact", "test"), "other label"] == 3
    assert table.loc[("exact", "train"), "other label"] == 3


def test_blank_images_are_exact_copies_alone(dataset):
    blank = Split(np.zeros_like(dataset.test.images), dataset.test.labels)
    table = duplicates.duplicate_table(dataclasses.replace(dataset, test=blank))
    assert table.loc[("exact", "test"), "copy in test"] == len(blank)
    assert (table.loc[("near", "test")] == 0).all()


def test_near_duplicates_agree_with_octmnist_minis_manifest(octmnist_mini):
    dataset = load(octmnist_mini)
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
    images = load(octmnist_mini).test.images
    assert (images[20] == images[204]).all()
    assert patients[20] != patients[204]
    groups = duplicates.near_duplicate_groups(images, 0.975)
    assert groups[20] == groups[204]
