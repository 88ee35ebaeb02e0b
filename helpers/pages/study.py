"""What a chapter tells of: a run at hand, or one on real images that the repository keeps."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape

import numpy as np
import pandas as pd
from IPython.display import HTML

from helpers.data.dataset import Dataset, Split
from helpers.models import trainings
from helpers.models.trainings import Trained
from helpers.pages import origin
from helpers.study import architectures, data_sets, provenance, runs
from helpers.study.runs import Run, read_json
from helpers.study.settings import REPOSITORY, Settings, restored

# Recorded runs, a folder each that is laid out as a run's own is, without models.
RECORDS = REPOSITORY / "results"
# What the pages show beside a run on the phantom, the first that there is.
SHOWN = ("octmnist", "octmnist-mini")


@dataclass(frozen=True)
class Study:
    """A run's settings, images and results; what no job has made yet is made when asked for."""

    settings: Settings
    dataset: Dataset
    run: Run

    @cached_property
    def trainings(self) -> list[Trained]:
        """Every model's training for every seed, as the chapters before have left them.

        What is missing is trained first, in a process of its own, where the run may fill its gaps;
        elsewhere it raises InputError, naming the chapter to run first.
        """
        for model, seed in itertools.product(self.settings.models, self.settings.seeds):
            if self.run.fills_gaps and trainings.load(*self.given, model, seed) is None:
                self._train_first(model, seed)
        return trainings.recall(*self.given)

    @property
    def given(self) -> tuple[Run, Settings, Dataset]:
        """What a job's result is read with, such as `metrics.load_or_measure(*study.given)`."""
        return self.run, self.settings, self.dataset

    @property
    def title(self) -> str:
        """What the run is, as the beginning of a paragraph names it."""
        return f"This run, on {self.dataset.in_prose}"

    @property
    def by_model(self) -> dict[str, list[Trained]]:
        """The trainings of each model, a seed each."""
        return {m: [t for t in self.trainings if t.model == m] for m in self.settings.models}

    @property
    def shown(self) -> dict[str, Trained]:
        """Each model's training with the first seed, whose single images and curves pages show."""
        return {t.model: t for t in self.trainings if t.seed == self.settings.first_seed}

    @cached_property
    def record(self) -> Study | None:
        """The recorded run that pages show beside this one; None beside a run on real images."""
        return recorded() if self.dataset.is_phantom else None

    def trained_in(self, chapter: str) -> tuple[str, ...]:
        """The models of this run that a chapter trains."""
        return tuple(m for m in architectures.trained_in(chapter) if m in self.settings.models)

    def findings(self, tell: Callable[[Study], list[str]]) -> HTML | None:
        """What a chapter found: plain sentences of the recorded run, if any, and of this one.

        `tell` gives a study's sentences, and none where it has nothing to tell.
        """
        told = {s.title: list(filter(None, tell(s))) for s in (self.record, self) if s}
        paragraphs = [
            f"<p><b>{escape(title)}.</b> {escape(' '.join(sentences))}</p>"
            for title, sentences in told.items()
            if sentences
        ]
        return HTML(f'<div class="findings">{"".join(paragraphs)}</div>') if paragraphs else None

    @property
    def banner(self) -> HTML:
        """The box on top of a page (`origin.banner`)."""
        return HTML(origin.banner(self.settings, self.dataset, self.beside))

    @property
    def beside(self) -> str:
        """What recorded run the pages tell of beside this one, in HTML; empty where of none."""
        if self.record is None:
            return ""
        bases = origin.about_bases(self.record.settings)
        title = escape(self.record.title)
        return f"Beside its findings stand those of another run. {title}. {bases}"

    def origin(self, made: dict | None = None) -> pd.DataFrame:
        """What made the page (`origin.table`): a training's provenance, or here and now."""
        made = made or provenance.here_and_now()
        return origin.table(self.settings, self.dataset, self.dataset.origin, made)

    def _train_first(self, model: str, seed: int) -> None:
        chapter = architectures.get(model).chapter
        print(f"first chapter {chapter}: training {model}, seed {seed}", file=sys.stderr)
        job = [sys.executable, "-m", "helpers.pipeline.jobs", "train", model, str(seed)]
        of_run = ["--folder", str(self.run.folder), "--parameters"]
        settings = json.dumps(self.settings.flat())
        subprocess.run([*job, *of_run, settings], cwd=REPOSITORY, check=True)


@dataclass(frozen=True)
class Described(Study):
    """A finished run as its folder tells it: without images, and with nothing made anew."""

    facts: dict  # as `run.json` tells them

    @property
    def counts(self) -> dict[str, int]:
        """How many images each split has."""
        return self.facts["counts"]


@dataclass(frozen=True)
class Recorded(Described):
    """A run on real images that the repository keeps."""

    date: str  # of the record
    commit: str  # of the code that made its results

    @property
    def title(self) -> str:
        images = f"{sum(self.counts.values()):,} real scans"
        if self.dataset.is_official:
            return f"Recorded on {self.date}: {self.dataset.name}, {images}"
        audited = data_sets.audited().title
        return f"Recorded on {self.date}: {images} ({self.run.folder.name}), not {audited} itself"


def described(run: Run) -> Described:
    """A finished run, from its folder alone; InputError where its `run.json` is another's."""
    facts, finished = runs.record(run), replace(run, is_recorded=True)
    return Described(restored(facts["settings"]), _without_images(facts), finished, facts)


def recorded() -> Recorded | None:
    """The recorded run that pages show beside the phantom; None where there is none."""
    for name in SHOWN:
        run = Run(RECORDS / name, is_recorded=True)
        if run.description.is_file():
            facts, record = runs.record(run), read_json(run.folder / "record.json")
            settings = restored(facts["settings"])
            return Recorded(settings, _without_images(facts), run, facts, **record)
    return None


def _without_images(facts: dict) -> Dataset:
    none = Split(np.empty((0, *facts["shape"]), np.uint8), np.empty(0, np.int64))
    return Dataset(
        facts["data"],
        data_sets.get(facts["data_set"]),
        *(none, none, none),
        is_official=facts["is_official"],
        lesion_masks={} if facts["is_phantom"] else None,
    )
