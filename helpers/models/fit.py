"""Fitting a model as the report describes it, and keeping what came out under a key.

Keras runs on TensorFlow alone here (`backend`), which also feeds the batches.
"""

import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from helpers.models.backend import keras

# isort: split
import numpy as np
import pandas as pd
import tensorflow as tf
from tqdm import tqdm
from tqdm.keras import TqdmCallback

from helpers.data.dataset import Dataset
from helpers.models import augmentation, networks, trainings
from helpers.models.trainings import Trained
from helpers.study import provenance
from helpers.study.errors import InputError
from helpers.study.runs import Run, read_json, replacing, write_json
from helpers.study.settings import Settings, Training

PREDICTION_BATCH = 128
# Cached views are drawn once and serve every seed.
VIEWS_SEED = 0


def load_or_train(run: Run, settings: Settings, dataset: Dataset, model: str, seed: int) -> Trained:
    """The training with this key; it is fitted, and kept in the run's folder, if there is none.

    A damaged one is none.
    """
    trained = trainings.load(run, settings, dataset, model, seed)
    if trained is None or not trained.has_whole_model:
        _train(run, settings, dataset, model, seed)
        trained = trainings.load(run, settings, dataset, model, seed)
    return trained


def load_or_extract_features(
    run: Run, settings: Settings, dataset: Dataset, model: str
) -> dict[str, np.ndarray]:
    """A frozen base's pooled features, computed once for all seeds and kept in the run's folder.

    Returns
    -------
    train : float32 (views, n, features), a view being another random augmentation of every image
        (one view, the image itself, without augmentation); val, test : float32 (n, features).
    """
    folder = run.features(model)
    wanted = trainings.features_key(settings, dataset, model)
    kept = _kept_features(folder) if read_json(folder / "key.json") == wanted else None
    if kept:
        return kept
    count = len(dataset.classes)
    network = networks.build(model, settings, dataset.shape, count, seed=VIEWS_SEED)
    features = _extract_features(settings, dataset, networks.features_of(network), model)
    with replacing(folder) as staging:
        np.savez(staging / "features.npz", **features)
        write_json(staging / "key.json", wanted)
    return features


def one_hot(labels: np.ndarray, classes: int) -> np.ndarray:
    """Labels int (n,) as float32 (n, classes): 1 in the label's column, 0 elsewhere."""
    return keras.utils.to_categorical(labels, classes)


def view_count(settings: Settings, dataset: Dataset) -> int:
    """How many views of each training image a frozen base is run on."""
    is_augmented = augmentation.applies(settings.augmentation, dataset.train.labels)
    return settings.base.cached_views if is_augmented else 1


def _train(run: Run, settings: Settings, dataset: Dataset, model: str, seed: int) -> None:
    made = provenance.here_and_now()  # beforehand: no training is lost to an answer that fails
    started = time.monotonic()
    network = networks.build(model, settings, dataset.shape, len(dataset.classes), seed)
    if settings.features_are_fixed(model):
        inputs = load_or_extract_features(run, settings, dataset, model)
        # What came before may or may not have drawn random numbers.
        keras.utils.set_random_seed(seed)
        fitted = networks.head_of(network)
        draw_inputs = _choosing_views(inputs["train"], seed)
    else:
        inputs = {name: split.images for name, split in dataset.splits.items()}
        fitted = network
        draw_inputs = _augmenting(settings, dataset, seed)
    truth = one_hot(dataset.train.labels, len(dataset.classes))
    size = settings.training.batch_size
    batches = _shuffled_batches(draw_inputs, inputs["val"], truth, size, seed)
    rate, title = settings.learning_rate(model), f"{model}, seed {seed}"
    history = _fit(fitted, batches, inputs["val"], settings.training, dataset, rate, title)
    seconds = round(time.monotonic() - started, 1)
    with replacing(run.training(model, seed)) as folder:
        np.savez(
            folder / trainings.PREDICTIONS,
            val_probabilities=_predict(fitted, inputs["val"], title),
            val_labels=dataset.val.labels,
            test_probabilities=_predict(fitted, inputs["test"], title),
            test_labels=dataset.test.labels,
        )
        history.to_csv(folder / trainings.HISTORY)
        network.save(folder / trainings.MODEL)
        facts = _facts(settings, dataset, model, seed, network)
        facts |= made | {"seconds": seconds}
        write_json(folder / trainings.PROVENANCE, trainings.sealed(facts, folder))


def _kept_features(folder: Path) -> dict[str, np.ndarray] | None:
    """Features as they were written, or None where the file is damaged."""
    try:
        with np.load(folder / "features.npz") as arrays:
            return {name: arrays[name] for name in ("train", "val", "test")}
    # An archive has a checksum for each array.
    except (OSError, ValueError, LookupError, EOFError, zipfile.BadZipFile, zlib.error):
        return None


