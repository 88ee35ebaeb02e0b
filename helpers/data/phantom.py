"""Synthetic retinal OCT B-scans with the true lesion of each: the phantom.

The phantom stands in for OCTMNIST where nothing may be downloaded, and it knows what no clinical
data set knows: which pixels are the lesion. It imitates the look of a B-scan, not the physics of
its acquisition, and its lesions are larger and plainer than most patients' are, so that a short
training can learn them. An accuracy reached on the phantom says nothing on patients.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter1d

CLASSES = ("cnv", "dme", "drusen", "normal")
CNV, DME, DRUSEN, NORMAL = range(4)

# Each boundary is named by the layers above and below it (see `draw_phantom` for the names).
BOUNDARIES = (
    "vitreous/rnfl",  # the inner limiting membrane
    "rnfl/gcl",
    "ipl/inl",
    "inl/opl",
    "opl/onl",
    "onl/ez",
    "ez/os",
    "os/rpe",
    "rpe/sub-rpe",
    "sub-rpe/choroid",  # Bruch's membrane
)
ILM, INL_TOP, ONL_TOP, EZ_TOP, EZ_BOTTOM = 0, 2, 4, 5, 6
RPE_TOP, RPE_BOTTOM, BRUCH = 7, 8, 9

LEAST_SIZE = 28
FINE = 128  # side of the grid on which every eye is drawn before it is reduced
BATCH = 128  # eyes drawn at once; fewer are drawn as a whole batch and cut
EARLY_SHARE = 0.05  # of the diseased eyes, with small and faint lesions
AXIAL_SPREAD = 2.5  # fine rows
KNOTS = 20  # control values of a smooth random profile or texture across the grid

# Of a healthy retina away from the fovea, between successive boundaries down to the RPE's end.
THICKNESS = np.array([2.5, 5.0, 2.8, 2.2, 5.2, 1.5, 1.3, 2.8], np.float32)  # fine rows
# Vitreous, the eight layers above, sub-RPE space, choroid; grey levels before gain.
REFLECTIVITY = np.array([1, 88, 68, 50, 68, 38, 118, 74, 168, 84, 84], np.float32)
FLUID, MATERIAL = 3.0, 115.0

ROWS = np.arange(FINE, dtype=np.float32)[:, None] + 0.5
X = np.linspace(-1, 1, FINE, dtype=np.float32)  # lateral position, the scan's centre at 0


@dataclass(frozen=True)
class Phantom:
    """Drawn eyes with their truth.

    Attributes:
        images: uint8 (n, size, size), grey levels 0 to 255.
        lesion_masks: bool (n, size, size), True on lesion pixels; all False for normal eyes.
        boundaries: float32 (n, len(BOUNDARIES), size), the row in pixels at which each boundary
            lies in each column, 0 being the upper edge of the image and `size` its lower edge.
    """

    images: np.ndarray
    lesion_masks: np.ndarray
    boundaries: np.ndarray


class _Lesions(NamedTuple):
    """What disease does to each column: float32 (n, FINE), thicknesses in fine rows."""

    elevation: np.ndarray  # of the RPE above Bruch's membrane
    material: np.ndarray  # hyper-reflective, on the RPE
    fluid: np.ndarray  # between that material and the outer segments
    swelling: np.ndarray  # relative thickening of the neural retina
    disruption: np.ndarray  # 0 to 1, loss of the ellipsoid zone's and the RPE's signal
    severity: np.ndarray  # (n, 1), 1 for most eyes, less for early disease
    centre: np.ndarray  # (n, 1), lateral position
    width: np.ndarray  # (n, 1), half width


def draw_phantom(labels: np.ndarray, size: int, seed: int) -> Phantom:
    """Draw one eye per label.

    Layers follow the IN-OCT consensus (Staurenghi et al. 2014, Ophthalmology 121(8): 1572-1578):
    retinal nerve fibre layer (rnfl), ganglion cell (gcl) and inner plexiform layer (ipl), inner
    nuclear (inl), outer plexiform (opl) and outer nuclear layer (onl), ellipsoid zone (ez),
    outer segments (os), retinal pigment epithelium (rpe), choroid. Speckle is multiplicative
    with exponential intensity (Goodman 1976, J. Opt. Soc. Am. 66(11): 1145-1150), its contrast
    lowered as by averaging frames.

    Args:
        labels: integers (n,), 0 CNV, 1 DME, 2 drusen, 3 normal.
        size: side of the images in pixels, 28 or more; the eyes are the same at every size. Above
            128 px, the grid that they are drawn on, images grow smoother and no finer.
        seed: non-negative; the same seed gives the same bits, and the first k eyes depend on
            the first k labels alone.

    Raises:
        ValueError: `size` is below 28, or a label lies outside 0 to 3.
    """
    labels = np.asarray(labels)
    if size < LEAST_SIZE:
        raise ValueError(f"size must be {LEAST_SIZE} or more, not {size}")
    if labels.ndim != 1 or not np.isin(labels, range(len(CLASSES))).all():
        raise ValueError(f"labels must be a vector of integers from 0 to {len(CLASSES) - 1}")
    # Whole batches only: a shorter last one would draw other random numbers for the same eyes.
    padded = np.pad(labels, (0, BATCH - len(labels) % BATCH))
    batches = [
        _draw_batch(padded[start : start + BATCH], size, np.random.default_rng([seed, start]))
        for start in range(0, len(padded), BATCH)
    ]
    return Phantom(*(np.concatenate(parts)[: len(labels)] for parts in zip(*batches, strict=True)))


def _draw_batch(
    labels: np.ndarray, size: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    lesions = _draw_lesions(labels, rng)
    lines = _draw_boundaries(lesions, rng)
    scene = _paint_layers(lines, lesions, rng)
    mask = _paint_subretinal(scene, lines, lesions)
    mask |= _paint_cysts(scene, lines, lesions, labels == DME, rng)
    scene = _acquire(scene, lines, lesions, rng)
    _pad_white(scene, lines, rng)
    weights = _area_weights(size)
    images = np.rint(weights @ scene.clip(0, 255) @ weights.T).astype(np.uint8)
    masks = _reduce_masks(mask, weights)
    return images, masks, lines @ weights.T * np.float32(size / FINE)


def _uniform(rng: np.random.Generator, low: float, high: float, *shape: int) -> np.ndarray:
    return rng.uniform(low, high, shape or (BATCH, 1)).astype(np.float32)


def _happens(rng: np.random.Generator, probability: float) -> np.ndarray:
    return rng.random((BATCH, 1)) < probability


def _interpolation() -> np.ndarray:
    """Gaussian interpolation from KNOTS control values to FINE samples: float32 (FINE, KNOTS)."""
    knots = np.linspace(-1.1, 1.1, KNOTS)
    weights = np.exp(-0.5 * ((X[:, None] - knots) / (knots[1] - knots[0])) ** 2)
    return (weights / np.linalg.norm(weights, axis=1, keepdims=True)).astype(np.float32)


SMOOTH = _interpolation()


def _smooth_profile(rng: np.random.Generator) -> np.ndarray:
    """Smooth noise across columns: float32 (BATCH, FINE), zero mean, unit variance."""
    return rng.standard_normal((BATCH, KNOTS), np.float32) @ SMOOTH.T


def _dome(centre: np.ndarray, width: np.ndarray) -> np.ndarray:
    """1 at `centre`, falling to 0 at `width` on either side."""
    return (1 - ((X - centre) / width) ** 2).clip(0)


def _bell(centre: np.ndarray, width: np.ndarray | float) -> np.ndarray:
    return np.exp(-0.5 * ((X - centre) / width) ** 2)


def _draw_lesions(labels: np.ndarray, rng: np.random.Generator) -> _Lesions:
    is_cnv, is_dme, is_drusen = (labels[:, None] == label for label in (CNV, DME, DRUSEN))
    centre, width = _uniform(rng, -0.4, 0.4), _uniform(rng, 0.2, 0.6)
    severity = np.where(_happens(rng, EARLY_SHARE), _uniform(rng, 0.3, 0.5), np.float32(1))
    dome = _dome(centre, width)
    rough = dome * (1 + 0.35 * _smooth_profile(rng)).clip(0.5)
    has_material, has_fluid = _happens(rng, 0.75), _happens(rng, 0.45)
    fluid_centre = centre + width * _uniform(rng, -0.5, 0.5)
    pocket = _uniform(rng, 4, 12) * _dome(fluid_centre, width * _uniform(rng, 0.5, 1))
    elevation = is_cnv * _uniform(rng, 5, 20) * rough + is_drusen * _drusen_heights(rng)
    material = is_cnv * has_material * _uniform(rng, 4, 16) * dome
    return _Lesions(
        elevation=severity * elevation,
        material=severity * material,
        fluid=severity * pocket * has_fluid * (is_cnv | is_dme & _happens(rng, 0.5)),
        swelling=severity * is_dme * _uniform(rng, 0.4, 1.7) * _bell(centre, 0.7 * width),
        disruption=severity * is_cnv * np.minimum(1, 2 * dome) * _uniform(rng, 0.4, 0.9),
        severity=severity,
        centre=centre,
        width=width,
    )


def _drusen_heights(rng: np.random.Generator) -> np.ndarray:
    most = 8
    count = rng.integers(4, most + 1, BATCH)
    heights = np.zeros((BATCH, FINE), np.float32)
    for i in range(most):
        dome = _dome(_uniform(rng, -0.8, 0.8), _uniform(rng, 0.07, 0.15))
        heights = np.maximum(heights, _uniform(rng, 5, 10) * dome * (i < count)[:, None])
    return heights


def _draw_boundaries(lesions: _Lesions, rng: np.random.Generator) -> np.ndarray:
    """Rows of the boundaries on the fine grid: float32 (BATCH, len(BOUNDARIES), FINE)."""
    thickness = THICKNESS[:, None] * _uniform(rng, 0.82, 1.18, BATCH, len(THICKNESS), 1)
    thickness = thickness * _uniform(rng, 0.85, 1.15, BATCH, 1, 1)
    thickness = np.repeat(thickness, FINE, axis=2)
    fovea = _uniform(rng, -0.35, 0.35)
    # A scan beside the fovea shows a shallow pit or none.
    depth = _uniform(rng, 0, 1) ** 0.5 * _happens(rng, 0.85)
    pit = 0.95 * depth * _bell(fovea, _uniform(rng, 0.1, 0.2))
    rim = 0.25 * depth * _bell(fovea, 0.45)
    nasal = (1 + rng.choice([-0.7, 0.7], (BATCH, 1)) * X).astype(np.float32)
    thickness[:, :4] *= (1 - pit * (1 + rim) + rim)[:, None]
    thickness[:, 0] *= nasal
    thickness[:, :5] *= (1 + lesions.swelling)[:, None]
    bruch = _uniform(rng, -7, 7) * X + _bowl(rng) * X**2 + 0.5 * _smooth_profile(rng)
    lines = np.empty((BATCH, len(BOUNDARIES), FINE), np.float32)
    lines[:, BRUCH] = bruch
    lines[:, :RPE_BOTTOM] = -np.cumsum(thickness[:, ::-1], axis=1)[:, ::-1]
    lines[:, RPE_BOTTOM] = 0
    lines[:, :BRUCH] += (bruch - lesions.elevation)[:, None]
    subretinal = lesions.material + lesions.fluid
    lines[:, : EZ_BOTTOM + 1] -= subretinal[:, None]
    # The outer nuclear layer gives way, so what lies above it bends less sharply than the RPE.
    sharp = lesions.elevation + subretinal
    lines[:, : ONL_TOP + 1] += (sharp - gaussian_filter1d(sharp, 9, mode="nearest"))[:, None]
    lines = np.minimum.accumulate(lines[:, ::-1], axis=1)[:, ::-1]
    return lines + _vertical_position(lines, rng)


def _bowl(rng: np.random.Generator) -> np.ndarray:
    """Most scans look nearly flat, a few strongly curved, upwards at the edges as a rule."""
    return -4 * rng.standard_exponential((BATCH, 1), np.float32) + 4


def _vertical_position(lines: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    wanted = (0.5 + 0.055 * rng.standard_normal((BATCH, 1, 1), np.float32)) * FINE
    top = lines[:, ILM].min(axis=1)[:, None, None]
    bottom = lines[:, BRUCH].max(axis=1)[:, None, None]
    # Whole retinas only, so that every lesion lies inside the image.
    return np.clip(wanted, 3 - top, FINE - 4 - bottom)


def _below(line: np.ndarray) -> np.ndarray:
    """Share of each fine pixel's axial point spread that lies below a boundary, 0 to 1."""
    share = ROWS / AXIAL_SPREAD - (line / AXIAL_SPREAD - 0.5)[:, None]
    return share.clip(0, 1, out=share)


