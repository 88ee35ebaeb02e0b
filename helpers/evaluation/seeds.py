"""Results over seeds: their mean with both sources of chance, and where another seed would lie.

A seed is one draw of everything that training leaves to chance; the test images are another. The
mean over seeds is what the protocol gives on such images, so its interval has to hold both.
"""

from collections.abc import Sequence
from math import hypot, isnan, nan, sqrt
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import t

from helpers.evaluation import measures
from helpers.evaluation.measures import Measure

# Below it a spread over seeds is not known well enough to judge anything by.
FEWEST = 5


class OverSeeds(NamedTuple):
    """The mean of a metric over seeds.

    measure : that mean, with a 95 % interval of both sources of chance.
    seeds : how many there are; with one, the interval holds the chance of the test images alone.
    units : how many patients were resampled, or images, where patients aren't known.
    between_seeds : standard deviation over seeds on the same images; nan of one seed.
    by_images, by_units : standard error by the choice of test images, had they been drawn one by
        one, and as they were resampled.
    """

    measure: Measure
    seeds: int
    units: int
    between_seeds: float
    by_images: float
    by_units: float

    def as_json(self) -> dict[str, Any]:
        """The measure's fields, and the others beside them; JSON has no nan."""
        others = self._asdict()
        fields = others.pop("measure").as_json()
        return fields | {name: None if isnan(v) else v for name, v in others.items()}

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "OverSeeds":
        """What `as_json` told."""
        others = [nan if fields[name] is None else fields[name] for name in cls._fields[1:]]
        return cls(Measure.from_json(fields), *others)


def over_seeds(
    each: Sequence[Measure],
    by_images: np.ndarray,
    by_units: np.ndarray | None = None,
    units: int | None = None,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> OverSeeds:
    """The mean of a metric over seeds, which are random, as the test images are.

    each : the metric of each seed on the same images, with the interval of that seed alone.
    by_images, by_units : the mean over these seeds in each resample of images, and of `units`
        patients (float (resamples,)); without the latter images are the units.
    bounds : between which values of the metric lie, and so its interval.

    The interval's distances from the mean are those of seeds, t(s - 1) * sd / sqrt(s), and those of
    the bootstrap, added up in squares (Zou and Donner 2008). What seed and image do together is in
    both, so the interval errs towards width; `benchmarks/coverage.py` measures by how much. Of one
    seed it is the bootstrap's, or, where images are the units, that seed's own. Where no resample
    differs, one seed's own interval stands for the bootstrap's.
    """
    values, n = [m.value for m in each], each[0].n
    mean, count = float(np.mean(values)), len(values)
    drawn = by_images if by_units is None else by_units
    spread = float(np.std(values, ddof=1)) if count > 1 else nan
    if isnan(mean):  # as the AUC of a class without images is
        return OverSeeds(Measure(nan, None, None, n), count, units or n, nan, nan, nan)
    low, high = measures.interval(drawn)
    if high - low < 1e-9 or (count == 1 and by_units is None):
        value, *ends, _ = each[0]
        low, high = (None if end is None else mean - value + end for end in ends)
    if low is not None and count > 1:
        reach = t.ppf(0.975, count - 1) * spread / sqrt(count)
        low, high = mean - hypot(reach, mean - low), mean + hypot(reach, high - mean)
    if low is not None:
        low, high = max(low, bounds[0]), min(high, bounds[1])
    errors = [float(np.std(d)) for d in (by_images, drawn)]
    return OverSeeds(Measure(mean, low, high, n), count, units or n, spread, *errors)


def mean_share(hits: np.ndarray, labels: np.ndarray) -> Measure:
    """The mean over seeds of a share of images, with both sources of chance.

    hits : bool (seeds, n), what each seed's model gets of the same images; labels int (n,), within
        which images are resampled.
    """
    each = [measures.stratified_share(of_seed, labels) for of_seed in hits]
    return over_seeds(each, _resampled(hits.mean(axis=0), labels)).measure


def mean_gap(
    first: np.ndarray, second: np.ndarray, labels: tuple[np.ndarray, np.ndarray]
) -> Measure:
    """The mean of values on some images less that of others, over seeds, -1 to 1: both sources.

    first, second : float (seeds, n) and (seeds, m), values of images; labels : of theirs, int (n,)
    and (m,), within which images are resampled, those of either apart.
    """
    drawn = [
        measures.totals(measures.draw_weights(of, seed=place), values.T.astype(np.float32))
        / len(of)
        for place, (values, of) in enumerate(zip((first, second), labels, strict=True))
    ]
    by_seed = (drawn[0] - drawn[1]).T
    values = first.mean(axis=1) - second.mean(axis=1)
    n = first.shape[1]
    each = [measures.bootstrapped(*of, n) for of in zip(values, by_seed, strict=True)]
    return over_seeds(each, by_seed.mean(axis=0), bounds=(-1.0, 1.0)).measure


def mean_difference(first: np.ndarray, second: np.ndarray, labels: np.ndarray) -> Measure:
    """The mean of the second's values less the first's, over seeds, -1 to 1: both sources.

    first, second : float (seeds, n), 1 where a seed's model names an image correctly, else 0, or
    these weighted. Seeds are paired, images too.
    """
    gains = second.astype(float) - first
    if not gains.any():  # resampling shows nothing of what was never seen
        return Measure(0.0, None, None, gains.shape[1])
    each = [measures.mean(gain, labels) for gain in gains]
    drawn = _resampled(gains.mean(axis=0), labels)
    return over_seeds(each, drawn, bounds=(-1.0, 1.0)).measure


def prediction_interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """Where the result of one more seed lies, with probability `level`, if results are normal.

    mean -/+ t(s - 1) * sd * sqrt(1 + 1 / s) of s seeds' results on the same images (Geisser 1993,
    ch. 2), cut at nothing. Raises ValueError for fewer than `FEWEST` seeds.
    """
    count = len(values)
    if count < FEWEST:
        raise ValueError(f"{count} seeds tell too little of another; {FEWEST} are needed")
    reach = t.ppf((1 + level) / 2, count - 1) * np.std(values, ddof=1) * sqrt(1 + 1 / count)
    return float(np.mean(values) - reach), float(np.mean(values) + reach)


def _resampled(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The mean of one value an image in each resample: (resamples,)."""
    drawn = measures.draw_weights(labels)
    return measures.totals(drawn, values.astype(np.float32)) / len(values)
