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


def test_a_difference_of_two_shares_has_newcombes_interval():
    # 56 of 70 and 48 of 80: Newcombe (1998), table II, method 10
    difference = measures.combined(
        [1, -1], [measures.proportion(56, 70), measures.proportion(48, 80)]
    )
    assert difference == pytest.approx((0.2, 0.0524, 0.3339, 150), abs=1e-4)


def test_a_share_of_fixed_classes_has_the_stratified_bootstraps_interval():
    labels = np.arange(800) % 4
    hits = np.random.default_rng(0).random(800) < np.array([0.9, 0.3, 0.1, 0.1])[labels]
    share, resampled = measures.stratified_share(hits, labels), measures.mean(hits * 1.0, labels)
    assert share == pytest.approx(resampled, abs=0.004)
    wilson = measures.share(hits)
    assert share.high - share.low < 0.85 * (wilson.high - wilson.low)


def test_no_error_is_no_certainty():
    labels = np.arange(200) % 4
    share = measures.stratified_share(np.ones(200, bool), labels)
    assert share.value == share.high == 1
    assert share.low < measures.proportion(200, 200).low < 1
    nothing_varies = measures.bootstrapped(1.0, np.ones(50), 200)
    assert nothing_varies == Measure(1.0, None, None, 200)


def test_patients_are_drawn_with_all_their_images_of_a_class():
    labels = np.repeat([0, 1], [6, 4])
    patients = np.array([0, 0, 1, 1, 1, 2, 2, 3, 4, 4])
    weights = measures.draw_weights(labels, 200, clusters=patients)
    np.testing.assert_allclose(weights[:, labels == 0].sum(axis=1), 6, rtol=1e-6)
    np.testing.assert_allclose(weights[:, labels == 1].sum(axis=1), 4, rtol=1e-6)
    for images in ([0, 1], [2, 3, 4], [8, 9]):
        assert (weights[:, images] == weights[:, images[:1]]).all()
    # patient 2's image of class 0 and that of class 1 are drawn apart
    assert (weights[:, 5] != weights[:, 6]).any()


def test_patients_of_ten_like_images_leave_a_tenth_of_them_to_chance():
    labels = np.arange(400) % 4
    patients = np.repeat(np.arange(40), 10) * 4 + labels
    hits = (np.random.default_rng(1).random(160) < 0.7)[patients].astype(np.float32)
    by_image, by_patient = (
        np.std(measures.totals(measures.draw_weights(labels, 2_000, clusters=clusters), hits) / 400)
        for clusters in (None, patients)
    )
    assert by_patient / by_image == pytest.approx(np.sqrt(400 / 160), rel=0.15)


def test_the_loss_is_kerass():
    keras = pytest.importorskip("keras")
    probabilities = np.float32([[1, 0], [1, 0], [0.3, 0.7]])
    labels = np.array([0, 1, 1])
    theirs = keras.losses.categorical_crossentropy(np.eye(2)[labels], probabilities)
    ours = measures.negative_logs(probabilities, labels)
    np.testing.assert_allclose(ours, np.asarray(theirs), atol=1e-6)
    assert ours[1] == pytest.approx(-np.log(1e-7))


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
    hard = {name for name in shares if "near 1" in name or "reflected" in name}
    assert shares.keys() >= {"accuracy", "macro F1", "macro AUC", "difference in accuracy", *hard}
    assert len(hard) == 4
    for name in shares.keys() - hard:
        # 95 % and four standard errors of 200 simulations, for the percentile method's own lack
        assert 0.89 <= shares[name] <= 1, name
    # Of 125 images none is missed so often that the bootstrap has no width; Wilson stands.
    assert shares["recall near 1, bootstrap"] < 0.85 < shares["recall near 1, Wilson"]
