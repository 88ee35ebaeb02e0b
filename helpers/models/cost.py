"""How long a training will take on this machine, from a few batches timed now."""

import time
from collections.abc import Callable

from helpers.data.dataset import Dataset
from helpers.models import batches, features, networks
from helpers.study.settings import Settings

TIMED_CALLS = 5


def estimated_seconds(settings: Settings, dataset: Dataset, model: str, epochs: int) -> float:
    """How long so many epochs, of all seeds together, will take here.

    Of a frozen base the one pass over all views counts, which serves all seeds: a head takes
    seconds an epoch.
    """
    network = networks.build(model, settings, dataset.shape, len(dataset.classes), seed=0)
    images = dataset.train.images[: settings.training.batch_size]
    steps = len(dataset.train) / len(images)
    if settings.features_are_fixed(model):
        seconds = _seconds_a_call(lambda: network.predict_on_batch(images))
        return seconds * steps * features.view_count(settings, dataset)
    truth = batches.one_hot(dataset.train.labels[: len(images)], len(dataset.classes))
    network.compile(settings.training.optimizer, "categorical_crossentropy")
    seconds = _seconds_a_call(lambda: network.train_on_batch(images, truth))
    return seconds * steps * epochs


def _seconds_a_call(call: Callable[[], object]) -> float:
    call()  # the first compiles
    started = time.monotonic()
    for _ in range(TIMED_CALLS):
        call()
    return (time.monotonic() - started) / TIMED_CALLS
