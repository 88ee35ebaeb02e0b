"""Why validation and test differ: another class ratio, and the rest."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from helpers.data.dataset import Dataset
from helpers.evaluation import measures, seeds
from helpers.evaluation.measures import Measure
from helpers.models.trainings import Predictions
from helpers.study.settings import Training


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


def prevalence_shift(predictions: Predictions, count: int = measures.RESAMPLES) -> PrevalenceShift:
    """Split the fall of accuracy from validation to test into prevalence shift and the rest.

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


def gap_over_seeds(each: Sequence[Predictions]) -> Measure:
    """`rest` of `prevalence_shift`, the mean over a model's seeds: both sources of chance."""
    labels = each[0].val_labels, each[0].test_labels
    ratios = [np.bincount(of, minlength=each[0].val_probabilities.shape[1]) for of in labels]
    weights = (ratios[1] / len(labels[1]))[labels[0]] / (ratios[0] / len(labels[0]))[labels[0]]
    hits = [[p.argmax(axis=1) == of for p, of in _by_split(one).values()] for one in each]
    val, test = (np.array(of_split, float) for of_split in zip(*hits, strict=True))
    return seeds.mean_gap(weights * val, test, labels)


def recalls_by_split(
    predictions: Predictions, classes: tuple[str, ...]
) -> dict[str, dict[str, Measure]]:
    """Recall of each class (Wilson) by split."""
    return {
        split: measures.by_class(probabilities.argmax(axis=1) == labels, labels, classes)
        for split, (probabilities, labels) in _by_split(predictions).items()
    }


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


def _by_split(predictions: Predictions) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Probabilities and labels of validation and of test."""
    return {
        "validation": (predictions.val_probabilities, predictions.val_labels),
        "test": (predictions.test_probabilities, predictions.test_labels),
    }


def _is_right(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Which images are named correctly: float (n,), 0 or 1."""
    return (probabilities.argmax(axis=1) == labels).astype(float)
