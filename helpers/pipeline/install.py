"""Make .venv from the lock, and touch no other environment: most targets of make call this first.

There are no packages yet, so it is run as `python -E -s -S -m helpers.pipeline.install`, with `gpu`
to add CUDA or `lock` to lock newer packages. `.venv/octmnist.json` says what the environment was
made from, and is written last: one that was never finished, was moved, or is somebody else's has
none that fits, and is made anew.
"""

import contextlib
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

from helpers.pipeline import sources
from helpers.study.errors import InputError

CHECKOUT = Path(__file__).resolve().parents[2]
LOCK = "requirements.txt"
# What tells soonest that a package doesn't suit the machine.
IMPORTS = "import h5py, jupyter_book, numpy, papermill, snakemake, tensorflow, helpers"
SEES_GPU = "import tensorflow; print(bool(tensorflow.config.list_physical_devices('GPU')))"


def say(line: str) -> None:
    """Tell the user a line on standard error."""
    print(f"octmnist: {line}", file=sys.stderr, flush=True)


def expected(environment: Path) -> dict[str, str]:
    """The marker of an environment that this Python would make of the checkout around it."""
    return {
        "lock": hashlib.sha256((environment.parent / LOCK).read_bytes()).hexdigest(),
        "python": ".".join(map(str, sys.version_info[:2])),
        "checkout": str(environment.resolve().parent),
    }


