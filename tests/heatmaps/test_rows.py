"""Rows of a trial: kept as they were, found again, judged."""

import json
import math

import pytest

from helpers.evaluation.measures import Measure
from helpers.heatmaps import artifacts
from helpers.heatmaps import rows as heatmap_rows
from helpers.heatmaps.faithfulness import DELETION, INSERTION
from helpers.heatmaps.localization import MASS_INSIDE
from helpers.heatmaps.rows import (
    ALL_RANDOM,
    FLIP,
    NO_MODEL,
    QUIET_NOISE,
    SAME,
    SHUFFLED,
    Row,
    compared,
    find,
    judged,
    keeping_maps,
    randomizes,
    verdicts,
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
    (MODEL, "random down to block3: SSIM"): (MODEL, "random down to block3", "SSIM", None),
    (MODEL, "all weights random: rank correlation"): (MODEL, ALL_RANDOM, "rank correlation", None),
    (MODEL, "quiet noise: SSIM"): (MODEL, QUIET_NOISE, "SSIM", None),
    (MODEL, "other model, toy: SSIM"): (MODEL, "other model, toy", "SSIM", None),
}


def measured(value: float, reach: float = 0.01) -> Measure:
    return Measure(value, value - reach, value + reach, 9)


def rows_of(method: str, **values: float) -> list[Row]:
    kinds = {
        "mass": (MASS_INSIDE, 0.1, None),
        "deletion": (DELETION, 0.0, None),
        "insertion": (INSERTION, 0.0, None),
        "random": (RANK_CORRELATION, 0.1, ALL_RANDOM),
        "noise": (RANK_CORRELATION, 0.1, QUIET_NOISE),
        "flip": (RANK_CORRELATION, 0.1, FLIP),
    }
    rows = []
    for name, value in values.items():
        criterion, chance, control = kinds[name]
        rows.append(judged(MODEL, method, criterion.name, measured(value), chance, control))
    return rows


GOOD = {"mass": 0.5, "deletion": 0.2, "insertion": 0.2, "random": 0.1, "noise": 0.9, "flip": 0.9}


@pytest.mark.parametrize("rest", [MEASURED, MEASURED | {"chance": None}, GAP])
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
    rows = rows_of("Grad-CAM", **GOOD)
    artifacts.save_trial(run, artifacts.Trial(rows, {}), "a key")
    before = run.explanations.stat().st_mtime_ns
    artifacts.save_trial(run, artifacts.Trial(rows, {}), "a key")
    assert run.explanations.stat().st_mtime_ns == before
    assert heatmap_rows.load(run) == rows
    assert list(json.loads(run.explanations.read_text())[0]) == KEYS


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


def test_what_maps_were_compared_under_is_listed_once():
    kept = [
        Row.from_json({"model": model, "method": method, "criterion": criterion, **MEASURED})
        for method in ("LIME", "SHAP")
        for model, criterion in PACKED
    ]
    kept.append(judged("resnet50", "LIME", "SSIM", measured(0.5), 0.1, FLIP))
    listed = compared(row for row in kept if row.model == MODEL)
    assert listed == [
        ("random down to block3", "SSIM"),
        (ALL_RANDOM, "rank correlation"),
        (QUIET_NOISE, "SSIM"),
        ("other model, toy", "SSIM"),
    ]
    assert compared(kept) == [*listed, (FLIP, "SSIM")]
    assert [randomizes(control) for control, _ in listed] == [True, True, False, False]


def test_a_measure_of_no_image_becomes_a_gap():
    empty = Measure(math.nan, None, None, 0)
    row = judged(MODEL, "LIME", "SSIM", empty, chance=math.nan, control=FLIP)
    assert row.measure is None
    assert "constant" in row.why
    assert row.as_json()["value"] is None
    assert row.as_json()["criterion"] == "flip: SSIM"


def test_an_unknown_chance_is_none():
    assert judged(MODEL, "LIME", "SSIM", measured(0.5), math.nan, FLIP).chance is None


@pytest.mark.parametrize(
    ("check", "name", "bad"),
    [
        ("finds the lesion", "mass", 0.1),
        ("deletion", "deletion", 0.0),
        ("insertion", "insertion", 0.005),
        ("needs the weights", "random", 0.8),
        ("quiet noise", "noise", 0.4),
        ("flip", "flip", 0.505),
    ],
)
def test_each_check_can_be_failed_and_passed(check, name, bad):
    rows = rows_of("LIME", **GOOD | {name: bad}) + rows_of("Grad-CAM", **GOOD)
    # Neither another model's rows, nor the control's, nor the edges count.
    rows += [judged(MODEL, "LIME", MASS_INSIDE.name, measured(0.9), 0.1, SHUFFLED)]
    rows += [judged(MODEL, "edges", DELETION.name, measured(0.9), 0.0)]
    rows += [judged("resnet50", "SHAP", DELETION.name, measured(0.9), 0.0)]
    judgement = verdicts(rows, MODEL)
    assert judgement.index.tolist() == ["Grad-CAM", "LIME"]
    assert judgement.loc["Grad-CAM"].tolist() == [True] * 6
    assert judgement.loc["LIME", check] is False
    assert (judgement.loc["LIME"] == False).sum() == 1  # noqa: E712


def test_a_check_without_a_value_is_neither():
    rows = [
        *rows_of("SHAP", mass=0.5),
        Row(MODEL, "SHAP", DELETION.name, None, why="why"),
    ]
    judgement = verdicts(rows, MODEL)
    assert judgement.loc["SHAP", "finds the lesion"] is True
    assert judgement.loc["SHAP", "deletion"] is None
    assert judgement.loc["SHAP", "flip"] is None


def test_nothing_tried_has_no_verdicts():
    assert verdicts([], MODEL).empty


def test_a_method_that_keeps_its_maps_is_named():
    rows = rows_of("saliency", random=0.8) + rows_of("Grad-CAM", random=0.2)
    rows += rows_of("LIME", random=SAME + 0.005)  # its interval reaches below
    by_chance = measured(0.8)
    rows.append(judged(MODEL, "SHAP", RANK_CORRELATION.name, by_chance, 0.9, ALL_RANDOM))
    assert [(row.method, row.measure.n) for row in keeping_maps(rows, MODEL)] == [("saliency", 9)]
    assert keeping_maps(rows, "resnet50") == []
