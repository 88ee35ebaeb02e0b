"""A frozen base's features: computed once for all seeds and heads, and kept."""

from pathlib import Path

from helpers.models.backend import keras

# isort: split
import numpy as np
from tqdm import tqdm

from helpers.data.dataset import Dataset
from helpers.models import augmentation, networks, trainings
from helpers.models.batches import PREDICTION_BATCH, of_images
from helpers.study.runs import DAMAGED_ARCHIVE, Run, read_json, replacing, write_json
from helpers.study.settings import Settings

# Views are drawn once and serve every seed.
SEED = 0


def load_or_extract(
    run: Run, settings: Settings, dataset: Dataset, model: str
) -> dict[str, np.ndarray]:
    """A frozen base's pooled features, computed unless the run's folder holds them.

    Returns
    -------
    train : float32 (views, n, features), a view being another random augmentation of every image
        (one view, the image itself, without augmentation); val, test : float32 (n, features).
    """
    folder = run.features(model)
    wanted = trainings.features_key(settings, dataset, model)
    kept = _kept(folder) if read_json(folder / "key.json") == wanted else None
    if kept:
        return kept
    count = len(dataset.classes)
    network = networks.build(model, settings, dataset.shape, count, seed=SEED)
    features = extract(settings, dataset, networks.features_of(network), model)
    with replacing(folder) as staging:
        np.savez(staging / "features.npz", **features)
        write_json(staging / "key.json", wanted)
    return features


def view_count(settings: Settings, dataset: Dataset) -> int:
    """How many views of each training image a frozen base is run on."""
    is_augmented = augmentation.applies(settings.augmentation, dataset.train.labels)
    return settings.base.cached_views if is_augmented else 1


def _kept(folder: Path) -> dict[str, np.ndarray] | None:
    """Features as they were written, or None where the file is damaged."""
    try:
        with np.load(folder / "features.npz") as arrays:
            return {name: arrays[name] for name in ("train", "val", "test")}
    except DAMAGED_ARCHIVE:
        return None


def extract(
    settings: Settings, dataset: Dataset, model: keras.Model, title: str
) -> dict[str, np.ndarray]:
    """The features of every view of training, and of the other images, as `load_or_extract` has.

    model : from images (n, *shape) to features (n, features); the bar bears the title.
    """
    count, n = view_count(settings, dataset), len(dataset.train)
    draw = of_images(settings, dataset)
    total = count * n + len(dataset.val) + len(dataset.test)
    with tqdm(total=total, desc=f"{title}, frozen features", unit="image") as bar:

        def features(inputs: np.ndarray) -> np.ndarray:
            parts = []
            for start in range(0, len(inputs), PREDICTION_BATCH):
                parts.append(model.predict_on_batch(inputs[start : start + PREDICTION_BATCH]))
                bar.update(len(parts[-1]))
            return np.concatenate(parts)

        def view(number: int) -> np.ndarray:
            rng = np.random.default_rng([SEED, number])
            blocks = np.array_split(np.arange(n), -(-n // augmentation.BATCH))
            return np.concatenate([features(draw(places, rng)) for places in blocks])

        return {
            "train": np.stack([view(number) for number in range(count)]),
            "val": features(dataset.val.images),
            "test": features(dataset.test.images),
        }
