"""What `make bench` prints: ratios of medians, goals that can be missed, and memory."""

import importlib.util

import numpy as np
import pytest

from benchmarks import __main__ as bench
from benchmarks import comparison
from benchmarks.comparison import (
    MET,
    NOT_MET,
    NOT_TOLD,
    Comparison,
    Goal,
    at_most,
    ratios,
    times_faster,
)
from helpers.study.settings import REPOSITORY


def test_a_row_tells_both_ways_and_the_spread_of_their_ratio():
    goals = [times_faster([1, 2, 1], [4, 4, 5], 2), at_most(2.6, 2.5, "GB")]
    row = Comparison("work", "a loop", [1, 2, 1], [4, 4, 5], goals, "equal").row
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    expected = ["work", "1", "a loop: 4", "4 [2, 5]"]
    assert cells == [*expected, "2 times: met; at most 2.5 GB: NOT met", "equal"]
    assert len(cells) == comparison.HEAD.splitlines()[0].count("|") - 1


def test_the_ratio_is_that_of_the_medians_shown():
    ours, plain = [2, 1, 4], [3, 3, 1.5]
    assert ratios(ours, plain) == (0.375, 1.5, 3)  # turn by turn 1.5, 3 and 0.375


def test_a_way_whose_median_is_slower_is_not_called_faster():
    ours, plain = [1, 2, 3], [1.1, 1.9, 3.3]  # the median turn says 1.1
    assert ratios(ours, plain)[1] < 1


@pytest.mark.parametrize(
    ("plain", "outcome"),
    [
        ([30, 25, 29], MET),
        ([10, 24, 10], NOT_MET),
        ([30, 10, 29], NOT_TOLD),
        ([10, 25, 10], NOT_TOLD),
        ([25], MET),
        ([24], NOT_MET),
    ],
)
def test_a_ratio_is_told_where_all_turns_agree(plain, outcome):
    assert times_faster([1] * len(plain), plain, 25) == Goal("25 times", outcome)


@pytest.mark.parametrize(("value", "outcome"), [(2.5, MET), (2.6, NOT_MET)])
def test_a_limit_is_kept_or_not(value, outcome):
    assert at_most(value, 2.5, "GB") == Goal("at most 2.5 GB", outcome)


def test_what_cannot_be_told_is_neither_met_nor_missed_in_the_row():
    goals = [times_faster([1, 1], [2, 4], 3)]
    assert "| 3 times: can't be told |" in Comparison("work", "a loop", [1], [2], goals).row


def test_the_peak_of_memory_is_seen_though_it_is_freed_again():
    with comparison.peak_memory() as before:
        comparison.time.sleep(0.1)
    with comparison.peak_memory() as gigabytes:
        held = np.ones(2**25)  # 0.27 GB
        comparison.time.sleep(0.1)
        del held
    assert gigabytes() - before() == pytest.approx(2**28 / 1e9, abs=0.05)


@pytest.mark.parametrize("name", bench.ORDER)
def test_every_benchmark_that_is_called_is_there(name):
    assert importlib.util.find_spec(f"benchmarks.{name}")


def rows_of(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if row[0] not in ("work", "---")]


@pytest.mark.parametrize(
    ("value", "told"), [(0.9324, "0.932"), (25.44, "25.4"), (613.7, "614"), (3_284.0, "3,284")]
)
def test_a_ratio_is_told_without_powers_of_ten(value, told):
    assert comparison.three_digits(value) == told


def test_the_readme_tells_what_was_recorded():
    recorded = (REPOSITORY / "benchmarks" / "bench.md").read_text(encoding="utf-8")
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    _, _, after = readme.partition("## Speed\n")
    speed, _, _ = after.partition("\n## ")
    assert " ".join(recorded.splitlines()[0].split()) in " ".join(speed.split())
    expected = [
        [work, plain.rpartition(": ")[0] or plain, results if times == "-" else times]
        for work, _, plain, times, _, results in rows_of(recorded)
    ]
    assert rows_of(speed) == expected
    assert len(expected) >= 10
