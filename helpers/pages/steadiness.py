"""How much of a training's result hangs on the epoch that is judged: chapters that train."""

from collections.abc import Sequence

import pandas as pd

from helpers.evaluation import measures
from helpers.models.trainings import Trained

LAST = 5  # epochs of a mean that no single one decides


def epochs_table(trainings: Sequence[Trained]) -> pd.DataFrame | None:
    """A row a training: accuracy (%) on validation in the judged epoch and in the last ones.

    `largest step` is from one epoch to the next, in points, among all epochs.
    """
    rows = []
    for trained in trainings:
        accuracy = 100 * trained.history["val_accuracy"]
        rows.append(
            {
                "model": trained.model,
                "seed": trained.seed,
                "judged epoch": accuracy.max(),
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
    labels = trained.predictions.val_labels
    judged = measures.proportion(round(accuracy.max() * len(labels)), len(labels))
    reach = 100 * (judged.high - judged.low) / 2
    moves = 100 * accuracy.diff().abs()
    told = (
        f"From one epoch to the next its validation accuracy moves by {moves.median():.1f} "
        f"points in the median and by {moves.max():.1f} at most; {len(labels):,} images leave it "
        f"uncertain by {reach:.1f} points either way."
    )
    if moves.max() <= reach:
        return f"{told} No step is larger than that."
    return (
        f"{told} The best epoch of such a course is in part the luckiest one, and a difference of "
        "rounding size, as from another processor, can choose another."
    )
