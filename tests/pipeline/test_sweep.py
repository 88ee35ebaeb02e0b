"""`make sweep`: a grid is trained and measured, told in one table, and goes on where it was."""

import shutil

import numpy as np
import pytest
from conftest import draw_arrays

from helpers.pipeline import building, sweep
from helpers.study import runs
from helpers.study.errors import InputError

SMALL = "phantom_images=[96,48,48] epochs=1 models=custom-cnn"


@pytest.fixture
def name():
    yield "swept"
    for folder in runs.named("swept").folder.parent.glob("swept*"):
        shutil.rmtree(folder)


def test_a_grid_is_told_in_one_table_and_made_once(name, monkeypatch):
    given = {"run": name, "sizes": "28,64", "seeds": "0-1", "overrides": SMALL}
    table = sweep.sweep("demo", **given)
    assert list(table["size"]) == [28, 64]
    assert list(table["seeds"]) == [2, 2]
    assert (table["low"] <= table["accuracy"]).all() and (table["accuracy"] <= table["high"]).all()
    written = {p: p.stat().st_mtime_ns for p in runs.named(f"{name}-28").folder.rglob("*.npz")}
    assert sweep.sweep("demo", **given).equals(table)
    assert {p: p.stat().st_mtime_ns for p in written} == written


def test_a_size_of_a_file_is_read_beside_it(tmp_path):
    path, finer = tmp_path / "my.npz", tmp_path / "my_64.npz"
    np.savez(path, **draw_arrays("octmnist"))
    given = {"data_path": str(path)}
    assert sweep.of_size("local", 64, given) == {"data_path": str(finer)}
    assert sweep.of_size("local", 28, given) == given
    assert sweep.of_size("demo", 64, {"overrides": "epochs=1"}) == {
        "overrides": "epochs=1 image_size=64"
    }


def test_a_size_that_is_not_there_is_named(tmp_path):
    path = tmp_path / "my.npz"
    np.savez(path, **draw_arrays("octmnist"))
    with pytest.raises(InputError, match=r"my_64\.npz: no such file"):
        sweep.sweep("local", sizes="64", data_path=str(path))


def test_a_grid_stops_at_its_metrics(name, monkeypatch):
    asked = []
    monkeypatch.setattr(building, "build", lambda *given, **named: asked.append((given, named)))
    monkeypatch.setattr(sweep, "table", len)
    assert sweep.sweep("demo", run=name, sizes="28,64", seeds="0-1") == 2
    assert [given for given, _ in asked] == [("demo", f"{name}-28"), ("demo", f"{name}-64")]
    assert not any(named["is_whole_book"] for _, named in asked)


def test_sizes_are_numbers():
    with pytest.raises(InputError, match="heights in pixels"):
        sweep.sweep("demo", sizes="28;64")
