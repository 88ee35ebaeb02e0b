"""Test metrics from predictions, with MedMNIST's own evaluator as a cross-check."""

import contextlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.metrics import confusion_matrix, roc_auc_score, roc_curve

from helpers.data import scans
from helpers.data.dataset import Dataset
from helpers.evaluation import measures, seeds
from helpers.evaluation.measures import Measure
from helpers.evaluation.seeds import OverSeeds
from helpers.models.trainings import Predictions, Trained, recall, result_key
from helpers.study.data_sets import DataSet, class_title
from helpers.study.runs import Run, kept, read_json
from helpers.study.settings import Settings

with contextlib.redirect_stdout(io.StringIO()):  # it asks for torch, which nothing here needs
    from medmnist.evaluator import getACC, getAUC

Metrics = dict[str, dict[str, dict[str, Measure]]]
Means = dict[str, dict[str, OverSeeds]]
ALL_SEEDS = "all seeds"  # what metrics.json calls their mean
SCORES = ("precision", "recall", "f1")
TERMS = {"auc": "AUC", "f1": "F1", "loss": "loss (nats)"}


def load_or_measure(run: Run, settings: Settings, dataset: Dataset) -> Metrics:
    """The test metrics of a run's trainings, from metrics.json where it holds just these.

    Elsewhere they are measured and kept there, under a key of the trainings and of this code; where
    a training is missing, InputError is raised.
    """
    return from_json(_content(run, settings, dataset))


def over_seeds(run: Run, settings: Settings, dataset: Dataset) -> Means:
    """The mean of each metric over seeds with its parts, `{model: {metric: ...}}`; as above."""
    return means_from_json(_content(run, settings, dataset))


def headline(run: Run, settings: Settings, dataset: Dataset) -> dict[str, dict[str, Measure]]:
    """The mean of each metric over seeds, `{model: {metric: measure}}`: what pages tell first."""
    means = over_seeds(run, settings, dataset)
    return {m: {name: mean.measure for name, mean in by.items()} for m, by in means.items()}


def measure(
    probabilities: np.ndarray, labels: np.ndarray, classes: tuple[str, ...], resamples: np.ndarray
) -> dict[str, Measure]:
    """Every metric of one model on one split, by name, with its 95 % interval.

    The interval is Wilson's (Wilson 1927) for a class's recall and precision, which are plain
    proportions; for accuracy and the averages of recalls what follows from those with the classes'
    sizes fixed (`measures.combined`), so that where they are one number they have one interval; and
    the bootstrap's for all others. A class that is never predicted has precision 0 and F1 0, as
    scikit-learn's `zero_division=0` has it; one without images is left out of macro averages, and
    has no AUC (nan). AUC is one-vs-rest; `auc/macro` is the mean over classes, `auc/micro` pools
    all n * classes decisions. The loss is Keras's (`measures.negative_logs`).
    """
    drawn = resampled(probabilities, labels, classes, resamples)
    return _measured(probabilities, labels, classes, drawn)


def _measured(
    probabilities: np.ndarray,
    labels: np.ndarray,
    classes: tuple[str, ...],
    drawn: dict[str, np.ndarray],
) -> dict[str, Measure]:
    predicted, places = probabilities.argmax(axis=1), range(len(classes))
    counts = confusion_matrix(labels, predicted, labels=places)
    values = {name: of_all[0] for name, of_all in _scores(counts[None], classes).items()}
    values["loss"] = measures.negative_logs(probabilities, labels).mean()
    # scikit-learn's areas: those of `_areas` differ in the last digit that metrics.json tells.
    areas = {
        f"auc/{name}": roc_auc_score(is_true, scores) if is_true.any() else np.nan
        for name, (is_true, scores) in _decisions(probabilities, labels, classes).items()
    }
    values |= areas | {"auc/macro": np.nanmean(list(areas.values())[:-1])}
    n, is_right = len(labels), predicted == labels
    measured = {m: measures.bootstrapped(values[m], drawn[m], n) for m in names(classes)}
    for score, group in (("precision", predicted), ("recall", labels)):
        for name, share in measures.by_class(is_right, group, classes).items():
            measured[f"{score}/{name}"] = share
    recalls = [measured[f"recall/{name}"] for name in classes]
    sizes = np.array([recall.n for recall in recalls])
    by_size = measures.combined(sizes / n, recalls)
    measured |= {"accuracy": by_size, "weighted_recall": by_size}
    measured["macro_recall"] = measures.combined((sizes > 0) / (sizes > 0).sum(), recalls)
    return measured


