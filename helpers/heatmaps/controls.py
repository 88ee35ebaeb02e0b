"""Models that the trial of heatmaps needs beside the run's own, trained where truth is known."""

from dataclasses import dataclass
from pathlib import Path

from helpers import data
from helpers.artifacts import Trained
from helpers.data import Dataset
from helpers.runs import Run
from helpers.settings import Settings, load_settings

FOLDER = "controls"
# Enough for batch norm to settle; a model can learn no more than the class ratio from such labels.
SHUFFLED_EPOCHS = 3


@dataclass(frozen=True)
class Control:
    """A model trained on the phantom, one trained on its shuffled labels, and the phantom."""

    trained: Trained
    shuffled: Trained
    phantom: Dataset


def models_on_trial(settings: Settings) -> tuple[str, ...]:
    """Those of the report's models whose heatmaps can be judged: none on a random base."""
    return tuple(
        model
        for model in ("custom-cnn", "resnet50")
        if model in settings.models and (model == "custom-cnn" or settings.weights != "random")
    )


def on_phantom(settings: Settings) -> Settings:
    """How a control is trained: by the demo's protocol, with the run's own base weights.

    On the phantom itself as the run is.
    """
    if settings.source == "phantom":
        return settings
    return load_settings(
        "demo",
        weights=settings.weights,
        image_size=settings.image_size,
        upsample_to=settings.upsample_to,
    )


def on_shuffled_labels(settings: Settings) -> Settings:
    """How the control without knowledge is trained: as `on_phantom`, for fewer epochs."""
    own = on_phantom(settings)
    return own.model_copy(update={"epochs": min(SHUFFLED_EPOCHS, own.epochs)})


def load_or_train(run: Run, settings: Settings, model: str) -> Control:
    """Both controls of a model, trained unless they are there, and kept in `<run>/controls`.

    On the phantom the run's own first training is the first of them.
    """
    from helpers import randomization, training  # they load Keras, which the Snakefile needn't

    own, shuffled = on_phantom(settings), on_shuffled_labels(settings)
    phantom, seed = data.load(own), own.seeds[0]
    home = run if own is settings else folder_of(run, "phantom")
    return Control(
        training.load_or_train(home, own, phantom, model, seed),
        # A folder of its own: the key of a training doesn't know its labels.
        training.load_or_train(
            folder_of(run, "shuffled"),
            shuffled,
            randomization.shuffled_labels(phantom),
            model,
            seed,
        ),
        phantom,
    )


def folder_of(run: Run, control: str) -> Run:
    """Where the controls of a run lie: `<run>/controls/phantom` and `<run>/controls/shuffled`."""
    return Run(Path(run.folder) / FOLDER / control, fills_gaps=True)
