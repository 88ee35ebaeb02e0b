"""Other MedMNIST sets go through the whole book: one in colour, one with two classes."""

import html
import re
import subprocess
import sys

import numpy as np
import pytest
from conftest import draw_arrays

from helpers.study import data_sets
from helpers.study.settings import REPOSITORY

SMALL = "epochs=1 batch_size=16 upsample_to=32 explained_images=4 evaluations=4 cached_views=1"


def built(folder, data_set: str, models: str, each: int = 6):
    """The executed pages of a small run on generated images of a set, as text by name."""
    name = f"test-{data_set}"
    np.savez(folder / "mine.npz", **draw_arrays(data_set, each))
    command = [sys.executable, "-m", "helpers.pipeline.book", "--run", name, "--profile", "local"]
    command += ["--data-path", str(folder / "mine.npz"), "--weights", "random"]
    command += ["--overrides", f"{SMALL} data_set={data_set} models={models}"]
    finished = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr[-3000:]
    site = REPOSITORY / "runs" / name / "html"
    return {path.stem: path.read_text() for path in site.glob("*.html")}


@pytest.fixture(scope="module")
def in_colour(tmp_path_factory):
    return built(tmp_path_factory.mktemp("colour"), "bloodmnist", "custom-cnn")


@pytest.fixture(scope="module")
def of_two_classes(tmp_path_factory):
    return built(tmp_path_factory.mktemp("binary"), "breastmnist", "resnet50")


def test_a_set_in_colour_has_its_own_facts_and_classes(in_colour):
    assert "BloodMNIST" in in_colour["01-data"]
    for name in data_sets.get("bloodmnist").classes:
        assert data_sets.class_title(name)[:20] in in_colour["04-metrics"]
    assert not re.search(r"\bCNV\b", in_colour["04-metrics"].split("<article")[1][:4000])


def test_a_set_of_two_classes_has_its_own(of_two_classes):
    assert "BreastMNIST" in of_two_classes["01-data"]
    assert "malignant" in of_two_classes["04-metrics"]


@pytest.mark.parametrize(
    ("built_pages", "title"), [("in_colour", "BloodMNIST"), ("of_two_classes", "BreastMNIST")]
)
def test_what_is_about_oct_alone_steps_back_in_a_line(built_pages, title, request):
    pages = request.getfixturevalue(built_pages)
    assert "Triage is about OCT" in pages["04-metrics"]
    for page in ("01-data", "06-discussion", "07-acquisition-shift"):
        assert f"this run's set is {title}" in html.unescape(pages[page]).replace("’", "'"), page
    assert f"this run is about {title}" in pages["05-grad-cam"]
    assert f"this run is about {title}" in pages["06-discussion"]


def test_chapters_of_models_not_asked_for_say_so(in_colour, of_two_classes):
    assert "This run has no model of this chapter" in in_colour["03-resnet50"]
    assert "This run has no model of this chapter" in of_two_classes["02-custom-cnn"]
    assert "This run has no model of this chapter" not in in_colour["02-custom-cnn"]
