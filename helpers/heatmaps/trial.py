"""Heatmaps on trial: every method of a model by every criterion, a row (`explanations`) each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
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


def sizes(settings: Settings) -> dict[str, int]:
    """How many images of each model go on trial: ResNet50, at some 30 times the cost, a third."""
    return {
        "custom-cnn": settings.explained_images,
        "resnet50": max(4, settings.explained_images // 3),
    }


def every_map(
    model: keras.Model, images: np.ndarray, classes: np.ndarray, evaluations: int, title: str
) -> Maps:
    """Each method's maps, float32 (n, height, width), 0 to 1; parameters as in `attribution`."""
    bar = tqdm(METHODS.items(), desc=title, unit="method", leave=False)
    return {name: method(model, images, classes, evaluations) for name, method in bar}


@dataclass(frozen=True)
class Explained:
    """A model on trial: images uint8 (n, height, width), the classes int (n,) that it named, maps.

    maps : each method's, float32 (n, height, width), 0 to 1, for the class named.
    evaluations : how often a method may call the model for an image, as in `attribution`.
    """

    model: str
    network: keras.Model
    images: np.ndarray
    classes: np.ndarray
    maps: Maps
    evaluations: int

    @cached_property
    def by_chance(self) -> dict[str, dict[str, float]]:
        """How alike each method's maps of different images are, by `similarity`."""
        return {
            method: {
                name: measure["value"]
                for name, measure in similarity.similarity(maps, np.roll(maps, 1, axis=0)).items()
            }
            for method, maps in self.maps.items()
        }

    def again(self, network: keras.Model, images: np.ndarray, why: str) -> Maps:
        """The maps of another network or of altered images, for the same classes."""
        title = f"{self.model}, {why}"
        return every_map(network, images, self.classes, self.evaluations, title)


def explain_first(
    trained: Trained, network: keras.Model, images: np.ndarray, settings: Settings
) -> Explained:
    """Every method's maps of the first test images, as many as `sizes` says."""
    count = sizes(settings)[trained.model]
    images, classes = images[:count], trained.predicted[:count]
    maps = every_map(network, images, classes, settings.evaluations, trained.model)
    return Explained(trained.model, network, images, classes, maps, settings.evaluations)


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


def without_model(
    images: np.ndarray, masks: np.ndarray, val_images: np.ndarray, val_masks: np.ndarray
) -> list[Row]:
    """What maps that know no model earn: a centre blob, edges, random numbers."""
    maps, val_maps = localization.baselines(images), localization.baselines(val_images)
    return truth(NO_MODEL, maps, masks, val_maps, val_masks)


def class_by_class(model: str, control: Control) -> list[Row]:
    """`focus` of Grad-CAM on all of the phantom's test images, for their true classes."""
    test = control.phantom.test
    maps = METHODS["Grad-CAM"](control.trained.load_model(), test.images, test.labels, 1)
    masks = control.phantom.lesion_masks["test"]
    return focus(model, maps, masks, test.labels, control.phantom.classes)


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


def faithful(own: Explained) -> list[Row]:
    """Deletion and insertion of each method and of edges, less what a random order earns (0)."""
    predict = explain.predictor(own.network)
    by_chance = faithfulness.random_areas(predict, own.images, own.classes)
    rows = []
    for method, maps in {**own.maps, "edges": localization.edges(own.images)}.items():
        areas = faithfulness.areas(predict, own.images, maps, own.classes)
        for criterion, measure in faithfulness.faithfulness(areas, by_chance).items():
            rows.append(row(own.model, method, criterion, measure, chance=0.0))
    return rows


def alike(own: Explained, what: str, others: Maps) -> list[Row]:
    """How alike each method's maps are to others of the same images, by `similarity`.

    Chance is `Explained.by_chance`.
    """
    rows = []
    for method, maps in own.maps.items():
        for name, measure in similarity.similarity(maps, others[method]).items():
            chance = own.by_chance[method][name]
            rows.append(row(own.model, method, f"{what}: {name}", measure, chance))
    return rows


