"""Rows of a trial: kept as they were, found again, judged."""

import json
import math

import numpy as np
import pytest

from helpers.evaluation.measures import Measure
from helpers.heatmaps import artifacts
from helpers.heatmaps import rows as heatmap_rows
from helpers.heatmaps.faithfulness import DELETION
from helpers.heatmaps.judgement import FAIL, PASS, UNDECIDED, Margin
from helpers.heatmaps.localization import MASS_INSIDE
from helpers.heatmaps.rows import (
    ALL_RANDOM,
    CHECKS,
    FLIP,
    MORE_THAN,
    NO_MODEL,
    NOISE,
    SHUFFLED,
    Row,
    decided,
    find,
    judged,
    of_check,
)
from helpers.heatmaps.similarity import RANK_CORRELATION
from helpers.study.runs import Run

MODEL = "custom-cnn"
KEYS = ["model", "method", "criterion", "value", "low", "high", "n", "chance"]
MEASURED = {"value": 0.1, "low": 0.0, "high": 0.25, "n": 8, "chance": 0.0625}
GAP = {"value": None, "low": None, "high": None, "n": 0, "chance": None, "why": "a reason"}
# Each way in which explanations.json has packed two facts into one name, and the row it is.
PACKED = {
    (MODEL, "pointing game"): (MODEL, None, "pointing game", None),
    (f"{MODEL}, shuffled labels", "IoU"): (MODEL, SHUFFLED, "IoU", None),
    ("no model", "AUPRC"): (NO_MODEL, None, "AUPRC", None),
    (MODEL, "mass inside, cnv"): (MODEL, None, "mass inside", "cnv"),
    (MODEL, "warm area, normal"): (MODEL, None, "warm area", "normal"),
    (MODEL, "all weights random: rank correlation"): (MODEL, ALL_RANDOM, "rank correlation", None),
    (MODEL, "noise: rank correlation"): (MODEL, NOISE, "rank correlation", None),
    (MODEL, "more than resnet50: IoU"): (MODEL, "more than resnet50", "IoU", None),
    (MODEL, "other model, toy: IoU"): (MODEL, "other model, toy", "IoU", None),
}


JUDGED = MEASURED | {
    "beside": "edges",
    "p": 0.01,
    "verdict": "pass",
    "best": 0.2,
    "best_map": "edges",
    "ceiling": 0.5,
    "above_value": 0.1,
    "above_low": 0.05,
    "above_high": 0.15,
    "above_n": 8,
}


def measured(value: float, reach: float = 0.01) -> Measure:
    return Measure(value, value - reach, value + reach, 9)


def row_of(method: str, check: str, above: float, p: float, model: str = MODEL) -> Row:
    criterion, control = CHECKS[check]
    margin = Margin(measured(above), "chance", p)
    return judged(model, method, criterion, measured(0.5), 0.1, control, margin=margin)


@pytest.mark.parametrize("rest", [MEASURED, MEASURED | {"chance": None}, GAP, JUDGED])
@pytest.mark.parametrize("packed", PACKED)
def test_a_row_is_packed_as_it_was_unpacked(packed, rest):
    model, criterion = packed
    as_kept = {"model": model, "method": "LIME", "criterion": criterion, **rest}
    row = Row.from_json(as_kept)
    assert (row.model, row.control, row.criterion, row.class_name) == PACKED[packed]
    assert (row.measure is None) == (rest is GAP)
    assert json.dumps(row.as_json()) == json.dumps(as_kept)


def test_rows_are_kept_once_with_their_keys(tmp_path):
    run = Run(tmp_path)
    assert heatmap_rows.load(run) == []
    rows = decided(row_of("Grad-CAM", check, 0.1, 1e-4) for check in CHECKS)
    artifacts.save_trial(run, artifacts.Trial(rows, {}), "a key")
    before = run.explanations.stat().st_mtime_ns
    artifacts.save_trial(run, artifacts.Trial(rows, {}), "a key")
    assert run.explanations.stat().st_mtime_ns == before
    assert heatmap_rows.load(run) == rows
    kept = json.loads(run.explanations.read_text())[0]
    assert list(kept)[: len(KEYS)] == KEYS
    assert kept["verdict"] == PASS
    assert kept["above_value"] == 0.1


