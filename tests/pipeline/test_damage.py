"""Damaged artifacts are thrown away before a run goes on; whole ones stay."""

import os
import shutil

import nbformat
import numpy as np
import pytest

from helpers.pipeline import damage, site
from helpers.study.errors import InputError
from helpers.study.runs import KEYS, Run, remember, write_json


@pytest.fixture
def whole(run, trainings, tmp_path):
    """A copy of a run with a result of each kind."""
    shutil.copytree(run.folder, tmp_path / "run", copy_function=os.link)
    copied = Run(tmp_path / "run")
    for path in copied.results:
        write_json(path, [path.name])
    np.savez(copied.heatmaps, maps=np.zeros(3))
    for path in (*copied.results, copied.heatmaps):
        remember(path, "key")
    copied.notebooks.mkdir()
    nbformat.write(nbformat.v4.new_notebook(), copied.notebooks / "01-data.ipynb")
    return copied


def test_what_is_whole_stays(whole, small):
    assert damage.discard(whole, small) == []


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"garbage", b"\xff\xfe"])
def test_what_is_damaged_goes_and_nothing_else(whole, small, content):
    single = [whole.metrics, whole.claims, whole.heatmaps, whole.notebooks / "01-data.ipynb"]
    for path in single:
        kept = path.read_bytes()
        path.unlink()
        path.write_bytes(content)
        assert damage.discard(whole, small) == [path]
        assert not path.exists()
        path.write_bytes(kept)
    assert damage.discard(whole, small) == []


@pytest.mark.parametrize(
    "name", ["predictions.npz", "history.csv", "model.keras", "provenance.json"]
)
def test_a_damaged_training_goes_whole(whole, small, name):
    path = whole.training("custom-cnn", 0) / name
    content = path.read_bytes()
    path.unlink()  # it is a link to what other tests read
    path.write_bytes(content[:-2])
    gone = damage.discard(whole, small)
    assert {file.parent for file in gone} == {path.parent}
    assert len(gone) == 4
    assert damage.discard(whole, small) == []


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"garbage"])
@pytest.mark.parametrize("name", ["run.json", "metrics.json", "claims.json", "explanations.json"])
def test_what_is_damaged_is_named_and_not_rendered(whole, name, content):
    write_json(whole.description, {"trainings": {}})
    remember(whole.description, "key")
    path = whole.artifacts / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"{name}: missing or damaged"):
        site.render(whole)


def test_a_damaged_notebook_is_named_and_not_rendered(whole):
    write_json(whole.description, {"trainings": {}})
    remember(whole.description, "key")
    (whole.notebooks / "01-data.ipynb").write_bytes(b"{")
    with pytest.raises(InputError, match=r"01-data\.ipynb: missing or damaged"):
        site.render(whole)


def test_without_the_keys_no_result_is_believed(whole, small):
    whole.metrics.with_name(KEYS).unlink()
    whole.metrics.with_name(KEYS).write_text("[]")
    assert set(damage.discard(whole, small)) == set(whole.results)
