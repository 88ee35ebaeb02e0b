"""Ten attribution methods with one signature: a probe, images and classes in, maps out.

Images are uint8 (n, height, width, channels), grey or RGB; classes int (n,). Explained is the logit
of an image's class, never its probability, which depends on all the other logits. `calls`, 4 and
above, is about how often the model may be called for an image; methods that need a single call
ignore it, and LIME and SHAP, whose maps settle late, take `SAMPLING` times as many.

Maps are float32 (n, height, width), 0 to 1, each divided by its maximum; one that is the
same everywhere, and so points nowhere, is all 0.
"""

from collections.abc import Callable, Mapping
from functools import partial

from helpers.models.backend import keras  # noqa: F401, before tf-keras-vis imports it

# isort: split
import numpy as np
import shap
import tensorflow as tf
from lime.lime_image import LimeImageExplainer
from scipy.ndimage import gaussian_filter
from scipy.special import softmax
from sklearn.metrics import pairwise_distances
from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
from tqdm import tqdm

from helpers.heatmaps import maps as heatmaps
from helpers.heatmaps.controls import GRAD_CAM, SAMPLING
from helpers.heatmaps.maps import scaled_up, share
from helpers.heatmaps.probe import BATCH, Probe
from helpers.models import networks

Method = Callable[[Probe, np.ndarray, np.ndarray, int], np.ndarray]
Maps = dict[str, np.ndarray]  # by method

CAM_BATCH = 1024  # activations of all of a large set's images wouldn't fit into memory
BASELINE_BLUR = 1 / 8  # standard deviation as a share of the image's height
# Changes of a logit below this share of it are rounding errors of float32, not evidence.
ROUNDING = 1e-5
SEED = 0
# Of LIME, a side: with 7 two draws of 252 samples agree by 0.56, and of 2,016 by 0.85.
SEGMENTS = 4


def grad_cam_cells(
    probe: Probe, images: np.ndarray, classes: np.ndarray, layer: str | None = None
) -> np.ndarray:
    """Grad-CAM's maps (`maps.grad_cam`) on their own grid: float32 (n, map_height, map_width).

    Of a layer, by default the target: the last ReLU, whose output the pooled features average.
    """
    inside = probe.inside(layer or probe.target, images, classes)
    return np.concatenate([heatmaps.grad_cam(*batch) for batch in inside])


