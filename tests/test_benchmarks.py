"""What `make bench` prints: ratios turn by turn, goals that can be missed, and memory."""

import importlib.util

import numpy as np
import pytest

from benchmarks import __main__ as bench
from benchmarks import comparison
from benchmarks.comparison import Comparison, Goal, at_most, times_faster


def test_a_row_tells_both_ways_and_the_spread_of_their_ratio():
    goals = [times_faster([1, 2, 1], [4, 4, 5], 3), at_most(2.6, 2.5, "GB")]
    row = Comparison("work", "a loop", [1, 2, 1], [4, 4, 5], goals, "equal").row
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    expected = ["work", "1", "a loop: 4", "4 [2, 5]"]
    assert cells == [*expected, "3 times: met; at most 2.5 GB: NOT met", "equal"]
    assert len(cells) == comparison.HEAD.splitlines()[0].count("|") - 1


@pytest.mark.parametrize(("plain", "is_met"), [([30, 10, 29], True), ([10, 29, 10], False)])
def test_a_ratio_is_judged_by_its_median(plain, is_met):
    assert times_faster([1, 1, 1], plain, 25) == Goal("25 times", is_met)


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
