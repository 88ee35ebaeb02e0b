"""Images of one patient: linked by the manifest and by near copies."""

import numpy as np
import pandas as pd
import pytest

from helpers.data import dataset as datasets
from helpers.data import patients, scans
from helpers.data.files import SPLITS
from helpers.study.settings import load_settings


def test_patients_and_copies_link_images_in_chains():
    names = np.array(["a", "a", "", "b", "", "b"], object)
    copies = np.array([7, 8, 8, 9, 3, 4])
    found = patients.related(names, copies)
    # The first two are a patient's, the third a copy of the second; the fifth is alone.
    assert found[0] == found[1] == found[2]
    assert found[3] == found[5]
    assert len(set(found.tolist())) == 3


def test_unknown_patients_are_nobody():
    assert len(set(patients.related(np.array(["", "", ""], object), np.arange(3)))) == 3


@pytest.fixture
def local(arrays, tmp_path):
    np.savez(tmp_path / "mine.npz", **arrays)
    return datasets.load(load_settings("local", data_path=tmp_path / "mine.npz").data)


def manifest(**more) -> pd.DataFrame:
    rows = [(split, index, 512) for split in SPLITS for index in range(8)]
    return pd.DataFrame(rows, columns=["split", "index", "source_width"]).assign(**more)


def test_patients_are_read_in_the_order_of_the_images(local, tmp_path):
    assert patients.groups(local) is None
    table = manifest(patient_id=[str(row % 12) for row in range(24)])
    table.sample(frac=1, random_state=0).to_csv(tmp_path / "manifest.csv", index=False)
    known = scans.source_patients(local)
    assert known["train"].tolist() == list("01234567")
    assert known["test"].tolist() == ["4", "5", "6", "7", "8", "9", "10", "11"]
    groups = patients.groups(local)  # test's images link nothing
    assert (groups[:4] == groups[12:]).all()
    assert (len(groups), len(set(groups.tolist()))) == (16, 12)


@pytest.mark.parametrize("more", [{}, {"patient_id": ""}])
def test_a_manifest_without_patients_names_none(local, tmp_path, more):
    manifest(**more).to_csv(tmp_path / "manifest.csv", index=False)
    assert scans.source_patients(local) is None


def test_groups_of_real_scans_are_those_of_their_manifest(octmnist_mini):
    settings = load_settings("local", data_path=octmnist_mini, weights="random")
    dataset = datasets.load(settings.data)
    table = pd.read_csv(octmnist_mini.with_name("manifest.csv"))
    theirs = [table[table["split"] == split].sort_values("index")["group"] for split in SPLITS[:2]]
    theirs = np.concatenate(theirs)
    ours = patients.groups(dataset)
    pairs = pd.DataFrame({"ours": ours, "theirs": theirs}).drop_duplicates()
    assert len(pairs) == len(set(theirs.tolist())) == len(set(ours.tolist()))
