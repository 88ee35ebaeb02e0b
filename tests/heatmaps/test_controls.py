"""Randomised copies of the two trained models, and shuffled labels."""

import numpy as np
import pytest

from helpers import models, randomization

STAGES = (
    ["head", "last_convolution", "block3", "block2", "block1"],
    ["head", "conv5", "conv4", "conv3", "conv2", "conv1"],
)


@pytest.fixture(scope="module", params=[0, 1], ids=["custom-cnn", "resnet50"])
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
    stages = randomization.stages(model)
    assert list(stages) == STAGES[place]
    layers = [name for names in stages.values() for name in names]
    assert sorted(layers) == sorted(layer.name for layer in model.layers if layer.weights)
    assert set(stages["head"]) == {"dense1", "dense1_batch_norm", "dense2", models.LOGITS}


def test_a_copy_is_random_down_to_its_stage_and_the_original_stays(model, place, dataset):
    stages = randomization.stages(model)
    before = [weight.copy() for weight in model.get_weights()]
    for stage in STAGES[place][0], STAGES[place][2], STAGES[place][-1]:
        copy = randomization.randomized(model, stage)
        down_to = STAGES[place].index(stage)
        for depth, layers in enumerate(stages.values()):
            # An adapter that replicates the grey channel is a constant, which nothing trained.
            kernels = [name for name in layers if "conv" in name or "dense" in name]
            kernels = [name for name in kernels if not name.endswith(("_norm", "_bn"))]
            changed = differ(weights_of(model, layers), weights_of(copy, layers))
            assert changed.any() == (depth <= down_to), (stage, depth)
            for name in kernels if depth <= down_to else []:
                assert differ(weights_of(model, [name]), weights_of(copy, [name]))[0], name
    assert not differ(before, model.get_weights()).any()
    images = dataset.test.images[:4, ..., None]
    probabilities = copy(images, training=False)
    assert np.isfinite(probabilities).all()
    assert not np.allclose(probabilities, model(images, training=False))


def test_batch_norm_forgets_its_statistics(trainings):
    model = trainings[0].load_model()
    copy = randomization.randomized(model, "head")
    *_, moving_mean, moving_variance = copy.get_layer("dense1_batch_norm").get_weights()
    assert not moving_mean.any()
    assert (moving_variance == 1).all()


def test_a_stage_is_drawn_alike_by_the_same_seed_only(trainings):
    model = trainings[0].load_model()
    head = randomization.stages(model)["head"]
    first = weights_of(randomization.randomized(model, "head", seed=3), head)
    deeper = weights_of(randomization.randomized(model, "block1", seed=3), head)
    other = weights_of(randomization.randomized(model, "head", seed=4), head)
    assert not differ(first, deeper).any()
    assert differ(first, other).any()


def test_the_weights_that_a_training_began_with_do_not_come_back(small):
    began = models.build("custom-cnn", small, size=28, classes=4, seed=0)
    copy = randomization.randomized(began, "block1", seed=0)
    kernels = [layer.name for layer in began.layers if hasattr(layer, "kernel")]
    for name in kernels:
        assert differ(weights_of(began, [name]), weights_of(copy, [name]))[0], name


def test_an_unknown_stage_is_refused(trainings):
    with pytest.raises(ValueError, match="conv9"):
        randomization.randomized(trainings[0].load_model(), "conv9")


def test_shuffled_labels_are_the_training_splits_alone(dataset):
    shuffled = randomization.shuffled_labels(dataset, seed=1)
    assert not np.array_equal(shuffled.train.labels, dataset.train.labels)
    np.testing.assert_array_equal(np.sort(shuffled.train.labels), np.sort(dataset.train.labels))
    np.testing.assert_array_equal(shuffled.train.images, dataset.train.images)
    assert shuffled.val is dataset.val
    assert shuffled.test is dataset.test
    found = {
        dataset.fingerprint,
        shuffled.fingerprint,
        randomization.shuffled_labels(dataset, seed=2).fingerprint,
    }
    assert len(found) == 3
