"""Our way and the plain way in turn, so that what else a machine does falls on both."""

import statistics
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple


class Comparison(NamedTuple):
    """What both ways took, turn by turn, in seconds, and the ratio that is asked for."""

    work: str
    plain_way: str
    ours: list[float]
    plain: list[float]
    goal: float | None = None
    agreement: str = ""

    @property
    def ratios(self) -> list[float]:
        """How many times as long the plain way took, turn by turn."""
        return [plain / ours for ours, plain in zip(self.ours, self.plain, strict=True)]

    @property
    def row(self) -> str:
        """A row of the table that `make bench` prints."""
        least, middle, most = min(self.ratios), statistics.median(self.ratios), max(self.ratios)
        asked = f"{self.goal:g}" if self.goal else "-"
        is_met = "" if not self.goal else ", met" if middle >= self.goal else ", NOT met"
        seconds = f"{statistics.median(self.ours):.3g} | {statistics.median(self.plain):.3g}"
        return (
            f"| {self.work} | {self.plain_way} | {seconds} | "
            f"{middle:.1f} [{least:.1f}, {most:.1f}] | {asked}{is_met} | {self.agreement} |"
        )


HEAD = (
    "| work | plain way | ours (s) | plain (s) | times faster [least, most] | goal | results |\n"
    "| --- | --- | ---: | ---: | ---: | ---: | --- |"
)


def show(made: Iterable[Comparison]) -> None:
    """Print comparisons as a table in Markdown, each as it comes."""
    print(HEAD)
    for comparison in made:
        print(comparison.row, flush=True)


def seconds(work: Callable[[], object]) -> float:
    """How long a call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def in_turn(
    ours: Callable[[], object], plain: Callable[[], object], turns: int = 3
) -> tuple[list[float], list[float]]:
    """The seconds of both, turn by turn."""
    pairs = [(seconds(ours), seconds(plain)) for _ in range(turns)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]
