"""The processes of a run: all of them end with the program that began them, however it ends."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import NoReturn

import psutil

# Every process of a run has its folder in its environment, whatever became of its parents.
MARK = "OCTMNIST_WORKS_FOR"
ENDING_SECONDS = 20.0
# How long a program may take to call off its jobs on other machines.
CALLING_OFF_SECONDS = 75.0
POLL_SECONDS = 0.3


@contextlib.contextmanager
def working_for(
    folder: Path, environment: dict[str, str], has_jobs_elsewhere: bool = False
) -> Iterator[dict[str, str]]:
    """Yield an environment whose processes end with this block, also when this process is killed.

    What an earlier call left at work for the folder is ended first. A program that has jobs on
    other machines is first given the time to call them off.
    """
    end_all(folder)
    call_off = ["call off"] if has_jobs_elsewhere else []
    keeper = subprocess.Popen(
        [sys.executable, "-m", "helpers.pipeline.processes", folder, *call_off],
        stdin=subprocess.PIPE,
        start_new_session=True,  # what ends this process's group leaves it alone
        env=environment,
    )
    try:
        yield environment | {MARK: str(folder)}
    finally:
        # The keeper reads the end of its input when this process closes it, or dies.
        keeper.stdin.close()
        keeper.wait()


def end_all(folder: Path) -> None:
    """Kill every process that works for a run's folder, and wait until none is left."""
    deadline = time.monotonic() + ENDING_SECONDS
    while (found := _working_for(folder)) and time.monotonic() < deadline:
        for process in found:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(found, timeout=1)


def call_off(folder: Path) -> None:
    """Interrupt the program that submits a run's jobs, and wait for it to take them back."""
    found = _working_for(folder)
    pids = {process.pid for process in found}
    first = [process for process in found if _parent(process) not in pids]
    for process in first:
        with contextlib.suppress(psutil.Error):
            process.send_signal(signal.SIGINT)
    deadline = time.monotonic() + CALLING_OFF_SECONDS
    # Not waited for as a child is: its parent, which waits for this process, has yet to reap it.
    while any(map(_is_alive, first)) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)


def heed_interruptions() -> None:
    """Have this program end its work when it is interrupted, whoever began it and listens still.

    What a shell has in background ignores SIGINT, and Snakemake, when what it tells is read no
    more, ends without calling off its jobs.
    """

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        if not os.isatty(1):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)


def _parent(process: psutil.Process) -> int | None:
    try:
        return process.ppid()
    except psutil.NoSuchProcess:
        return None


def end_with_parent() -> None:
    """Have this process end, as by SIGTERM, soon after its parent has ended."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(POLL_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


@contextlib.contextmanager
def children_watched(seconds: float, when_dead: Callable[[], None]) -> Iterator[None]:
    """Call `when_dead`, in a thread, once this process has had no living child for so long.

    Counted from the first child on; for what waits for ever for an answer of a dead one.
    """
    ended = threading.Event()
    watcher = threading.Thread(target=_watch_children, args=(seconds, when_dead, ended))
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def _watch_children(seconds: float, when_dead: Callable[[], None], ended: threading.Event) -> None:
    last_alive = None
    while not ended.wait(POLL_SECONDS):
        if any(map(_is_alive, psutil.Process().children())):
            last_alive = time.monotonic()
        elif last_alive is not None and time.monotonic() - last_alive > seconds:
            when_dead()
            return


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _working_for(folder: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and process.environ().get(MARK) == str(folder):
                found.append(process)
    return found


if __name__ == "__main__":
    sys.stdin.read()
    if sys.argv[2:]:
        call_off(Path(sys.argv[1]))
    end_all(Path(sys.argv[1]))
