"""What a trial of heatmaps found: a row a model, method and criterion, and the verdicts."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from helpers.evaluation.measures import Measure
from helpers.heatmaps.faithfulness import DELETION, INSERTION
from helpers.heatmaps.localization import EDGES, MASS_INSIDE
from helpers.heatmaps.maps import Criterion
from helpers.heatmaps.similarity import CRITERIA, RANK_CORRELATION
from helpers.study.runs import Run, read_json

NO_MODEL = "no model"
SHUFFLED = "shuffled labels"
# What maps are compared under; `RANDOM_DOWN_TO` is followed by a stage.
RANDOM_DOWN_TO, ALL_RANDOM = "random down to ", "all weights random"
QUIET_NOISE, FLIP, OTHER_SEED, OTHER_MODEL = "quiet noise", "flip", "other seed", "other model"
# From this rank correlation on two maps count as the same, and below it as another: ours.
SAME = 0.5


@dataclass(frozen=True)
class Row:
    """A method's maps of a model by a criterion.

    model : the one whose maps they are, or `NO_MODEL`.
    measure : the mean over images; None where there is none, and `why`.
    chance : what maps earn by chance; None where that isn't known.
    control : `SHUFFLED`, the labels of the model's training; all else, what was changed in what
        the maps are compared with.
    class_name : of the images, where they are of one class.
    """

    model: str
    method: str
    criterion: str
    measure: Measure | None
    chance: float | None = None
    control: str | None = None
    class_name: str | None = None
    why: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The row as `explanations.json` has it: control and class packed into two names."""
        model, criterion = self.model, self.criterion
        if self.control == SHUFFLED:
            model = f"{model}, {SHUFFLED}"
        elif self.control:
            criterion = f"{self.control}: {criterion}"
        if self.class_name:
            criterion = f"{criterion}, {self.class_name}"
        return {
            "model": model,
            "method": self.method,
            "criterion": criterion,
            **(self.measure or Measure(np.nan, None, None, 0)).as_json(),
            "chance": self.chance,
        } | ({"why": self.why} if self.why else {})

    @classmethod
    def from_json(cls, packed: dict[str, Any]) -> Self:
        """The row that `as_json` packed."""
        model, _, trained_on = packed["model"].partition(", ")
        compared, _, criterion = packed["criterion"].rpartition(": ")
        criterion, _, class_name = criterion.partition(", ")
        return cls(
            model,
            packed["method"],
            criterion,
            None if packed["value"] is None else Measure.from_json(packed),
            packed["chance"],
            trained_on or compared or None,
            class_name or None,
            packed.get("why"),
        )


def judged(
    model: str,
    method: str,
    criterion: str,
    measure: Measure,
    chance: float,
    control: str | None = None,
    class_name: str | None = None,
) -> Row:
    """A row of the trial; a measure of no image becomes a gap that says why."""
    known, why = None if np.isnan(chance) else float(chance), None
    if not measure.n:
        measure, known, why = None, None, "no map that isn't constant"
    return Row(model, method, criterion, measure, known, control, class_name, why)


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


def compared(rows: Iterable[Row]) -> list[tuple[str, str]]:
    """Under which controls, and by which criteria, maps were compared: each once, in order."""
    names = {criterion.name for criterion in CRITERIA}
    return list(dict.fromkeys((r.control, r.criterion) for r in rows if r.criterion in names))


def randomizes(control: str) -> bool:
    """Whether a control draws weights anew."""
    return control == ALL_RANDOM or control.startswith(RANDOM_DOWN_TO)


def load(run: Run) -> list[Row]:
    """The rows of a run's `explanations.json`; none without a whole file of them."""
    try:
        return [Row.from_json(packed) for packed in read_json(run.explanations) or []]
    except (TypeError, LookupError, AttributeError, ValueError):
        return []


# What a method passes: the criterion and control of a row, and where its interval has to lie.
CHECKS: dict[str, tuple[Criterion, str | None, Callable[[Row], bool]]] = {
    "finds the lesion": (MASS_INSIDE, None, lambda row: row.measure.low > row.chance),
    "deletion": (DELETION, None, lambda row: row.measure.low > 0),  # a random order's is 0
    "insertion": (INSERTION, None, lambda row: row.measure.low > 0),
    "needs the weights": (RANK_CORRELATION, ALL_RANDOM, lambda row: row.measure.high < SAME),
    "quiet noise": (RANK_CORRELATION, QUIET_NOISE, lambda row: row.measure.low > SAME),
    "flip": (RANK_CORRELATION, FLIP, lambda row: row.measure.low > SAME),
}


def verdicts(rows: list[Row], model: str) -> pd.DataFrame:
    """A method a row, a check a column: True where it passes, False where not, None untried.

    The method that passes most comes first.
    """
    # The image's edges, as a map, are tried by deletion and insertion alone.
    methods = dict.fromkeys(r.method for r in rows if r.model == model and r.method != EDGES)
    passed = {method: dict.fromkeys(CHECKS) for method in methods}
    for method, checks in passed.items():
        for check, (criterion, control, passes) in CHECKS.items():
            row = find(rows, model, method, criterion.name, control=control)
            if row and row.measure:
                checks[check] = bool(passes(row))
    order = sorted(passed, key=lambda method: -list(passed[method].values()).count(True))
    table = {method: passed[method] for method in order}
    return pd.DataFrame(table, dtype=object).T.rename_axis("method")


def keeping_maps(rows: list[Row], model: str) -> list[Row]:
    """The rows of a model's methods whose maps stay the same though all weights are random.

    The rank correlation's interval lies above `SAME` and above chance: edge detectors.
    """
    wanted = (model, ALL_RANDOM, RANK_CORRELATION.name)
    random = [row for row in rows if (row.model, row.control, row.criterion) == wanted]
    return [row for row in random if row.measure and row.measure.low > max(SAME, row.chance or 0)]
