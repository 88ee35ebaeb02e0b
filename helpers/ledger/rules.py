"""What follows from the report's own figures: numbers as printed, layers as listed, and rules.

A printed figure stands for every value that rounds to it, so a rule gets intervals and is judged on
intervals: it is broken only where no value that rounds to the printed one could obey it.
"""

import itertools
import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from helpers.artifacts import RESNET50_WEIGHTS

# The least height and width that Keras's ResNet50 takes without its top, the factor by which it
# shrinks an image (both rounded up), and the channels of its last map.
RESNET50_LEAST_SIDE, RESNET50_STRIDE, RESNET50_CHANNELS = 32, 32, 2048
BYTES_OF_FLOAT32 = 4
# McNemar's test at the usual level.
SIGNIFICANCE = 0.05
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
    rounded ("~45"). A bound ("> 0.995") reaches to infinity. Percentages become shares.

    Raises
    ------
    ValueError : where there is no number.

    Examples
    --------
    >>> read("97,477 images"), read(">98%")
    (Interval(low=97477.0, high=97477.0), Interval(low=0.98, high=inf))
    """
    found = NUMBER.search(text)
    if not found:
        raise ValueError(f"no number in {text!r}")
    before, after = text[: found.start()].rstrip(), text[found.end() :].lstrip()
    decimals = len(found.group().partition(".")[2])
    percentage = after.startswith("%")
    value = float(found.group().replace(",", ""))
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

    Raises
    ------
    ValueError : for a line that names no layer known here.
    """
    parameters, filters, channels = 0, [], 0
    sides = {"same": [0], "valid": [0]}
    for line in lines:
        if found := re.search(r"Input Layer \((\d+)×\d+×(\d+)\)", line):
            side, channels = map(int, found.groups())
            sides = {"same": [side], "valid": [side]}
        elif found := re.search(r"Conv2D\((\d+), (\d+)×\d+\)", line):
            wide, kernel = map(int, found.groups())
            parameters += (kernel**2 * channels + 1) * wide
            channels = wide
            filters.append(wide)
            sides["valid"].append(max(0, sides["valid"][-1] - kernel + 1))
        elif found := re.search(r"MaxPooling2D\((\d+)×\d+\)", line):
            for way in sides.values():
                way.append(way[-1] // int(found.group(1)))
        elif "ResNet50 Base" in line:
            parameters, channels = parameters + RESNET50_WEIGHTS, RESNET50_CHANNELS
            for way in sides.values():
                way.append(math.ceil(way[-1] / RESNET50_STRIDE))
        elif found := re.search(r"Dense\((\d+)", line):
            parameters += (channels + 1) * int(found.group(1))
            channels = int(found.group(1))
        elif "GlobalAveragePooling2D" not in line:
            raise ValueError(f"no layer known here in {line!r}")
        if "BatchNorm" in line:
            parameters += 4 * channels
    same, valid = sides.values()
    return Network(parameters, tuple(filters), same[-1], min(same), min(valid))


def networks(lines: list[str]) -> list[Network]:
    """Each network of a list of layers; an input layer begins one.

    Raises
    ------
    ValueError : when the first line is no input layer, or a line names no layer known here.
    """
    starts = [place for place, line in enumerate(lines) if "Input Layer" in line]
    if not starts or starts[0]:
        raise ValueError("the layers don't begin with an input layer")
    return [build(lines[a:b]) for a, b in itertools.pairwise([*starts, len(lines)])]


@dataclass(frozen=True)
class Outcome:
    """Whether a rule holds, what it gives in place of what is stated, and that in a clause."""

    holds: bool
    recomputed: float | str
    why: str


# stated text, texts of the claims it is checked against, and the rule's own number.
Rule = Callable[[str, list[str], int], Outcome]


def _figure(words: str, of: Callable[..., float]) -> Rule:
    """A rule on one figure: `of` is monotone in each argument, so its extremes lie at corners."""
    return _range(words, lambda inputs: _corners(of, inputs), of)


def _range(
    words: str, reach: Callable[[list[Interval]], Interval], middle: Callable[..., float]
) -> Rule:
    def rule(stated: str, texts: list[str], _: int) -> Outcome:
        inputs = [read(text) for text in texts]
        value = middle(*(each.middle for each in inputs))
        holds = read(stated).overlaps(reach(inputs))
        return Outcome(holds, round(value, 6), f"{words} {shown(value)}")

    return rule


def _corners(of: Callable[..., float], inputs: list[Interval]) -> Interval:
    values = [of(*corner) for corner in itertools.product(*((i.low, i.high) for i in inputs))]
    return Interval(min(values), max(values))


def shown(value: float) -> str:
    """A figure as prose writes it: 1,234, 29.2, 0.0654."""
    if float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.4f}"


