"""A toy architecture, a set in colour and one of two classes go through the whole book."""

import html
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from conftest import copy_of_the_repository, draw_arrays
from keras import layers

from helpers.evaluation import metrics
from helpers.heatmaps import results
from helpers.ledger import verdicts
from helpers.models import fit, networks
from helpers.study import architectures, data_sets
from helpers.study.architectures import Architecture
from helpers.study.runs import Run
from helpers.study.settings import REPOSITORY, load_settings

SMALL = "epochs=1 batch_size=16 upsample_to=32 explained_images=4 evaluations=4 cached_views=1"
TOY = Architecture(
    name="toy",
    title="the toy",
    colour="#F0E442",
    chapter="02-custom-cnn",
    learning_rate=1e-3,
    stages=r"only_convolution",
    blocks=("head",),
    counted_by=("dense_units",),
    build=f"{__name__}:build_toy",
)


def build_toy(entry, settings, shape, classes, seed) -> keras.Model:
    keras.utils.set_random_seed(seed)
    images = keras.Input(shape)
    x = layers.Rescaling(1 / 255)(images)
    x = layers.Conv2D(4, 3, strides=4, activation="relu", name="only_convolution")(x)
    x = layers.GlobalAveragePooling2D(name=networks.FEATURES)(x)
    return keras.Model(images, networks.head(x, settings.head, classes), name=entry.name)


@pytest.fixture(scope="module")
def toy():
    architectures.register(TOY)
    yield TOY
    del architectures._REGISTRY[TOY.name]


@pytest.fixture(scope="module")
def toy_run(toy, dataset, tmp_path_factory):
    settings = load_settings("demo", f"{SMALL} phantom_images=[96,48,48] models=toy")
    run = Run(tmp_path_factory.mktemp("toy"))
    fit.load_or_train(run, settings, dataset, toy.name, 0)
    return run, settings, dataset


def test_it_is_measured(toy_run):
    measured = metrics.load_or_measure(*toy_run)
    assert 0 <= measured["toy"]["0"]["accuracy"].value <= 1


def test_its_heatmaps_go_on_trial(toy_run):
    rows = results.load_or_run(*toy_run).rows
    assert {row.model for row in rows} >= {"toy"}
    assert any(row.criterion == "mass inside" and row.measure for row in rows)


def test_the_ledger_is_judged_without_it(toy_run):
    judged = verdicts.load_or_judge(*toy_run)
    assert not [v for v in judged if v.needs == "data" and v.reproduced != "not testable"]


IMPORTS = """
import keras
from keras import layers
from helpers.models import networks
"""
ENTRY = """

register(
    Architecture(
        name="toy",
        title="the toy",
        colour="#F0E442",
        chapter="02-custom-cnn",
        learning_rate=1e-3,
        stages=r"only_convolution",
        blocks=("head",),
        counted_by=("dense_units",),
        build="toy:build_toy",
    )
)
"""


def built(folder: Path, data: Path, data_set: str, models: str) -> dict[str, str]:
    """The pages of a small run on generated images of a set, made in a folder, by their name."""
    np.savez(data, **draw_arrays(data_set, each=6))
    command = [sys.executable, "-m", "helpers.pipeline.book", "--run", f"test-{data_set}"]
    command += ["--profile", "local", "--data-path", str(data), "--weights", "random"]
    command += ["--overrides", f"{SMALL} data_set={data_set} models={models}"]
    finished = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr[-3000:]
    site = folder / "runs" / f"test-{data_set}" / "html"
    offered = site.glob("_downloads/*/*.json")
    return {path.name: path.read_text() for path in [*site.glob("*.html"), *offered]}


@pytest.fixture(scope="module")
def in_colour(tmp_path_factory):
    """By a toy, in a copy of the book that has one entry more in its registry."""
    folder = tmp_path_factory.mktemp("copy")
    copy_of_the_repository(folder)
    with (folder / "helpers" / "study" / "architectures.py").open("a") as registry:
        registry.write(ENTRY)
    (folder / "toy.py").write_text(f"{IMPORTS}\n\n{inspect.getsource(build_toy)}")
    return built(folder, folder / "mine.npz", "bloodmnist", "toy")


@pytest.fixture(scope="module")
def of_two_classes(tmp_path_factory):
    data = tmp_path_factory.mktemp("binary") / "mine.npz"
    return built(REPOSITORY, data, "breastmnist", "resnet50")


def test_a_toy_is_on_every_page_from_one_entry(in_colour):
    assert "The toy reaches" in in_colour["02-custom-cnn.html"]
    assert "The toy" in in_colour["04-metrics.html"]
    assert "the toy names" in in_colour["index.html"]
    assert {row["model"] for row in json.loads(in_colour["explanations.json"])} == {"toy"}
    assert list(json.loads(in_colour["metrics.json"])) == ["toy"]


def test_a_set_in_colour_has_its_own_facts_and_classes(in_colour):
    assert "BloodMNIST" in in_colour["01-data.html"]
    for name in data_sets.get("bloodmnist").classes:
        assert data_sets.class_title(name)[:20] in in_colour["04-metrics.html"]
    assert not re.search(r"\bCNV\b", in_colour["04-metrics.html"].split("<article")[1][:4000])


def test_a_set_of_two_classes_has_its_own(of_two_classes):
    assert "BreastMNIST" in of_two_classes["01-data.html"]
    assert "malignant" in of_two_classes["04-metrics.html"]


@pytest.mark.parametrize(
    ("built_pages", "title"), [("in_colour", "BloodMNIST"), ("of_two_classes", "BreastMNIST")]
)
def test_what_is_about_oct_alone_steps_back_in_a_line(built_pages, title, request):
    pages = request.getfixturevalue(built_pages)
    assert "Triage is about OCT" in pages["08-trust.html"]
    for page in ("01-data", "06-discussion", "11-acquisition-shift"):
        assert f"this run's set is {title}" in html.unescape(pages[f"{page}.html"]).replace(
            "’", "'"
        ), page
    assert f"this run is about {title}" in pages["10-heatmaps-on-trial.html"]
    assert f"this run is about {title}" in pages["07-claims-ledger.html"]


def test_chapters_of_models_not_asked_for_say_so(in_colour, of_two_classes):
    assert "This run has no model of this chapter" in in_colour["03-resnet50.html"]
    assert "This run has no model of this chapter" in of_two_classes["02-custom-cnn.html"]
    assert "This run has no model of this chapter" not in in_colour["02-custom-cnn.html"]
