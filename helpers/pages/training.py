"""Chapters that train a model: its layers, its protocol, its course over the epochs, its seeds."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from helpers.data.dataset import Dataset
from helpers.ledger import claims
from helpers.models import trainings
from helpers.models.backend import keras
from helpers.models.trainings import Trained
from helpers.pages import style, words
from helpers.pages.study import Study
from helpers.study import architectures
from helpers.study.settings import PROTOCOL, Settings, differences, load_settings

# The blocks of the networks, each by what its layers' names begin with, and the rest.
BLOCKS = {
    "image, divided by 255": "images|to_unit_range",
    "to three channels": "to_rgb",
    "scaled up": "upsample|base_preprocessing",
    "step 1": "block1_",
    "step 2": "block2_",
    "step 3": "block3_",
    "last convolution": "last_convolution",
    "average over the map": "features",
    "dense 1": "dense1",
    "dense 2": "dense2",
    "classes": "logits|probabilities",
}
FROZEN = "frozen base"


class Block(NamedTuple):
    """Some layers of a network: the shape of their last output without the batch, their weights."""

    name: str
    output: str
    weights: int


OPTIMIZERS = {"adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSprop", "sgd": "SGD"}


def absence(models: Sequence[str], settings: Settings) -> str:
    """Says that a run trains no model of a chapter, whose `models` are none; else nothing."""
    told = f"This run has no model of this chapter: models={','.join(settings.models)}."
    return "" if models else told


def findings(study: Study, chapter: str) -> list[str]:
    """The weights counted beside those stated, and validation accuracy over the seeds."""
    told = []
    for model in study.trained_in(chapter):
        # Other chapters' models may not be trained yet, and by hand this one's neither.
        loaded = [trainings.load(*study.given, model, seed) for seed in study.settings.seeds]
        if None in loaded:
            continue
        if architectures.get(model).reported:
            total = loaded[0].provenance["parameters"]["total"]
            told.append(stated_weights(study.settings, study.dataset, model, total))
        told.append(validated(loaded))
    return told


def validated(of_model: Sequence[Trained]) -> str:
    """A model's validation accuracy in the epoch kept, the mean over its seeds and its range."""
    best = [100 * trained.history["val_accuracy"].max() for trained in of_model]
    title = architectures.get(of_model[0].model).sentence_title
    if len(best) == 1:
        return f"{title} reaches {best[0]:.1f} % on validation images, with one seed."
    return (
        f"{title} reaches {np.mean(best):.1f} % on validation images, the mean of "
        f"{words.number(len(best))} seeds ({min(best):.1f} to {max(best):.1f} %)."
    )


def blocks(model: keras.Model) -> list[Block]:
    """A network in blocks, in the order of its layers (`BLOCKS`); what none names is the base."""
    names = list(BLOCKS)
    layers: dict[str, list[keras.Layer]] = {}
    for layer in model.layers:
        at = next((n for n in names if re.match(BLOCKS[n], layer.name)), FROZEN)
        layers.setdefault(at, []).append(layer)
    return [
        Block(
            name,
            " × ".join(map(str, of_block[-1].output.shape[1:])),
            sum(layer.count_params() for layer in of_block),
        )
        for name, of_block in layers.items()
    ]