def _mean(*values: float) -> float:
    return sum(values) / len(values)


def _f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall)


def _gain(inputs: list[Interval]) -> Interval:
    """How much higher the first is than the second: both readings, in points and relative."""
    points = _corners(lambda a, b: a - b, inputs)
    relative = _corners(lambda a, b: a / b - 1, inputs)
    return Interval(min(points.low, relative.low), max(points.high, relative.high))


def _multiple(stated: str, _: list[str], n: int) -> Outcome:
    """A share of n images is a whole number of them."""
    value = read(stated)
    whole = math.ceil(value.low * n - ROUNDING) <= math.floor(value.high * n + ROUNDING)
    nearest = round(value.middle * n)
    return Outcome(
        whole,
        nearest / n,
        f"of {n:,} images it must be a whole number: {nearest:,} give {nearest / n:.4f}",
    )


def _higher(_: str, texts: list[str], __: int) -> Outcome:
    """Each figure of the first half exceeds its partner in the second."""
    figures = [read(text) for text in texts]
    half = len(figures) // 2
    pairs = list(zip(figures[:half], figures[half:], strict=True))
    count = sum(a.middle > b.middle for a, b in pairs)
    text = f"higher in {count} of {len(pairs)}"
    return Outcome(all(a.high > b.low for a, b in pairs), text, text)


def _lower(stated: str, texts: list[str], n: int) -> Outcome:
    half = len(texts) // 2
    found = _higher(stated, texts[half:] + texts[:half], n)
    text = found.recomputed.replace("higher", "lower")
    return Outcome(found.holds, text, text)


def _smaller_gap(_: str, texts: list[str], __: int) -> Outcome:
    """Of training and test figures of two models, the first's lie no further apart."""
    first, second = (
        _corners(lambda a, b: a - b, [read(text) for text in pair])
        for pair in (texts[:2], texts[2:])
    )
    gaps = f"{100 * first.middle:.2f} points against {100 * second.middle:.2f}"
    return Outcome(
        first.low <= second.high, gaps, f"accuracy falls from training to test by {gaps}"
    )


def _significant(_: str, texts: list[str], n: int) -> Outcome:
    """Two accuracies on the same n images can differ significantly by McNemar's exact test.

    The p-value is least where one model is right on every image on which they differ.
    """
    gain = _corners(lambda a, b: a - b, [read(text) for text in texts])
    images = math.floor(gain.high * n + ROUNDING)
    least = min(1.0, 2 * 0.5 ** max(images, 0))
    return Outcome(
        least <= SIGNIFICANCE,
        least,
        f"a lead of {images} of {n:,} images has p = {least:.2g} or more by McNemar's exact test",
    )


def _least_loss(stated: str, texts: list[str], _: int) -> Outcome:
    """A wrong image's true class has a probability of at most 1/2: it costs ln 2 or more."""
    least = (1 - read(texts[0]).high) * math.log(2)
    return Outcome(
        read(stated).high >= least,
        round(least, 6),
        f"with that accuracy cross-entropy is {least:.4f} or more",
    )


def _parameters(stated: str, texts: list[str], _: int) -> Outcome:
    total = sum(network.parameters for network in networks(texts))
    return Outcome(
        read(stated).overlaps(Interval(total, total)),
        total,
        f"the layers listed have {total:,} weights",
    )


