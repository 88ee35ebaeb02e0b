"""What follows from the report's own figures: numbers as printed, layers as listed, and rules.

A printed figure stands for every value that rounds to it, so a rule gets intervals and is judged on
intervals: it is broken only where no value that rounds to the printed one could obey it.
"""

import itertools
import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

from helpers.study import architectures

# The frozen base that the report builds on; its line among the layers begins with its title.
(BASE,) = (entry.base for entry in architectures.reported() if entry.base)
# The factor by which Keras's ResNet50 without its top shrinks an image (rounded up), and the
# channels of its last map.
BASE_STRIDE, BASE_CHANNELS = 32, 2048
# McNemar's test at the usual level.
SIGNIFICANCE = 0.05
# Rules whose breach contradicts nothing: the report's figures don't bear what it says of them.
OF_SUPPORT = frozenset({"significant"})
# Decimal fractions have no exact binary value: bounds that differ by less are the same.
ROUNDING = 1e-9

NUMBER = re.compile(r"(?<![\w.,])(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?")


@dataclass(frozen=True)
class Interval:
    """The values from `low` to `high`, both included."""

    low: float
    high: float

    @property
    def middle(self) -> float:
        """The printed value itself; of a bound such as "> 0.995" the bound."""
        return self.low if math.isinf(self.high) else (self.low + self.high) / 2

    def overlaps(self, other: "Interval") -> bool:
        """Whether some value lies in both."""
        return self.low <= other.high + ROUNDING and other.low <= self.high + ROUNDING


def read(text: str) -> Interval:
    """The first number of a printed figure, with half its last digit to either side.

    A whole number is a count and exact, unless it is a percentage, a multiple ("13×") or marked as
    rounded ("~45"). A bound (">98%") reaches to infinity. Percentages become shares. ValueError is
    raised where there is no number.
    """
    number = NUMBER.search(text)
    if not number:
        raise ValueError(f"no number in {text!r}")
    before, after = text[: number.start()].rstrip(), text[number.end() :].lstrip()
    decimals = len(number.group().partition(".")[2])
    percentage = after.startswith("%")
    value = float(number.group().replace(",", ""))
    scale = 0.01 if percentage else 1.0
    if before.endswith(">"):
        return Interval(value * scale, math.inf)
    rounded = decimals or percentage or before.endswith("~") or re.match(r"×(?!\d)", after)
    half = 0.5 * 10**-decimals if rounded else 0.0
    return Interval((value - half) * scale, (value + half) * scale)


@dataclass(frozen=True)
class Network:
    """What a list of layers builds.

    parameters : all weights, batch norm's statistics included.
    filters : of each convolution, in order.
    side : height and width of the last map with `same` padding, which keeps an image's size.
    least_side, least_side_valid : the least side on the way there, with `same` padding and with
        Keras's default, `valid`; 0 where no pixel is left.
    """

    parameters: int
    filters: tuple[int, ...]
    side: int
    least_side: int
    least_side_valid: int


def build(lines: list[str]) -> Network:
    """Count the weights and follow the sizes of the layers that the report lists, line by line.

    ValueError is raised for a line that names no layer known here.
    """
    parameters, filters, channels, same, valid = 0, [], 0, [0], [0]
    for line in lines:
        if layer := re.search(r"Input Layer \((\d+)×\d+×(\d+)\)", line):
            side, channels = map(int, layer.groups())
            same, valid = [side], [side]
        elif layer := re.search(r"Conv2D\((\d+), (\d+)×\d+\)", line):
            wide, kernel = map(int, layer.groups())
            parameters += (kernel**2 * channels + 1) * wide
            channels = wide
            filters.append(wide)
            valid.append(max(0, valid[-1] - kernel + 1))
        elif layer := re.search(r"MaxPooling2D\((\d+)×\d+\)", line):
            for sides in (same, valid):
                sides.append(sides[-1] // int(layer.group(1)))
        elif f"{BASE.title} Base" in line:
            parameters, channels = parameters + BASE.parameters, BASE_CHANNELS
            for sides in (same, valid):
                sides.append(math.ceil(sides[-1] / BASE_STRIDE))
        elif layer := re.search(r"Dense\((\d+)", line):
            parameters += (channels + 1) * int(layer.group(1))
            channels = int(layer.group(1))
        elif "GlobalAveragePooling2D" not in line:
            raise ValueError(f"no layer known here in {line!r}")
        if "BatchNorm" in line:
            parameters += 4 * channels
    return Network(parameters, tuple(filters), same[-1], min(same), min(valid))


def networks(lines: list[str]) -> list[Network]:
    """Each network of a list of layers; an input layer begins one, or ValueError is raised."""
    starts = [place for place, line in enumerate(lines) if "Input Layer" in line]
    if not starts or starts[0]:
        raise ValueError("the layers don't begin with an input layer")
    return [build(lines[a:b]) for a, b in itertools.pairwise([*starts, len(lines)])]


def shown(value: float) -> str:
    """A figure as prose writes it: 1,234, 29.2, 0.0654."""
    if float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.4f}"


