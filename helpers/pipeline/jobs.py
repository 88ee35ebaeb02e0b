"""One job of the Snakefile: train, train a control, measure, execute a chapter, or render."""

import argparse
import json

import nbformat
import papermill

from helpers import artifacts, controls, data, evaluation, runs, site
from helpers.runs import Run
from helpers.settings import REPOSITORY, InputError, load_settings


def train(run: Run, parameters: dict, model: str, seed: str) -> None:
    """Train one model with one seed, unless its key is there."""
    from helpers import training  # it loads Keras, which the other jobs don't need

    settings = load_settings(**parameters)
    training.load_or_train(run, settings, data.load(settings), model, int(seed))


def control(run: Run, parameters: dict, model: str) -> None:
    """Train what the trial of a model's heatmaps needs, unless it is there."""
    controls.load_or_train(run, load_settings(**parameters), model)


def metrics(run: Run, parameters: dict) -> None:
    """Measure every training on the test split."""
    settings = load_settings(**parameters)
    dataset = data.load(settings)
    trainings = artifacts.recall(run, settings, dataset)
    evaluation.save(run, evaluation.measure_all(trainings, dataset.classes))


def chapter(run: Run, parameters: dict, name: str) -> None:
    """Execute a chapter with papermill into `<run>/notebooks`.

    Raises
    ------
    InputError : when a cell fails; the notebook up to there is kept in `<run>/unfinished`.
    """
    unfinished = run.folder / "unfinished" / f"{name}.ipynb"
    finished = run.folder / "notebooks" / f"{name}.ipynb"
    for path in (unfinished, finished):
        path.parent.mkdir(parents=True, exist_ok=True)
    given = {key: value for key, value in parameters.items() if value is not None}
    shown = unfinished.relative_to(REPOSITORY)
    try:
        notebook = papermill.execute_notebook(
            f"book/{name}.ipynb",
            str(shown),
            given,
            cwd=REPOSITORY,
            kernel_name="python3",
            extra_arguments=["--log-level=ERROR"],
        )
    except papermill.PapermillExecutionError as error:
        reason = f"{error.ename}: {error.evalue.splitlines()[0]}"
        if error.ename == InputError.__name__:
            reason = error.evalue
        raise InputError(f"chapter {name}: {reason} (see {shown})") from None
    for cell in notebook.cells:
        if cell.cell_type == "code":
            # Progress and warnings: no part of the page, and they name paths of the machine.
            cell.outputs = [out for out in cell.outputs if out.get("name") != "stderr"]
    nbformat.write(notebook, unfinished)
    unfinished.replace(finished)


def render(run: Run, _: dict) -> None:
    """Render the site from what lies in the run's folder, parameters included."""
    site.render(run)


JOBS = {job.__name__: job for job in (train, control, metrics, chapter, render)}


def main() -> None:
    """Read the command line and do the job."""
    parser = argparse.ArgumentParser(prog="python -m helpers.steps", description=__doc__)
    parser.add_argument("job", choices=JOBS)
    parser.add_argument("arguments", nargs="*")
    parser.add_argument("--parameters", type=json.loads, default={"profile": "demo"})
    options = parser.parse_args()
    runs.say(" ".join([options.job, *options.arguments]))
    with runs.one_line_errors():
        run = runs.open_run(load_settings(**options.parameters))
        JOBS[options.job](run, options.parameters, *options.arguments)


if __name__ == "__main__":
    main()
