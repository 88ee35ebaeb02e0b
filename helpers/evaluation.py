"""Test metrics from predictions: scikit-learn's, with MedMNIST's own evaluator as a cross-check."""

import contextlib
import io
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import binomtest
from sklearn.metrics import (
    confusion_matrix,
    log_loss,
    precision_recall_fscore_support,
    roc_auc_score,
    roc_curve,
)

from helpers import bootstrap, runs
from helpers.artifacts import Trained
from helpers.runs import Run

with contextlib.redirect_stdout(io.StringIO()):  # it asks for torch, which nothing here needs
    from medmnist.evaluator import getACC, getAUC

# {"value": float, "low": float, "high": float, "n": images it is a share of}; low and high are None
# for a share of no image.
Measure = dict[str, float | int | None]
Metrics = dict[str, dict[str, dict[str, Measure]]]


def measure(
    probabilities: np.ndarray, labels: np.ndarray, classes: tuple[str, ...], weights: np.ndarray
) -> dict[str, Measure]:
    """Every metric of one model on one split.

    Parameters
    ----------
    probabilities : float (n, classes), rows adding up to 1.
    labels : int (n,); every class occurs.
    weights : the resamples that the intervals rest on, as `bootstrap.draw_weights` gives them.

    Returns
    -------
    `{metric: {value, low, high, n}}` with 95 % intervals: Wilson's (Wilson 1927) for accuracy,
    recall and precision, which are plain proportions, and the bootstrap's for all others. A class
    that is never predicted has precision 0 and F1 0, as scikit-learn's `zero_division=0` has it.
    AUC is one-vs-rest; `auc/macro` is the mean over classes, `auc/micro` pools all n * classes
    decisions.
    """
    resampled = bootstrap.metrics(probabilities, labels, classes, weights)
    n, predicted = len(labels), probabilities.argmax(axis=1)
    confusion = confusion_matrix(labels, predicted, labels=range(len(classes)))
    one_hot = np.eye(len(classes), dtype=int)[labels]
    aucs = [roc_auc_score(one_hot[:, k], probabilities[:, k]) for k in range(len(classes))]
    found = {
        "accuracy": _proportion(confusion.trace(), n),
        "loss": _plain(log_loss(labels, _rows_adding_to_one(probabilities)), n),
    }
    for average in ("macro", "weighted"):
        scores = precision_recall_fscore_support(
            labels, predicted, average=average, zero_division=0
        )
        for name, score in zip(("precision", "recall", "f1"), scores, strict=False):
            found[f"{average}_{name}"] = _plain(score, n)
    f1 = precision_recall_fscore_support(labels, predicted, zero_division=0)[2]
    for k, name in enumerate(classes):
        found[f"precision/{name}"] = _proportion(confusion[k, k], confusion[:, k].sum())
        found[f"recall/{name}"] = _proportion(confusion[k, k], confusion[k].sum())
        found[f"f1/{name}"] = _plain(f1[k], n)
        found[f"auc/{name}"] = _plain(aucs[k], n)
    found["auc/macro"] = _plain(np.mean(aucs), n)
    found["auc/micro"] = _plain(roc_auc_score(one_hot.ravel(), probabilities.ravel()), n)
    for name, values in resampled.items():
        if found[name]["low"] is None and found[name]["n"]:
            found[name]["low"], found[name]["high"] = bootstrap.interval(values)
    return found


def measure_all(trainings: list[Trained], classes: tuple[str, ...]) -> Metrics:
    """`{model: {seed: {metric: measure}}}` of the test predictions, seeds as text."""
    metrics: Metrics = {}
    labels = trainings[0].predictions.test_labels
    weights = bootstrap.draw_weights(labels)
    for trained in trainings:
        found = measure(trained.predictions.test_probabilities, labels, classes, weights)
        metrics.setdefault(trained.model, {})[str(trained.seed)] = found
    return metrics


def save(run: Run, metrics: Metrics) -> None:
    """Keep the metrics in `<run>/artifacts/metrics.json`, untouched where they are the same."""
    path = run.artifacts / "metrics.json"
    if runs.read_json(path) != metrics:
        runs.write_json(path, metrics)


def cross_check(trainings: dict[str, Trained], metrics: Metrics) -> pd.DataFrame:
    """Accuracy and macro AUC beside those of MedMNIST's own evaluator: a row a model and metric."""
    rows = {}
    for model, trained in trainings.items():
        ours = metrics[model][str(trained.seed)]
        truth = trained.predictions.test_labels[:, None]
        scores = trained.predictions.test_probabilities
        theirs = {
            "accuracy": getACC(truth, scores, "multi-class"),
            "auc/macro": getAUC(truth, scores, "multi-class"),
        }
        for name, value in theirs.items():
            rows[model, name] = {
                "here": ours[name]["value"],
                "MedMNIST's evaluator": value,
                "difference": abs(ours[name]["value"] - value),
            }
    return pd.DataFrame(rows).T.rename_axis(["model", "metric"])


