"""What it is worth to hold patients together: validation by image against validation by patient.

A scan of a patient whose other scans a model was trained on may be remembered, not recognised. So
the images of training and validation are pooled and validated anew, in turns: once in parts drawn
image by image, once in parts that hold each patient together. Nothing else differs, so the
difference of both accuracies is what the leak between parts adds (Tampu et al. 2022).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from helpers.data import duplicates, patients, scans
from helpers.data.dataset import Dataset
from helpers.data.scans import UNKNOWN
from helpers.evaluation import measures
from helpers.evaluation.measures import Measure
from helpers.models.trainings import Trained, recall, result_key
from helpers.study import architectures
from helpers.study.provenance import file_digest
from helpers.study.runs import Run, kept, read_json
from helpers.study.settings import Settings

FOLDS, REPETITIONS = 5, 3
# Each repetition's resamples are sums over groups of images, so few are enough.
RESAMPLES = 2_000
# Images that are compared with one another; of more, whole groups are drawn.
MOST = 8_000
FEATURES_BATCH = 128
PENALTY = 1_000  # on weights of standardised features; any near it gives the same accuracy


class Leak(NamedTuple):
    """One classifier validated by image and by patient, with 95 % intervals.

    All but `related` and `alone` at test's class ratio.

    by_image, by_patient : accuracy in validation.
    leak : `by_image` less `by_patient`, of the same images; `related` : of images with a relative
        alone; `alone` : of those without, where no leak can be.
    test : accuracy on test of what was trained by patient.
    """

    by_image: Measure
    by_patient: Measure
    leak: Measure
    related: Measure
    alone: Measure
    test: Measure


class Patients(NamedTuple):
    """What `patients.json` tells.

    why : why patients can't be told here; else empty, as are all others where it isn't.
    counts : of images and patients, by what is counted.
    leaks : by classifier.
    accuracy : test accuracy by model and seed, patients resampled, whose `n` is of patients.
    design_effect : how many times the variance of accuracy is that of independent images.
    one_label : test accuracy without the images of patients who have two labels or more.
    """

    why: str
    counts: dict[str, int]
    leaks: dict[str, Leak]
    accuracy: dict[str, dict[str, Measure]]
    design_effect: dict[str, dict[str, float]]
    one_label: dict[str, dict[str, Measure]]


def load_or_measure(run: Run, settings: Settings, dataset: Dataset) -> Patients:
    """What `patients.json` tells of a run, measured where it isn't there for these trainings."""
    if run.is_recorded:
        return from_json(read_json(run.patients))
    beside = [(path.name, file_digest(path)) for path in scans.companions(dataset)]
    key = result_key(settings, dataset, Path(__file__), beside)
    return from_json(kept(run.patients, key, lambda: to_json(measure(run, settings, dataset))))


def measure(run: Run, settings: Settings, dataset: Dataset) -> Patients:
    """Validate cheap classifiers by image and by patient, and resample test's patients."""
    if why := why_unknown(dataset):
        return Patients(why, {}, {}, {}, {}, {})
    known = scans.source_patients(dataset)
    groups = patients.groups(dataset)
    pool = _whole_groups(groups)
    labels = np.concatenate([dataset.train.labels, dataset.val.labels])[pool]
    ratio = np.bincount(dataset.test.labels, minlength=len(dataset.classes)) / len(dataset.test)
    leaks = {}
    for name, (classifier, rows) in _classifiers(settings, dataset, pool).items():
        tested = rows[len(pool) :], dataset.test.labels
        leaks[name] = leak(classifier, rows[: len(pool)], labels, groups[pool], tested, ratio)
    accuracy: dict[str, dict[str, Measure]] = {}
    effects: dict[str, dict[str, float]] = {}
    alone: dict[str, dict[str, Measure]] = {}
    of_test = patients.related(known["test"], np.arange(len(dataset.test)))
    is_kept = ~has_two_labels(of_test, dataset.test.labels)
    for trained in recall(run, settings, dataset):
        measured, effect = clustered_accuracy(trained, of_test)
        accuracy.setdefault(trained.model, {})[str(trained.seed)] = measured
        effects.setdefault(trained.model, {})[str(trained.seed)] = effect
        is_right = trained.predicted == trained.predictions.test_labels
        kept = measures.share(is_right[is_kept])
        alone.setdefault(trained.model, {})[str(trained.seed)] = kept
    counts = _counts(dataset, known, groups, pool)
    counts["test patients with two labels"] = len(np.unique(of_test[~is_kept]))
    return Patients("", counts, leaks, accuracy, effects, alone)


