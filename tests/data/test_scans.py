"""The scans behind images: manifests, stretching and its control, finer images."""

import os

import numpy as np
import pandas as pd
import pytest

from helpers.data import dataset as datasets
from helpers.data import scans
from helpers.data.files import SPLITS
from helpers.study.errors import InputError
from helpers.study.settings import load_settings


@pytest.fixture
def local(tmp_path, arrays):
    np.savez(tmp_path / "mine.npz", **arrays)
    settings = load_settings("local", data_path=tmp_path / "mine.npz", weights="random")
    return datasets.load(settings.data)


def manifest(sizes: dict[str, int]) -> pd.DataFrame:
    rows = [(split, index, 512 + index) for split, n in sizes.items() for index in range(n)]
    return pd.DataFrame(rows, columns=scans.COLUMNS).sample(frac=1, random_state=0)


def test_without_a_manifest_widths_are_not_known(local, dataset):
    assert scans.source_widths(local) is None
    assert scans.source_widths(dataset) is None


def test_a_manifest_is_read_in_the_order_of_the_images(local, tmp_path):
    manifest(dict.fromkeys(SPLITS, 8)).to_csv(tmp_path / "manifest.csv")
    widths = scans.source_widths(local)
    assert widths["val"].tolist() == list(range(512, 520))


def cell(line, column, value):
    """Change one cell; line 1 has the columns' names."""

    def change(table):
        table = table.sort_values(["split", "index"], ascending=[False, True]).astype(object)
        table.iloc[line - 2, table.columns.get_loc(column)] = value
        return table

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda table: table.drop(columns="source_width"), "has no column source_width"),
        (lambda table: table.drop(columns="split"), "has no column split"),
        (lambda table: pd.DataFrame(), "has no column split"),
        (lambda table: table[table["index"] != 3], "each of the 8 train .*index 3 is missing"),
        (cell(5, "source_width", None), "line 5, column source_width has ''.*whole pixels"),
        (cell(5, "source_width", "512x496"), "line 5, column source_width has '512x496'"),
        (cell(2, "source_width", -1), "line 2, column source_width has '-1'"),
        (cell(2, "source_width", 0), "line 2, column source_width has '0'"),
        (cell(2, "source_width", 512.5), "line 2, column source_width has '512.5'"),
        (cell(2, "source_width", "inf"), "line 2, column source_width has 'inf'"),
        (cell(2, "source_width", 10**9), "1 to 100,000"),
        (cell(2, "source_width", "9" * 5000), "1 to 100,000"),
        (cell(2, "source_width", "1\n2"), r"line 3, column source_width has '1\\n2'"),
        (cell(3, "split", "tset"), "line 3, column split has 'tset'.*train, val, test"),
        (cell(3, "index", 8), "line 3, column index has '8'.*0 to 7"),
        (cell(3, "index", "1.5"), "line 3, column index has '1.5'"),
        (cell(3, "index", 0), "line 3, column index has '0'.*there once"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused_with_its_place(local, tmp_path, change, words):
    change(manifest(dict.fromkeys(SPLITS, 8))).to_csv(tmp_path / "manifest.csv", index=False)
    with pytest.raises(InputError, match=words) as error:
        scans.check(local)
    assert str(tmp_path / "manifest.csv") in str(error.value)
    assert str(error.value).isprintable()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.write_bytes(b"split,index,source_width\ntrain,0,\xff"), "UTF-8"),
        (lambda path: path.write_bytes(b'split,index,source_width\ntrain,0,"5'), "no table"),
        (
            lambda path: path.write_bytes(b"split,index,source_width\ntrain,0,5,6"),
            "line 2 has more",
        ),
        (lambda path: path.write_bytes(b""), "has no column split"),
        (lambda path: path.write_bytes(b"split;index;source_width"), "has no column split"),
        (lambda path: path.open("wb").truncate(2**28 + 1), "larger than 256 MiB"),
        (lambda path: path.mkdir(), "a folder"),
        (os.mkfifo, "a device or a pipe"),
        (lambda path: path.symlink_to(path), "symbolic links"),
    ],
)
def test_a_manifest_that_is_no_table_is_refused_in_one_line(local, tmp_path, make, words):
    make(tmp_path / "manifest.csv")
    with pytest.raises(InputError, match=words) as error:
        scans.check(local)
    assert str(error.value).isprintable()


