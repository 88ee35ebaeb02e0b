"""What a training leaves: the artifact contract, and keys that know settings, images and code."""

import ast
import json
import os
import shutil
from dataclasses import replace

import keras
import numpy as np
import pytest

from helpers.data import dataset as datasets
from helpers.data.dataset import Split
from helpers.models import fit
from helpers.models import trainings as kept
from helpers.study import architectures
from helpers.study.errors import InputError
from helpers.study.runs import Run
from helpers.study.settings import REPOSITORY, load_settings


def test_artifacts_are_the_contract(trainings, dataset):
    for trained in trainings:
        names = {path.name for path in trained.folder.iterdir()}
        assert {"predictions.npz", "history.csv", "model.keras", "provenance.json"} <= names
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
        assert facts["settings"]["batch_size"] == 32


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_saved_model_repeats_its_predictions(trainings, dataset, dtype):
    images = dataset.test.images.astype(dtype)
    for trained in trainings:
        again = keras.models.load_model(trained.folder / "model.keras").predict(images, verbose=0)
        np.testing.assert_allclose(again, trained.predictions.test_probabilities, atol=1e-5)


def test_the_key_follows_what_determines_a_training(small, dataset):
    key = kept.key(small, dataset, "custom-cnn", 0)
    changed = load_settings("demo", "phantom_images=[96,48,48] epochs=3 batch_size=32")
    other_base = load_settings(
        "demo", "phantom_images=[96,48,48] epochs=2 upsample_to=32 batch_size=32 weights=imagenet"
    )
    assert kept.key(small, dataset, "custom-cnn", 1) != key
    assert kept.key(changed, dataset, "custom-cnn", 0) != key
    assert kept.key(other_base, dataset, "custom-cnn", 0) == key
    assert kept.key(other_base, dataset, "resnet50", 0) != kept.key(small, dataset, "resnet50", 0)
    assert kept.key(small, replace(dataset, name="renamed"), "custom-cnn", 0) == key


def test_a_key_follows_images_and_labels_and_that_of_features_the_images(small, dataset):
    images, labels = dataset.train.images, dataset.train.labels
    of_images = replace(dataset, train=Split(images[::-1], labels))
    shuffled = replace(dataset, train=Split(images, np.random.default_rng(0).permutation(labels)))
    of_one_class = replace(dataset, train=Split(images, np.zeros_like(labels)))

    def changed(key):
        others = of_images, shuffled, of_one_class
        return [
            key(small, other, "resnet50") != key(small, dataset, "resnet50") for other in others
        ]

    assert changed(lambda *given: kept.key(*given, 0)) == [True, True, True]
    assert changed(kept.features_key) == [True, False, True]


@pytest.mark.parametrize(
    "change",
    [
        {"build": "helpers.models.networks:custom_cnn"},
        {"base": replace(architectures.get("resnet50").base, pixels="caffe")},
        {"base": replace(architectures.get("resnet50").base, application="ResNet50V2")},
        {"learning_rate": 0.5},
        {"title": "another", "colour": "#000000", "trial_share": 7},
    ],
    ids=str,
)
def test_the_key_follows_what_the_registry_says_of_a_network(small, dataset, monkeypatch, change):
    key = kept.key(small, dataset, "resnet50", 0)
    entry = replace(architectures.get("resnet50"), **change)
    monkeypatch.setitem(architectures._REGISTRY, "resnet50", entry)
    assert (kept.key(small, dataset, "resnet50", 0) == key) == ("title" in change)


