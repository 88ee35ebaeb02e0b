"""Heatmaps on trial: every method of a model by every criterion, a row each.

Images are uint8 (n, height, width, channels), maps float32 (n, height, width), 0 to 1, masks of
lesions bool of that shape; labels and classes int (n,).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import combinations

import numpy as np

from helpers.data.dataset import Dataset
from helpers.evaluation import measures
from helpers.heatmaps import (
    controls,
    faithfulness,
    localization,
    randomization,
    rows,
    similarity,
)
from helpers.heatmaps.artifacts import SHOWN, Shown, Trial
from helpers.heatmaps.controls import Control
from helpers.heatmaps.methods import GRAD_CAM, METHODS, Maps, every_map
from helpers.heatmaps.probe import Probe
from helpers.heatmaps.rows import OTHER_MODEL, Row, judged
from helpers.models.trainings import Trained
from helpers.study.runs import Run
from helpers.study.settings import Settings


@dataclass(frozen=True)
class Explained:
    """A model on trial: images, the classes that it named, maps; `calls` is as in `methods`."""

    model: str
    probe: Probe
    images: np.ndarray
    classes: np.ndarray
    maps: Maps
    calls: int

    @cached_property
    def by_chance(self) -> dict[str, dict[str, measures.Measure]]:
        """How alike each method's maps of different images are, by `similarity`."""
        return {
            method: similarity.similarity(maps, np.roll(maps, 1, axis=0))
            for method, maps in self.maps.items()
        }

    def only(self, chosen: slice | np.ndarray) -> Explained:
        """The same with the maps of some images alone, which `chosen` indexes."""
        return replace(self, maps={method: maps[chosen] for method, maps in self.maps.items()})

    def again(self, probe: Probe, images: np.ndarray, why: str) -> Maps:
        """The maps of another network or of altered images, for the same classes."""
        return every_map(probe, images, self.classes, self.calls, f"{self.model}, {why}")


def run_trial(run: Run, settings: Settings, dataset: Dataset, trainings: list[Trained]) -> Trial:
    """Put the heatmaps of a run's models on trial, by every criterion that they can be tried by.

    trainings : of every model and seed, a model's first seed first; controls are trained or loaded.
    """
    on_trial = [
        explain_first(next(t for t in trainings if t.model == model), dataset, settings)
        for model in controls.models_on_trial(settings)
    ]
    known = [] if controls.why_no_truth(dataset) else on_trial
    beside = [(each, controls.load_or_train(run, settings, dataset, each.model)) for each in known]
    tried = known_lesions(beside)
    for try_by in (faithful, randomized):
        for each in on_trial:
            tried += try_by(each)
    for each in on_trial:
        tried += [*noisy_and_flipped(each), *other_seed(each, trainings)]
    tried += other_model(on_trial)
    for model in controls.models_untried(settings):
        tried += not_tried(tried, model)
    for _, control in beside:
        tried += class_by_class(control)
    first = slice(SHOWN)
    shown = {each.model: Shown(each.classes[first], each.only(first).maps) for each in on_trial}
    return Trial(tried, shown)


def explain_first(trained: Trained, dataset: Dataset, settings: Settings) -> Explained:
    """Every method's maps of the first test images, as many as `controls.images_on_trial` says."""
    count = controls.images_on_trial(settings, trained.model)
    images, classes = dataset.test.images[:count], trained.predicted[:count]
    probe, calls = Probe(trained.load_model()), settings.heatmaps.evaluations
    maps = every_map(probe, images, classes, calls, trained.model)
    return Explained(trained.model, probe, images, classes, maps, calls)


