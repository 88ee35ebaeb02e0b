"""What stands on a terminal: a line a job, one for an error with the right remedy, no noise."""

import errno
import io
import os
import signal
import subprocess
import sys

import pytest

from helpers.pipeline import console
from helpers.pipeline.console import Display
from helpers.study.errors import InputError

NOISE = """
import sys, time
print("octmnist plans: train small 0\\noctmnist plans: metrics", flush=True)
print("I0000 port.cc:153] oneDNN custom operations are on.", file=sys.stderr)
print("octmnist begins: train small 0", file=sys.stderr, flush=True)
for step in range(3):
    sys.stderr.write(f"\\rsmall:  {step}0%|##   | {step}/3 [00:00<00:01]")
    sys.stderr.flush()
print("octmnist begins: metrics", file=sys.stderr)
print("WARNING: all log messages", file=sys.stderr)
print("octmnist: no room is left", file=sys.stderr)
sys.exit(3)
"""


class Terminal(io.StringIO):
    def isatty(self):
        return True


def shown(screen: io.StringIO) -> tuple[Display, io.StringIO, int]:
    log = io.StringIO()
    display = Display(log, screen)
    return display, log, display.follow([sys.executable, "-c", NOISE], None, os.environ)


def test_a_job_is_one_line_and_noise_goes_into_the_log():
    screen = io.StringIO()
    display, log, code = shown(screen)
    assert code == 3
    assert screen.getvalue().splitlines() == [
        "[0:00:00] 1 of 2: train small 0",
        "[0:00:00] 2 of 2: metrics",
    ]
    assert display.errors == ["no room is left"]
    assert "oneDNN" in log.getvalue() and "WARNING" in log.getvalue()
    assert "%|" not in log.getvalue()


def test_a_line_tells_how_long_is_left():
    screen, asked = io.StringIO(), []

    def seconds_left(planned, begun):
        asked.append((planned, list(begun)))
        return 130.0

    display = Display(io.StringIO(), screen, seconds_left)
    display.follow([sys.executable, "-c", NOISE], None, os.environ)
    assert screen.getvalue().splitlines()[1] == "[0:00:00] 2 of 2, some 2 min left: metrics"
    assert asked[-1] == (["train small 0", "metrics"], ["train small 0", "metrics"])


def test_a_terminal_shows_one_bar_that_the_next_line_replaces():
    screen = Terminal()
    shown(screen)
    *_, last = screen.getvalue().split("\r\x1b[K")
    assert "%|##" in screen.getvalue()
    assert "oneDNN" not in screen.getvalue()
    assert last == ""


@pytest.mark.parametrize(
    ("error", "words", "not_said"),
    [
        (InputError("epochs = 0: too few"), "epochs = 0: too few", "room"),
        (FileNotFoundError(errno.ENOENT, "No such file", "a.h5"), "a.h5: No such file", "room"),
        (OSError(errno.ENOSPC, "No space", "runs/x"), "make room there", "permission"),
        (PermissionError(errno.EACCES, "denied", "runs/x"), "give permission", "room"),
        (OSError("Unable to open\nmore words"), "Unable to open", "room"),
    ],
)
def test_an_error_is_one_line_with_its_own_remedy(capsys, error, words, not_said):
    with pytest.raises(SystemExit) as ended, console.one_line_errors():
        raise error
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("octmnist: ")
    assert words in line
    assert not_said not in line


def test_a_fault_of_the_program_is_one_line_and_debug_shows_where(capsys, monkeypatch):
    def fail():
        with console.one_line_errors():
            raise KeyError("no\nsuch")

    monkeypatch.delenv("DEBUG", raising=False)
    with pytest.raises(SystemExit) as ended:
        fail()
    assert ended.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "KeyError" in line and "DEBUG=1" in line
    monkeypatch.setenv("DEBUG", "1")
    with pytest.raises(SystemExit):
        fail()
    assert "Traceback" in capsys.readouterr().err


def test_an_error_names_what_came_from_the_environment(capsys, monkeypatch):
    monkeypatch.setenv("OCTMNIST_EXPORTED", "DATA RUN")
    with pytest.raises(SystemExit), console.one_line_errors():
        raise InputError("no such file")
    assert "no such file (from your environment: DATA, RUN)" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interruption_is_one_line(number):
    code = (
        "from helpers.pipeline import console\nimport time\n"
        "with console.one_line_errors():\n    print(flush=True)\n    time.sleep(60)"
    )
    program = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    program.stdout.readline()
    program.send_signal(number)
    said = program.communicate(timeout=10)[1]
    assert program.returncode == 130
    assert said == (
        "octmnist: interrupted; what was finished is kept, and the same command goes on\n"
    )


FAILURE = """
print('''Error in rule train:
    message: For further error details see the cluster/cloud log.
    jobid: 1
    log: {log} (check log file(s) for error details)
    external_jobid: 4711''')
"""


def failures(log: str) -> list[str]:
    display = Display(io.StringIO(), io.StringIO())
    display.follow([sys.executable, "-c", FAILURE.replace("{log}", log)], None, os.environ)
    return display.errors


def test_a_job_that_failed_elsewhere_tells_what_its_log_says(tmp_path):
    log = tmp_path / "4711.log"
    log.write_text("noise\noctmnist: no room is left\nnoise\n")
    told = f"train, job 4711 of the cluster: no room is left; see {log}"
    assert failures(str(log)) == [told]
    log.unlink()
    assert failures(str(log)) == [
        "train, job 4711 of the cluster: failed; the cluster's log of it says why"
    ]
