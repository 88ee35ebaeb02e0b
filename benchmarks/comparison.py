"""Our way and the plain way in turn, so that what else a machine does falls on both."""

import os
import statistics
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, TypeVar

import psutil

# Whether all of OCTMNIST's size is asked for, which takes hours rather than minutes.
IS_FULL = bool(os.environ.get("FULL"))
SAMPLED_EVERY = 0.02  # seconds
Value = TypeVar("Value")
HEAD = (
    "| work | ours (s) | the plain way (s) | times faster [least, most] | goals | results |\n"
    "| --- | ---: | --- | ---: | --- | --- |"
)


class Goal(NamedTuple):
    """What is to be reached, and whether it was."""

    asked: str
    is_met: bool


class Comparison(NamedTuple):
    """What both ways took, turn by turn, in seconds.

    goals : what was to be reached.
    results : in words, how far the two ways agree, and what else was measured.
    """

    work: str
    plain_way: str
    ours: list[float]
    plain: list[float]
    goals: list[Goal]
    results: str = ""

    @property
    def ratios(self) -> list[float]:
        """How many times as long the plain way took, turn by turn."""
        return ratios(self.ours, self.plain)

    @property
    def row(self) -> str:
        """A row of the table that `make bench` prints."""
        times = "-"
        plain = self.plain_way
        if self.plain:
            least, middle, most = spread(self.ratios)
            times = f"{middle:.3g} [{least:.3g}, {most:.3g}]"
            plain += f": {statistics.median(self.plain):.3g}"
        goals = "; ".join(
            f"{asked}: {'met' if is_met else 'NOT met'}" for asked, is_met in self.goals
        )
        ours = f"{statistics.median(self.ours):.3g}"
        return f"| {self.work} | {ours} | {plain} | {times} | {goals} | {self.results} |"


def spread(values: list[float]) -> tuple[float, float, float]:
    """The least, the median and the most."""
    return min(values), statistics.median(values), max(values)


def ratios(ours: list[float], plain: list[float]) -> list[float]:
    """How many times as long the plain way took, turn by turn."""
    return [slow / fast for fast, slow in zip(ours, plain, strict=True)]


def times_faster(ours: list[float], plain: list[float], asked: float) -> Goal:
    """That the plain way takes so many times as long, in the median turn."""
    return Goal(f"{asked:g} times", statistics.median(ratios(ours, plain)) >= asked)


def at_most(value: float, asked: float, unit: str) -> Goal:
    """That a value is no more than what is asked."""
    return Goal(f"at most {asked:g} {unit}", value <= asked)


def show(made: Iterable[Comparison]) -> None:
    """Print comparisons as a table's rows in Markdown, each as it comes."""
    for comparison in made:
        print(comparison.row, flush=True)


def timed(work: Callable[..., Value], *given: object) -> tuple[float, Value]:
    """How long a call takes, and what it returns."""
    started = time.perf_counter()
    value = work(*given)
    return time.perf_counter() - started, value


def seconds(work: Callable[..., object], *given: object) -> float:
    """How long a call takes."""
    return timed(work, *given)[0]


def in_turn(
    ours: Callable[[], object], plain: Callable[[], object], turns: int = 3
) -> tuple[list[float], list[float]]:
    """The seconds of both, turn by turn."""
    pairs = [(seconds(ours), seconds(plain)) for _ in range(turns)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


@contextmanager
def peak_memory() -> Iterator[Callable[[], float]]:
    """Yield what tells, after the block, the most memory that this process held in it, in GB.

    What a file's pages take that are mapped doesn't count: the system gives them up where memory
    runs short.
    """
    process, most, is_over = psutil.Process(), 0, threading.Event()

    def held() -> int:
        told = process.memory_info()
        return told.rss - told.shared

    def watch() -> None:
        nonlocal most
        while not is_over.is_set():
            most = max(most, held())
            is_over.wait(SAMPLED_EVERY)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield lambda: most / 1e9
    finally:
        is_over.set()
        watching.join()