@dataclass(frozen=True)
class Outcome:
    """Whether a rule holds, what it gives in place of what is stated, and that in a clause."""

    holds: bool
    recomputed: float | str
    why: str


# stated text, texts of the claims it is checked against, and the rule's own number.
Rule = Callable[[str, list[str], int], Outcome]


def _figure(words: str, *readings: Callable[..., float]) -> Rule:
    """A rule on one figure, which may be meant by any of the readings; told is the first."""

    def rule(stated: str, texts: list[str], _: int) -> Outcome:
        inputs = [read(text) for text in texts]
        value = readings[0](*(each.middle for each in inputs))
        holds = read(stated).overlaps(_reach(inputs, *readings))
        return Outcome(holds, round(value, 6), f"{words} {shown(value)}")

    return rule


def _reach(inputs: list[Interval], *readings: Callable[..., float]) -> Interval:
    """Of readings that are monotone in each argument, so that their extremes lie at corners."""
    corners = list(itertools.product(*((each.low, each.high) for each in inputs)))
    values = [reading(*corner) for reading in readings for corner in corners]
    return Interval(min(values), max(values))


def _exactly(stated: str, value: float, why: str) -> Outcome:
    return Outcome(read(stated).overlaps(Interval(value, value)), round(value, 6), why)


def _multiple(stated: str, _: list[str], n: int) -> Outcome:
    """A share of n images is a whole number of them."""
    value = read(stated)
    whole = math.ceil(value.low * n - ROUNDING) <= math.floor(value.high * n + ROUNDING)
    nearest = round(value.middle * n)
    why = f"of {n:,} images it must be a whole number: {nearest:,} give {nearest / n:.4f}"
    return Outcome(whole, nearest / n, why)


def _equal(stated: str, texts: list[str], _: int) -> Outcome:
    """The first that differs is told, or else the first."""
    values, printed = [read(text) for text in texts], read(stated)
    differing = [each for each in values if not printed.overlaps(each)]
    value = (differing or values)[0].middle
    return Outcome(not differing, round(value, 6), f"it must equal {shown(value)}")


def _named(stated: str, texts: list[str], n: int) -> Outcome:
    """With a recall that n images of a class can give, precision is a share of those named.

    Nothing is held against a recall that no whole number of images gives.
    """
    recall, precision = read(texts[0]), read(stated)
    least, most = math.ceil(recall.low * n - ROUNDING), math.floor(recall.high * n + ROUNDING)
    shares = [
        (right, right / (right + wrong))
        for right in range(least, most + 1)
        for wrong in range(n + 1)
    ]
    if not shares:
        return Outcome(True, stated, "no number of images gives that recall")
    right, nearest = min(shares, key=lambda share: abs(share[1] - precision.middle))
    named = round(right / nearest)
    why = f"with {right} of {n} named rightly, {named} named at all come nearest: {nearest:.4f}"
    return Outcome(precision.overlaps(Interval(nearest, nearest)), round(nearest, 6), why)


def _called(stated: str, texts: list[str], n: int) -> Outcome:
    """Classes of n images each: what their precision and recall say was named adds up to all.

    Of a class n * recall images are named rightly, and so n * recall / precision are named at all.
    """
    half = len(texts) // 2
    figures = [read(text) for text in texts]
    pairs = list(zip(figures[:half], figures[half:], strict=True))
    total, low, high = (
        n * sum(recall / precision for precision, recall in ends)
        for ends in (
            [(p.middle, r.middle) for p, r in pairs],
            [(p.high, r.low) for p, r in pairs],
            [(p.low, r.high) for p, r in pairs],
        )
    )
    why = f"by its classes' precision and recall it named {total:,.1f} images"
    return Outcome(read(stated).overlaps(Interval(low, high)), round(total, 1), why)


