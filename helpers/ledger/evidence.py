"""A run's answers to the ledger: what each source that `measured` names has to say."""

import functools
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from helpers.data.dataset import Dataset
from helpers.evaluation import measures, metrics, seeds
from helpers.evaluation.metrics import Metrics
from helpers.heatmaps import localization, rows
from helpers.heatmaps.controls import GRAD_CAM
from helpers.heatmaps.judgement import FAIL, PASS, UNDECIDED
from helpers.heatmaps.rows import Row
from helpers.ledger import claims
from helpers.models.trainings import Trained
from helpers.study import architectures, data_sets, settings
from helpers.study.settings import Settings

AS_LISTED = "as listed"
# Criteria that hold a heatmap against a known lesion, which only the phantom has.
ON_LESIONS = {criterion.name for criterion in localization.CRITERIA} | {rows.WARM_AREA}


class Answer(NamedTuple):
    """What a run has on a claim; `obstacle` says why that decides nothing.

    value : of a result of training the mean over seeds. interval : where the result of one more
    seed would lie (`seeds.prediction_interval`): report and run are judged on the same images, so
    what tells them apart by chance is training.
    """

    value: float | str | None = None
    interval: tuple[float, float] | None = None
    obstacle: str | None = None


class _Lacking(Exception):
    """The run lacks the model of that name."""


@dataclass(frozen=True)
class Evidence:
    """A run's answers; each of `claims.SOURCES` is a method of its own.

    metrics : by model, seed and name, as `metrics.measure_all` gives them, the first seed first.
    trainings : every model's, the first seed first. Models that no claim names don't matter.
    """

    settings: Settings
    dataset: Dataset
    metrics: Metrics
    trainings: Sequence[Trained]

    def answer(self, measured: str) -> Answer:
        """What the run has on a claim's `measured`."""
        source, *names = measured.split()
        try:
            return getattr(self, source)(*names)
        except _Lacking as model:
            return Answer(obstacle=f"this run has no {model}")

    def metric(self, model: str, name: str) -> Answer:
        """A test metric."""
        values = self._by_seed(model, name)
        return _over_seeds(list(values.values()), name, self._other_training(model))

    def history(self, model: str, column: str) -> Answer:
        """A column of the history after the last epoch."""
        self._first(model)
        values = [float(t.history[column].iloc[-1]) for t in self.trainings if t.model == model]
        return _over_seeds(values, column, self._other_training(model))

    def minutes(self, model: str) -> Answer:
        """How long the training took."""
        return Answer(self._first(model).provenance["seconds"] / 60)

    def parameters(self, model: str) -> Answer:
        """How many weights the model has."""
        total = self._first(model).provenance["parameters"]["total"]
        counted_by = ("data_set", *architectures.get(model).counted_by)
        return Answer(total, None, self._departures(model, counted_by))

    def ratio(self, first: str, second: str) -> Answer:
        """How many times as many weights the first model has."""
        above, below = self.parameters(first), self.parameters(second)
        return Answer(above.value / below.value, None, above.obstacle or below.obstacle)

    def difference(self, first: str, second: str) -> Answer:
        """By how much the first model is the more accurate one, seed by seed."""
        return self._difference("accuracy", first, second)

    def least_difference(self, first: str, second: str) -> Answer:
        """The least lead of the first model, of all metrics that the report compares.

        These are accuracy, precision, recall and F1, averaged and of each class, and the micro AUC.
        Told is the metric that decides: one whose interval lies below 0, if there is one, else the
        one whose interval begins lowest, so that above 0 all are ahead.
        """
        every = metrics.names(self.dataset.classes)
        compared = [n for n in every if n == "auc/micro" or not n.startswith(("loss", "auc/"))]
        answers = [self._difference(name, first, second) for name in compared]
        for each in answers:
            if each.interval is None:
                return each
        behind = min(answers, key=lambda each: each.interval[1])
        return behind if behind.interval[1] < 0 else min(answers, key=lambda each: each.interval[0])

    def setting(self, name: str) -> Answer:
        """A setting; the images' size is their own, since a file brings it along."""
        values = self.settings.flat() | {"image_size": self.dataset.size}
        for entry in map(architectures.get, architectures.names()):
            kind = name.removesuffix(f"_{entry.setting_suffix}")
            if kind != name and kind in settings.OfModel.model_fields:
                values[name] = getattr(self.settings, kind)(self._first(entry.name).model)
        value = values[name]
        return Answer(str(value) if isinstance(value, bool) else _without_folder(value))

    def layers(self, model: str, *names: str) -> Answer:
        """Whether layers that depend on these settings are as the report lists them."""
        return Answer(AS_LISTED, None, self._departures(self._first(model).model, names))

    def medmnist(self, *names: str) -> Answer:
        """What MedMNIST's table says of the set that the report is about."""
        facts = data_sets.INFO[data_sets.audited().name]
        derived = {"total": sum(facts["n_samples"].values()), "classes": len(facts["label"])}
        return Answer(functools.reduce(lambda part, name: part[name], names, facts | derived))

    def protocol(self, name: str) -> Answer:
        """What every run of this book does."""
        return Answer(claims.EVERY_RUN[name])

    def _first(self, model: str) -> Trained:
        for trained in self.trainings:
            if trained.model == model:
                return trained
        raise _Lacking(model)

    def _by_seed(self, model: str, name: str) -> dict[str, float]:
        """A test metric by seed, where it is known."""
        if model not in self.metrics:
            raise _Lacking(model)
        known = {s: m[name].value for s, m in self.metrics[model].items() if name in m}
        return {seed: value for seed, value in known.items() if not np.isnan(value)}

    def _difference(self, name: str, first: str, second: str) -> Answer:
        obstacle = self._other_training(first) or self._other_training(second)
        ahead, behind = self._by_seed(first, name), self._by_seed(second, name)
        values = [ahead[seed] - behind[seed] for seed in ahead if seed in behind]
        return _over_seeds(values, name, obstacle, (-1.0, 1.0))

    def _other_training(self, model: str) -> str | None:
        """How the run departs from the protocol that the report's figures are about."""
        return other_images(self.dataset) or self._departures(model)

    def _departures(self, model: str, names: Collection[str] | None = None) -> str | None:
        """Which of the settings that a model depends on, or of those named, aren't the report's."""
        report = settings.load_settings(settings.PROTOCOL)
        stated = claims.determining(report, model, report.data.image_size)
        here = claims.determining(self.settings, model, self.dataset.size)
        names = here if names is None else names
        if "data_set" in names and not self.dataset.data_set.audited:
            return f"this run is about {self.dataset.data_set.title}"
        departures = [
            f"{name}={_without_folder(here[name])}"
            for name in names
            if name != "data_set" and here[name] != stated[name]
        ]
        told = f"this run's settings aren't the report's ({', '.join(departures)})"
        return told if departures else None


