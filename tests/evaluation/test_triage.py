"""Triage: the threshold, what is missed, net benefit and precision by hand."""

import dataclasses

import numpy as np
import pytest

from helpers.evaluation import measures, triage
from helpers.models.trainings import Predictions
from helpers.study import data_sets

OCT = data_sets.get("octmnist")


def test_the_threshold_is_the_highest_that_finds_enough():
    scores = np.arange(1, 21) / 20
    positive = np.ones(20, bool)
    threshold = triage.choose_threshold(scores, positive, 0.95)
    assert threshold == pytest.approx(2 / 20)  # one of twenty may be missed
    assert (scores >= threshold).mean() == 0.95
    assert triage.choose_threshold(scores, positive, 1.0) == pytest.approx(1 / 20)


def test_images_are_sent_where_they_belong_and_misses_are_counted_by_how_far_they_fall():
    sure = np.full((4, 4), 0.02) + 0.92 * np.eye(4)
    labels = np.arange(4)
    test = np.stack([sure[0], sure[3], sure[2], sure[3], sure[1]])  # a DME scan looks normal
    test_labels = np.array([0, 1, 2, 3, 3])
    result = triage.triage(Predictions(sure, labels, test, test_labels), OCT)
    assert result.on_validation == 1
    assert result.levels.loc["urgent referral"].tolist() == [1, 0, 1]
    assert result.levels.loc["routine referral"].tolist() == [0, 1, 0]
    assert result.levels.loc["observation"].tolist() == [1, 0, 1]
    assert result.assigned.tolist() == [0, 2, 1, 2, 0]
    assert result.sensitivity.value == 0.5
    assert result.specificity.value == pytest.approx(2 / 3)


def test_urgency_is_the_data_sets_own():
    assert triage.urgent(OCT).tolist() == [True, True, False, False]
    assert triage.level_of(OCT).tolist() == [0, 0, 1, 2]
    urgency = {"no": "observation", "yes": "urgent referral"}
    other = dataclasses.replace(OCT, classes=("no", "yes"), urgency=urgency)
    sure = np.array([[0.9, 0.1], [0.2, 0.8]])
    labels = np.array([0, 1])
    result = triage.triage(Predictions(sure, labels, sure, labels), other)
    assert result.threshold == 0.8
    assert np.diag(result.levels).tolist() == [1, 0, 1]


def test_net_benefit_by_hand():
    scores, positive = np.array([0.9, 0.6, 0.6, 0.1]), np.array([True, True, False, False])
    curve = triage.net_benefit(scores, positive, np.array([0.5, 0.95]), measures.everything(4))
    assert curve.loc[0.5, "model"] == pytest.approx(2 / 4 - 1 / 4)
    assert curve.loc[0.5, "refer all"] == pytest.approx(0.5 - 0.5)
    assert curve.loc[0.95, "model"] == 0


def test_who_refers_everyone_gains_nothing_over_that():
    positive = np.arange(300) % 3 == 0
    resamples = measures.draw_weights(positive.astype(int), 200)
    thresholds = np.linspace(0.02, 0.8, 40)
    curve = triage.net_benefit(np.ones(300), positive, thresholds, resamples)
    assert (curve["low over all"] == 0).all()


def test_at_the_splits_own_prevalence_precision_is_the_plain_one():
    called = np.array([True, True, True, False, False])
    labels = np.array([0, 1, 2, 1, 3])
    mixes = triage.mixes(labels, OCT)
    curve = triage.precision_at(called, labels, mixes, np.array([3 / 5]), measures.everything(5))
    assert curve["precision"].iloc[0] == pytest.approx(2 / 3)


def test_precision_follows_the_classes_among_those_not_urgent():
    # 1 of 100 drusen and 7 of 100 normal scans called urgent, and all 200 urgent ones but 6
    labels = np.repeat([0, 1, 2, 3], 100)
    called = np.zeros(400, bool)
    called[:194] = True
    called[[200, *range(300, 307)]] = True
    urgent, others = triage.mixes(labels, OCT)
    assert (urgent.tolist(), others.tolist()) == ([0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5])
    clinic = triage.clinics_mix(OCT, 0.95)
    assert clinic == pytest.approx([0, 0, 0.05, 0.95])
    told = [
        triage.precision_at(
            called, labels, (urgent, mix), np.array([0.01]), measures.everything(400)
        )
        for mix in (others, clinic)
    ]
    expected = [0.0097 / (0.0097 + 0.99 * rate) for rate in (0.04, 0.05 * 0.01 + 0.95 * 0.07)]
    assert [curve["precision"].iloc[0] for curve in told] == pytest.approx(expected)


def test_other_data_sets_have_no_triage():
    assert triage.applies(OCT)
    assert not triage.applies(data_sets.get("pneumoniamnist"))