def _higher(_: str, texts: list[str], __: int, word: str = "higher") -> Outcome:
    """Each figure of the first half exceeds its partner in the second."""
    figures = [read(text) for text in texts]
    half = len(figures) // 2
    pairs = list(zip(figures[:half], figures[half:], strict=True))
    text = f"{word} in {sum(a.middle > b.middle for a, b in pairs)} of {len(pairs)} pairs"
    if len(pairs) == 1:
        text = " against ".join(shown(each.middle) for each in figures)
    return Outcome(all(a.high > b.low for a, b in pairs), text, text)


def _lower(stated: str, texts: list[str], n: int) -> Outcome:
    half = len(texts) // 2
    return _higher(stated, texts[half:] + texts[:half], n, "lower")


def _significant(_: str, texts: list[str], n: int) -> Outcome:
    """Two accuracies on the same n images can differ significantly by McNemar's exact test.

    The p-value is least where one model is right on every image on which they differ.
    """
    gain = _reach([read(text) for text in texts], operator.sub)
    images = math.floor(gain.high * n + ROUNDING)
    least = min(1.0, 2 * 0.5 ** max(images, 0))
    why = f"a lead of {images} of {n:,} images has p = {least:.2g} or more by McNemar's exact test"
    return Outcome(least <= SIGNIFICANCE, least, why)


def _least_loss(stated: str, texts: list[str], _: int) -> Outcome:
    """A wrong image's true class has a probability of at most 1/2: it costs ln 2 or more."""
    least = (1 - read(texts[0]).high) * math.log(2)
    why = f"with that accuracy cross-entropy is {least:.4f} or more"
    return Outcome(read(stated).high >= least, round(least, 6), why)


def _parameters(stated: str, texts: list[str], _: int) -> Outcome:
    total = sum(network.parameters for network in networks(texts))
    return _exactly(stated, total, f"the layers listed have {total:,} weights")


def _parameter_ratio(stated: str, texts: list[str], _: int) -> Outcome:
    first, second = (network.parameters for network in networks(texts))
    why = f"of the layers listed it is {first / second:.1f} ({first:,} to {second:,})"
    return _exactly(stated, first / second, why)


def _fewer_parameters(_: str, texts: list[str], __: int) -> Outcome:
    first, second = (network.parameters for network in networks(texts))
    text = f"{first:,} weights against {second:,}"
    return Outcome(first < second, text, f"the layers listed have {text}")


def _buildable(_: str, texts: list[str], __: int) -> Outcome:
    (network,) = networks(texts)
    valid = f"{network.least_side_valid} px with valid, Keras's default"
    text = f"least map {network.least_side} px with same padding, {valid}"
    return Outcome(network.least_side > 0, text, text)


def _increasing(_: str, texts: list[str], __: int) -> Outcome:
    (network,) = networks(texts)
    filters, text = list(network.filters), ", ".join(map(str, network.filters))
    holds = filters == sorted(filters) and filters[0] < filters[-1]
    return Outcome(holds, text, f"the filters listed are {text}")


def _localises(_: str, texts: list[str], __: int) -> Outcome:
    (side,) = (network.side for network in networks(texts))
    so = "" if side > 1 else ", so its heatmaps are constant"
    why = f"as listed, its last map has {side} x {side} cells{so}"
    return Outcome(side > 1, f"{side}x{side} map", why)


def _finer_map(_: str, texts: list[str], __: int) -> Outcome:
    first, second = (network.side for network in networks(texts))
    why = f"as listed, its last map has {first} x {first} cells, the other's {second} x {second}"
    return Outcome(first > second, f"{first}x{first} map", why)


def _count(stated: str, texts: list[str], _: int) -> Outcome:
    return _exactly(stated, len(texts), f"{len(texts)} are listed")


RULES: dict[str, Rule] = {
    "sum": _figure("the parts add up to", lambda *parts: sum(parts)),
    "mean": _figure("the classes' mean is", lambda *parts: sum(parts) / len(parts)),
    "equal": _equal,
    "f1": _figure("F1 of that precision and recall is", lambda p, r: 2 * p * r / (p + r)),
    "ratio": _figure("the ratio of the stated figures is", operator.truediv),
    # How much higher the first is than the second, in points or relative to it.
    "gain": _figure("the stated figures differ by", operator.sub, lambda a, b: a / b - 1),
    "multiple": _multiple,
    "named": _named,
    "called": _called,
    "higher": _higher,
    "lower": _lower,
    "significant": _significant,
    "least_loss": _least_loss,
    "parameters": _parameters,
    "parameter_ratio": _parameter_ratio,
    "fewer_parameters": _fewer_parameters,
    "buildable": _buildable,
    "increasing": _increasing,
    "localises": _localises,
    "finer_map": _finer_map,
    "count": _count,
}
