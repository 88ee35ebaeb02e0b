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
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from conftest import copy_of_the_repository

from helpers.pages import first_page
from helpers.pipeline import contents, jobs, pack, site, unpack
from helpers.study.errors import InputError
from helpers.study.runs import Run, remember
from helpers.study.settings import REPOSITORY

ALL = set(contents.chapters())
TRAINING = {"02-custom-cnn", "03-resnet50"}
# The ledger tells what was measured on heatmaps.
HEATMAPS = {"05-grad-cam", "07-claims-ledger", "10-heatmaps-on-trial"}
# The chapters that look at errors, and at copies.
ERRORS = {"08-trust", "09-statistics"}
# A chapter opened alone makes the controls of its trial; one shows how features are computed.
FITTING = {*TRAINING, *HEATMAPS, "13-cost"}
RESULTS = {"grad_cam", "explanations", "claims"}
# The chapters that quote the report.
LEDGER = {"01-data", *TRAINING, "06-discussion", "07-claims-ledger", "10-heatmaps-on-trial"}
SMALL = "phantom_images=[96,48,48] epochs=2 upsample_to=64 explained_images=4 evaluations=4"


def make_book(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "helpers.pipeline.book", *arguments]
    return subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, env=os.environ | environment
    )


def contents_of_runs() -> dict[str, int]:
    """When each file of a run was written; programs' caches are left out."""
    paths = sorted((REPOSITORY / "runs").glob("[!.]*/**/*"))
    return {str(path): path.stat().st_mtime_ns for path in paths}


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
def finished():
    """A small book, built once from nothing: warnings are errors."""
    shutil.rmtree(REPOSITORY / "runs" / "test", ignore_errors=True)
    finished = make_book("--run", "test", "--overrides", SMALL)
    assert finished.returncode == 0, finished.stderr[-3000:]
    return finished


@pytest.fixture(scope="module")
def book(finished):
    return REPOSITORY / "runs" / "test"


def test_a_terminal_shows_a_line_a_job_and_nothing_else(finished):
    needs, *lines = finished.stderr.splitlines()
    assert re.fullmatch(r"runs/test takes up to [\d.]+ GB of memory a job, \d+ MB of disk", needs)
    total = len(lines)
    for number, line in enumerate(lines, start=1):
        assert re.fullmatch(rf"\[\d:\d\d:\d\d\] {number} of {total}: [\w -]+", line), line
    jobs_begun = [line.split(": ")[1] for line in lines]
    assert {"train custom-cnn 0", "grad-cam resnet50 0", "control custom-cnn"} <= set(jobs_begun)
    assert {"metrics", "explanations", "claims", "render"} <= set(jobs_begun)
    assert len(set(jobs_begun)) == total  # each is done once


def test_a_run_that_did_not_end_is_not_rendered_as_if_it_had(book, tmp_path):
    for part in ("artifacts", "notebooks"):
        shutil.copytree(book / part, tmp_path / part)
    run = Run(tmp_path)
    facts = json.loads(run.description.read_text())
    facts["trainings"]["custom-cnn, seed 0"] = "the key of other settings"
    run.description.write_text(json.dumps(facts))
    with pytest.raises(InputError, match=r"run\.json: missing or damaged"):
        site.render(run)
    remember(run.description, "key")
    with pytest.raises(InputError, match="custom-cnn, seed 0 isn't trained as"):
        site.render(run)
    with pytest.raises(InputError, match="no whole run is there"):
        site.render(Run(tmp_path / "nothing"))


def test_run_json_says_what_the_run_is(book):
    facts = json.loads((book / "artifacts" / "run.json").read_text())
    assert facts["settings"]["epochs"] == 2
    assert facts["is_phantom"]
    assert set(facts["trainings"]) == {"custom-cnn, seed 0", "resnet50, seed 0"}


def test_the_book_renders_every_page_with_its_links(book):
    pages = {f"{name}.html": (book / "html" / f"{name}.html").read_text() for name in ALL}
    for name, page in pages.items():
        source = name.replace(".html", ".ipynb")
        assert 'href="downloads.html"' in page
        assert re.search(rf"colab\.research\.google\.com/github/[^\"]*/book/{source}", page)
        assert f"_sources/{source}" in page
        assert "a <b>phantom</b>" in page
    assert "This run, on the phantom." in (book / "html" / "index.html").read_text()


