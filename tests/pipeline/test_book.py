"""`make book`: bad input ends in one line and leaves runs/ alone; a small book renders whole."""

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from helpers import site
from helpers.runs import Run
from helpers.settings import REPOSITORY

# The discussion quotes what the heatmaps chapter measured.
HEATMAPS = {"05-grad-cam", "06-discussion"}
# The chapters that train, or show what training does to an image.
TRAIN = {"01-data", "02-custom-cnn", "03-resnet50", *HEATMAPS}
SMALL = "phantom_images=[96,48,48] epochs=2 upsample_to=64 explained_images=4 evaluations=4"


def make_book(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "helpers.book", *arguments]
    return subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, env=os.environ | environment
    )


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


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--profile local --data-path {}/good.npz --weights imagenet", "random (WEIGHTS=)"),
        ("--profile paper", "check the network"),
    ],
)
def test_without_a_network_one_line_says_what_to_do(files, arguments, words):
    before = contents_of_runs()
    finished = make_book(
        *arguments.format(files).split(),
        HTTPS_PROXY="http://127.0.0.1:9",
        https_proxy="http://127.0.0.1:9",
        KERAS_HOME=str(files),
        OCTMNIST_DATA=str(files),
    )
    assert finished.returncode == 2
    assert finished.stdout == ""
    # Beside it stand TensorFlow's own words and the download that was tried.
    (line,) = [line for line in finished.stderr.splitlines() if line.startswith("octmnist: ")]
    assert words in line
    assert contents_of_runs() == before


def test_a_folder_that_cannot_be_written_is_named():
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
    assert len(pages) == 7
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
        low, high = f"{accuracy['low']:.3f}", f"{accuracy['high']:.3f}"
        assert f"{accuracy['value']:.3f} [{low},\N{NO-BREAK SPACE}{high}]" in page


def test_executed_chapters_name_no_path_of_this_machine(book):
    for path in (book / "notebooks").glob("*.ipynb"):
        assert str(REPOSITORY) not in path.read_text(), path.name


def test_trainings_from_before_a_setting_existed_still_render(book, tmp_path):
    shutil.copytree(book / "artifacts", tmp_path / "artifacts")
    for path in (tmp_path / "artifacts").rglob("provenance.json"):
        facts = json.loads(path.read_text())
        del facts["settings"]["evaluations"]
        path.write_text(json.dumps(facts))
    site._write_this_run(tmp_path, Run(tmp_path, fills_gaps=False))
    assert "phantom" in (tmp_path / "this-run-origin.txt").read_text()


def test_a_second_call_finds_nothing_to_do(book):
    before = contents_of_runs()
    finished = make_book("--run", "test", "--overrides", SMALL)
    assert finished.returncode == 0
    assert "chapter" not in finished.stderr
    assert {k: v for k, v in contents_of_runs().items() if not k.endswith(".lock")} == {
        k: v for k, v in before.items() if not k.endswith(".lock")
    }


@pytest.mark.parametrize(
    ("path", "old", "new", "chapters"),
    [
        ("book/index.md", "A student's", "Some student's", set()),
        ("book/02-custom-cnn.ipynb", "anyone can count", "everybody can count", {"02-custom-cnn"}),
        ("helpers/explain.py", "BATCH = 32", "BATCH = 64", HEATMAPS),
        ("helpers/duplicates.py", '"""', '"""Again: ', {"01-data", "04-metrics"}),
        ("helpers/training.py", "PREDICTION_BATCH", "# Why.\nPREDICTION_BATCH", TRAIN),
    ],
    ids=lambda value: value if isinstance(value, str) and "/" in value else "",
)
def test_an_edit_redoes_what_depends_on_it_and_retrains_nothing(
    book, tmp_path, path, old, new, chapters
):
    listed = subprocess.run(
        ["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(REPOSITORY / name, tmp_path / name)
    for folder in (book.relative_to(REPOSITORY), ".snakemake/metadata"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder)
    text = (tmp_path / path).read_text()
    assert old in text
    (tmp_path / path).write_text(text.replace(old, new, 1))
    plan = subprocess.run(
        [sys.executable, "-m", "helpers.book", "--run", "test", "--overrides", SMALL],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=os.environ | {"SNAKEMAKE_ARGUMENTS": "--dry-run --quiet host"},
    )
    planned = plan.stdout + plan.stderr
    assert plan.returncode == 0, planned
    assert set(re.findall(r"chapter=([\w-]+)", planned)) == chapters
    assert set(re.findall(r"^rule (\w+):", planned, re.MULTILINE)) == (
        {"site", "chapter"} if chapters else {"site"}
    )


def train_anew(**options) -> subprocess.Popen:
    """Train the small book's custom CNN with other settings, in a process of its own."""
    parameters = json.dumps({"profile": "demo", "overrides": SMALL + " batch_size=8"})
    command = [sys.executable, "-m", "helpers.steps", "train", "custom-cnn", "0"]
    return subprocess.Popen(
        [*command, "--parameters", parameters],
        cwd=REPOSITORY,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OCTMNIST_RUN": "test"},
        **options,
    )


def contents_of_training(book: Path) -> dict[str, bytes]:
    folder = book / "artifacts" / "custom-cnn"
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_full_disk_is_named_and_the_old_training_stays(book):
    before = contents_of_training(book)
    limit = (100_000, 100_000)  # bytes a file: less than any model takes
    process = train_anew(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit))
    words = process.communicate()[1]
    assert process.returncode == 2
    (line,) = [line for line in words.splitlines() if line.startswith("octmnist: ")]
    assert line.endswith("make room there, or give permission")
    assert contents_of_training(book) == before


def test_a_killed_training_leaves_the_old_one(book):
    before = contents_of_training(book)
    process = train_anew()
    with process, process.stderr:
        while "custom-cnn, seed 0" not in process.stderr.readline():
            assert process.poll() is None
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert contents_of_training(book) == before


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
