"""Fitting a model as the report describes it, and keeping what came out under a key.

TensorFlow feeds the batches, whatever backend Keras runs on.
"""

import tempfile
from importlib.metadata import version
from pathlib import Path

from helpers.models.backend import keras

# isort: split
import numpy as np
import pandas as pd
import tensorflow as tf
from tqdm import tqdm
from tqdm.keras import TqdmCallback

from helpers.data.dataset import Dataset
from helpers.models import augmentation, batches, devices, features, networks, trainings
from helpers.models.checkpoints import Checkpoint
from helpers.models.trainings import Trained
from helpers.study import provenance
from helpers.study.errors import InputError
from helpers.study.runs import Run, replacing, write_json
from helpers.study.settings import Settings, Training


def load_or_train(run: Run, settings: Settings, dataset: Dataset, model: str, seed: int) -> Trained:
    """The training with this key; it is fitted, and kept in the run's folder, if there is none.

    A damaged one is none. One that was killed goes on after its last finished epoch.
    """
    trained = trainings.load(run, settings, dataset, model, seed)
    if trained is None or not trained.has_whole_model:
        _train(run, settings, dataset, model, seed)
        trained = trainings.load(run, settings, dataset, model, seed)
    return trained


def _train(run: Run, settings: Settings, dataset: Dataset, model: str, seed: int) -> None:
    chosen = settings.training
    if chosen.backend != keras.config.backend():
        raise InputError(
            f"{model}, seed {seed}: backend = {chosen.backend}, and Keras runs on "
            f"{keras.config.backend()} here; have make book train it"
        )
    made = provenance.here_and_now()  # beforehand: no training is lost to an answer that fails
    key = trainings.key(settings, dataset, model, seed)
    checkpoint = Checkpoint(run.checkpoint(model, seed), key)
    if settings.features_are_fixed(model):
        inputs = features.load_or_extract(run, settings, dataset, model)
        draw = batches.of_views(inputs["train"])
    else:
        inputs = {name: split.images for name, split in dataset.splits.items()}
        draw = batches.of_images(settings, dataset)
    truth = batches.one_hot(dataset.train.labels, len(dataset.classes))
    drawn = batches.shuffled(draw, truth, chosen.batch_size, seed, lambda: checkpoint.epoch)
    rate, title = settings.learning_rate(model), f"{model}, seed {seed}"
    with devices.spread(chosen.devices):
        network = networks.build(model, settings, dataset.shape, len(dataset.classes), seed)
        fitted = networks.head_of(network) if settings.features_are_fixed(model) else network
        if chosen.devices > 1:
            devices.synchronise(network)
        given = fitted, drawn, inputs["val"], chosen, dataset, rate
        history = _fit(*given, checkpoint, title)
        predicted = {name: _predict(fitted, inputs[name], title) for name in ("val", "test")}
    with replacing(run.training(model, seed)) as folder:
        np.savez(
            folder / trainings.PREDICTIONS,
            val_probabilities=predicted["val"],
            val_labels=dataset.val.labels,
            test_probabilities=predicted["test"],
            test_labels=dataset.test.labels,
        )
        history.to_csv(folder / trainings.HISTORY)
        network.save(folder / trainings.MODEL)
        facts = _facts(settings, dataset, model, seed, network)
        facts |= made | {"seconds": round(checkpoint.seconds, 1)}
        write_json(folder / trainings.PROVENANCE, trainings.sealed(facts, folder))
    checkpoint.discard()


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
        "backend": f"{keras.config.backend()} {version(keras.config.backend())}",
        "parameters": {"total": total, "trainable": trainable},
    }


def _fit(
    model: keras.Model,
    training: tf.data.Dataset,
    val_inputs: np.ndarray,
    settings: Training,
    dataset: Dataset,
    learning_rate: float,
    checkpoint: Checkpoint,
    title: str,
) -> pd.DataFrame:
    """Fit as the report's section 2.3 says and leave the best epoch's weights in the model."""
    optimizer = keras.optimizers.get(settings.optimizer)
    optimizer.learning_rate = learning_rate
    model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
    class_weight = None
    if settings.class_weights == "balanced":
        class_weight = dict(enumerate(augmentation.class_weights(dataset.train.labels)))
    val_labels = batches.one_hot(dataset.val.labels, len(dataset.classes))
    with tempfile.TemporaryDirectory() as folder:
        best = Path(folder) / "best.weights.h5"
        callbacks = [
            keras.callbacks.EarlyStopping(patience=settings.early_stopping_patience),
            keras.callbacks.ReduceLROnPlateau(
                factor=settings.plateau_factor, patience=settings.plateau_patience
            ),
            keras.callbacks.ModelCheckpoint(
                best, monitor="val_accuracy", save_best_only=True, save_weights_only=True
            ),
        ]
        checkpoint.restore(model, best, callbacks)
        if not checkpoint.is_finished:
            model.fit(
                training,
                initial_epoch=checkpoint.epoch,
                epochs=settings.epochs,
                validation_data=batches.in_order(val_inputs, val_labels),
                class_weight=class_weight,
                shuffle=False,
                verbose=0,
                callbacks=[
                    *callbacks,
                    TqdmCallback(verbose=0, tqdm_class=tqdm, desc=title),
                    checkpoint,
                ],
            )
        model.load_weights(best)
    epochs = pd.RangeIndex(1, len(checkpoint.history) + 1, name="epoch")
    return pd.DataFrame(checkpoint.history, index=epochs)


def _predict(model: keras.Model, inputs: np.ndarray, title: str) -> np.ndarray:
    probabilities = model.predict(batches.in_order(inputs), verbose=0)
    if not np.isfinite(probabilities).all():
        raise InputError(
            f"{title}: training diverged, and the model's probabilities are no numbers; set a "
            "lower learning rate or another optimizer"
        )
    return probabilities
