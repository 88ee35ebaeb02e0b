"""`make book`: bad input ends in one line and leaves runs/ alone; a small book renders whole."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from helpers.settings import REPOSITORY

SMALL = "phantom_images=[96,48,48] epochs=2 upsample_to=64"


def make_book(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "helpers.book", *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)


def contents_of_runs() -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in sorted((REPOSITORY / "runs").rglob("*"))}


@pytest.fixture
def files(tmp_path, arrays):
    np.savez(tmp_path / "good.npz", **arrays)
    (tmp_path / "bad.npz").write_bytes((tmp_path / "good.npz").read_bytes()[:-200])
    (tmp_path / "bad.h5").write_bytes(b"no weights")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--profile dmeo", "did you mean 'demo'"),
        ("--overrides epochs=0", "epochs = 0"),
        ("--overrides epoch=3", "did you mean 'epochs'"),
        ("--run ../elsewhere", "use letters, digits"),
        ("--profile local", "DATA="),
        ("--profile local --data-path {}/bad.npz", "bad.npz: not a whole .npz"),
        ("--profile local --data-path {}/good.npz --weights {}/bad.h5", "choose imagenet"),
    ],
)
def test_bad_input_ends_in_one_line(files, arguments, words):
    before = contents_of_runs()
    finished = make_book(*arguments.format(files, files).split())
    assert finished.returncode == 2
    assert finished.stdout == ""
    (line,) = finished.stderr.splitlines()
    assert line.startswith("octmnist: ")
    assert words in line
    assert contents_of_runs() == before


def test_a_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    occupied = REPOSITORY / "runs" / "occupied"
    occupied.parent.mkdir(exist_ok=True)
    occupied.write_text("a file where a folder should be")
    try:
        finished = make_book("--run", "occupied")
    finally:
        occupied.unlink()
    assert finished.returncode == 2
    assert re.match(r"octmnist: .*occupied", finished.stderr)
    assert len(finished.stderr.splitlines()) == 1


@pytest.fixture(scope="module")
def book():
    """A small book, built once: warnings are errors."""
    finished = make_book("--run", "test", "--overrides", SMALL)
    assert finished.returncode == 0, finished.stderr[-3000:]
    return REPOSITORY / "runs" / "test"


def test_the_book_renders_every_page_with_its_links(book):
    pages = {path.name: path.read_text() for path in (book / "html").glob("0*.html")}
    assert len(pages) == 6
    for name, page in pages.items():
        source = name.replace(".html", ".ipynb")
        assert "metrics.json" in page
        assert re.search(rf"colab\.research\.google\.com/github/[^\"]*/book/{source}", page)
        assert f"_sources/{source}" in page
        assert "a <b>phantom</b>" in page
    assert "test images of the phantom" in (book / "html" / "index.html").read_text()
    assert (book / "html" / "metrics.json").read_text() == (
        book / "artifacts" / "metrics.json"
    ).read_text()


def test_a_pages_figure_is_the_figure_in_metrics(book):
    metrics = json.loads((book / "artifacts" / "metrics.json").read_text())
    page = (book / "html" / "04-metrics.html").read_text()
    for by_seed in metrics.values():
        accuracy = by_seed["0"]["accuracy"]
        shown = f"{accuracy['value']:.3f} [{accuracy['low']:.3f}, {accuracy['high']:.3f}]"
        assert shown in page


def test_executed_chapters_name_no_path_of_this_machine(book):
    for path in (book / "notebooks").glob("*.ipynb"):
        assert str(REPOSITORY) not in path.read_text(), path.name


def test_a_second_call_finds_nothing_to_do(book):
    before = contents_of_runs()
    finished = make_book("--run", "test", "--overrides", SMALL)
    assert finished.returncode == 0
    assert "chapter" not in finished.stderr
    assert {k: v for k, v in contents_of_runs().items() if not k.endswith(".lock")} == {
        k: v for k, v in before.items() if not k.endswith(".lock")
    }


def test_a_chapter_that_fails_is_named_and_the_old_one_stays(book):
    kept = (book / "notebooks" / "04-metrics.ipynb").read_bytes()
    command = [sys.executable, "-m", "helpers.steps", "chapter", "04-metrics", "--parameters"]
    parameters = json.dumps({"profile": "demo", "overrides": "epochs=0"})
    environment = os.environ | {"OCTMNIST_RUN": "test"}
    finished = subprocess.run(
        [*command, parameters], cwd=REPOSITORY, capture_output=True, text=True, env=environment
    )
    assert finished.returncode == 2
    assert "epochs = 0" in finished.stderr
    assert (book / "notebooks" / "04-metrics.ipynb").read_bytes() == kept
