"""Which models are on trial, and what is trained beside them."""

from dataclasses import replace

import numpy as np
import pytest

from helpers.data import dataset as datasets
from helpers.data.dataset import Dataset, Split
from helpers.heatmaps import controls
from helpers.models import features, networks, trainings
from helpers.study import data_sets
from helpers.study.runs import Run
from helpers.study.settings import DEFAULT_PROFILE, Settings, load_settings

MODEL = "custom-cnn"


@pytest.fixture
def protocol(monkeypatch) -> Settings:
    """The default profile, but for a phantom that is drawn sooner."""
    settings = load_settings(DEFAULT_PROFILE, "phantom_images=[96,48,48]")
    monkeypatch.setattr(controls, "load_settings", {DEFAULT_PROFILE: settings}.__getitem__)
    return settings


@pytest.fixture(scope="module")
def scans(small) -> Dataset:
    """Images of 64 px that come from a file, whose lesions nobody knows."""
    drawn = datasets.phantom_like(small.data, 64)
    return replace(drawn, name="scans", lesion_masks=None)


def test_which_models_can_be_judged():
    demo = load_settings(DEFAULT_PROFILE)
    assert controls.models_on_trial(demo) == (MODEL,)
    assert controls.models_untried(demo) == ("resnet50",)
    paper = load_settings("paper")
    assert "resnet50-caffe" in paper.models
    assert controls.models_on_trial(paper) == (MODEL, "resnet50")
    assert controls.models_untried(paper) == ()
    alone = load_settings("paper", "models=resnet50,resnet50-caffe")
    assert controls.models_on_trial(alone) == ("resnet50",)
    own_base = load_settings("paper", "weights_resnet50=random")
    assert controls.models_on_trial(own_base) == (MODEL,)


def test_a_costly_model_explains_fewer_images_and_a_costly_method_fewer_still():
    settings = load_settings("paper", "explained_images=48")
    cheap, dear = (controls.images_on_trial(settings, model) for model in (MODEL, "resnet50"))
    assert (cheap["Grad-CAM"], cheap["occlusion"], cheap["LIME"]) == (48, 48, 6)
    assert (dear["Grad-CAM"], dear["occlusion"], dear["LIME"]) == (16, 5, 0)
    assert list(cheap) == list(dear) == list(controls.METHODS)
    fewest = controls.images_on_trial(load_settings("paper", "explained_images=4"), "resnet50")
    assert fewest["Grad-CAM"] == 5  # an interval takes as many


def test_lesions_are_looked_for_on_the_same_hundred_images_and_more():
    settings = load_settings("local", data_path="file.npz")
    cheap, dear = (controls.lesions_on_trial(settings, model) for model in (MODEL, "resnet50"))
    alike = [method for method in controls.METHODS if cheap[method] == dear[method] >= 100]
    assert alike == ["Grad-CAM", "Grad-CAM++", "LayerCAM", "saliency"]
    assert sum(count >= 100 for count in cheap.values()) == 8
    assert dear["SmoothGrad"] == controls.images_on_trial(settings, "resnet50")["SmoothGrad"]


def test_the_phantom_says_nothing_about_a_set_that_it_does_not_imitate(scans):
    assert controls.why_no_truth(scans) is None
    blood = replace(scans, data_set=data_sets.get("bloodmnist"))
    assert controls.why_no_truth(blood) == (
        "the phantom imitates OCTMNIST, and this run is about BloodMNIST"
    )


def test_on_the_phantom_the_runs_own_training_is_the_first_control(run, small, dataset):
    first, shuffled = controls.planned(run, small, dataset)
    assert (first.run, first.settings, first.dataset) == (run, small, dataset)
    assert shuffled.run.folder != run.folder
    assert shuffled.settings.training.epochs == min(controls.SHUFFLED_EPOCHS, 2)
    few = small.training.model_copy(update={"epochs": 9})
    longer = small.model_copy(update={"training": few})
    _, shuffled = controls.planned(run, longer, dataset)
    assert shuffled.settings.training == few.model_copy(update={"epochs": controls.SHUFFLED_EPOCHS})


