"""How long Grad-CAM of 1,000 images takes, beside tf-keras-vis called image by image.

Run it with `python -m benchmarks.grad_cam`: the default profile's models, untrained, on 28 px
images; a frozen base sees them at 96 px.
"""

import time

from helpers.models.backend import keras

# isort: split
import numpy as np
from tf_keras_vis.gradcam import Gradcam
from tf_keras_vis.utils.scores import CategoricalScore

from helpers.heatmaps import methods
from helpers.heatmaps.probe import Probe
from helpers.models import networks
from helpers.study.settings import DEFAULT_PROFILE, load_settings

IMAGES = 1_000
ONE_BY_ONE = 20
SHAPE = (28, 28, 1)


def one_by_one(model: keras.Model, images: np.ndarray) -> None:
    """tf-keras-vis on the whole model, the plain way."""
    logits = keras.Model(model.inputs, model.get_layer(networks.LOGITS).output)
    visualization = Gradcam(logits, clone=False)
    for image in images.astype(np.float32):
        visualization(
            CategoricalScore([0]),
            image[None],
            penultimate_layer=networks.last_convolution(model),
            seek_penultimate_conv_layer=False,
        )


def main() -> None:
    """Time both ways on the same images and print the ratio for each architecture."""
    settings = load_settings(DEFAULT_PROFILE, "upsample_to=96")
    images = np.random.default_rng(0).integers(256, size=(IMAGES, *SHAPE), dtype=np.uint8)
    for name in settings.models:
        model = networks.build(name, settings, SHAPE, classes=4, seed=0)

        started = time.perf_counter()
        methods.grad_cam_cells(Probe(model), images, np.zeros(IMAGES, int))
        ours = time.perf_counter() - started

        one_by_one(model, images[:1])
        started = time.perf_counter()
        one_by_one(model, images[:ONE_BY_ONE])
        plain = (time.perf_counter() - started) / ONE_BY_ONE * IMAGES

        print(f"{name}, {IMAGES:,} images: {ours:.1f} s, compiling included")
        print(f"tf-keras-vis image by image, from {ONE_BY_ONE} of them: {plain:.0f} s")
        print(f"{plain / ours:.0f} times faster", flush=True)


if __name__ == "__main__":
    main()
