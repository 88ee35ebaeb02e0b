"""What makes results here and now, and digests of values, files and arrays."""

import contextlib
import functools
import hashlib
import importlib.metadata
import json
import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from helpers.study.environment import CORES_OF_TENSORFLOW
from helpers.study.settings import REPOSITORY

UNKNOWN = "not known: "
# Holds the commit in what `git archive` makes, which is how GitHub makes its zip (.gitattributes).
ARCHIVED = ".archived-commit"
# How long a program may take to say what it knows, in seconds.
PATIENCE = 20


def here_and_now() -> dict[str, str]:
    """Date, commit, packages, Python and hardware; never a name or a folder of the user's."""
    packages = ("tensorflow", "keras", "numpy", "scikit-learn", "medmnist", "tf-keras-vis")
    processor = platform.processor() or platform.machine()
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        processor = next(line.split(": ")[1] for line in lines if line.startswith("model name"))
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": commit(),
        "packages": ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages),
        "python": platform.python_version(),
        "hardware": f"{usable_cores()} cores of {processor}, {gpu_count() or 'no'} GPU",
    }


def usable_cores() -> int:
    """How many cores this process may use; on it depends how a training's sums are rounded."""
    is_linux = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if is_linux else os.cpu_count() or 1
    told = os.environ.get(CORES_OF_TENSORFLOW, "")
    return min(cores, int(told)) if told.isdecimal() and int(told) else cores


def commit(repository: Path = REPOSITORY) -> str:
    """The commit that the code is of, or "not known: " and why; never another repository's.

    As git tells it, with "-dirty" where files differ from it; without git's folder, as the archive
    that GitHub makes of a commit tells it.
    """
    if not (repository / ".git").exists():
        archived = repository / ARCHIVED
        told = archived.read_text(encoding="utf-8").strip() if archived.is_file() else ""
        if re.fullmatch("[0-9a-f]{40}", told):
            return f"{told[:12]} (from the archive)"
        return f"{UNKNOWN}not under version control"
    try:
        # git goes on to the folders above where it can't use what is here.
        if not Path(_ask_git(repository, "rev-parse", "--show-toplevel")).samefile(repository):
            return f"{UNKNOWN}git can't read .git"
        # Without tags, which may move.
        command = ("describe", "--always", "--dirty", "--abbrev=12", "--exclude=*")
        return _ask_git(repository, *command)
    except subprocess.TimeoutExpired:
        return f"{UNKNOWN}git gave no answer within {PATIENCE} s"
    except subprocess.CalledProcessError as error:
        if re.search("dubious ownership|unsafe repository", error.stderr):
            return f"{UNKNOWN}git refuses, dubious ownership"
        return f"{UNKNOWN}git can't read .git"
    except OSError:
        return f"{UNKNOWN}git is not installed"


def _ask_git(repository: Path, *arguments: str) -> str:
    # A hook or a user may have exported GIT_DIR and the like, which name another repository.
    environment = {name: text for name, text in os.environ.items() if not name.startswith("GIT_")}
    answer = subprocess.run(
        ["git", *arguments],
        cwd=repository,
        env=environment | {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="surrogateescape",
        timeout=PATIENCE,
        check=True,
    )
    return answer.stdout.removesuffix("\n")


def digest(*values: Any) -> str:
    """SHA-256 in hexadecimal of JSON values."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def file_digest(path: Path, method: str = "sha256") -> str:
    """The hash in hexadecimal of a file's content, by any method that hashlib knows."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, method).hexdigest()


def arrays_digest(*arrays: np.ndarray) -> str:
    """SHA-256 in hexadecimal of arrays: their dtypes, shapes and values, in order."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(f"{array.dtype.str}{array.shape}".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


@functools.cache
def gpu_count() -> int:
    """How many NVIDIA GPUs this machine has, as their driver says."""
    try:
        answer = subprocess.run(
            ["nvidia-smi", "--list-gpus"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=PATIENCE,
        )
    except (OSError, subprocess.TimeoutExpired):  # there is none, or its driver doesn't answer
        return 0
    return answer.stdout.count("GPU ")
