"""Means over seeds with both sources of chance; what another seed may give."""

import numpy as np
import pytest

from benchmarks import coverage
from helpers.evaluation import measures, seeds
from helpers.evaluation.measures import Measure


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


def test_the_interval_of_a_mean_over_seeds_holds_what_protocol_and_images_give():
    for count in (3, 5):
        share = coverage.over_seeds(seeds_each=count, images=400, sets=300)
        assert 0.93 <= share <= 1, count


def test_seeds_and_images_add_up_in_squares():
    drawn = np.random.default_rng(0).normal(0.7, 0.01, 20_000)
    each = [Measure(value, None, None, 100) for value in (0.69, 0.70, 0.71)]
    mean = seeds.over_seeds(each, drawn)
    reach = np.hypot(4.302653 * 0.01 / np.sqrt(3), 1.96 * 0.01)
    assert mean.measure == pytest.approx((0.7, 0.7 - reach, 0.7 + reach, 100), abs=5e-4)
    assert mean.by_images == mean.by_units == pytest.approx(0.01, rel=0.02)


def test_where_no_resample_differs_one_seeds_own_interval_stands():
    perfect = measures.proportion(50, 50)
    mean = seeds.over_seeds([perfect] * 5, np.ones(100))
    assert mean.measure == perfect
    nothing = seeds.over_seeds([Measure(1.0, None, None, 50)] * 2, np.ones(100))
    assert (nothing.measure.low, nothing.measure.high) == (None, None)


def test_models_are_compared_over_seeds():
    rng, labels = np.random.default_rng(0), np.arange(300) % 3
    first, second = (rng.random((5, 300)) < p for p in (0.6, 0.7))
    gain = seeds.mean_difference(first, second, labels)
    assert gain.value == pytest.approx(second.mean() - first.mean())
    assert gain.low < gain.value < gain.high
    share = seeds.mean_share(second, labels)
    assert share.value == pytest.approx(second.mean())
