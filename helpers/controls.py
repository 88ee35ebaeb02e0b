"""Models that the trial of heatmaps needs beside the run's own, trained where truth is known."""

from dataclasses import dataclass

from helpers import data, randomization, training
from helpers.artifacts import Trained
from helpers.data import Dataset
from helpers.runs import Run
from helpers.settings import Settings, load_settings

# Enough for batch norm to settle; a model can learn no more than the class ratio from these labels.
SHUFFLED_EPOCHS = 4


@dataclass(frozen=True)
class Control:
    """A model trained on the phantom, one trained on its shuffled labels, and the phantom."""

    trained: Trained
    shuffled: Trained
    phantom: Dataset


def on_phantom(run: Run, settings: Settings, model: str) -> Control:
    """Train, unless they are there, a model of the run's architecture on the phantom and a control.

    By the demo's protocol, with the run's own base weights; kept in `<run>/controls`. On the
    phantom itself the run's own first training is the first of the two.
    """
    own = settings.source == "phantom"
    phantom_settings = (
        settings
        if own
        else load_settings(
            "demo",
            models=[model],
            weights=settings.weights,
            image_size=settings.image_size,
            upsample_to=settings.upsample_to,
        )
    )
    phantom, seed = data.load(phantom_settings), phantom_settings.seeds[0]
    home = run if own else Run(run.folder / "controls" / "phantom", fills_gaps=True)
    shuffled_settings = phantom_settings.model_copy(
        update={"epochs": min(SHUFFLED_EPOCHS, phantom_settings.epochs)}
    )
    shuffled_home = Run(run.folder / "controls" / "shuffled", fills_gaps=True)
    return Control(
        training.load_or_train(home, phantom_settings, phantom, model, seed),
        training.load_or_train(
            shuffled_home, shuffled_settings, randomization.shuffled_labels(phantom), model, seed
        ),
        phantom,
    )