def randomized(own: Explained) -> list[Row]:
    """How alike maps stay when the weights are drawn anew down to a stage: top, middle and all."""
    stages = list(randomization.stages(own.network))
    rows = []
    for stage in (stages[0], stages[len(stages) // 2], stages[-1]):
        what = RANDOM if stage == stages[-1] else f"random down to {stage}"
        copy = randomization.randomized(own.network, stage)
        rows += alike(own, what, own.again(copy, own.images, what))
    return rows


def noisy_and_flipped(own: Explained) -> list[Row]:
    """How alike maps stay under noise that leaves the prediction, and when the image is flipped."""
    noisy, _ = similarity.quiet_noise(explain.predictor(own.network), own.images, own.classes)
    flipped = own.again(own.network, own.images[:, :, ::-1], "flip")
    turned_back = {method: similarity.turned_back(maps) for method, maps in flipped.items()}
    return [
        *alike(own, "quiet noise", own.again(own.network, noisy, "quiet noise")),
        *alike(own, "flip", turned_back),
    ]


def other_seed(own: Explained, trainings: list[Trained]) -> list[Row]:
    """How alike the maps of another seed's training are, for the same classes.

    `trainings` are of every model and seed, the seed on trial first.
    """
    _, *others = [trained for trained in trainings if trained.model == own.model]
    if not others:
        criteria = [f"other seed: {name}" for name in ALIKE]
        return gaps(own.model, criteria, "this run has one seed")
    return alike(own, "other seed", own.again(others[0].load_model(), own.images, "other seed"))


def other_model(on_trial: list[Explained]) -> list[Row]:
    """How alike two models' maps are on the images on which both name the same class."""
    count = min(len(own.classes) for own in on_trial)
    named = np.stack([own.classes[:count] for own in on_trial])
    agree = np.flatnonzero((named == named[0]).all(axis=0))
    why = None
    if len(on_trial) < 2:
        why = "no other model is on trial"
    elif len(agree) < 2:
        why = "the models name the same class on fewer than two of these images"
    if why:
        criteria = [f"other model: {name}" for name in ALIKE]
        return [gap for own in on_trial for gap in gaps(own.model, criteria, why)]
    first, second = (
        replace(own, maps={method: maps[agree] for method, maps in own.maps.items()})
        for own in on_trial
    )
    return [
        *alike(first, "other model", second.maps),
        *alike(second, "other model", first.maps),
    ]


def gaps(model: str, criteria: list[str] | tuple[str, ...], why: str) -> list[Row]:
    """A gap for every method by each of these criteria."""
    return [gap(model, method, criterion, why) for method in METHODS for criterion in criteria]


def not_tried(rows: list[Row], model: str) -> list[Row]:
    """A gap for every method by every criterion that another model was tried by."""
    return gaps(
        model, [*TRUTH, *FAITHFULNESS, *criteria_of(rows, "random", *ROBUSTNESS)], RANDOM_BASE
    )


def on_trial(tried: dict[str, Explained], shown: dict[str, Trained], settings: Settings) -> str:
    """How many images of which models are on trial, and which models are not and why."""
    counts = [f"{len(own.images)} of {LONG_NAMES[model]}" for model, own in tried.items()]
    text = (
        f"On trial are the maps of the first test images: {listed(counts)}, with some "
        f"{settings.evaluations} calls of the model an image."
    )
    for model in shown:
        if model not in sizes(settings):
            text += f" {capital(LONG_NAMES[model])}, the same network on other input, is left out."
        elif model not in tried:
            text += f" {capital(LONG_NAMES[model])} is not on trial here: {RANDOM_BASE}."
    return text


def _with_lesion(
    phantom: Dataset, split: str, count: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    masks = phantom.lesion_masks[split]
    chosen = np.flatnonzero(masks.any(axis=(1, 2)))[:count]
    own = phantom.splits[split]
    return own.images[chosen], own.labels[chosen], masks[chosen]
