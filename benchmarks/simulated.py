"""Simulated predictions whose truth is known."""

import numpy as np

from helpers.models.trainings import Predictions, Trained

CLASSES = ("cnv", "dme", "drusen", "normal")


def trained_with(probabilities: np.ndarray, labels: np.ndarray) -> Trained:
    """A training with the same predictions on validation and test."""
    predictions = Predictions(probabilities, labels, probabilities, labels)
    return Trained("custom-cnn", 0, None, None, predictions, {})


def draw(
    rng: np.random.Generator, labels: np.ndarray, skill: float, classes: int = 4
) -> np.ndarray:
    """Probabilities float32 (n, classes) of a model whose logits are normal."""
    odds = np.exp(rng.normal(size=(len(labels), classes)) + skill * np.eye(classes)[labels])
    return (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)


def calibrated(
    rng: np.random.Generator, n: int, ratio: tuple[float, ...] = (0.25,) * 4, skill: float = 2
) -> tuple[np.ndarray, np.ndarray]:
    """Labels by `ratio`, and the true posteriors of a model that takes classes as equally common.

    Logits of unit variance, `skill` apart: Bayes' rule gives softmax(skill * logits).
    """
    labels = rng.choice(len(ratio), size=n, p=ratio)
    logits = rng.normal(size=(n, len(ratio))) + skill * np.eye(len(ratio))[labels]
    odds = np.exp(skill * logits)
    return odds / odds.sum(axis=1, keepdims=True), labels