def measure_all(
    trainings: list[Trained], classes: tuple[str, ...], patients: np.ndarray | None = None
) -> tuple[Metrics, Means]:
    """`{model: {seed: {metric: measure}}}` of the test predictions, seeds as text; and their means.

    patients : whose each test image is (n,), where that is known. Then the means' intervals come
        of patients, drawn within classes with all of their images.
    """
    each: dict[str, dict[str, dict[str, Measure]]] = {}
    drawn: dict[str, list[dict[str, np.ndarray]]] = {}
    labels = trainings[0].predictions.test_labels
    units = {"images": measures.draw_weights(labels)}
    if patients is not None:
        units["patients"] = measures.draw_weights(labels, clusters=patients)
    for trained in trainings:
        probabilities = trained.predictions.test_probabilities
        given = {u: resampled(probabilities, labels, classes, rows) for u, rows in units.items()}
        measured = _measured(probabilities, labels, classes, given["images"])
        each.setdefault(trained.model, {})[str(trained.seed)] = measured
        drawn.setdefault(trained.model, []).append(given)
    count = None if patients is None else len(np.unique(patients))
    means = {
        model: {name: _mean(by_seed, drawn[model], name, count) for name in names(classes)}
        for model, by_seed in each.items()
    }
    return each, means


def _mean(
    by_seed: dict[str, dict[str, Measure]],
    drawn: list[dict[str, dict[str, np.ndarray]]],
    name: str,
    patients: int | None,
) -> OverSeeds:
    of_units = [np.mean([one[unit][name] for one in drawn], axis=0) for unit in drawn[0]]
    bounds = (0.0, np.inf if name == "loss" else 1.0)
    each = [by_name[name] for by_name in by_seed.values()]
    return seeds.over_seeds(each, *of_units, units=patients, bounds=bounds)


def of_test_patients(dataset: Dataset) -> np.ndarray | None:
    """Whose each test image is: int (n,), equal for images of one patient; None where not known.

    An image whose patient isn't known counts as another patient's.
    """
    patients = scans.source_patients(dataset)
    if patients is None or (patients["test"] == scans.UNKNOWN).all():
        return None
    named = patients["test"].astype(str)
    alone = np.char.add("image ", np.arange(len(named)).astype(str))
    return np.unique(np.where(named == scans.UNKNOWN, alone, named), return_inverse=True)[1]


def to_json(metrics: Metrics, means: Means) -> dict[str, Any]:
    """The content of metrics.json: a model's seeds, and the means over them as `ALL_SEEDS`."""
    return {
        model: {
            seed: {name: value.as_json() for name, value in by_name.items()}
            for seed, by_name in [*by_seed.items(), (ALL_SEEDS, means[model])]
        }
        for model, by_seed in metrics.items()
    }


def from_json(content: dict[str, Any]) -> Metrics:
    """The metrics of each seed that `to_json` told."""
    return {
        model: {
            seed: {name: Measure.from_json(fields) for name, fields in by_name.items()}
            for seed, by_name in by_seed.items()
            if seed != ALL_SEEDS
        }
        for model, by_seed in content.items()
    }


def means_from_json(content: dict[str, Any]) -> Means:
    """The means over seeds that `to_json` told."""
    return {
        model: {name: OverSeeds.from_json(fields) for name, fields in by[ALL_SEEDS].items()}
        for model, by in content.items()
    }


def names(classes: tuple[str, ...]) -> list[str]:
    """The metrics' names, in the order of metrics.json."""
    averaged = [f"{average}_{score}" for average in ("macro", "weighted") for score in SCORES]
    by_class = [f"{score}/{name}" for name in classes for score in (*SCORES, "auc")]
    return ["accuracy", "loss", *averaged, *by_class, "auc/macro", "auc/micro"]


