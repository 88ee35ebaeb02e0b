"""The architectures, each one flat Functional graph from raw pixels to probabilities.

Flat, since tf-keras-vis can't look into a nested backbone; from raw pixels, so that a saved model
needs no preprocessing of its caller.
"""

import functools
from typing import Any
from unittest.mock import patch

import numpy as np

from helpers.models import weights
from helpers.models.backend import keras
from helpers.study import architectures, downloads
from helpers.study.architectures import Architecture, Base
from helpers.study.settings import Convolutions, Head, Settings

layers = keras.layers

# ImageNet's mean grey-value of blue, green and red on 0 to 255, which Keras's own ResNet50
# preprocessing ("caffe") takes off.
IMAGENET_MEAN = (103.939, 116.779, 123.68)
RANDOM_BASE_SEED = 0
PROBABILITIES, LOGITS, FEATURES, TARGET = "probabilities", "logits", "features", "target"
ADAPTER = "to_rgb"
WHOLE_SIZE = 224  # the side in pixels at which every base can be built
MD5_DIGITS = 32


def build(
    model: str, settings: Settings, shape: tuple[int, int, int], classes: int, seed: int
) -> keras.Model:
    """Build an untrained model; a frozen base holds the weights that the settings name.

    It also sets the seed of Keras's, NumPy's and Python's generators. A random base is the same for
    every seed, so that its features can be shared.

    Parameters
    ----------
    model : a registered architecture; its builder gets the entry and the arguments below.
    shape : of the images: height, width, channels.
    classes : number of classes.
    seed : seed of the initial weights, and of what is drawn after.

    Returns
    -------
    A flat Functional model: (n, *shape), 0 to 255, to probabilities (n, classes). Its layers
    `FEATURES` (pooled features, right after the last convolution's block), `LOGITS` and
    `PROBABILITIES` bear these names; what lies after `FEATURES` is a plain chain.

    Raises
    ------
    InputError : when a base's weights can't be had or don't fit.
    """
    entry = architectures.get(model)
    return entry.builder()(entry, settings, shape, classes, seed)


def custom_cnn(
    entry: Architecture, settings: Settings, shape: tuple[int, int, int], classes: int, seed: int
) -> keras.Model:
    """The report's section 2.2.1, layer by layer; parameters as in `build`.

    Convolutions keep the image's size (`same` padding): without it a 28 px image is used up before
    the last convolution. A layer whose line in the report has no BatchNorm has none.
    """
    keras.utils.set_random_seed(seed)
    images = keras.Input(shape, name="images")
    x = layers.Rescaling(1 / 255, name="to_unit_range")(images)
    x = _convolutions(x, settings.convolutions)
    x = layers.GlobalAveragePooling2D(name=FEATURES)(x)
    x = layers.Dropout(settings.convolutions.pooling_dropout, name="features_dropout")(x)
    return keras.Model(images, head(x, settings.head, classes), name=entry.name)


def on_frozen_base(
    entry: Architecture, settings: Settings, shape: tuple[int, int, int], classes: int, seed: int
) -> keras.Model:
    """The report's section 2.2.2: three channels, a frozen base, a new head; as in `build`.

    Images are first scaled up to `upsample_to` (bilinear): a ResNet runs on 28 px too, but leaves
    one cell of it, in which no heatmap can point anywhere. The base's batch norm stays in inference
    mode. The 1x1 convolution before it is trained with `adapter: learned`; else, and before every
    base that is fed as its weights expect, it copies grey into each channel, or hands colours on.
    """
    pretrained = _pretrained(entry.base, settings.weights(entry.name), settings.base.upsample_to)
    keras.utils.set_random_seed(seed)
    images = keras.Input(shape, name="images")
    x = layers.Rescaling(1 / 255, name="to_unit_range")(images)
    x = _adapter(entry.base, shape[2], settings.features_are_fixed(entry.name))(x)
    size = settings.base.upsample_to
    x = layers.Resizing(size, size, name="upsample")(x)
    if entry.base.pixels != "unit":
        means = IMAGENET_MEAN if entry.base.pixels == "caffe" else (0.0, 0.0, 0.0)
        offset = [-mean for mean in means]
        x = layers.Rescaling(255.0, offset=offset, name="base_preprocessing")(x)
    x = _on_top_of(x, pretrained)
    x = layers.GlobalAveragePooling2D(name=FEATURES)(x)
    return keras.Model(images, head(x, settings.head, classes), name=entry.name)


def head(x: keras.KerasTensor, settings: Head, classes: int) -> keras.KerasTensor:
    """The report's dense layers on pooled features (n, features): probabilities (n, classes)."""
    x = layers.Dense(settings.dense_units[0], name="dense1")(x)
    x = layers.BatchNormalization(name="dense1_batch_norm")(x)
    x = layers.ReLU(name="dense1_relu")(x)
    x = layers.Dropout(settings.dense_dropout[0], name="dense1_dropout")(x)
    x = layers.Dense(settings.dense_units[1], name="dense2")(x)
    x = layers.ReLU(name="dense2_relu")(x)
    x = layers.Dropout(settings.dense_dropout[1], name="dense2_dropout")(x)
    x = layers.Dense(classes, name=LOGITS)(x)
    return layers.Softmax(name=PROBABILITIES)(x)


def features_of(model: keras.Model) -> keras.Model:
    """The part of a model from raw pixels to the pooled features that its head reads."""
    return keras.Model(model.input, model.get_layer(FEATURES).output)


def head_of(model: keras.Model) -> keras.Model:
    """The part of a model from pooled features to probabilities; it shares the model's weights."""
    features = keras.Input(model.get_layer(FEATURES).output.shape[1:])
    return keras.Model(features, _run_on(model, features, after=FEATURES, until=PROBABILITIES))


