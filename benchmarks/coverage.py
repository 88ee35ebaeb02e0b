"""How often the intervals of `helpers.evaluation` hold the true value.

Run it with `python -m benchmarks.coverage`: `SETS` simulated test sets of each of `SIZES`, and
means over three and five seeds. It writes `coverage.json` beside this file, which chapter 9 prints.
A recall near 1 and the binned calibration errors are known to be hard and are told as well.
"""

import json
from pathlib import Path

import numpy as np
from sklearn.metrics import f1_score, roc_auc_score

from benchmarks.simulated import CLASSES, draw
from helpers.evaluation import calibration, measures, metrics, seeds

SIZES, SETS, RESAMPLES = (500,), 1_000, 400
RESULTS = Path(__file__).with_suffix(".json")
# How far the logit of the true class lies above the others, in their standard deviations: 72 and
# 78 % accuracy, near what is published on OCTMNIST.
SKILLS = (1.7, 2.0)
POPULATION = 400_000
NEAR_ONE = 0.99  # the true recall of the easy class
# Of an image's logit lead, how much lies in the image, and of a model's skill how much in its seed.
OF_IMAGE, OF_SEED = 0.7, 0.1


def true_values(seed: int = 0) -> dict[str, float]:
    """What the metrics of the second model, and its lead in accuracy, are in the population."""
    rng, labels = np.random.default_rng(seed), np.arange(POPULATION) % 4
    first, second = (draw(rng, labels, skill) for skill in SKILLS)
    accuracy = np.mean(second.argmax(axis=1) == labels)
    binned = calibration.resampled(second, labels, measures.everything(POPULATION))
    return {
        "recall near 1, Wilson": NEAR_ONE,
        "recall near 1, bootstrap": NEAR_ONE,
        **{f"{name}, reflected": binned[name][0] for name in calibration.BINNED},
        "accuracy": accuracy,
        "macro F1": f1_score(labels, second.argmax(axis=1), average="macro"),
        "macro AUC": roc_auc_score(np.eye(4)[labels], second, average="macro"),
        "difference in accuracy": accuracy - np.mean(first.argmax(axis=1) == labels),
    }


def simulate(images: int, sets: int, resamples: int) -> dict[str, float]:
    """The share of simulated test sets whose interval holds the true value.

    Accuracy by what follows from Wilson's interval with the classes' sizes fixed, macro F1 and
    macro AUC by the bootstrap, the difference in accuracy of two models by the paired bootstrap.
    Binned calibration errors by the bootstrap's interval reflected about the value (Davison and
    Hinkley 1997, equation 5.6), which no page prints, for that reason.
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
            "accuracy": measures.stratified_share(is_right[1], labels),
        }
        intervals = {name: (measure.low, measure.high) for name, measure in measured.items()} | {
            "recall near 1, bootstrap": measures.interval(easy_drawn),
            "macro F1": measures.interval(resampled["macro_f1"]),
            "macro AUC": measures.interval(resampled["auc/macro"]),
            "difference in accuracy": measures.interval(gain),
            **_reflected(second, labels, drawn),
        }
        for name, (low, high) in intervals.items():
            hits[name] += low <= truth[name] <= high
    return {name: count / sets for name, count in hits.items()}


def over_seeds(seeds_each: int, images: int, sets: int, resamples: int = RESAMPLES) -> float:
    """The share of protocols whose accuracy, a mean over seeds, lies in its interval.

    Every set has new images, which are hard or easy for all seeds alike, and new seeds, whose
    models are better or worse on all images alike.
    """
    rng, labels = np.random.default_rng(0), np.arange(images) % 4
    many = np.arange(POPULATION // 100) % 4
    truth = np.mean([_right(rng, many, _difficulty(rng, many)).mean() for _ in range(400)])
    held = 0
    for number in range(sets):
        difficulty = _difficulty(rng, labels)
        right = np.stack([_right(rng, labels, difficulty) for _ in range(seeds_each)])
        each = [measures.stratified_share(of_seed, labels) for of_seed in right]
        drawn = measures.draw_weights(labels, resamples, number)
        mean = seeds.over_seeds(each, drawn @ right.mean(axis=0).astype(np.float32) / images)
        held += mean.measure.low <= truth <= mean.measure.high
    return held / sets


def main() -> None:
    """Write and print the coverage at each size, and of means over seeds."""
    told = {"sets": SETS}
    for images in SIZES:
        told[str(images)] = simulate(images, SETS, RESAMPLES)
        for count in (3, 5):
            share = over_seeds(count, images, SETS)
            told[str(images)][f"accuracy, mean over {count} seeds"] = share
    RESULTS.write_text(json.dumps(told, indent=1) + "\n")
    print(RESULTS.read_text())


def _reflected(
    probabilities: np.ndarray, labels: np.ndarray, drawn: np.ndarray
) -> dict[str, tuple[float, float]]:
    values = calibration.resampled(probabilities, labels, measures.everything(len(labels)))
    resampled = calibration.resampled(probabilities, labels, drawn)
    turned = {
        name: np.maximum(0, 2 * values[name] - resampled[name]) for name in calibration.BINNED
    }
    return {f"{name}, reflected": measures.interval(each) for name, each in turned.items()}


def _difficulty(rng: np.random.Generator, labels: np.ndarray) -> np.ndarray:
    return rng.normal(size=(len(labels), 4)) * OF_IMAGE


def _right(rng: np.random.Generator, labels: np.ndarray, difficulty: np.ndarray) -> np.ndarray:
    """Which images a seed's model names correctly: bool (n,)."""
    noise = rng.normal(size=difficulty.shape) * np.sqrt(1 - OF_IMAGE**2)
    skill = SKILLS[1] + OF_SEED * rng.normal()
    return (difficulty + noise + skill * np.eye(4)[labels]).argmax(axis=1) == labels


if __name__ == "__main__":
    main()
