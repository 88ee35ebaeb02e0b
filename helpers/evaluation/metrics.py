"""Test metrics from predictions: scikit-learn's, with MedMNIST's own evaluator as a cross-check."""

import contextlib
import io

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
from helpers.artifacts import Predictions, Trained
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
        "accuracy": proportion(confusion.trace(), n),
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
        found[f"precision/{name}"] = proportion(confusion[k, k], confusion[:, k].sum())
        found[f"recall/{name}"] = proportion(confusion[k, k], confusion[k].sum())
        found[f"f1/{name}"] = _plain(f1[k], n)
        found[f"auc/{name}"] = _plain(aucs[k], n)
    found["auc/macro"] = _plain(np.mean(aucs), n)
    found["auc/micro"] = _plain(roc_auc_score(one_hot.ravel(), probabilities.ravel()), n)
    for name, values in resampled.items():
        if found[name]["low"] is None and found[name]["n"]:
            found[name] = bootstrapped(found[name]["value"], values, n)
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
    runs.write_json(run.artifacts / "metrics.json", metrics)


def cross_check(trainings: dict[str, Trained], metrics: Metrics) -> pd.DataFrame:
    """How far accuracy and macro AUC lie from those of MedMNIST's own evaluator.

    A row a model; columns accuracy and macro AUC, differences as absolute values.
    """
    rows = {}
    for model, trained in trainings.items():
        ours = metrics[model][str(trained.seed)]
        truth = trained.predictions.test_labels[:, None]
        scores = trained.predictions.test_probabilities
        theirs = {
            "accuracy": getACC(truth, scores, "multi-class"),
            "auc/macro": getAUC(truth, scores, "multi-class"),
        }
        rows[model] = {
            in_words(name): abs(ours[name]["value"] - value) for name, value in theirs.items()
        }
    return pd.DataFrame(rows).T.rename_axis("model")


def summary_table(metrics: Metrics, names: tuple[str, ...]) -> pd.DataFrame:
    """The named metrics (rows) of each model (columns), first seed, with its interval, as text."""
    return pd.DataFrame(
        {
            model: {
                in_words(name): measure_in_words(next(iter(by_seed.values()))[name])
                for name in names
            }
            for model, by_seed in metrics.items()
        }
    ).rename_axis("metric")


def spread_table(metrics: Metrics, names: tuple[str, ...]) -> pd.DataFrame:
    """The named metrics over seeds: mean, and the standard deviation from seed to seed.

    Kept apart from the test split's sampling error, which the intervals hold.
    """
    rows = {}
    for model, by_seed in metrics.items():
        for name in names:
            values = [seed[name]["value"] for seed in by_seed.values()]
            rows[model, in_words(name)] = {
                **{
                    f"seed {seed}": f"{value:.3f}"
                    for seed, value in zip(by_seed, values, strict=True)
                },
                "mean": f"{np.mean(values):.3f}",
                "standard deviation": f"{np.std(values, ddof=1):.3f}",
            }
    return pd.DataFrame(rows).T.rename_axis(["model", "metric"])


def in_words(metric: str) -> str:
    """A metric's name in metrics.json as a page writes it: `auc/macro` as "macro AUC"."""
    kind, _, of = metric.partition("/")
    words = f"{of} {kind}" if of else kind.replace("_", " ")
    return words.replace("auc", "AUC").replace("f1", "F1").replace("loss", "loss (nats)")


def class_table(measures: dict[str, Measure], classes: tuple[str, ...]) -> pd.DataFrame:
    """The classification report of one model, as text with intervals.

    A row a class and average; columns precision, recall, F1, AUC and images.
    """
    kinds = ("precision", "recall", "f1")
    rows = {
        name: {
            in_words(kind): measure_in_words(measures[f"{kind}/{name}"]) for kind in (*kinds, "auc")
        }
        | {"images": measures[f"recall/{name}"]["n"]}
        for name in classes
    }
    for average in ("macro", "weighted"):
        rows[average] = {
            in_words(kind): measure_in_words(measures[f"{average}_{kind}"]) for kind in kinds
        }
        rows[average] |= {"AUC": "", "images": measures["accuracy"]["n"]}
    rows["macro"]["AUC"] = measure_in_words(measures["auc/macro"])
    return pd.DataFrame(rows).T


def confusion(trained: Trained) -> np.ndarray:
    """Counts of test images, true class by predicted class: int (classes, classes)."""
    classes = range(trained.predictions.test_probabilities.shape[1])
    return confusion_matrix(trained.predictions.test_labels, trained.predicted, labels=classes)


def surest_first(predictions: Predictions) -> pd.DataFrame:
    """The test images by the probability of the class named, highest first.

    Columns: image (index), true, predicted (class indices), probability (of the predicted class).
    """
    probabilities = predictions.test_probabilities
    table = pd.DataFrame(
        {
            "image": np.arange(len(probabilities)),
            "true": predictions.test_labels,
            "predicted": probabilities.argmax(axis=1),
            "probability": probabilities.max(axis=1),
        }
    )
    return table.sort_values("probability", ascending=False, kind="stable")


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


def proportion(successes: int, n: int) -> Measure:
    """A share of n images with Wilson's 95 % interval (Wilson 1927); none when n is 0."""
    if n == 0:
        return _plain(0, 0)
    interval = binomtest(int(successes), int(n)).proportion_ci(method="wilson")
    return {
        "value": float(successes / n),
        "low": float(interval.low),
        "high": float(interval.high),
        "n": int(n),
    }


def by_class(hits: np.ndarray, labels: np.ndarray, classes: tuple[str, ...]) -> dict[str, Measure]:
    """The share of hits (bool (n,)) among the images of each class, labels being int (n,)."""
    return {
        name: proportion(int(hits[labels == k].sum()), int((labels == k).sum()))
        for k, name in enumerate(classes)
    }


def bootstrapped(value: float, resampled: np.ndarray, n: int) -> Measure:
    """A value of n images with the percentile interval of its resamples (resamples,)."""
    low, high = bootstrap.interval(resampled)
    return _plain(value, n) | {"low": low, "high": high}


def mean(values: np.ndarray) -> Measure:
    """The mean of one value an image with the bootstrap's 95 % interval over images.

    float (n,); nan stands for an image without a value and is left out, so `n` counts the others.
    Without any, the mean is nan and has no interval.
    """
    known = values[~np.isnan(values)]
    if not len(known):
        return _plain(np.nan, 0)
    return bootstrapped(known.mean(), bootstrap.draw_means(known), len(known))


def measure_in_words(measure: Measure) -> str:
    """A measure with its interval where known: "0.835 [0.795, 0.868]"."""
    text = f"{measure['value']:.3f}"
    if measure["low"] is not None:
        text += f" [{measure['low']:.3f},\N{NO-BREAK SPACE}{measure['high']:.3f}]"
    return text


def _rows_adding_to_one(probabilities: np.ndarray) -> np.ndarray:
    # In float32 they do so to 1e-7 only, and scikit-learn warns.
    exact = probabilities.astype(np.float64)
    return exact / exact.sum(axis=1, keepdims=True)


def _plain(value: float, n: int) -> Measure:
    return {"value": float(value), "low": None, "high": None, "n": int(n)}
