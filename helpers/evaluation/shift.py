"""Why validation is better than test: the change of class ratio, and what that leaves over."""

import numpy as np
import pandas as pd

from helpers import bootstrap
from helpers.artifacts import Predictions
from helpers.data import Dataset
from helpers.evaluation import Measure, bootstrapped, by_class, proportion
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
    val, test = right(predictions)
    forecast = at_test_ratio(predictions) * val
    weights = draw_both(predictions, resamples)
    nothing = np.zeros(len(test))
    return {
        "validation accuracy": proportion(int(val.sum()), len(val)),
        "test accuracy": proportion(int(test.sum()), len(test)),
        "validation recalls at test's class ratio": difference(forecast, nothing, weights),
        "fall: label shift": difference(val - forecast, nothing, weights),
        "fall: the rest": difference(forecast, test, weights),
        "fall: total": difference(val, test, weights),
    }


def right(predictions: Predictions) -> tuple[np.ndarray, np.ndarray]:
    """Which images of validation and of test are named correctly: float (n,) each, 0 or 1."""
    return (
        (predictions.val_probabilities.argmax(axis=1) == predictions.val_labels).astype(float),
        (predictions.test_probabilities.argmax(axis=1) == predictions.test_labels).astype(float),
    )


def at_test_ratio(predictions: Predictions) -> np.ndarray:
    """What each validation image counts, were validation's class ratio that of test: float (n,)."""
    classes = predictions.val_probabilities.shape[1]
    val, test = (
        np.bincount(labels, minlength=classes) / len(labels)
        for labels in (predictions.val_labels, predictions.test_labels)
    )
    return (test / val)[predictions.val_labels]


def draw_both(predictions: Predictions, resamples: int) -> tuple[np.ndarray, np.ndarray]:
    """Resamples of validation and, drawn apart, of test, as `bootstrap.draw_weights` gives them."""
    return (
        bootstrap.draw_weights(predictions.val_labels, resamples, seed=0),
        bootstrap.draw_weights(predictions.test_labels, resamples, seed=1),
    )


def difference(
    val: np.ndarray, test: np.ndarray, weights: tuple[np.ndarray, np.ndarray]
) -> Measure:
    """The mean of a value of each validation image less that of each test image, float (n,)."""
    val_means, test_means = (
        drawn @ values.astype(np.float32) / len(values)
        for drawn, values in zip(weights, (val, test), strict=True)
    )
    return bootstrapped(val.mean() - test.mean(), val_means - test_means, len(test))


def recalls(predictions: Predictions, classes: tuple[str, ...]) -> pd.DataFrame:
    """Recall of each class on validation and on test, with Wilson intervals.

    Columns: class, split (validation, test), recall, low, high, images.
    """
    rows = []
    for split, labels, probabilities in (
        ("validation", predictions.val_labels, predictions.val_probabilities),
        ("test", predictions.test_labels, predictions.test_probabilities),
    ):
        hits = probabilities.argmax(axis=1) == labels
        for name, found in by_class(hits, labels, classes).items():
            rows.append({"class": name, "split": split, **found})
    return pd.DataFrame(rows).rename(columns={"value": "recall", "n": "images"})


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
