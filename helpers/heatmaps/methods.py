"""Ten attribution methods with one signature: model, images and classes in, maps out.

Explained is the logit of a class, never its probability, which depends on all the other logits.
"""

from collections.abc import Callable
from functools import lru_cache, partial

import keras
import numpy as np
import shap
import tensorflow as tf
from lime.lime_image import LimeImageExplainer
from scipy.ndimage import gaussian_filter
from scipy.special import softmax
from sklearn.metrics import pairwise_distances
from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
from tf_keras_vis.layercam import Layercam

from helpers import explain, models

# model; images uint8 (n, height, width); classes int (n,), the class that each map explains; about
# how many evaluations of the model each image may cost, 4 and above, which methods that need a
# single one ignore. Returned: maps float32 (n, height, width), 0 to 1, each divided by its maximum;
# a map that is the same everywhere, and so points nowhere, is all 0.
Method = Callable[[keras.Model, np.ndarray, np.ndarray, int], np.ndarray]

SCORE_CAM_CHANNELS = 64
SMOOTHGRAD_NOISE = 0.15  # standard deviation as a share of the image's range; the paper: 0.1 to 0.2
BASELINE_BLUR = 1 / 8  # standard deviation as a share of the image's height
LIME_SAMPLES_PER_SEGMENT = 2
# Changes of a logit below this share of it are rounding errors of float32, not evidence.
ROUNDING = 1e-5
SEED = 0


def grad_cam(
    model: keras.Model, images: np.ndarray, classes: np.ndarray, evaluations: int
) -> np.ndarray:
    """Grad-CAM (Selvaraju et al. 2017) by tf-keras-vis, scaled up; see `explain.grad_cam`."""
    return _finished(explain.grad_cam(model, images, classes), images)


def grad_cam_plus_plus(
    model: keras.Model, images: np.ndarray, classes: np.ndarray, evaluations: int
) -> np.ndarray:
    """Grad-CAM++ (Chattopadhay et al. 2018) by tf-keras-vis, scaled up.

    Each channel's weight is a weighted sum of its positive gradients in place of the mean.
    """
    maps = explain.class_activation_maps(GradcamPlusPlus, model, images, classes)
    return _finished(maps, images)


def layer_cam(
    model: keras.Model, images: np.ndarray, classes: np.ndarray, evaluations: int
) -> np.ndarray:
    """LayerCAM (Jiang et al. 2021) by tf-keras-vis, scaled up.

    Each activation is weighted by its own positive gradient.
    """
    return _finished(explain.class_activation_maps(Layercam, model, images, classes), images)


def score_cam(
    model: keras.Model, images: np.ndarray, classes: np.ndarray, evaluations: int
) -> np.ndarray:
    """Score-CAM (Wang et al. 2020, algorithm 1), scaled up: channels weighted without gradients.

    Each channel, scaled to [0, 1], masks the image; its weight is the softmax over the channels of
    what the logit then is. Of ResNet50's 2,048 channels only those of the highest variance over the
    image are tried, `evaluations` of them and at most 64.
    """
    tried = min(evaluations, SCORE_CAM_CHANNELS)
    maps = []
    for start in range(0, len(images), explain.BATCH):
        batch = slice(start, start + explain.BATCH)
        channels = np.moveaxis(explain.activations(model, images[batch]), -1, 1)
        order = np.argsort(-channels.var(axis=(2, 3)), axis=1, kind="stable")[:, :tried]
        channels = np.take_along_axis(channels, order[..., None, None], axis=1)
        n, count, *grid = channels.shape
        masks = explain.scaled_up(channels.reshape(-1, *grid), images.shape[1])
        masks = _in_unit_range(masks).reshape(n, count, *images.shape[1:])
        changes = _changes(model, images[batch], classes[batch], masks, fill=np.zeros(n))
        weights = softmax(changes, axis=1)
        maps.append(np.einsum("nk,nkhw->nhw", weights, channels))
    return _finished(np.concatenate(maps), images)


def saliency(
    model: keras.Model, images: np.ndarray, classes: np.ndarray, evaluations: int
) -> np.ndarray:
    """The absolute gradient of the logit by each pixel (Simonyan et al. 2014)."""
    return _finished(np.abs(_gradients(model, images, classes)), images)


