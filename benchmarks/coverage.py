"""How often the intervals of `helpers.bootstrap` and Wilson hold the true value.

Run it with `python -m benchmarks.coverage`: 1,000 simulated test sets of 500 and of 1,000 images.
Recall near 1 and the expected calibration error are known to be hard and are told as well.
"""

import numpy as np
from scipy.stats import binomtest
from sklearn.metrics import f1_score, roc_auc_score

from benchmarks.simulated import CLASSES, draw
from helpers import bootstrap, calibration

# How far the logit of the true class lies above the others, in their standard deviations: 72 and
# 78 % accuracy, near what is published on OCTMNIST.
SKILLS = (1.7, 2.0)
POPULATION = 400_000
CALIBRATION = "expected calibration error"
NEAR_ONE = 0.99  # the true recall of the easy class


def true_values(seed: int = 0) -> dict[str, float]:
    """What the metrics of the second model, and its lead in accuracy, are in the population."""
    rng, labels = np.random.default_rng(seed), np.arange(POPULATION) % 4
    first, second = (draw(rng, labels, skill) for skill in SKILLS)
    accuracy = np.mean(second.argmax(axis=1) == labels)
    everything = np.ones((1, POPULATION), np.float32)
    return {
        "recall near 1, Wilson": NEAR_ONE,
        "recall near 1, bootstrap": NEAR_ONE,
        CALIBRATION: calibration.scores(second, labels, everything)[CALIBRATION][0],
        "accuracy": accuracy,
        "macro_f1": f1_score(labels, second.argmax(axis=1), average="macro"),
        "auc/macro": roc_auc_score(np.eye(4)[labels], second, average="macro"),
        "difference": accuracy - np.mean(first.argmax(axis=1) == labels),
    }


def simulate(images: int, sets: int, resamples: int) -> dict[str, float]:
    """The share of simulated test sets whose interval holds the true value.

    Accuracy by Wilson, macro F1 and macro AUC by the bootstrap, the difference in accuracy of two
    models by the paired bootstrap, the expected calibration error by the reflected one.
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
        easy = rng.random(images // 4) < NEAR_ONE
        easy_wilson = binomtest(int(easy.sum()), len(easy)).proportion_ci(method="wilson")
        calibrated = calibration.measure(second, labels, weights)[CALIBRATION]
        intervals = {
            "recall near 1, Wilson": (easy_wilson.low, easy_wilson.high),
            "recall near 1, bootstrap": bootstrap.interval(
                weights[:, labels == 0] @ easy.astype(np.float32) / len(easy)
            ),
            CALIBRATION: (calibrated["low"], calibrated["high"]),
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
