"""The acquisition shift: manifests, stretching, and a gap that stretching closes."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.simulated import CLASSES, calibrated
from helpers import acquisition, data
from helpers.artifacts import Predictions
from helpers.settings import InputError, load_settings


@pytest.fixture
def local(tmp_path, arrays):
    np.savez(tmp_path / "mine.npz", **arrays)
    settings = load_settings("local", data_path=tmp_path / "mine.npz", weights="random")
    return settings, data.load(settings)


def manifest(sizes: dict[str, int]) -> pd.DataFrame:
    rows = [(split, index, 512 + index) for split, n in sizes.items() for index in range(n)]
    return pd.DataFrame(rows, columns=acquisition.COLUMNS).sample(frac=1, random_state=0)


def test_without_a_manifest_widths_are_not_known(local, small, dataset):
    assert acquisition.source_widths(*local) is None
    assert acquisition.source_widths(small, dataset) is None


def test_a_manifest_is_read_in_the_order_of_the_images(local, tmp_path):
    manifest(dict.fromkeys(data.SPLITS, 8)).to_csv(tmp_path / "manifest.csv")
    widths = acquisition.source_widths(*local)
    assert widths["val"].tolist() == list(range(512, 520))
    assert acquisition.width_table(widths).loc[512].tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda table: table.drop(columns="source_width"), "has no column source_width"),
        (lambda table: table.iloc[1:], "doesn't list each of the 8"),
        (lambda table: pd.DataFrame(), "no readable table|has no column"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(local, tmp_path, change, words):
    change(manifest(dict.fromkeys(data.SPLITS, 8))).to_csv(tmp_path / "manifest.csv")
    with pytest.raises(InputError, match=words):
        acquisition.source_widths(*local)


def test_octmnist_minis_test_scans_are_wider(octmnist_mini):
    settings = load_settings("local", data_path=octmnist_mini, weights="random")
    widths = acquisition.source_widths(settings, data.load(settings))
    high = {split: acquisition.is_high_resolution(own).mean() for split, own in widths.items()}
    assert high["test"] > 0.99
    assert high["train"] < 0.15
    factors = acquisition.factors_like(widths["val"], widths["test"])
    assert (factors == 2).mean() == pytest.approx(1 - high["val"])
    assert (acquisition.factors_like(widths["test"], widths["val"]) == 1).all()


def test_finer_images_are_used_only_where_they_are_the_same(octmnist_mini, local, tmp_path):
    settings = load_settings("local", data_path=octmnist_mini, weights="random")
    dataset = data.load(settings)
    finer = acquisition.finer_validation(settings, dataset)
    assert finer.shape == (len(dataset.val), 64, 64)
    found = acquisition.variants(dataset.val.images[:4], np.full(4, 2.0), finer[:4])
    assert list(found) == ["as they are", "control: resized anew", "drawn out"]
    assert {images.shape for images in found.values()} == {(4, 28, 28)}
    again = found["control: resized anew"].astype(int) - found["as they are"]
    assert np.abs(again).mean() < 2
    other = {
        name: np.repeat(np.repeat(array, 3, 1), 3, 2)[:, :64, :64] if array.ndim == 3 else array
        for name, array in np.load(local[0].data_path).items()
    }
    np.savez(tmp_path / "mine_64.npz", **other)
    assert acquisition.finer_validation(*local) is None


def test_without_finer_images_the_control_is_blurred(local):
    assert acquisition.finer_validation(*local) is None
    found = acquisition.variants(local[1].val.images, np.full(8, 2.0), None)
    assert list(found) == ["as they are", "control: blurred", "drawn out"]


def test_stretching_draws_out_the_middle():
    ramp = np.tile(np.arange(28, dtype=np.uint8) * 9, (1, 28, 1))
    np.testing.assert_array_equal(acquisition.stretched(ramp, [1.0]), ramp)
    drawn = acquisition.stretched(ramp, [2.0])[0, 0].astype(int)
    # from a quarter to three quarters of the ramp
    assert drawn[0] == pytest.approx(9 * 6.75, abs=1)
    assert drawn[-1] == pytest.approx(9 * 20.25, abs=1)
    tall = np.tile(np.arange(28, dtype=np.uint8)[:, None] * 9, (1, 1, 28))
    np.testing.assert_array_equal(acquisition.stretched(tall, [2.0]), tall)


def test_blurring_keeps_places_and_loses_detail():
    ramp = np.tile(np.arange(28, dtype=np.uint8) * 9, (1, 28, 1))
    inner = acquisition.blurred(ramp, [2.0])[0, 0, 2:-2].astype(int)
    np.testing.assert_allclose(inner, ramp[0, 0, 2:-2], atol=1)
    comb = np.tile(np.array([0, 200] * 14, np.uint8), (1, 28, 1))
    assert np.ptp(acquisition.blurred(comb, [2.0])) == 0
    np.testing.assert_array_equal(acquisition.blurred(comb, [1.0]), comb)


def test_a_gap_made_by_stretching_alone_is_closed_by_it():
    rng = np.random.default_rng(0)
    val, test = calibrated(rng, 3_000, skill=2), calibrated(rng, 3_000, skill=1.3)
    altered = _same_labels(rng, val[1], 1.3)
    found = acquisition.gap(Predictions(*val, *test), altered, resamples=300)
    assert found["gap"]["low"] > 0.05
    assert found["closed"]["low"] > 0.05
    assert found["left"]["low"] < 0 < found["left"]["high"]
    assert found["gap"]["value"] == pytest.approx(found["closed"]["value"] + found["left"]["value"])


def _same_labels(rng: np.random.Generator, labels: np.ndarray, skill: float) -> np.ndarray:
    odds = np.exp(skill * (rng.normal(size=(len(labels), 4)) + skill * np.eye(4)[labels]))
    return odds / odds.sum(axis=1, keepdims=True)


def test_recalls_are_told_for_every_variant():
    probabilities, labels = calibrated(np.random.default_rng(1), 100)
    found = acquisition.recall_table({"as it is": probabilities}, labels, CLASSES)
    assert set(found["as it is"]) == {"accuracy", *(f"recall/{name}" for name in CLASSES)}
