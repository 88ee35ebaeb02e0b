"""Whether artifacts agree: bit for bit, within a stated tolerance, or not, and where first."""

import json
import shutil

import numpy as np
import pytest

from helpers.pipeline import agreement
from helpers.pipeline.agreement import CLOSE, DIFFERENT, EQUAL

NOTHING: frozenset[str] = frozenset()


def compared(before, after, leaving_out=NOTHING):
    found = agreement.compare("it", before, after, leaving_out)
    assert found.artifact == "it"
    return found.outcome, found.where


@pytest.fixture
def pair(tmp_path):
    def write(name: str, write_one, first, second):
        paths = []
        for place, content in (("before", first), ("after", second)):
            path = tmp_path / place / name
            path.parent.mkdir(exist_ok=True)
            write_one(path, content)
            paths.append(path)
        return paths

    return write


def save_arrays(path, arrays):
    np.savez(path, **arrays)


def save_json(path, value):
    path.write_text(json.dumps(value))


PROBABILITIES = np.array([[0.6, 0.4], [0.50001, 0.49999]], np.float32)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ([0, 0], (EQUAL, "")),
        ([0.00005, -0.00005], (CLOSE, "")),
        ([-0.1, 0.1], (DIFFERENT, "test_probabilities[0, 0] was 0.6 and is 0.5")),
    ],
)
def test_probabilities_agree_within_their_tolerance(pair, change, expected):
    changed = PROBABILITIES.copy()
    changed[0] += change
    before = {"test_probabilities": PROBABILITIES}
    paths = pair("predictions.npz", save_arrays, before, {"test_probabilities": changed})
    assert compared(*paths) == expected


def test_another_class_named_is_a_difference_however_close_the_probabilities(pair):
    changed = PROBABILITIES[:, ::-1].copy()
    changed[0] = PROBABILITIES[0]
    before = {"test_probabilities": PROBABILITIES}
    paths = pair("predictions.npz", save_arrays, before, {"test_probabilities": changed})
    named = "test_probabilities[1] named class 0 and names class 1"
    assert compared(*paths) == (DIFFERENT, named)


def test_an_array_of_another_shape_and_one_that_is_missing_are_named(pair):
    ones = {"maps": np.ones((2, 3))}
    paths = pair("heatmaps.npz", save_arrays, ones, {"maps": np.ones((3, 2))})
    assert compared(*paths) == (DIFFERENT, "maps was float64 (2, 3) and is float64 (3, 2)")
    paths = pair("heatmaps.npz", save_arrays, ones, ones | {"more": np.ones(1)})
    assert compared(*paths) == (DIFFERENT, "more is only in the one now")


def test_nan_equals_nan_and_nothing_else(pair):
    before, after = {"maps": np.array([np.nan, 1.0])}, {"maps": np.array([np.nan, 1.001])}
    assert compared(*pair("heatmaps.npz", save_arrays, before, after)) == (CLOSE, "")
    after = {"maps": np.array([0.0, 1.0])}
    outcome, where = compared(*pair("heatmaps.npz", save_arrays, before, after))
    assert (outcome, where) == (DIFFERENT, "maps[0] was nan and is 0.0")


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ({"a": {"0": {"accuracy": 0.5}}}, (EQUAL, "")),
        ({"a": {"0": {"accuracy": 0.5004}}}, (CLOSE, "")),
        ({"a": {"0": {"accuracy": 0.75}}}, (DIFFERENT, "a/0/accuracy was 0.5 and is 0.75")),
        ({"a": {"0": {"accuracy": None}}}, (DIFFERENT, "a/0/accuracy was 0.5 and is None")),
        ({"a": {"1": {"accuracy": 0.5}}}, (DIFFERENT, "a/0/accuracy is only in the one before")),
    ],
)
def test_the_first_key_of_json_that_differs_is_named(pair, now, expected):
    paths = pair("metrics.json", save_json, {"a": {"0": {"accuracy": 0.5}}}, now)
    assert compared(*paths) == expected


def test_rows_left_out_may_differ(pair):
    before = [{"id": "minutes", "measured": 1.0}, {"id": "accuracy", "measured": 0.5}]
    after = [{"id": "minutes", "measured": 2.0}, {"id": "accuracy", "measured": 0.5}]
    paths = pair("claims.json", save_json, before, after)
    assert compared(*paths, frozenset({"minutes"})) == (EQUAL, "")
    assert compared(*paths) == (DIFFERENT, "[minutes]/measured was 1.0 and is 2.0")


def test_words_agree_or_differ(pair):
    paths = pair("claims.json", save_json, [{"why": "one"}], [{"why": "another"}])
    assert compared(*paths) == (DIFFERENT, "[0]/why was one and is another")


@pytest.mark.parametrize("artifact", ["model.keras", "predictions.npz", "history.csv"])
def test_a_damaged_artifact_is_a_difference(made_up, tmp_path, artifact):
    whole = made_up.training("custom-cnn", 0) / artifact
    damaged = tmp_path / artifact
    shutil.copy(whole, damaged)
    assert compared(damaged, whole) == (EQUAL, "")
    damaged.write_bytes(b"")
    outcome, where = compared(damaged, whole)
    assert (outcome, where[:16]) == (DIFFERENT, "it can't be read")
