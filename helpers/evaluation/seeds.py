"""What another seed may give: how far the results of one protocol lie apart on the same images."""

from collections.abc import Sequence
from math import sqrt

import numpy as np
from scipy.stats import t

# Below it a spread over seeds is not known well enough to judge anything by.
FEWEST = 5


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
