"""Heatmaps on trial: every method of a model by every criterion, a row each.

A row is {"model", "method", "criterion", "value", "low", "high", "n", "chance"}; one without a
value has a further "why".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from helpers import evaluation, explain, faithfulness, localization, randomization, runs, similarity
from helpers.attribution import METHODS

if TYPE_CHECKING:
    import keras

    from helpers.evaluation import Measure
    from helpers.runs import Run

Row = dict[str, Any]
Maps = dict[str, np.ndarray]

TRUTH = ("pointing game", "mass inside", "AUPRC", "IoU")
FAITHFULNESS = ("deletion", "insertion")
ALIKE = ("SSIM", "rank correlation")
NO_MODEL = "no model"
# Claims that set ResNet50's maps above the custom CNN's.
COMPARED = ("resnet50-localisation", "resnet50-noise", "resnet50-boundaries")
# From this rank correlation on two maps count as the same, and below it as another: ours.
SAME = 0.5


def every_map(
    model: keras.Model, images: np.ndarray, classes: np.ndarray, evaluations: int, title: str
) -> Maps:
    """Each method's maps, float32 (n, height, width), 0 to 1; parameters as in `attribution`."""
    bar = tqdm(METHODS.items(), desc=title, unit="method", leave=False)
    return {name: method(model, images, classes, evaluations) for name, method in bar}


def truth(
    model: str, maps: Maps, masks: np.ndarray, val_maps: Maps, val_masks: np.ndarray
) -> list[Row]:
    """How well maps find the lesion (`localization.truth`), IoU's threshold fixed on validation.

    Masks bool (n, height, width), of which two or more hold a lesion.
    """
    rows = []
    for method, found in maps.items():
        threshold = localization.best_threshold(val_maps[method], val_masks)
        for criterion, score in localization.truth(found, masks, threshold).items():
            rows.append(row(model, method, criterion, score, chance=score["chance"]))
    return rows


def faithful(
    model: str,
    predict: Callable[[np.ndarray], np.ndarray],
    images: np.ndarray,
    classes: np.ndarray,
    maps: Maps,
) -> list[Row]:
    """Deletion and insertion of each method and of edges, less what a random order earns (0)."""
    by_chance = faithfulness.random_areas(predict, images, classes)
    rows = []
    for method, found in {**maps, "edges": localization.edges(images)}.items():
        own = faithfulness.areas(predict, images, found, classes)
        for criterion, measure in faithfulness.faithfulness(own, by_chance).items():
            rows.append(row(model, method, criterion, measure, chance=0.0))
    return rows


def alike(model: str, what: str, maps: Maps, others: Maps) -> list[Row]:
    """How alike each method's maps are to others of the same images, by `similarity`.

    Chance is how alike they are to its own maps of other images.
    """
    rows = []
    for method, found in maps.items():
        chance = similarity.similarity(found, np.roll(found, 1, axis=0))
        for name, measure in similarity.similarity(found, others[method]).items():
            rows.append(
                row(model, method, f"{what}: {name}", measure, chance=chance[name]["value"])
            )
    return rows


