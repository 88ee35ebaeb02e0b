"""The rows of `explanations.json`: how they are kept, judged and told.

A row is {"model", "method", "criterion", "value", "low", "high", "n", "chance"}; one without a
value has a further "why".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from helpers import claims, evaluation, runs
from helpers.sentences import LONG_NAMES, capital, listed

if TYPE_CHECKING:
    from helpers.evaluation import Measure
    from helpers.runs import Run

Row = dict[str, Any]

TRUTH = ("pointing game", "mass inside", "AUPRC", "IoU")
FAITHFULNESS = ("deletion", "insertion")
RANK = "rank correlation"
ALIKE = ("SSIM", RANK)
RANDOM = "all weights random"
# From this rank correlation on two maps count as the same, and below it as another: ours.
SAME = 0.5
# Blue for what passes and orange for what doesn't, dark letters on both, on light and dark pages.
PASSED, FAILED, UNTRIED = "#A6CEE3", "#FDBF6F", "#DDDDDD"
# Claims that set ResNet50's maps above the custom CNN's.
COMPARED = ("resnet50-localisation", "resnet50-noise", "resnet50-boundaries")


def row(model: str, method: str, criterion: str, measure: Measure, chance: float) -> Row:
    """A row of the trial; a measure without a number becomes a gap that says why."""
    if not measure["n"]:
        return gap(model, method, criterion, "no map that isn't constant")
    return {
        "model": model,
        "method": method,
        "criterion": criterion,
        **{name: measure[name] for name in ("value", "low", "high", "n")},
        "chance": None if np.isnan(chance) else float(chance),
    }


def gap(model: str, method: str, criterion: str, why: str) -> Row:
    """A row without a value, and why."""
    empty = dict.fromkeys(("value", "low", "high"))
    return {
        "model": model,
        "method": method,
        "criterion": criterion,
        **empty,
        "n": 0,
        "chance": None,
        "why": why,
    }


def save(run: Run, rows: list[Row]) -> None:
    """Keep the trial in `<run>/artifacts/explanations.json`, untouched where it is the same."""
    runs.write_json(run.artifacts / "explanations.json", rows)


def recall(run: Run) -> list[Row]:
    """The rows that `save` kept; none where chapter 5 hasn't run."""
    return runs.read_json(run.artifacts / "explanations.json") or []


def table(rows: list[Row], model: str, criteria: Iterable[str]) -> pd.DataFrame:
    """A model's methods by criteria as text: value, interval, what chance earns; or why not."""
    cells: dict[str, dict[str, str]] = {}
    for found in rows:
        if found["model"] == model and found["criterion"] in criteria:
            cells.setdefault(found["method"], {})[found["criterion"]] = _in_words(found)
    return pd.DataFrame(cells).T.reindex(columns=list(criteria)).rename_axis("method")


def _in_words(found: Row) -> str:
    if found["value"] is None:
        return found["why"]
    # Each half stays on one line of a narrow cell.
    below = f"n = {found['n']}"
    if found["chance"] is not None:
        below = f"chance {found['chance']:.3f}, {below}"
    halves = (evaluation.measure_in_words(found), below)
    return "; ".join(half.replace(" ", "\N{NO-BREAK SPACE}") for half in halves)


def verdicts(rows: list[Row], model: str) -> pd.DataFrame:
    """A method a row, a trial a column: True where it passes, False where not, None untried.

    `finds the lesion`: mass inside above chance; `deletion`, `insertion`: better than a random
    order (intervals above it in all three). `needs the weights`: with all weights random its maps
    are others (the interval of the rank correlation below `SAME`). `quiet noise`, `flip`: its maps
    stay the same (the interval above `SAME`). The method that passes most comes first.
    """
    by_name = {(r["method"], r["criterion"]): r for r in rows if r["model"] == model}
    # The image's edges, as a map, are tried by deletion and insertion alone.
    methods = [m for m in dict.fromkeys(method for method, _ in by_name) if m != "edges"]
    rank = f": {RANK}"
    trials: dict[str, tuple[str, Callable[[Row], bool]]] = {
        "finds the lesion": ("mass inside", lambda r: r["low"] > r["chance"]),
        "deletion": ("deletion", lambda r: r["low"] > 0),
        "insertion": ("insertion", lambda r: r["low"] > 0),
        "needs the weights": (f"{RANDOM}{rank}", lambda r: r["high"] < SAME),
        "quiet noise": (f"quiet noise{rank}", lambda r: r["low"] > SAME),
        "flip": (f"flip{rank}", lambda r: r["low"] > SAME),
    }
    found = {
        method: {
            trial: None
            if by_name.get((method, criterion), {}).get("value") is None
            else bool(passes(by_name[method, criterion]))
            for trial, (criterion, passes) in trials.items()
        }
        for method in methods
    }
    order = sorted(methods, key=lambda method: -sum(v is True for v in found[method].values()))
    return pd.DataFrame({m: found[m] for m in order}, dtype=object).T.rename_axis("method")


