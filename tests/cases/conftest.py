"""What the cases share: calls of make as a user types them, and small files."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from conftest import copy_of_the_repository, draw_arrays, without_makes_own

from helpers.study.settings import REPOSITORY

SMALL = "phantom_images=[96,48,48] epochs=1 upsample_to=32 explained_images=4 evaluations=4"
PLAN = "--dry-run --quiet host"


def make(
    target: str,
    *,
    folder: Path = REPOSITORY,
    environment: dict[str, str] | None = None,
    **values: str,
) -> subprocess.CompletedProcess:
    """Call make with variables on its command line, and more in the environment."""
    return subprocess.run(
        ["make", target, *(f"{name}={value}" for name, value in values.items())],
        cwd=folder,
        capture_output=True,
        text=True,
        env=without_makes_own() | (environment or {}),
    )


def plan(folder: Path = REPOSITORY, environment: dict[str, str] | None = None, **values: str):
    """What make book would do: its run's log holds the rules."""
    more = {"SNAKEMAKE_ARGUMENTS": PLAN} | (environment or {})
    return make("book", folder=folder, environment=more, **values)


def own_lines(finished: subprocess.CompletedProcess) -> list[str]:
    """What a user reads besides make's own last line."""
    return [line for line in finished.stderr.splitlines() if not line.startswith("make")]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file in MedMNIST's format, of twelve images of each class in each split."""
    path = tmp_path / "my.npz"
    np.savez(path, **draw_arrays("octmnist", each=12))
    return path


@pytest.fixture(scope="session")
def checkout(tmp_path_factory) -> Path:
    """A copy of the repository, without .git, that shares this one's environment."""
    folder = tmp_path_factory.mktemp("checkout") / "octmnist"
    copy_of_the_repository(folder)
    (folder / ".venv").symlink_to((REPOSITORY / ".venv").resolve())
    return folder
