"""How long the bootstrap of all metrics takes, beside a loop of scikit-learn calls.

Run it with `python -m benchmarks.bootstrap`: 1,000 test images, 10,000 resamples, 95 % intervals.
"""

import time
import warnings

import numpy as np
from sklearn.metrics import log_loss, precision_recall_fscore_support, roc_auc_score

from benchmarks.simulated import CLASSES, draw
from helpers import bootstrap

IMAGES = 1_000
LOOPED = 50


def with_scikit_learn(probabilities: np.ndarray, labels: np.ndarray) -> None:
    """The same metrics of one resample, the plain way."""
    predicted, truth = probabilities.argmax(axis=1), np.eye(len(CLASSES))[labels]
    np.mean(predicted == labels)
    log_loss(labels, probabilities)
    for average in (None, "macro", "weighted"):
        precision_recall_fscore_support(labels, predicted, average=average, zero_division=0)
    for average in (None, "macro", "micro"):
        roc_auc_score(truth, probabilities, average=average)


def main() -> None:
    """Time both ways on the same predictions and print the ratio."""
    labels = np.arange(IMAGES) % len(CLASSES)
    probabilities = draw(np.random.default_rng(0), labels, skill=2)

    started = time.perf_counter()
    weights = bootstrap.draw_weights(labels)
    found = bootstrap.metrics(probabilities, labels, CLASSES, weights)
    for values in found.values():
        bootstrap.interval(values)
    ours = time.perf_counter() - started

    warnings.simplefilter("ignore")  # float32 rows add up to 1 only to 1e-7
    started = time.perf_counter()
    for row in weights[:LOOPED]:
        drawn = np.repeat(np.arange(IMAGES), row.astype(int))
        with_scikit_learn(probabilities[drawn], labels[drawn])
    loop = (time.perf_counter() - started) / LOOPED * bootstrap.RESAMPLES

    print(
        f"{len(found)} metrics, {IMAGES:,} images, {bootstrap.RESAMPLES:,} resamples: {ours:.2f} s"
    )
    print(f"a loop of scikit-learn calls, from {LOOPED} of them: {loop:.0f} s")
    print(f"{loop / ours:.0f} times faster")


if __name__ == "__main__":
    main()
