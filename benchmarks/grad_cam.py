"""Grad-CAM of 1,000 images, beside tf-keras-vis called image by image.

The default profile's models, untrained, on 28 px images; a frozen base sees them at 96 px.
"""

from helpers.models.backend import keras

# isort: split
import numpy as np
from tf_keras_vis.gradcam import Gradcam
from tf_keras_vis.utils.scores import CategoricalScore

from benchmarks.comparison import Comparison, seconds, show, timed, times_faster
from helpers.heatmaps import methods
from helpers.heatmaps.probe import Probe
from helpers.models import networks
from helpers.study import architectures
from helpers.study.settings import DEFAULT_PROFILE, load_settings

IMAGES, TURNS, ASKED, WITHIN = 1_000, 3, 10, 1e-3
ONE_BY_ONE = 20
SHAPE = (28, 28, 1)


def one_by_one(visualization: Gradcam, layer: str, images: np.ndarray) -> np.ndarray:
    """tf-keras-vis on the whole model, image by image; it builds a model at each call itself."""
    maps = [
        visualization(
            CategoricalScore([0]),
            image[None],
            penultimate_layer=layer,
            seek_penultimate_conv_layer=False,
            expand_cam=False,
            normalize_cam=False,
        )
        for image in images.astype(np.float32)
    ]
    return np.concatenate(maps)


def compare() -> list[Comparison]:
    """Each architecture of the default profile, compiling included."""
    settings = load_settings(DEFAULT_PROFILE, "upsample_to=96")
    images = np.random.default_rng(0).integers(256, size=(IMAGES, *SHAPE), dtype=np.uint8)
    made = []
    for name in settings.models:
        model = networks.build(name, settings, SHAPE, classes=4, seed=0)
        logits = keras.Model(model.inputs, model.get_layer(networks.LOGITS).output)
        few = Gradcam(logits, clone=False), networks.last_convolution(model), images[:ONE_BY_ONE]
        expected = one_by_one(*few)
        turns, slow = [], []
        for _ in range(TURNS):
            given = Probe(model), images, np.zeros(IMAGES, int)
            took, maps = timed(methods.grad_cam_cells, *given)
            turns.append(took)
            slow.append(seconds(one_by_one, *few) / ONE_BY_ONE * IMAGES)
        # Cells are compared as heatmaps show them: in shares of the hottest.
        apart = np.abs(maps[:ONE_BY_ONE] - expected).max() / expected.max()
        if apart > WITHIN:
            raise AssertionError(f"{name}: maps differ by {apart:.1e}")
        work = f"Grad-CAM of {IMAGES:,} images, {architectures.get(name).title}"
        goals = [times_faster(turns, slow, ASKED)]
        results = f"the maps of {ONE_BY_ONE} images within {apart:.0e}"
        plain_way = f"tf-keras-vis image by image, estimated from {ONE_BY_ONE} images"
        made.append(Comparison(work, plain_way, turns, slow, goals, results))
    return made


if __name__ == "__main__":
    show(compare())
