"""Heatmaps on trial: every method of a model by every criterion, a row each.

Images are uint8 (n, height, width, channels), maps float32 (n, height, width), 0 to 1, masks of
lesions bool of that shape; labels and classes int (n,). Methods explain as many of the first images
as they can afford, so that comparisons are of the same images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from typing import NamedTuple

import numpy as np

from helpers.data.dataset import Dataset
from helpers.evaluation.measures import Measure
from helpers.heatmaps import (
    controls,
    faithfulness,
    judgement,
    localization,
    maps,
    methods,
    randomization,
    results,
    rows,
    similarity,
)
from helpers.heatmaps.artifacts import Shown, Trial
from helpers.heatmaps.controls import GRAD_CAM, METHODS, Control
from helpers.heatmaps.faithfulness import DELETION, INSERTION, Areas
from helpers.heatmaps.localization import CRITERIA, MASS_INSIDE, POINTING
from helpers.heatmaps.methods import Maps, every_map
from helpers.heatmaps.probe import Probe
from helpers.heatmaps.rows import CHANCE, NO_MODEL, Row, judged
from helpers.models.trainings import Trained
from helpers.study.runs import Run
from helpers.study.settings import Settings

HALF_WAY = "half-way from chance to the same"
TOO_DEAR = "takes more calls of this model than the run affords"


@dataclass(frozen=True)
class Explained:
    """A model on trial: images, the classes that it named, maps; `calls` is as in `methods`."""

    model: str
    probe: Probe
    images: np.ndarray
    classes: np.ndarray
    maps: Maps
    calls: int

    def again(self, probe: Probe, images: np.ndarray, why: str) -> Maps:
        """The maps of another network or of altered images, for the same classes."""
        counts = {method: len(drawn) for method, drawn in self.maps.items()}
        asked = self.calls, counts, f"{self.model}, {why}"
        return every_map(probe, images, self.classes, *asked)


class Located(NamedTuple):
    """What methods score on the phantom's lesions: by method and criterion, float (n,) each."""

    scores: dict[str, Areas]
    chance: dict[str, Areas]


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
    tried = known_lesions(beside, settings)
    for each in on_trial:
        tried += [*faithful(each), *needs_weights(each), *bears_noise(each), *turns(each)]
        tried += [*other_seed(each, trainings), *last_layers(each), *settled(each)]
        first = next(t for t in trainings if t.model == each.model)
        tried += class_averages(first, dataset)
    tried += other_model(on_trial)
    for _, control in beside:
        tried += class_by_class(control)
    for each in on_trial:
        tried += too_dear(each)
    for model in controls.models_untried(settings):
        tried += gaps(model, METHODS, controls.RANDOM_BASE)
    shown = {each.model: to_show(each, dataset) for each in on_trial}
    return Trial(rows.decided(tried), shown)


def explain_first(trained: Trained, dataset: Dataset, settings: Settings) -> Explained:
    """Methods' maps of the first test images, as many as `controls.images_on_trial` says."""
    counts = _affordable(controls.images_on_trial(settings, trained.model), len(dataset.test))
    most = max(counts.values())
    images, classes = dataset.test.images[:most], trained.predicted[:most]
    probe, calls = Probe(trained.load_model()), settings.heatmaps.evaluations
    drawn = every_map(probe, images, classes, calls, counts, trained.model)
    return Explained(trained.model, probe, images, classes, drawn, calls)


def to_show(explained: Explained, dataset: Dataset) -> Shown:
    """Of each class the first image that every method has explained: its maps in their cells."""
    least = min(map(len, explained.maps.values()))
    labels = dataset.test.labels[:least]
    _, places = np.unique(labels, return_index=True)
    grids = methods.grids(explained.probe, dataset.size, explained.calls)
    drawn = {m: maps.cells(each[places], grids[m]) for m, each in explained.maps.items()}
    return Shown(places, explained.classes[places], drawn)


