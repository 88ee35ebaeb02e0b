"""Copies within and across splits are found, and agree with what is known of octmnist-mini."""

import dataclasses

import numpy as np
import pandas as pd

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