def _over_seeds(
    values: Sequence[float],
    name: str,
    obstacle: str | None,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> Answer:
    """The mean of seeds' results, and where another's would lie, if these are enough to tell.

    bounds : between which results lie; a loss has no upper one.
    """
    if not values:
        return Answer(obstacle=f"this run has no {name}")
    mean, count = float(np.mean(values)), len(values)
    if count < seeds.FEWEST:
        told = f"{count} seed{'' if count == 1 else 's'}"
        few = f"{told}, and how far seeds lie apart takes {seeds.FEWEST} to tell"
        return Answer(mean, None, obstacle or few)
    least, most = bounds[0], inf if "loss" in name else bounds[1]
    low, high = seeds.prediction_interval(values)
    return Answer(mean, (max(low, least), min(high, most)), obstacle)


def on_heatmaps(trial: Sequence[Row], models: Sequence[str], criteria: Iterable[str]) -> str | None:
    """What a trial says to a claim's `heatmap`, in a clause; None where nothing was measured.

    The claim is about the first of the models. Others are what it is set beside: then told is the
    difference on the same images, and whether it is shown.
    """
    parts = []
    model, *others = models
    for packed in criteria:
        criterion, _, class_name = packed.partition(", ")
        for control in [f"{rows.MORE_THAN}{other}" for other in others] or [None]:
            row = rows.find(trial, model, GRAD_CAM, criterion, class_name or None, control)
            if row and row.measure:
                beside = f" {control}" if control else ""
                where = " (on the phantom)" if criterion in ON_LESIONS else ""
                parts.append(f"{packed}{where}{beside} {row_in_words(row)}")
    told = f"measured on {GRAD_CAM} of {model}: {', '.join(parts)}"
    return told if parts else None


# A verdict in words, of a method and of the difference between two models.
VERDICTS = {PASS: "passes", FAIL: "fails", UNDECIDED: "undecided"}
DIFFERENCES = {PASS: "more, shown", FAIL: "less, shown", UNDECIDED: "no difference shown"}


def row_in_words(row: Row) -> str:
    """A row's value, interval, what chance earns, n, and its verdict; or why there is none."""
    if row.measure is None:
        return row.why
    is_compared = (row.control or "").startswith(rows.MORE_THAN)
    beside = row.beside if row.beside == rows.DISEASED else rows.CHANCE
    chance = "" if row.chance is None else f"{beside} {row.chance:.3f}, "
    verdict = (DIFFERENCES if is_compared else VERDICTS).get(row.verdict)
    if row.best_map:
        chance += f"{row.best_map} {row.best:.3f}, "
    # Each part stays on one line of a narrow cell.
    parts = (row.measure.text(), f"{chance}n = {row.measure.n}", verdict)
    return "; ".join(
        part.replace(" ", measures.NO_BREAK_SPACE) for part in parts if part is not None
    )


def other_images(dataset: Dataset) -> str | None:
    """Which images a run used in place of the report's, in a clause; None where it used those."""
    if dataset.is_audited:
        return None
    if not dataset.data_set.audited:
        return f"this run is about {dataset.data_set.title}"
    if dataset.is_official:
        return f"this run used its images at {dataset.size} px"
    if dataset.name.casefold() == dataset.data_set.title.casefold():
        return f"this run used a file named {dataset.name} whose MD5 isn't MedMNIST's"
    return f"this run used {dataset.in_prose}"


def _without_folder(value: Any) -> Any:
    """A setting's value as a page may tell it: of a path the file's name."""
    return Path(value).name if isinstance(value, str) else value
