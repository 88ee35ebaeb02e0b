"""What lies between validation and test: another class ratio, another acquisition, and the rest."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from helpers.data.dataset import Dataset
from helpers.evaluation import measures
from helpers.evaluation.measures import Measure
from helpers.models.trainings import Predictions, Trained
from helpers.study.settings import Training

BATCH = 128


@dataclass(frozen=True)
class PrevalenceShift:
    """The step of accuracy from validation to test, split in two, with 95 % intervals.

    validation, test : accuracy.
    at_test_ratio : validation recalls, weighted by test's class ratio.
    by_ratio : the part of the changed class ratio, validation less `at_test_ratio`.
    rest : what that leaves over, `at_test_ratio` less test.
    total : validation less test.
    """

    validation: Measure
    test: Measure
    at_test_ratio: Measure
    by_ratio: Measure
    rest: Measure
    total: Measure


@dataclass(frozen=True)
class StretchingGap:
    """How much of a gap goes when validation images are altered, with 95 % intervals.

    before : validation less test; closed : validation less altered validation; left : altered
        validation less test. All at test's class ratio, so that prevalence shift is no part of it.
    """

    before: Measure
    closed: Measure
    left: Measure


def prevalence_shift(predictions: Predictions) -> PrevalenceShift:
    """Split the step of accuracy from validation to test into prevalence shift and the rest.

    Under prevalence shift alone the images of a class look alike in both splits, so each class
    keeps its recall and only the class ratio changes (Saerens et al. 2002, who call it a change of
    priors): validation recalls, weighted by test's class ratio, forecast test accuracy. Every part
    is a sum of recalls (`measures.combined`), the class ratios being those of the splits.
    """
    splits, recalls, ratios = _by_split(predictions).values(), [], []
    for probabilities, labels in splits:
        classes, hits = range(probabilities.shape[1]), probabilities.argmax(axis=1) == labels
        recalls.append([measures.share(hits[labels == k]) for k in classes])
        ratios.append(np.array([recall.n for recall in recalls[-1]]) / len(labels))
    (val, test), (of_val, of_test), nothing = recalls, ratios, np.zeros(len(ratios[0]))

    def combined(in_val: np.ndarray, in_test: np.ndarray) -> Measure:
        return measures.combined([*in_val, *in_test], [*val, *test])

    return PrevalenceShift(
        combined(of_val, nothing),
        combined(nothing, of_test),
        at_test_ratio=combined(of_test, nothing),
        by_ratio=combined(of_val - of_test, nothing),
        rest=combined(of_test, -of_test),
        total=combined(of_val, -of_test),
    )


def stretching_gap(
    predictions: Predictions, altered: np.ndarray, count: int = measures.RESAMPLES
) -> StretchingGap:
    """How much of the gap between validation and test goes when validation is altered alike.

    `altered` are the probabilities of the altered validation images, which are resampled as pairs
    with those unaltered; test images apart, `count` times.
    """
    val, after, test = (_is_right(*split) for split in _by_split(predictions, altered).values())
    ratio, less = _counted_at_test_ratio(predictions), _mean_difference(predictions, count)
    return StretchingGap(
        before=less(ratio * val, test),
        closed=less(ratio * (val - after), np.zeros(len(test))),
        left=less(ratio * after, test),
    )


def recalls_by_split(
    predictions: Predictions, classes: tuple[str, ...], altered: np.ndarray | None = None
) -> dict[str, dict[str, Measure]]:
    """Recall of each class (Wilson) by split; `altered` are what altered validation images get."""
    return {
        split: measures.by_class(probabilities.argmax(axis=1) == labels, labels, classes)
        for split, (probabilities, labels) in _by_split(predictions, altered).items()
    }


def recalls_by_variant(
    variants: dict[str, np.ndarray], labels: np.ndarray, classes: tuple[str, ...]
) -> dict[str, dict[str, Measure]]:
    """Accuracy and recalls, as metrics.json names them, by variant of the same images (Wilson)."""
    measured = {}
    for variant, probabilities in variants.items():
        is_right = probabilities.argmax(axis=1) == labels
        recalls = measures.by_class(is_right, labels, classes)
        measured[variant] = {"accuracy": measures.share(is_right)}
        measured[variant] |= {f"recall/{name}": recall for name, recall in recalls.items()}
    return measured


def probabilities(trained: Trained, variants: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
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


def assumed_prior(training: Training, dataset: Dataset) -> np.ndarray:
    """The class ratio that training makes a model assume: float (classes,), adding up to 1.

    Balanced class weights make every class count alike; without them it is training's own ratio.
    """
    counts = np.bincount(dataset.train.labels, minlength=len(dataset.classes))
    if training.class_weights == "balanced":
        return np.full(len(counts), 1 / len(counts))
    return counts / counts.sum()


def adapted_to_prior(probabilities: np.ndarray, prior: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities corrected for another class ratio, which is estimated from them alone.

    Saerens, Latinne and Decaestecker (2002), equation 2.9: expectation maximisation, of a model
    that assumes `prior` (classes,), positive. It ends where no share moves by 1e-6, at the latest
    after 10,000 steps. Returns the corrected probabilities and the estimated ratio (classes,).
    """
    estimate = np.asarray(prior, float)
    for _ in range(10_000):
        adapted = probabilities * (estimate / prior)
        adapted /= adapted.sum(axis=1, keepdims=True)
        before, estimate = estimate, adapted.mean(axis=0)
        if np.abs(estimate - before).max() < 1e-6:
            break
    return adapted, estimate


def _by_split(
    predictions: Predictions, altered: np.ndarray | None = None
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Probabilities and labels of validation, of its images as altered, if given, and of test."""
    splits = {"validation": (predictions.val_probabilities, predictions.val_labels)}
    if altered is not None:
        splits["validation, stretched"] = (altered, predictions.val_labels)
    return splits | {"test": (predictions.test_probabilities, predictions.test_labels)}


def _is_right(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Which images are named correctly: float (n,), 0 or 1."""
    return (probabilities.argmax(axis=1) == labels).astype(float)


def _counted_at_test_ratio(predictions: Predictions) -> np.ndarray:
    """What each validation image counts, were validation's class ratio that of test: float (n,)."""
    splits, classes = _by_split(predictions).values(), predictions.val_probabilities.shape[1]
    val, test = (np.bincount(labels, minlength=classes) / len(labels) for _, labels in splits)
    return test[predictions.val_labels] / val[predictions.val_labels]


def _mean_difference(
    predictions: Predictions, count: int
) -> Callable[[np.ndarray, np.ndarray], Measure]:
    """What measures the mean of a value of each validation image less that of each test image."""
    drawn_of_val = measures.draw_weights(predictions.val_labels, count, seed=0)
    drawn_of_test = measures.draw_weights(predictions.test_labels, count, seed=1)

    def less(val: np.ndarray, test: np.ndarray) -> Measure:
        of_val = measures.totals(drawn_of_val, val.astype(np.float32)) / len(val)
        of_test = measures.totals(drawn_of_test, test.astype(np.float32)) / len(test)
        return measures.bootstrapped(val.mean() - test.mean(), of_val - of_test, len(test))

    return less
