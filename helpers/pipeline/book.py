"""`make book`: check the input beforehand, then have Snakemake do what is missing."""

import argparse
import fcntl
import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

from helpers import artifacts, data, runs
from helpers.data import Dataset
from helpers.settings import REPOSITORY, InputError, Settings, load_settings

# Further arguments for Snakemake, such as "--executor slurm".
SNAKEMAKE_VARIABLE = "SNAKEMAKE_ARGUMENTS"


def build(parameters: dict, name: str | None) -> Path:
    """Check everything that can be checked beforehand, then execute and render what is missing.

    Parameters
    ----------
    parameters : as a chapter's parameters cell has them.
    name : the folder under `runs/`; the profile's name by default.

    Returns
    -------
    The path of the site's first page.

    Raises
    ------
    InputError : for input that can't be used, before anything is written, and when a job failed.
    """
    settings = load_settings(**parameters)
    name = name or settings.profile
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name) or name == "scratch":
        raise InputError(f"run {name!r}: use letters, digits, '.', '_' and '-', and not 'scratch'")
    _check_input(settings)
    folder = REPOSITORY / "runs" / name
    with _only_one(folder):
        command = [
            *(sys.executable, "-m", "snakemake", "--snakefile", "Snakefile", "--cores", "all"),
            *("--quiet", "all", "--nolock", "--rerun-incomplete"),
            *("--rerun-triggers", "mtime", "params", "input"),
            *("--config", f"run={name}", f"parameters={json.dumps(parameters)}"),
            *shlex.split(os.environ.get(SNAKEMAKE_VARIABLE, "")),
        ]
        environment = os.environ | {runs.STARTED_VARIABLE: str(time.time())}
        finished = subprocess.run(command, cwd=REPOSITORY, env=environment)
    if finished.returncode:
        raise InputError(
            f"runs/{name}: stopped before the end; what was finished is kept and the same command "
            "goes on from there (Snakemake's own words: the newest file in .snakemake/log)"
        )
    return folder / "html" / "index.html"


def _check_input(settings: Settings) -> None:
    if settings.source != "phantom":
        dataset = data.load(settings)
    has_resnet50 = any(model != "custom-cnn" for model in settings.models)
    if has_resnet50:
        artifacts.check_weights(settings.weights)
    # What follows needs Keras, which takes ten seconds to load.
    if has_resnet50 and settings.weights == "imagenet":
        from helpers import models

        with redirect_stdout(sys.stderr):  # Keras's progress
            models.fetch_imagenet_weights()
    if settings.source == "medmnist" and not runs.gpu_count():
        _say_cost(settings, dataset)


def _say_cost(settings: Settings, dataset: Dataset) -> None:
    from helpers import training

    for model in settings.models:
        seconds = training.estimated_seconds(settings, dataset, model) * len(settings.seeds)
        runs.say(
            f"no GPU is seen: {model} will take about {runs.duration(seconds)} for "
            f"{settings.epochs} epochs and {len(settings.seeds)} seeds"
        )


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"{folder}: another make book is at work there; wait for it, or name another "
                "folder with RUN="
            ) from None
        yield


def main() -> None:
    """Read the command line, build, and print where the site is."""
    parser = argparse.ArgumentParser(prog="python -m helpers.book", description=__doc__)
    parser.add_argument("--run", help="folder under runs/ (default: the profile's name)")
    parser.add_argument("--profile", default="demo")
    for option in ("data_path", "weights", "seeds", "overrides"):
        parser.add_argument(f"--{option.replace('_', '-')}")
    # Make hands on every variable; one that isn't set is an empty text.
    options = {name: value for name, value in vars(parser.parse_args()).items() if value}
    name = options.pop("run", None)
    with runs.one_line_errors():
        print(build(options, name))


if __name__ == "__main__":
    main()
