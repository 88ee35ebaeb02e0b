"""A finished run whose data, companions or settings change: what read them is made anew."""

import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cases.conftest import make, plan
from conftest import draw_arrays

from helpers.study import runs

SETTINGS = "models=custom-cnn epochs=1 explained_images=4 evaluations=4"
ALL = {f"chapter {number:02}" for number in range(1, 8)}


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("stale") / "my.npz"
    np.savez(path, **draw_arrays("octmnist", each=12))
    return path


def values(data: Path) -> dict[str, str]:
    return {"PROFILE": "local", "DATA": str(data), "RUN": "stale", "SET": SETTINGS}


@pytest.fixture(scope="module")
def run(data):
    run = runs.named("stale")
    shutil.rmtree(run.folder, ignore_errors=True)
    finished = make("book", **values(data))
    assert finished.returncode == 0, finished.stderr
    yield run
    shutil.rmtree(run.folder, ignore_errors=True)


def planned(data: Path, run: runs.Run) -> set[str]:
    finished = plan(**values(data))
    assert finished.returncode == 0, finished.stderr
    log = (run.folder / "log.txt").read_text(encoding="utf-8")
    chapters = {f"chapter {number}" for number in re.findall(r"chapter=(\d\d)", log)}
    return chapters | set(re.findall(r"^rule (\w+):", log, re.MULTILINE)) - {"chapter"}


@pytest.mark.torture
def test_what_is_added_or_changed_is_read_again(data, run):
    assert planned(data, run) == set()
    data.touch()
    assert planned(data, run) == set()

    manifest = data.with_name("manifest.csv")
    listed = [
        (split, i, 1024 if split == "test" else 512)
        for split in ("train", "val", "test")
        for i in range(48)
    ]
    pd.DataFrame(listed, columns=["split", "index", "source_width"]).to_csv(manifest, index=False)
    assert planned(data, run) == {"chapter 07", "site"}
    manifest.unlink()
    assert planned(data, run) == {"chapter 07", "site"}  # its own note is younger than the page

    finer = data.with_name("my_64.npz")
    np.savez(finer, **draw_arrays("octmnist", each=12, size=64))
    assert planned(data, run) == {"chapter 07", "site"}
    finer.unlink()

    arrays = draw_arrays("octmnist", each=12)
    arrays["test_images"][0, 0, 0] ^= 1
    np.savez(data, **arrays)
    assert planned(data, run) >= {*ALL, "train", "metrics", "claims", "site"}


@pytest.mark.torture
def test_a_folder_used_again_for_another_seed_shows_that_seed_alone(data, run):
    finished = make("book", SEEDS="3", **values(data))
    assert finished.returncode == 0, finished.stderr
    pages = [path.read_text(encoding="utf-8") for path in run.html.glob("0*.html")]
    assert all(
        "seed 0" not in re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL) for page in pages
    )
    assert "seed-0" not in run.metrics.read_text(encoding="utf-8")
    assert list(pd.read_json(run.metrics).index.map(str)) == ["3"]
