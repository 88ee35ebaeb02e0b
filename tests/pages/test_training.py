"""Chapters that train: their tables and the branches of their sentences."""

import pytest

from helpers.models import networks
from helpers.pages import training as page
from helpers.pages.study import Study
from helpers.study.runs import Run
from helpers.study.settings import load_settings

STATED = 1_847_236


def test_a_chapter_without_models_says_so():
    settings = load_settings("demo", "models=custom-cnn")
    assert page.absence((), settings) == (
        "This run has no model of this chapter: models=custom-cnn."
    )
    assert page.absence(("custom-cnn",), settings) == ""


def test_a_network_is_told_in_blocks(overlaps):
    settings = load_settings("demo")
    network = networks.build("custom-cnn", settings, (28, 28, 1), 4, seed=0)
    blocks = {block.name: block for block in page.blocks(network)}
    assert list(blocks) == [
        *("image, divided by 255", "step 1", "step 2", "step 3", "last convolution"),
        *("average over the map", "dense 1", "dense 2", "classes"),
    ]
    # By hand: two convolutions of 3 x 3 on 1 and 32 channels, and four numbers a filter.
    assert blocks["step 1"].weights == 9 * 32 + 32 + 4 * 32 + 9 * 32 * 32 + 32
    assert blocks["dense 1"].weights == 256 * 512 + 512 + 4 * 512
    assert blocks["step 3"].output == "3 × 3 × 128"
    assert sum(block.weights for block in blocks.values()) == network.count_params() == 849_508
    assert not overlaps(page.network(network))


def test_weights_are_compared_with_the_report(images):
    paper, dataset = load_settings("paper"), images()
    said = page.stated_weights(paper, dataset, "custom-cnn", 849_508)
    assert said == (
        "The report states 1,847,236 weights for the custom CNN; the layers that it lists have "
        "849,508. Stated are 997,728 more: 2.17 times as many."
    )
    fewer = page.stated_weights(paper, dataset, "resnet50", 24_771_210)
    assert fewer.endswith("24,771,210. Stated are 133,382 fewer: 0.995 times as many.")
    assert page.stated_weights(paper, dataset, "custom-cnn", STATED).endswith("have as many.")
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


def test_a_training_is_told_and_drawn(images, trained, overlaps):
    first = trained(images())
    said = page.outcome(first)
    assert "After the last epoch (3) training accuracy was 0.750" in said
    assert "From here on we use epoch 2, the best on validation, with 0.700" in said
    assert said.endswith("Training took 12 s on a machine.")
    assert not overlaps(page.training_curves([first, trained(images(), seed=1)]))


def test_seeds_stand_in_a_table_where_there_are_some(images, trained):
    both = [trained(images()), trained(images(), seed=1)]
    table = page.seeds_table(both)
    assert table.loc[("the custom CNN", 1), "epoch kept"] == "2 of 3"
    assert table.loc[("the custom CNN", 1), "accuracy"] == "70.0 %"
    assert page.seeds_table(both[:1]) is None
    assert page.seeds_table([]) is None


def test_validation_accuracy_is_told_over_seeds(images, trained):
    first = trained(images())
    assert page.validated([first]) == (
        "The custom CNN reaches 70.0 % on validation images, with one seed."
    )
    other = trained(images(), seed=1)
    other.history["val_accuracy"] += 0.1
    assert page.validated([first, other]) == (
        "The custom CNN reaches 75.0 % on validation images, the mean of two seeds (70.0 to 80.0 "
        "%)."
    )


def test_a_chapter_finds_its_own_models_alone(run, small, dataset, trainings):
    told = page.findings(Study(small, dataset, run), "02-custom-cnn")
    assert len(told) == 2
    assert "849,508" in told[0]
    assert told[1].startswith("The custom CNN reaches")
    elsewhere = Run(run.folder / "elsewhere")
    assert page.findings(Study(small, dataset, elsewhere), "02-custom-cnn") == []
