"""What a long run says beforehand."""

import re
import shutil

import pytest

from helpers.models import checkpoints, cost, features
from helpers.models import trainings as kept
from helpers.pipeline import jobs
from helpers.study import provenance
from helpers.study.runs import Run


@pytest.fixture
def said(monkeypatch, dataset, small):
    monkeypatch.setattr(kept, "LONG", 0)
    monkeypatch.setattr(provenance, "gpu_count", lambda: 0)
    monkeypatch.setattr(cost, "estimated_seconds", lambda *given: 3723)
    told = []
    monkeypatch.setattr(jobs.console, "say_begin", told.append)

    def prepared(run):
        told.clear()
        jobs.prepare(run, small, dataset)
        return told

    return prepared


@pytest.fixture
def of_base(small, dataset):
    return f", images to run its base on: {features.row_count(small, dataset):,}"


def test_every_missing_training_is_told_with_its_time(said, of_base, tmp_path):
    assert said(Run(tmp_path)) == [
        "no GPU is seen: custom-cnn will take about 1:02:03 (seeds: 1, epochs left: 2)",
        f"no GPU is seen: resnet50 will take about 1:02:03 (seeds: 1, epochs left: 2{of_base})",
    ]


def test_epochs_of_a_killed_training_are_done(said, small, dataset, tmp_path, monkeypatch):
    def epochs_of(path, key):
        assert key == kept.key(small, dataset, path.parent.name, 0)
        return int(path.parent.name == "custom-cnn")

    monkeypatch.setattr(checkpoints, "finished_epochs", epochs_of)
    told = said(Run(tmp_path))
    assert [re.search(r"epochs left: (\d)", line)[1] for line in told] == ["1", "2"]


def test_features_that_are_kept_cost_nothing_again(said, of_base, trainings, run, tmp_path):
    assert of_base in said(Run(tmp_path))[1]
    shutil.copytree(run.features("resnet50"), Run(tmp_path).features("resnet50"))
    assert of_base not in said(Run(tmp_path))[1]


def test_nothing_is_told_of_trainings_that_are_there(said, trainings, run):
    assert said(run) == []