def test_the_site_offers_the_data_behind_its_figures(book):
    site = book / "html"
    downloads = BeautifulSoup((site / "downloads.html").read_text(), "html.parser")
    offered = {a.get_text(): site / a["href"] for a in downloads.select("td a.download")}
    assert offered["metrics.json"].read_text() == (book / "artifacts" / "metrics.json").read_text()
    predictions = pd.read_csv(offered["custom-cnn-seed-0-predictions.csv"])
    assert set(predictions["split"]) == {"val", "test"}
    trust = BeautifulSoup((site / "08-trust.html").read_text(), "html.parser")
    for caption in trust.select("figcaption"):
        code, *_ = caption.select("a.reference.external")
        assert "/book/08-trust.ipynb?plain=1#L" in code["href"]
        (metrics,) = caption.select("a.download")
        assert (site / metrics["href"]).read_text() == offered["metrics.json"].read_text()


def test_a_packed_book_renders_elsewhere_with_the_same_pages(book, tmp_path):
    pack.pack(Run(book), tmp_path / "book.zip")
    elsewhere = Run(tmp_path / "elsewhere")
    unpack.open_crate(tmp_path / "book.zip", elsewhere)
    site.render(elsewhere)
    pages = {path.name: path.read_text() for path in elsewhere.html.glob("*.html")}
    assert pages == {path.name: path.read_text() for path in (book / "html").glob("*.html")}


def test_a_pages_figure_is_the_figure_in_metrics(book):
    metrics = json.loads((book / "artifacts" / "metrics.json").read_text())
    page = (book / "html" / "04-metrics.html").read_text()
    for by_seed in metrics.values():
        accuracy = by_seed["all seeds"]["accuracy"]
        low, high = f"{accuracy['low']:.3f}", f"{accuracy['high']:.3f}"
        assert f"{accuracy['value']:.3f} [{low},\N{NO-BREAK SPACE}{high}]" in page


def test_nothing_that_others_get_names_a_folder_of_this_machine(book):
    folders = [f"{folder}/".encode() for folder in (REPOSITORY, Path.home(), sys.prefix)]
    looked_at = 0
    for part in ("notebooks", "artifacts", "html"):
        for path in (book / part).rglob("*"):
            if path.suffix in (".ipynb", ".json", ".csv", ".html", ".js", ".txt", ".md"):
                looked_at += 1
                assert not any(folder in path.read_bytes() for folder in folders), path
    assert looked_at > 40


def test_a_run_from_before_a_setting_existed_still_renders_its_first_page(book, tmp_path):
    shutil.copytree(book / "artifacts", tmp_path / "artifacts")
    run = Run(tmp_path)
    facts = json.loads(run.description.read_text())
    del facts["settings"]["evaluations"]
    run.description.write_text(json.dumps(facts))
    first_page.write(tmp_path, run)
    assert "phantom" in (tmp_path / "this-run-origin.txt").read_text()


def test_a_second_call_finds_nothing_to_do(book):
    before = contents_of_runs()
    finished = make_book("--run", "test", "--overrides", SMALL)
    assert finished.returncode == 0
    assert "chapter" not in finished.stderr
    after = contents_of_runs()
    for name in (".lock", "log.txt"):
        assert before.pop(str(book / name)) <= after.pop(str(book / name))
    assert after == before


def copy_of_the_run(book: Path, repository: Path) -> None:
    """A copy that keeps the times of its files, without Snakemake's own notes."""
    shutil.copytree(book, repository / book.relative_to(REPOSITORY))


def plan_in(repository: Path) -> str:
    """What make book would do in a copy of the repository."""
    plan = subprocess.run(
        [sys.executable, "-m", "helpers.pipeline.book", "--run", "test", "--overrides", SMALL],
        cwd=repository,
        capture_output=True,
        text=True,
        env=os.environ | {"SNAKEMAKE_ARGUMENTS": "--dry-run --quiet host"},
    )
    assert plan.returncode == 0, plan.stderr
    return (repository / "runs" / "test" / "log.txt").read_text(encoding="utf-8")


