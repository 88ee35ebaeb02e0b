"""How names, numbers and lists are written in a sentence and in a figure."""

import textwrap
from collections.abc import Mapping, Sequence
from math import isnan
from typing import TypeVar

from IPython.display import Markdown

from helpers.study import architectures, data_sets
from helpers.study.data_sets import DataSet

Value = TypeVar("Value")

MINUS = "\N{MINUS SIGN}"
CUT = "\N{NO-BREAK SPACE}…"  # stays on its word's line
NUMBERS = (
    *("none", "one", "two", "three", "four", "five", "six"),
    *("seven", "eight", "nine", "ten", "eleven", "twelve"),
)


def listed(parts: Sequence[str]) -> str:
    """Parts joined by commas, the last by "and"."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def number(count: int) -> str:
    """A count as prose writes it: in a word up to twelve."""
    return NUMBERS[count] if count < len(NUMBERS) else f"{count:,}"


def signed(points: float) -> str:
    """A difference in points of 100 with its sign, as prose writes it."""
    return f"{points:+.1f}".replace("-", MINUS)


def p_value(p: float) -> str:
    """A p-value as prose writes it; nan is of what can't be tested."""
    if isnan(p):
        return "can't be tested"
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def first_seed(by_seed: Mapping[int, Value]) -> Value:
    """What belongs to the first seed, the one that pages show."""
    return next(iter(by_seed.values()))


def model(name: str) -> str:
    """A model's title as a heading has it."""
    return architectures.get(name).sentence_title


def labels(classes: Sequence[str], width: int = 18) -> list[str]:
    """Classes as a figure writes them: in two lines of at most `width` letters, the rest cut."""
    titles = map(data_sets.class_title, classes)
    return [textwrap.fill(title, width, max_lines=2, placeholder=CUT) for title in titles]


def shortened(name: str, width: int = 24) -> str:
    """A class in one line of a figure: its title, cut after a word at `width` letters."""
    return textwrap.shorten(data_sets.class_title(name), width, placeholder=CUT)


def aside(data_set: DataSet, about: str) -> str:
    """Sets a part of a page that is about the report's images aside where a run is about others."""
    return "" if data_set.audited else f"{about}; this run's set is {data_set.title}."


def paragraphs(*sentences: str) -> Markdown | None:
    """Sentences as a page shows them, each once and by itself; nothing where all are empty."""
    told = list(dict.fromkeys(filter(None, sentences)))
    return Markdown("\n\n".join(told)) if told else None
