"""Heatmaps on trial: every method of a model by every criterion, a row (`explanations`) each."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from helpers import evaluation, explain, faithfulness, localization, randomization, similarity
from helpers.attribution import METHODS
from helpers.explanations import ALIKE, FAITHFULNESS, RANDOM, TRUTH, Row, criteria_of, gap, row
from helpers.sentences import LONG_NAMES, capital, listed

if TYPE_CHECKING:
    import keras

    from helpers.artifacts import Trained
    from helpers.controls import Control
    from helpers.data import Dataset
    from helpers.settings import Settings

Maps = dict[str, np.ndarray]

ROBUSTNESS = ("quiet noise", "flip", "other seed", "other model")
NO_MODEL, SHUFFLED = "no model", ", shuffled labels"
RANDOM_BASE = "its base has random weights, which gives no verdict"


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
        what = RANDOM if stage == stages[-1] else f"random down to {stage}"
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


def other_model(named: dict[str, np.ndarray], every: dict[str, Maps]) -> list[Row]:
    """How alike the two models' maps are on the images on which both name the same class."""
    criteria = [f"other model: {name}" for name in ALIKE]
    if len(every) < 2:
        return [
            gap for model in every for gap in gaps(model, criteria, "no other model is on trial")
        ]
    first, second = every
    count = min(len(named[first]), len(named[second]))
    agree = np.flatnonzero(named[first][:count] == named[second][:count])
    if len(agree) < 2:
        why = "the models name the same class on fewer than two of these images"
        return [gap for model in every for gap in gaps(model, criteria, why)]
    chosen = [{name: maps[agree] for name, maps in every[model].items()} for model in every]
    return alike(first, "other model", *chosen) + alike(second, "other model", *chosen[::-1])


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


def gaps(model: str, criteria: list[str] | tuple[str, ...], why: str) -> list[Row]:
    """A gap for every method by each of these criteria."""
    return [gap(model, method, criterion, why) for method in METHODS for criterion in criteria]


def not_tried(rows: list[Row], model: str) -> list[Row]:
    """A gap for every method by every criterion that another model was tried by."""
    return gaps(
        model, [*TRUTH, *FAITHFULNESS, *criteria_of(rows, "random", *ROBUSTNESS)], RANDOM_BASE
    )
