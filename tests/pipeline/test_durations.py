"""How long is left: from what the same jobs took before, shared among the cores."""

from helpers.pipeline import durations
from helpers.study.runs import Run


def test_the_longest_time_of_a_job_counts(tmp_path):
    run = Run(tmp_path)
    for seconds in (4.0, 9.0, 0.1):
        durations.note(run, "train custom-cnn 0", seconds)
    assert durations.expected(run, ["train custom-cnn 0"]) == {"train custom-cnn 0": 9.0}


def test_a_job_is_expected_to_take_what_its_like_took(tmp_path):
    run = Run(tmp_path)
    for seed, seconds in enumerate((5.0, 7.0, 60.0)):
        durations.note(run, f"train custom-cnn {seed}", seconds)
    durations.note(run, "train resnet50 0", 1.0)
    durations.note(run, "chapter 04-metrics", 3.0)
    asked = ["train custom-cnn 3", "train other 0", "chapter 05-grad-cam"]
    assert durations.expected(run, asked) == {"train custom-cnn 3": 7.0}


def test_what_is_left_falls_as_time_passes_and_is_shared_by_cores():
    expected = {"train a 0": 10.0, "chapter 1": 4.0, "chapter 2": 6.0}
    assert durations.left(expected, {}, cores=2) == 15.0
    assert durations.left(expected, {"train a 0": 4.0}, cores=2) == 11.0
    assert durations.left(expected, {}, cores=8) == 10.0 / 2 + 10.0 / 8
    assert durations.left(expected, {}, cores=8, has_gpu=True) == 10.0 + 10.0 / 8
    assert durations.left(expected, dict.fromkeys(expected, 100.0), cores=2) == 0.0


def test_a_damaged_note_is_none(tmp_path):
    run = Run(tmp_path)
    durations.note(run, "metrics", 2.0)
    (tmp_path / "seconds" / "metrics.json").write_text("[")
    assert durations.expected(run, ["metrics"]) == {}
    durations.note(run, "metrics", 1.0)
    assert durations.expected(run, ["metrics"]) == {"metrics": 1.0}
