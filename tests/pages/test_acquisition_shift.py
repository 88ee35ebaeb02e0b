"""Chapter 11: what it tells of OCT scans, and that it steps back elsewhere."""

from dataclasses import dataclass

import numpy as np
import pytest

from helpers.data import scans
from helpers.evaluation import acquisition
from helpers.evaluation.acquisition import Acquisition, Gap
from helpers.evaluation.measures import Measure
from helpers.pages import acquisition_shift as page
from helpers.study import data_sets

HIGH, LOW = 1024, 512
OCTMNIST = data_sets.get("octmnist")
WIDTHS = {"train": {"512": 90, "1024": 10}, "val": {"512": 91, "1024": 9}, "test": {"1024": 100}}
STRETCHED = dict.fromkeys(OCTMNIST.classes, 4)


def measure(value: float, reach: float = 0.05) -> Measure:
    return Measure(value, value - reach, value + reach, 100)


def gap(shape: float = 0.1, left: float = 0.2) -> Gap:
    return Gap(*map(measure, (0.2, 0.1, 0.0, shape, left)))


def found(**given) -> Acquisition:
    by_class = dict.fromkeys(OCTMNIST.classes, measure(0.5))
    variants = ("validation", "control: blurred", "stretched", "test")
    values = {
        "widths": WIDTHS,
        "stretched": STRETCHED,
        "control": "control: blurred",
        "recalls": {m: dict.fromkeys(variants, by_class) for m in ("custom-cnn", "resnet50")},
        "gaps": {"custom-cnn": gap(), "resnet50": gap(0.0)},
        "by_seed": {"custom-cnn": {"0": [0.1, -0.02], "1": [0.1, 0.03]}},
        "by_resolution": {},
    }
    return Acquisition(**values | given)


NOTHING = Acquisition(None, dict.fromkeys(OCTMNIST.classes, 0), "", {}, {}, {}, {})


def test_elsewhere_the_chapter_says_one_line(images, tmp_path):
    (tmp_path / scans.MANIFEST).write_text("something else\n1\n")
    blood = images("bloodmnist", path=tmp_path / "blood.npz")
    assert acquisition.source_widths(blood) is None
    assert (acquisition.stretch_factors(blood, None) == 1).all()
    assert page.scan_widths(NOTHING, blood.data_set) == (
        "This chapter is about OCT scans; this run's set is BloodMNIST."
    )
    assert page.how_stretched(NOTHING, blood.data_set) == ""
    assert page.examples(blood) is None
    assert page.widths(NOTHING) is None
    assert page.gaps(NOTHING) is None
    assert page.recalls(NOTHING) is None
    assert page.by_seed(NOTHING) == page.by_resolution(NOTHING) == ""
    assert page.learned(NOTHING).startswith("Nothing could be stretched here")


def test_unknown_widths_are_said_to_be_unknown(images):
    assert "is not known" in page.scan_widths(found(widths=None), OCTMNIST)
    assert (acquisition.stretch_factors(images(), None) == 2).all()


def test_known_widths_are_told_in_a_sentence():
    said = page.scan_widths(found(), OCTMNIST)
    assert said == "Scans of high resolution are 10 % in train, 9 % in val and 100 % in test."


def test_how_images_are_stretched_is_told():
    plain = page.how_stretched(found(), OCTMNIST)
    assert plain.startswith("Stretching an image of this size loses detail")
    finer = page.how_stretched(found(control="control: resized anew"), OCTMNIST)
    assert finer.startswith("They are stretched from the same scans at 64 px")
    assert "none is" not in plain + finer
    some = page.how_stretched(found(stretched=STRETCHED | {"dme": 0}), OCTMNIST)
    assert some.endswith(" Of DME none is: all their scans are of high resolution.")
    assert page.how_stretched(NOTHING, OCTMNIST).startswith("None is stretched:")


