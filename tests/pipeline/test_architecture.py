"""A toy architecture: one entry in the registry, and everything else takes it from there."""

import inspect
import json
import subprocess
import sys

import keras
import pytest
from conftest import copy_of_the_repository
from keras import layers

from helpers.evaluation import metrics
from helpers.heatmaps import results
from helpers.ledger import verdicts
from helpers.models import fit, networks
from helpers.study import architectures
from helpers.study.architectures import Architecture
from helpers.study.runs import Run
from helpers.study.settings import load_settings

SMALL = (
    "phantom_images=[96,48,48] epochs=1 batch_size=32 explained_images=4 evaluations=4 models=toy"
)
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
    settings = load_settings("demo", SMALL)
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
    assert not [v for v in judged if v.claim.needs == "data" and v.reproduced != "not testable"]


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


def test_its_chapter_is_rendered_from_one_entry(tmp_path):
    """In a copy of the book whose registry has one entry more, and nothing else is changed."""
    copy_of_the_repository(tmp_path)
    with (tmp_path / "helpers" / "study" / "architectures.py").open("a") as registry:
        registry.write(ENTRY)
    (tmp_path / "toy.py").write_text(f"{IMPORTS}\n\n{inspect.getsource(build_toy)}")
    command = [sys.executable, "-m", "helpers.pipeline.book", "--run", "toy", "--overrides", SMALL]
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr[-3000:]
    html = tmp_path / "runs" / "toy" / "html"
    assert "only_convolution" in (html / "02-custom-cnn.html").read_text()
    assert "The toy" in (html / "04-metrics.html").read_text()
    assert "the toy names" in (html / "index.html").read_text()
    rows = json.loads((html / "explanations.json").read_text())
    assert {row["model"] for row in rows} >= {"toy", "toy, shuffled labels"}
