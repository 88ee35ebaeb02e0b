"""Chapters that train a model: its layers, its protocol, its course over the epochs, its seeds."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from helpers.data.dataset import Dataset
from helpers.ledger import claims
from helpers.models.backend import keras
from helpers.models.trainings import Trained
from helpers.pages import style
from helpers.study import architectures
from helpers.study.settings import PROTOCOL, Settings, differences, load_settings

OPTIMIZERS = {"adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSprop", "sgd": "SGD"}


def absence(models: Sequence[str], settings: Settings) -> str:
    """Says that a run trains no model of a chapter, whose `models` are none; else nothing."""
    told = f"This run has no model of this chapter: models={','.join(settings.models)}."
    return "" if models else told


def layer_table(model: keras.Model) -> pd.DataFrame:
    """A row a layer: its kind, the shape of its output without the batch, its weights."""
    rows = {
        layer.name: {
            "kind": type(layer).__name__,
            "output": " x ".join(map(str, layer.output.shape[1:])),
            "weights": layer.count_params(),
        }
        for layer in model.layers
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("layer")


def stated_weights(settings: Settings, dataset: Dataset, model: str, total: int) -> str:
    """The number of weights that the report states beside the one counted; nothing of others."""
    entry = architectures.get(model)
    if not entry.reported:
        return ""
    stated = int(claims.stated(f"{model}-parameters"))
    changed = differences(settings, load_settings(PROTOCOL))
    if not dataset.data_set.audited or set(changed) & set(entry.counted_by):
        return (
            f"The report states {stated:,}. This run's network isn't the one that it lists, by its "
            f"settings or its images, and has {total:,}."
        )
    difference = "the same" if stated == total else f"a difference of {stated - total:+,}"
    return f"The report states {stated:,}. The layers that it lists have {total:,}: {difference}."


def colour_channels(settings: Settings, dataset: Dataset) -> str:
    """How images that are coloured already come to a base of three channels; else nothing."""
    if dataset.data_set.channels == 1:
        return ""
    what = "hands them on" if settings.base.adapter == "replicate" else "is trained to mix them"
    return (
        f"{dataset.data_set.title}'s images have three channels as they come; here the convolution "
        f"{what} (`adapter: {settings.base.adapter}`)."
    )


def protocol(settings: Settings, model: str) -> str:
    """How a model is trained, in two sentences (the report's section 2.3)."""
    chosen = settings.training
    return (
        f"{OPTIMIZERS[chosen.optimizer]} with a learning rate of "
        f"{settings.learning_rate(model):g}, categorical cross-entropy, batches of "
        f"{chosen.batch_size}, at most {_epochs(chosen.epochs)}. After "
        f"{_epochs(chosen.plateau_patience)} without a better validation loss the learning rate is "
        "multiplied by "
        f"{chosen.plateau_factor:g}; after {chosen.early_stopping_patience} training stops."
    )


def outcome(trained: Trained) -> str:
    """The last epoch, which the report calls final, beside the one judged; and what it cost."""
    last, best = trained.history.iloc[-1], trained.history.loc[trained.best_epoch]
    facts = trained.provenance
    return (
        f"After the last epoch ({len(trained.history)}) training accuracy was "
        f"{last['accuracy']:.3f} and validation accuracy {last['val_accuracy']:.3f}: the figures "
        f"that the report calls final. Judged from here on is epoch {trained.best_epoch}, the best "
        f"on validation, with {best['val_accuracy']:.3f}. "
        f"Training took {facts['seconds']:.0f} s on {facts['hardware']}. The model has "
        f"{facts['parameters']['total']:,} weights, of which training changes "
        f"{facts['parameters']['trainable']:,}."
    )


def seeds_table(trainings: Sequence[Trained]) -> pd.DataFrame | None:
    """A row a training: the epoch judged, its accuracy and loss on validation, epochs, seconds."""
    rows = [
        {
            "model": trained.model,
            "seed": trained.seed,
            "judged epoch": trained.best_epoch,
            "epochs": len(trained.history),
            **trained.history.loc[trained.best_epoch, ["val_accuracy", "val_loss"]].round(3),
            "seconds": trained.provenance["seconds"],
        }
        for trained in trainings
    ]
    return pd.DataFrame(rows).set_index(["model", "seed"]) if rows else None


def training_curves(trained: Trained) -> Figure:
    """Accuracy and loss by epoch; the epoch that is judged is marked."""
    history, best = trained.history, trained.best_epoch
    figure, axes = plt.subplots(1, 2, figsize=(8, 2.8))
    figure.suptitle(trained.model)
    names = {"accuracy": "accuracy", "loss": "cross-entropy (nats)"}
    for axis, (name, label) in zip(axes, names.items(), strict=True):
        axis.plot(history.index, history[name], color=style.GREY, ls="--", label="training")
        axis.plot(history.index, history[f"val_{name}"], color="black", label="validation")
        axis.axvline(best, color=style.GREY, lw=0.8, ls=":")
        axis.plot(best, history.loc[best, f"val_{name}"], "o", color="black", label="judged")
        axis.set(xlabel="epoch", ylabel=label)
        axis.xaxis.get_major_locator().set_params(integer=True)
    axes[0].set_ylim(0, 1)
    axes[0].legend(frameon=False)
    return figure


def _epochs(count: int) -> str:
    return f"{count} epoch{'' if count == 1 else 's'}"
