"""AUC from ranks: scikit-learn's on any resample, with and without ties."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from benchmarks.simulated import draw
from helpers.evaluation import measures, metrics


def simulated(images: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    labels = np.arange(images) % classes
    return draw(np.random.default_rng(0), labels, skill=2, classes=classes), labels


def resampled(
    probabilities: np.ndarray, labels: np.ndarray, resamples: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Each class's areas (resamples, classes), and the pooled ones (resamples,)."""
    classes = tuple(map(str, range(probabilities.shape[1])))
    drawn = metrics.resampled(probabilities, labels, classes, resamples)
    return np.stack([drawn[f"auc/{name}"] for name in classes], axis=1), drawn["auc/micro"]


@pytest.mark.parametrize("decimals", [8, 1], ids=["no ties", "ties"])
@pytest.mark.parametrize("classes", [2, 3, 11])
def test_areas_are_scikit_learns_on_each_resample(decimals, classes):
    probabilities, labels = simulated(150, classes)
    probabilities = probabilities.round(decimals)
    resamples = measures.draw_weights(labels, 4)
    by_class, pooled = resampled(probabilities, labels, resamples)
    one_hot = np.eye(classes)[labels]
    for place, row in enumerate(resamples):
        drawn = np.repeat(np.arange(150), row.astype(int))
        for average, values in (
            (None, by_class[place]),
            ("micro", pooled[place]),
        ):
            expected = roc_auc_score(one_hot[drawn], probabilities[drawn], average=average)
            np.testing.assert_allclose(values, expected, atol=1e-12)


def test_a_class_without_images_has_no_area():
    probabilities, labels = simulated(40, 3)
    resamples = measures.everything(40)
    by_class, pooled = resampled(probabilities, labels % 2, resamples)
    assert np.isnan(by_class).tolist() == [[False, False, True]]
    one_hot = np.eye(3)[labels % 2]
    assert pooled[0] == pytest.approx(roc_auc_score(one_hot.ravel(), probabilities.ravel()))


def test_blocks_change_no_area(monkeypatch):
    probabilities, labels = simulated(60, 4)
    resamples = measures.draw_weights(labels, 100)
    before = resampled(probabilities, labels, resamples)
    monkeypatch.setattr(measures, "CELLS", 1)
    for one, other in zip(before, resampled(probabilities, labels, resamples), strict=True):
        np.testing.assert_array_equal(one, other)
