"""The phantom: reproducible, anatomically ordered, like OCT in its statistics, not trivial."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import binary_dilation
from sklearn.linear_model import LogisticRegression

from helpers.data.phantom import BOUNDARIES, CLASSES, Phantom, draw_phantom

CNV, DME, DRUSEN, NORMAL = range(4)
TRAIN_COUNTS = np.array([33484, 10213, 7754, 46026])  # of OCTMNIST's training split, by class
OCTMNIST_MINI = Path(__file__).resolve().parents[3] / "shared" / "octmnist-mini"


def in_class_ratio(n: int) -> np.ndarray:
    shares = np.cumsum(TRAIN_COUNTS) / TRAIN_COUNTS.sum()
    return np.searchsorted(shares, (np.arange(n) + 0.5) / n)


def levels_between(phantom: Phantom, upper: str, lower: str) -> np.ndarray:
    """Each eye's mean grey level of pixels whose centres lie between two boundaries."""
    rows = np.arange(phantom.images.shape[1])[:, None] + 0.5
    top, bottom = (phantom.boundaries[:, BOUNDARIES.index(name), None] for name in (upper, lower))
    inside = (rows > top) & (rows < bottom)
    return np.where(inside, phantom.images, 0).sum(axis=(1, 2)) / inside.sum(axis=(1, 2))


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    return np.arange(400) % len(CLASSES)


@pytest.fixture(scope="module")
def small(labels: np.ndarray) -> Phantom:
    return draw_phantom(labels, 28, seed=1)


@pytest.fixture(scope="module")
def large(labels: np.ndarray) -> Phantom:
    return draw_phantom(labels, 64, seed=1)


def test_same_seed_gives_the_same_bits_and_another_seed_does_not(labels, small):
    again = draw_phantom(labels, 28, seed=1)
    for name in ("images", "lesion_masks", "boundaries"):
        assert np.array_equal(getattr(again, name), getattr(small, name))
    assert not np.array_equal(draw_phantom(labels, 28, seed=2).images, small.images)


def test_first_eyes_do_not_depend_on_how_many_follow(labels, small):
    assert np.array_equal(draw_phantom(labels[:150], 28, seed=1).images, small.images[:150])


@pytest.mark.parametrize("size", [28, 33, 64, 128, 224])
def test_shapes_and_dtypes(size):
    phantom = draw_phantom(np.array([0, 1, 2, 3, 3], np.uint8), size, seed=0)
    assert phantom.images.shape == phantom.lesion_masks.shape == (5, size, size)
    assert phantom.boundaries.shape == (5, len(BOUNDARIES), size)
    dtypes = phantom.images.dtype, phantom.lesion_masks.dtype, phantom.boundaries.dtype
    assert dtypes == (np.uint8, np.bool_, np.float32)


def test_no_labels_give_no_eyes():
    assert draw_phantom(np.array([], int), 28, seed=0).images.shape == (0, 28, 28)


@pytest.mark.parametrize("name", ["small", "large"])
def test_mask_is_empty_exactly_for_normal_eyes(name, labels, request):
    masks = request.getfixturevalue(name).lesion_masks
    assert np.array_equal(masks.any(axis=(1, 2)), labels != NORMAL)
    assert masks.mean(axis=(1, 2)).max() < 0.3


def test_the_largest_size_shows_the_same_eyes_as_the_grid_that_they_are_drawn_on():
    grid, larger = (draw_phantom(np.arange(8) % 4, size, seed=1) for size in (128, 224))
    for fine, coarse in zip(larger.images, grid.images, strict=True):
        again = np.asarray(Image.fromarray(fine).resize((128, 128), Image.Resampling.BOX))
        assert np.corrcoef(again.ravel(), coarse.ravel())[0, 1] > 0.97


def test_lesions_lie_within_the_retina_or_below_its_pigment_epithelium(large):
    rows = np.arange(64)[:, None]
    top, bottom = large.boundaries[:, 0, None], large.boundaries[:, -1, None]
    assert not (large.lesion_masks & ((rows + 1 < top) | (rows > bottom))).any()


@pytest.mark.parametrize("name", ["small", "large"])
def test_boundaries_are_ordered_and_inside_the_image(name, request):
    lines = request.getfixturevalue(name).boundaries
    size = lines.shape[2]
    assert (np.diff(lines, axis=1) >= -1e-3).all()
    assert lines.min() >= 0 and lines.max() <= size
    thickness = (lines[:, -1] - lines[:, 0]).mean(axis=1) / size
    assert 0.1 < thickness.min() and thickness.max() < 0.5


def test_layers_of_normal_eyes_have_their_reflectivity(labels, large):
    normal = Phantom(*(part[labels == NORMAL] for part in vars(large).values()))
    epithelium = levels_between(normal, "os/rpe", "rpe/sub-rpe")
    outer_nuclear = levels_between(normal, "opl/onl", "onl/ez")
    nerve_fibres = levels_between(normal, "vitreous/rnfl", "rnfl/gcl")
    assert (epithelium > 1.3 * outer_nuclear).all()
    assert (nerve_fibres > outer_nuclear).mean() > 0.9


def test_both_sizes_show_the_same_eyes(small, large):
    edges = np.linspace(0, 64, 29)
    pixel = np.arange(64)
    overlap = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    weights = overlap.clip(0) * 28 / 64
    reduced = weights @ large.images.astype(float) @ weights.T
    for a, b in zip(reduced, small.images, strict=True):
        assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.98


def test_cysts_are_darker_than_the_tissue_around_them(labels, large):
    images, masks = large.images[labels == DME], large.lesion_masks[labels == DME]
    ring = binary_dilation(masks, np.ones((1, 3, 3)), iterations=2) & ~binary_dilation(
        masks, np.ones((1, 3, 3))
    )
    inside = np.array([image[mask].mean() for image, mask in zip(images, masks, strict=True)])
    around = np.array([image[mask].mean() for image, mask in zip(images, ring, strict=True)])
    assert (inside < around).mean() > 0.95


def test_grey_levels_resemble_real_scans():
    path = OCTMNIST_MINI / "octmnist_mini.npz"
    if not path.exists():
        pytest.skip("octmnist-mini is not beside the project")
    real = np.load(path)["train_images"]
    drawn = draw_phantom(in_class_ratio(1500), 28, seed=0).images
    assert drawn.mean() == pytest.approx(real.mean(), rel=0.1)
    assert drawn.std() == pytest.approx(real.std(), rel=0.1)


def test_pixels_and_overall_brightness_do_not_give_the_class_away(labels, small):
    train = draw_phantom(np.arange(1200) % len(CLASSES), 28, seed=3)

    def accuracy(features) -> float:
        model = LogisticRegression(max_iter=300, tol=1e-2)
        model.fit(features(train.images), np.arange(1200) % len(CLASSES))
        return model.score(features(small.images), labels)

    pixels = accuracy(lambda images: images.reshape(len(images), -1) / 255)
    brightness = accuracy(lambda images: images.mean(axis=(1, 2))[:, None] / 50)
    assert 0.28 < pixels < 0.75
    assert brightness < 0.4


@pytest.mark.parametrize("size", [0, 27])
def test_smaller_sizes_are_refused(size):
    with pytest.raises(ValueError, match="size"):
        draw_phantom(np.array([0]), size, seed=0)


@pytest.mark.parametrize("labels", [[4], [-1], [[0, 1]]])
def test_other_labels_are_refused(labels):
    with pytest.raises(ValueError, match="labels"):
        draw_phantom(np.array(labels), 28, seed=0)