def known_lesions(beside: list[tuple[Explained, Control]]) -> list[Row]:
    """`truth` of each model's controls, and of maps that know no model: centre, edges, random.

    Explained are the true classes of the phantom's first test images that have a lesion, as many
    as are on trial; IoU's threshold is fixed on half as many of validation.
    """
    tried = []
    for place, (explained, control) in enumerate(beside):
        model, count = explained.model, len(explained.images)
        images, labels, masks = _with_lesion(control.phantom, "test", count)
        val_images, val_labels, val_masks = _with_lesion(control.phantom, "val", max(2, count // 2))
        for trained, change in ((control.trained, None), (control.shuffled, rows.SHUFFLED)):
            draw = partial(every_map, Probe(trained.load_model()))
            asked = explained.calls, f"{model}, {change or 'phantom'}"
            maps, val_maps = draw(images, labels, *asked), draw(val_images, val_labels, *asked)
            tried += truth(model, maps, masks, val_maps, val_masks, change)
        if place == 0:
            maps, val_maps = map(localization.baselines, (images, val_images))
            tried += truth(rows.NO_MODEL, maps, masks, val_maps, val_masks)
    return tried


def truth(
    model: str,
    maps: Maps,
    masks: np.ndarray,
    val_maps: Maps,
    val_masks: np.ndarray,
    control: str | None = None,
) -> list[Row]:
    """How well maps find the lesion (`localization.truth`), IoU's threshold fixed on validation."""
    tried = []
    for method, drawn in maps.items():
        threshold = localization.best_threshold(val_maps[method], val_masks)
        for name, score in localization.truth(drawn, masks, threshold).items():
            tried.append(judged(model, method, name, score.measure, score.chance, control))
    return tried


def class_by_class(control: Control) -> list[Row]:
    """`focus` of Grad-CAM on all of the phantom's test images, for their true classes."""
    phantom, probe = control.phantom, Probe(control.trained.load_model())
    images, labels = phantom.test.images, phantom.test.labels
    maps, masks = METHODS[GRAD_CAM](probe, images, labels, 1), phantom.lesion_masks["test"]
    return focus(control.trained.model, maps, masks, labels, phantom.classes)


def focus(
    model: str, maps: np.ndarray, masks: np.ndarray, labels: np.ndarray, classes: tuple[str, ...]
) -> list[Row]:
    """Where Grad-CAM's heat lies, class by class (the report's section 4.2.1).

    `mass inside`: of images with a lesion, chance being masks of others of that class; `warm area`:
    of the others, chance being the same share of images with a lesion.
    """
    warm, has_lesion = localization.WARM_AREA.score(maps), masks.any(axis=(1, 2))
    tried = []
    for k, class_name in enumerate(classes):
        chosen = labels == k
        if has_lesion[chosen].sum() > 1:
            name = localization.MASS_INSIDE.name
            score = localization.truth(maps[chosen], masks[chosen], threshold=0.5)[name]
            measure, chance = score.measure, score.chance
        else:
            name = localization.WARM_AREA.name
            measure, chance = measures.mean(warm[chosen]), float(warm[has_lesion].mean())
        tried.append(judged(model, GRAD_CAM, name, measure, chance, class_name=class_name))
    return tried


def faithful(explained: Explained) -> list[Row]:
    """Deletion and insertion of each method and of edges, less what a random order earns (0)."""
    images, classes, predict = explained.images, explained.classes, explained.probe.predict
    by_chance = faithfulness.random_areas(predict, images, classes)
    tried = []
    for method, maps in (explained.maps | {localization.EDGES: localization.edges(images)}).items():
        areas = faithfulness.areas(predict, images, maps, classes)
        for name, measure in faithfulness.faithfulness(areas, by_chance).items():
            tried.append(judged(explained.model, method, name, measure, chance=0.0))
    return tried


def alike(explained: Explained, control: str, others: Maps) -> list[Row]:
    """How alike each method's maps are to others of the same images, by `similarity`."""
    chance = explained.by_chance
    return [
        judged(explained.model, method, name, measure, chance[method][name].value, control)
        for method, maps in explained.maps.items()
        for name, measure in similarity.similarity(maps, others[method]).items()
    ]


def randomized(explained: Explained) -> list[Row]:
    """How alike maps stay when the weights are drawn anew down to a stage: top, middle and all."""
    model, network = explained.model, explained.probe.model
    stages = list(randomization.stages(network, model))
    tried = []
    for stage in dict.fromkeys((stages[0], stages[len(stages) // 2], stages[-1])):
        control = rows.ALL_RANDOM if stage == stages[-1] else f"{rows.RANDOM_DOWN_TO}{stage}"
        copy = Probe(randomization.randomized(network, model, stage))
        tried += alike(explained, control, explained.again(copy, explained.images, control))
    return tried


def noisy_and_flipped(explained: Explained) -> list[Row]:
    """How alike maps stay under noise that leaves the prediction, and when the image is flipped."""
    probe, images = explained.probe, explained.images
    noisy, _ = similarity.quiet_noise(probe.predict, images, explained.classes)
    flipped = explained.again(probe, images[:, :, ::-1], rows.FLIP)
    turned_back = {method: similarity.turned_back(maps) for method, maps in flipped.items()}
    drawn = explained.again(probe, noisy, rows.QUIET_NOISE)
    return [*alike(explained, rows.QUIET_NOISE, drawn), *alike(explained, rows.FLIP, turned_back)]


def other_seed(explained: Explained, trainings: list[Trained]) -> list[Row]:
    """How alike the maps of another seed's training are, for the same classes."""
    _, *others = [trained for trained in trainings if trained.model == explained.model]
    if not others:
        return gaps(explained.model, _alike(rows.OTHER_SEED), "this run has one seed")
    maps = explained.again(Probe(others[0].load_model()), explained.images, rows.OTHER_SEED)
    return alike(explained, rows.OTHER_SEED, maps)


def other_model(on_trial: list[Explained]) -> list[Row]:
    """How alike two models' maps are on the images on which both name the same class.

    Of each pair both ways; where there are several pairs, a row says which model the other is.
    """
    if len(on_trial) < 2:
        why = "no other model is on trial"
        return [gap for each in on_trial for gap in gaps(each.model, _alike(OTHER_MODEL), why)]
    tried = []
    for first, second in combinations(on_trial, 2):
        count = min(len(first.classes), len(second.classes))
        agree = np.flatnonzero(first.classes[:count] == second.classes[:count])
        for each, other in ((first, second), (second, first)):
            control = OTHER_MODEL if len(on_trial) == 2 else f"{OTHER_MODEL}, {other.model}"
            if len(agree) < 2:
                why = "the models name the same class on fewer than two of these images"
                tried += gaps(each.model, _alike(control), why)
            else:
                tried += alike(each.only(agree), control, other.only(agree).maps)
    return tried


def gaps(model: str, criteria: list[tuple[str | None, str]], why: str) -> list[Row]:
    """A gap for every method by each of these criteria, each with its control."""
    return [
        Row(model, method, criterion, None, control=control, why=why)
        for method in METHODS
        for control, criterion in criteria
    ]


def not_tried(tried: list[Row], model: str) -> list[Row]:
    """A gap for every method by every criterion that another model was tried by."""
    alone = [(None, c.name) for c in (*localization.CRITERIA, *faithfulness.CRITERIA)]
    return gaps(model, [*alone, *rows.compared(tried)], controls.RANDOM_BASE)


def _alike(control: str) -> list[tuple[str | None, str]]:
    return [(control, criterion.name) for criterion in similarity.CRITERIA]


def _with_lesion(phantom: Dataset, split: str, count: int) -> tuple[np.ndarray, ...]:
    """The images, labels and masks of the first of a split that have a lesion."""
    masks, images = phantom.lesion_masks[split], phantom.splits[split]
    chosen = np.flatnonzero(masks.any(axis=(1, 2)))[:count]
    return images.images[chosen], images.labels[chosen], masks[chosen]
