"""`make record`: keep a finished run on real images in the repository, so that pages can show it.

Kept are predictions, labels, histories, provenance and results: no image, no model. Only a run that
the committed code makes just so is kept.
"""

import argparse
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

from helpers.data import dataset as datasets
from helpers.data.dataset import Dataset
from helpers.evaluation import acquisition, metrics, patients
from helpers.evaluation.seeds import FEWEST
from helpers.heatmaps import results
from helpers.ledger import verdicts
from helpers.models import trainings
from helpers.pages.study import RECORDS
from helpers.pipeline import building, console, site
from helpers.study import provenance, runs
from helpers.study.errors import InputError
from helpers.study.runs import Run, read_json, replacing, write_json
from helpers.study.settings import Settings, load_settings

# A training's files that are kept.
OF_TRAINING = (trainings.PREDICTIONS, trainings.HISTORY, trainings.PROVENANCE)
LARGEST = 3_000_000  # bytes of a record


def record(run: Run) -> Path:
    """Keep a run in the folder of `results/` that is named after its data, which is replaced whole.

    Raises InputError for a run that is not finished, not clean (uncommitted or unknown code, then
    or now), on the phantom, or of fewer than five seeds.
    """
    with building.at_work_in(run):
        site.require_finished(run)
        commit = _clean("the code here", provenance.commit())
        parameters = read_json(run.call)["parameters"]
        settings = load_settings(**parameters)
        dataset = datasets.load(settings.data)
        _require_worth_keeping(run, settings, dataset)
        given = run, settings, dataset
        metrics.load_or_measure(*given)
        acquisition.load_or_measure(*given)
        patients.load_or_measure(*given)
        results.load_or_run(*given)
        verdicts.load_or_judge(*given)
        return _keep(run, settings, dataset, commit)


def name_of(dataset: Dataset) -> str:
    """The folder of `results/` that a data set's record has: its name in small letters."""
    return re.sub(r"[^a-z0-9]+", "-", dataset.name.lower()).strip("-")


def _require_worth_keeping(run: Run, settings: Settings, dataset: Dataset) -> None:
    if dataset.is_phantom:
        raise InputError(f"{run.shown}: is on the phantom, and a record is of real images")
    if len(settings.seeds) < FEWEST:
        raise InputError(
            f"{run.shown}: has {len(settings.seeds)} seeds, and a record needs {FEWEST} or more: "
            "make book with SEEDS=0,1,2,3,4"
        )
    for trained in trainings.recall(run, settings, dataset):
        name = f"{trained.model}, seed {trained.seed}"
        _clean(f"{run.shown}: {name}'s code", trained.provenance["commit"])


def _clean(whose: str, commit: str) -> str:
    if commit.startswith(provenance.UNKNOWN) or "-dirty" in commit:
        raise InputError(f"{whose} is of commit {commit!r}, which nobody else has; commit first")
    return commit


def _keep(run: Run, settings: Settings, dataset: Dataset, commit: str) -> Path:
    target = RECORDS / name_of(dataset)
    with replacing(target) as folder:
        kept = Run(folder)
        kept.artifacts.mkdir()
        texts = sorted(run.artifacts.glob("*.json"))
        for path in texts:
            shutil.copy(path, kept.artifacts)
        for model in settings.models:
            for seed in settings.seeds:
                kept.training(model, seed).mkdir(parents=True)
                for name in OF_TRAINING:
                    shutil.copy(run.training(model, seed) / name, kept.training(model, seed))
        today = datetime.now(UTC).strftime("%Y-%m-%d")
        write_json(folder / "record.json", {"date": today, "commit": commit})
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        if size > LARGEST:
            raise InputError(f"{run.shown}: a record of {size:,} bytes is too large ({LARGEST:,})")
    return target


def main() -> None:
    """Read the command line and record a run."""
    parser = argparse.ArgumentParser(prog="python -m helpers.pipeline.record", description=__doc__)
    parser.add_argument("--run", required=True, help="folder under runs/")
    with console.one_line_errors():
        kept = record(runs.existing(parser.parse_args().run))
        print(f"{kept.relative_to(RECORDS.parent)} holds the record; commit it")


if __name__ == "__main__":
    main()
