"""What a trial of heatmaps found: a row a model, method and criterion, and the verdicts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

import numpy as np

from helpers.evaluation.measures import Measure
from helpers.heatmaps import judgement
from helpers.heatmaps.controls import METHODS
from helpers.heatmaps.faithfulness import DELETION, INSERTION
from helpers.heatmaps.judgement import Margin
from helpers.heatmaps.localization import MASS_INSIDE
from helpers.heatmaps.similarity import RANK_CORRELATION
from helpers.study.runs import Run, read_json

NO_MODEL = "no model"
SHUFFLED = "shuffled labels"
# What maps are compared under.
ALL_RANDOM, NOISE, FLIP = "all weights random", "noise", "flip"
OTHER_SEED, OTHER_MODEL = "other seed", "other model"
BEFORE_RELU = "the convolution itself"
MORE_THAN = "more than "  # a model: by how much a value exceeds that of its map of the same image
WARM_AREA, HOTTEST_CELL = "warm area", "same hottest cell"
ANOTHER_DRAW, HALF_THE_CALLS = "another draw of its samples", "half the calls"
CELLS, MEAN_MAPS = "cells", "correlation of mean maps"
PROBABILITY = "fall of the probability"
TRUE_MASK = "true mask, "  # a method: what its grid could show at best
CHANCE, DISEASED = "chance", "diseased images"


class Check(NamedTuple):
    """What is judged of every method: the rows of a criterion under a control."""

    criterion: str
    control: str | None = None


# In the order of the pages.
CHECKS = {
    "finds the lesion": Check(MASS_INSIDE.name),
    "deletion": Check(DELETION),
    "insertion": Check(INSERTION),
    "needs the weights": Check(RANK_CORRELATION.name, ALL_RANDOM),
    "bears noise": Check(RANK_CORRELATION.name, NOISE),
    "turns with the image": Check(RANK_CORRELATION.name, FLIP),
}
# Those in which maps that know no model are tried as well.
BASELINED = ("finds the lesion", "deletion", "insertion")


@dataclass(frozen=True)
class Row:
    """A method's maps of a model by a criterion.

    model : the one whose maps they are, or `NO_MODEL`.
    measure : the mean over images; None where there is none, and `why`.
    chance : what maps earn by chance, or another group of images has (`beside`); None where that
        isn't known.
    control : `SHUFFLED`, the labels of the model's training; all else, what was changed in what
        the maps are compared with.
    class_name : of the images, where they are of one class.
    above : by how much `measure` exceeds the reference that it exceeds least, paired by image;
        of maps that should change, the other way round.
    beside : that reference: chance, or the name of a map that knows no model.
    p : two-sided, of `above`, before Holm; verdict : after it, of those that are judged.
    best : the highest mean of a map that knows no model, on the same images, and `best_map` its
        name; ceiling : what the true masks would have on the map's grid.
    """

    model: str
    method: str
    criterion: str
    measure: Measure | None
    chance: float | None = None
    control: str | None = None
    class_name: str | None = None
    why: str | None = None
    above: Measure | None = None
    beside: str | None = None
    p: float | None = None
    verdict: str | None = None
    best: float | None = None
    best_map: str | None = None
    ceiling: float | None = None

    def as_json(self) -> dict[str, Any]:
        """The row as `explanations.json` has it: control and class packed into two names."""
        model, criterion = self.model, self.criterion
        if self.control == SHUFFLED:
            model = f"{model}, {SHUFFLED}"
        elif self.control:
            criterion = f"{self.control}: {criterion}"
        if self.class_name:
            criterion = f"{criterion}, {self.class_name}"
        told = {name: getattr(self, name) for name in OPTIONAL}
        if self.above:
            told |= {name: getattr(self.above, field) for name, field in ABOVE.items()}
        return {
            "model": model,
            "method": self.method,
            "criterion": criterion,
            **(self.measure or Measure(np.nan, None, None, 0)).as_json(),
            "chance": self.chance,
        } | {name: value for name, value in told.items() if value is not None}

    @classmethod
    def from_json(cls, packed: dict[str, Any]) -> Self:
        """The row that `as_json` packed."""
        model, _, trained_on = packed["model"].partition(", ")
        compared, _, criterion = packed["criterion"].rpartition(": ")
        criterion, _, class_name = criterion.partition(", ")
        above = [packed.get(name) for name in ABOVE]
        return cls(
            model,
            packed["method"],
            criterion,
            None if packed["value"] is None else Measure.from_json(packed),
            packed["chance"],
            trained_on or compared or None,
            class_name or None,
            above=None if above[0] is None else Measure(*above),
            **{name: packed.get(name) for name in OPTIONAL},
        )


OPTIONAL = ("why", "beside", "p", "verdict", "best", "best_map", "ceiling")
ABOVE = {f"above_{field}": field for field in Measure._fields}


def judged(
    model: str,
    method: str,
    criterion: str,
    measure: Measure,
    chance: float | None = None,
    control: str | None = None,
    class_name: str | None = None,
    margin: Margin | None = None,
    **more: Any,
) -> Row:
    """A row of the trial; a measure of no image becomes a gap that says why."""
    if not measure.n:
        why = "no map that isn't constant"
        return Row(model, method, criterion, None, None, control, class_name, why)
    chance = None if chance is None or np.isnan(chance) else float(chance)
    if margin and margin.above.n:
        more |= margin._asdict()
    return Row(model, method, criterion, measure, chance, control, class_name, **more)


def beside_baselines(baselines: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Of the values of maps that know no model, the highest mean and whose it is, for a row."""
    means = {name: float(np.nanmean(values)) for name, values in baselines.items()}
    best = max(means, key=means.__getitem__)
    return {"best": means[best], "best_map": best}