def _paint_layers(lines: np.ndarray, lesions: _Lesions, rng: np.random.Generator) -> np.ndarray:
    levels = REFLECTIVITY * _uniform(rng, 0.85, 1.15, BATCH, len(REFLECTIVITY))
    levels = np.repeat(levels[:, :, None], FINE, axis=2)
    levels[:, EZ_TOP + 1] -= lesions.disruption * 50
    levels[:, RPE_TOP + 1] *= 1 - 0.35 * lesions.disruption * (_smooth_profile(rng) > 0)
    scene = np.repeat(levels[:, :1], FINE, axis=1)
    for i in range(len(BOUNDARIES)):
        scene += (levels[:, i + 1] - levels[:, i])[:, None] * _below(lines[:, i])
    depth = (ROWS - lines[:, BRUCH, None]).clip(0)
    decay = _uniform(rng, 8, 22, BATCH, 1, 1)
    texture = SMOOTH @ rng.standard_normal((BATCH, KNOTS, KNOTS), np.float32) @ SMOOTH.T
    scene *= np.where(depth > 0, np.exp(-depth / decay) * (1 + 0.22 * texture), 1)
    return scene


def _paint_subretinal(scene: np.ndarray, lines: np.ndarray, lesions: _Lesions) -> np.ndarray:
    """Fill the space between outer segments and RPE; returns its mask with that of elevations."""
    top = lines[:, RPE_TOP] - lesions.material - lesions.fluid
    surface = lines[:, RPE_TOP] - lesions.material
    for start, end, level in ((top, surface, FLUID), (surface, lines[:, RPE_TOP], MATERIAL)):
        inside = _below(start) - _below(end)
        scene += inside * (level - scene)
    lesion = (lesions.elevation + lesions.material + lesions.fluid) > 0.5
    return lesion[:, None] & (ROWS > top[:, None]) & (ROWS < lines[:, BRUCH, None])


