"""`make verify`: make a finished run anew from its own record, and say whether it comes out equal.

The record is the run's `run.json` (settings, seeds, data); the trainings start from nothing, in a
folder of their own, by the pipeline that made the run. What it took in seconds is not compared.
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from helpers.data import dataset as datasets
from helpers.data.dataset import Dataset
from helpers.ledger import claims
from helpers.models import trainings, weights
from helpers.pipeline import agreement, building, console, site
from helpers.pipeline.agreement import DIFFERENT, EQUAL, TOLERANCES, Agreement
from helpers.study import provenance, runs
from helpers.study.errors import InputError
from helpers.study.runs import Run, read_json, write_json
from helpers.study.settings import REPOSITORY, Settings, load_settings, names

OF_TRAINING = ("predictions.npz", "history.csv", "model.keras", "grad-cam.npz")
# What of a training's provenance may explain that it comes out otherwise elsewhere.
EXPLAINING = ("hardware", "packages", "python", "commit", "key")
# The last jobs that make an artifact; chapters and site are made of artifacts.
LAST_JOBS = "--until claims grad_cam acquisition patients"
ANOTHER_SAMPLE = (
    "another processor or other packages round otherwise, and training amplifies it: there a run "
    "is another sample, as with another seed"
)
# Marks a folder that this program made, and may remove.
MARK = ".made-by-verify"


def verify(run: Run, inputs: dict[str, str]) -> list[Agreement]:
    """Make a finished run anew and compare it, artifact by artifact; keep `verification.json`.

    `inputs` names files of this machine in place of those that the run was made from. The folder
    made anew, `runs/<name>-verified`, is left for a look where something differs.

    Raises InputError for a run that can't be verified: none, an unfinished one, without its data.
    """
    with building.at_work_in(run):
        return _verify(run, inputs)


def _verify(run: Run, inputs: dict[str, str]) -> list[Agreement]:
    site.require_finished(run)
    facts = runs.record(run)
    parameters = _parameters(run, facts, inputs)
    settings = load_settings(**parameters)
    _require_files(run, facts, settings)
    dataset = datasets.load(settings.data)
    _require_same_inputs(run, facts, settings, dataset)
    explaining = _unlike_then(run, facts, settings, dataset)
    for name, (then, now) in explaining.items():
        print(f"unlike then: {name} was {then} and is {now}", flush=True)
    anew = _make_anew(run, parameters)
    found = compare(run, anew, facts["trainings"])
    verification = {
        "outcome": worst(found),
        "tolerances": TOLERANCES,
        "unlike_then": explaining,
        "artifacts": [each._asdict() for each in found],
    }
    write_json(run.folder / "verification.json", verification)
    if worst(found) != DIFFERENT:
        shutil.rmtree(anew.folder)
    elif any(name.startswith(("hardware", "packages")) for name in explaining):
        print(ANOTHER_SAMPLE)
    return found


def compare(run: Run, anew: Run, names_of_trainings: list[str]) -> list[Agreement]:
    """How each artifact of a run agrees with the one of the run made anew."""
    paths = [
        run.training(model, int(seed)) / artifact
        for model, seed in (name.split(", seed ") for name in names_of_trainings)
        for artifact in OF_TRAINING
    ]
    # How long a training took is a measurement of the machine at that moment.
    durations = {c.id for c in claims.ledger() if c.measured and c.measured.startswith("minutes ")}
    paths += [*run.results, run.heatmaps]
    found = []
    for path in paths:
        place = path.relative_to(run.folder)
        name = str(place).removeprefix("artifacts/")
        found.append(agreement.compare(name, path, anew.folder / place, frozenset(durations)))
    return found


def worst(found: list[Agreement]) -> str:
    """The outcome that all artifacts together have."""
    order = (EQUAL, agreement.CLOSE, DIFFERENT)
    return max((each.outcome for each in found), key=order.index)


def _parameters(run: Run, facts: dict, inputs: dict[str, str]) -> dict[str, Any]:
    """A run's settings as `load_settings` and the command line take them."""
    told = {name: value for name, value in facts["settings"].items() if name in names()}
    told |= read_json(run.inputs) or {}
    parameters = {"profile": facts["settings"]["profile"]}
    for name in ("data_path", "weights"):
        parameters[name] = inputs.get(name) or told.pop(name)
        told.pop(name, None)
    words = [f"{name}={_text(value)}" for name, value in told.items() if value is not None]
    return parameters | {"overrides": shlex.join(words)}


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _require_files(run: Run, facts: dict, settings: Settings) -> None:
    path, name = settings.data.data_path, run.folder.name
    if path and not path.is_file():
        raise InputError(
            f"{path.name}: the file that {name} was made from is not where it was; name it with "
            f"DATA= (the fingerprint of its images is {facts['data_fingerprint'][:12]})"
        )
    for model, digest in facts["weights"].items():
        source = settings.weights(model)
        if Path(source).is_absolute() and not Path(source).is_file():
            raise InputError(
                f"{Path(source).name}: the weights that {model} of {name} stands on are not where "
                f"they were; name that file with WEIGHTS= (SHA-256 {digest[:12]})"
            )