def split_at_last_convolution(model: keras.Model) -> tuple[keras.Model, keras.Model]:
    """A model in two parts that share its weights: to the last convolution, and on to the logits.

    The second part begins with a layer named `TARGET` that hands its input on.
    """
    layer = last_convolution(model)
    base = keras.Model(model.input, model.get_layer(layer).output)
    activations = keras.Input(base.output.shape[1:])
    target = layers.Identity(name=TARGET)(activations)
    return base, keras.Model(activations, _run_on(model, target, after=layer, until=LOGITS))


def last_convolution(model: keras.Model) -> str:
    """The name of the layer whose output the pooled features average: Grad-CAM's target."""
    names = [layer.name for layer in model.layers]
    return names[names.index(FEATURES) - 1]


def parameters(model: keras.Model) -> tuple[int, int]:
    """How many weights a model has, batch norm's statistics included, and how many are trained."""
    trainable = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    return model.count_params(), trainable


def check_weights(base: Base, source: str) -> None:
    """Refuse weights that don't fit a base layer by layer, by loading them once; takes seconds.

    Keras's ImageNet weights are fetched, if they haven't been before.

    Raises
    ------
    InputError : with the file's name, what is wrong and the three choices.
    """
    weights.check_file(source, base)
    _application(base, None if source == weights.RANDOM else source, WHOLE_SIZE)


def _convolutions(x: keras.KerasTensor, settings: Convolutions) -> keras.KerasTensor:
    *paired, last = settings.convolution_filters
    for block, filters in enumerate(paired, start=1):
        x = _convolution(x, filters, f"block{block}_convolution1", normalised=True)
        x = _convolution(x, filters, f"block{block}_convolution2", normalised=False)
        x = layers.MaxPooling2D(2, name=f"block{block}_pool")(x)
        x = layers.Dropout(settings.convolution_dropout, name=f"block{block}_dropout")(x)
    return _convolution(x, last, "last_convolution", normalised=True)


def _convolution(
    x: keras.KerasTensor, filters: int, name: str, normalised: bool
) -> keras.KerasTensor:
    x = layers.Conv2D(filters, 3, padding="same", name=name)(x)
    if normalised:
        x = layers.BatchNormalization(name=f"{name}_batch_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def _adapter(base: Base, channels: int, fixed: bool) -> layers.Conv2D:
    if not fixed:
        initial = "glorot_uniform"
    elif channels == 1:
        initial = "ones"
    else:
        colours = np.eye(channels)
        # Its own preprocessing swaps red and blue.
        kernel = colours[::-1] if base.pixels == "caffe" else colours
        initial = keras.initializers.Constant(kernel.tolist())
    return layers.Conv2D(3, 1, name=ADAPTER, kernel_initializer=initial, trainable=not fixed)


def _pretrained(base: Base, source: str, size: int) -> keras.Model:
    weights.check_file(source, base)
    keras.utils.set_random_seed(RANDOM_BASE_SEED)
    return _application(base, None if source == weights.RANDOM else source, size)


def _application(base: Base, source: str | None, size: int) -> keras.Model:
    get_file = functools.partial(_get_file, base)
    try:
        application = getattr(keras.applications, base.application)
        # Keras's own fetching waits for ever, and takes whatever comes.
        with patch("keras.src.utils.file_utils.get_file", get_file):
            network = application(include_top=False, weights=source, input_shape=(size, size, 3))
    except Exception as error:  # Keras raises a bare Exception, h5py whatever it comes upon
        what = str(error).partition("\n")[0].rstrip(".") or type(error).__name__
        raise weights.unusable(source, base, f"could not be loaded ({what})") from None
    if not all(np.isfinite(array).all() for array in network.get_weights()):
        raise weights.unusable(source, base, "some are no finite numbers")
    return network


def _get_file(
    base: Base, name: str, address: str, cache_subdir: str, file_hash: str | None = None, **_: Any
) -> str:
    """Keras's weights of a base, fetched with limits to where it keeps them; as it calls it."""
    folder = weights.keras_folder() / cache_subdir
    method = "md5" if file_hash and len(file_hash) == MD5_DIGITS else "sha256"
    known_hash = f"{method}:{file_hash}" if file_hash else None
    otherwise, instead = f"put {name} there yourself", "move it away"
    most = base.parameters * weights.BYTES * 3 // 2 + 2**20
    downloads.fetch(address, folder / name, known_hash, most, otherwise, instead)
    return str(folder / name)


def _on_top_of(x: keras.KerasTensor, pretrained: keras.Model) -> keras.KerasTensor:
    """The layers of a network, copied and frozen with their weights, on another input.

    Called as a whole it would be one nested layer; built anew by keras.applications it could lack
    the layers that some networks have with ImageNet's weights alone.
    """
    copied = {id(pretrained.input): x}
    for layer in pretrained.layers[1:]:
        inputs = layer.input if isinstance(layer.input, list) else [layer.input]
        arguments = [copied[id(tensor)] for tensor in inputs]
        copy = layer.__class__.from_config(layer.get_config())
        copied[id(layer.output)] = copy(arguments if len(arguments) > 1 else arguments[0])
        copy.set_weights(layer.get_weights())
        copy.trainable = False
    return copied[id(pretrained.output)]


def _run_on(model: keras.Model, x: keras.KerasTensor, after: str, until: str) -> keras.KerasTensor:
    names = [layer.name for layer in model.layers]
    for layer in model.layers[names.index(after) + 1 : names.index(until) + 1]:
        x = layer(x)
    return x
