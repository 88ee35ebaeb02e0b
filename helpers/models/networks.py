"""The report's two architectures, each one flat Functional graph from raw pixels to probabilities.

Flat, since tf-keras-vis can't look into a nested backbone; from raw pixels, so that a saved model
needs no preprocessing of its caller.
"""

import keras
import numpy as np
import pandas as pd
from keras import layers

from helpers import artifacts
from helpers.settings import Settings

# ImageNet's mean grey-value of blue, green and red on 0 to 255, which Keras's own ResNet50
# preprocessing ("caffe") takes off. An adapter's three channels have no colour, so their order,
# which that preprocessing swaps too, means nothing here.
IMAGENET_MEAN = (103.939, 116.779, 123.68)
RANDOM_BASE_SEED = 0
PROBABILITIES, LOGITS, FEATURES, TARGET = "probabilities", "logits", "features", "target"


def build(model: str, settings: Settings, size: int, classes: int, seed: int) -> keras.Model:
    """Build an untrained model; ResNet50's base holds the weights that the settings name.

    It also sets the seed of Keras's, NumPy's and Python's generators. A random base is the same for
    every seed, so that its features can be shared.

    Parameters
    ----------
    model : custom-cnn, resnet50 or resnet50-caffe.
    size : height and width of the images in pixels.
    classes : number of classes.
    seed : seed of the initial weights, and of what is drawn after.

    Returns
    -------
    A flat Functional model: (n, size, size, 1), 0 to 255, to probabilities (n, classes).

    Raises
    ------
    InputError : when ResNet50's weights can't be had or don't fit.
    """
    if model == "custom-cnn":
        keras.utils.set_random_seed(seed)
        return _custom_cnn(settings, size, classes)
    base = _pretrained_base(settings)
    keras.utils.set_random_seed(seed)
    return _resnet50(base, settings, size, classes, caffe=model == "resnet50-caffe")


def _custom_cnn(settings: Settings, size: int, classes: int) -> keras.Model:
    """The report's section 2.2.1, layer by layer.

    Convolutions keep the image's size (`same` padding): without it a 28 px image is used up before
    the last convolution. A layer whose line in the report has no BatchNorm has none.
    """
    images = keras.Input((size, size, 1), name="images")
    x = layers.Rescaling(1 / 255, name="to_unit_range")(images)
    *paired, last = settings.convolution_filters
    for block, filters in enumerate(paired, start=1):
        x = _convolution(x, filters, f"block{block}_convolution1", normalised=True)
        x = _convolution(x, filters, f"block{block}_convolution2", normalised=False)
        x = layers.MaxPooling2D(2, name=f"block{block}_pool")(x)
        x = layers.Dropout(settings.convolution_dropout, name=f"block{block}_dropout")(x)
    x = _convolution(x, last, "last_convolution", normalised=True)
    x = layers.GlobalAveragePooling2D(name=FEATURES)(x)
    x = layers.Dropout(settings.pooling_dropout, name="features_dropout")(x)
    return keras.Model(images, _head(x, settings, classes), name="custom-cnn")


def _resnet50(
    pretrained: keras.Model, settings: Settings, size: int, classes: int, caffe: bool
) -> keras.Model:
    """The report's section 2.2.2: grey to three channels, frozen ResNet50, a new head.

    Keras's ResNet50 (He et al. 2016) refuses images below 32 px, so they are first scaled up to
    `upsample_to`. The base is frozen and its batch norm stays in inference mode; the 1x1
    convolution before it is trained with `adapter: learned` and copies grey into each channel with
    `adapter: replicate`. With `caffe` the base is fed what it was trained on (0 to 255 less
    ImageNet's mean) in place of the report's [0, 1].
    """
    images = keras.Input((size, size, 1), name="images")
    x = layers.Rescaling(1 / 255, name="to_unit_range")(images)
    x = _adapter(settings)(x)
    x = layers.Resizing(settings.upsample_to, settings.upsample_to, name="upsample")(x)
    if caffe:
        offset = [-mean for mean in IMAGENET_MEAN]
        x = layers.Rescaling(255.0, offset=offset, name="imagenet_preprocessing")(x)
    base = keras.applications.ResNet50(include_top=False, weights=None, input_tensor=x)
    _copy_weights(pretrained, base)
    for layer in base.layers:
        layer.trainable = layer.name == "grey_to_rgb" and settings.adapter == "learned"
    x = layers.GlobalAveragePooling2D(name=FEATURES)(base.output)
    name = "resnet50-caffe" if caffe else "resnet50"
    return keras.Model(images, _head(x, settings, classes), name=name)


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