def _facts(
    settings: Settings, dataset: Dataset, model: str, seed: int, network: keras.Model
) -> dict:
    total, trainable = networks.parameters(network)
    return {
        "key": trainings.key(settings, dataset, model, seed),
        "model": model,
        "seed": seed,
        "data": dataset.name,
        "data_origin": dataset.origin,
        "data_fingerprint": dataset.fingerprint,
        "settings": settings.told(),
        "parameters": {"total": total, "trainable": trainable},
    }


def _fit(
    model: keras.Model,
    batches: tf.data.Dataset,
    val_inputs: np.ndarray,
    settings: Training,
    dataset: Dataset,
    learning_rate: float,
    title: str,
) -> pd.DataFrame:
    """Fit as the report's section 2.3 says and leave the best epoch's weights in the model."""
    optimizer = keras.optimizers.get(settings.optimizer)
    optimizer.learning_rate = learning_rate
    model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
    class_weight = None
    if settings.class_weights == "balanced":
        class_weight = dict(enumerate(augmentation.class_weights(dataset.train.labels)))
    val_labels = one_hot(dataset.val.labels, len(dataset.classes))
    with tempfile.TemporaryDirectory() as folder:
        best = Path(folder) / "best.weights.h5"
        history = model.fit(
            batches,
            epochs=settings.epochs,
            validation_data=_in_order(val_inputs, val_labels),
            class_weight=class_weight,
            shuffle=False,
            verbose=0,
            callbacks=[
                keras.callbacks.EarlyStopping(patience=settings.early_stopping_patience),
                keras.callbacks.ReduceLROnPlateau(
                    factor=settings.plateau_factor, patience=settings.plateau_patience
                ),
                keras.callbacks.ModelCheckpoint(
                    best, monitor="val_accuracy", save_best_only=True, save_weights_only=True
                ),
                TqdmCallback(verbose=0, tqdm_class=tqdm, desc=title),
            ],
        )
        model.load_weights(best)
    epochs = pd.RangeIndex(1, len(history.epoch) + 1, name="epoch")
    return pd.DataFrame(history.history, index=epochs)


def _untuned(dataset: tf.data.Dataset) -> tf.data.Dataset:
    # tf.data's autotuner sleeps in doubling steps, and the end of every epoch and prediction waits
    # for it to wake: up to 5 s each time, as long again as an epoch of the demo.
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def _in_order(*arrays: np.ndarray) -> tf.data.Dataset:
    return _untuned(tf.data.Dataset.from_tensor_slices(arrays).batch(PREDICTION_BATCH))


def _shuffled_batches(
    draw_inputs: Callable[[], np.ndarray],
    example: np.ndarray,
    truth: np.ndarray,
    size: int,
    seed: int,
) -> tf.data.Dataset:
    """Batches of a training split, in a new order and with newly drawn inputs each epoch.

    `example` is any array with the shape and dtype of the inputs, but for their number.
    """
    rng = np.random.default_rng(seed)

    def epoch() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        order, inputs = rng.permutation(len(truth)), draw_inputs()
        for start in range(0, len(truth), size):
            chosen = order[start : start + size]
            yield inputs[chosen], truth[chosen]

    signature = tuple(
        tf.TensorSpec((None, *array.shape[1:]), array.dtype) for array in (example, truth)
    )
    batches = tf.data.Dataset.from_generator(epoch, output_signature=signature)
    return _untuned(batches.apply(tf.data.experimental.assert_cardinality(-(-len(truth) // size))))


def _choosing_views(views: np.ndarray, seed: int) -> Callable[[], np.ndarray]:
    rng = np.random.default_rng([seed, 1])
    count, n = views.shape[:2]
    return lambda: views[rng.integers(count, size=n), np.arange(n)]


def _augmenting(settings: Settings, dataset: Dataset, seed: int) -> Callable[[], np.ndarray]:
    train, rng = dataset.train, np.random.default_rng([seed, 2])
    return augmentation.drawing_inputs(settings.augmentation, train.images, train.labels, rng)


def _predict(model: keras.Model, inputs: np.ndarray, title: str) -> np.ndarray:
    probabilities = model.predict(_in_order(inputs), verbose=0)
    if not np.isfinite(probabilities).all():
        raise InputError(
            f"{title}: training diverged, and the model's probabilities are no numbers; set a "
            "lower learning rate or another optimizer"
        )
    return probabilities


def _extract_features(
    settings: Settings, dataset: Dataset, model: keras.Model, title: str
) -> dict[str, np.ndarray]:
    draw_inputs = _augmenting(settings, dataset, VIEWS_SEED)
    count = view_count(settings, dataset)
    total = count * len(dataset.train) + len(dataset.val) + len(dataset.test)
    with tqdm(total=total, desc=f"{title}, frozen features", unit="image") as bar:

        def features(inputs: np.ndarray) -> np.ndarray:
            parts = []
            for start in range(0, len(inputs), PREDICTION_BATCH):
                parts.append(model.predict_on_batch(inputs[start : start + PREDICTION_BATCH]))
                bar.update(len(parts[-1]))
            return np.concatenate(parts)

        return {
            "train": np.stack([features(draw_inputs()) for _ in range(count)]),
            "val": features(dataset.val.images),
            "test": features(dataset.test.images),
        }
