"""What heatmaps a run has: read where they are there, else made.

Who only reads loads no Keras, which takes ten seconds.
"""

from pathlib import Path

import numpy as np

from helpers.data.dataset import Dataset
from helpers.heatmaps import artifacts, controls
from helpers.heatmaps.artifacts import Trial
from helpers.models.trainings import Trained, recall, result_key
from helpers.study import architectures
from helpers.study.code import result_digest
from helpers.study.runs import Run, is_current, remember, replacing_file
from helpers.study.settings import Settings

HERE = Path(__file__).parent


def load_or_run(run: Run, settings: Settings, dataset: Dataset) -> Trial:
    """The trial of this run's heatmaps; it is run, and kept in the run's folder, if there is none.

    Raises InputError where a training is missing, naming the chapter to run first.
    """
    key = trial_key(run, settings, dataset)
    if not (is_current(run.heatmaps, key) and is_current(run.explanations, key)):
        from helpers.heatmaps.trial import run_trial

        tried = run_trial(run, settings, dataset, recall(run, settings, dataset))
        artifacts.save_trial(run, tried, key)
    return artifacts.load_trial(run)


def trial_key(run: Run, settings: Settings, dataset: Dataset) -> str:
    """What determines a trial: trainings, controls, what is asked of each model, and the code."""
    entries = [architectures.get(model) for model in settings.models]
    asked = [(entry.stages, entry.trial_share, entry.variant_of) for entry in entries]
    more = settings.heatmaps.model_dump(), controls.keys(run, settings, dataset), asked
    return result_key(settings, dataset, HERE / "trial.py", *more)


def load_or_draw_grad_cam(trained: Trained, images: np.ndarray) -> np.ndarray:
    """The Grad-CAM maps of a training's test images, all of them, for the classes that it named.

    float32 (n, h, w), as `methods.grad_cam_cells` draws them; kept beside the training.
    """
    kept, key = trained.folder / "grad-cam.npz", result_digest(HERE / "methods.py")
    if not is_current(kept, key):
        from helpers.heatmaps.methods import grad_cam_cells
        from helpers.heatmaps.probe import Probe

        maps = grad_cam_cells(Probe(trained.load_model()), images, trained.predicted)
        with replacing_file(kept) as file:
            np.savez(file, maps=maps, classes=trained.predicted)
        remember(kept, key)
    with np.load(kept) as arrays:
        return arrays["maps"]