def test_what_lies_in_the_folders_but_is_not_the_books_is_left_alone(book, tmp_path):
    copy_of_the_repository(tmp_path)
    copy_of_the_run(book, tmp_path)
    shutil.copy(tmp_path / "book" / "04-metrics.ipynb", tmp_path / "book" / "my notes.ipynb")
    (tmp_path / "book" / "draft.md").write_text("# A draft\n\n{ref}`nowhere`\n")
    (tmp_path / "runs" / "test" / "notebooks" / "08-old.ipynb").write_text("no notebook")
    for path in (tmp_path / "book").iterdir():
        path.touch()
    assert "rule" not in plan_in(tmp_path)


@pytest.mark.parametrize(
    ("path", "old", "new", "chapters", "results"),
    [
        ("book/index.md", "A student's", "Some student's", set(), set()),
        ("book/02-custom-cnn.ipynb", "can count", "could count", {"02-custom-cnn"}, set()),
        # A sentence or a table of a page.
        ("helpers/pages/metrics.py", "def ", "NEW = 1\n\n\ndef ", {"04-metrics"}, set()),
        ("helpers/pages/training.py", "def ", "NEW = 1\n\n\ndef ", TRAINING, set()),
        # A statistics module.
        ("helpers/evaluation/calibration.py", "BINS = 15", "BINS = 16", {"08-trust"}, set()),
        ("helpers/evaluation/triage.py", '"""', '"""Again: ', ERRORS, set()),
        (
            "helpers/data/duplicates.py",
            '"""',
            '"""Again: ',
            {"01-data", *ERRORS, "12-patients"},
            set(),
        ),
        # What makes a result makes it anew, and the chapters that read it.
        (
            "helpers/heatmaps/methods.py",
            "SEED = 0",
            "SEED = 1",
            HEATMAPS,
            RESULTS,
        ),
        (
            "helpers/ledger/rules.py",
            "SIGNIFICANCE = 0.05",
            "SIGNIFICANCE = 0.06",
            LEDGER,
            {"claims"},
        ),
        # The protocol that every page tells departures from, and what this run has otherwise.
        ("profiles/paper.yaml", "batch_size: 32", "batch_size: 48", ALL, set()),
        ("profiles/demo.yaml", "evaluations: 18", "evaluations: 19", None, set()),
        # A comment where a training is determined.
        ("helpers/models/features.py", "SEED =", "# Why.\nSEED =", FITTING, set()),
    ],
    ids=lambda value: value if isinstance(value, str) and "/" in value else "",
)
def test_an_edit_redoes_what_depends_on_it_and_retrains_nothing(
    book, tmp_path, path, old, new, chapters, results
):
    copy_of_the_repository(tmp_path)
    copy_of_the_run(book, tmp_path)
    text = (tmp_path / path).read_text(encoding="utf-8")
    assert old in text
    (tmp_path / path).write_text(text.replace(old, new, 1), encoding="utf-8")
    os.utime(tmp_path / path, (0, 0))  # as of a file that was brought back
    planned = plan_in(tmp_path)
    assert set(re.findall(r"chapter=([\w-]+)", planned)) == (chapters or set())
    made = set(re.findall(r"^rule (\w+):", planned, re.MULTILINE))
    expected = {"site", *({"chapter"} if chapters else set()), *results}
    assert made == (set() if chapters is None else expected)


def train_anew(**options) -> subprocess.Popen:
    """Train the small book's custom CNN with other settings, in a process of its own."""
    parameters = json.dumps({"profile": "demo", "overrides": SMALL + " batch_size=8"})
    command = [sys.executable, "-m", "helpers.pipeline.jobs", "train", "custom-cnn", "0"]
    command += ["--folder", "runs/test", "--parameters", parameters]
    return subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True, **options)


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
    assert line.endswith("make room there")
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
    broken = {"profile": "demo", "overrides": "epochs=0"}
    with pytest.raises(InputError, match=r"chapter 04-metrics: .*epochs = 0"):
        jobs.chapter(Run(book), broken, "04-metrics")
    assert (book / "notebooks" / "04-metrics.ipynb").read_bytes() == kept
