"""How a chapter begins: settings, data, trainings, and a box that says what made the page."""

from __future__ import annotations

import ast
import difflib
import itertools
import json
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd
from IPython import get_ipython
from IPython.display import HTML

from helpers.data import dataset as datasets
from helpers.data.dataset import Dataset
from helpers.models import trainings
from helpers.models.trainings import Trained
from helpers.pages import style
from helpers.study import architectures, names, provenance
from helpers.study.errors import InputError
from helpers.study.runs import Run, open_run
from helpers.study.settings import (
    PROTOCOL,
    REPOSITORY,
    Settings,
    differences,
    load_settings,
)
from helpers.study.settings import names as setting_names

INJECTED = "# Parameters\n"  # how papermill's own cell begins


@dataclass(frozen=True)
class Study:
    """What a chapter is about: its settings, its images, and the run that it belongs to."""

    settings: Settings
    dataset: Dataset
    run: Run

    @cached_property
    def trainings(self) -> list[Trained]:
        """Every model's training for every seed, as the chapters before have left them.

        What is missing is trained first, in a process of its own, where the run may fill its gaps;
        elsewhere it raises InputError, naming the chapter to run first.
        """
        given = self.run, self.settings, self.dataset
        for model, seed in itertools.product(self.settings.models, self.settings.seeds):
            if self.run.fills_gaps and trainings.load(*given, model, seed) is None:
                self._train_first(model, seed)
        return trainings.recall(*given)

    @property
    def shown(self) -> dict[str, Trained]:
        """Each model's training with the first seed, which pages show."""
        return {t.model: t for t in self.trainings if t.seed == self.settings.first_seed}

    def trained_in(self, chapter: str) -> tuple[str, ...]:
        """The models of this run that a chapter trains."""
        return tuple(m for m in architectures.trained_in(chapter) if m in self.settings.models)

    @property
    def banner(self) -> HTML:
        """The box on top of a page (`banner`)."""
        return HTML(banner(self.settings, self.dataset))

    def origin(self, made: dict | None = None) -> pd.DataFrame:
        """What made the page (`origin_table`): a training's provenance, or here and now."""
        made = made or provenance.here_and_now()
        return origin_table(self.settings, self.dataset, self.dataset.origin, made)

    def _train_first(self, model: str, seed: int) -> None:
        chapter = architectures.get(model).chapter
        print(f"first chapter {chapter}: training {model}, seed {seed}", file=sys.stderr)
        job = [sys.executable, "-m", "helpers.pipeline.jobs", "train", model, str(seed)]
        of_run = ["--folder", str(self.run.folder), "--parameters"]
        settings = json.dumps(self.settings.flat())
        subprocess.run([*job, *of_run, settings], cwd=REPOSITORY, check=True)


