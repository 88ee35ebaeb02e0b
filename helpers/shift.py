"""Why validation is better than test: the change of class ratio, and what that leaves over."""

import numpy as np
import pandas as pd

from helpers import bootstrap
from helpers.artifacts import Predictions
from helpers.data import Dataset
from helpers.evaluation import Measure, proportion
from helpers.settings import Settings


def gap(predictions: Predictions, resamples: int = bootstrap.RESAMPLES) -> dict[str, Measure]:
    """Split the fall of accuracy from validation to test into label shift and the rest.

    Under label shift alone the images of a class look alike in both splits, so each class keeps
    its recall and only the class ratio changes (Saerens et al. 2002): validation recalls, weighted
    by test's class ratio, forecast test accuracy.

    Returns
    -------
    Measures with 95 % intervals, both splits being resampled within classes: `validation accuracy`
    and `test accuracy` (Wilson), `validation recalls at test's class ratio`, `fall: label shift`
    (validation less that), `fall: the rest` (that less test), `fall: total`.
    """
    labels = predictions.val_labels, predictions.test_labels
    right = (
        predictions.val_probabilities.argmax(axis=1) == labels[0],
        predictions.test_probabilities.argmax(axis=1) == labels[1],
    )
    classes = predictions.val_probabilities.shape[1]
    ratios = [np.bincount(split, minlength=classes) / len(split) for split in labels]
    # Weighting each validation image by test's over validation's share of its class.
    reweighted = (ratios[1] / ratios[0])[labels[0]] * right[0]
    parts = {}
    for weigh in (
        lambda split, _: np.ones((1, len(split)), np.float32),
        lambda split, seed: bootstrap.draw_weights(split, resamples, seed),
    ):
        weights = [weigh(split, seed) for seed, split in enumerate(labels)]
        val = weights[0] @ right[0].astype(np.float32) / len(labels[0])
        forecast = weights[0] @ reweighted.astype(np.float32) / len(labels[0])
        test = weights[1] @ right[1].astype(np.float32) / len(labels[1])
        for name, values in {
            "validation recalls at test's class ratio": forecast,
            "fall: label shift": val - forecast,
            "fall: the rest": forecast - test,
            "fall: total": val - test,
        }.items():
            parts.setdefault(name, []).append(values)
    found = {
        "validation accuracy": proportion(int(right[0].sum()), len(right[0])),
        "test accuracy": proportion(int(right[1].sum()), len(right[1])),
    }
    for name, ((value,), resampled) in parts.items():
        low, high = bootstrap.interval(resampled)
        found[name] = {"value": float(value), "low": low, "high": high, "n": len(labels[1])}
    return found


def recalls(predictions: Predictions, classes: tuple[str, ...]) -> pd.DataFrame:
    """Recall of each class on validation and on test, with Wilson intervals.

    Columns: class, split (validation, test), recall, low, high, images.
    """
    rows = []
    for split, labels, probabilities in (
        ("validation", predictions.val_labels, predictions.val_probabilities),
        ("test", predictions.test_labels, predictions.test_probabilities),
    ):
        predicted = probabilities.argmax(axis=1)
        for k, name in enumerate(classes):
            own = labels == k
            found = proportion(int((predicted[own] == k).sum()), int(own.sum()))
            found["recall"] = found.pop("value")
            rows.append({"class": name, "split": split, **found})
    return pd.DataFrame(rows).rename(columns={"n": "images"})


def assumed_prior(settings: Settings, dataset: Dataset) -> np.ndarray:
    """The class ratio that training makes a model assume: float (classes,), adding up to 1.

    Balanced class weights make every class count alike; without them it is training's own ratio.
    """
    counts = np.bincount(dataset.train.labels, minlength=len(dataset.classes))
    if settings.class_weights == "balanced":
        return np.full(len(counts), 1 / len(counts))
    return counts / counts.sum()


def adapted_to_prior(
    probabilities: np.ndarray, prior: np.ndarray, tolerance: float = 1e-6, most: int = 10_000
) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities corrected for another class ratio, which is estimated from them alone.

    Saerens, Latinne and Decaestecker (2002), equation 2.9: expectation maximisation.

    Parameters
    ----------
    probabilities : float (n, classes), of a model that assumes `prior` (classes,), positive.
    tolerance : of the estimated ratio, at which it stops; at the latest after `most` steps.

    Returns
    -------
    The corrected probabilities (n, classes) and the estimated class ratio (classes,).
    """
    estimate = np.asarray(prior, float)
    for _ in range(most):
        adapted = probabilities * (estimate / prior)
        adapted /= adapted.sum(axis=1, keepdims=True)
        before, estimate = estimate, adapted.mean(axis=0)
        if np.abs(estimate - before).max() < tolerance:
            break
    return adapted, estimate
