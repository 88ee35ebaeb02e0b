"""Measures: Wilson by hand, resamples that keep the classes, intervals that cover."""

import math

import numpy as np
import pytest

from benchmarks import coverage
from helpers.evaluation import measures
from helpers.evaluation.measures import Measure

SPACE = "\N{NO-BREAK SPACE}"


def test_a_measure_says_itself():
    share = Measure(0.835, 0.795, 0.8684, 400)
    assert share.text() == f"0.835 [0.795,{SPACE}0.868]"
    assert share.percent() == f"83.5 % [79.5,{SPACE}86.8]"
    assert Measure(0.012, -0.003, 0.027, 400).points() == "1.2 [-0.3, 2.7]"
    assert share.complement() == pytest.approx((0.165, 0.1316, 0.205, 400))


def test_a_measure_without_an_interval_says_its_value():
    share = Measure(0.25, None, None, 0)
    assert (share.text(), share.percent(), share.points()) == ("0.250", "25.0 %", "25.0")
    assert share.complement() == Measure(0.75, None, None, 0)


def test_a_measure_survives_json():
    for measure in (Measure(0.5, 0.4, 0.6, 10), Measure(0.0, None, None, 0)):
        assert Measure.from_json(measure.as_json()) == measure
    assert list(Measure(0.5, 0.4, 0.6, 10).as_json()) == ["value", "low", "high", "n"]
    nothing = measures.mean(np.full(3, np.nan))
    assert nothing.as_json() == {"value": None, "low": None, "high": None, "n": 0}
    assert math.isnan(Measure.from_json(nothing.as_json()).value)


def test_wilsons_interval_by_hand():
    # 8 of 10: (p + z2/2n +- z sqrt(p(1-p)/n + z2/4n2)) / (1 + z2/n), z = 1.959964
    accuracy = measures.proportion(8, 10)
    assert accuracy.value == 0.8
    assert accuracy.low == pytest.approx(0.49016, abs=1e-5)
    assert accuracy.high == pytest.approx(0.94332, abs=1e-5)


def test_a_share_of_no_image_has_no_interval():
    assert measures.proportion(0, 0) == Measure(0.0, None, None, 0)


def test_hits_are_told_by_class():
    hits, labels = np.array([True, False, True, True]), np.array([0, 0, 0, 2])
    shares = measures.by_class(hits, labels, ("a", "b", "c"))
    assert [(share.value, share.n) for share in shares.values()] == [(2 / 3, 3), (0, 0), (1, 1)]


def test_images_without_a_value_are_left_out_of_a_mean():
    values = np.random.default_rng(0).normal(size=50)
    assert measures.mean(np.append(values, np.nan)) == measures.mean(values)
    assert measures.mean(values).n == 50


def test_a_resample_keeps_the_size_of_each_class():
    labels = np.repeat([0, 1, 2], [5, 1, 9])
    weights = measures.draw_weights(labels, 50)
    for label, size in enumerate([5, 1, 9]):
        np.testing.assert_array_equal(weights[:, labels == label].sum(axis=1), size)
    assert weights.std(axis=0).max() > 0
    np.testing.assert_array_equal(weights, measures.draw_weights(labels, 50))


def test_in_blocks_the_same_images_are_drawn_and_summed(monkeypatch):
    labels = np.repeat([0, 1, 2], [50, 1, 29])
    values = np.random.default_rng(0).normal(size=80)
    weights = measures.draw_weights(labels, 1_000)
    totals = measures.totals(weights, values)
    monkeypatch.setattr(measures, "CELLS", 777)
    assert len(list(measures.blocks(1_000, 50))) == 125
    np.testing.assert_array_equal(measures.draw_weights(labels, 1_000), weights)
    np.testing.assert_array_equal(measures.totals(weights, values), totals)


def test_intervals_cover_what_they_should():
    shares = coverage.simulate(images=500, sets=200, resamples=500)
    hard = {"recall near 1, Wilson", "recall near 1, bootstrap", "expected calibration error"}
    assert shares.keys() == {"accuracy", "macro_f1", "auc/macro", "difference", *hard}
    for name in shares.keys() - hard:
        # 95 % and four standard errors of 200 simulations, for the percentile method's own lack
        assert 0.89 <= shares[name] <= 1, name
    # Of 125 images none is missed so often that the bootstrap has no width; Wilson stands.
    assert shares["recall near 1, bootstrap"] < 0.85 < shares["recall near 1, Wilson"]