@pytest.mark.parametrize(("val", "test"), [(LOW, LOW), (HIGH, HIGH), (HIGH, LOW)])
def test_no_scan_to_stretch_has_no_example(images, monkeypatch, val, test):
    dataset = images()
    wide = {"train": LOW, "val": val, "test": test}
    known = {name: np.full(len(split), wide[name]) for name, split in dataset.splits.items()}
    monkeypatch.setattr(acquisition, "source_widths", lambda _: known)
    assert page.examples(dataset) is None


def test_a_class_without_narrow_scans_has_a_test_image_alone(images, monkeypatch):
    dataset = images()
    wide = {"train": LOW, "val": LOW, "test": HIGH}
    known = {name: np.full(len(split), wide[name]) for name, split in dataset.splits.items()}
    known["val"][dataset.val.labels == 1] = HIGH
    monkeypatch.setattr(acquisition, "source_widths", lambda _: known)
    figure = page.examples(dataset)
    shown = np.array([len(axis.images) for axis in figure.axes]).reshape(4, 4)
    assert shown.tolist() == [[1, 0, 1, 1]] * 3 + [[1, 1, 1, 1]]


@pytest.mark.parametrize(
    ("shape", "verdict"),
    [(0.3, "costs accuracy"), (0.02, "is not shown to cost"), (-0.3, "gains accuracy")],
)
def test_what_stretching_costs_is_told(shape, verdict):
    said = page.stretching("resnet50", gap(shape))
    assert said.startswith(f"ResNet50: stretching {verdict}")


@pytest.mark.parametrize(
    ("left", "end"), [(0.2, "which chance does not explain."), (0.0, "within chance.")]
)
def test_what_is_left_is_told(left, end):
    said = page.decomposition("custom-cnn", gap(left=left))
    assert "validation minus test is 20.0 [" in said
    assert said.endswith(end)


def test_seeds_and_models_are_summed_up():
    assert page.by_seed(found()) == (
        "Seed by seed the shape costs \N{MINUS SIGN}2.0 to +3.0 points for the custom CNN."
    )
    assert page.learned(found()) == "Stretching by itself costs the custom CNN accuracy."
    none = found(gaps={"resnet50": gap(0.0)})
    assert page.learned(none) == "Stretching is not shown to cost any model accuracy."


def test_validations_own_resolutions_are_compared():
    by = {"high resolution": Measure(0.5, 0.2, 0.8, 6), "others": Measure(0.9, 0.6, 1.0, 10)}
    said = page.by_resolution(found(by_resolution={"custom-cnn": by}))
    assert "of the 6 validation scans of high resolution correctly" in said
    assert said.endswith("of the 10 others.")
    by["others"] = Measure(np.nan, None, None, 0)
    assert page.by_resolution(found(by_resolution={"custom-cnn": by})) == ""


def test_figures_have_room_for_their_texts(overlaps):
    for figure in (page.widths(found()), page.gaps(found()), page.recalls(found())):
        assert not overlaps(figure)


def test_the_page_shows_the_record_where_widths_are_unknown(monkeypatch):
    @dataclass
    class Study:
        given: tuple
        record: object = None

    monkeypatch.setattr(acquisition, "load_or_measure", lambda found: found)
    recorded = Study((found(),))
    assert page.told_of(Study((NOTHING,), recorded)) is recorded
    alone = Study((NOTHING,))
    assert page.told_of(alone) is alone
    assert page.told_of(recorded) is recorded


def test_a_value_without_an_interval_is_drawn_and_decides_nothing():
    sure = Measure(0.0, None, None, 100)
    gaps = {"resnet50": Gap(sure, sure, sure, sure, sure)}
    recalls = {"resnet50": dict.fromkeys(page.MARKS, dict.fromkeys(OCTMNIST.classes, sure))}
    alike = found(gaps=gaps, recalls=recalls)
    assert page.gaps(alike) and page.recalls(alike)
    assert "is not shown to cost" in page.stretching("resnet50", gaps["resnet50"])
    assert page.learned(alike) == "Stretching is not shown to cost any model accuracy."
    assert page.decomposition("resnet50", gaps["resnet50"]).endswith("within chance.")
