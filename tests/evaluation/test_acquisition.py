"""What stretching costs is told from what the images' width has nothing to do with."""

import numpy as np
import pytest

from benchmarks.simulated import calibrated
from helpers.evaluation import acquisition
from helpers.evaluation.acquisition import Acquisition
from helpers.models.trainings import Predictions


def of_labels(rng: np.random.Generator, labels: np.ndarray, skill: float) -> np.ndarray:
    odds = np.exp(skill * (rng.normal(size=(len(labels), 4)) + skill * np.eye(4)[labels]))
    return odds / odds.sum(axis=1, keepdims=True)


def seeds(count: int, skills: dict[str, float], n: int = 2_000):
    """Predictions of `count` seeds and what each gives for the variants, by skill."""
    rng = np.random.default_rng(0)
    (_, val), (_, test) = calibrated(rng, n), calibrated(rng, n)
    predictions, given = [], []
    for _ in range(count):
        by = {name: of_labels(rng, val, skill) for name, skill in skills.items()}
        tested = of_labels(rng, test, skills["stretched"])
        predictions.append(Predictions(by["as they are"], val, tested, test))
        given.append(by)
    return predictions, given


def test_a_gap_made_by_stretching_alone_is_closed_by_it():
    skills = {"as they are": 2, "control": 2, "stretched": 1.3}
    predictions, given = seeds(3, skills)
    gap, by_seed = acquisition.gap(predictions, given)
    assert gap.before.low > 0.05
    assert gap.shape.low > 0.05
    assert gap.left.low < 0 < gap.left.high
    assert gap.before.value == pytest.approx(gap.cost.value + gap.left.value)
    assert gap.cost.value == pytest.approx(gap.control.value + gap.shape.value)
    assert np.mean(by_seed, axis=0) == pytest.approx([gap.before.value, gap.shape.value])


def test_where_the_control_costs_as_much_the_shape_is_not_blamed():
    predictions, given = seeds(5, {"as they are": 2, "control": 1.3, "stretched": 1.3})
    for by in given:  # right on the very same images
        by["stretched"] = by["control"]
    gap, _ = acquisition.gap(predictions, given)
    assert gap.cost.low > 0.05
    assert gap.shape[:3] == (0, None, None)  # paired: no image tells them apart


def test_seeds_that_differ_widen_the_interval():
    skills = {"as they are": 2, "control": 2, "stretched": 1.3}
    predictions, given = seeds(2, skills)
    alike, _ = acquisition.gap([predictions[0]] * 2, [given[0]] * 2)
    (_, other), (_, worse) = seeds(2, skills | {"stretched": 0.5})
    apart, _ = acquisition.gap([predictions[0], other], [given[0], worse])
    widths = [gap.cost.high - gap.cost.low for gap in (alike, apart)]
    assert widths[1] > 2 * widths[0]


def test_recalls_are_means_over_seeds():
    predictions, given = seeds(2, {"as they are": 2, "control": 2, "stretched": 1}, 400)
    recalls = acquisition.recalls(predictions, given, ("a", "b", "c", "d"))
    assert list(recalls) == ["validation", "control", "stretched", "test"]
    labels = predictions[0].val_labels
    right = [each["stretched"].argmax(axis=1) == labels for each in given]
    assert recalls["stretched"]["b"].value == pytest.approx(np.mean(right, 0)[labels == 1].mean())


def test_what_a_model_gives_for_its_own_images_is_what_it_gave(trainings, dataset):
    images = dataset.val.images
    for trained in trainings:
        given = acquisition.probabilities(trained, {"as they are": images, "again": images.copy()})
        assert list(given) == ["as they are", "again"]
        np.testing.assert_allclose(given["again"], given["as they are"], atol=1e-5)


def test_a_run_is_measured_once_and_read_as_it_was(run, small, dataset, trainings):
    found = acquisition.load_or_measure(run, small, dataset)
    assert set(found.gaps) == {trained.model for trained in trainings}
    assert found.widths is None
    assert found.control == "control: blurred"
    assert sum(found.stretched.values()) == len(dataset.val)
    assert acquisition.from_json(acquisition.to_json(found)) == found
    first = run.acquisition.stat().st_mtime_ns
    assert acquisition.load_or_measure(run, small, dataset) == found
    assert run.acquisition.stat().st_mtime_ns == first


def test_shares_of_high_resolution_come_from_the_widths():
    widths = {"train": {"512": 90, "1024": 10}, "test": {"1536": 1}}
    found = Acquisition(widths, {}, "", {}, {}, {}, {})
    assert found.high_resolution == {"train": 0.1, "test": 1.0}
