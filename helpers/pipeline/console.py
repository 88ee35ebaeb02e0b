"""What stands on a terminal: a line for each job as it begins, and one line for an error."""

import contextlib
import errno
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TextIO

from tqdm import tqdm

from helpers.study.errors import InputError

PREFIX = "octmnist: "
# How a job tells `Display` that it begins.
BEGINS = "octmnist begins: "
NO_ROOM = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
NO_PERMISSION = (errno.EACCES, errno.EPERM, errno.EROFS)
BAR = re.compile(r"\d%\|.*\||0epoch \[")
REMEDIES = dict.fromkeys(NO_ROOM, "; make room there") | dict.fromkeys(
    NO_PERMISSION, "; give permission, or use another folder"
)


def say_begin(what: str) -> None:
    """Tell on standard error that a job begins."""
    print(f"{BEGINS}{what}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def one_line_errors() -> Iterator[None]:
    """End the program with exit code 2 and one line when the input or the disk can't be used."""
    try:
        yield
    except InputError as error:
        line = str(error)
    except OSError as error:
        where = error.filename or "runs/ or the temporary folder"
        # h5py's own words take several lines.
        what = os.strerror(error.errno) if error.errno else str(error).splitlines()[0]
        line = f"{where}: {what}{REMEDIES.get(error.errno, '')}"
    else:
        return
    tqdm.write(f"{PREFIX}{line}", file=sys.stderr)  # below any progress bar
    sys.exit(2)


class Display:
    """Follows a program that runs jobs, and shows one line a job; the rest goes into a log.

    A progress bar of the job at work is shown in a terminal, in one line that the next replaces.
    """

    def __init__(self, log: TextIO, screen: TextIO) -> None:
        self._log, self._screen = log, screen
        self._started = time.monotonic()
        self._begun, self._of = 0, ""
        self.errors: list[str] = []

    def follow(self, command: list[str], folder: Path) -> int:
        """Run a program in a folder, showing its jobs, and return its exit code."""
        with subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as program:
            waiting = b""
            while chunk := os.read(program.stdout.fileno(), 1 << 16):
                *lines, waiting = re.split(rb"[\r\n]+", waiting + chunk)
                for line in lines:
                    self._take(line.decode(errors="replace"))
                if BAR.search(bar := waiting.decode(errors="replace")):
                    self._show(bar)
            self._take(waiting.decode(errors="replace"))
        self._show("")
        return program.returncode

    def _take(self, line: str) -> None:
        # The bar of one job may stand unfinished before what another says.
        said = re.search(f"(?:{BEGINS}|{PREFIX}).*", line)
        if not said and BAR.search(line):
            self._show(line)
            return
        line = said.group() if said else line
        print(line, file=self._log, flush=True)
        if total := re.match(r"total\s+(\d+)$", line):
            self._of = f" of {total.group(1)}"
        elif line.startswith(BEGINS):
            self._begun += 1
            self._show("")
            elapsed = timedelta(seconds=round(time.monotonic() - self._started))
            told = f"[{elapsed}] {self._begun}{self._of}: {line.removeprefix(BEGINS)}"
            print(told, file=self._screen, flush=True)
        elif line.startswith(PREFIX):
            self.errors.append(line.removeprefix(PREFIX))

    def _show(self, bar: str) -> None:
        if self._screen.isatty():
            width = shutil.get_terminal_size().columns - 1
            print(f"\r\x1b[K{bar[:width]}", end="", file=self._screen, flush=True)