def why_unknown(dataset: Dataset) -> str:
    """Why the patients of images can't be told, as a sentence; empty where they can."""
    if dataset.is_phantom:
        return "A program drew each of this run's eyes by itself, so no two images share a patient."
    known = scans.source_patients(dataset)
    if known is None:
        return f"No {scans.MANIFEST} beside this run's images says which share a patient."
    related = patients.groups(dataset)
    labels = np.concatenate([dataset.train.labels, dataset.val.labels])
    pairs = np.unique(np.stack([labels, related]), axis=1)
    if np.bincount(pairs[0], minlength=len(dataset.classes)).min() < FOLDS:
        return f"Some class has fewer than {FOLDS} patients, too few to hold some out."
    if not _has_relative(related).any():
        return "No two images are known to share a patient."
    return ""


def leak(
    classifier: BaseEstimator,
    rows: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    tested: tuple[np.ndarray, np.ndarray],
    ratio: np.ndarray,
) -> Leak:
    """Validate a classifier in parts drawn by image and by group, `REPETITIONS` times each.

    rows : float (n, d), what it is given; labels, groups : int (n,).
    tested : rows and labels of test images; ratio : the class ratio to count at, (classes,).
    """
    right = {"image": np.zeros(len(labels)), "group": np.zeros(len(labels))}
    on_test = np.zeros(len(tested[1]))
    for kind, train, held_out in _parts(labels, groups):
        fitted = clone(classifier).fit(rows[train], labels[train])
        right[kind][held_out] += fitted.predict(rows[held_out]) == labels[held_out]
        if kind == "group":
            on_test += (fitted.predict(tested[0]) == tested[1]) / FOLDS
    by_image, by_group = right["image"] / REPETITIONS, right["group"] / REPETITIONS
    of_all, is_related = np.ones(len(labels), bool), _has_relative(groups)

    def mean(values: np.ndarray, chosen: np.ndarray, shares: np.ndarray | None = None) -> Measure:
        return _mean_over_groups(values[chosen], labels[chosen], groups[chosen], shares)

    return Leak(
        by_image=mean(by_image, of_all, ratio),
        by_patient=mean(by_group, of_all, ratio),
        leak=mean(by_image - by_group, of_all, ratio),
        related=mean(by_image - by_group, is_related),
        alone=mean(by_image - by_group, ~is_related),
        test=measures.mean(on_test / REPETITIONS, tested[1]),
    )


def clustered_accuracy(trained: Trained, whose: np.ndarray) -> tuple[Measure, float]:
    """Test accuracy with patients resampled within class, and the design effect.

    `whose` int (n,) is the patient of each test image. The design effect is the variance of the
    accuracy of resampled patients by that of resampled images (Kish 1965).
    """
    labels = trained.predictions.test_labels
    is_right, images = (trained.predicted == labels).astype(float), np.arange(len(labels))
    by_patient, by_image = (_resampled(is_right, labels, each) for each in (whose, images))
    measured = measures.bootstrapped(is_right.mean(), by_patient, len(np.unique(whose)))
    return measured, float(by_patient.var() / (by_image.var() or 1))


