"""The head of a frozen ResNet50: features computed once, beside `model.fit` through the base.

Run it with `python -m benchmarks.frozen`: 28 px phantom images seen at 96 px, 30 epochs of the
protocol, with one view and with four augmented ones. The plain way's epochs are one, timed, times
30.
"""

import functools
import os

from helpers.models.backend import keras

# isort: split
import numpy as np

from benchmarks.comparison import Comparison, seconds, show
from benchmarks.training import Epoch, compiled
from helpers.data import dataset as datasets
from helpers.data.dataset import Dataset
from helpers.models import batches, features, networks
from helpers.study.settings import Settings, load_settings

IMAGES = 97_477 if os.environ.get("FULL") else 512
EPOCHS, MODEL, SIZE, RATE = 30, "resnet50", 32, 1e-4
WITHIN = 1e-4  # of a probability


def ours(network: keras.Model, settings: Settings, dataset: Dataset) -> None:
    """Features of all views, and all epochs of the head."""
    kept = features.extract(settings, dataset, networks.features_of(network), MODEL)
    truth = batches.one_hot(dataset.train.labels, len(dataset.classes))
    drawn = batches.shuffled(batches.of_views(kept["train"]), truth, SIZE, 0, lambda: 0)
    compiled(networks.head_of(network), RATE).fit(drawn, epochs=EPOCHS, verbose=0)


def plain(network: keras.Model, settings: Settings, dataset: Dataset) -> Epoch:
    """An epoch through the base."""
    truth = batches.one_hot(dataset.train.labels, len(dataset.classes))
    draw = batches.of_images(settings, dataset)
    drawn = batches.shuffled(draw, truth, SIZE, 0, lambda: 0)
    return Epoch(compiled(network, RATE), drawn)


def agreement(network: keras.Model, images: np.ndarray) -> str:
    """How far predictions by way of the features are from the whole network's."""
    kept = networks.features_of(network).predict(images, verbose=0)
    by_features = networks.head_of(network).predict(kept, verbose=0)
    apart = np.abs(by_features - network.predict(images, verbose=0)).max()
    if apart > WITHIN:
        raise AssertionError(f"predictions differ by {apart:.1e}")
    return f"predictions within {apart:.0e}"


def compare() -> list[Comparison]:
    """With one view and with four."""
    made = []
    for views, goal in ((1, 25), (4, 7)):
        settings = load_settings(
            "paper",
            f"source=phantom phantom_images=[{IMAGES},64,64] adapter=replicate weights=random "
            f"cached_views={views} augmentation={'on' if views > 1 else 'off'}",
        )
        dataset = datasets.load(settings.data)
        network = networks.build(MODEL, settings, dataset.shape, len(dataset.classes), seed=0)
        agrees = agreement(network, dataset.test.images)
        given = network, settings, dataset
        once, own = seconds(plain(*given)), seconds(functools.partial(ours, *given))
        work = f"frozen ResNet50, {EPOCHS} epochs, {views} {'view' if views == 1 else 'views'}"
        times = [own], [once * EPOCHS]
        made.append(Comparison(work, "model.fit through the base", *times, goal, agrees))
    return made


def main() -> None:
    """Print the comparisons."""
    show(compare())


if __name__ == "__main__":
    main()