def decided(rows: Iterable[Row]) -> list[Row]:
    """The same rows with verdicts: of each model's methods by `CHECKS`, after Holm over them all.

    A comparison of two models (`MORE_THAN`) is judged among those of the same two.
    """
    rows = list(rows)
    tables: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        is_checked = Check(row.criterion, row.control) in CHECKS.values() and row.method in METHODS
        is_compared = (row.control or "").startswith(MORE_THAN)
        if row.above and not row.class_name and row.model != NO_MODEL:
            if is_checked:
                tables.setdefault(row.model, []).append(place)
            elif is_compared:
                tables.setdefault(f"{row.model} {row.control}", []).append(place)
    for places in tables.values():
        words = judgement.verdicts([(rows[p].above.value, rows[p].p) for p in places])
        for place, word in zip(places, words, strict=True):
            rows[place] = replace(rows[place], verdict=word)
    return rows


def find(
    rows: Iterable[Row],
    model: str,
    method: str,
    criterion: str,
    class_name: str | None = None,
    control: str | None = None,
) -> Row | None:
    """The row of that name, or None where nothing of the kind was tried."""
    wanted = (model, method, criterion, class_name, control)
    for row in rows:
        if (row.model, row.method, row.criterion, row.class_name, row.control) == wanted:
            return row
    return None


def of_check(rows: Iterable[Row], model: str, check: str) -> dict[str, Row]:
    """A model's rows of one of `CHECKS`, by method, in the order of the methods' families."""
    asked = CHECKS[check]
    found = {
        row.method: row
        for row in rows
        if row.model == model
        and (row.criterion, row.control, row.class_name) == (*asked, None)
        and row.method in METHODS
    }
    return {method: found[method] for method in METHODS if method in found}


def tried(rows: Iterable[Row]) -> list[str]:
    """The models whose maps have a value: each once, in order."""
    return list(dict.fromkeys(r.model for r in rows if r.measure and r.model != NO_MODEL))


def load(run: Run) -> list[Row]:
    """The rows of a run's `explanations.json`; none without a whole file of them."""
    try:
        return [Row.from_json(packed) for packed in read_json(run.explanations) or []]
    except (TypeError, LookupError, AttributeError, ValueError):
        return []