def found(environment: Path) -> dict[str, str]:
    """The marker of an environment; empty for one that isn't finished, or was made by others."""
    try:
        return json.loads((environment / "octmnist.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def mark(environment: Path, marker: dict[str, str]) -> None:
    """Write an environment's marker, whole; an empty one tells that it isn't finished."""
    new = environment / "octmnist.json.new"
    new.write_text(json.dumps(marker, indent=1), encoding="utf-8")
    new.replace(environment / "octmnist.json")


def runs(environment: Path) -> bool:
    """Whether the environment's Python starts."""
    command = [environment / "bin" / "python", "-E", "-s", "-S", "-c", ""]
    try:
        return not subprocess.run(command, capture_output=True).returncode
    except OSError:
        return False


def fault(environment: Path) -> str:
    """Why what stands there can be neither used nor brought up to date; empty where it can.

    InputError for what is no environment at all: it may be dear to somebody.
    """
    marker, wanted = found(environment), expected(environment)
    if environment.is_symlink():
        fits = marker == wanted and runs(environment)
        return "" if fits else "it is a link to another one, which stays as it is"
    if marker.get("checkout", wanted["checkout"]) != wanted["checkout"]:
        return f"it was made for {marker['checkout']}"
    if marker.get("python", wanted["python"]) != wanted["python"]:
        return f"it has Python {marker['python']}, not {wanted['python']}"
    if marker:
        return "" if runs(environment) else "its Python no longer runs"
    known = (environment / "pyvenv.cfg", environment / "octmnist.json")
    if not any(map(Path.exists, known)) and (environment.is_file() or any(environment.iterdir())):
        raise InputError(f"{environment}: this is no virtual environment; move it away")
    return "it was not finished, or not made by make"


def remove(environment: Path) -> None:
    """Remove an environment or the link to one, but nothing that a link points at."""
    if environment.is_symlink():
        environment.unlink()
    # Renamed at one stroke: nothing half removed can be taken for an environment.
    doomed = environment.with_name(".venv.removed")
    if doomed.exists():
        shutil.rmtree(doomed)
    if environment.exists():
        environment.rename(doomed)
        shutil.rmtree(doomed)


@contextlib.contextmanager
def only_one(checkout: Path) -> Iterator[int]:
    """Hold the lock under which .venv is changed, and wait where another process holds it.

    Yields its file descriptor: a program that inherits it goes on holding the lock, so that one
    that outlives this process is waited for too.
    """
    try:
        import fcntl
    except ImportError:
        raise InputError("the book needs Linux, macOS, or WSL 2 on Windows") from None
    with (checkout / ".venv.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another make is installing into .venv; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock.fileno()


def words(output: str) -> str:
    """What a program said of its failure, in one line, without warnings and drawn lines."""
    lines = [line.strip(" \t│├╰─▶×") for line in output.splitlines()]
    return " ".join(line for line in lines if line and not re.match(r"(?i)warning|\[", line))[-600:]


@contextlib.contextmanager
def temporary(text: str) -> Iterator[str]:
    """The path of a file that holds a text for its user alone, and is gone afterwards."""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        yield file.name


class Installer:
    """Runs Python and uv of one environment; each inherits the lock under which it changes."""

    def __init__(self, environment: Path, lock: int) -> None:
        self._environment, self._lock = environment, lock
        self._clean = sources.without_leading(os.environ)

    def create(self) -> None:
        """Make an environment that has pip alone. InputError where this Python lacks the means."""
        version = ".".join(map(str, sys.version_info[:2]))
        if not all(map(importlib.util.find_spec, ("venv", "ensurepip"))):
            raise InputError(
                f"{sys.executable} can't make a virtual environment: install python{version}-venv, "
                "or name another Python with PYTHON="
            )
        self._environment.mkdir()
        mark(self._environment, {})
        # A Python that is itself of the environment to be made is gone by now.
        base = getattr(sys, "_base_executable", sys.executable)
        self._run([base, "-m", "venv", self._environment], self._clean, "making .venv")

    def synchronize(self) -> None:
        """Install what the lock names and nothing else, and have `helpers` found everywhere."""
        lock = (self._environment.parent / LOCK).read_text(encoding="utf-8")
        with temporary(re.search(r"^uv==.*\n(?:[ \t].*\n)*", lock, re.MULTILINE).group()) as uv:
            self.python(
                *("-m", "pip", "install", "--quiet", "--require-hashes", "--requirement", uv),
                what="installing uv",
                variables=sources.variables_for_pip(os.environ, self._pip_options()),
            )
        self.uv("sync", "--require-hashes", "--compile-bytecode", LOCK)
        # Setuptools' way of doing this fails for a path that holds a dollar sign.
        (packages,) = self._environment.glob("lib/python*/site-packages")
        line = f"import sys; sys.path.append({str(self._environment.parent)!a})\n"
        (packages / "octmnist.pth").write_text(line, encoding="ascii")

    def uv(self, command: str, *arguments: str) -> None:
        """Run a command of `uv pip` for the environment."""
        project = (self._environment.parent / "pyproject.toml").read_text(encoding="utf-8")
        pip = self._pip_options()
        options = tomllib.loads(project)["tool"]["uv"]
        options |= sources.in_uvs_words(pip) | sources.of_uv(os.environ)
        told = "".join(f"{name} = {sources.toml(value)}\n" for name, value in options.items())
        with temporary(told) as config:
            program = [self._environment / "bin" / "uv", "pip", command, "--quiet"]
            program += ["--python", self._environment / "bin" / "python", *arguments]
            variables = sources.variables_for_uv(os.environ, pip, config)
            self._run(program, variables, f"uv pip {command}")

    def python(self, *arguments: str, what: str, variables: dict[str, str] | None = None) -> str:
        """Run the environment's Python, which sees its own packages alone; returns its output."""
        program = [self._environment / "bin" / "python", "-I", *arguments]
        return self._run(program, variables or self._clean, what)

    def _pip_options(self) -> dict[str, str]:
        heard = {"PIP_QUIET": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        if "PIP_CONFIG_FILE" in os.environ:
            heard["PIP_CONFIG_FILE"] = os.environ["PIP_CONFIG_FILE"]
        command = ("-m", "pip", "config", "list")
        listed = self.python(*command, what="pip config", variables=self._clean | heard)
        return sources.of_pip(listed, os.environ)

    def _run(self, command: list[str | Path], variables: dict[str, str], what: str) -> str:
        finished = subprocess.run(
            command,
            cwd=self._environment.parent,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            pass_fds=[self._lock],
        )
        if finished.returncode:
            if os.environ.get("DEBUG"):
                print(finished.stdout, file=sys.stderr)
            told = words(finished.stdout) or f"exit code {finished.returncode}"
            raise InputError(
                f"{what} failed: {told}. Where something could not be fetched, see to the network "
                "or name a mirror (pip.conf, PIP_INDEX_URL); the next call goes on"
            )
        return finished.stdout


def install(checkout: Path) -> None:
    """See that .venv holds what the lock names, and make or mend it where it doesn't."""
    environment = checkout / ".venv"
    if found(environment) == expected(environment) and runs(environment):
        return
    with only_one(checkout) as lock:
        installer = Installer(environment, lock)
        exists = os.path.lexists(environment)
        why = fault(environment) if exists else ""
        if why:
            say(f".venv is made anew: {why}")
        if why or not exists:
            remove(environment)
            installer.create()
        wanted = expected(environment)
        if found(environment) != wanted:
            say("installing the locked packages into .venv")
            mark(environment, {})
            installer.synchronize()
            installer.python("-c", IMPORTS, what="importing the packages")
            mark(environment, wanted)


def add_cuda(checkout: Path) -> None:
    """Add CUDA to the environment; InputError when TensorFlow sees no GPU then."""
    environment = checkout / ".venv"
    if environment.is_symlink():
        raise InputError(".venv is a link, and CUDA would go where it points; remove it first")
    with only_one(checkout) as lock:
        installer, finished = Installer(environment, lock), found(environment)
        mark(environment, {})
        installer.uv("install", "--requirement", "requirements-gpu.txt")
        sees = installer.python("-c", SEES_GPU, what="importing TensorFlow")
        mark(environment, finished)
    if not sees.endswith("True\n"):
        raise InputError("CUDA is installed, but TensorFlow sees no GPU; see to its driver")


def renew_lock(checkout: Path) -> None:
    """Lock the newest packages that pyproject.toml allows; the next call installs them."""
    with only_one(checkout) as lock:
        Installer(checkout / ".venv", lock).uv(
            *("compile", "--upgrade", "--universal", "--python-version", "3.11", "--all-extras"),
            *("--generate-hashes", "--no-emit-index-url", "pyproject.toml", "--output-file", LOCK),
        )


def main() -> None:
    """Install, and do what the arguments say besides; one line where that can't be done."""
    try:
        install(CHECKOUT)
        for name in sys.argv[1:]:
            {"gpu": add_cuda, "lock": renew_lock}[name](CHECKOUT)
    except (InputError, OSError, KeyboardInterrupt) as error:
        if os.environ.get("DEBUG"):
            raise
        if isinstance(error, InputError):
            say(str(error))
        elif isinstance(error, OSError):
            where = error.filename or CHECKOUT
            say(f"{where}: {error.strerror}; .venv must be made, so give permission and room there")
        else:
            say("interrupted while installing; the next call goes on")
        sys.exit(2)


if __name__ == "__main__":
    main()