def known_lesions(beside: list[tuple[Explained, Control]], settings: Settings) -> list[Row]:
    """Whether each model finds the phantom's lesions, and one trained on shuffled labels.

    Explained are the true classes of the phantom's first test images with a lesion. Judged beside
    them are maps that know no model, and the true masks on the grids of the methods.
    """
    tried, by_model, grids = [], {}, {}
    for explained, control in beside:
        model, phantom = explained.model, control.phantom
        wanted = controls.lesions_on_trial(settings, model)
        images, labels, masks = _with_lesion(phantom, max(wanted.values()))
        counts = _affordable(wanted, len(images))
        known = located(localization.baselines(images), masks)
        asked = images, labels, explained.calls
        probe = Probe(control.trained.load_model())
        drawn = every_map(probe, *asked, counts, f"{model}, phantom")
        by_model[model] = located(drawn, masks)
        cells = methods.grids(probe, images.shape[1], explained.calls)
        best = {m: _mean(localization.ceilings(masks, cells[m])["mean"], masks) for m in drawn}
        tried += truth(model, by_model[model], known, best)
        once = {GRAD_CAM: counts[GRAD_CAM]}
        shuffled = Probe(control.shuffled.load_model())
        drawn = every_map(shuffled, *asked, once, f"{model}, {rows.SHUFFLED}")
        tried += truth(model, located(drawn, masks), known, {}, rows.SHUFFLED)
        if not grids:
            tried += truth(NO_MODEL, known, None, {})
        grids |= {cells[m]: masks for m in counts if cells[m] != masks.shape[1:]}
    for grid, masks in grids.items():
        for kind, drawn in localization.ceilings(masks, grid).items():
            name = f"{rows.TRUE_MASK}{kind} of {grid[0]} x {grid[1]} cells"
            tried += truth(NO_MODEL, located({name: drawn}, masks), None, {})
    return tried + more_than(by_model)


def located(drawn: Maps, masks: np.ndarray) -> Located:
    """What maps of the first of these images score by each criterion, and by chance."""
    scores: dict[str, Areas] = {}
    chance: dict[str, Areas] = {}
    for method, each in drawn.items():
        lesions = masks[: len(each)]
        scores[method] = {c.name: c.score(each, lesions) for c in CRITERIA}
        chance[method] = {c.name: localization.chance(c, each, lesions) for c in CRITERIA}
    return Located(scores, chance)


def truth(
    model: str,
    of: Located,
    known: Located | None,
    ceilings: Mapping[str, float],
    control: str | None = None,
) -> list[Row]:
    """A row a method and criterion: beside chance, and beside maps that know no model, if any."""
    tried = []
    for method, scores in of.scores.items():
        for name, values in scores.items():
            chance, n = of.chance[method][name], len(values)
            others = {m: s[name][:n] for m, s in known.scores.items()} if known else {}
            more = rows.beside_baselines(others) if known else {}
            if name == MASS_INSIDE.name:
                more["ceiling"] = ceilings.get(method)
            margin = judgement.margin(values, {CHANCE: chance} | others)
            measure = (judgement.share if name == POINTING.name else judgement.mean)(values)
            told = measure, float(chance.mean()), control
            tried.append(judged(model, method, name, *told, margin=margin, **more))
    return tried


def more_than(by_model: Mapping[str, Located]) -> list[Row]:
    """By how much one model's Grad-CAM finds lesions better than another's, on the same images."""
    tried = []
    for first, second in permutations(by_model, 2):
        for criterion in (c.name for c in CRITERIA):
            pair = (by_model[model].scores[GRAD_CAM][criterion] for model in (first, second))
            values, others = pair
            n = min(len(values), len(others))
            margin = judgement.margin(values[:n], {second: others[:n]})
            control = f"{rows.MORE_THAN}{second}"
            tried.append(
                judged(first, GRAD_CAM, criterion, margin.above, control=control, margin=margin)
            )
    return tried


def class_by_class(control: Control) -> list[Row]:
    """`focus` of Grad-CAM on all of the phantom's test images, for their true classes."""
    phantom, probe = control.phantom, Probe(control.trained.load_model())
    images, labels = phantom.test.images, phantom.test.labels
    drawn, masks = methods.grad_cam(probe, images, labels, 1), phantom.lesion_masks["test"]
    return focus(control.trained.model, drawn, masks, labels, phantom.classes)


def focus(
    model: str, drawn: np.ndarray, masks: np.ndarray, labels: np.ndarray, classes: tuple[str, ...]
) -> list[Row]:
    """Where Grad-CAM's heat lies, class by class (the report's section 4.2.1).

    `mass inside`: of images with a lesion, chance being masks of others of that class; `warm area`:
    of the others, beside images with a lesion.
    """
    warm, has_lesion = localization.warm_area(drawn), masks.any(axis=(1, 2))
    tried = []
    for k, class_name in enumerate(classes):
        chosen = labels == k
        if has_lesion[chosen].sum() > 1:
            values = MASS_INSIDE.score(drawn[chosen], masks[chosen])
            chance = localization.chance(MASS_INSIDE, drawn[chosen], masks[chosen])
            margin = judgement.margin(values, {CHANCE: chance})
            told = judgement.mean(values), float(chance.mean()), None, class_name, margin
            tried.append(judged(model, GRAD_CAM, MASS_INSIDE.name, *told))
        else:
            more = {}
            if chosen.any() and has_lesion.any():
                above = judgement.difference(warm[chosen], warm[has_lesion])
                more = {"above": above, "beside": rows.DISEASED}
            told = judgement.mean(warm[chosen]), warm[has_lesion].mean(), None, class_name
            tried.append(judged(model, GRAD_CAM, rows.WARM_AREA, *told, **more))
    return tried


