"""Fitting a model as the report describes it, and keeping what came out under a key.

TensorFlow serves only to feed batches, so that KERAS_BACKEND=jax trains as well.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from tqdm import tqdm
from tqdm.keras import TqdmCallback

from helpers import artifacts, data, models, runs
from helpers.artifacts import Trained
from helpers.data import Dataset
from helpers.runs import Run
from helpers.settings import Settings

PREDICTION_BATCH = 128
# Many images at once: drawing a view costs more in calls than in arithmetic.
AUGMENTATION_BATCH = 512
# Cached views are drawn once and serve every seed.
VIEWS_SEED = 0


def load_or_train(run: Run, settings: Settings, dataset: Dataset, model: str, seed: int) -> Trained:
    """The training with this key; it is fitted, and kept in the run's folder, if there is none."""
    trained = artifacts.load(run, settings, model, seed)
    if trained is None:
        _train(run, settings, dataset, model, seed)
        trained = artifacts.load(run, settings, model, seed)
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
    folder = run.folder / "features" / model
    wanted = artifacts.features_key(settings, model)
    if runs.read_json(folder / "key.json") != wanted:
        network = models.build(model, settings, dataset.size, len(dataset.classes), seed=VIEWS_SEED)
        features = _extract_features(settings, dataset, models.features_of(network), model)
        with runs.replacing(folder) as staging:
            np.savez(staging / "features.npz", **features)
            runs.write_json(staging / "key.json", wanted)
    with np.load(folder / "features.npz") as arrays:
        return dict(arrays)


def one_hot(labels: np.ndarray, classes: int) -> np.ndarray:
    """Labels int (n,) as float32 (n, classes): 1 in the label's column, 0 elsewhere."""
    return keras.utils.to_categorical(labels, classes)


def augmentation(settings: Settings) -> keras.Sequential:
    """The report's random transformations (section 2.1), edges continued outwards."""
    steps = [
        keras.layers.RandomRotation(settings.rotation_degrees / 360, fill_mode="nearest"),
        keras.layers.RandomTranslation(settings.shift, settings.shift, fill_mode="nearest"),
        keras.layers.RandomZoom(settings.zoom, fill_mode="nearest"),
    ]
    flip = [keras.layers.RandomFlip("horizontal")] if settings.horizontal_flip else []
    return keras.Sequential(flip + steps, name="augmentation")


def augmented(images: np.ndarray, draw: keras.Layer) -> np.ndarray:
    """One random view of each image by `draw` (see `augmentation`): uint8, the images' shape."""
    views = np.empty_like(images)
    for start in range(0, len(images), AUGMENTATION_BATCH):
        part = slice(start, start + AUGMENTATION_BATCH)
        drawn = draw(images[part, ..., None].astype(np.float32), training=True)
        views[part] = keras.ops.convert_to_numpy(drawn)[..., 0].round()
    return views


def estimated_seconds(settings: Settings, dataset: Dataset, model: str) -> float:
    """How long one training of all epochs will take here, from a few batches timed now."""
    network = models.build(model, settings, dataset.size, len(dataset.classes), seed=0)
    images = dataset.train.images[: settings.batch_size, ..., None]
    batches = len(dataset.train) / len(images)
    if model != "custom-cnn" and settings.adapter == "replicate":
        seconds = _seconds_a_call(lambda: network.predict_on_batch(images))
        return seconds * batches * _views(settings, dataset)
    truth = one_hot(dataset.train.labels[: len(images)], len(dataset.classes))
    network.compile(settings.optimizer, "categorical_crossentropy")
    seconds = _seconds_a_call(lambda: network.train_on_batch(images, truth))
    return seconds * batches * settings.epochs


def _seconds_a_call(call: Callable[[], object]) -> float:
    call()  # the first compiles
    started = time.monotonic()
    for _ in range(5):
        call()
    return (time.monotonic() - started) / 5