def network(model: keras.Model) -> Figure:
    """A network as boxes from the image to the classes, with each block's output and weights."""
    boxes = blocks(model)
    figure, axis = plt.subplots(figsize=(6.4, 0.46 * len(boxes) + 0.4))
    for place, block in enumerate(boxes):
        weights = f"{block.weights:,} weights" if block.weights else "no weights"
        look = {"boxstyle": "round,pad=0,rounding_size=0.1", "fc": "#E8F1F8", "ec": style.GREY}
        axis.add_patch(FancyBboxPatch((0, place - 0.33), 10, 0.66, **look))
        axis.text(0.2, place, block.name, va="center", fontsize=10, weight="bold")
        axis.text(6.6, place, block.output, va="center", ha="right", fontsize=10)
        axis.text(9.8, place, weights, va="center", ha="right", fontsize=10)
        if place:
            ends = {"xy": (5, place - 0.33), "xytext": (5, place - 0.67)}
            axis.annotate("", **ends, arrowprops={"arrowstyle": "->", "color": style.GREY})
    axis.set(xlim=(-0.1, 10.1), ylim=(len(boxes) - 0.6, -0.4))
    axis.set_axis_off()
    return figure


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
    counted = f"The report states {stated:,} weights for {entry.title}; the layers that it lists"
    if stated == total:
        return f"{counted} have as many."
    more = "more" if stated > total else "fewer"
    return (
        f"{counted} have {total:,}. Stated are {abs(stated - total):,} {more}: "
        f"{stated / total:.3g} times as many."
    )


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
    """The last epoch, which the report calls final, beside the one kept; and what it cost."""
    last, best = trained.history.iloc[-1], trained.history.loc[trained.best_epoch]
    facts = trained.provenance
    return (
        f"After the last epoch ({len(trained.history)}) training accuracy was "
        f"{last['accuracy']:.3f} and validation accuracy {last['val_accuracy']:.3f}: the figures "
        f"that the report calls final. From here on we use epoch {trained.best_epoch}, the best on "
        f"validation, with {best['val_accuracy']:.3f}. Training took {facts['seconds']:.0f} s on "
        f"{facts['hardware']}."
    )


def seeds_table(trained_models: Sequence[Trained]) -> pd.DataFrame | None:
    """A row a training: the epoch kept, its accuracy (%) and loss on validation, and seconds.

    None where every model has one seed, which tells of no spread.
    """
    if len({trained.seed for trained in trained_models}) < 2:
        return None
    rows = []
    for trained in trained_models:
        kept = trained.history.loc[trained.best_epoch]
        rows.append(
            {
                "model": architectures.get(trained.model).title,
                "seed": trained.seed,
                "epoch kept": f"{trained.best_epoch} of {len(trained.history)}",
                "accuracy": f"{100 * kept['val_accuracy']:.1f} %",
                "loss": f"{kept['val_loss']:.3f}",
                "seconds": f"{trained.provenance['seconds']:.0f}",
            }
        )
    return pd.DataFrame(rows).set_index(["model", "seed"])


def training_curves(of_model: Sequence[Trained]) -> Figure:
    """Accuracy and loss of one model by epoch, a line a seed; the first's kept epoch is marked."""
    figure, axes = plt.subplots(1, 2, figsize=(6.4, 2.9))
    names = {"accuracy": "accuracy", "loss": "cross-entropy (nats)"}
    for axis, (name, label) in zip(axes, names.items(), strict=True):
        for trained in of_model:
            first = trained is of_model[0]
            look = {"lw": 1.6 if first else 0.6, "alpha": 1 if first else 0.5}
            history = trained.history
            axis.plot(history.index, history[name], color=style.GREY, ls="--", **look)
            axis.plot(history.index, history[f"val_{name}"], color="black", **look)
        best = of_model[0].best_epoch
        kept = of_model[0].history.loc[best, f"val_{name}"]
        axis.plot(best, kept, "o", color=style.CLASS_COLOURS[0], ms=6)
        axis.set(xlabel="epoch", ylabel=label)
        axis.xaxis.get_major_locator().set_params(integer=True)
    axes[0].set_ylim(0, 1)
    handles = [
        plt.Line2D([], [], color=style.GREY, ls="--", label="training"),
        plt.Line2D([], [], color="black", label="validation"),
        style.mark("epoch kept", "o", style.CLASS_COLOURS[0]),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=3, frameon=False, fontsize=9)
    title = architectures.get(of_model[0].model).sentence_title
    axes[0].set_title(title, fontsize=11, loc="left")
    return figure


def _epochs(count: int) -> str:
    return f"{count} epoch{'' if count == 1 else 's'}"
