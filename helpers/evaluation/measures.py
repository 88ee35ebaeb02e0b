"""A value with its 95 % interval: Wilson's for a share, what follows from it for a sum of shares of
the classes, the bootstrap's for anything else.

A resample is a row of weights: how often each image was drawn. A sum over images is then a product
with these rows, and all resamples share it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import binomtest

RESAMPLES = 10_000
# What Keras keeps a probability away from 0 and 1 by before it takes its logarithm
# (`keras.config.epsilon`): the loss that the report's `evaluate` prints is clipped so.
EPSILON = 1e-7
# Numbers held at once beside the resamples themselves: 32 MiB of float64.
CELLS = 2**22
NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"


class Measure(NamedTuple):
    """A value of n images with its 95 % interval, where it has one; nan is a value of none."""

    value: float
    low: float | None
    high: float | None
    n: int

    def text(self) -> str:
        """As a number: "0.835 [0.795, 0.868]"."""
        return self._told(1, 3, "", NO_BREAK_SPACE)

    def percent(self) -> str:
        """As a share in per cent: "83.5 % [79.5, 86.8]"."""
        return self._told(100, 1, " %", NO_BREAK_SPACE)

    def points(self) -> str:
        """As a difference in points of 100: "1.2 [-0.3, 2.7]"."""
        return self._told(100, 1, "", " ")

    def complement(self) -> Measure:
        """The share of all others."""
        if self.low is None:
            return self._replace(value=1 - self.value)
        return Measure(1 - self.value, 1 - self.high, 1 - self.low, self.n)

    def as_json(self) -> dict[str, float | int | None]:
        """Value, low, high and n by name; JSON has no nan, so a value of no image is None."""
        return self._asdict() | {"value": None if math.isnan(self.value) else self.value}

    @classmethod
    def from_json(cls, fields: dict[str, float | int | None]) -> Measure:
        """The measure that `as_json` told."""
        value, low, high, n = (fields[name] for name in cls._fields)
        return cls(math.nan if value is None else value, low, high, n)

    def _told(self, factor: int, digits: int, unit: str, space: str) -> str:
        if math.isnan(self.value):
            return "none"
        told = f"{factor * self.value:.{digits}f}{unit}"
        if self.low is None:
            return told
        low, high = (f"{factor * end:.{digits}f}" for end in (self.low, self.high))
        return f"{told} [{low},{space}{high}]"


def proportion(successes: int, n: int) -> Measure:
    """A share of n images with Wilson's 95 % interval (Wilson 1927); none when n is 0."""
    if n == 0:
        return Measure(0.0, None, None, 0)
    interval = binomtest(int(successes), int(n)).proportion_ci(method="wilson")
    return Measure(float(successes / n), float(interval.low), float(interval.high), int(n))


def share(hits: np.ndarray) -> Measure:
    """The share of hits (bool (n,)) among n images, as a `proportion`."""
    return proportion(int(hits.sum()), len(hits))


def by_class(hits: np.ndarray, labels: np.ndarray, classes: tuple[str, ...]) -> dict[str, Measure]:
    """The share of hits (bool (n,)) among the images of each class."""
    return {name: share(hits[labels == k]) for k, name in enumerate(classes)}


def combined(coefficients: Sequence[float], shares: Sequence[Measure]) -> Measure:
    """A sum of independent shares, each times its coefficient, with its 95 % interval.

    The distances to the shares' own limits, which are Wilson's, add up in squares (the method of
    variance estimates recovery, Zou and Donner 2008; of a difference of two shares Newcombe's,
    1998). So the classes' sizes count as fixed, and no share of 0 or 1 is taken for certain. Shares
    of no image are left out. n counts the images of all that are in.
    """
    known = [(c, s) for c, s in zip(coefficients, shares, strict=True) if s.n and c]
    value = sum(c * s.value for c, s in known)
    down = math.hypot(*(c * (s.value - (s.low if c > 0 else s.high)) for c, s in known))
    up = math.hypot(*(c * (s.value - (s.high if c > 0 else s.low)) for c, s in known))
    n = sum(s.n for _, s in known)
    return Measure(float(value), float(value - down), float(value + up), n)