def test_the_key_follows_the_code_of_the_builder(small, dataset, monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(tmp_path)
    entry = replace(architectures.get("custom-cnn"), build="own_network:build")
    monkeypatch.setitem(architectures._REGISTRY, "custom-cnn", entry)
    keys = set()
    for filters in (8, 16):
        (tmp_path / "own_network.py").write_text(f"FILTERS = {filters}\n")
        keys.add(kept.key(small, dataset, "custom-cnn", 0))
    assert len(keys) == 2


def test_one_file_in_two_places_is_one_data_set(octmnist_mini, tmp_path):
    copy = tmp_path / "elsewhere.npz"
    copy.write_bytes(octmnist_mini.read_bytes())
    keys = set()
    for path in (octmnist_mini, copy):
        settings = load_settings("local", data_path=str(path), weights="random")
        keys.add(kept.key(settings, datasets.load(settings.data), "custom-cnn", 0))
    assert len(keys) == 1


def test_a_training_for_other_data_is_not_recalled(run, small, dataset, trainings):
    labels = np.random.default_rng(0).permutation(dataset.train.labels)
    shuffled = replace(dataset, train=Split(dataset.train.images, labels))
    assert kept.load(run, small, dataset, "custom-cnn", 0) is not None
    assert kept.load(run, small, shuffled, "custom-cnn", 0) is None


def test_a_chapter_before_its_predecessors_gets_one_line(small, dataset, tmp_path):
    with pytest.raises(InputError, match="run chapter 02-custom-cnn") as error:
        kept.recall(Run(tmp_path), small, dataset)
    assert "\n" not in str(error.value)


def test_the_judged_epoch_is_the_first_best(trainings):
    for trained in trainings:
        best = trained.history["val_accuracy"]
        assert trained.best_epoch == best.index[best == best.max()][0]
        predictions = trained.predictions
        right = predictions.val_probabilities.argmax(axis=1) == predictions.val_labels
        assert right.mean() == pytest.approx(best.max(), abs=1e-6)


def test_every_module_that_fits_a_model_is_in_its_key():
    folder = REPOSITORY / "helpers" / "models"
    tree = ast.parse((folder / "fit.py").read_text())
    imported = {
        alias.name
        if node.module == "helpers.models"
        else node.module.removeprefix("helpers.models.")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and f"{node.module}".startswith("helpers.models")
        for alias in node.names
    }
    # What trainings.py does is keep and find; weights.py only refuses.
    assert imported - {"trainings"} | {"fit"} == set(kept.DETERMINING)


@pytest.fixture
def copied(run, trainings, tmp_path):
    """A copy of the run, to be damaged."""
    shutil.copytree(run.folder, tmp_path / "run", copy_function=os.link)
    return Run(tmp_path / "run")


def overwrite(path, content):
    path.unlink()  # it is a link to what other tests read
    path.write_bytes(content)


def cut(content):
    return content[: len(content) // 2]


@pytest.mark.parametrize(
    "damage", [lambda _: b"", cut, lambda _: b"[1]", lambda c: c[:-3] + b"123"]
)
@pytest.mark.parametrize("name", ["predictions.npz", "history.csv", "provenance.json"])
def test_a_damaged_training_is_as_if_it_were_not_there(copied, small, dataset, name, damage):
    assert kept.load(copied, small, dataset, "custom-cnn", 0)
    path = copied.training("custom-cnn", 0) / name
    overwrite(path, damage(path.read_bytes()))
    assert kept.load(copied, small, dataset, "custom-cnn", 0) is None


def test_provenance_that_tells_other_facts_is_damaged(copied, small, dataset):
    path = copied.training("custom-cnn", 0) / "provenance.json"
    facts = json.loads(path.read_text()) | {"seconds": 1e-3}
    overwrite(path, json.dumps(facts).encode())
    assert kept.load(copied, small, dataset, "custom-cnn", 0) is None


def test_a_damaged_model_is_named_and_trained_anew(copied, small, dataset):
    trained = kept.load(copied, small, dataset, "custom-cnn", 0)
    path = trained.folder / "model.keras"
    overwrite(path, cut(path.read_bytes()))
    with pytest.raises(InputError, match=r"model\.keras: missing or damaged"):
        kept.load(copied, small, dataset, "custom-cnn", 0).load_model()
    again = fit.load_or_train(copied, small, dataset, "custom-cnn", 0)
    again.load_model()
    np.testing.assert_array_equal(
        again.predictions.test_probabilities, trained.predictions.test_probabilities
    )
