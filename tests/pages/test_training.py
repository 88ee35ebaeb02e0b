"""Chapters that train: their tables and the branches of their sentences."""

import keras
import pytest

from helpers.pages import training as page
from helpers.study.settings import load_settings

STATED = 1_847_236


def test_a_chapter_without_models_says_so():
    settings = load_settings("demo", "models=custom-cnn")
    assert page.absence((), settings) == (
        "This run has no model of this chapter: models=custom-cnn."
    )
    assert page.absence(("custom-cnn",), settings) == ""


def test_layers_are_told():
    network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="dense")])
    row = page.layer_table(network).loc["dense"]
    assert row.tolist() == ["Dense", "3", 15]


def test_weights_are_compared_with_the_report(images):
    paper, dataset = load_settings("paper"), images()
    said = page.stated_weights(paper, dataset, "custom-cnn", 849_508)
    assert said == (
        "The report states 1,847,236. The layers that it lists have 849,508: a difference of "
        "+997,728."
    )
    assert page.stated_weights(paper, dataset, "custom-cnn", STATED).endswith("the same.")
    assert page.stated_weights(paper, dataset, "resnet50-caffe", 1) == ""


@pytest.mark.parametrize(
    ("data_set", "overrides"), [("octmnist", "dense_units=[8,8]"), ("bloodmnist", "")]
)
def test_another_network_is_not_compared(images, data_set, overrides):
    settings = load_settings("paper", overrides)
    said = page.stated_weights(settings, images(data_set), "custom-cnn", 7)
    assert said.endswith("isn't the one that it lists, by its settings or its images, and has 7.")


def test_colours_are_handed_on_or_mixed(images):
    learned, fixed = load_settings("paper"), load_settings("paper", "adapter=replicate")
    assert page.colour_channels(learned, images()) == ""
    blood = images("bloodmnist")
    assert "is trained to mix them (`adapter: learned`)" in page.colour_channels(learned, blood)
    assert "hands them on (`adapter: replicate`)" in page.colour_channels(fixed, blood)


def test_the_protocol_is_the_settings():
    said = page.protocol(load_settings("paper", "optimizer=sgd epochs=7"), "resnet50")
    assert said.startswith("SGD with a learning rate of 0.0001")
    assert "batches of 32, at most 7 epochs" in said
    assert "multiplied by 0.5; after 10 training stops" in said


def test_a_training_is_told_and_drawn(images, trained):
    first = trained(images())
    said = page.outcome(first)
    assert "After the last epoch (3) training accuracy was 0.750" in said
    assert "Judged from here on is epoch 2, the best on validation, with 0.700" in said
    assert "took 12 s on a machine" in said
    assert "849,508 weights, of which training changes 847,524" in said
    assert len(page.training_curves(first).axes) == 2


def test_seeds_stand_in_a_table(images, trained):
    table = page.seeds_table([trained(images()), trained(images(), seed=1)])
    assert table.loc[("custom-cnn", 1), "judged epoch"] == 2
    assert page.seeds_table([]) is None
