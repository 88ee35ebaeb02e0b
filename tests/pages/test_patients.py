"""Chapter 12: each branch of its sentences, and its figure."""

import dataclasses

import pytest

from helpers.evaluation.measures import Measure
from helpers.evaluation.patients import Leak, Patients
from helpers.pages import patients as page

COUNTS = {
    "images": 1_000,
    "images of known patients": 300,
    "patients": 120,
    "images with a relative": 250,
    "test images": 500,
    "test patients": 321,
    "test patients with two labels": 21,
}


def measure(value: float, reach: float = 0.02) -> Measure:
    return Measure(value, value - reach, value + reach, 100)


def leak(added: float) -> Leak:
    by_patient = measure(0.6)
    by_image = measure(0.6 + added)
    return Leak(by_image, by_patient, measure(added), measure(2 * added), measure(0), measure(0.7))


def found(added: float = 0.05) -> Patients:
    effects = {"custom-cnn": {"0": 1.21, "1": 1.02}}
    accuracy = {"custom-cnn": {"0": measure(0.774), "1": measure(0.8)}}
    names = ("the nearest neighbour of pixels", "a linear classifier of features")
    without = {"custom-cnn": {"0": measure(0.8), "1": measure(0.82)}}
    return Patients("", COUNTS, {name: leak(added) for name in names}, accuracy, effects, without)


NOTHING = Patients("No two images are known to share a patient.", {}, {}, {}, {}, {})


def test_who_is_known_is_counted():
    said = page.known(found())
    assert "Of 1,000 training and validation images 300 name one of 120 patients; 250" in said
    assert page.known(NOTHING) == ""


@pytest.mark.parametrize(
    ("added", "verdict"), [(0.05, "patient adds accuracy"), (0.01, "is not shown to add accuracy")]
)
def test_a_leak_is_told_with_its_interval(added, verdict):
    said = page.leaked("the nearest neighbour of pixels", leak(added))
    assert verdict in said
    assert f"{100 * added:.1f} [" in said


def test_the_leak_is_set_beside_the_gap_to_test():
    said = page.against_test("a linear classifier of features", leak(0.05))
    assert "validated by image 65.0 %, by patient 60.0 %, on test 70.0 %" in said
    assert "is \N{MINUS SIGN}5.0 points by image and \N{MINUS SIGN}10.0 by patient" in said


def test_how_dependent_test_images_are_is_told():
    said = page.independence(found())
    assert "500 test images come from 321 patients" in said
    assert "1.02 to 1.21 times as large" in said
    assert "at most 10 % of its width" in said  # the root of 1.21 is 1.1
    assert page.independence(NOTHING) == ""


def test_patients_with_two_labels_are_told():
    said = page.two_labels(found())
    assert "Of the test patients 21 have images under two labels" in said
    assert said.endswith("81.0 % rather than 78.7 % (the custom CNN), means over seeds.")
    assert page.two_labels(NOTHING) == ""


def test_what_is_not_known_is_said_once(overlaps):
    assert page.accuracies(NOTHING) is None
    assert page.by_model(NOTHING) is None
    assert page.learned(NOTHING).startswith(NOTHING.why)
    assert not overlaps(page.accuracies(found()))
    assert page.by_model(found()).loc["The custom CNN", "design effect"] == "1.21"
    assert "adds to the validation accuracy" in page.learned(found())
    assert "is not shown to add to" in page.learned(found(0.01))


def test_the_page_shows_the_record_where_this_run_knows_no_patients(monkeypatch):
    @dataclasses.dataclass
    class Study:
        given: tuple
        record: object = None

    monkeypatch.setattr(page.patients, "load_or_measure", lambda found: found)
    recorded = Study((found(),))
    assert page.told_of(Study((NOTHING,), recorded)) is recorded
    alone = Study((NOTHING,))
    assert page.told_of(alone) is alone
    known = Study((found(),), recorded)
    assert page.told_of(known) is known
    assert page.findings(alone) == [NOTHING.why]
    assert len(page.findings(known)) == 3