def summary_table(metrics: Metrics, names: tuple[str, ...]) -> pd.DataFrame:
    """The named metrics (rows) of each model (columns) as text: first seed, with its interval.

    With several seeds a second line has their mean and standard deviation.
    """
    return pd.DataFrame(
        {
            model: {name: _in_words([seed[name] for seed in by_seed.values()]) for name in names}
            for model, by_seed in metrics.items()
        }
    ).rename_axis("metric")


def class_table(measures: dict[str, Measure], classes: tuple[str, ...]) -> pd.DataFrame:
    """The classification report of one model, as text with intervals.

    A row a class and average; columns precision, recall, f1, auc and images.
    """
    kinds = ("precision", "recall", "f1")
    rows = {
        name: {kind: _in_words([measures[f"{kind}/{name}"]]) for kind in (*kinds, "auc")}
        | {"images": measures[f"recall/{name}"]["n"]}
        for name in classes
    }
    for average in ("macro", "weighted"):
        rows[average] = {kind: _in_words([measures[f"{average}_{kind}"]]) for kind in kinds}
        rows[average] |= {"auc": "", "images": measures["accuracy"]["n"]}
    rows["macro"]["auc"] = _in_words([measures["auc/macro"]])
    return pd.DataFrame(rows).T


def confusion(trained: Trained) -> np.ndarray:
    """Counts of test images, true class by predicted class: int (classes, classes)."""
    classes = range(trained.predictions.test_probabilities.shape[1])
    return confusion_matrix(trained.predictions.test_labels, trained.predicted, labels=classes)


def roc_curves(trained: Trained, classes: tuple[str, ...]) -> pd.DataFrame:
    """Points of the one-vs-rest ROC curves per class and of the micro-average.

    Columns: curve (a class or "micro"), false_positive_rate, true_positive_rate.
    """
    probabilities = trained.predictions.test_probabilities
    one_hot = np.eye(len(classes), dtype=int)[trained.predictions.test_labels]
    pairs = {name: (one_hot[:, k], probabilities[:, k]) for k, name in enumerate(classes)}
    pairs["micro"] = (one_hot.ravel(), probabilities.ravel())
    curves = []
    for name, (truth, score) in pairs.items():
        false_positives, true_positives, _ = roc_curve(truth, score)
        curves.append(
            pd.DataFrame(
                {
                    "curve": name,
                    "false_positive_rate": false_positives,
                    "true_positive_rate": true_positives,
                }
            )
        )
    return pd.concat(curves, ignore_index=True)


@dataclass(frozen=True)
class Comparison:
    """Two models on the same images.

    difference : accuracy of the second less that of the first, -1 to 1.
    low, high : its 95 % interval by the paired, stratified bootstrap.
    only_first, only_second : images that only that model gets right.
    p_value : McNemar's exact test (McNemar 1947): the chance of so uneven a split, or a more uneven
        one, of the images on which they differ, were both equally accurate.
    """

    difference: float
    low: float
    high: float
    only_first: int
    only_second: int
    p_value: float


def compare(first: Trained, second: Trained) -> Comparison:
    """Compare the test predictions of two models, image by image."""
    labels = first.predictions.test_labels
    right = [trained.predicted == labels for trained in (first, second)]
    gain = right[1].astype(np.float32) - right[0]
    low, high = bootstrap.interval(bootstrap.draw_weights(labels) @ gain / len(labels))
    only_first = int((right[0] & ~right[1]).sum())
    only_second = int((right[1] & ~right[0]).sum())
    differing = only_first + only_second
    p_value = float(binomtest(only_first, differing).pvalue) if differing else 1.0
    return Comparison(float(gain.mean()), low, high, only_first, only_second, p_value)


def _rows_adding_to_one(probabilities: np.ndarray) -> np.ndarray:
    # In float32 they do so to 1e-7 only, and scikit-learn warns.
    exact = probabilities.astype(np.float64)
    return exact / exact.sum(axis=1, keepdims=True)


def _plain(value: float, n: int) -> Measure:
    return {"value": float(value), "low": None, "high": None, "n": int(n)}


def _proportion(successes: int, n: int) -> Measure:
    if n == 0:
        return _plain(0, 0)
    interval = binomtest(int(successes), int(n)).proportion_ci(method="wilson")
    return {
        "value": float(successes / n),
        "low": float(interval.low),
        "high": float(interval.high),
        "n": int(n),
    }


def _in_words(seeds: list[Measure]) -> str:
    first = seeds[0]
    text = f"{first['value']:.3f}"
    if first["low"] is not None:
        text += f" [{first['low']:.3f}, {first['high']:.3f}]"
    if len(seeds) > 1:
        values = [seed["value"] for seed in seeds]
        text += f"; {len(seeds)} seeds {np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}"
    return text