def smooth_grad(
    model: keras.Model, images: np.ndarray, classes: np.ndarray, evaluations: int
) -> np.ndarray:
    """The absolute mean gradient over noisy copies of the image (Smilkov et al. 2017).

    The noise is normal, its standard deviation 15 % of the image's range; every image gets the same
    draws, so that its map doesn't depend on the images beside it.
    """
    rng = np.random.default_rng(SEED)
    spread = SMOOTHGRAD_NOISE * np.ptp(images, axis=(1, 2), keepdims=True)
    total = np.zeros(images.shape)
    for _ in range(evaluations):
        noise = rng.normal(size=images.shape[1:])
        total += _gradients(model, images + spread * noise, classes)
    return _finished(np.abs(total), images)


def integrated_gradients(
    model: keras.Model, images: np.ndarray, classes: np.ndarray, evaluations: int
) -> np.ndarray:
    """Integrated gradients (Sundararajan et al. 2017, equation 1), negative evidence cut to 0.

    The baseline is the image itself, heavily blurred: from a black one a black pixel gets nothing
    by construction, and the fluid that an ophthalmologist looks for is dark. The integral is
    summed by the midpoint rule.
    """
    sigma = BASELINE_BLUR * images.shape[1]
    baseline = gaussian_filter(images.astype(np.float64), sigma, axes=(1, 2))
    total = np.zeros(images.shape)
    for step in range(evaluations):
        along = (step + 0.5) / evaluations
        total += _gradients(model, baseline + along * (images - baseline), classes)
    return _finished((images - baseline) * total, images)


def occlusion(
    model: keras.Model, images: np.ndarray, classes: np.ndarray, evaluations: int
) -> np.ndarray:
    """By how much the logit falls when a patch is hidden (Zeiler and Fergus 2014), scaled up.

    The patches are the cells of a square grid of about `evaluations` and are filled with the
    image's mean grey-value; where the logit rises the map is 0.
    """
    side = max(2, round(evaluations**0.5))
    cells = _grid(images, side)
    masks = np.arange(side**2)[:, None, None] != cells
    changes = _changes(model, images, classes, masks, fill=images.mean(axis=(1, 2)))
    return _finished(-changes.reshape(-1, side, side), images)


def lime(
    model: keras.Model, images: np.ndarray, classes: np.ndarray, evaluations: int
) -> np.ndarray:
    """LIME (Ribeiro et al. 2016), scaled up: a local linear model of what each segment adds.

    The lime package fits the model; the samples are drawn here, since it draws a progress bar for
    each image. Segments are the cells of a square grid, with two samples for each; a hidden one is
    filled with the image's mean grey-value, and a negative coefficient is cut to 0.
    """
    side = max(2, int((evaluations / LIME_SAMPLES_PER_SEGMENT) ** 0.5))
    shown = np.random.default_rng(SEED).integers(2, size=(evaluations, side**2))
    shown[0] = 1  # lime takes the first sample for the image itself
    masks = shown[:, _grid(images, side)]
    changes = _changes(model, images, classes, masks, fill=images.mean(axis=(1, 2)))
    distances = pairwise_distances(shown, shown[:1], metric="cosine").ravel()
    explainer = LimeImageExplainer(feature_selection="none", random_state=SEED).base
    maps = np.zeros((len(images), side**2))
    for row, change in zip(maps, changes, strict=True):
        _, coefficients, _, _ = explainer.explain_instance_with_data(
            shown, change[:, None], distances, label=0, num_features=side**2
        )
        for segment, coefficient in coefficients:
            row[segment] = coefficient
    return _finished(maps.reshape(-1, side, side), images)


def shap_values(
    model: keras.Model, images: np.ndarray, classes: np.ndarray, evaluations: int
) -> np.ndarray:
    """SHAP (Lundberg and Lee 2017) by the shap package's PartitionExplainer.

    It halves the image again and again where most is to be shared out, and gives each part its
    Owen value, the Shapley value under that hierarchy. A hidden part is filled with the image's
    mean grey-value; negative values are cut to 0. shap's GradientExplainer needs images of
    reference, which this signature doesn't have, and is integrated gradients without them.
    """
    maps = []
    for image, target in zip(images, classes[:, None], strict=True):
        whole = _logits(model, image[None], target)
        masker = shap.maskers.Image(image.mean(), shape=(*image.shape, 1))
        explainer = shap.PartitionExplainer(partial(_masked_change, model, target, whole), masker)
        explanation = explainer(
            image[None, ..., None].astype(np.float32),
            max_evals=evaluations,
            batch_size=explain.BATCH,
            silent=True,
        )
        maps.append(explanation.values.reshape(image.shape))
    return _finished(np.stack(maps), images)


