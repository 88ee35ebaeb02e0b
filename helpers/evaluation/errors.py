"""Where the models fail: confident errors, agreement, doubtful labels, copies in the test split."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from cleanlab.filter import find_label_issues
from sklearn.metrics import cohen_kappa_score

from helpers.data import duplicates
from helpers.data.dataset import Dataset
from helpers.evaluation import measures, metrics, triage
from helpers.evaluation.measures import Measure
from helpers.models.trainings import Predictions, Trained
from helpers.study.data_sets import DataSet


def confident_errors(predictions: Predictions, count: int) -> pd.DataFrame:
    """The first wrong images of `metrics.surest_first`, `count` at most."""
    wrong = metrics.surest_first(predictions).query("true != predicted")
    return wrong.head(count).reset_index(drop=True)


class Confusion(NamedTuple):
    """`images` of the `of` test images of class `true` are named `named`, `levels` too low."""

    true: str
    named: str
    images: int
    of: int
    levels: int


def costliest_confusion(confusion: np.ndarray, data_set: DataSet) -> Confusion | None:
    """The confusion that loses most levels of urgency in all; None when none loses any.

    An image costs as many levels as its class is named too low (`triage.level_of`); one named too
    high costs nothing here. `confusion` is int (classes, classes), true by named.
    """
    level = triage.level_of(data_set)
    lost = confusion * np.maximum(level[None, :] - level[:, None], 0)
    if not lost.any():
        return None
    true, named = np.unravel_index(lost.argmax(), lost.shape)
    names = data_set.classes[true], data_set.classes[named]
    images, of, levels = confusion[true, named], confusion[true].sum(), level[named] - level[true]
    return Confusion(*names, int(images), int(of), int(levels))


class Agreement(NamedTuple):
    """How far two models agree on the same images, with 95 % intervals.

    agree : named alike; both_wrong, same_error : both wrong, and both in the same way (Wilson).
    kappa : Cohen's, agreement beyond chance, -1 to 1 (bootstrap).
    """

    agree: Measure
    both_wrong: Measure
    same_error: Measure
    kappa: Measure


def agreement(first: Trained, second: Trained) -> Agreement:
    """Compare what two models name the test images."""
    labels, a, b = first.predictions.test_labels, first.predicted, second.predicted
    n, classes = first.predictions.test_probabilities.shape
    pairs = np.eye(classes**2, dtype=np.float32)[a * classes + b]
    counts = measures.totals(measures.draw_weights(labels), pairs).reshape(-1, classes, classes)
    tables = counts.astype(float) / n
    observed = np.trace(tables, axis1=1, axis2=2)
    expected = (tables.sum(axis=1) * tables.sum(axis=2)).sum(axis=1)
    beyond_chance, nothing = observed - expected, np.zeros(len(tables))
    kappas = np.divide(beyond_chance, 1 - expected, out=nothing, where=expected < 1)
    kappa = float(np.nan_to_num(cohen_kappa_score(a, b)))
    return Agreement(
        measures.share(a == b),
        measures.share((a != labels) & (b != labels)),
        measures.share((a != labels) & (a == b)),
        measures.bootstrapped(kappa, kappas, n),
    )


def doubtful_labels(predictions: Predictions) -> pd.DataFrame:
    """Validation images whose label confident learning doubts, most doubtful first.

    Northcutt et al. (2021), as cleanlab has it (pruned by noise rate, ranked by the probability of
    the given label). Validation predictions are out of sample, but for the choice of the epoch.
    Columns: image (index), labelled, predicted (class indices), probability (of the label).
    """
    labels, probabilities = predictions.val_labels, predictions.val_probabilities.astype(float)
    probabilities = probabilities / probabilities.sum(axis=1, keepdims=True)
    doubted = find_label_issues(
        labels, probabilities, return_indices_ranked_by="self_confidence", n_jobs=1
    )
    given, named = labels[doubted], probabilities[doubted].argmax(axis=1)
    columns = {"image": doubted, "labelled": given, "predicted": named}
    return pd.DataFrame(columns | {"probability": probabilities[doubted, given]})


def copies(dataset: Dataset) -> dict[str, np.ndarray]:
    """Which test images have a copy elsewhere: bool (n,) by kind of copy.

    `in training or validation, exact`, `in training or validation, near` (a pixel correlation of at
    least `duplicates.NEAR_DUPLICATE_CORRELATION`, chained) and `earlier in test, exact`.
    """
    exact, near = duplicates.groups(dataset).values()
    n = len(dataset.test)
    return {
        "in training or validation, exact": np.isin(exact[-n:], exact[:-n]),
        "in training or validation, near": np.isin(near[-n:], near[:-n]),
        "earlier in test, exact": pd.Series(exact[-n:]).duplicated().to_numpy(),
    }


class WithoutCopies(NamedTuple):
    """Test accuracy (Wilson) when so many images are left out."""

    left_out: int
    accuracy: Measure


def accuracy_without(trained: Trained, copies: dict[str, np.ndarray]) -> dict[str, WithoutCopies]:
    """Test accuracy with all images (`nothing`) and without each kind of copy (of `copies`)."""
    is_right = trained.predicted == trained.predictions.test_labels
    left_out = {"nothing": np.zeros(len(is_right), bool)}
    left_out |= {f"copies {kind}": is_copy for kind, is_copy in copies.items()}
    return {
        what: WithoutCopies(int(is_out.sum()), measures.share(is_right[~is_out]))
        for what, is_out in left_out.items()
    }
