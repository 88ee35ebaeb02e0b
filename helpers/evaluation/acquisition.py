"""How much of the gap between validation and test another width of scans explains."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from helpers.data import scans
from helpers.data.dataset import Dataset
from helpers.evaluation import seeds
from helpers.evaluation.measures import Measure
from helpers.models.trainings import Predictions, Trained, recall, result_key
from helpers.study.provenance import file_digest
from helpers.study.runs import Run, kept, read_json
from helpers.study.settings import Settings

BATCH = 128
AS_THEY_ARE, TEST = "validation", "test"


class Gap(NamedTuple):
    """How much of a gap goes when validation images are stretched, means over seeds.

    All at test's class ratio, so that prevalence shift is no part of it. Intervals hold the chance
    of seeds and of images (`seeds.over_seeds`).

    before : validation minus test.
    cost, control : validation minus validation stretched, and minus its control.
    shape : control minus stretched, of the same images: what the shape by itself costs.
    left : validation stretched minus test.
    """

    before: Measure
    cost: Measure
    control: Measure
    shape: Measure
    left: Measure


class Acquisition(NamedTuple):
    """What `acquisition.json` tells.

    widths : images by split and by width of their scan in pixels, as text; None where not known.
    stretched : by class, how many of its validation images can be stretched.
    control : what the control is.
    recalls : by model, then by variant (validation, its control, validation stretched, test), then
        by class: means over seeds.
    gaps : by model. by_seed : by model and seed, validation minus test and the cost of the shape.
    by_resolution : by model, accuracy on validation scans of high resolution and on the others.
    """

    widths: dict[str, dict[str, int]] | None
    stretched: dict[str, int]
    control: str
    recalls: dict[str, dict[str, dict[str, Measure]]]
    gaps: dict[str, Gap]
    by_seed: dict[str, dict[str, list[float]]]
    by_resolution: dict[str, dict[str, Measure]]

    @property
    def high_resolution(self) -> dict[str, float] | None:
        """The share of scans of high resolution by split; None where widths aren't known."""
        if self.widths is None:
            return None
        shares = {}
        for split, counts in self.widths.items():
            values, images = np.array(list(map(int, counts))), np.array(list(counts.values()))
            shares[split] = float(images @ scans.is_high_resolution(values) / images.sum())
        return shares


def load_or_measure(run: Run, settings: Settings, dataset: Dataset) -> Acquisition:
    """What `acquisition.json` tells of a run, measured where it isn't there for these trainings."""
    if run.is_recorded:
        return from_json(read_json(run.acquisition))
    beside = [(path.name, file_digest(path)) for path in scans.companions(dataset)]
    key = result_key(settings, dataset, Path(__file__), beside)
    return from_json(kept(run.acquisition, key, lambda: to_json(measure(run, settings, dataset))))


def measure(run: Run, settings: Settings, dataset: Dataset) -> Acquisition:
    """Stretch validation images to look as test images do, and ask every model of the run.

    On other images than OCT's nothing is stretched.
    """
    widths = source_widths(dataset)
    factors = stretch_factors(dataset, widths)
    can_be = np.bincount(dataset.val.labels, factors > 1, minlength=len(dataset.classes))
    counted = widths and {split: _counts(each) for split, each in widths.items()}
    stretched = dict(zip(dataset.classes, can_be.astype(int).tolist(), strict=True))
    found = Acquisition(counted, stretched, "", {}, {}, {}, {})
    if not can_be.any():
        return found
    variants = scans.variants(dataset.val.images, factors, scans.finer_validation(dataset))
    by_model: dict[str, list[Trained]] = {}
    for trained in recall(run, settings, dataset):
        by_model.setdefault(trained.model, []).append(trained)
    for model, trainings in by_model.items():
        given = [probabilities(trained, variants) for trained in trainings]
        predictions = [trained.predictions for trained in trainings]
        found.recalls[model] = recalls(predictions, given, dataset.classes)
        found.gaps[model], values = gap(predictions, given)
        names = [str(trained.seed) for trained in trainings]
        found.by_seed[model] = dict(zip(names, values, strict=True))
        if widths is not None:
            is_high = scans.is_high_resolution(widths["val"])
            found.by_resolution[model] = by_resolution(predictions, is_high)
    return found._replace(control=[*variants][1])


def source_widths(dataset: Dataset) -> dict[str, np.ndarray] | None:
    """The widths of the scans behind OCT images (`scans.source_widths`); None of others."""
    return scans.source_widths(dataset) if dataset.data_set.audited else None


def stretch_factors(dataset: Dataset, widths: Mapping[str, np.ndarray] | None) -> np.ndarray:
    """How far each validation image is stretched, to look as test images do: float (n,), from 1."""
    if not dataset.data_set.audited:
        return np.ones(len(dataset.val))
    if widths is None:
        return np.full(len(dataset.val), scans.STRETCH)
    return scans.factors_like(widths["val"], widths["test"])