def stratified_share(hits: np.ndarray, labels: np.ndarray) -> Measure:
    """The share of hits (bool (n,)) where each class's size was fixed by design: `combined`."""
    sizes = np.bincount(labels)
    shares = [share(hits[labels == k]) for k in range(len(sizes))]
    return combined(sizes / len(labels), shares) if len(labels) else proportion(0, 0)


def negative_logs(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """What each image adds to the cross-entropy, in nats: float64 (n,).

    The logarithm of its label's probability, as Keras takes it: rows add up to 1 beforehand, and
    probabilities are kept `EPSILON` away from 0 and 1.
    """
    exact = probabilities.astype(np.float64)
    of_label = exact[np.arange(len(labels)), labels] / exact.sum(axis=1)
    return -np.log(np.clip(of_label, EPSILON, 1 - EPSILON))


def bootstrapped(value: float, resampled: np.ndarray, n: int) -> Measure:
    """A value of n images with the percentile interval of its resamples (resamples,).

    Without an interval where all resamples are alike, as those of a model without an error are:
    resampling can't show what was never seen, and no width would say that all is certain.
    """
    if math.isnan(value):
        return Measure(math.nan, None, None, 0)
    low, high = interval(resampled)
    if high - low < 1e-9 and len(resampled) > 1:
        return Measure(float(value), None, None, int(n))
    return Measure(float(value), low, high, int(n))


def mean(values: np.ndarray, labels: np.ndarray | None = None) -> Measure:
    """The mean of one value an image, with the bootstrap's 95 % interval.

    values : numbers (n,); nan stands for an image without a value and is left out, so that `n`
        counts the others. Without any, the mean is nan and has no interval.
    labels : the strata of the resamples (`draw_weights`); without labels there is one.
    """
    is_known = ~np.isnan(values)
    known = values[is_known]
    if not len(known):
        return Measure(math.nan, None, None, 0)
    strata = np.zeros(len(known), int) if labels is None else labels[is_known]
    resampled = totals(draw_weights(strata), known) / len(known)
    return Measure(float(known.mean()), *interval(resampled), len(known))


def draw_weights(
    labels: np.ndarray,
    count: int = RESAMPLES,
    seed: int = 0,
    clusters: np.ndarray | None = None,
) -> np.ndarray:
    """Resamples: how often each image is drawn in each, with replacement within its class.

    Stratified, because the test split's class sizes were fixed by design (Davison and Hinkley 1997,
    section 3.2): float32 (count, n), the weights of a class adding up to its size in every row.

    clusters : the patient of each image (n,). Then a class's patients are drawn with all of their
        images of that class (ibid., section 3.8), and a row's weights are brought to its size.
    """
    rng = np.random.default_rng(seed)
    weights = np.empty((count, len(labels)), np.float32)
    for label in np.unique(labels):
        (images,) = np.nonzero(labels == label)
        own = np.arange(len(images))
        member = own if clusters is None else np.unique(clusters[images], return_inverse=True)[1]
        size = member.max() + 1
        for rows in blocks(count, len(images)):
            resamples = np.arange(rows.stop - rows.start)[:, None]
            drawn = rng.integers(size, size=(len(resamples), size)) + resamples * size
            times = np.bincount(drawn.ravel(), minlength=drawn.size).reshape(drawn.shape)
            of_images = times[:, member]
            scale = len(images) / of_images.sum(axis=1, keepdims=True)
            weights[rows, images] = of_images * scale
    return weights


def everything(n: int) -> np.ndarray:
    """The one resample that is the n images themselves: float32 (1, n)."""
    return np.ones((1, n), np.float32)


def totals(resamples: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The sum over images in each resample, of values (n,) or (n, k): (resamples,) or (.., k)."""
    # NumPy copies the resamples where the values have another dtype.
    return np.concatenate([resamples[rows] @ values for rows in blocks(*resamples.shape)])


def interval(resampled: np.ndarray) -> tuple[float, float]:
    """The 95 % percentile interval of a metric's resamples (Efron and Tibshirani 1993, ch. 13)."""
    return tuple(np.quantile(resampled, [0.025, 0.975]).tolist())


def blocks(count: int, width: int) -> Iterator[slice]:
    """Slices of `count` rows of `width` numbers, each of `CELLS` numbers or eight rows at most."""
    # Multiples of eight rows, so that BLAS sums each row alike whatever its block.
    step = max(8, CELLS // width // 8 * 8)
    for start in range(0, count, step):
        yield slice(start, min(start + step, count))