METHODS: dict[str, Method] = {
    "Grad-CAM": grad_cam,
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


def _finished(maps: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Maps (n, h, w) as every method returns them: cut at 0, as large as the images, at most 1."""
    maps = np.maximum(maps, 0).astype(np.float32)
    maps[np.ptp(maps, axis=(1, 2)) <= ROUNDING * maps.max(axis=(1, 2))] = 0
    if maps.shape != images.shape:
        maps = explain.scaled_up(maps, images.shape[1])
    highest = maps.max(axis=(1, 2), keepdims=True)
    return np.divide(maps, highest, out=np.zeros_like(maps), where=highest > 0)


def _in_unit_range(maps: np.ndarray) -> np.ndarray:
    """Maps (n, h, w) brought to [0, 1], each by its own range; a constant one is all 0."""
    span = np.ptp(maps, axis=(1, 2), keepdims=True)
    above = maps - maps.min(axis=(1, 2), keepdims=True)
    return np.divide(above, span, out=np.zeros_like(maps), where=span > 0)


def _grid(images: np.ndarray, side: int) -> np.ndarray:
    """The index of the cell of a grid of `side` by `side` that each pixel is in: int (h, w)."""
    height, width = images.shape[1:]
    rows, columns = np.arange(height) * side // height, np.arange(width) * side // width
    return rows[:, None] * side + columns


def _changes(
    model: keras.Model,
    images: np.ndarray,
    classes: np.ndarray,
    masks: np.ndarray,
    fill: np.ndarray,
) -> np.ndarray:
    """How each logit changes when the image is seen through masks: float (n, masks).

    masks : 0 (hidden) to 1, (masks, h, w) for all images or (n, masks, h, w) for each its own;
    fill : float (n,), the grey-value that shows where an image is hidden.
    """
    masks = np.broadcast_to(masks, (len(images), *masks.shape[-3:]))
    at_once = max(1, explain.BATCH // masks.shape[1])
    logits = []
    for start in range(0, len(images), at_once):
        batch = slice(start, start + at_once)
        background = fill[batch, None, None, None]
        perturbed = background + masks[batch] * (images[batch, None] - background)
        targets = np.repeat(classes[batch], masks.shape[1])
        logits.append(_logits(model, perturbed.reshape(-1, *images.shape[1:]), targets))
    whole = _logits(model, images, classes)[:, None]
    return _change(whole, np.concatenate(logits).reshape(masks.shape[:2]))


def _masked_change(
    model: keras.Model, target: np.ndarray, whole: np.ndarray, masked: np.ndarray
) -> np.ndarray:
    """How one image's logit changes, from `whole`, when shap masks it: float (k,).

    target : int (1,), the class; whole : float (1,); masked : float (k, h, w, 1).
    """
    return _change(whole, _logits(model, masked[..., 0], target.repeat(len(masked))))


def _change(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """By how much a logit has changed: 0 where float32 can't tell."""
    changes = after - before
    return np.where(np.abs(changes) < ROUNDING * np.abs(before), 0, changes)


def _logits(model: keras.Model, images: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """The logit of a class of each image, whose grey-values needn't be integers: float32 (n,)."""
    logit, _ = _functions(model)
    return explain.in_batches(logit, *_as_tensors(images, classes))


def _gradients(model: keras.Model, images: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """The gradient of that logit by the pixels: float32 (n, h, w)."""
    _, gradient = _functions(model)
    return explain.in_batches(gradient, *_as_tensors(images, classes))[..., 0]


def _as_tensors(images: np.ndarray, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Images and classes as the compiled functions take them."""
    return images[..., None].astype(np.float32), classes.astype(np.int32)


@lru_cache(maxsize=4)
def _functions(model: keras.Model) -> tuple[Callable, Callable]:
    """Compiled: the logit of a class of each image, and its gradient by the pixels."""
    logits = keras.Model(model.input, model.get_layer(models.LOGITS).output)
    signature = explain.image_signature(model), tf.TensorSpec((None,), tf.int32)
    return tuple(explain.compiled(partial(f, logits), *signature) for f in (_logit, _gradient))


def _logit(logits: keras.Model, images: tf.Tensor, classes: tf.Tensor) -> tf.Tensor:
    return tf.gather(logits(images, training=False), classes, axis=1, batch_dims=1)


def _gradient(logits: keras.Model, images: tf.Tensor, classes: tf.Tensor) -> tf.Tensor:
    with tf.GradientTape() as tape:
        tape.watch(images)
        logit = _logit(logits, images, classes)
    return tape.gradient(logit, images)
