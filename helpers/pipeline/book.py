"""`make book`: check the input beforehand, then have Snakemake do what is missing."""

import argparse
import fcntl
import io
import json
import os
import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from helpers.data import dataset as datasets
from helpers.models import weights
from helpers.pipeline import console, jobs
from helpers.study import runs
from helpers.study.errors import InputError
from helpers.study.settings import DEFAULT_PROFILE, REPOSITORY, Settings, load_settings


def build(parameters: dict, name: str | None) -> Path:
    """Check everything that can be checked beforehand, then execute and render what is missing.

    The parameters are as a chapter's parameters cell has them, the name is the folder's under
    `runs/`, the profile's by default. Returns the path of the site's first page; InputError for
    input that can't be used, before anything is written, and when a job failed.
    """
    settings = load_settings(**parameters)
    name = name or settings.profile
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name) or name == runs.SCRATCH:
        raise InputError(
            f"run {name!r}: use letters, digits, '.', '_' and '-', and not {runs.SCRATCH!r}"
        )
    dataset = datasets.load(settings.data)
    weights.check(settings)
    run = runs.named(name)
    _prepare(run, settings, parameters)
    with only_one(run.folder), (run.folder / "log.txt").open("w") as log:
        jobs.describe(run, settings, dataset)
        command = [
            *(sys.executable, "-m", "snakemake", "--snakefile", "Snakefile", "--cores", "all"),
            *("--nolock", "--rerun-incomplete", "--nocolor", "--quiet", "reason", "host"),
            *("--rerun-triggers", "mtime", "params", "input"),
            *("--config", f"run={name}", f"parameters={json.dumps(parameters)}"),
            *shlex.split(os.environ.get("SNAKEMAKE_ARGUMENTS", "")),  # such as --executor slurm
        ]
        display = console.Display(log, sys.stderr)
        if display.follow(command, REPOSITORY):
            raise InputError(
                f"{'; '.join(display.errors) or f'runs/{name}: stopped before the end'}. What was "
                "finished is kept, and the same command goes on from there (all that was said: "
                f"runs/{name}/log.txt)"
            )
    return run.html / "index.html"


def _prepare(run: runs.Run, settings: Settings, parameters: dict) -> None:
    fetches = any(settings.weights(model) == weights.IMAGENET for model in settings.models)
    if not fetches and settings.data.source != "medmnist":
        return
    command = [sys.executable, "-m", "helpers.pipeline.jobs", "prepare"]
    command += ["--folder", str(run.folder), "--parameters", json.dumps(parameters)]
    display = console.Display(io.StringIO(), sys.stderr)
    if display.follow(command, REPOSITORY):
        raise InputError("; ".join(display.errors) or "preparing the run failed")


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold a run's folder; InputError where another process of this book holds it."""
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
    parser = argparse.ArgumentParser(prog="python -m helpers.pipeline.book", description=__doc__)
    parser.add_argument("--run", help="folder under runs/ (default: the profile's name)")
    parser.add_argument("--profile", default=DEFAULT_PROFILE)
    for option in ("data_path", "weights", "seeds", "overrides"):
        parser.add_argument(f"--{option.replace('_', '-')}")
    # Make hands on every variable; one that isn't set is an empty text.
    options = {name: value for name, value in vars(parser.parse_args()).items() if value}
    name = options.pop("run", None)
    with console.one_line_errors():
        print(build(options, name))


if __name__ == "__main__":
    main()