def test_a_row_is_found_by_all_that_it_is():
    kept = [
        Row.from_json({"model": model, "method": "LIME", "criterion": criterion, **MEASURED})
        for model, criterion in PACKED
    ]
    for row in kept:
        where = {"class_name": row.class_name, "control": row.control}
        assert find(kept, row.model, "LIME", row.criterion, **where) is row
    assert find(kept, MODEL, "LIME", "IoU") is None  # the one there is of shuffled labels
    assert find(kept, MODEL, "LIME", "mass inside") is None
    assert find(kept, MODEL, "SHAP", "pointing game") is None


def test_a_measure_of_no_image_becomes_a_gap():
    empty = Measure(math.nan, None, None, 0)
    row = judged(MODEL, "LIME", "IoU", empty, chance=math.nan, control=FLIP)
    assert row.measure is None
    assert "constant" in row.why
    assert row.as_json()["value"] is None
    assert row.as_json()["criterion"] == "flip: IoU"


def test_an_unknown_chance_is_none():
    assert judged(MODEL, "LIME", "IoU", measured(0.5), math.nan, FLIP).chance is None


def test_each_check_is_passed_failed_or_undecided():
    for check in CHECKS:
        rows = [
            row_of("Grad-CAM", check, 0.1, 1e-4),
            row_of("LIME", check, -0.1, 1e-4),
            row_of("SHAP", check, 0.1, 0.2),
        ]
        verdicts = [row.verdict for row in of_check(decided(rows), MODEL, check).values()]
        assert verdicts == [PASS, FAIL, UNDECIDED], check


def test_verdicts_are_corrected_for_their_number_in_each_models_table():
    once = decided([row_of("LIME", "deletion", 0.1, 0.02)])
    assert once[0].verdict == PASS
    many = [row_of("LIME", check, 0.1, 0.02) for check in CHECKS]
    assert {row.verdict for row in decided(many)} == {UNDECIDED}  # 6 * 0.02 is above 0.05
    other = [row_of("LIME", check, 0.1, 0.02, "resnet50") for check in CHECKS]
    alone = decided([many[0], *other])
    assert [row.verdict for row in alone] == [PASS, *6 * [UNDECIDED]]


def test_what_is_no_check_of_a_method_has_no_verdict():
    margin = Margin(measured(0.1), "chance", 1e-9)
    others = [
        judged(NO_MODEL, "edges", MASS_INSIDE.name, measured(0.9), 0.1, margin=margin),
        judged(MODEL, "edges", DELETION, measured(0.9), 0.0, margin=margin),
        judged(MODEL, "LIME", MASS_INSIDE.name, measured(0.9), 0.1, SHUFFLED, margin=margin),
        judged(MODEL, "Grad-CAM", MASS_INSIDE.name, measured(0.9), 0.1, None, "cnv", margin),
        Row(MODEL, "SHAP", DELETION, None, why="why"),
    ]
    assert [row.verdict for row in decided(others)] == 5 * [None]
    assert decided([]) == []


def test_two_models_are_judged_by_their_difference():
    control = f"{MORE_THAN}custom-cnn"
    margin = Margin(measured(-0.1), "custom-cnn", 0.03)
    told = measured(-0.1)
    rows = [judged("resnet50", "Grad-CAM", "IoU", told, control=control, margin=margin)]
    assert decided(rows)[0].verdict == FAIL
    # Of two differences one in 0.05 / 2 has to be shown.
    rows.append(judged("resnet50", "Grad-CAM", "AUPRC", told, control=control, margin=margin))
    assert {row.verdict for row in decided(rows)} == {UNDECIDED}


def test_methods_stand_in_the_order_of_their_families():
    rows = [row_of(name, "deletion", 0.1, 1e-4) for name in ("SHAP", "saliency", "Grad-CAM")]
    assert list(of_check(rows, MODEL, "deletion")) == ["Grad-CAM", "saliency", "SHAP"]


def test_the_best_map_that_knows_no_model_is_named():
    values = {"edges": np.array([0.1, 0.3]), "brightness": np.array([0.4, np.nan])}
    assert heatmap_rows.beside_baselines(values) == {"best": 0.4, "best_map": "brightness"}
    assert RANK_CORRELATION.name == CHECKS["turns with the image"].criterion
    assert FLIP == CHECKS["turns with the image"].control
