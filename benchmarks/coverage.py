"""How often the intervals of `helpers.bootstrap` and Wilson hold the true value.

Run it with `python -m benchmarks.coverage`: 1,000 simulated test sets of 500 and of 1,000 images.
"""

import numpy as np
from scipy.stats import binomtest
from sklearn.metrics import f1_score, roc_auc_score

from helpers import bootstrap

CLASSES = ("cnv", "dme", "drusen", "normal")
# How far the logit of the true class lies above the others, in their standard deviations: 72 and
# 78 % accuracy, near what is published on OCTMNIST.
SKILLS = (1.7, 2.0)
POPULATION = 400_000


def draw(rng: np.random.Generator, labels: np.ndarray, skill: float) -> np.ndarray:
    """Probabilities float32 (n, 4) of a model whose logits are normal."""
    odds = np.exp(rng.normal(size=(len(labels), 4)) + skill * np.eye(4)[labels])
    return (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)


def true_values(seed: int = 0) -> dict[str, float]:
    """What the metrics of the second model, and its lead in accuracy, are in the population."""
    rng, labels = np.random.default_rng(seed), np.arange(POPULATION) % 4
    first, second = (draw(rng, labels, skill) for skill in SKILLS)
    accuracy = np.mean(second.argmax(axis=1) == labels)
    return {
        "accuracy": accuracy,
        "macro_f1": f1_score(labels, second.argmax(axis=1), average="macro"),
        "auc/macro": roc_auc_score(np.eye(4)[labels], second, average="macro"),
        "difference": accuracy - np.mean(first.argmax(axis=1) == labels),
    }


def simulate(images: int, sets: int, resamples: int) -> dict[str, float]:
    """The share of simulated test sets whose interval holds the true value.

    Accuracy by Wilson, macro F1 and macro AUC by the bootstrap, and the difference in accuracy of
    two models by the paired bootstrap.
    """
    truth = true_values()
    labels = np.arange(images) % 4
    hits = dict.fromkeys(truth, 0)
    for seed in range(1, sets + 1):
        rng = np.random.default_rng(seed)
        first, second = (draw(rng, labels, skill) for skill in SKILLS)
        weights = bootstrap.draw_weights(labels, resamples, seed)
        resampled = bootstrap.metrics(second, labels, CLASSES, weights)
        right = [model.argmax(axis=1) == labels for model in (first, second)]
        wilson = binomtest(int(right[1].sum()), images).proportion_ci(method="wilson")
        gain = weights @ (right[1].astype(np.float32) - right[0]) / images
        intervals = {
            "accuracy": (wilson.low, wilson.high),
            "macro_f1": bootstrap.interval(resampled["macro_f1"]),
            "auc/macro": bootstrap.interval(resampled["auc/macro"]),
            "difference": bootstrap.interval(gain),
        }
        for name, (low, high) in intervals.items():
            hits[name] += low <= truth[name] <= high
    return {name: count / sets for name, count in hits.items()}


def main() -> None:
    """Print the coverage at both sizes."""
    for images in (500, 1_000):
        shares = simulate(images, sets=1_000, resamples=1_000)
        told = ", ".join(f"{name} {100 * share:.1f} %" for name, share in shares.items())
        print(f"{images:,} images, 1,000 test sets: {told}", flush=True)


if __name__ == "__main__":
    main()