def _train(run: Run, settings: Settings, dataset: Dataset, model: str, seed: int) -> None:
    started = time.monotonic()
    network = models.build(model, settings, dataset.size, len(dataset.classes), seed)
    truth = one_hot(dataset.train.labels, len(dataset.classes))
    if model != "custom-cnn" and settings.adapter == "replicate":
        inputs = load_or_extract_features(run, settings, dataset, model)
        # What came before may or may not have drawn random numbers.
        keras.utils.set_random_seed(seed)
        fitted = models.head_of(network)
        draw_inputs = _choosing_views(inputs["train"], seed)
    else:
        inputs = {name: split.images[..., None] for name, split in dataset.splits.items()}
        fitted = network
        draw_inputs = _augmenting(settings, dataset)
    batches = _shuffled_batches(draw_inputs, inputs["val"], truth, settings.batch_size, seed)
    rate = (
        settings.learning_rate_custom_cnn
        if model == "custom-cnn"
        else settings.learning_rate_resnet50
    )
    history = _fit(fitted, batches, inputs["val"], settings, dataset, rate, f"{model}, seed {seed}")
    total, trainable = models.parameters(network)
    facts = {
        "key": artifacts.key(settings, model, seed),
        "model": model,
        "seed": seed,
        "data": dataset.name,
        "data_origin": dataset.origin,
        "data_fingerprint": dataset.fingerprint,
        "settings": settings.model_dump(mode="json"),
        "parameters": {"total": total, "trainable": trainable},
        "seconds": round(time.monotonic() - started, 1),
    }
    with runs.replacing(artifacts.folder_of(run, model, seed)) as folder:
        np.savez(
            folder / "predictions.npz",
            val_probabilities=_predict(fitted, inputs["val"]),
            val_labels=dataset.val.labels,
            test_probabilities=_predict(fitted, inputs["test"]),
            test_labels=dataset.test.labels,
        )
        history.to_csv(folder / "history.csv")
        network.save(folder / "model.keras")
        runs.write_json(folder / "provenance.json", facts | runs.provenance())


def _fit(
    model: keras.Model,
    batches: tf.data.Dataset,
    val_inputs: np.ndarray,
    settings: Settings,
    dataset: Dataset,
    learning_rate: float,
    title: str,
) -> pd.DataFrame:
    """Fit as the report's section 2.3 says and leave the best epoch's weights in the model."""
    optimizer = keras.optimizers.get(settings.optimizer)
    optimizer.learning_rate = learning_rate
    model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
    weights = None
    if settings.class_weights == "balanced":
        weights = dict(enumerate(data.class_weights(dataset.train.labels)))
    val_labels = one_hot(dataset.val.labels, len(dataset.classes))
    with tempfile.TemporaryDirectory() as folder:
        best = Path(folder) / "best.weights.h5"
        history = model.fit(
            batches,
            epochs=settings.epochs,
            validation_data=_in_order(val_inputs, val_labels),
            class_weight=weights,
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


def _augmenting(settings: Settings, dataset: Dataset) -> Callable[[], np.ndarray]:
    images = dataset.train.images
    if not data.is_augmented(settings, dataset):
        return lambda: images[..., None]
    draw = augmentation(settings)
    return lambda: augmented(images, draw)[..., None]


def _predict(model: keras.Model, inputs: np.ndarray) -> np.ndarray:
    return model.predict(_in_order(inputs), verbose=0)


def _views(settings: Settings, dataset: Dataset) -> int:
    return settings.cached_views if data.is_augmented(settings, dataset) else 1


def _extract_features(
    settings: Settings, dataset: Dataset, model: keras.Model, title: str
) -> dict[str, np.ndarray]:
    draw_inputs = _augmenting(settings, dataset)
    count = _views(settings, dataset)
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
            "val": features(dataset.val.images[..., None]),
            "test": features(dataset.test.images[..., None]),
        }
