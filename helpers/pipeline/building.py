"""The building of a book: check the input, then have Snakemake do what is missing.

Loads neither papermill nor the pages, which take seconds: what calls here doesn't need them.
"""

import fcntl
import io
import json
import os
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from helpers.data import dataset as datasets
from helpers.data import scans
from helpers.data.dataset import Dataset
from helpers.models import trainings, weights
from helpers.pipeline import (
    console,
    damage,
    description,
    durations,
    forecast,
    processes,
    resources,
    surroundings,
)
from helpers.study import architectures, provenance, runs
from helpers.study.environment import OF_THE_USER
from helpers.study.errors import InputError
from helpers.study.settings import DEFAULT_PROFILE, REPOSITORY, Settings, load_settings

# A call that was killed a moment ago may still be ending its jobs.
WAIT_FOR_LOCK_SECONDS = 10.0


def render_crate(path: Path, run: str | None = None, **others: Any) -> Path:
    """Unpack a run that `make pack` packed into `runs/`, by its file's name, and render it.

    Nothing is trained, so `others` must be empty. Returns the path of the site's first page;
    InputError for what is no crate, before anything is written.
    """
    if others:
        raise InputError(
            f"{', '.join(others)}: a packed run is rendered as it is; leave that out, or FROM="
        )
    from helpers.pipeline import site, unpack

    folder = runs.named(run or path.name.partition(".")[0])
    unpack.open_crate(path, folder)
    site.render(folder)
    return folder.html / "index.html"


def build(
    profile: str = DEFAULT_PROFILE,
    run: str | None = None,
    is_whole_book: bool = True,
    **parameters: Any,
) -> Path:
    """Check everything that can be checked beforehand, then execute and render what is missing.

    The parameters are as a chapter's parameters cell has them, the run is a folder's name under
    `runs/`, the profile's by default. Returns the path of the site's first page, or that of the
    metrics where no more than they is wanted; InputError for input that can't be used, before
    anything is written, and when a job failed.
    """
    parameters = {"profile": profile, **OF_THE_USER, **parameters}
    settings = load_settings(**parameters)
    folder = runs.named(run or settings.profile)
    made = folder.html / "index.html" if is_whole_book else folder.metrics
    if fetched := forecast.images_to_fetch(settings):
        console.say(f"{folder.shown} {fetched}")
    dataset = datasets.load(settings.data)
    weights.check(settings)
    scans.check(dataset)
    snakemake_arguments = _snakemake_arguments()
    is_elsewhere = resources.is_elsewhere(snakemake_arguments)
    if trainings.missing(folder, settings, dataset):
        fetched = forecast.weights_to_fetch(settings)
        told = filter(None, [f"takes {forecast.needs(settings, dataset)}", fetched])
        console.say(f"{folder.shown} {', and '.join(told)}")
        _prepare(folder, settings, dataset, parameters, is_elsewhere)
    with (
        at_work_in(folder, is_elsewhere) as environment,
        (folder.folder / "log.txt").open("w") as log,
    ):
        damage.discard(folder, settings)
        description.write(folder, settings, dataset)
        runs.write_json(folder.call, {"run": folder.folder.name, "parameters": parameters})
        command = [
            *(sys.executable, "-m", "snakemake", "--snakefile", "Snakefile"),
            *([] if is_elsewhere else resources.limits_here()),
            *("--nolock", "--rerun-incomplete", "--nocolor", "--quiet", "reason", "host"),
            *("--configfile", str(folder.call.relative_to(REPOSITORY))),
            *("--rerun-triggers", "mtime", "--profile", "none", "--workflow-profile", "none"),
            *snakemake_arguments,
            *(("--", str(made.relative_to(REPOSITORY))) if not is_whole_book else ()),
        ]

        def seconds_left(planned: list[str], begun: dict[str, float]) -> float | None:
            expected = durations.expected(folder, planned)
            if is_elsewhere or len(expected) < len(planned) or not planned:
                return None
            here = provenance.usable_cores(), bool(provenance.gpu_count())
            return durations.left(expected, begun, *here)

        display = console.Display(log, sys.stderr, seconds_left)
        if display.follow(command, REPOSITORY, environment):
            told = display.errors or [f"{folder.shown}: stopped before the end"]
            raise InputError(
                f"{'; '.join(told)}. What was finished is kept, and the same command goes on from "
                f"there (all that was said: {folder.shown}/log.txt)"
            )
    return made


def _snakemake_arguments() -> list[str]:
    """What the user adds to Snakemake's command line, such as --executor slurm."""
    given = os.environ.get("SNAKEMAKE_ARGUMENTS", "")
    try:
        return shlex.split(given)
    except ValueError as error:
        raise InputError(f"can't read SNAKEMAKE_ARGUMENTS {given!r}: {error}") from None


def _prepare(
    run: runs.Run, settings: Settings, dataset: Dataset, parameters: dict, is_elsewhere: bool
) -> None:
    if settings.data.is_embedded:
        return
    on_bases = [model for model in settings.models if architectures.get(model).base]
    has_weights = any(settings.weights(model) != weights.RANDOM for model in on_bases)
    is_told_time = trainings.are_long(settings, dataset) and not is_elsewhere
    if not has_weights and not is_told_time:
        return
    command = [sys.executable, "-m", "helpers.pipeline.jobs", "prepare"]
    command += ["elsewhere"] if is_elsewhere else []
    command += ["--folder", str(run.folder), "--parameters", json.dumps(parameters)]
    with processes.working_for(run.folder, surroundings.plain()) as environment:
        display = console.Display(io.StringIO(), sys.stderr)
        if display.follow(command, REPOSITORY, environment):
            raise InputError("; ".join(display.errors) or "preparing the run failed")


@contextmanager
def at_work_in(run: runs.Run, has_jobs_elsewhere: bool = False) -> Iterator[dict[str, str]]:
    """Have a run's folder for oneself, cleared of what killed calls left half-made or at work.

    Yields the environment for the run's programs, all of which end with the block. InputError
    where another call is at work there.
    """
    run.folder.mkdir(parents=True, exist_ok=True)
    with (run.folder / ".lock").open("w") as lock:
        _lock(lock.fileno(), run)
        temporary = run.folder / f"{runs.UNFINISHED}temporary"
        plain = surroundings.plain()
        with processes.working_for(run.folder, plain, has_jobs_elsewhere) as environment:
            runs.remove_unfinished(run)
            temporary.mkdir()
            yield environment | {"TMPDIR": str(temporary)}
        runs.remove_unfinished(run)


def _lock(file: int, run: runs.Run) -> None:
    deadline = time.monotonic() + WAIT_FOR_LOCK_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise InputError(
                    f"{run.shown}: another make book is at work there; wait for it, or name "
                    "another folder with RUN="
                ) from None
            time.sleep(0.2)
