"""What a site offers to download, and where its figures' links lead."""

import json
import re

import numpy as np
import pytest

from helpers.pipeline import contents, data_files
from helpers.study.settings import REPOSITORY


def figures():
    for chapter in contents.chapters():
        notebook = json.loads((REPOSITORY / "book" / f"{chapter}.ipynb").read_text())
        for cell in notebook["cells"]:
            if cell["metadata"].get("mystnb", {}).get("figure"):
                yield pytest.param(chapter, cell, id=f"{chapter}-{cell['id']}")


@pytest.mark.parametrize(("chapter", "cell"), figures())
def test_a_figure_links_to_the_lines_of_its_own_cell(chapter, cell):
    link = data_files.links(chapter, cell["id"])
    first, last = map(int, re.search(r"\?plain=1#L(\d+)-L(\d+)\)", link).groups())
    lines = (REPOSITORY / "book" / f"{chapter}.ipynb").read_text().splitlines()
    assert json.loads("\n".join(lines[first - 1 : last]).rstrip(",")) == cell


def test_a_figure_links_to_what_its_chapter_reads():
    assert "[patients.json](data/patients.json)" in data_files.links("12-patients", "any")
    assert "data: [predictions](downloads.md)" in data_files.links("02-custom-cnn", "any")
    assert "data:" not in data_files.links("01-data", "any")
    assert "data: [cost_curve.json](data/cost_curve.json))" in data_files.links("13-cost", "7")


def test_what_chapters_measured_beforehand_is_offered_with_its_meaning():
    measured = contents.all_measured()
    assert measured
    assert all(path.is_file() and path.name in data_files.RESULTS for path in measured)
    assert set(measured) <= set(contents.sources())


def test_predictions_are_those_of_the_training(trainings, dataset):
    trained = trainings[0]
    table = data_files.predictions(trained, dataset.classes)
    of_test = table[table["split"] == "test"]
    kept = trained.predictions.test_probabilities
    np.testing.assert_array_equal(of_test.filter(like="probability of"), kept)
    named = np.asarray(dataset.classes)[trained.predictions.test_labels]
    np.testing.assert_array_equal(of_test["class"], named)
    assert len(table) == len(dataset.val) + len(dataset.test)
