"""Chapter 7: what it shows of OCT scans, and that it steps back elsewhere."""

import numpy as np
import pandas as pd
import pytest

from helpers.data import scans
from helpers.evaluation.measures import Measure
from helpers.evaluation.shift import StretchingGap
from helpers.pages import acquisition_shift as page

HIGH, LOW = 1024, 512


def measure(value: float) -> Measure:
    return Measure(value, value - 0.05, value + 0.05, 100)


def widths(dataset, val, test) -> dict[str, np.ndarray]:
    """Every scan of a split as wide as given, training's narrow."""
    wide = {"train": LOW, "val": val, "test": test}
    return {name: np.full(len(split), wide[name]) for name, split in dataset.splits.items()}


def test_elsewhere_the_chapter_says_one_line(images, trained, tmp_path):
    (tmp_path / scans.MANIFEST).write_text("something else\n1\n")
    blood = images("bloodmnist", path=tmp_path / "blood.npz")
    assert page.source_widths(blood) is None
    assert page.scan_widths(blood, None) == (
        "This chapter is about OCT scans; this run's set is BloodMNIST."
    )
    factors = page.factors(blood, None)
    assert (factors == 1).all()
    assert page.width_table(None) is None
    assert page.drawing_out(blood, factors, from_finer=False) == ""
    assert page.examples(blood, factors, {}) is None
    assert page.by_resolution(trained(blood), blood, None) == ""


def test_unknown_widths_are_said_to_be_unknown(images, trained):
    dataset = images()
    assert page.source_widths(dataset) is None
    assert "there is no `manifest.csv` beside the data" in page.scan_widths(dataset, None)
    assert (page.factors(dataset, None) == 2).all()
    assert page.by_resolution(trained(dataset), dataset, None) == (
        "Which these are is not known here."
    )


def test_known_widths_are_counted(images):
    dataset = images()
    known = widths(dataset, LOW, HIGH)
    assert "are 0 % in train, 0 % in val and 100 % in test." in page.scan_widths(dataset, known)
    table = page.width_table(known)
    assert table.loc[HIGH].tolist() == [0, 0, 16]


def test_images_are_drawn_out_from_what_there_is(images):
    dataset = images()
    factors = page.factors(dataset, widths(dataset, LOW, HIGH))
    assert (factors == 2).all()
    plain = page.drawing_out(dataset, factors, from_finer=False)
    assert plain.startswith("Drawing out an image of this size loses detail")
    finer = page.drawing_out(dataset, factors, from_finer=True)
    assert finer.startswith("They are drawn out from the same scans at 64 px")
    assert "none is" not in plain + finer


@pytest.mark.parametrize(("val", "test"), [(LOW, LOW), (HIGH, HIGH), (HIGH, LOW)])
def test_no_scan_to_draw_out_is_said(images, val, test):
    dataset = images()
    factors = page.factors(dataset, widths(dataset, val, test))
    assert page.drawing_out(dataset, factors, from_finer=False) == (
        "None is drawn out: no validation scan is narrower than most test scans are."
    )
    assert page.examples(dataset, factors, {}) is None


def test_a_class_without_narrow_scans_has_a_test_image_alone(images):
    dataset = images()
    known = widths(dataset, LOW, HIGH)
    known["val"][dataset.val.labels == 1] = HIGH
    factors = page.factors(dataset, known)
    said = page.drawing_out(dataset, factors, from_finer=False)
    assert said.endswith(" Of DME none is: all their scans are of high resolution.")
    variants = scans.variants(dataset.val.images, factors, None)
    figure = page.examples(dataset, factors, variants)
    shown = np.array([len(axis.images) for axis in figure.axes]).reshape(4, 4)
    assert shown.tolist() == [[1, 0, 1, 1]] * 3 + [[1, 1, 1, 1]]


def test_recalls_stand_by_variant(images):
    dataset = images()
    perfect = np.eye(4)[dataset.val.labels]
    table = page.recalls_by_variant({"as they are": perfect}, dataset)
    assert isinstance(table, pd.DataFrame)
    assert list(table.index[:2]) == ["accuracy", "CNV recall"]
    assert table.loc["accuracy", "as they are"].startswith("100.0 %")


@pytest.mark.parametrize(
    ("closed", "left", "costs", "end"),
    [
        (0.3, 0.0, "itself costs accuracy", "is 0.0 [-5.0, 5.0] points."),
        (0.12, 0.2, "is not shown to cost accuracy", "points, which is not nothing."),
        (0.12, -0.2, "is not shown to cost accuracy", "points, which is not nothing."),
    ],
)
def test_what_drawing_out_costs_is_told(closed, left, costs, end):
    drawn_out = StretchingGap(measure(0.2), measure(closed), measure(left))
    control = StretchingGap(measure(0.2), measure(0.1), measure(0.0))
    said = page.stretching("ResNet50, seed 1", drawn_out, control)
    assert said.startswith("ResNet50, seed 1: at test's class ratio validation less test is 20.0")
    assert costs in said
    assert said.endswith(end)


def test_validations_own_resolutions_are_compared(images, trained):
    dataset = images()
    one = page.by_resolution(trained(dataset), dataset, widths(dataset, LOW, HIGH))
    assert one == "The custom CNN: validation has scans of one resolution alone."
    both = widths(dataset, LOW, HIGH)
    both["val"][:6] = HIGH
    said = page.by_resolution(trained(dataset), dataset, both)
    assert "of the 6 validation scans of high resolution correctly" in said
    assert said.endswith("of the 10 others.")
