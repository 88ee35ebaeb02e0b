"""How long Grad-CAM of 1,000 images takes, beside tf-keras-vis called image by image.

Run it with `python -m benchmarks.grad_cam`: both architectures, untrained; ResNet50 at 96 px.
"""

import time

import keras
import numpy as np
from tf_keras_vis.gradcam import Gradcam
from tf_keras_vis.utils.scores import CategoricalScore

from helpers import explain, models
from helpers.settings import load_settings

IMAGES = 1_000
ONE_BY_ONE = 20
SIZES = {"custom-cnn": 28, "resnet50": 96}


def one_by_one(model: keras.Model, images: np.ndarray) -> None:
    """tf-keras-vis on the whole model, the plain way."""
    logits = keras.Model(model.inputs, model.get_layer(models.LOGITS).output)
    visualization = Gradcam(logits, clone=False)
    for image in images.astype(np.float32):
        visualization(
            CategoricalScore([0]),
            image[None, ..., None],
            penultimate_layer=models.last_convolution(model),
            seek_penultimate_conv_layer=False,
        )


def main() -> None:
    """Time both ways on the same images and print the ratio for each architecture."""
    settings = load_settings("demo", f"upsample_to={SIZES['resnet50']}")
    for name, size in SIZES.items():
        model = models.build(name, settings, size, classes=4, seed=0)
        images = np.random.default_rng(0).integers(256, size=(IMAGES, size, size), dtype=np.uint8)

        started = time.perf_counter()
        explain.grad_cam(model, images, np.zeros(IMAGES, int))
        ours = time.perf_counter() - started

        one_by_one(model, images[:1])
        started = time.perf_counter()
        one_by_one(model, images[:ONE_BY_ONE])
        plain = (time.perf_counter() - started) / ONE_BY_ONE * IMAGES

        print(f"{name} at {size} px, {IMAGES:,} images: {ours:.1f} s, compiling included")
        print(f"tf-keras-vis image by image, from {ONE_BY_ONE} of them: {plain:.0f} s")
        print(f"{plain / ours:.0f} times faster", flush=True)


if __name__ == "__main__":
    main()