def parameters(model: keras.Model) -> tuple[int, int]:
    """Numbers of weights: all, and those that training changes."""
    return model.count_params(), sum(int(np.prod(w.shape)) for w in model.trainable_weights)


def layer_table(model: keras.Model) -> pd.DataFrame:
    """A row a layer: its kind, the shape of its output without the batch, its weights."""
    rows = [
        {
            "layer": layer.name,
            "kind": type(layer).__name__,
            "output": " x ".join(map(str, layer.output.shape[1:])),
            "weights": layer.count_params(),
        }
        for layer in model.layers
    ]
    return pd.DataFrame(rows).set_index("layer")


def last_convolution(model: keras.Model) -> str:
    """The name of the layer whose output the pooled features average: Grad-CAM's target."""
    names = [layer.name for layer in model.layers]
    return names[names.index(FEATURES) - 1]


def _run_on(model: keras.Model, x: keras.KerasTensor, after: str, until: str) -> keras.KerasTensor:
    names = [layer.name for layer in model.layers]
    for layer in model.layers[names.index(after) + 1 : names.index(until) + 1]:
        x = layer(x)
    return x


def _convolution(
    x: keras.KerasTensor, filters: int, name: str, normalised: bool
) -> keras.KerasTensor:
    x = layers.Conv2D(filters, 3, padding="same", name=name)(x)
    if normalised:
        x = layers.BatchNormalization(name=f"{name}_batch_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def _head(x: keras.KerasTensor, settings: Settings, classes: int) -> keras.KerasTensor:
    x = layers.Dense(settings.dense_units[0], name="dense1")(x)
    x = layers.BatchNormalization(name="dense1_batch_norm")(x)
    x = layers.ReLU(name="dense1_relu")(x)
    x = layers.Dropout(settings.dense_dropout[0], name="dense1_dropout")(x)
    x = layers.Dense(settings.dense_units[1], name="dense2")(x)
    x = layers.ReLU(name="dense2_relu")(x)
    x = layers.Dropout(settings.dense_dropout[1], name="dense2_dropout")(x)
    x = layers.Dense(classes, name=LOGITS)(x)
    return layers.Softmax(name=PROBABILITIES)(x)


def _adapter(settings: Settings) -> layers.Conv2D:
    replicate = settings.adapter == "replicate"
    return layers.Conv2D(
        3, 1, name="grey_to_rgb", kernel_initializer="ones" if replicate else "glorot_uniform"
    )


def fetch_imagenet_weights() -> None:
    """Have Keras fetch its ImageNet weights, if it hasn't before.

    Raises
    ------
    InputError : when they can't be had, with the three choices.
    """
    _keras_resnet50("imagenet", size=224)


def _pretrained_base(settings: Settings) -> keras.Model:
    artifacts.check_weights(settings.weights)
    keras.utils.set_random_seed(RANDOM_BASE_SEED)
    weights = None if settings.weights == "random" else settings.weights
    return _keras_resnet50(weights, settings.upsample_to)


def _keras_resnet50(weights: str | None, size: int) -> keras.Model:
    try:
        return keras.applications.ResNet50(
            include_top=False, weights=weights, input_shape=(size, size, 3)
        )
    except Exception as error:  # Keras raises a bare Exception when its download fails
        what = str(error).splitlines()[0].rstrip(".")
        raise artifacts.unusable_weights(weights, f"could not be loaded ({what})") from None


def _copy_weights(source: keras.Model, target: keras.Model) -> None:
    """Copy layer by layer and by name, every layer that has weights; a gap raises."""
    for layer in source.layers:
        if layer.weights:
            target.get_layer(layer.name).set_weights(layer.get_weights())
