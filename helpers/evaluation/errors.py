"""Where the models fail: confident errors, agreement, doubtful labels, copies in the test split."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from cleanlab.filter import find_label_issues
from sklearn.metrics import cohen_kappa_score

from helpers import bootstrap, duplicates, evaluation
from helpers.artifacts import Predictions, Trained
from helpers.data import Dataset
from helpers.evaluation import Measure, proportion
from helpers.triage import LEVELS, URGENCY


def confident_errors(predictions: Predictions, count: int) -> pd.DataFrame:
    """The wrong test images of the highest probability, highest first, `count` at most.

    Columns: image (index), true, predicted (class indices), probability (of the predicted class).
    """
    table = evaluation.surest_first(predictions)
    wrong = table[table["true"] != table["predicted"]]
    return wrong.head(count).reset_index(drop=True)


@dataclass(frozen=True)
class Confusion:
    """`images` of the `of` test images of class `true` are named `named`, `levels` too low."""

    true: str
    named: str
    images: int
    of: int
    levels: int


def costliest_confusion(confusion: np.ndarray, classes: tuple[str, ...]) -> Confusion | None:
    """The confusion that loses most levels of urgency in all; None when none loses any.

    An image costs as many levels as its class is named too low (`triage.LEVELS`); one
    named too high costs nothing here. `confusion` is int (classes, classes), true by named.
    """
    level = np.array([LEVELS.index(URGENCY[name]) for name in classes])
    lost = confusion * np.maximum(level[None, :] - level[:, None], 0)
    if not lost.any():
        return None
    true, named = np.unravel_index(lost.argmax(), lost.shape)
    return Confusion(
        classes[true],
        classes[named],
        int(confusion[true, named]),
        int(confusion[true].sum()),
        int(level[named] - level[true]),
    )


def agreement(first: Trained, second: Trained) -> dict[str, Measure]:
    """How far two models agree on the test images, with 95 % intervals.

    `agree`: the same class named; `both wrong`; `same error`: both wrong in the same way (shares,
    Wilson); `kappa`: Cohen's, agreement beyond chance, -1 to 1 (bootstrap).
    """
    labels, a, b = first.predictions.test_labels, first.predicted, second.predicted
    n, weights = len(labels), bootstrap.draw_weights(labels)
    resampled = _kappas(a, b, first.predictions.test_probabilities.shape[1], weights)
    kappa = float(np.nan_to_num(cohen_kappa_score(a, b)))
    return {
        "agree": proportion(int((a == b).sum()), n),
        "both wrong": proportion(int(((a != labels) & (b != labels)).sum()), n),
        "same error": proportion(int(((a != labels) & (a == b)).sum()), n),
        "kappa": evaluation.bootstrapped(kappa, resampled, n),
    }


def _kappas(a: np.ndarray, b: np.ndarray, classes: int, weights: np.ndarray) -> np.ndarray:
    pairs = weights @ np.eye(classes**2, dtype=np.float32)[a * classes + b]
    tables = pairs.reshape(-1, classes, classes).astype(float) / len(a)
    observed = np.trace(tables, axis1=1, axis2=2)
    expected = (tables.sum(axis=1) * tables.sum(axis=2)).sum(axis=1)
    return np.divide(
        observed - expected, 1 - expected, out=np.zeros(len(observed)), where=expected < 1
    )


def doubtful_labels(predictions: Predictions) -> pd.DataFrame:
    """Validation images whose label confident learning doubts, most doubtful first.

    Northcutt et al. (2021), as cleanlab has it (pruned by noise rate, ranked by the probability of
    the given label). Validation predictions are out of sample, but for the choice of the epoch.

    Returns
    -------
    Columns: image (index), labelled, predicted (class indices), probability (of the label).
    """
    labels, probabilities = predictions.val_labels, predictions.val_probabilities.astype(float)
    probabilities = probabilities / probabilities.sum(axis=1, keepdims=True)
    doubted = find_label_issues(
        labels, probabilities, return_indices_ranked_by="self_confidence", n_jobs=1
    )
    return pd.DataFrame(
        {
            "image": doubted,
            "labelled": labels[doubted],
            "predicted": probabilities[doubted].argmax(axis=1),
            "probability": probabilities[doubted, labels[doubted]],
        }
    )


def copies(dataset: Dataset) -> dict[str, np.ndarray]:
    """Which test images have a copy elsewhere: bool (n,) by kind of copy.

    `in training or validation, exact`, `in training or validation, near` (a pixel correlation of at
    least 0.975, chained) and `earlier in test, exact`.
    """
    exact, near = duplicates.groups(dataset).values()
    is_test = np.arange(len(exact)) >= len(exact) - len(dataset.test)
    own = exact[is_test]
    first = np.unique(own, return_index=True)[1]
    return {
        "in training or validation, exact": np.isin(own, exact[~is_test]),
        "in training or validation, near": np.isin(near[is_test], near[~is_test]),
        "earlier in test, exact": ~np.isin(np.arange(len(own)), first),
    }


def accuracy_without(trained: Trained, found: dict[str, np.ndarray]) -> pd.DataFrame:
    """Test accuracy with all images and without each kind of copy.

    `found` as `copies` gives it. Rows: what is left out; columns: left out (images), value, low,
    high (Wilson, 95 %), n.
    """
    right = trained.predicted == trained.predictions.test_labels
    rows = {"nothing": {"left out": 0, **proportion(int(right.sum()), len(right))}}
    for kind, is_copy in found.items():
        kept = right[~is_copy]
        rows[f"copies {kind}"] = {
            "left out": int(is_copy.sum()),
            **proportion(int(kept.sum()), len(kept)),
        }
    return pd.DataFrame(rows).T.rename_axis("without")
