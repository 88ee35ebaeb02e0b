"""What a run's processes do when the program that began them ends, well or by a kill."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from helpers.pipeline import processes
from helpers.study.settings import REPOSITORY

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]
# A program that begins a process for the folder that it is given, says its number, and waits.
BEGINNER = """
import os, subprocess, sys, time
from pathlib import Path
from helpers.pipeline import processes
with processes.working_for(Path(sys.argv[1]), dict(os.environ)) as environment:
    sleeper = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"],
        env=environment, start_new_session=True,
    )
    print(sleeper.pid, flush=True)
    time.sleep(600)
"""


def begin(folder: Path) -> tuple[subprocess.Popen, int]:
    beginner = subprocess.Popen(
        [sys.executable, "-c", BEGINNER, folder],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    return beginner, int(beginner.stdout.readline())


def ends(pid: int, seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("kill", [os.kill, os.killpg], ids=["alone", "with its group"])
def test_a_killed_programs_processes_end_with_it(tmp_path, kill):
    beginner, sleeper = begin(tmp_path)
    kill(beginner.pid, signal.SIGKILL)
    beginner.wait()
    assert ends(sleeper)


def test_the_next_call_ends_what_works_for_its_folder_and_nothing_else(tmp_path):
    mine = subprocess.Popen(SLEEPER, env=os.environ | {processes.MARK: str(tmp_path)})
    others = subprocess.Popen(SLEEPER, env=os.environ | {processes.MARK: str(tmp_path / "other")})
    try:
        with processes.working_for(tmp_path, dict(os.environ)) as environment:
            assert ends(mine.pid)
            assert environment[processes.MARK] == str(tmp_path)
        assert others.poll() is None
    finally:
        others.kill()
        others.wait()


def test_a_program_ends_with_its_parent():
    code = (
        "import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', "
        "'from helpers.pipeline import processes; import time; processes.end_with_parent(); "
        "time.sleep(600)']).pid, flush=True); sys.stdin.read()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    child = int(parent.stdout.readline())
    time.sleep(1.5)  # for the child to have begun its watch
    assert psutil.pid_exists(child)
    parent.kill()
    parent.wait()
    assert ends(child)


def test_a_dead_child_is_noticed_and_a_living_one_is_let_be():
    told = []
    with processes.children_watched(0.5, lambda: told.append("dead")):
        child = subprocess.Popen(SLEEPER)
        time.sleep(1.5)
        assert told == []
        child.kill()
        deadline = time.monotonic() + 20
        while not told and time.monotonic() < deadline:
            time.sleep(0.1)
        assert told == ["dead"]
    child.wait()


# A program with a job elsewhere: it takes the job back when it is interrupted.
SUBMITTER = """
import subprocess, sys, time
from pathlib import Path
from helpers.pipeline import processes
processes.heed_interruptions()
begun = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(begun.pid, flush=True)
try:
    time.sleep(600)
except KeyboardInterrupt:
    print("interrupted", flush=True)
    Path(sys.argv[1], "taken back").touch()
"""


@pytest.mark.parametrize("has_jobs_elsewhere", [False, True])
def test_only_a_program_with_jobs_elsewhere_may_take_them_back(tmp_path, has_jobs_elsewhere):
    given = tmp_path, dict(os.environ), has_jobs_elsewhere
    with processes.working_for(*given) as environment:
        submitter = subprocess.Popen(
            [sys.executable, "-c", SUBMITTER, str(tmp_path)],
            cwd=REPOSITORY,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            # As a shell has it in background, and nobody reads on.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
        )
        job = int(submitter.stdout.readline())
        submitter.stdout.close()
        started = time.monotonic()
    assert time.monotonic() - started < processes.CALLING_OFF_SECONDS / 2
    assert ends(job) and submitter.wait() is not None
    assert (tmp_path / "taken back").exists() == has_jobs_elsewhere
