"""Randomised copies of the two trained models, and stages of any other."""

import keras
import numpy as np
import pytest
from keras import layers

from helpers.heatmaps import randomization
from helpers.models import networks
from helpers.study import architectures

MODELS = ("custom-cnn", "resnet50")

STAGES = (
    ["head", "last_convolution", "block3", "block2", "block1"],
    ["head", "conv5", "conv4", "conv3", "conv2", "conv1"],
)


@pytest.fixture(scope="module", params=[0, 1], ids=MODELS)
def place(request) -> int:
    return request.param


@pytest.fixture(scope="module")
def model(trainings, place):
    return trainings[place].load_model()


def weights_of(model, layers: list[str]) -> list[np.ndarray]:
    return [weight for name in layers for weight in model.get_layer(name).get_weights()]


def differ(first: list[np.ndarray], second: list[np.ndarray]) -> np.ndarray:
    return np.array([not np.array_equal(a, b) for a, b in zip(first, second, strict=True)])


def test_the_stages_run_from_the_head_to_the_image_and_hold_every_weight(model, place):
    stages = randomization.stages(model, MODELS[place])
    assert list(stages) == STAGES[place]
    layers = [name for names in stages.values() for name in names]
    assert sorted(layers) == sorted(layer.name for layer in model.layers if layer.weights)
    assert set(stages["head"]) == {"dense1", "dense1_batch_norm", "dense2", networks.LOGITS}


def test_a_copy_is_random_down_to_its_stage_and_the_original_stays(model, place, dataset):
    stages = randomization.stages(model, MODELS[place])
    before = [weight.copy() for weight in model.get_weights()]
    for stage in STAGES[place][0], STAGES[place][2], STAGES[place][-1]:
        copy = randomization.randomized(model, MODELS[place], stage)
        down_to = STAGES[place].index(stage)
        for depth, names in enumerate(stages.values()):
            # An adapter that replicates the grey channel is a constant, which nothing trained.
            kernels = [name for name in names if "conv" in name or "dense" in name]
            kernels = [name for name in kernels if not name.endswith(("_norm", "_bn"))]
            changed = differ(weights_of(model, names), weights_of(copy, names))
            assert changed.any() == (depth <= down_to), (stage, depth)
            for name in kernels if depth <= down_to else []:
                assert differ(weights_of(model, [name]), weights_of(copy, [name]))[0], name
    assert not differ(before, model.get_weights()).any()
    images = dataset.test.images[:4]
    probabilities = copy(images, training=False)
    assert np.isfinite(probabilities).all()
    assert not np.allclose(probabilities, model(images, training=False))


def test_batch_norm_forgets_its_statistics(trainings):
    model = trainings[0].load_model()
    copy = randomization.randomized(model, MODELS[0], "head")
    *_, moving_mean, moving_variance = copy.get_layer("dense1_batch_norm").get_weights()
    assert not moving_mean.any()
    assert (moving_variance == 1).all()


def test_a_stage_is_drawn_alike_by_the_same_seed_only(trainings):
    model = trainings[0].load_model()
    head = randomization.stages(model, MODELS[0])["head"]
    first = weights_of(randomization.randomized(model, MODELS[0], "head", seed=3), head)
    deeper = weights_of(randomization.randomized(model, MODELS[0], "block1", seed=3), head)
    other = weights_of(randomization.randomized(model, MODELS[0], "head", seed=4), head)
    assert not differ(first, deeper).any()
    assert differ(first, other).any()


def test_the_weights_that_a_training_began_with_do_not_come_back(small):
    began = networks.build(MODELS[0], small, (28, 28, 1), classes=4, seed=0)
    copy = randomization.randomized(began, MODELS[0], "block1", seed=0)
    kernels = [layer.name for layer in began.layers if hasattr(layer, "kernel")]
    for name in kernels:
        assert differ(weights_of(began, [name]), weights_of(copy, [name]))[0], name


def test_an_unknown_stage_is_refused(trainings):
    with pytest.raises(ValueError, match="conv9"):
        randomization.randomized(trainings[0].load_model(), MODELS[0], "conv9")


def staged(*names: str) -> keras.Model:
    """A small flat network whose layers bear these names, up to the pooled features."""
    images = x = keras.Input((8, 8, 1), name="images")
    for name in names:
        x = layers.Conv2D(2, 1, name=name)(x)
    x = layers.GlobalAveragePooling2D(name=networks.FEATURES)(x)
    return keras.Model(images, layers.Dense(2, name=networks.LOGITS)(x))


@pytest.fixture
def other(monkeypatch) -> str:
    """A registered architecture whose stages are named otherwise than the report's models'."""
    entry = architectures.Architecture(
        name="other",
        title="another",
        colour="#000000",
        chapter="02-custom-cnn",
        learning_rate=1e-3,
        stages=r"stem|part\d",
        blocks=(),
        counted_by=(),
        build="",
    )
    monkeypatch.setattr(architectures, "_REGISTRY", architectures._REGISTRY | {"other": entry})
    return entry.name


def test_the_registry_says_what_the_stages_are(other):
    network = staged("to_rgb", "stem_in", "part1_a", "part1_b", "part2_a")
    assert randomization.stages(network, other) == {
        "head": [networks.LOGITS],
        "part2": ["part2_a"],
        "part1": ["part1_b", "part1_a"],
        "stem": ["stem_in", "to_rgb"],  # what stands before the first belongs to it
    }


@pytest.mark.parametrize("names", [("stem", "part1", "top"), ("stem", "top", "part1")])
def test_a_layer_that_belongs_to_no_stage_is_named(other, names):
    with pytest.raises(ValueError, match="other: layer top belongs to no stage"):
        randomization.stages(staged(*names), other)


def test_a_network_without_any_stage_is_refused(other):
    with pytest.raises(ValueError, match="no layer's name begins with a stage"):
        randomization.stages(staged("top"), other)