def test_elsewhere_a_control_has_the_runs_network_and_the_runs_size(tmp_path, scans, protocol):
    settings = load_settings(
        "paper",
        "convolution_filters=[4,4,8,8] convolution_dropout=0.1 dense_units=[16,8] adapter=learned "
        "weights=random upsample_to=64 cached_views=3 epochs=7 batch_size=64 augmentation=off",
    )
    run = Run(tmp_path)
    first, shuffled = controls.planned(run, settings, scans)
    assert first.settings.convolutions == settings.convolutions
    assert first.settings.head == settings.head
    assert first.settings.base == settings.base.model_copy(
        update={"cached_views": protocol.base.cached_views}
    )
    assert first.settings.training == protocol.training
    assert first.settings.augmentation == protocol.augmentation
    assert first.settings.data.phantom_images == protocol.data.phantom_images
    for plan in (first, shuffled):
        assert plan.dataset.is_phantom
        assert plan.dataset.shape == scans.shape == (64, 64, 1)
        assert plan.run.folder.is_relative_to(run.folder)
    assert first.run.folder != shuffled.run.folder
    own, beside = (
        [weight.shape for weight in networks.build(MODEL, each, (64, 64, 1), 4, 0).weights]
        for each in (settings, first.settings)
    )
    assert own == beside


def test_a_control_of_rgb_images_sees_three_channels(tmp_path, scans, protocol):
    rgb = {
        name: Split(np.repeat(split.images, 3, axis=3), split.labels)
        for name, split in scans.splits.items()
    }
    settings = load_settings("paper")
    first, _ = controls.planned(Run(tmp_path), settings, replace(scans, **rgb))
    assert first.dataset.shape == (64, 64, 3)


def test_the_keys_of_the_controls_are_those_of_their_trainings(tmp_path, scans, protocol):
    settings = load_settings("paper", "models=custom-cnn,resnet50-caffe explained_images=4")
    run = Run(tmp_path)
    plans = controls.planned(run, settings, scans)
    assert controls.keys(run, settings, scans) == [
        trainings.key(plan.settings, plan.dataset, MODEL, 0) for plan in plans
    ]
    blood = replace(scans, data_set=data_sets.get("bloodmnist"))
    assert controls.keys(run, settings, blood) == []


def test_shuffled_labels_are_the_training_splits_alone(dataset):
    shuffled = controls.shuffled_labels(dataset, seed=1)
    assert not np.array_equal(shuffled.train.labels, dataset.train.labels)
    np.testing.assert_array_equal(np.sort(shuffled.train.labels), np.sort(dataset.train.labels))
    np.testing.assert_array_equal(shuffled.train.images, dataset.train.images)
    assert shuffled.val is dataset.val
    assert shuffled.test is dataset.test
    prints = {
        dataset.fingerprint,
        shuffled.fingerprint,
        controls.shuffled_labels(dataset, seed=2).fingerprint,
    }
    assert len(prints) == 3


@pytest.mark.parametrize("model", [MODEL, "resnet50"])
def test_another_shuffle_is_another_training(small, dataset, model):
    data = [dataset, *(controls.shuffled_labels(dataset, seed) for seed in (0, 1))]
    keys = [trainings.key(small, each, model, 0) for each in data]
    assert len(set(keys)) == 3
    again = controls.shuffled_labels(dataset, 0)
    assert trainings.key(small, again, model, 0) == keys[1]


def test_a_control_on_a_frozen_base_computes_no_features_anew(
    run, small, dataset, trainings, monkeypatch
):
    monkeypatch.setattr(features, "extract", None)
    shuffled = controls.load_or_train(run, small, dataset, "resnet50").shuffled
    assert shuffled.folder == run.control("shuffled").training("resnet50", 0)
    assert not (run.control("shuffled").folder / "features").exists()


def test_the_control_is_trained_once_on_shuffled_labels(run, small, dataset, trainings):
    control = controls.load_or_train(run, small, dataset, MODEL)
    assert control.trained.folder == trainings[0].folder
    assert control.shuffled.folder != control.trained.folder
    again = controls.load_or_train(run, small, dataset, MODEL)
    assert again.shuffled.provenance == control.shuffled.provenance
    assert dataset.fingerprint == control.phantom.fingerprint