def probabilities(trained: Trained, variants: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What a model gives for each of `scans.variants`: float32 (n, classes) by name.

    The first of them are the validation images themselves, whose probabilities are known.
    """
    as_they_are, *altered = variants
    model, given = trained.load_model(), {as_they_are: trained.predictions.val_probabilities}
    for name in altered:
        images = variants[name]
        # Called as it is: compiling each model anew takes longer than its few batches.
        batches = np.split(images, range(BATCH, len(images), BATCH))
        given[name] = np.concatenate([np.asarray(model(b, training=False)) for b in batches])
    return given


def gap(
    predictions: Sequence[Predictions],
    given: Sequence[Mapping[str, np.ndarray]],
) -> tuple[Gap, list[list[float]]]:
    """A model's gap, and by seed the values of `before` and `shape`.

    predictions : of a training each.
    given : the same trainings' probabilities by variant: as they are, control, stretched.
    """
    labels, of_test = predictions[0].val_labels, predictions[0].test_labels
    classes = np.arange(predictions[0].val_probabilities.shape[1])
    shares = [(each[:, None] == classes).mean(axis=0) for each in (of_test, labels)]
    # What each validation image counts, were validation's class ratio that of test.
    ratio = shares[0][labels] / shares[1][labels]
    val, control, stretched = (
        ratio * np.stack([_is_right(each, labels) for each in variant])
        for variant in zip(*(by_variant.values() for by_variant in given), strict=True)
    )
    test = np.stack([_is_right(each.test_probabilities, of_test) for each in predictions])
    of_both = labels, of_test

    def paired(one: np.ndarray, other: np.ndarray) -> Measure:
        return seeds.mean_difference(other, one, labels)

    found = Gap(
        before=seeds.mean_gap(val, test, of_both),
        cost=paired(val, stretched),
        control=paired(val, control),
        shape=paired(control, stretched),
        left=seeds.mean_gap(stretched, test, of_both),
    )
    by_seed = [val.mean(1) - test.mean(1), control.mean(1) - stretched.mean(1)]
    return found, np.transpose(by_seed).tolist()


def recalls(
    predictions: Sequence[Predictions],
    given: Sequence[Mapping[str, np.ndarray]],
    classes: Sequence[str],
) -> dict[str, dict[str, Measure]]:
    """A model's recall of each class by variant and on test; parameters as in `gap`."""
    labels, of_test = predictions[0].val_labels, predictions[0].test_labels
    _, *altered = given[0]
    by_variant = {AS_THEY_ARE: ([each.val_probabilities for each in predictions], labels)}
    by_variant |= {name: ([each[name] for each in given], labels) for name in altered}
    by_variant[TEST] = ([each.test_probabilities for each in predictions], of_test)
    return {
        variant: {
            name: _mean_of([_is_right(each, truth) for each in of_seeds], truth == k)
            for k, name in enumerate(classes)
        }
        for variant, (of_seeds, truth) in by_variant.items()
    }


def by_resolution(predictions: Sequence[Predictions], is_high: np.ndarray) -> dict[str, Measure]:
    """A model's accuracy on validation scans of high resolution (bool (n,)), and on the others."""
    labels = predictions[0].val_labels
    right = [_is_right(each.val_probabilities, labels) for each in predictions]
    return {"high resolution": _mean_of(right, is_high), "others": _mean_of(right, ~is_high)}


def to_json(found: Acquisition) -> dict[str, Any]:
    """The content of acquisition.json."""
    return _each(found._asdict())


def from_json(content: dict[str, Any]) -> Acquisition:
    """What `to_json` told."""
    found = Acquisition(**{name: _restored(value) for name, value in content.items()})
    return found._replace(gaps={model: Gap(**of) for model, of in found.gaps.items()})


def _mean_of(values: Sequence[np.ndarray], chosen: np.ndarray) -> Measure:
    """The share of chosen images that is right, bool (n,) for each seed, and both sources."""
    kept = np.stack(values)[:, chosen]
    if not kept.size:
        return Measure(np.nan, None, None, 0)
    return seeds.mean_share(kept > 0, np.zeros(kept.shape[1], int))


def _is_right(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Which images are named correctly: float (n,), 0 or 1."""
    return (probabilities.argmax(axis=1) == labels).astype(float)


def _counts(widths: np.ndarray) -> dict[str, int]:
    values, counts = np.unique(widths, return_counts=True)
    return dict(zip(map(str, values.tolist()), counts.tolist(), strict=True))


def _each(value: Any) -> Any:
    """A value with its measures, wherever they lie in it, as JSON has them."""
    if isinstance(value, Measure):
        return value.as_json()
    if isinstance(value, Gap):
        value = value._asdict()
    return {k: _each(v) for k, v in value.items()} if isinstance(value, dict) else value


def _restored(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value.keys() == set(Measure._fields):
        return Measure.from_json(value)
    return {name: _restored(each) for name, each in value.items()}
