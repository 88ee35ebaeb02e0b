"""How long a training will take on this machine, from a few batches timed now."""

import time
from collections.abc import Callable

import numpy as np

from helpers.data.dataset import Dataset
from helpers.models import batches, networks
from helpers.study.settings import Settings

TIMED_CALLS = 5


def estimated_seconds(
    settings: Settings, dataset: Dataset, model: str, epochs: int, rows: int = 0
) -> float:
    """How long so many epochs, of all seeds together, will take here.

    rows : how many images a frozen base has still to be run on before, once for all seeds; the
        epochs are then those of the head.
    """
    network = networks.build(model, settings, dataset.shape, len(dataset.classes), seed=0)
    images = dataset.train.images[: settings.training.batch_size]
    truth = batches.one_hot(dataset.train.labels[: len(images)], len(dataset.classes))
    inputs, fitted, before = images, network, 0.0
    if settings.features_are_fixed(model):
        base, fitted = networks.features_of(network), networks.head_of(network)
        inputs = np.zeros((len(images), *fitted.input_shape[1:]), np.float32)
        if rows:
            before = _seconds_a_call(lambda: base.predict_on_batch(images)) * rows / len(images)
    fitted.compile(settings.training.optimizer, "categorical_crossentropy")
    seconds = _seconds_a_call(lambda: fitted.train_on_batch(inputs, truth))
    return before + seconds * epochs * len(dataset.train) / len(images)


def _seconds_a_call(call: Callable[[], object]) -> float:
    call()  # the first compiles
    started = time.monotonic()
    for _ in range(TIMED_CALLS):
        call()
    return (time.monotonic() - started) / TIMED_CALLS
