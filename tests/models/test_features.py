"""Frozen features: those of the model, kept, gone on with after a kill, anew where damaged."""

import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

from helpers.models import augmentation, features, networks
from helpers.study.errors import InputError
from helpers.study.runs import Run


@pytest.fixture
def kept(trainings, run, tmp_path):
    copied = Run(tmp_path / "copied")
    shutil.copytree(run.features("resnet50"), copied.features("resnet50"))
    return copied


def test_frozen_features_are_those_of_the_model(trainings, run, small, dataset):
    kept = features.load_or_extract(run, small, dataset, "resnet50")
    base = networks.features_of(trainings[1].load_model())
    for name, split in dataset.splits.items():
        if name != "train":
            expected = base.predict(split.images, verbose=0)
            np.testing.assert_allclose(kept[name], expected, atol=1e-4)
    assert kept["train"].shape == (1, len(dataset.train), 2048)


def test_damaged_features_are_extracted_anew(kept, small, dataset):
    before = features.load_or_extract(kept, small, dataset, "resnet50")
    before = {name: array.copy() for name, array in before.items()}
    path = kept.features("resnet50") / features.ROWS
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    after = features.load_or_extract(kept, small, dataset, "resnet50")
    for name, expected in before.items():
        np.testing.assert_array_equal(expected, after[name])


def test_a_disk_without_room_for_them_is_told_beforehand(small, dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(features.shutil, "disk_usage", lambda folder: SimpleNamespace(free=2**20))
    with pytest.raises(InputError, match=r"take \d+ MiB, and the disk has 1 MiB free"):
        features.load_or_extract(Run(tmp_path), small, dataset, "resnet50")


def test_two_that_want_them_at_once_compute_them_once(small, dataset, tmp_path, monkeypatch):
    computed, extract = [], features.extract

    def counted(*given):
        computed.append(given)
        time.sleep(0.5)  # as long as another takes to come
        extract(*given)

    monkeypatch.setattr(features, "extract", counted)
    given = Run(tmp_path), small, dataset, "resnet50"
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: features.load_or_extract(*given), range(2))
    np.testing.assert_array_equal(first["train"], second["train"])
    assert len(computed) == 1


class Killed(Exception):
    """Stands for a kill between two blocks."""


@pytest.mark.parametrize("is_cut", [False, True], ids=["whole", "cut short"])
def test_an_extraction_that_was_killed_goes_on(small, dataset, tmp_path, monkeypatch, is_cut):
    views = small.model_copy(update={"base": small.base.model_copy(update={"cached_views": 2})})
    monkeypatch.setattr(augmentation, "BATCH", 16)
    whole = features.load_or_extract(Run(tmp_path / "whole"), views, dataset, "resnet50")
    run, work = Run(tmp_path / "killed"), features.blocks(views, dataset)

    def up_to_a_kill(settings, dataset):
        def kill():
            raise Killed

        return [*work[:5], features.Block(work[5].start, kill)]

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(features, "blocks", up_to_a_kill)
        features.load_or_extract(run, views, dataset, "resnet50")
    left = features.row_count(views, dataset) - work[5].start
    assert features.rows_left(run, views, dataset, "resnet50") == left
    path = run.features("resnet50") / features.ROWS
    if is_cut:
        path.write_bytes(path.read_bytes()[:-1])
    done = []

    def counted(settings, dataset):
        return [
            block._replace(images=lambda b=block: done.append(b) or b.images()) for block in work
        ]

    monkeypatch.setattr(features, "blocks", counted)
    resumed = features.load_or_extract(run, views, dataset, "resnet50")
    assert len(done) == len(work) - (0 if is_cut else 5)
    for name, expected in whole.items():
        np.testing.assert_array_equal(expected, resumed[name])
        assert expected.any()