def has_two_labels(whose: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Which images are of somebody who has images under several labels: bool (n,).

    whose, labels : int (n,).
    """
    pairs = np.unique(np.stack([whose, labels]), axis=1)
    people, of_person = np.unique(pairs[0], return_counts=True)
    return np.isin(whose, people[of_person > 1])


def to_json(found: Patients) -> dict[str, Any]:
    """The content of patients.json."""
    leaks = {n: {k: m.as_json() for k, m in of._asdict().items()} for n, of in found.leaks.items()}
    measured = {
        name: {m: {s: each.as_json() for s, each in by.items()} for m, by in of.items()}
        for name, of in (("accuracy", found.accuracy), ("one_label", found.one_label))
    }
    return found._asdict() | {"leaks": leaks} | measured


def from_json(content: dict[str, Any]) -> Patients:
    """What `to_json` told."""
    leaks = {
        name: Leak(**{key: Measure.from_json(fields) for key, fields in of.items()})
        for name, of in content["leaks"].items()
    }
    measured = {
        name: {m: {s: Measure.from_json(f) for s, f in by.items()} for m, by in of.items()}
        for name, of in content.items()
        if name in ("accuracy", "one_label")
    }
    return Patients(**content | {"leaks": leaks} | measured)


def _parts(labels: np.ndarray, groups: np.ndarray) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Images to train on and to hold out, of both kinds of split, fold by fold."""
    for repetition in range(REPETITIONS):
        given = {"n_splits": FOLDS, "shuffle": True, "random_state": repetition}
        for train, held_out in StratifiedKFold(**given).split(labels, labels):
            yield "image", train, held_out
        for train, held_out in StratifiedGroupKFold(**given).split(labels, labels, groups):
            yield "group", train, held_out


def _classifiers(
    settings: Settings, dataset: Dataset, pool: np.ndarray
) -> dict[str, tuple[BaseEstimator, np.ndarray]]:
    """By name a classifier and the rows that it is given, of the pool and then of test.

    Pixels are those of images averaged down to 28 px.
    """
    first = len(dataset.train)
    of_train, of_val = pool[pool < first], pool[pool >= first] - first
    parts = dataset.train.images[of_train], dataset.val.images[of_val], dataset.test.images
    images = np.concatenate(parts)
    pixels = duplicates.averaged_down(images).reshape(len(images), -1).astype(np.float32)
    nearest = KNeighborsClassifier(n_neighbors=1, algorithm="brute")
    classifiers = {"the nearest neighbour of pixels": (nearest, pixels)}
    fixed = [model for model in settings.models if settings.features_are_fixed(model)]
    if fixed:
        # Of two on one base, the one that is fed as its weights expect.
        model = max(fixed, key=lambda name: architectures.get(name).base.pixels != "unit")
        rows = _features(settings, dataset, model, images)
        linear = RidgeClassifier(PENALTY, class_weight="balanced")
        for name, last in (
            ("the nearest neighbour of", nearest),
            ("a linear classifier of", linear),
        ):
            classifiers[f"{name} features"] = (make_pipeline(StandardScaler(), last), rows)
    return classifiers


def _features(settings: Settings, dataset: Dataset, model: str, images: np.ndarray) -> np.ndarray:
    """A frozen base's pooled features of images as they are: float32 (n, features)."""
    from helpers.models import networks  # loads Keras, which what only reads can do without

    network = networks.build(model, settings, dataset.shape, len(dataset.classes), seed=0)
    base = networks.features_of(network)
    batches = np.split(images, range(FEATURES_BATCH, len(images), FEATURES_BATCH))
    return np.concatenate([base.predict_on_batch(batch) for batch in batches])


def _has_relative(groups: np.ndarray) -> np.ndarray:
    _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    return sizes[group] > 1


def _whole_groups(groups: np.ndarray) -> np.ndarray:
    """The images of as many whole groups, drawn at random, as hold `MOST` images: int (m,)."""
    drawn = np.random.default_rng(0).permutation(np.unique(groups))
    sizes = np.bincount(groups, minlength=drawn.max() + 1)[drawn]
    return np.flatnonzero(np.isin(groups, drawn[np.cumsum(sizes) <= MOST]))


def _mean_over_groups(
    values: np.ndarray, labels: np.ndarray, groups: np.ndarray, shares: np.ndarray | None
) -> Measure:
    """The mean of a value of each image, with the classes' shares, and groups resampled."""
    if not len(values):
        return Measure(np.nan, None, None, 0)
    if shares is None:
        shares = np.bincount(labels) / len(labels)
    by_class = [values[labels == k].mean() * shares[k] for k in np.unique(labels)]
    resampled = _resampled(values, labels, groups, shares)
    return measures.bootstrapped(sum(by_class), resampled, len(values))


def _resampled(
    values: np.ndarray, labels: np.ndarray, groups: np.ndarray, shares: np.ndarray | None = None
) -> np.ndarray:
    """Means of values (n,), a resample of groups each, drawn within class: (resamples,).

    shares : what the mean of each class counts; by default its share of the images.
    """
    if shares is None:
        shares = np.bincount(labels) / len(labels)
    pairs, cluster = np.unique(np.stack([labels, groups]), axis=1, return_inverse=True)
    sums = np.bincount(cluster.ravel(), values)
    sizes = np.bincount(cluster.ravel())
    drawn = measures.draw_weights(pairs[0], RESAMPLES)
    means = np.zeros(RESAMPLES)
    for k in np.unique(labels):
        of_class = drawn[:, pairs[0] == k]
        mean = (of_class @ sums[pairs[0] == k]) / (of_class @ sizes[pairs[0] == k])
        means += shares[k] * mean
    return means


def _counts(
    dataset: Dataset, known: dict[str, np.ndarray], groups: np.ndarray, pool: np.ndarray
) -> dict[str, int]:
    of_pool = np.concatenate([known["train"], known["val"]])[pool]
    return {
        "images": len(pool),
        "images of known patients": int((of_pool != UNKNOWN).sum()),
        "patients": len(np.unique(of_pool[of_pool != UNKNOWN].astype(str))),
        "images with a relative": int(_has_relative(groups[pool]).sum()),
        "test images": len(dataset.test),
        "test patients": len(np.unique(known["test"].astype(str))),
    }
