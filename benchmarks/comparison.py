"""Our way and the plain way in turn, so that what else a machine does falls on both."""

import os
import statistics
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, TypeVar

import psutil

MET, NOT_MET, NOT_TOLD = "met", "NOT met", "can't be told"
# Whether all of OCTMNIST's size is asked for, which takes hours rather than minutes.
IS_FULL = bool(os.environ.get("FULL"))
SAMPLED_EVERY = 0.02  # seconds
Value = TypeVar("Value")
HEAD = (
    "| work | ours (s) | the plain way (s) | times faster [least, most] | goals | results |\n"
    "| --- | ---: | --- | ---: | --- | --- |"
)


class Goal(NamedTuple):
    """What is to be reached, and whether it was: `MET`, `NOT_MET` or `NOT_TOLD`."""

    asked: str
    outcome: str


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
    def row(self) -> str:
        """A row of the table that `make bench` prints."""
        times = "-"
        plain = self.plain_way
        if self.plain:
            least, middle, most = ratios(self.ours, self.plain)
            times = f"{three_digits(middle)} [{three_digits(least)}, {three_digits(most)}]"
            plain += f": {statistics.median(self.plain):.3g}"
        goals = "; ".join(f"{asked}: {outcome}" for asked, outcome in self.goals)
        ours = f"{statistics.median(self.ours):.3g}"
        return f"| {self.work} | {ours} | {plain} | {times} | {goals} | {self.results} |"


def three_digits(value: float) -> str:
    """A number as a table shows it: 0.932, 25.4, 3,280."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def ratios(ours: list[float], plain: list[float]) -> tuple[float, float, float]:
    """How many times as long the plain way took: in the least turn, by the medians, in the most.

    By the medians, since those are what a row shows of both.
    """
    by_turn = [slow / fast for fast, slow in zip(ours, plain, strict=True)]
    return min(by_turn), statistics.median(plain) / statistics.median(ours), max(by_turn)


def outcome_of(is_met: bool) -> str:
    """The outcome of what was reached or wasn't."""
    return MET if is_met else NOT_MET


def times_faster(ours: list[float], plain: list[float], asked: float) -> Goal:
    """That the plain way takes so many times as long; not told where some turns say so, some not.

    One turn has nothing to contradict it.
    """
    least, middle, most = ratios(ours, plain)
    is_told = not least < asked <= most
    return Goal(f"{asked:g} times", outcome_of(middle >= asked) if is_told else NOT_TOLD)


def at_most(value: float, asked: float, unit: str) -> Goal:
    """That a value is no more than what is asked."""
    return Goal(f"at most {asked:g} {unit}", outcome_of(value <= asked))


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