def randomized(
    model: str,
    network: keras.Model,
    images: np.ndarray,
    classes: np.ndarray,
    maps: Maps,
    evaluations: int,
) -> list[Row]:
    """How alike maps stay when the weights are drawn anew down to a stage: top, middle and all."""
    stages = list(randomization.stages(network))
    rows = []
    for stage in (stages[0], stages[len(stages) // 2], stages[-1]):
        copy = randomization.randomized(network, stage)
        found = every_map(copy, images, classes, evaluations, f"{model}, randomised to {stage}")
        what = "all weights random" if stage == stages[-1] else f"random down to {stage}"
        rows += alike(model, what, maps, found)
    return rows


def noisy_and_flipped(
    model: str,
    network: keras.Model,
    images: np.ndarray,
    classes: np.ndarray,
    maps: Maps,
    evaluations: int,
) -> list[Row]:
    """How alike maps stay under noise that leaves the prediction, and whether they follow a flip."""
    noisy, _ = similarity.quiet_noise(explain.predictor(network), images, classes)
    rows = alike(
        model,
        "quiet noise",
        maps,
        every_map(network, noisy, classes, evaluations, f"{model}, noise"),
    )
    flipped = every_map(network, images[:, :, ::-1], classes, evaluations, f"{model}, flip")
    turned_back = {method: found[:, :, ::-1] for method, found in flipped.items()}
    return rows + alike(model, "flip", maps, turned_back)


def without_model(
    images: np.ndarray, masks: np.ndarray, val_images: np.ndarray, val_masks: np.ndarray
) -> list[Row]:
    """What maps that know no model earn: a centre blob, edges, random numbers."""
    maps, val_maps = localization.baselines(images), localization.baselines(val_images)
    return truth(NO_MODEL, maps, masks, val_maps, val_masks)


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


def gaps(model: str, criteria: Iterable[str], why: str) -> list[Row]:
    """A gap for every method by each of these criteria."""
    return [gap(model, method, criterion, why) for method in METHODS for criterion in criteria]


def save(run: Run, rows: list[Row]) -> None:
    """Keep the trial in `<run>/artifacts/explanations.json`, untouched where it is the same."""
    path = run.artifacts / "explanations.json"
    if runs.read_json(path) != rows:
        runs.write_json(path, rows)


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
    text = evaluation.measure_in_words(found)
    return text if found["chance"] is None else f"{text}; chance {found['chance']:.3f}"


def verdicts(rows: list[Row], model: str) -> pd.DataFrame:
    """A method a row, a trial a column: True where it passes, False where not, None untried.

    `finds the lesion`: mass inside above chance; `deletion`, `insertion`: better than a random
    order (intervals above it in all three). `needs the weights`: with all weights random its maps
    are others (the interval of the rank correlation below `SAME`). `quiet noise`, `flip`: its maps
    stay the same (the interval above `SAME`). The method that passes most comes first.
    """
    by_name = {(r["method"], r["criterion"]): r for r in rows if r["model"] == model}
    rank = f": {ALIKE[1]}"
    trials: dict[str, tuple[str, Callable[[Row], bool]]] = {
        "finds the lesion": ("mass inside", lambda r: r["low"] > r["chance"]),
        "deletion": ("deletion", lambda r: r["low"] > 0),
        "insertion": ("insertion", lambda r: r["low"] > 0),
        "needs the weights": (f"all weights random{rank}", lambda r: r["high"] < SAME),
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
        for method in METHODS
    }
    order = sorted(METHODS, key=lambda method: -sum(v is True for v in found[method].values()))
    return pd.DataFrame({method: found[method] for method in order}).T.rename_axis("method")


def focus(
    model: str, maps: np.ndarray, masks: np.ndarray, labels: np.ndarray, classes: tuple[str, ...]
) -> list[Row]:
    """Where Grad-CAM's heat lies, class by class (the report's section 4.2.1).

    `mass inside, <class>`: of images with a lesion, chance being masks of others of that class;
    `warm area, <class>`: of the others, the share of pixels above half of the map's maximum, chance
    being the same share of images with a lesion.

    Parameters
    ----------
    maps : float (n, height, width), 0 to 1; masks : bool of that shape; labels : int (n,).
    """
    warm = (maps > 0.5).mean(axis=(1, 2))
    has_lesion = masks.any(axis=(1, 2))
    rows = []
    for k, name in enumerate(classes):
        own = labels == k
        if has_lesion[own].sum() > 1:
            score = localization.truth(maps[own], masks[own], threshold=0.5)["mass inside"]
            rows.append(row(model, "Grad-CAM", f"mass inside, {name}", score, score["chance"]))
        else:
            chance = float(warm[has_lesion].mean())
            measure = evaluation.mean(warm[own])
            rows.append(row(model, "Grad-CAM", f"warm area, {name}", measure, chance))
    return rows


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
            if (each, criterion) in grad_cam
        ]
        if parts:
            told[claim] = (
                "not testable",
                f"measured on Grad-CAM, lesions being the phantom's: {', '.join(parts)}",
            )
    return told
