"""One job of the Snakefile: train, draw maps, measure, judge, execute a chapter, or render.

Keras takes ten seconds to load, so only the jobs that need it import it.
"""

import argparse
import json
import os
import pkgutil
import time
from datetime import timedelta
from pathlib import Path

import nbformat
import papermill

from helpers.data import dataset as datasets
from helpers.data.dataset import Dataset
from helpers.models import trainings, weights
from helpers.pages import published
from helpers.pipeline import console, durations, processes, site
from helpers.study import architectures, environment, provenance
from helpers.study.errors import InputError
from helpers.study.runs import Run, read_json
from helpers.study.settings import REPOSITORY, Settings, load_settings

DEAD_KERNEL_SECONDS = 10.0


def prepare(run: Run, settings: Settings, dataset: Dataset, where: str = "here") -> None:
    """Have pretrained weights fetched or matched, and say what the trainings will take here.

    where : another word than "here" where other machines train.
    """
    from helpers.models import checkpoints, cost, features, networks

    bases = {model: architectures.get(model).base for model in settings.models}
    # Two models may stand on one network, and differ in what it is fed.
    named = {
        (base.application, settings.weights(model)): base for model, base in bases.items() if base
    }
    for (_, source), base in named.items():
        if source != weights.RANDOM:
            networks.check_weights(base, source)
    if where != "here" or provenance.gpu_count() or not trainings.are_long(settings, dataset):
        return
    missing = trainings.missing(run, settings, dataset)
    for model in settings.models:
        seeds = [seed for of, seed in missing if of == model]
        if not seeds:
            continue
        done = sum(
            checkpoints.finished_epochs(
                run.checkpoint(model, seed), trainings.key(settings, dataset, model, seed)
            )
            for seed in seeds
        )
        left, rows = settings.training.epochs * len(seeds) - done, 0
        if settings.features_are_fixed(model):
            rows = features.rows_left(run, settings, dataset, model)
        seconds = round(cost.estimated_seconds(settings, dataset, model, left, rows))
        of_base = f", images to run its base on: {rows:,}" if rows else ""
        console.say_begin(
            f"no GPU is seen: {model} will take about {timedelta(seconds=seconds)} "
            f"(seeds: {len(seeds)}, epochs left: {left}{of_base})"
        )


def grad_cam(run: Run, settings: Settings, dataset: Dataset, model: str, seed: int) -> None:
    """Draw the Grad-CAM maps of a training's test images, unless they are there."""
    from helpers.heatmaps import results

    trained = trainings.load(run, settings, dataset, model, seed)
    results.load_or_draw_grad_cam(trained, dataset.test.images)


def chapter(run: Run, parameters: dict, name: str) -> None:
    """Execute a chapter with papermill into `<run>/notebooks`.

    InputError when a cell fails; the notebook up to there is kept in `<run>/unfinished`.
    """
    unfinished = run.folder / "unfinished" / f"{name}.ipynb"
    finished = run.notebooks / f"{name}.ipynb"
    for path in (unfinished, finished):
        path.parent.mkdir(parents=True, exist_ok=True)
    given = {key: value for key, value in parameters.items() if value is not None}
    given["run"] = run.folder.name
    shown = unfinished.relative_to(REPOSITORY)
    killed = f"chapter {name}: its kernel was killed (was there memory enough?)"

    def end_without_kernel() -> None:
        console.say_error(killed)
        os._exit(2)  # the notebook's client waits for a kernel that died early for ever

    try:
        with processes.children_watched(DEAD_KERNEL_SECONDS, end_without_kernel):
            notebook = papermill.execute_notebook(
                f"book/{name}.ipynb",
                str(shown),
                given,
                cwd=REPOSITORY,
                kernel_name="python3",
                start_timeout=300,
                extra_arguments=["--log-level=ERROR"],
            )
    except papermill.PapermillExecutionError as error:
        is_known = error.ename == InputError.__name__
        reason = error.evalue if is_known else f"{error.ename}: {error.evalue}"
        raise InputError(f"chapter {name}: {reason} (see {shown})") from None
    except RuntimeError:  # of nbclient and jupyter_client, for a kernel that died
        raise InputError(killed) from None
    for cell in notebook.cells:
        if cell.cell_type == "code":
            # Progress and warnings: no part of the page, and they name paths of the machine.
            cell.outputs = [out for out in cell.outputs if out.get("name") != "stderr"]
    nbformat.write(published.without_folders(notebook), unfinished)
    unfinished.replace(finished)


# By name the function that does a job of run, settings, data and further arguments; each makes its
# result unless it is there.
JOBS = {
    "prepare": f"{__name__}:prepare",
    "train": "helpers.models.fit:load_or_train",
    "grad-cam": f"{__name__}:grad_cam",
    "control": "helpers.heatmaps.controls:load_or_train",
    "metrics": "helpers.evaluation.metrics:load_or_measure",
    "explanations": "helpers.heatmaps.results:load_or_run",
    "claims": "helpers.ledger.verdicts:load_or_judge",
    "acquisition": "helpers.evaluation.acquisition:load_or_measure",
    "patients": "helpers.evaluation.patients:load_or_measure",
}
# These alone load Keras with the backend that the settings name; a model that is kept runs on any.
TRAINING = ("prepare", "train", "control")


def main() -> None:
    """Read the command line and do the job."""
    parser = argparse.ArgumentParser(prog="python -m helpers.pipeline.jobs", description=__doc__)
    parser.add_argument("job", choices=[*JOBS, "chapter", "render"])
    parser.add_argument("arguments", nargs="*")
    parser.add_argument("--folder", type=Path, required=True, help="the run's folder")
    parser.add_argument(
        "--parameters",
        type=json.loads,
        help="settings as a chapter takes them, in JSON (default: those in the run's call.json)",
    )
    options = parser.parse_args()
    run = Run(REPOSITORY / options.folder)
    told, started = " ".join([options.job, *options.arguments]), time.monotonic()
    console.say_begin(told)
    with console.one_line_errors():
        parameters = options.parameters or read_json(run.call)["parameters"]
        if options.job == "render":
            site.render(run)
        elif options.job == "chapter":
            chapter(run, parameters, *options.arguments)
        else:
            settings = load_settings(**parameters)
            if options.job in TRAINING:
                environment.use_backend(settings.training.backend)
            arguments = [int(text) if text.isdecimal() else text for text in options.arguments]
            do = pkgutil.resolve_name(JOBS[options.job])
            do(run, settings, datasets.load(settings.data), *arguments)
        if options.job != "prepare":  # which comes before a run's folder
            durations.note(run, told, time.monotonic() - started)


if __name__ == "__main__":
    main()
