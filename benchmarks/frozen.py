"""The head of a frozen ResNet50: features computed once, beside `model.fit` through the base.

28 px phantom images seen at 96 px, 30 epochs of the protocol, with one view and with four augmented
ones. Both ways compile once, and validate after each epoch. Of the plain way two epochs are timed:
the first, which compiles, and the second, which is taken 29 times. Ours also takes the features of
test images.
"""

from collections.abc import Callable
from functools import partial

from helpers.models.backend import keras

# isort: split
import numpy as np

from benchmarks.comparison import IS_FULL, Comparison, seconds, show, times_faster
from benchmarks.training import compiled
from helpers.data import dataset as datasets
from helpers.data.dataset import Dataset
from helpers.models import batches, features, networks
from helpers.study.settings import Settings, load_settings

IMAGES = 97_477 if IS_FULL else 1_024
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
    head = networks.head_of(network)
    fit_of(head, batches.of_views(kept["train"]), kept["val"], dataset)(epochs=EPOCHS)


def plain(network: keras.Model, settings: Settings, dataset: Dataset) -> float:
    """How long all epochs through the base would take."""
    draw = batches.of_images(settings, dataset)
    epoch = fit_of(network, draw, dataset.val.images, dataset)
    first = seconds(epoch)
    return first + (EPOCHS - 1) * seconds(epoch)


def fit_of(
    model: keras.Model, draw: batches.Draw, val_inputs: np.ndarray, dataset: Dataset
) -> Callable[..., object]:
    """`fit` of a model as the protocol feeds it, which compiles when first called."""
    train, val, _ = (
        batches.one_hot(split.labels, len(dataset.classes)) for split in dataset.splits.values()
    )
    drawn = batches.shuffled(draw, train, SIZE, 0, lambda: 0)
    in_order = batches.in_order(val_inputs, val)
    return partial(compiled(model, RATE).fit, drawn, validation_data=in_order, verbose=0)


def agreement(network: keras.Model, images: np.ndarray) -> str:
    """How far predictions by way of the features are from the whole network's."""
    kept = networks.features_of(network).predict(images, verbose=0)
    by_features = networks.head_of(network).predict(kept, verbose=0)
    apart = np.abs(by_features - network.predict(images, verbose=0)).max()
    if apart > WITHIN:
        raise AssertionError(f"predictions differ by {apart:.1e}")
    how = f"within {apart:.0e} of" if apart else "equal to"
    return f"the untrained network's predictions by way of features are {how} its own"


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
        took, slow = [seconds(ours, *given)], [plain(*given)]
        seen = "1 view" if views == 1 else f"{views} views"
        work = f"frozen ResNet50, {EPOCHS} epochs of {IMAGES:,} images, {seen}"
        goals = [times_faster(took, slow, asked)]
        name = "model.fit through the base, estimated from 2 epochs that were run"
        made.append(Comparison(work, name, took, slow, goals, results))
    return made


if __name__ == "__main__":
    show(compare())
