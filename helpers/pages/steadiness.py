"""How much of a result hangs on the epoch that is kept, and why: chapters that train."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from helpers.models import batch_norm, networks
from helpers.models.trainings import Trained
from helpers.study import architectures

LAST = 5  # epochs of a mean that no single one decides
MEASURED_IMAGES = 5_000  # enough for a mean, and few for a memory


def epochs_table(trainings: Sequence[Trained]) -> pd.DataFrame | None:
    """A row a training: accuracy (%) on validation in the epoch kept and in the last ones.

    `largest step` is from one epoch to the next, in points, among all epochs.
    """
    rows = []
    for trained in trainings:
        accuracy = 100 * trained.history["val_accuracy"]
        rows.append(
            {
                "model": architectures.get(trained.model).title,
                "seed": trained.seed,
                "epoch kept": accuracy.max(),
                "last epoch": accuracy.iloc[-1],
                f"mean of the last {LAST}": accuracy.tail(LAST).mean(),
                "largest step": accuracy.diff().abs().max(),
            }
        )
    return pd.DataFrame(rows).set_index(["model", "seed"]).round(1) if rows else None


def steps(trained: Trained) -> str:
    """How far validation accuracy jumps from epoch to epoch, beside its sampling error.

    Nothing where there are no two epochs.
    """
    accuracy = trained.history["val_accuracy"]
    if len(accuracy) < 2:
        return ""
    n = len(trained.predictions.val_labels)
    interval = binomtest(round(accuracy.max() * n), n).proportion_ci(method="wilson")
    reach = 100 * (interval.high - interval.low) / 2
    moves = 100 * accuracy.diff().abs()
    told = (
        f"From one epoch to the next its validation accuracy moves by {moves.median():.1f} "
        f"points in the median and by {moves.max():.1f} at most; {n:,} images leave it "
        f"uncertain by {reach:.1f} points either way."
    )
    if moves.max() <= reach:
        return f"{told} No step is larger than that."
    return (
        f"{told} The best epoch of such a course is in part the luckiest one, and a difference of "
        "rounding size, as from another processor, can choose another."
    )


def moving_mean(trained: Trained, features: Mapping[str, np.ndarray]) -> str:
    """How far the head's batch norm is off in the epoch kept, and what that costs.

    `features` are those of `fit.load_or_extract_features`.
    """
    head = networks.head_of(trained.load_model())
    fitted_on = features["train"][0, :MEASURED_IMAGES]
    settled = batch_norm.settled(head, fitted_on)
    labels = {"val": trained.predictions.val_labels, "test": trained.predictions.test_labels}
    right = {
        (name, split): 100
        * np.mean(model.predict(features[split], verbose=0).argmax(axis=1) == truth)
        for name, model in (("moving", head), ("true", settled))
        for split, truth in labels.items()
    }
    return (
        "The moving mean of its head's batch norm lies "
        f"{batch_norm.lag(head, fitted_on):.2f} standard deviations off the mean of what it "
        f"normalises, averaged over units. With the mean and variance of training images instead, "
        f"the same weights get {right['true', 'val']:.1f} % of validation right rather than "
        f"{right['moving', 'val']:.1f} %, and {right['true', 'test']:.1f} % of test rather than "
        f"{right['moving', 'test']:.1f} %."
    )