def _paint_cysts(
    scene: np.ndarray,
    lines: np.ndarray,
    lesions: _Lesions,
    is_dme: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Darken elliptic cysts in the inner or outer nuclear layer; returns their mask."""
    most = 8
    count = rng.integers(3, most + 1, BATCH) * is_dme
    mask = np.zeros(scene.shape, bool)
    eyes = np.arange(BATCH)
    for i in range(most):
        centre = (lesions.centre + lesions.width * _uniform(rng, -0.9, 0.9)).clip(-0.9, 0.9)
        column = np.rint((centre[:, 0] + 1) / 2 * (FINE - 1)).astype(int)
        layer = rng.choice([INL_TOP, ONL_TOP], BATCH)
        top, bottom = lines[eyes, layer, column], lines[eyes, layer + 1, column]
        height = (lesions.severity * _uniform(rng, 0.6, 1.4) * (bottom - top)[:, None]).clip(1.5)
        width = (lesions.severity * _uniform(rng, 0.08, 0.2)).clip(0.025)
        drawn = np.flatnonzero(i < count)
        across = ((X - centre) / width)[drawn, None]
        down = (ROWS - ((top + bottom) / 2)[:, None, None])[drawn] / height[drawn, None]
        mask[drawn] |= across**2 + down**2 < 1
    mask &= (ROWS > lines[:, ILM, None]) & (ROWS < lines[:, EZ_TOP, None])
    scene[mask] = FLUID
    return mask


def _acquire(
    scene: np.ndarray, lines: np.ndarray, lesions: _Lesions, rng: np.random.Generator
) -> np.ndarray:
    """Shadows, uneven illumination, speckle, gain and noise floor."""
    shadow = np.zeros((BATCH, FINE), np.float32)
    for _ in range(3):
        narrow = _dome(_uniform(rng, -1, 1), _uniform(rng, 0.02, 0.05))
        shadow = np.maximum(shadow, narrow * _uniform(rng, 0.1, 0.5) * _happens(rng, 0.4))
    streaks = 1 + lesions.disruption * 0.6 * _smooth_profile(rng)
    scene *= 1 - shadow[:, None] * _below(lines[:, ILM] + 5)
    scene *= 1 + (streaks.clip(0.5) - 1)[:, None] * _below(lines[:, BRUCH])
    scene *= (1 + 0.08 * _smooth_profile(rng)).clip(0.5)[:, None]
    contrast = _uniform(rng, 0.08, 0.3, BATCH, 1, 1)
    floor = _uniform(rng, 10, 30, BATCH, 1, 1) * (1 - 0.55 * ROWS / FINE)
    gain = np.exp(0.16 * rng.standard_normal((BATCH, 1, 1), np.float32))
    speckle = rng.standard_exponential(scene.shape, np.float32) - 1
    return (gain * scene + floor) * (1 + contrast * speckle)


def _pad_white(scene: np.ndarray, lines: np.ndarray, rng: np.random.Generator) -> None:
    """White wedges above and below the retina, as many of the published scans have them."""
    slant = _uniform(rng, -8, 8) * X
    padded = _happens(rng, 0.38)
    above = np.where(padded, _uniform(rng, -10, 18), -FINE)
    below = np.where(padded, FINE - _uniform(rng, -10, 14), 2 * FINE)
    above = np.minimum(above, (lines[:, ILM] - slant).min(axis=1, keepdims=True) - 6)
    below = np.maximum(below, (lines[:, BRUCH] - slant).max(axis=1, keepdims=True) + 10)
    white = (ROWS < (above + slant)[:, None]) | (ROWS > (below + slant)[:, None])
    scene[white] = 255


def _area_weights(size: int) -> np.ndarray:
    """Share of each fine sample in each pixel's mean: float32 (size, FINE), rows sum to 1."""
    edges = np.arange(size + 1) * FINE / size
    start = np.arange(FINE)
    overlap = np.minimum(edges[1:, None], start + 1) - np.maximum(edges[:-1, None], start)
    return (overlap.clip(0) * size / FINE).astype(np.float32)


def _reduce_masks(mask: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """At least half covered, or covered most: the smallest lesion keeps a pixel."""
    coverage = weights @ mask.astype(np.float32) @ weights.T
    most = coverage.max(axis=(1, 2), keepdims=True)
    return (coverage >= 0.5) | ((coverage == most) & (most > 0))
