"""Where a model looks: Grad-CAM by tf-keras-vis, and what the maps show in numbers."""

from collections.abc import Callable
from functools import lru_cache, partial

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from scipy.stats import pearsonr
from tf_keras_vis import ModelVisualization
from tf_keras_vis.gradcam import Gradcam

from helpers import evaluation, models, runs
from helpers.artifacts import Predictions, Trained

BATCH = 32
KEPT = 100  # maps in grad-cam.npz


def grad_cam(model: keras.Model, images: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Grad-CAM (Selvaraju et al. 2017, equations 1 and 2) of each image for a class's logit.

    The target layer is the last convolution's block output, which the pooled features average.

    Parameters
    ----------
    images : uint8 (n, height, width), 0 to 255.
    classes : int (n,), the class whose logit each map explains.

    Returns
    -------
    float32 (n, map_height, map_width), 0 and above, at the layer's own resolution and in its own
    units: neither scaled up nor normalised.
    """
    return class_activation_maps(Gradcam, model, images, classes)


def class_activation_maps(
    method: type[ModelVisualization], model: keras.Model, images: np.ndarray, classes: np.ndarray
) -> np.ndarray:
    """The maps that a gradient-based method of tf-keras-vis draws; the rest as in `grad_cam`."""

    def score(logits: tf.Tensor) -> tf.Tensor:
        # Grad-CAM++ multiplies its maps by the exponential of the score, which overflows. A score
        # of 0 with the logit's gradient has them in units that don't.
        chosen = tf.gather(logits, classes, axis=1, batch_dims=1)
        return chosen - tf.stop_gradient(chosen)

    _, tail = _split(model)
    maps = method(tail, clone=False)(
        score,
        activations(model, images),
        penultimate_layer=models.TARGET,
        seek_penultimate_conv_layer=False,
        expand_cam=False,
        normalize_cam=False,
    )
    return np.asarray(maps)


def activations(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """What the last convolution's block makes of images uint8 (n, height, width).

    float32 (n, map_height, map_width, channels).
    """
    base, _ = _split(model)
    return in_batches(base, images[..., None].astype(np.float32, copy=False))


def in_batches(function: Callable, *arrays: np.ndarray) -> np.ndarray:
    """What a function makes of arrays of one length, given `BATCH` rows of each at a time."""
    starts = range(0, len(arrays[0]), BATCH)
    parts = [function(*(array[start : start + BATCH] for array in arrays)) for start in starts]
    return np.concatenate(parts)


def compiled(function: Callable, *signature: tf.TensorSpec) -> Callable:
    """A function as one TensorFlow graph, which runs ResNet50 faster than layer by layer.

    TensorFlow warns of retracing when one code object is traced for many models; a
    `functools.partial` has none, so give it one.
    """
    return tf.function(function, input_signature=signature)


def image_signature(model: keras.Model) -> tf.TensorSpec:
    """The signature of a batch of images of the size that the model takes."""
    return tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)


# Tracing ResNet50 takes seconds. The graph reads the weights anew at each call, so that it stays
# right when they change.
@lru_cache(maxsize=4)
def _split(model: keras.Model) -> tuple[Callable, keras.Model]:
    """The compiled part of a model up to the last convolution, and the rest up to the logits.

    The gradient ends at the target layer, so what lies before it need not be recorded.
    """
    base, tail = models.split_at_last_convolution(model)
    return compiled(partial(base, training=False), image_signature(model)), tail


@lru_cache(maxsize=4)
def predictor(model: keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    """A model as a function of images (n, height, width), 0 to 255: probabilities (n, classes)."""
    call = compiled(partial(model, training=False), image_signature(model))
    return lambda images: in_batches(call, images[..., None].astype(np.float32, copy=False))


def save_grad_cam(trained: Trained, images: np.ndarray, maps: np.ndarray | None = None) -> None:
    """Keep `grad-cam.npz` beside a training: the first 100 test images' maps, and their classes.

    `maps`, float32 (100, h, w), are unnormalised and on the layer's own grid, for the predicted
    `classes`, int64 (100,).

    Parameters
    ----------
    images : the test images, uint8 (n, height, width).
    maps : of the predicted classes of these, where they are known already.
    """
    classes = trained.predicted[:KEPT]
    if maps is None:
        maps = grad_cam(trained.load_model(), images[:KEPT], classes)
    with runs.replacing_file(trained.folder / "grad-cam.npz") as partial:
        np.savez(partial, maps=maps[:KEPT], classes=classes)


def with_mirror_image(maps: np.ndarray) -> np.ndarray:
    """Each map (n, h, w) averaged with its mirror image: left and right eyes mirror each other."""
    return (maps + maps[:, :, ::-1]) / 2


def scaled_up(maps: np.ndarray, size: int) -> np.ndarray:
    """Maps (n, h, w) brought to (n, size, size) bilinearly: smoother, no more precise."""
    return np.asarray(keras.ops.image.resize(maps[..., None], (size, size)))[..., 0]


def is_constant(maps: np.ndarray) -> np.ndarray:
    """Which maps (n, h, w) have the same value everywhere, and so point nowhere: bool (n,)."""
    return np.ptp(maps, axis=(1, 2)) == 0


def gallery(predictions: Predictions) -> pd.DataFrame:
    """For each class its most confident right and its most confident wrong test image.

    Columns: image (index), true, predicted (class indices), probability (of the predicted class),
    right. A class without a wrong image has no such row.
    """
    table = evaluation.surest_first(predictions)
    table["right"] = table["true"] == table["predicted"]
    chosen = table.groupby(["true", "right"], sort=True).head(1)
    return chosen.sort_values(["right", "true"], ascending=[False, True]).reset_index(drop=True)


def class_average_maps(maps: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """The mean map of each true class: float32 (classes, h, w); maps (n, h, w), labels int (n,)."""
    return np.stack([maps[labels == k].mean(axis=0) for k in range(classes)])


def map_table(
    maps: np.ndarray, images: np.ndarray, labels: np.ndarray, classes: tuple[str, ...]
) -> pd.DataFrame:
    """What each class's average map shows, in numbers.

    Parameters
    ----------
    maps : float (n, h, w); images : uint8 (n, height, width); labels : int (n,).

    Returns
    -------
    A row a class. `peak row`, `peak column`: where the average map is highest, as a share of the
    image's height and width (0 top or left, 1 bottom or right); `correlation with the image`:
    Pearson's, between the scaled-up average map and the class's average image (1: it lights up
    where the retina is bright); `constant maps`: the share of images whose map points nowhere.
    """
    averages = class_average_maps(maps, labels, len(classes))
    large = scaled_up(averages, images.shape[1])
    rows = {}
    for k, name in enumerate(classes):
        row, column = np.unravel_index(averages[k].argmax(), averages[k].shape)
        mean_image = images[labels == k].mean(axis=0)
        flat = np.ptp(large[k]) == 0
        rows[name] = {
            "peak row": (row + 0.5) / averages.shape[1],
            "peak column": (column + 0.5) / averages.shape[2],
            "correlation with the image": np.nan
            if flat
            else pearsonr(large[k].ravel(), mean_image.ravel()).statistic,
            "constant maps": is_constant(maps[labels == k]).mean(),
        }
    return pd.DataFrame(rows).T.rename_axis("class")
