"""Models that have unlearned: weights randomised from the top, or labels shuffled.

The two sanity checks of Adebayo et al. (2018): a heatmap that stays the same
when the model has forgotten what it knew shows the image, not the model.
"""

import re
from dataclasses import replace

import keras
import numpy as np

from helpers import runs
from helpers.data import Dataset, Split

HEAD = "head"
FIRST_SEED = 1_000_000  # far from any training's, whose initial weights are not to come back
STAGE = re.compile(r"block\d+|last_convolution|conv\d")


def stages(model: keras.Model) -> dict[str, list[str]]:
    """The layers that have weights, by stage, from the head down to the image.

    Stages, not single layers, since ResNet50 has over a hundred of those: head, last_convolution,
    block3, block2, block1 of the small network; head, conv5, ..., conv1 of ResNet50 (He et al.
    2016, table 1), conv1 with the adapter before it.
    """
    found: dict[str, list[str]] = {HEAD: []}
    stage = HEAD
    for layer in reversed(model.layers):
        if named := STAGE.match(layer.name):
            stage = named.group()
        if layer.weights:
            found.setdefault(stage, []).append(layer.name)
    return found


def randomized(model: keras.Model, stage: str, seed: int = 0) -> keras.Model:
    """A copy with initial weights from the head down to a stage, that stage included.

    Weights are drawn anew by each layer's own initialiser. Batch norm starts anew as well, its
    moving mean at 0 and its variance at 1: those were learned from the data too. It sets the seed
    of Keras's, NumPy's and Python's generators, so a stage is drawn alike whatever lies below it.

    Parameters
    ----------
    model : one of `models.build`; it stays as it is.
    stage : one of `stages`.

    Raises
    ------
    ValueError : for a stage that the model hasn't got.
    """
    by_stage = stages(model)
    kept = list(by_stage)[list(by_stage).index(stage) + 1 :]
    keras.utils.set_random_seed(FIRST_SEED + seed)
    copy = keras.models.clone_model(model)
    for name in (name for stage in kept for name in by_stage[stage]):
        copy.get_layer(name).set_weights(model.get_layer(name).get_weights())
    return copy


def shuffled_labels(dataset: Dataset, seed: int = 0) -> Dataset:
    """The same data with its training labels permuted, and so a fingerprint of its own.

    A model can only learn these by heart; validation and test keep their labels.
    """
    labels = np.random.default_rng(seed).permutation(dataset.train.labels)
    return replace(
        dataset,
        train=Split(dataset.train.images, labels),
        fingerprint=runs.digest(dataset.fingerprint, "shuffled labels", seed),
    )
