"""Kills at random moments of a small `local` run: the next call finishes it, and nothing is left.

`make torture` makes 30 of them (KILLS=... another number) and prints a row each.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from conftest import draw_arrays, without_makes_own

from helpers.pipeline import processes
from helpers.study import runs
from helpers.study.provenance import arrays_digest
from helpers.study.settings import REPOSITORY

SETTINGS = "models=custom-cnn epochs=3 explained_images=4 evaluations=4"
# How each victim is known among the processes of a run.
VICTIMS = {
    "make": None,
    "book": "helpers.pipeline.book",
    "snakemake": "snakemake",
    "job": "helpers.pipeline.jobs",
    "kernel": "ipykernel_launcher",
    "all at once": None,
}
# Within so long all processes of a run have ended. Where one job is lost, those beside it may end
# their work first.
ENDING_SECONDS = {"job": 240.0, "kernel": 240.0}
OTHERWISE_SECONDS = 30.0
KILLS = int(os.environ.get("KILLS", "30"))
# On an idle pair of cores the whole run takes so long.
RUN_SECONDS = 60.0


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("data") / "small.npz"
    np.savez(path, **draw_arrays("octmnist", each=12))
    return path


def begin(data: Path, name: str) -> subprocess.Popen:
    command = ["make", "book", "PROFILE=local", f"DATA={data}", f"RUN={name}", f"SET={SETTINGS}"]
    return subprocess.Popen(
        command,
        cwd=REPOSITORY,
        env=without_makes_own(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def at_work(name: str) -> list[psutil.Process]:
    """Every process of a run: those marked with its folder, and the book that began them."""
    folder, found = str(runs.named(name).folder), []
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            is_book = "helpers.pipeline.book" in words and f"--run={name}" in words
            if is_book or process.environ().get(processes.MARK) == folder:
                found.append(process)
        except psutil.Error:
            continue
    return found


def kill(victim: str, make: subprocess.Popen, name: str) -> bool:
    """Kill a process of that kind; False where there is none at this moment."""
    if victim == "make":
        make.kill()
        return True
    found = at_work(name)
    if victim != "all at once":
        found = [one for one in found if VICTIMS[victim] in " ".join(one.cmdline())][-1:]
    for process in found:
        process.kill()
    return bool(found)


def seconds_until_all_ended(victim: str, make: subprocess.Popen, name: str) -> float | None:
    """How long until no process of a run is left; None where one is left at the end of the wait."""
    started, patience = time.monotonic(), ENDING_SECONDS.get(victim, OTHERWISE_SECONDS)
    while time.monotonic() - started < patience:
        if make.poll() is not None and not at_work(name):
            return time.monotonic() - started
        time.sleep(0.2)
    return None


def predictions(name: str) -> str:
    with np.load(runs.named(name).training("custom-cnn", 0) / "predictions.npz") as arrays:
        return arrays_digest(*(arrays[key] for key in sorted(arrays)))


def leftovers(name: str) -> list[str]:
    return [str(path) for path in runs.named(name).folder.rglob(f"{runs.UNFINISHED}*")]


@pytest.mark.torture
def test_killed_runs_finish_with_the_same_bits(data):
    draws = random.Random(0)
    whole = begin(data, "unkilled")
    assert whole.wait() == 0, whole.stderr.read()
    expected, rows, made = predictions("unkilled"), [], 0
    while made < KILLS:
        shutil.rmtree(runs.named("killed").folder, ignore_errors=True)
        for victim in draws.sample(list(VICTIMS), min(len(VICTIMS), KILLS - made)):
            make = begin(data, "killed")
            moment = draws.uniform(0.5, RUN_SECONDS / 2)
            deadline = time.monotonic() + moment
            while time.monotonic() < deadline and make.poll() is None:
                time.sleep(0.1)
            while make.poll() is None and not kill(victim, make, "killed"):
                time.sleep(0.05)
            was_running = make.poll() is None or make.returncode != 0
            ended = seconds_until_all_ended(victim, make, "killed")
            rows.append((victim, moment, was_running, ended))
            made += was_running
            print(f"kill {len(rows)}: {victim} after {moment:.1f} s, all ended in {ended}")
        last = begin(data, "killed")
        said = last.communicate(timeout=600)[1]
        assert last.returncode == 0, said
        assert predictions("killed") == expected
        assert leftovers("killed") == []
        print("  finished bit-identical, nothing left")
    assert all(ended is not None for *_, ended in rows), rows


def interrupted_at(seconds: float, data: Path) -> tuple[int, list[str]]:
    make = begin(data, "interrupted")
    time.sleep(seconds)
    os.killpg(make.pid, signal.SIGINT)  # as a terminal does
    said = make.communicate(timeout=30)[1]
    assert at_work("interrupted") == []
    of_a_run = ("[", "make: ", "runs/interrupted takes up to ")
    return make.returncode, [one for one in said.splitlines() if not one.startswith(of_a_run)]


@pytest.mark.parametrize("seconds", [0.3, 1.5, 20])
def test_ctrl_c_ends_everything_with_one_line(data, seconds):
    code, lines = interrupted_at(seconds, data)
    shutil.rmtree(runs.named("interrupted").folder, ignore_errors=True)
    assert code != 0
    assert lines in (
        [],
        ["octmnist: interrupted; what was finished is kept, and the same command goes on"],
    )
    if seconds > 1:
        assert len(lines) == 1


def test_a_chapter_whose_kernel_is_killed_at_its_start_ends_in_one_line(data, tmp_path):
    run = runs.named("kernel")
    code = (
        "from helpers.pipeline import jobs; from helpers.study import runs; "
        "from helpers.pipeline import console\n"
        "with console.one_line_errors():\n"
        "    jobs.chapter(runs.named('kernel'), {'profile': 'demo'}, '01-data')"
    )
    job = subprocess.Popen(
        [sys.executable, "-c", code], cwd=REPOSITORY, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    kernels: list[psutil.Process] = []
    while not kernels and time.monotonic() < deadline:
        children = psutil.Process(job.pid).children()
        kernels = [one for one in children if VICTIMS["kernel"] in " ".join(one.cmdline())]
        time.sleep(0.005)
    kernels[0].kill()
    said = job.communicate(timeout=30)[1]
    shutil.rmtree(run.folder, ignore_errors=True)
    assert job.returncode == 2
    (line,) = [line for line in said.splitlines() if line.startswith("octmnist: ")]
    assert "kernel was killed" in line
