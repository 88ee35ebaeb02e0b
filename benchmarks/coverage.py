"""How often the intervals of `helpers.evaluation` hold the true value.

Run it with `python -m benchmarks.coverage`: 1,000 simulated test sets of 500 and of 1,000 images.
Recall near 1 and the expected calibration error are known to be hard and are told as well.
"""

import numpy as np
from sklearn.metrics import f1_score, roc_auc_score

from benchmarks.simulated import CLASSES, draw
from helpers.evaluation import calibration, measures, metrics

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
    everything = measures.everything(POPULATION)
    return {
        "recall near 1, Wilson": NEAR_ONE,
        "recall near 1, bootstrap": NEAR_ONE,
        CALIBRATION: calibration.resampled(second, labels, everything)[CALIBRATION][0],
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
        drawn = measures.draw_weights(labels, resamples, seed)
        resampled = metrics.resampled(second, labels, CLASSES, drawn)
        is_right = [model.argmax(axis=1) == labels for model in (first, second)]
        gain = drawn @ (is_right[1].astype(np.float32) - is_right[0]) / images
        easy = rng.random(images // 4) < NEAR_ONE
        easy_drawn = drawn[:, labels == 0] @ easy.astype(np.float32) / len(easy)
        measured = {
            "recall near 1, Wilson": measures.proportion(easy.sum(), len(easy)),
            CALIBRATION: calibration.scores(second, labels, drawn)[CALIBRATION],
            "accuracy": measures.proportion(is_right[1].sum(), images),
        }
        intervals = {name: (measure.low, measure.high) for name, measure in measured.items()} | {
            "recall near 1, bootstrap": measures.interval(easy_drawn),
            "macro_f1": measures.interval(resampled["macro_f1"]),
            "auc/macro": measures.interval(resampled["auc/macro"]),
            "difference": measures.interval(gain),
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
