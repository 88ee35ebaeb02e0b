"""Models that have unlearned: weights drawn anew from the top down, stage by stage.

One of the two sanity checks of Adebayo et al. (2018): a heatmap that stays the same when the model
has forgotten what it knew shows the image, not the model. The other, shuffled labels, is among the
controls. `model` names a network's architecture, which says how its stages' layers are named.
"""

import re

from helpers.models import networks
from helpers.models.backend import keras
from helpers.study import architectures

FIRST_SEED = 1_000_000  # far from any training's, whose initial weights are not to come back


def stages(network: keras.Model, model: str) -> dict[str, list[str]]:
    """The layers that have weights, by stage, from the head down to the image.

    Not one by one, since ResNet50 has over a hundred: head, last_convolution, block3, block2,
    block1 of the small network; head, conv5, ..., conv1 of ResNet50 (He et al. 2016, table 1).
    What stands before the first, such as an adapter, is part of it. Raises ValueError for a layer
    with weights above the first stage that belongs to none, and where none belongs to any.
    """
    pattern = re.compile(architectures.get(model).stages)
    head = [layer.name for layer in network.layers].index(networks.FEATURES)
    begun = [at for at, layer in enumerate(network.layers[:head]) if pattern.match(layer.name)]
    if not begun:
        raise ValueError(f"{model}: no layer's name begins with a stage ({pattern.pattern})")
    by_stage = {"head": _with_weights(network.layers[head:])}
    for name in _with_weights(network.layers[begun[0] : head]):
        match = pattern.match(name)
        if not match:
            raise ValueError(f"{model}: layer {name} belongs to no stage ({pattern.pattern})")
        by_stage.setdefault(match.group(), []).append(name)
    lowest = list(by_stage)[-1]
    by_stage[lowest] += _with_weights(network.layers[: begun[0]])
    return by_stage


def randomized(network: keras.Model, model: str, stage: str, seed: int = 0) -> keras.Model:
    """A copy with initial weights from the head down to one of the `stages`, that one included.

    Weights are drawn anew by each layer's own initialiser. Batch norm starts anew as well, its
    moving mean at 0 and its variance at 1: those were learned from the data too. Keras's, NumPy's
    and Python's generators are seeded, so a stage is drawn alike whatever lies below it. Raises
    ValueError for a stage that the model hasn't got.
    """
    by_stage = stages(network, model)
    kept = list(by_stage)[list(by_stage).index(stage) + 1 :]
    keras.utils.set_random_seed(FIRST_SEED + seed)
    copy = keras.models.clone_model(network)
    for name in (name for stage in kept for name in by_stage[stage]):
        copy.get_layer(name).set_weights(network.get_layer(name).get_weights())
    return copy


def _with_weights(layers: list[keras.Layer]) -> list[str]:
    """The names of those of these layers that have weights, the last first."""
    return [layer.name for layer in reversed(layers) if layer.weights]
