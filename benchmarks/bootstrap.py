"""How long the bootstrap of all metrics takes and how much it holds, beside scikit-learn in a loop.

Run it with `python -m benchmarks.bootstrap`: 10,000 resamples with 95 % intervals, on sets of the
sizes of OCTMNIST and of the two largest of MedMNIST.
"""

import time
import tracemalloc
import warnings

import numpy as np
from sklearn.metrics import log_loss, precision_recall_fscore_support, roc_auc_score

from benchmarks.simulated import draw
from helpers.evaluation import measures, metrics
from helpers.study import data_sets

SETS = ("octmnist", "organamnist", "tissuemnist")
LOOPED = 50


def with_scikit_learn(probabilities: np.ndarray, labels: np.ndarray) -> None:
    """The same metrics of one resample, the plain way."""
    predicted, truth = probabilities.argmax(axis=1), np.eye(probabilities.shape[1])[labels]
    np.mean(predicted == labels)
    log_loss(labels, probabilities)
    for average in (None, "macro", "weighted"):
        precision_recall_fscore_support(labels, predicted, average=average, zero_division=0)
    for average in (None, "macro", "micro"):
        roc_auc_score(truth, probabilities, average=average)


def compare(images: int, count: int) -> None:
    """Time both ways on the same predictions; print seconds, their ratio and the memory."""
    labels, classes = np.arange(images) % count, tuple(map(str, range(count)))
    probabilities = draw(np.random.default_rng(0), labels, skill=2, classes=count)

    tracemalloc.start()
    started = time.perf_counter()
    resamples = measures.draw_weights(labels)
    drawn = metrics.resampled(probabilities, labels, classes, resamples)
    for values in drawn.values():
        measures.interval(values)
    ours = time.perf_counter() - started
    extra = (tracemalloc.get_traced_memory()[1] - resamples.nbytes) / 2**20
    tracemalloc.stop()

    started = time.perf_counter()
    for row in resamples[:LOOPED]:
        again = np.repeat(np.arange(images), row.astype(int))
        with_scikit_learn(probabilities[again], labels[again])
    loop = (time.perf_counter() - started) / LOOPED * len(resamples)

    print(
        f"{len(drawn)} metrics in {ours:.1f} s; {extra:.0f} MiB beside the resamples' "
        f"{resamples.nbytes / 2**20:,.0f}\n"
        f"a loop of scikit-learn calls, from {LOOPED} of them: {loop:.0f} s, "
        f"{loop / ours:.0f} times as long",
        flush=True,
    )


def main() -> None:
    """Compare at each size."""
    warnings.simplefilter("ignore")  # float32 rows add up to 1 only to 1e-7
    for name in SETS:
        data_set = data_sets.get(name)
        images, count = data_set.samples["test"], len(data_set.classes)
        print(f"{name}'s size, {images:,} images of {count} classes:", flush=True)
        compare(images, count)


if __name__ == "__main__":
    main()
