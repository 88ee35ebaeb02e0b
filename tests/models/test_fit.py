"""Training: the artifact contract, keys, reproducibility, and what a killed process leaves."""

import json

import keras
import numpy as np
import pytest

from helpers import artifacts, data, models, runs, training
from helpers.runs import Run
from helpers.settings import InputError, load_settings


def test_artifacts_are_the_contract(trainings, dataset):
    for trained in trainings:
        names = {path.name for path in trained.folder.iterdir()}
        assert names == {"predictions.npz", "history.csv", "model.keras", "provenance.json"}
        with np.load(trained.folder / "predictions.npz") as arrays:
            for split in ("val", "test"):
                probabilities, labels = arrays[f"{split}_probabilities"], arrays[f"{split}_labels"]
                assert (probabilities.dtype, labels.dtype) == (np.float32, np.int64)
                assert probabilities.shape == (len(dataset.splits[split]), 4)
                np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
                np.testing.assert_array_equal(labels, dataset.splits[split].labels)
        assert len(trained.history) == 2
        facts = json.loads((trained.folder / "provenance.json").read_text())
        assert {"settings", "data_fingerprint", "packages", "commit", "hardware", "seconds"} <= set(
            facts
        )


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_saved_model_repeats_its_predictions(trainings, dataset, dtype):
    images = dataset.test.images[..., None].astype(dtype)
    for trained in trainings:
        again = keras.models.load_model(trained.folder / "model.keras").predict(images, verbose=0)
        np.testing.assert_allclose(again, trained.predictions.test_probabilities, atol=1e-5)


def test_the_same_seed_gives_the_same_bits(trainings, small, dataset, tmp_path):
    other = Run(tmp_path, fills_gaps=False)
    for trained in trainings:
        again = training.load_or_train(other, small, dataset, trained.model, 0)
        np.testing.assert_array_equal(
            again.predictions.test_probabilities, trained.predictions.test_probabilities
        )


def test_what_is_there_is_loaded_and_not_trained(trainings, run, small, dataset, monkeypatch):
    monkeypatch.setattr(training, "_train", lambda *_: pytest.fail("trained again"))
    training.load_or_train(run, small, dataset, "custom-cnn", 0)


def test_the_key_follows_what_determines_a_training(small, octmnist_mini, tmp_path):
    key = artifacts.key(small, "custom-cnn", 0)
    changed = load_settings("demo", "phantom_images=[96,48,48] epochs=3 batch_size=32")
    other_base = small.model_copy(update={"weights": "imagenet"})
    assert artifacts.key(small, "custom-cnn", 1) != key
    assert artifacts.key(changed, "custom-cnn", 0) != key
    assert artifacts.key(other_base, "custom-cnn", 0) == key
    assert artifacts.key(other_base, "resnet50", 0) != artifacts.key(small, "resnet50", 0)
    copy = tmp_path / "elsewhere.npz"
    copy.write_bytes(octmnist_mini.read_bytes())
    here, there = (load_settings("local", data_path=str(p)) for p in (octmnist_mini, copy))
    assert artifacts.key(here, "custom-cnn", 0) == artifacts.key(there, "custom-cnn", 0)


def test_a_chapter_before_its_predecessors_gets_one_line(small, dataset, tmp_path):
    with pytest.raises(InputError, match="run chapter 02-custom-cnn") as error:
        artifacts.recall(Run(tmp_path, fills_gaps=False), small, dataset)
    assert "\n" not in str(error.value)


def test_an_interrupted_write_leaves_the_old_folder(tmp_path):
    folder = tmp_path / "seed-0"
    with runs.replacing(folder) as staging:
        (staging / "file").write_text("old")
    with pytest.raises(KeyboardInterrupt), runs.replacing(folder) as staging:
        (staging / "file").write_text("new")
        raise KeyboardInterrupt
    assert (folder / "file").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["seed-0"]


def test_augmentation_keeps_size_and_type_and_changes_the_image(small, dataset):
    keras.utils.set_random_seed(0)
    views = training.augmented(dataset.train.images, training.augmentation(small))
    assert (views.dtype, views.shape) == (np.uint8, dataset.train.images.shape)
    assert (views != dataset.train.images).any(axis=(1, 2)).all()


def test_frozen_features_are_those_of_the_model(trainings, run, small, dataset):
    features = training.load_or_extract_features(run, small, dataset, "resnet50")
    base = models.features_of(trainings[1].load_model())
    expected = base.predict(dataset.val.images[..., None], verbose=0)
    np.testing.assert_allclose(features["val"], expected, atol=1e-4)
    assert features["train"].shape == (1, len(dataset.train), 2048)


def test_the_learned_adapter_is_trained(dataset, tmp_path):
    settings = load_settings(
        "demo", "phantom_images=[96,48,48] epochs=1 upsample_to=32 adapter=learned models=resnet50"
    )
    before = models.build("resnet50", settings, 28, 4, seed=0)
    trained = training.load_or_train(Run(tmp_path, False), settings, dataset, "resnet50", 0)
    after = trained.load_model()
    changed = {
        layer.name
        for layer in before.layers
        for old, new in zip(
            layer.get_weights(), after.get_layer(layer.name).get_weights(), strict=True
        )
        if not np.array_equal(old, new)
    }
    assert "grey_to_rgb" in changed
    assert not [name for name in changed if name.startswith("conv")]


def test_labels_become_one_hot():
    np.testing.assert_array_equal(training.one_hot([0, 2], 3), [[1, 0, 0], [0, 0, 1]])


def test_the_judged_epoch_is_the_first_best(trainings):
    for trained in trainings:
        best = trained.history["val_accuracy"]
        assert trained.best_epoch == best.index[best == best.max()][0]
        predictions = trained.predictions
        right = predictions.val_probabilities.argmax(axis=1) == predictions.val_labels
        assert right.mean() == pytest.approx(best.max(), abs=1e-6)


def test_an_even_training_split_is_not_augmented(dataset, small):
    draw = training._augmenting(small.model_copy(update={"augmentation": "off"}), dataset)
    np.testing.assert_array_equal(draw()[..., 0], dataset.train.images)
    assert data.is_augmented(small, dataset)