def _parameter_ratio(stated: str, texts: list[str], _: int) -> Outcome:
    first, second = (network.parameters for network in networks(texts))
    ratio = first / second
    return Outcome(
        read(stated).overlaps(Interval(ratio, ratio)),
        round(ratio, 6),
        f"of the layers listed it is {ratio:.1f} ({first:,} to {second:,})",
    )


def _fewer_parameters(_: str, texts: list[str], __: int) -> Outcome:
    first, second = (network.parameters for network in networks(texts))
    text = f"{first:,} weights against {second:,}"
    return Outcome(first < second, text, f"the layers listed have {text}")


def _buildable(_: str, texts: list[str], __: int) -> Outcome:
    (network,) = networks(texts)
    text = (
        f"least map {network.least_side} px with same padding, {network.least_side_valid} px with "
        "valid, Keras's default"
    )
    return Outcome(network.least_side > 0, text, text)


def _increasing(_: str, texts: list[str], __: int) -> Outcome:
    (network,) = networks(texts)
    filters = network.filters
    return Outcome(
        list(filters) == sorted(filters) and filters[0] < filters[-1],
        ", ".join(map(str, filters)),
        f"the filters listed are {', '.join(map(str, filters))}",
    )


def _least_input(stated: str, _: list[str], __: int) -> Outcome:
    return Outcome(
        read(stated).low >= RESNET50_LEAST_SIDE,
        RESNET50_LEAST_SIDE,
        f"Keras's ResNet50 refuses images below {RESNET50_LEAST_SIDE} px",
    )


def _localises(_: str, texts: list[str], __: int) -> Outcome:
    (network,) = networks(texts)
    return Outcome(
        network.side > 1,
        f"{network.side}x{network.side} map",
        f"as listed, its last map has {network.side} x {network.side} cells"
        + ("" if network.side > 1 else ", so its heatmaps are constant"),
    )


def _finer_map(_: str, texts: list[str], __: int) -> Outcome:
    first, second = (network.side for network in networks(texts))
    return Outcome(
        first > second,
        f"{first}x{first} map",
        f"as listed, its last map has {first} x {first} cells, the other's {second} x {second}",
    )


def _count(stated: str, texts: list[str], _: int) -> Outcome:
    n = len(texts)
    return Outcome(read(stated).overlaps(Interval(n, n)), n, f"{n} are listed")


def _fills_memory(_: str, texts: list[str], n: int) -> Outcome:
    """Images (count, then side) as float32 take n gigabytes or more."""
    images, side = (read(text).middle for text in texts)
    megabytes = images * side**2 / 1e6
    text = f"{megabytes:.0f} MB as uint8, {BYTES_OF_FLOAT32 * megabytes:.0f} MB as float32"
    return Outcome(BYTES_OF_FLOAT32 * megabytes >= 1000 * n, text, f"all images take {text}")


RULES: dict[str, Rule] = {
    "sum": _figure("the parts add up to", lambda *parts: sum(parts)),
    "mean": _figure("the classes' mean is", _mean),
    "equal": _figure("it must equal", lambda other: other),
    "f1": _figure("F1 of that precision and recall is", _f1),
    "ratio": _figure("the ratio of the stated figures is", lambda a, b: a / b),
    "gain": _range("the stated figures differ by", _gain, lambda a, b: a - b),
    "multiple": _multiple,
    "higher": _higher,
    "lower": _lower,
    "smaller_gap": _smaller_gap,
    "significant": _significant,
    "least_loss": _least_loss,
    "parameters": _parameters,
    "parameter_ratio": _parameter_ratio,
    "fewer_parameters": _fewer_parameters,
    "buildable": _buildable,
    "increasing": _increasing,
    "least_input": _least_input,
    "localises": _localises,
    "finer_map": _finer_map,
    "count": _count,
    "fills_memory": _fills_memory,
}