def open_study(
    profile: str, overrides: str | None = None, run: str | None = None, **parameters: Any
) -> Study:
    """Open what a chapter's parameters ask for, as `load_settings` takes them; set the style.

    `run` is the folder under `runs/` that the chapter belongs to; by default one under
    `runs/scratch`. Whatever else papermill was given is a setting as well. Raises InputError for
    settings or data that can't be used, and for a parameter that is no setting.
    """
    own = {"profile", "overrides", "run", *parameters}
    more = {name: value for name, value in injected().items() if name not in own}
    for name in more:
        if name not in setting_names():
            close = difflib.get_close_matches(name, [*own, *setting_names()], n=1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            raise InputError(
                f"unknown setting {name!r}: {hint}A chapter takes {', '.join(sorted(own))} and "
                "every setting in profiles/paper.yaml"
            )
    settings = load_settings(profile, overrides, **parameters, **more)
    style.use()
    return Study(settings, datasets.load(settings.data), open_run(settings, run))


def injected() -> dict[str, Any]:
    """What papermill was given for the chapter that runs here, by name; nothing elsewhere.

    It lays a cell over a chapter's own parameters, which the kernel remembers like any other.
    """
    shell = get_ipython()
    cells = shell.user_ns.get("In", []) if shell else []
    given = [cell for cell in cells if cell.startswith(INJECTED)]
    assigned = ast.parse(given[-1]).body if given else []
    targets = [node.targets[0].id for node in assigned if isinstance(node, ast.Assign)]
    return {name: shell.user_ns[name] for name in targets}


def banner(settings: Settings, dataset: Dataset) -> str:
    """What a page was made from, as HTML; an empty text where that is all as the report has it."""
    told = [_about_data(dataset), *_about_bases(settings), _about_protocol(settings, dataset)]
    told = [f'<p style="color: inherit">{sentence}</p>' for sentence in told if sentence]
    if not told:
        return ""
    # Its own colours, since a theme's box is unreadable among a dark page's outputs.
    return (
        '<div style="background: #FFF1E5; color: #222222; border-left: 4px solid #D55E00; '
        'padding: 0.6em 1em 0.1em 1em; margin-bottom: 1em"><p style="color: inherit">'
        f"<b>What this page was made from</b></p>{''.join(told)}</div>"
    )


def _about_data(dataset: Dataset) -> str:
    if dataset.is_official and dataset.data_set.audited:
        return ""
    title = dataset.data_set.title
    if dataset.is_phantom:
        return (
            "Made from a <b>phantom</b>: synthetic images, drawn by a program. These figures show "
            f"that the book runs; they say nothing on patients, nor on {title}."
        )
    made_from = f"Made from <b>{escape(dataset.name)}</b>, a"
    if dataset.is_official:
        return f"{made_from} set that the report is not about."
    return f"{made_from} file of the user's own, and not from {title} itself."


def _about_bases(settings: Settings) -> list[str]:
    told = []
    for model in settings.models:
        base = architectures.get(model).base
        others = {settings.weights(m) for m in settings.models if architectures.get(m).base}
        whose = f"{base.title}'s base" if base and len(others) == 1 else f"The base of {model}"
        if base and settings.has_random_base(model):
            told.append(
                f"{whose} has <b>random weights</b>: its chapter shows the machinery, not what "
                "pretraining achieves."
            )
        elif base and Path(settings.weights(model)).is_absolute():
            told.append(f"{whose} has weights from a file, not Keras's ImageNet weights.")
    return list(dict.fromkeys(told))


def _about_protocol(settings: Settings, dataset: Dataset) -> str:
    told = "; ".join(
        f"<b>{name}</b> is {escape(_shown(here))} (protocol: {escape(_shown(protocols))})"
        for name, (here, protocols) in departures(settings, dataset).items()
    )
    lead = f"Differs from the report's protocol (profile <b>{PROTOCOL}</b>) in:"
    return f"{lead} {told}." if told else ""


def departures(settings: Settings, dataset: Dataset) -> dict[str, tuple[Any, Any]]:
    """Every setting that differs from the report's protocol, whatever the profile: here, there."""
    protocol = load_settings(PROTOCOL)
    sizes = dataset.size, protocol.data.image_size
    of_images = {} if sizes[0] == sizes[1] else {"image_size": sizes}
    return of_images | differences(settings, protocol)


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return names.shown(Path(value).name)  # no folder of the machine
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def origin_table(settings: Settings, dataset: Dataset, origin: str, made: dict) -> pd.DataFrame:
    """Data, profile, changed settings, seeds, commit, packages and hardware behind a page."""
    changed = [
        f"{name}={_shown(here)}" for name, (here, _) in departures(settings, dataset).items()
    ]
    rows = {
        "data": origin,
        "profile": settings.profile,
        "unlike the report's protocol": ", ".join(changed) or "nothing",
        "seeds": ", ".join(map(str, settings.seeds)),
        **{name: made[name] for name in ("date", "commit", "packages", "python", "hardware")},
    }
    return pd.DataFrame({"this page": rows}).rename_axis("made from")
