"""Where a run's results lie, how they are written, what made them and what they depend on."""

import ast
import contextlib
import functools
import hashlib
import importlib.metadata
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tqdm import tqdm

from helpers.settings import REPOSITORY, InputError, Settings

# The pipeline names the run in this variable; without it a chapter writes under runs/scratch/.
RUN_VARIABLE = "OCTMNIST_RUN"
# When the pipeline began, in seconds since the epoch.
STARTED_VARIABLE = "OCTMNIST_STARTED"
PACKAGES = ("tensorflow", "keras", "numpy", "scikit-learn", "medmnist", "tf-keras-vis")


@dataclass(frozen=True)
class Run:
    """A folder under `runs/` and whether a chapter may fill in what its predecessors left out."""

    folder: Path
    fills_gaps: bool

    @property
    def artifacts(self) -> Path:
        """The folder that holds the results: `<folder>/artifacts`."""
        return self.folder / "artifacts"


def open_run(settings: Settings) -> Run:
    """The run that a chapter belongs to: the pipeline's, or `runs/scratch/<profile>` by hand."""
    name = os.environ.get(RUN_VARIABLE)
    folder = REPOSITORY / "runs" / (name or f"scratch/{settings.profile}")
    return Run(folder, fills_gaps=settings.profile == "demo" or "google.colab" in sys.modules)


@contextlib.contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of `folder` once the block has ended well.

    A process killed before then leaves the old folder as it was.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    retired = staging.with_suffix(".retired")
    try:
        yield staging
        staging.chmod(0o755)
        if folder.exists():
            folder.rename(retired)
        staging.rename(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        shutil.rmtree(retired, ignore_errors=True)


@contextlib.contextmanager
def replacing_file(path: Path) -> Iterator[Path]:
    """Yield a path beside `path`; the file written there takes its place once the block ended well.

    A process killed before then leaves the old file as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write `value` so that `path` holds, at any moment, the old text or the new one.

    A file that holds the same text already is left untouched.
    """
    text = json.dumps(value, indent=1, allow_nan=False) + "\n"
    if path.exists() and path.read_text() == text:
        return
    with replacing_file(path) as partial:
        partial.write_text(text)


def read_json(path: Path) -> Any:
    """The value that `write_json` wrote, or None where there is no such file."""
    return json.loads(path.read_text()) if path.exists() else None


def digest(*values: Any) -> str:
    """SHA-256 in hexadecimal of JSON values."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 in hexadecimal of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def helpers_used(path: Path) -> list[Path]:
    """The modules of `helpers/` that a chapter or a module imports, found transitively, sorted."""
    found: set[Path] = set()
    waiting = [path]
    while waiting:
        for module in _imported_helpers(waiting.pop()):
            if module not in found:
                found.add(module)
                waiting.append(module)
    return sorted(found)


def code_digest(*modules: Path) -> str:
    """A digest of what these modules do: their code without comments and docstrings."""
    return digest(*(_code_alone(module) for module in modules))


def _imported_helpers(path: Path) -> Iterator[Path]:
    tree = ast.parse(_source(path))
    for block in ast.walk(tree):
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING":
            block.body.clear()  # these imports don't happen
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "helpers":
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name.startswith("helpers.")]
        else:
            continue
        for name in names:
            module = REPOSITORY / (name.replace(".", "/") + ".py")
            if module.exists():
                yield module


def _source(path: Path) -> str:
    if path.suffix != ".ipynb":
        return path.read_text()
    cells = json.loads(path.read_text())["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    # Lines for IPython alone are no Python.
    return re.sub(r"^(\s*)[%!].*$", r"\1pass", code, flags=re.MULTILINE)


def _code_alone(path: Path) -> str:
    tree = ast.parse(path.read_text())
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, documented) and ast.get_docstring(node):
            node.body[0] = ast.Pass()
    return ast.unparse(tree)


def say(text: str) -> None:
    """A line on standard error, with the time since the pipeline began."""
    elapsed = time.time() - float(os.environ.get(STARTED_VARIABLE, time.time()))
    print(f"[{duration(elapsed)}] {text}", file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """Seconds as hours:minutes:seconds."""
    return str(timedelta(seconds=round(seconds)))


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
        line = f"{where}: {what}; make room there, or give permission"
    else:
        return
    tqdm.write(f"octmnist: {line}", file=sys.stderr)  # below any progress bar
    sys.exit(2)


def provenance() -> dict[str, str]:
    """What makes results here and now: commit, packages, Python and hardware."""
    packages = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": _commit(),
        "packages": ", ".join(f"{name} {version}" for name, version in packages.items()),
        "python": platform.python_version(),
        "hardware": _hardware(),
    }


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    answer = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    return answer.stdout.strip() or "not under version control"


@functools.cache
def gpu_count() -> int:
    """How many NVIDIA GPUs this machine has, as their driver says."""
    if not shutil.which("nvidia-smi"):
        return 0
    answer = subprocess.run(["nvidia-smi", "--list-gpus"], capture_output=True, text=True)
    return answer.stdout.count("GPU ")


@functools.cache
def _hardware() -> str:
    processor = platform.processor() or platform.machine()
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        processor = next(line.split(": ")[1] for line in lines if line.startswith("model name"))
    return f"{os.cpu_count()} cores of {processor}, {gpu_count() or 'no'} GPU"