def in_words(metric: str) -> str:
    """A metric's name in metrics.json as a page writes it: `auc/macro` as "macro AUC"."""
    kind, _, of = metric.partition("/")
    words = " ".join(TERMS.get(word, word) for word in kind.split("_"))
    return f"{class_title(of)} {words}" if of else words


def resampled(
    probabilities: np.ndarray, labels: np.ndarray, classes: tuple[str, ...], resamples: np.ndarray
) -> dict[str, np.ndarray]:
    """Every metric of one model in every resample, named and defined as in `measure`.

    float64 (resamples,) each; `measures.everything` for resamples gives the metrics themselves.
    """
    n, count = probabilities.shape
    pairs = np.eye(count**2, dtype=np.float32)[labels * count + probabilities.argmax(axis=1)]
    counts = measures.totals(resamples, pairs).reshape(-1, count, count)
    drawn = _scores(counts, classes)
    drawn["loss"] = measures.totals(resamples, measures.negative_logs(probabilities, labels)) / n
    return drawn | _areas(probabilities, labels, classes, resamples)


def cross_check(trainings: dict[str, Trained], metrics: Metrics, data_set: DataSet) -> pd.DataFrame:
    """How far accuracy and AUC lie from those of MedMNIST's own evaluator.

    AUC is the macro average, and of a binary set that of its last class. A row a model; columns
    accuracy and that AUC, differences as absolute values.
    """
    area = f"auc/{data_set.classes[-1] if data_set.task == 'binary-class' else 'macro'}"
    rows = {}
    for model, trained in trainings.items():
        measured, predictions = metrics[model][str(trained.seed)], trained.predictions
        asked = predictions.test_labels[:, None], predictions.test_probabilities, data_set.task
        theirs = {"accuracy": getACC(*asked), area: getAUC(*asked)}
        rows[model] = {in_words(m): abs(measured[m].value - value) for m, value in theirs.items()}
    return pd.DataFrame(rows).T.rename_axis("model")


def confusion(trained: Trained) -> np.ndarray:
    """Counts of test images, true class by predicted class: int (classes, classes)."""
    classes = range(trained.predictions.test_probabilities.shape[1])
    return confusion_matrix(trained.predictions.test_labels, trained.predicted, labels=classes)


def surest_first(predictions: Predictions) -> pd.DataFrame:
    """The test images by the probability of the class named, highest first.

    Columns: image (index), true, predicted (class indices), probability (of the predicted class).
    """
    probabilities = predictions.test_probabilities
    columns = {"true": predictions.test_labels, "predicted": probabilities.argmax(axis=1)}
    table = pd.DataFrame(columns | {"probability": probabilities.max(axis=1)}).rename_axis("image")
    return table.reset_index().sort_values("probability", ascending=False, kind="stable")


def roc_curves(trained: Trained, classes: tuple[str, ...]) -> pd.DataFrame:
    """Points of the one-vs-rest ROC curves per class and of the micro-average.

    Columns: curve (a class or "micro"), false_positive_rate, true_positive_rate.
    """
    predictions, curves = trained.predictions, []
    decisions = _decisions(predictions.test_probabilities, predictions.test_labels, classes)
    for name, (is_true, scores) in decisions.items():
        false, true, _ = roc_curve(is_true, scores)
        curve = {"curve": name, "false_positive_rate": false, "true_positive_rate": true}
        curves.append(pd.DataFrame(curve))
    return pd.concat(curves, ignore_index=True)


