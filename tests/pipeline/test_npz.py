"""`make npz`: class folders become a file and a manifest that the book reads."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from helpers.data import dataset, scans
from helpers.pipeline import npz
from helpers.study import data_sets
from helpers.study.errors import InputError
from helpers.study.settings import load_settings

OCT = data_sets.get("octmnist")


@pytest.fixture
def source(tmp_path):
    """Four patients of each class in training and in test, wide scans in test."""
    rng = np.random.default_rng(0)
    for split, width in (("train", 512), ("test", 1024)):
        for label, name in enumerate(("CNV", "DME", "DRUSEN", "NORMAL")):
            folder = tmp_path / "Kermany's OCT ü" / split / name
            folder.mkdir(parents=True)
            for patient in range(4):
                noise = rng.integers(256, size=(64, width), dtype=np.uint8)
                Image.fromarray(noise).save(folder / f"{name}-{label}{patient}{width}-1.jpeg")
    return tmp_path / "Kermany's OCT ü"


def test_what_is_written_loads_with_widths_and_patients(source, tmp_path):
    out = tmp_path / "out" / "my.npz"
    said = npz.convert(source, out, 28, OCT)
    assert "12 train, 4 val, 16 test images" in said
    assert "0 patients are both in test and elsewhere" in said
    loaded = dataset.load(load_settings("local", data_path=out, weights="random").data)
    assert loaded.shape == (28, 28, 1)
    widths = scans.source_widths(loaded)
    assert {split: set(w) for split, w in widths.items()} == {
        "train": {512},
        "val": {512},
        "test": {1024},
    }
    table = pd.read_csv(tmp_path / "out" / "manifest.csv", dtype=str)
    assert list(table) == list(npz.COLUMNS)
    first = table.iloc[0]
    assert (source / first["file"]).is_file()
    assert first["patient_id"] in first["file"]
    assert sorted(path.name for path in out.parent.iterdir()) == ["manifest.csv", "my.npz"]


def test_a_set_in_colour_is_written_in_colour(tmp_path):
    derma = data_sets.get("dermamnist")
    for name in derma.labels:
        (tmp_path / "in" / name).mkdir(parents=True)
        for number in range(3):
            Image.new("RGB", (40, 40)).save(tmp_path / "in" / name / f"{number}.png")
    npz.convert(tmp_path / "in", tmp_path / "my.npz", 28, derma)
    data = load_settings("local", "data_set=dermamnist", data_path=tmp_path / "my.npz").data
    assert dataset.load(data).shape == (28, 28, 3)


@pytest.mark.parametrize("name", ["my.npz", "manifest.csv"])
def test_nothing_is_overwritten(source, tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(InputError, match=f"{name}: there already"):
        npz.convert(source, tmp_path / "my.npz", 28, OCT)
    assert (tmp_path / name).read_text() == "mine"


def test_files_that_cannot_be_read_are_counted_and_nothing_is_written(source, tmp_path):
    for path in sorted(source.rglob("*.jpeg"))[:3]:
        path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(InputError, match=r"3 of 32 files can't be read.*CNV-.*jpeg"):
        npz.convert(source, tmp_path / "my.npz", 28, OCT)
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "make npz FROM="),
        (("--source=x", "--out=my.npz", "--size=many"), "SIZE='many'"),
        (("--source=x", "--out=my.npz", "--size=8"), "28 to 512"),
        (("--source=x", "--out=my.txt", "--size=28"), "must end in .npz"),
        (("--source=x\n", "--out=my.npz", "--size="), "no such folder"),
        (("--source=x", "--out=my.npz", "--data-set=octmnis"), "did you mean 'octmnist'"),
    ],
)
def test_the_command_line_gets_one_line(tmp_path, monkeypatch, capsys, arguments, words):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["npz", *arguments])
    with pytest.raises(SystemExit) as ended:
        npz.main()
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert words in told
    assert told.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_the_command_line_converts(source, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["npz", f"--source={source.name}", "--out=my.npz", "--size="])
    npz.main()
    assert "my.npz: 12 train" in capsys.readouterr().out
    assert (tmp_path / "my.npz").is_file()