def faithful(explained: Explained) -> list[Row]:
    """Deletion and insertion, less what a random order earns, beside maps that know no model."""
    images, classes, predict = explained.images, explained.classes, explained.probe.predict
    random = faithfulness.random_areas(predict, images, classes)
    known = {
        name: faithfulness.gains(faithfulness.areas(predict, images, drawn, classes), random)
        for name, drawn in localization.baselines(images).items()
    }
    gained = {}
    for method, drawn in explained.maps.items():
        n = len(drawn)
        own = faithfulness.areas(predict, images[:n], drawn, classes[:n])
        gained[method] = faithfulness.gains(own, {c: area[:n] for c, area in random.items()})
    tried = []
    for method, gains in (gained | known).items():
        for name in (DELETION, INSERTION):
            values = gains[name]
            others = {m: g[name][: len(values)] for m, g in known.items() if m != method}
            margin = judgement.margin(values, {CHANCE: np.zeros(len(values))} | others)
            told = explained.model, method, name, judgement.mean(values), 0.0
            tried.append(judged(*told, margin=margin, **rows.beside_baselines(others)))
    return tried


def alike(explained: Explained, control: str, others: Maps, *, should_stay: bool) -> list[Row]:
    """How alike each method's maps are to others of the same images, by rank correlation.

    Half-way from chance, the likeness of maps of different images, to 1 they count as the same.
    """
    tried = []
    for method, drawn in others.items():
        own = explained.maps[method]
        values, chance = similarity.rank_correlation(own, drawn), similarity.by_chance(own)
        sign = 1 if should_stay else -1
        margin = judgement.margin(sign * values, {HALF_WAY: sign * similarity.half_way(chance)})
        measure = judgement.mean(values)
        told = explained.model, method, similarity.RANK_CORRELATION.name, measure
        tried.append(judged(*told, judgement.mean(chance).value, control, margin=margin))
    return tried


def needs_weights(explained: Explained) -> list[Row]:
    """How alike maps stay when all weights are drawn anew (Adebayo et al. 2018)."""
    model, network = explained.model, explained.probe.model
    copy = randomization.randomized(network, model, list(randomization.stages(network, model))[-1])
    drawn = explained.again(Probe(copy), explained.images, rows.ALL_RANDOM)
    return alike(explained, rows.ALL_RANDOM, drawn, should_stay=False)


def bears_noise(explained: Explained) -> list[Row]:
    """How alike maps stay under a little noise, and how far the probability falls."""
    noisy, classes = similarity.noisy(explained.images), explained.classes
    before, after = (
        explained.probe.predict(images)[np.arange(len(classes)), classes]
        for images in (explained.images, noisy)
    )
    fall = judgement.mean(before.astype(float) - after)
    told = explained.model, "prediction", rows.PROBABILITY, fall
    drawn = explained.again(explained.probe, noisy, rows.NOISE)
    stayed = alike(explained, rows.NOISE, drawn, should_stay=True)
    return [judged(*told, control=rows.NOISE), *stayed]


def turns(explained: Explained) -> list[Row]:
    """How alike maps stay when the image is flipped, and its map turned back."""
    flipped = explained.again(explained.probe, explained.images[:, :, ::-1], rows.FLIP)
    turned_back = {method: similarity.turned_back(drawn) for method, drawn in flipped.items()}
    return alike(explained, rows.FLIP, turned_back, should_stay=True)