def _scores(counts: np.ndarray, classes: tuple[str, ...]) -> dict[str, np.ndarray]:
    """What confusions (resamples, classes, classes) tell: `{metric: float64 (resamples,)}`."""
    counts = counts.astype(np.float64)
    hits = np.diagonal(counts, axis1=1, axis2=2)
    sizes, named = counts.sum(axis=2), counts.sum(axis=1)
    n = sizes[0].sum()
    occurs = sizes[0] > 0  # in all resamples, since they are stratified
    by_class = {
        "precision": hits / np.maximum(named, 1),  # no image so named: precision 0
        "recall": hits / np.maximum(sizes, 1),
        "f1": 2 * hits / np.maximum(sizes + named, 1),
    }
    scores = {"accuracy": hits.sum(axis=1) / n}
    for kind, values in by_class.items():
        scores[f"macro_{kind}"] = values[:, occurs].mean(axis=1)
        scores[f"weighted_{kind}"] = (values * sizes).sum(axis=1) / n
        scores |= {f"{kind}/{name}": values[:, k] for k, name in enumerate(classes)}
    return scores


def _decisions(
    probabilities: np.ndarray, labels: np.ndarray, classes: tuple[str, ...]
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Truth and score of each one-vs-rest decision, by class, and of all pooled, as `micro`."""
    is_true = np.eye(len(classes), dtype=bool)[labels]
    by_class = {name: (is_true[:, k], probabilities[:, k]) for k, name in enumerate(classes)}
    return by_class | {"micro": (is_true.ravel(), probabilities.ravel())}


def _areas(
    probabilities: np.ndarray, labels: np.ndarray, classes: tuple[str, ...], resamples: np.ndarray
) -> dict[str, np.ndarray]:
    """The areas in every resample, as `resampled` tells them.

    AUC is the share of pairs, one decision being true and one false, in which the true one scores
    higher, ties counting half (Hanley and McNeil 1982). Decisions are sorted once; in a resample
    each counts as often as its image was drawn. Time and memory grow with the images, not with
    their square.
    """
    decisions, n = _decisions(probabilities, labels, classes), len(labels)
    rankings = [_rank(is_true, scores, n) for is_true, scores in decisions.values()]
    wins = np.empty((len(resamples), len(rankings)))
    for rows in measures.blocks(len(resamples), 16 * n):  # fit a processor's cache
        drawn = np.ascontiguousarray(resamples[rows].T)
        for column, (true, steps, _) in enumerate(rankings):
            # Halves of integers, which float32 adds up exactly below 2**23.
            over = np.cumsum((steps @ drawn)[:-1], axis=0)
            wins[rows, column] = np.einsum("ir,ir->r", drawn[true], over, dtype=np.float64)
    areas = wins / [pairs or np.nan for *_, pairs in rankings]
    occurs = [*np.isin(range(len(classes)), labels), False]
    by_name = {f"auc/{name}": areas[:, column] for column, name in enumerate(decisions)}
    return by_name | {"auc/macro": np.mean(areas[:, occurs], axis=1)}


def _rank(
    is_true: np.ndarray, scores: np.ndarray, n: int
) -> tuple[np.ndarray, sparse.csr_array, int]:
    """Rank decisions on n images, as many on each: truth bool (m,), scores float (m,).

    Returns the image of each true decision, the lowest score first, int (t,); what each image's
    false decisions add to the wins of a true one over those of the one before, sparse float32
    (t + 1, n), the last row being what none wins over; and the pairs of a true and a false one.
    """
    images = np.repeat(np.arange(n), len(scores) // n)
    true, false = np.flatnonzero(is_true), np.flatnonzero(~is_true)
    true = true[np.argsort(scores[true], kind="stable")]
    # Half for the true decisions from the first as high on, half for those from the first higher.
    places = [np.searchsorted(scores[true], scores[false], side) for side in ("left", "right")]
    halves = np.full(2 * len(false), 0.5, np.float32)
    at = np.concatenate(places), np.tile(images[false], 2)
    steps = sparse.csr_array((halves, at), shape=(len(true) + 1, n))
    return images[true], steps, len(true) * len(false)


def _content(run: Run, settings: Settings, dataset: Dataset) -> dict[str, Any]:
    if run.is_recorded:
        return read_json(run.metrics)
    patients = of_test_patients(dataset)
    told = None if patients is None else patients.tolist()
    key = result_key(settings, dataset, Path(__file__), told)

    def measured() -> dict[str, Any]:
        trainings = recall(run, settings, dataset)
        return to_json(*measure_all(trainings, dataset.classes, patients))

    return kept(run.metrics, key, measured)
