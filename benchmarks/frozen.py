"""The head of a frozen ResNet50: features computed once, beside `model.fit` through the base.

28 px phantom images seen at 96 px, 30 epochs of the protocol, with one view and with four augmented
ones. Of the plain way's epochs one is timed, each turn, and taken 30 times.
"""

from helpers.models.backend import keras

# isort: split
import numpy as np

from benchmarks.comparison import IS_FULL, Comparison, seconds, show, times_faster
from benchmarks.training import Epoch, compiled
from helpers.data import dataset as datasets
from helpers.data.dataset import Dataset
from helpers.models import batches, features, networks
from helpers.study.settings import Settings, load_settings

IMAGES, TURNS = (97_477, 1) if IS_FULL else (512, 2)
EPOCHS, MODEL, SIZE, RATE = 30, "resnet50", 32, 1e-4
ASKED = {1: 25, 4: 7}  # times faster, by views
WITHIN = 1e-4  # of a probability


def ours(network: keras.Model, settings: Settings, dataset: Dataset) -> None:
    """Features of all views, and all epochs of the head."""
    base = networks.features_of(network)
    shape = features.row_count(settings, dataset), base.output_shape[-1]
    rows = np.empty(shape, np.float32)
    features.extract(features.blocks(settings, dataset), base, rows, MODEL)
    kept = features.of_splits(rows, settings, dataset)
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
    return f"predictions within {apart:.0e}" if apart else "equal predictions"


def compare() -> list[Comparison]:
    """With one view and with four."""
    made = []
    for views, asked in ASKED.items():
        settings = load_settings(
            "octmnist",
            f"source=phantom phantom_images=[{IMAGES},64,64] weights=random "
            f"cached_views={views} augmentation={'on' if views > 1 else 'off'}",
        )
        dataset = datasets.load(settings.data)
        network = networks.build(MODEL, settings, dataset.shape, len(dataset.classes), seed=0)
        results = agreement(network, dataset.test.images)
        given = network, settings, dataset
        epoch, turns, slow = plain(*given), [], []
        for _ in range(TURNS):
            turns.append(seconds(ours, *given))
            slow.append(seconds(epoch) * EPOCHS)
        work = f"frozen ResNet50, {EPOCHS} epochs, {views} {'view' if views == 1 else 'views'}"
        goals = [times_faster(turns, slow, asked)]
        name = "model.fit through the base"
        made.append(Comparison(work, name, turns, slow, goals, results))
    return made


if __name__ == "__main__":
    show(compare())
