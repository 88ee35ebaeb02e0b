"""What makes results here and now, and digests of values, files and arrays."""

import contextlib
import functools
import hashlib
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from helpers.study.settings import REPOSITORY


def here_and_now() -> dict[str, str]:
    """Date, commit, packages, Python and hardware."""
    packages = ("tensorflow", "keras", "numpy", "scikit-learn", "medmnist", "tf-keras-vis")
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    answer = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    processor = platform.processor() or platform.machine()
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        processor = next(line.split(": ")[1] for line in lines if line.startswith("model name"))
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": answer.stdout.strip() or "not under version control",
        "packages": ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages),
        "python": platform.python_version(),
        "hardware": f"{os.cpu_count()} cores of {processor}, {gpu_count() or 'no'} GPU",
    }


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
    if not shutil.which("nvidia-smi"):
        return 0
    answer = subprocess.run(["nvidia-smi", "--list-gpus"], capture_output=True, text=True)
    return answer.stdout.count("GPU ")
