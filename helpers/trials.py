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

from helpers import (
    claims,
    evaluation,
    explain,
    faithfulness,
    localization,
    randomization,
    runs,
    similarity,
)
from helpers.attribution import METHODS
from helpers.sentences import LONG_NAMES, capital, listed

if TYPE_CHECKING:
    import keras

    from helpers.artifacts import Trained
    from helpers.controls import Control
    from helpers.data import Dataset
    from helpers.evaluation import Measure
    from helpers.runs import Run
    from helpers.settings import Settings

Row = dict[str, Any]
Maps = dict[str, np.ndarray]

TRUTH = ("pointing game", "mass inside", "AUPRC", "IoU")
FAITHFULNESS = ("deletion", "insertion")
ALIKE = ("SSIM", "rank correlation")
ROBUSTNESS = ("quiet noise", "flip", "other seed", "other model")
NO_MODEL, SHUFFLED = "no model", ", shuffled labels"
RANDOM_BASE = "its base has random weights, which gives no verdict"
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
    """How alike maps stay under noise that leaves the prediction, and when the image is flipped."""
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
            if grad_cam.get((each, criterion), {}).get("value") is not None
        ]
        if parts:
            told[claim] = (
                "not testable",
                f"measured on Grad-CAM, lesions being the phantom's: {', '.join(parts)}",
            )
    return told


def sizes(settings: Settings) -> dict[str, int]:
    """How many images of each model go on trial: ResNet50, at some 30 times the cost, a third."""
    return {
        "custom-cnn": settings.explained_images,
        "resnet50": max(4, settings.explained_images // 3),
    }


def on_phantom(model: str, control: Control, count: int, evaluations: int) -> list[Row]:
    """`truth` of a model trained on the phantom, of one trained on shuffled labels, of no model.

    On the first `count` test images that have a lesion, IoU's threshold on half as many of
    validation; each map explains the image's true class.
    """
    splits = {
        "test": _with_lesion(control.phantom, "test", count),
        "val": _with_lesion(control.phantom, "val", max(2, count // 2)),
    }
    named = {model: control.trained, f"{model}{SHUFFLED}": control.shuffled}
    rows = []
    for name, trained in named.items():
        network = trained.load_model()
        maps = {
            split: every_map(network, images, labels, evaluations, f"{name}, phantom, {split}")
            for split, (images, labels, _) in splits.items()
        }
        rows += truth(name, maps["test"], splits["test"][2], maps["val"], splits["val"][2])
    (images, _, masks), (val_images, _, val_masks) = splits["test"], splits["val"]
    if model == "custom-cnn":
        rows += without_model(images, masks, val_images, val_masks)
    return rows


def class_by_class(model: str, control: Control) -> list[Row]:
    """`focus` of Grad-CAM on all of the phantom's test images, for their true classes."""
    test = control.phantom.test
    maps = METHODS["Grad-CAM"](control.trained.load_model(), test.images, test.labels, 1)
    masks = control.phantom.lesion_masks["test"]
    return focus(model, maps, masks, test.labels, control.phantom.classes)


def _with_lesion(
    phantom: Dataset, split: str, count: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    masks = phantom.lesion_masks[split]
    chosen = np.flatnonzero(masks.any(axis=(1, 2)))[:count]
    own = phantom.splits[split]
    return own.images[chosen], own.labels[chosen], masks[chosen]


def other_seed(
    model: str,
    trainings: list[Trained],
    images: np.ndarray,
    classes: np.ndarray,
    maps: Maps,
    settings: Settings,
) -> list[Row]:
    """How alike the maps of another seed's training are, for the same classes."""
    others = [t for t in trainings if t.model == model and t.seed != settings.seeds[0]]
    if not others:
        criteria = [f"other seed: {name}" for name in ALIKE]
        return gaps(model, criteria, "this run has one seed")
    found = every_map(
        others[0].load_model(), images, classes, settings.evaluations, f"{model}, other seed"
    )
    return alike(model, "other seed", maps, found)


def other_model(
    judged: list[str], named: dict[str, np.ndarray], every: dict[str, Maps]
) -> list[Row]:
    """How alike the two models' maps are on the images on which both name the same class."""
    criteria = [f"other model: {name}" for name in ALIKE]
    if len(every) < 2:
        return [row for model in every for row in gaps(model, criteria, "no other model on trial")]
    first, second = judged
    count = min(len(named[first]), len(named[second]))
    agree = np.flatnonzero(named[first][:count] == named[second][:count])
    if len(agree) < 2:
        why = "the models name the same class on fewer than two of these images"
        return [row for model in every for row in gaps(model, criteria, why)]
    chosen = [{name: maps[agree] for name, maps in every[model].items()} for model in judged]
    return alike(first, "other model", *chosen) + alike(second, "other model", *chosen[::-1])


def criteria_of(rows: list[Row], *words: str, model: str | None = None) -> list[str]:
    """The criteria that contain one of these words, of one model or of any, in the rows' order."""
    found = [r["criterion"] for r in rows if model is None or r["model"] == model]
    return list(dict.fromkeys(c for c in found if any(word in c for word in words)))


def on_trial(
    judged: list[str], tried: list[str], shown: dict[str, Trained], settings: Settings
) -> str:
    """How many images of which models are on trial, and which models are not and why."""
    counts = [f"{sizes(settings)[model]} of {LONG_NAMES[model]}" for model in tried]
    text = (
        f"On trial are the maps of the first test images: {listed(counts)}, with some "
        f"{settings.evaluations} calls of the model an image."
    )
    for model in shown:
        if model not in judged:
            text += f" {capital(LONG_NAMES[model])}, the same network on other input, is left out."
        elif model not in tried:
            text += f" {capital(LONG_NAMES[model])} is not on trial here: {RANDOM_BASE}."
    return text


def edge_detectors(rows: list[Row], model: str) -> str:
    """Which methods keep their maps though all weights are random, and so show edges."""
    asked = f"all weights random: {ALIKE[1]}"
    found = [r for r in rows if r["model"] == model and r["criterion"] == asked]
    same = [r["method"] for r in found if r["value"] is not None and r["value"] > SAME]
    without = [r["method"] for r in found if r["value"] is None]
    told = (
        f"{listed(same)} still draw much the same maps (rank correlation above {SAME}): edge "
        "detectors here"
        if same
        else f"no method keeps its maps (rank correlation above {SAME})"
    )
    text = f"{capital(LONG_NAMES[model])}: with all weights random, {told}."
    return text + (f" Constant, and so without an answer: {listed(without)}." if without else "")


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
