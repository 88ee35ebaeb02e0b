"""Chapter 1: its tables, figures and the branches of its sentences."""

import dataclasses

import numpy as np
import pytest

from helpers.data import duplicates
from helpers.data.dataset import Split
from helpers.ledger import claims
from helpers.pages import data as page
from helpers.pages.study import Described, Study
from helpers.study import data_sets
from helpers.study.runs import Run
from helpers.study.settings import REPOSITORY, load_settings


def test_facts_are_medmnists():
    facts = page.facts(data_sets.get("octmnist"))["MedMNIST"]
    assert facts["images, total"] == "109,309"
    assert facts["class 0"] == "choroidal neovascularization"
    assert page.facts(data_sets.get("bloodmnist")).loc["channels", "MedMNIST"] == "3"


def test_the_reports_split_sizes_are_compared(monkeypatch):
    octmnist = data_sets.get("octmnist")
    assert page.stated_splits(octmnist) == (
        "The report's split sizes (97,477, 10,832 and 1,000) are exactly these."
    )
    monkeypatch.setattr(claims, "stated_splits", lambda: {"train": 1, "val": 2, "test": 3})
    assert page.stated_splits(octmnist) == "The report's split sizes (1, 2 and 3) are not these."
    assert page.stated_splits(data_sets.get("pneumoniamnist")) == (
        "The report is about OCTMNIST; this run's set is PneumoniaMNIST."
    )


def test_images_are_counted_and_shown(any_set, overlaps):
    counts = page.class_counts(any_set)
    assert (counts == 4).all(axis=None)
    assert not overlaps(page.class_distribution(counts * 2_000))


def test_a_class_shows_as_many_examples_as_it_has(images):
    examples = page.first_of_each_class(images(each=3).train, 4, each=8)
    assert [len(of_class) for of_class in examples] == [3] * 4


def test_pixels_are_told_by_colour(images):
    assert "why is not documented" in page.about_pixels(images())
    xray = page.about_pixels(images("pneumoniamnist"))
    assert xray.startswith("Grey values")
    assert "scans" not in xray
    assert page.about_pixels(images("bloodmnist")).startswith("Values of red, green and blue")


def test_how_uneven_splits_are_is_told():
    labels = {"train": np.array([0, 0, 0, 1]), "test": np.array([0, 1])}
    assert page.imbalances(labels) == (
        "The largest class has 3.0 times as many images as the smallest in train and 1.0 times in "
        "test."
    )


def test_findings_are_counted_of_images_and_of_a_record(images, trained):
    dataset = images()
    run = Run(REPOSITORY / "nowhere", is_recorded=True)
    settings = load_settings("paper")
    told = page.findings(Study(settings, dataset, run))
    assert told[0] == "48 images, of which 16 in train, 16 in val and 16 in test."
    facts = {"counts": {"train": 5, "val": 16, "test": 16}}
    described = Described(settings, dataset, run, facts)
    vars(described)["trainings"] = [trained(dataset)]
    assert page.findings(described)[0].startswith("37 images, of which 5 in train")


def test_the_named_layers_of_a_scan_have_room(overlaps):
    assert not overlaps(page.annotated_scan())


def test_what_is_done_about_imbalance_is_told(images):
    dataset = images()
    off = page.countermeasures(load_settings("paper"), dataset)
    assert "augmentation is off (setting: auto)" in off
    assert "1.00 for CNV, 1.00 for DME, 1.00 for drusen and 1.00 for normal" in off
    chosen = load_settings("paper", "augmentation=on class_weights=none")
    on = page.countermeasures(chosen, dataset)
    assert "augmentation is on (setting: on)" in on
    assert on.endswith("Classes are not weighted.")


@pytest.mark.parametrize(("flip", "told"), [("true", True), ("false", False)])
def test_a_flip_is_told_where_there_is_one(flip, told):
    said = page.transformations(load_settings("paper", f"horizontal_flip={flip}"))
    assert ("flips left and right" in said) == told
    assert "turns by up to 10 degrees, shifts by up to 10 %" in said


def test_copies_are_told_with_their_labels(images):
    dataset = images()
    assert page.copies(duplicates.duplicate_table(dataset), dataset) == (
        "Of 16 test images 0 are exactly, and 0 nearly, in training as well; 0 have an exact copy "
        "within the test split."
    )
    same = dataclasses.replace(dataset, test=dataset.train)
    told = page.copies(duplicates.duplicate_table(same), same)
    assert told.endswith("No exact copy outside the test split bears another label.")
    other = dataclasses.replace(same, test=Split(same.test.images, 3 - same.test.labels))
    told = page.copies(duplicates.duplicate_table(other), other)
    assert told.endswith("Of 16 the copy outside the test split bears another label.")
