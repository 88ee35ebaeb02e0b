"""How names, numbers and lists are written."""

import pytest

from helpers.pages import words
from helpers.study import data_sets


def test_parts_are_listed():
    assert words.listed([]) == ""
    assert words.listed(["a"]) == "a"
    assert words.listed(["a", "b", "c"]) == "a, b and c"


def test_counts_are_words_up_to_twelve():
    assert [words.number(n) for n in (2, 4, 11, 12)] == ["two", "four", "eleven", "twelve"]
    assert words.number(1234) == "1,234"


def test_pages_show_the_first_seed():
    assert words.first_seed({"3": "shown", "0": "not"}) == "shown"


@pytest.mark.parametrize("name", data_sets.names())
def test_every_class_of_every_set_fits_into_a_figure(name):
    classes = data_sets.get(name).classes
    labels = words.labels(classes)
    assert len(set(labels)) == len(labels)
    assert all(len(line) <= 18 for label in labels for line in label.split("\n"))
    assert all(label.count("\n") < 2 for label in labels)
    assert all(len(words.shortened(each)) <= 24 for each in classes)


def test_short_classes_are_written_whole():
    octmnist = data_sets.get("octmnist").classes
    assert words.labels(octmnist) == ["CNV", "DME", "drusen", "normal"]
    assert words.shortened("femur-left") == "femur left"
    assert words.shortened(data_sets.get("bloodmnist").classes[3]).endswith("…")


def test_what_is_about_the_reports_images_is_set_aside_elsewhere():
    assert words.aside(data_sets.get("octmnist"), "This is about OCT") == ""
    said = words.aside(data_sets.get("bloodmnist"), "This is about OCT")
    assert said == "This is about OCT; this run's set is BloodMNIST."


def test_sentences_stand_by_themselves_and_once():
    assert words.paragraphs("One.", "", "Two.", "One.").data == "One.\n\nTwo."
    assert words.paragraphs("", "") is None
    assert words.paragraphs() is None


def test_differences_and_p_values_are_written_as_in_prose():
    assert (words.signed(-1.25), words.signed(3)) == ("−1.2", "+3.0")
    told = [words.p_value(p) for p in (0.0316, 2e-60, float("nan"))]
    assert told == ["p = 0.032", "p < 0.001", "can't be tested"]