def test_a_manifest_of_equal_widths_as_spreadsheets_write_it_is_read(local, tmp_path):
    table = manifest(dict.fromkeys(SPLITS, 8)).assign(source_width=512.0)
    table.to_csv(
        tmp_path / "manifest.csv", index=False, encoding="utf-8-sig", lineterminator="\r\n"
    )
    assert {width for widths in scans.source_widths(local).values() for width in widths} == {512}


def test_finer_images_that_cannot_be_read_are_named_beforehand(local, tmp_path):
    (tmp_path / "mine_64.npz").write_bytes(b"no archive")
    with pytest.raises(InputError, match=r"mine_64\.npz: not a whole"):
        scans.check(local)


def test_octmnist_minis_test_scans_are_wider(octmnist_mini):
    settings = load_settings("local", data_path=octmnist_mini, weights="random")
    widths = scans.source_widths(datasets.load(settings.data))
    high = {split: scans.is_high_resolution(w).mean() for split, w in widths.items()}
    assert high["test"] > 0.99
    assert high["train"] < 0.15
    factors = scans.factors_like(widths["val"], widths["test"])
    assert (factors == 2).mean() == pytest.approx(1 - high["val"])
    assert (scans.factors_like(widths["test"], widths["val"]) == 1).all()


def test_finer_images_are_used_only_where_they_are_the_same(octmnist_mini, local, tmp_path):
    settings = load_settings("local", data_path=octmnist_mini, weights="random")
    dataset = datasets.load(settings.data)
    finer = scans.finer_validation(dataset)
    assert finer.shape == (len(dataset.val), 64, 64, 1)
    variants = scans.variants(dataset.val.images[:4], np.full(4, 2.0), finer[:4])
    assert list(variants) == ["as they are", "control: resized anew", "stretched"]
    assert {images.shape for images in variants.values()} == {(4, 28, 28, 1)}
    again = variants["control: resized anew"].astype(int) - variants["as they are"]
    assert np.abs(again).mean() < 2
    other = {
        name: np.repeat(np.repeat(array, 3, 1), 3, 2)[:, :64, :64] if array.ndim == 3 else array
        for name, array in np.load(local.path).items()
    }
    np.savez(tmp_path / "mine_64.npz", **other)
    assert scans.finer_validation(local) is None


def test_without_finer_images_the_control_is_blurred(local):
    assert scans.finer_validation(local) is None
    variants = scans.variants(local.val.images, np.full(8, 2.0), None)
    assert list(variants) == ["as they are", "control: blurred", "stretched"]


RAMP = np.tile(np.arange(28, dtype=np.uint8)[:, None] * 9, (1, 28, 1, 1))  # darker to the left
COMB = np.tile(np.array([0, 200] * 14, np.uint8)[:, None], (1, 28, 1, 1))


def test_stretching_shows_the_middle():
    np.testing.assert_array_equal(scans.resized(RAMP, 1.0, 28), RAMP)
    drawn = scans.resized(RAMP, 2.0, 28)[0, 0, :, 0].astype(int)
    # from a quarter to three quarters of the ramp
    assert drawn[0] == pytest.approx(9 * 6.75, abs=1)
    assert drawn[-1] == pytest.approx(9 * 20.25, abs=1)
    tall = RAMP.swapaxes(1, 2)
    np.testing.assert_array_equal(scans.resized(tall, 2.0, 28), tall)


def test_blurring_keeps_places_and_loses_detail():
    inner = scans.blurred(RAMP, np.array([2.0]))[0, 0, 2:-2, 0].astype(int)
    np.testing.assert_allclose(inner, RAMP[0, 0, 2:-2, 0], atol=1)
    assert np.ptp(scans.blurred(COMB, np.array([2.0]))) == 0
    np.testing.assert_array_equal(scans.blurred(COMB, np.array([1.0])), COMB)


def test_colours_are_stretched_channel_by_channel():
    coloured = np.concatenate([RAMP, COMB, RAMP[:, :, ::-1]], axis=-1)
    drawn = scans.resized(coloured, 2.0, 28)
    assert drawn.shape == (1, 28, 28, 3)
    for channel, grey in enumerate((RAMP, COMB, RAMP[:, :, ::-1])):
        np.testing.assert_array_equal(drawn[..., [channel]], scans.resized(grey, 2.0, 28))


def test_the_files_beside_the_data_are_told_as_they_appear(local):
    assert scans.companions(local) == []
    local.path.with_name("manifest.csv").write_text("split,index,source_width")
    assert [path.name for path in scans.companions(local)] == ["manifest.csv"]
    local.path.with_name("mine_64.npz").write_bytes(b"")
    assert [path.name for path in scans.companions(local)] == ["manifest.csv", "mine_64.npz"]
