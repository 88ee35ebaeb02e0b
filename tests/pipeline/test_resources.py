"""What jobs ask for: enough, more of larger data, and of every rule."""

import re

import pytest
from conftest import draw_arrays

from helpers.data.dataset import Dataset, Split
from helpers.pipeline import resources
from helpers.study import data_sets
from helpers.study.settings import REPOSITORY, load_settings


def of(size: int, each: int = 2) -> Dataset:
    arrays = draw_arrays("octmnist", each, size)
    splits = {
        name: Split(arrays[f"{name}_images"][..., None], arrays[f"{name}_labels"][:, 0])
        for name in ("train", "val", "test")
    }
    return Dataset("drawn", data_sets.get("octmnist"), **splits)


def test_a_job_asks_for_what_tensorflow_takes_and_four_times_its_images():
    small, large = resources.asked(of(28)), resources.asked(of(224, each=20))
    assert small == {"mem_mb": 2_000, "runtime": 60}
    assert large["mem_mb"] - small["mem_mb"] == round(4 * 3 * 80 * 224**2 / 1e6)


def test_a_training_asks_for_more_as_batches_pixels_and_epochs_grow():
    drawn = of(28, each=500)
    settings = load_settings("paper")
    asked = resources.asked_by_training(settings, drawn, "custom-cnn")
    throughout = resources.asked_by_training(settings, drawn, "resnet50")
    frozen = resources.asked_by_training(settings, drawn, "resnet50-caffe")
    assert asked["mem_mb"] < throughout["mem_mb"]
    assert throughout["runtime"] > frozen["runtime"] > asked["runtime"] - 60
    longer = load_settings("paper", "epochs=300 batch_size=320")
    more = resources.asked_by_training(longer, drawn, "resnet50")
    assert more["runtime"] - 60 == pytest.approx(10 * (throughout["runtime"] - 60), abs=10)
    assert more["mem_mb"] > throughout["mem_mb"] + 9 * 32 * 96**2 * 2_400 / 1e6


def test_what_explains_asks_for_the_largest_network():
    drawn, settings = of(28), load_settings("paper")
    trial = resources.asked_by_maps(settings, drawn)
    throughout = resources.asked_by_training(settings, drawn, "resnet50")
    assert trial["mem_mb"] == pytest.approx(throughout["mem_mb"], abs=1)
    dearer = resources.asked_by_maps(load_settings("paper", "evaluations=128"), drawn)
    assert dearer["runtime"] > trial["runtime"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], False),
        (["--dry-run", "--quiet", "host"], False),
        (["--executor", "slurm", "--jobs", "20"], True),
        (["--executor=cluster-generic"], True),
        (["-e", "slurm"], True),
        (["--executor", "local"], False),
        (["--executor", "slurm", "--executor", "local"], False),
        (["--config", "executor=slurm"], False),
    ],
)
def test_another_executor_is_another_machine(arguments, expected):
    assert resources.is_elsewhere(arguments) == expected


def test_jobs_here_share_the_free_memory_and_a_gpu_has_one(monkeypatch):
    monkeypatch.setattr(resources, "usable_cores", lambda: 16)
    monkeypatch.setattr(resources, "gpu_count", lambda: 0)
    cores, memory = resources.limits_here()[1::2]
    assert cores == "16" and re.fullmatch(r"mem_mb=[1-9]\d*", memory)
    assert "--set-threads" not in resources.limits_here()
    monkeypatch.setattr(resources, "gpu_count", lambda: 1)
    assert "train=16" in resources.limits_here()


def test_rules_that_run_networks_are_rules():
    names = re.findall(r"(?m)^rule (\w+):", (REPOSITORY / "Snakefile").read_text())
    assert set(resources.ON_NETWORKS) < set(names)