def settled(explained: Explained) -> list[Row]:
    """How alike LIME's maps are to those of other samples, and SHAP's to those of half the calls.

    Below 1 by so much a map is the budget's doing.
    """
    tried = []
    for method, control in (("LIME", rows.ANOTHER_DRAW), ("SHAP", rows.HALF_THE_CALLS)):
        if method in explained.maps:
            n, calls = len(explained.maps[method]), explained.calls
            asked = explained.probe, explained.images[:n], explained.classes[:n]
            if method == "LIME":
                drawn = methods.lime(*asked, calls, seed=methods.SEED + 1)
            else:
                drawn = methods.shap_values(*asked, max(1, calls // 2))
            tried += alike(explained, control, {method: drawn}, should_stay=True)
    return tried


def other_seed(explained: Explained, trainings: list[Trained]) -> list[Row]:
    """How alike the maps of another seed's training are, for the same classes."""
    _, *others = [trained for trained in trainings if trained.model == explained.model]
    if not others:
        return []
    drawn = explained.again(Probe(others[0].load_model()), explained.images, rows.OTHER_SEED)
    return alike(explained, rows.OTHER_SEED, drawn, should_stay=True)


def other_model(on_trial: list[Explained]) -> list[Row]:
    """How alike two models' maps are on the images on which both name the same class.

    Of each pair both ways; where there are several pairs, a row says which model the other is.
    """
    tried = []
    for each, other in permutations(on_trial, 2):
        control = rows.OTHER_MODEL
        if len(on_trial) > 2:
            control = f"{control}, {other.model}"
        for method in filter(other.maps.__contains__, each.maps):
            n = min(len(each.maps[method]), len(other.maps[method]))
            agree = np.flatnonzero(each.classes[:n] == other.classes[:n])
            if len(agree) > 1:
                pair = [one.maps[method][:n][agree] for one in (each, other)]
                alone = replace(each, maps={method: pair[0]})
                tried += alike(alone, control, {method: pair[1]}, should_stay=True)
    return tried


def class_averages(trained: Trained, dataset: Dataset) -> list[Row]:
    """Of how many cells Grad-CAM's maps are, and how alike the classes' mean maps.

    Kept are the correlations of the two classes most alike and of those least alike.
    """
    cells = results.load_or_draw_grad_cam(trained, dataset.test.images)
    n, size = len(cells), float(np.prod(cells.shape[1:]))
    tried = [Row(trained.model, GRAD_CAM, rows.CELLS, Measure(size, None, None, n))]
    pairs = maps.class_correlations(cells, dataset.test.labels, dataset.classes)
    for pair in dict.fromkeys(
        [max(pairs, key=pairs.get), min(pairs, key=pairs.get)] if pairs else []
    ):
        measure = Measure(pairs[pair], None, None, n)
        name = " and ".join(pair)
        tried.append(Row(trained.model, GRAD_CAM, rows.MEAN_MAPS, measure, class_name=name))
    return tried


def last_layers(explained: Explained) -> list[Row]:
    """How often Grad-CAM of the last convolution itself has the same hottest cell as the target's.

    Batch norm and ReLU lie between them.
    """
    probe, n = explained.probe, len(explained.maps[GRAD_CAM])
    asked = probe, explained.images[:n], explained.classes[:n]
    pair = [methods.grad_cam_cells(*asked, each) for each in (probe.target, probe.last_convolution)]
    known = ~np.any([maps.is_constant(each) for each in pair], axis=0)
    hottest = [each.reshape(len(each), -1)[known].argmax(axis=1) for each in pair]
    share = judgement.share((hottest[0] == hottest[1]).astype(float))
    told = explained.model, GRAD_CAM, rows.HOTTEST_CELL, share
    return [judged(*told, control=rows.BEFORE_RELU)]


def too_dear(explained: Explained) -> list[Row]:
    """Gaps for the methods that take too many calls of a model."""
    lacking = [method for method in METHODS if method not in explained.maps]
    return gaps(explained.model, lacking, TOO_DEAR)


def gaps(model: str, lacking: Sequence[str], why: str) -> list[Row]:
    """A gap by every check for each of these methods."""
    return [
        Row(model, method, criterion, None, control=control, why=why)
        for method in lacking
        for criterion, control in rows.CHECKS.values()
    ]


def _affordable(counts: Mapping[str, int], most: int) -> dict[str, int]:
    return {method: min(count, most) for method, count in counts.items() if count}


def _mean(drawn: np.ndarray, masks: np.ndarray) -> float:
    return float(MASS_INSIDE.score(drawn, masks).mean())


def _with_lesion(phantom: Dataset, count: int) -> tuple[np.ndarray, ...]:
    """The images, labels and masks of the first test images that have a lesion."""
    masks = phantom.lesion_masks["test"]
    chosen = np.flatnonzero(masks.any(axis=(1, 2)))[:count]
    return phantom.test.images[chosen], phantom.test.labels[chosen], masks[chosen]
