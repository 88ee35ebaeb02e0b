"""The palette, and how pictures and tables are shown."""

import itertools
import os
import subprocess
import sys

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from helpers.pages import style
from helpers.study import architectures
from helpers.study.settings import REPOSITORY

# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
SIGHT = {
    "normal": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def seen(colours, sight):
    """Colours in CIELAB as such eyes see them."""
    rgb = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in colours])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    changed = (linear @ np.array(SIGHT[sight]).T).clip(0, 1)
    encoded = np.where(changed <= 0.0031308, 12.92 * changed, 1.055 * changed ** (1 / 2.4) - 0.055)
    return rgb2lab(encoded[None])[0]


@pytest.mark.parametrize("sight", SIGHT)
def test_every_eye_tells_the_classes_apart(sight):
    lab = seen(style.CLASS_COLOURS, sight)
    apart = [deltaE_ciede2000(a, b) for a, b in itertools.combinations(lab, 2)]
    assert min(apart) > (20 if sight == "normal" else 11)


def test_classes_and_models_have_a_colour_each():
    for count in range(2, 12):
        classes = [f"class-{k}" for k in range(count)]
        assert len(set(style.class_colours(classes).values())) == count
    models = [architectures.get(name).colour for name in architectures.names()]
    assert not set(models) & set(style.CLASS_COLOURS)
    assert len(set(models)) == len(models)


def test_grey_and_coloured_pictures_are_shown_as_they_are():
    axis = plt.figure().add_subplot()
    grey = np.arange(4, dtype=np.uint8).reshape(2, 2, 1)
    style.show_image(axis, grey)
    assert axis.images[0].get_array().shape == (2, 2)
    assert axis.images[0].get_clim() == (0, 255)
    style.show_image(axis, np.repeat(grey, 3, axis=2))
    assert axis.images[1].get_array().shape == (2, 2, 3)
    assert not len(axis.get_xticks())


def test_a_mean_image_is_drawn_in_its_full_range():
    assert style.full_range(np.array([[[2.0]], [[4.0]]])).ravel().tolist() == [0, 255]
    assert style.full_range(np.full((2, 2, 3), 7.0)).max() == 0


def test_a_grid_may_have_gaps():
    image = np.zeros((3, 3, 1), np.uint8)
    figure = style.image_grid([[image, None], np.stack([image] * 3)], ["a", "b"], ["x", "y", "z"])
    shown = [len(axis.images) for axis in figure.axes]
    assert shown == [1, 0, 0, 1, 1, 1]
    assert [axis.get_title() for axis in figure.axes[:3]] == ["x", "y", "z"]
    assert figure.axes[3].get_ylabel() == "b"


FOREIGN = {"text.usetex": True, "figure.dpi": 10, "font.family": ["fantasy"], "axes.grid": True}


def test_figures_are_the_books_own_whatever_matplotlibrc_says():
    style.use()
    own = dict(matplotlib.rcParams)
    matplotlib.rcParams.update(FOREIGN)
    matplotlib.use("svg")
    style.use()
    assert dict(matplotlib.rcParams) == own
    assert matplotlib.get_backend() == "agg"


@pytest.mark.parametrize("backend", ["TkAgg", "pdf", "nonsense"])
def test_a_backend_in_the_environment_changes_nothing(backend, tmp_path):
    (tmp_path / "matplotlibrc").write_text("backend: ps\ntext.usetex: True\n", encoding="utf-8")
    theirs = {"MPLBACKEND": backend, "MATPLOTLIBRC": str(tmp_path), "PYTHONPATH": str(REPOSITORY)}
    code = (
        "from helpers.pages import style; style.use(); import matplotlib as m; "
        "print(m.get_backend(), m.rcParams['text.usetex'])"
    )
    command = [sys.executable, "-c", code]
    told = subprocess.run(
        command, cwd=tmp_path, env=os.environ | theirs, capture_output=True, text=True
    )
    assert told.stdout.split() == ["agg", "False"], told.stderr


def test_tables_stand_under_their_names(monkeypatch):
    shown = []
    monkeypatch.setattr(style, "display", lambda *what: shown.extend(what))
    style.show_tables({"resnet50": pd.DataFrame({"a": [1]})})
    assert shown[0].data == "**resnet50**"
    assert list(shown[1].columns) == ["a"]