def grad_cam_plus_plus_cells(probe: Probe, images: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Grad-CAM++ (Chattopadhay et al. 2018) of the target, by tf-keras-vis, as `grad_cam_cells`.

    Where pooling averages the target, the gradient is the same in every cell, and LayerCAM of that
    layer would be the same map.
    """
    draw = GradcamPlusPlus(probe.tail, clone=False)
    drawn = []
    for start in range(0, len(images), CAM_BATCH):
        batch = slice(start, start + CAM_BATCH)
        cells = draw(
            partial(_without_value, classes[batch]),
            probe.activations(images[batch]),
            penultimate_layer=networks.TARGET,
            seek_penultimate_conv_layer=False,
            expand_cam=False,
            normalize_cam=False,
        )
        drawn.append(np.asarray(cells))
    return np.concatenate(drawn)


def grad_cam(probe: Probe, images: np.ndarray, classes: np.ndarray, calls: int) -> np.ndarray:
    """`grad_cam_cells`, scaled up."""
    return _finished(grad_cam_cells(probe, images, classes), images)


def grad_cam_plus_plus(
    probe: Probe, images: np.ndarray, classes: np.ndarray, calls: int
) -> np.ndarray:
    """`grad_cam_plus_plus_cells`, scaled up."""
    return _finished(grad_cam_plus_plus_cells(probe, images, classes), images)


def layer_cam(probe: Probe, images: np.ndarray, classes: np.ndarray, calls: int) -> np.ndarray:
    """LayerCAM (`maps.layer_cam`) of a layer with more cells than the last (`Probe.finer`)."""
    inside = probe.inside(probe.finer, images, classes)
    return _finished(np.concatenate([heatmaps.layer_cam(*batch) for batch in inside]), images)


def score_cam(probe: Probe, images: np.ndarray, classes: np.ndarray, calls: int) -> np.ndarray:
    """Score-CAM (Wang et al. 2020, algorithm 1), scaled up: filters weighted without gradients.

    Each filter's activations, scaled to [0, 1], mask the image; its weight is the softmax over the
    filters of what the logit then is. Of ResNet50's 2,048 filters only those of the highest
    variance over the image are tried, `calls` of them and at most 64.
    """
    tried = min(calls, 64)
    maps = []
    for start in range(0, len(images), BATCH):
        batch = slice(start, start + BATCH)
        filters = np.moveaxis(probe.activations(images[batch]), -1, 1)
        order = np.argsort(-filters.var(axis=(2, 3)), axis=1, kind="stable")[:, :tried]
        filters = np.take_along_axis(filters, order[..., None, None], axis=1)
        n, count, *grid = filters.shape
        large = scaled_up(filters.reshape(-1, *grid), images.shape[1])
        above = large - large.min(axis=(1, 2), keepdims=True)
        masks = share(above, above.max(axis=(1, 2), keepdims=True))
        masks = masks.reshape(n, count, *images.shape[1:3])
        black = np.zeros((n, images.shape[3]))
        changes = _changes(probe, images[batch], classes[batch], masks, fill=black)
        maps.append(np.einsum("nk,nkhw->nhw", softmax(changes, axis=1), filters))
    return _finished(np.concatenate(maps), images)


def saliency(probe: Probe, images: np.ndarray, classes: np.ndarray, calls: int) -> np.ndarray:
    """The absolute gradient of the logit by each pixel (Simonyan et al. 2014).

    Of an RGB pixel, like theirs, the highest over its channels.
    """
    return _finished(np.abs(probe.gradient(images, classes)).max(axis=3), images)


def smooth_grad(probe: Probe, images: np.ndarray, classes: np.ndarray, calls: int) -> np.ndarray:
    """The absolute mean gradient over noisy copies of the image (Smilkov et al. 2017).

    The noise is normal, its standard deviation 15 % of the image's range (the paper: 10 to 20 %);
    every image gets the same draws, whatever stands beside it. Channels as in `saliency`.
    """
    rng = np.random.default_rng(SEED)
    spread = 0.15 * np.ptp(images, axis=(1, 2, 3), keepdims=True)
    total = np.zeros(images.shape)
    for _ in range(calls):
        noise = rng.normal(size=images.shape[1:])
        total += probe.gradient(images + spread * noise, classes)
    return _finished(np.abs(total).max(axis=3), images)


def integrated_gradients(
    probe: Probe, images: np.ndarray, classes: np.ndarray, calls: int
) -> np.ndarray:
    """Integrated gradients (Sundararajan et al. 2017, equation 1), negative evidence cut to 0.

    The baseline is the image itself, heavily blurred: from a black one a black pixel gets nothing
    by construction, and the fluid that an ophthalmologist looks for is dark. The integral is
    summed by the midpoint rule, a pixel's evidence over its channels.
    """
    sigma = BASELINE_BLUR * images.shape[1]
    baseline = gaussian_filter(images.astype(np.float64), sigma, axes=(1, 2))
    total = np.zeros(images.shape)
    for step in range(calls):
        along = (step + 0.5) / calls
        total += probe.gradient(baseline + along * (images - baseline), classes)
    return _finished(((images - baseline) * total).sum(axis=3), images)


def occlusion(probe: Probe, images: np.ndarray, classes: np.ndarray, calls: int) -> np.ndarray:
    """By how much the logit falls when a patch is hidden (Zeiler and Fergus 2014), scaled up.

    The patches are the cells of a square grid of about `calls` and are filled with the
    image's mean of each channel; where the logit rises the map is 0.
    """
    side = _occlusion_side(calls)
    masks = np.arange(side**2)[:, None, None] != _grid(images, side)
    changes = _changes(probe, images, classes, masks, fill=images.mean(axis=(1, 2)))
    return _finished(-changes.reshape(-1, side, side), images)


def lime(
    probe: Probe, images: np.ndarray, classes: np.ndarray, calls: int, seed: int = SEED
) -> np.ndarray:
    """LIME (Ribeiro et al. 2016), scaled up: a local linear model of what each segment adds.

    The lime package fits the model; the samples are drawn here, since it draws a progress bar for
    each image. Segments are the cells of a grid of `SEGMENTS` a side; a hidden one is filled with
    the image's mean of each channel, and a negative coefficient is cut to 0.
    """
    side = SEGMENTS
    shown = np.random.default_rng(seed).integers(2, size=(SAMPLING["LIME"] * calls, side**2))
    shown[0] = 1  # lime takes the first sample for the image itself
    masks = shown[:, _grid(images, side)]
    distances = pairwise_distances(shown, shown[:1], metric="cosine").ravel()
    explainer = LimeImageExplainer(feature_selection="none", random_state=seed).base
    maps = []
    # One by one: the samples of all images wouldn't fit into memory.
    for image, target in zip(images[:, None], classes[:, None], strict=True):
        (change,) = _changes(probe, image, target, masks, fill=image.mean(axis=(1, 2)))
        _, coefficients, _, _ = explainer.explain_instance_with_data(
            shown, change[:, None], distances, label=0, num_features=side**2
        )
        maps.append([coefficient for _, coefficient in sorted(coefficients)])  # by segment
    return _finished(np.reshape(maps, (-1, side, side)), images)


def shap_values(probe: Probe, images: np.ndarray, classes: np.ndarray, calls: int) -> np.ndarray:
    """SHAP (Lundberg and Lee 2017) by the shap package's PartitionExplainer.

    It halves the image again and again where most is to be shared out, and gives each part its
    Owen value, the Shapley value under that hierarchy. A hidden part is filled with the image's
    mean of each channel; values are summed over a pixel's channels, and negative sums cut to 0.
    shap's GradientExplainer needs images of reference, which this signature doesn't have, and is
    integrated gradients without them.
    """
    maps = []
    for image, target in zip(images, classes[:, None], strict=True):
        whole = probe.logit(image[None], target)
        masker = shap.maskers.Image(np.full(image.shape, image.mean(axis=(0, 1))))
        explainer = shap.PartitionExplainer(partial(_masked_change, probe, target, whole), masker)
        explanation = explainer(
            image[None].astype(np.float32),
            max_evals=SAMPLING["SHAP"] * calls,
            batch_size=BATCH,
            silent=True,
        )
        maps.append(explanation.values.reshape(image.shape).sum(axis=2))
    return _finished(np.stack(maps), images)


METHODS: dict[str, Method] = {
    GRAD_CAM: grad_cam,
    "Grad-CAM++": grad_cam_plus_plus,
    "LayerCAM": layer_cam,
    "Score-CAM": score_cam,
    "saliency": saliency,
    "SmoothGrad": smooth_grad,
    "integrated gradients": integrated_gradients,
    "occlusion": occlusion,
    "LIME": lime,
    "SHAP": shap_values,
}


def every_map(
    probe: Probe,
    images: np.ndarray,
    classes: np.ndarray,
    calls: int,
    counts: Mapping[str, int],
    title: str,
) -> Maps:
    """The maps of the methods in `counts`, each of so many first images, with a progress bar."""
    bar = tqdm(counts.items(), desc=title, unit="method", leave=False)
    return {
        name: METHODS[name](probe, images[:count], classes[:count], calls) for name, count in bar
    }


def grids(probe: Probe, size: int, calls: int) -> dict[str, tuple[int, int]]:
    """Of how many cells, down and across, each method's maps of images of that size are made."""
    layers = {
        name: probe.model.get_layer(layer).output.shape[1:3]
        for name, layer in (
            (GRAD_CAM, probe.target),
            ("Grad-CAM++", probe.target),
            ("LayerCAM", probe.finer),
            ("Score-CAM", probe.target),
        )
    }
    side = _occlusion_side(calls)
    squares = {"occlusion": (side, side), "LIME": (SEGMENTS, SEGMENTS)}
    return dict.fromkeys(METHODS, (size, size)) | layers | squares


def _finished(maps: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Maps (n, h, w) as every method returns them: cut at 0, as large as the images, at most 1."""
    maps = np.maximum(maps, 0).astype(np.float32)
    maps[np.ptp(maps, axis=(1, 2)) <= ROUNDING * maps.max(axis=(1, 2))] = 0
    if maps.shape != images.shape[:3]:
        maps = scaled_up(maps, images.shape[1])
    return share(maps, maps.max(axis=(1, 2), keepdims=True))


def _occlusion_side(calls: int) -> int:
    return max(2, round(calls**0.5))


def _without_value(classes: np.ndarray, logits: tf.Tensor) -> tf.Tensor:
    # Grad-CAM++ multiplies its maps by the exponential of the score, which overflows. A score of 0
    # with the logit's gradient has them in units that don't.
    chosen = tf.gather(logits, classes, axis=1, batch_dims=1)
    return chosen - tf.stop_gradient(chosen)


def _grid(images: np.ndarray, side: int) -> np.ndarray:
    """The index of the cell of a grid of `side` by `side` that each pixel is in: int (h, w)."""
    rows, columns = (np.arange(length) * side // length for length in images.shape[1:3])
    return rows[:, None] * side + columns


def _changes(
    probe: Probe, images: np.ndarray, classes: np.ndarray, masks: np.ndarray, fill: np.ndarray
) -> np.ndarray:
    """How each logit changes when the image is seen through masks: float (n, masks).

    masks : 0 (hidden) to 1, (masks, h, w) for all images or (n, masks, h, w) for each its own;
    fill : float (n, channels), what shows where an image is hidden.
    """
    masks = np.broadcast_to(masks, (len(images), *masks.shape[-3:]))
    at_once = max(1, BATCH // masks.shape[1])
    logits = []
    for start in range(0, len(images), at_once):
        batch = slice(start, start + at_once)
        background = fill[batch, None, None, None]
        perturbed = background + masks[batch, ..., None] * (images[batch, None] - background)
        targets = np.repeat(classes[batch], masks.shape[1])
        logits.append(probe.logit(perturbed.reshape(-1, *images.shape[1:]), targets))
    whole = probe.logit(images, classes)[:, None]
    return _change(whole, np.concatenate(logits).reshape(masks.shape[:2]))


def _masked_change(
    probe: Probe, target: np.ndarray, whole: np.ndarray, masked: np.ndarray
) -> np.ndarray:
    """How the logit of a class, int (1,), changes when shap masks an image: float (k,)."""
    return _change(whole, probe.logit(masked, target.repeat(len(masked))))


def _change(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """By how much a logit has changed: 0 where float32 can't tell."""
    changes = after - before
    return np.where(np.abs(changes) < ROUNDING * np.abs(before), 0, changes)