def _require_same_inputs(run: Run, facts: dict, settings: Settings, dataset: Dataset) -> None:
    if dataset.fingerprint != facts["data_fingerprint"]:
        raise InputError(
            f"{dataset.path or dataset.name}: not the images that {run.folder.name} was made from "
            f"(fingerprint {dataset.fingerprint[:12]}, then {facts['data_fingerprint'][:12]}); "
            "name that file with DATA="
        )
    for model, then in facts["weights"].items():
        source = settings.weights(model)
        if weights.identity(source) != then:
            raise InputError(
                f"{source}: not the weights that {model} of {run.folder.name} stands on (SHA-256 "
                f"{then[:12]}); name that file with WEIGHTS="
            )


def _unlike_then(
    run: Run, facts: dict, settings: Settings, dataset: Dataset
) -> dict[str, tuple[str, str]]:
    """What is recorded of the machine and the code, and is otherwise now: then, now."""
    here, found = provenance.here_and_now(), {}
    for name in facts["trainings"]:
        model, seed = name.split(", seed ")
        then = read_json(run.training(model, int(seed)) / "provenance.json")
        now = here | {"key": trainings.key(settings, dataset, model, int(seed))}
        for fact in EXPLAINING:
            if then.get(fact) != now[fact]:
                subject = f"what determines {name}" if fact == "key" else f"{fact} of {name}"
                found[subject] = then.get(fact), now[fact]
    return found


def _make_anew(run: Run, parameters: dict[str, Any]) -> Run:
    anew = Run(run.folder.with_name(f"{run.folder.name}-verified"))
    mark = anew.folder / MARK
    if anew.folder.exists() and not mark.exists():
        raise InputError(f"{anew.folder}: there is a run of that name; rename its folder first")
    shutil.rmtree(anew.folder, ignore_errors=True)
    anew.folder.mkdir()
    mark.touch()
    command = [sys.executable, "-m", "helpers.pipeline.book", f"--run={anew.folder.name}"]
    command.append("--end-with-caller")
    for name, value in parameters.items():
        command += [f"--{name.replace('_', '-')}={value}"] if value else []
    arguments = f"{os.environ.get('SNAKEMAKE_ARGUMENTS', '')} {LAST_JOBS}"
    finished = subprocess.run(
        command,
        cwd=REPOSITORY,
        env=os.environ | {"SNAKEMAKE_ARGUMENTS": arguments},
        stdout=subprocess.DEVNULL,  # it names a page that isn't made
    )
    if finished.returncode:
        sys.exit(finished.returncode)  # it has said why
    return anew


def main() -> None:
    """Read the command line, verify, and print a table; exit code 1 where something differs."""
    parser = argparse.ArgumentParser(prog="python -m helpers.pipeline.verify", description=__doc__)
    parser.add_argument("--run", default="", help="the finished run's folder under runs/")
    parser.add_argument("--data-path", help="the file that it was made from, if it lies elsewhere")
    parser.add_argument("--weights", help="the weights file, if it lies elsewhere")
    options = vars(parser.parse_args())
    with console.one_line_errors():
        run = runs.existing(options.pop("run"))
        found = verify(run, options)
        width = max(len(each.artifact) for each in found)
        for each in found:
            print(f"{each.artifact:{width}}  {each.outcome}{each.where and ': '}{each.where}")
        print(f"{run.folder.name}: {worst(found)}")
        if worst(found) == DIFFERENT:
            print(f"what was made anew is in runs/{run.folder.name}-verified")
            sys.exit(1)


if __name__ == "__main__":
    main()