def criteria_of(rows: list[Row], *words: str, model: str | None = None) -> list[str]:
    """The criteria that contain one of these words, of one model or of any, in the rows' order."""
    found = [r["criterion"] for r in rows if model is None or r["model"] == model]
    return list(dict.fromkeys(c for c in found if any(word in c for word in words)))


def edge_detectors(rows: list[Row], model: str) -> str:
    """Which methods keep their maps though all weights are random, and so show edges."""
    asked = f"{RANDOM}: {RANK}"
    found = [r for r in rows if r["model"] == model and r["criterion"] == asked]
    known = [r for r in found if r["value"] is not None]
    same = [
        f"{r['method']} (n = {r['n']})" for r in known if r["low"] > max(SAME, r["chance"] or 0)
    ]
    without = [r["method"] for r in found if r["value"] is None]
    told = (
        f"the maps of {listed(same)} stay much the same (rank correlation above {SAME} and above "
        "chance, interval and all): edge detectors here"
        if same
        else f"no method keeps its maps (rank correlation above {SAME} and above chance)"
    )
    text = f"{capital(LONG_NAMES[model])}: with all weights random, {told}."
    return text + (f" Constant, and so without an answer: {listed(without)}." if without else "")


def answers(rows: list[Row]) -> dict[str, tuple[str, str]]:
    """What the trial says to each of the report's sentences on heatmaps: by claim, for the ledger.

    The lesions are the phantom's, so that no verdict on OCTMNIST follows: "not testable", and what
    was measured.
    """
    grad_cam = {(r["model"], r["criterion"]): r for r in rows if r["method"] == "Grad-CAM"}
    asked: dict[str, tuple[str, tuple[str, ...]]] = {
        **{
            f"custom-cnn-focus-{name}": ("custom-cnn", (f"mass inside, {name}",))
            for name in ("cnv", "dme", "drusen")
        },
        "custom-cnn-focus-normal": ("custom-cnn", ("warm area, normal",)),
        "resnet50-localisation": ("resnet50", ("pointing game", "AUPRC")),
        "resnet50-anatomy": ("resnet50", ("mass inside",)),
        "resnet50-noise": ("resnet50", ("mass inside",)),
        "resnet50-boundaries": ("resnet50", ("IoU",)),
        "relevant-structures-custom-cnn": ("custom-cnn", ("mass inside", "pointing game")),
        "relevant-structures-resnet50": ("resnet50", ("mass inside", "pointing game")),
        "alignment-custom-cnn": ("custom-cnn", ("mass inside", "deletion")),
        "alignment-resnet50": ("resnet50", ("mass inside", "deletion")),
    }
    told = {}
    for claim, (model, criteria) in asked.items():
        models = (model, "custom-cnn") if claim in COMPARED else (model,)
        parts = [
            f"{criterion} {_in_words(grad_cam[each, criterion])} ({each})"
            for criterion in criteria
            for each in models
            if grad_cam.get((each, criterion), {}).get("value") is not None
        ]
        if parts:
            told[claim] = (
                "not testable",
                f"measured on Grad-CAM, lesions being the phantom's: {', '.join(parts)}",
            )
    return told


def answer_table(rows: list[Row]) -> pd.DataFrame:
    """Each of the report's sentences on heatmaps with what was measured (`answers`)."""
    told = answers(rows)
    return pd.DataFrame(
        [
            {"section": claim.section, "the report": claim.claim, "measured": told[claim.id][1]}
            for claim in claims.ledger()
            if claim.id in told
        ]
    ).set_index("section")


def verdict_table(verdicts: pd.DataFrame) -> str:
    """Verdicts (`verdicts`) as a coloured HTML table: passes, fails, or not tried."""
    words = {True: "passes", False: "fails", None: "not tried"}
    colours = {True: PASSED, False: FAILED, None: UNTRIED}
    cells = verdicts.astype(object).where(verdicts.notna(), None)
    style = cells.map(lambda verdict: f"background-color: {colours[verdict]}; color: #222222")
    return (
        cells.map(words.get)
        .style.apply(lambda _: style, axis=None)
        .set_table_attributes('class="dataframe"')
        .to_html()
    )
