"""What another seed may give, from those at hand."""

import numpy as np
import pytest

from helpers.evaluation import seeds


def test_nineteen_of_twenty_further_seeds_lie_in_the_prediction_interval():
    rng = np.random.default_rng(0)
    drawn = rng.normal(0.7, 0.02, (4000, 6))
    inside = [
        low < further < high
        for *known, further in drawn
        for low, high in [seeds.prediction_interval(known)]
    ]
    assert 0.94 < np.mean(inside) < 0.96


def test_four_seeds_are_too_few():
    with pytest.raises(ValueError, match="4 seeds"):
        seeds.prediction_interval([0.7, 0.71, 0.72, 0.7])
