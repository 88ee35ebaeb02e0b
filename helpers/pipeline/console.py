"""What stands on a terminal: a line for each job as it begins, and one line for an error."""

import contextlib
import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import NoReturn, TextIO

from tqdm import tqdm

from helpers.study.errors import InputError, one_line

PREFIX = "octmnist: "
# How a job tells `Display` that it begins.
BEGINS = "octmnist begins: "
# How the Snakefile tells `Display` which jobs there will be.
PLANS = "octmnist plans: "
# How Snakemake tells of a job that failed on another machine, line by line.
FAILED = re.compile(r"Error in (?:rule|group) ([\w-]+):")
LOG_OF_FAILED = re.compile(r"    log: (.+) \(check log file")
ID_OF_FAILED = re.compile(r"    external_jobid: (.+)")
NO_ROOM = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
NO_PERMISSION = (errno.EACCES, errno.EPERM, errno.EROFS)
INTERRUPTIONS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
BAR = re.compile(r"\d%\|.*\||0epoch \[")
REMEDIES = dict.fromkeys(NO_ROOM, "; make room there") | dict.fromkeys(
    NO_PERMISSION, "; give permission, or use another folder"
)


def say_begin(what: str) -> None:
    """Tell on standard error that a job begins."""
    print(f"{BEGINS}{what}", file=sys.stderr, flush=True)


def say_plan(what: str) -> None:
    """Tell on standard error that a job will come."""
    print(f"{PLANS}{what}", file=sys.stderr, flush=True)


class Interrupted(BaseException):
    """Ctrl-C was pressed, the terminal closed, or the program told to end."""


def say(what: str) -> None:
    """Tell something in a line on standard error, below any progress bar."""
    tqdm.write(one_line(what), file=sys.stderr)


def say_error(what: str) -> None:
    """Tell in one line on standard error, below any progress bar, what went wrong."""
    tqdm.write(f"{PREFIX}{one_line(what)}", file=sys.stderr)


@contextlib.contextmanager
def one_line_errors() -> Iterator[None]:
    """End the program with one line on standard error, whatever goes wrong.

    Exit code 2 where the input or the disk can't be used, 1 for a fault of the program, 130 for an
    interruption. With DEBUG=1 in the environment the traceback comes too.
    """
    for number in INTERRUPTIONS:
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup, and what a shell has in background
            signal.signal(number, _interrupt)
    try:
        yield
    except Interrupted:
        line, code = "interrupted; what was finished is kept, and the same command goes on", 130
    except InputError as error:
        line, code = f"{error}{_exported()}", 2
    except OSError as error:
        where = error.filename or "runs/ or the temporary folder"
        what = os.strerror(error.errno) if error.errno else str(error)
        line, code = f"{where}: {what}{REMEDIES.get(error.errno, '')}{_exported()}", 2
    except Exception as error:
        line, code = f"{type(error).__name__}: {error} (DEBUG=1 shows where)", 1
    else:
        return
    if os.environ.get("DEBUG"):
        traceback.print_exc()
    say_error(line)
    sys.exit(code)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    for each in INTERRUPTIONS:
        signal.signal(each, signal.SIG_IGN)  # ending may take a second: no second interruption
    raise Interrupted


def _exported() -> str:
    names = os.environ.get("OCTMNIST_EXPORTED", "").split()
    return f" (from your environment: {', '.join(names)})" if names else ""


def _failed_elsewhere(rule: str, job: str, log: str) -> str:
    """What is known of a job that failed on another machine: its own words, if it left a log."""
    told = f"{rule}, job {job} of the cluster: "
    with contextlib.suppress(OSError):
        lines = Path(log).read_text(encoding="utf-8", errors="replace").splitlines()
        said = [line.removeprefix(PREFIX) for line in lines if line.startswith(PREFIX)]
        return told + "; ".join([*said, f"see {log}"])
    return f"{told}failed; the cluster's log of it says why"


class Display:
    """Follows a program that runs jobs, and shows one line a job; the rest goes into a log.

    A progress bar of the job at work is shown in a terminal, in one line that the next replaces.
    """

    def __init__(
        self,
        log: TextIO,
        screen: TextIO,
        seconds_left: Callable[[list[str], dict[str, float]], float | None] = lambda *_: None,
    ) -> None:
        """`seconds_left` is asked with all planned jobs, and how long ago each begun one began."""
        self._log, self._screen = log, screen
        self._started, self._seconds_left = time.monotonic(), seconds_left
        self._planned: list[str] = []
        self._begun: dict[str, float] = {}  # when, by job
        self._failed, self._log_of_failed = "", ""
        self.errors: list[str] = []

    def follow(self, command: list[str], folder: Path, environment: dict[str, str]) -> int:
        """Run a program in a folder, showing its jobs, and return its exit code."""
        program = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # an interruption is this process's to handle
        )
        waiting = b""
        while chunk := os.read(program.stdout.fileno(), 1 << 16):
            *lines, waiting = re.split(rb"[\r\n]+", waiting + chunk)
            for line in lines:
                self._take(line.decode(errors="replace"))
            if BAR.search(bar := waiting.decode(errors="replace")):
                self._show(bar)
        self._take(waiting.decode(errors="replace"))
        self._show("")
        return program.wait()

    def _take(self, line: str) -> None:
        # The bar of one job may stand unfinished before what another says.
        said = re.search(f"(?:{BEGINS}|{PLANS}|{PREFIX}).*", line)
        if not said and BAR.search(line):
            self._show(line)
            return
        line = said.group() if said else line
        print(line, file=self._log, flush=True)
        if line.startswith(PLANS):
            self._planned.append(line.removeprefix(PLANS))
        elif line.startswith(BEGINS):
            self._begin(line.removeprefix(BEGINS))
        elif line.startswith(PREFIX):
            self.errors.append(line.removeprefix(PREFIX))
        elif found := FAILED.match(line):
            self._failed, self._log_of_failed = found[1], ""
        elif found := LOG_OF_FAILED.match(line):
            self._log_of_failed = found[1]
        elif found := ID_OF_FAILED.match(line):
            self.errors.append(_failed_elsewhere(self._failed, found[1], self._log_of_failed))

    def _begin(self, job: str) -> None:
        now = time.monotonic()
        self._begun[job] = now
        ago = {begun: now - when for begun, when in self._begun.items()}
        left = self._seconds_left(self._planned, ago)
        of = f" of {len(self._planned)}" if self._planned else ""
        then = f", some {max(1, round(left / 60))} min left" if left is not None else ""
        elapsed = timedelta(seconds=round(now - self._started))
        self._show("")
        print(f"[{elapsed}] {len(self._begun)}{of}{then}: {job}", file=self._screen, flush=True)

    def _show(self, bar: str) -> None:
        if self._screen.isatty():
            width = shutil.get_terminal_size().columns - 1
            print(f"\r\x1b[K{bar[:width]}", end="", file=self._screen, flush=True)
