"""Which models are on trial, and the models trained beside them where truth is known.

It loads no Keras until something is trained: the pipeline asks it what there is to train.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from helpers.data import dataset as datasets
from helpers.data.dataset import Dataset, Split
from helpers.heatmaps.judgement import LEAST
from helpers.models import trainings
from helpers.models.trainings import Trained
from helpers.study import architectures, data_sets
from helpers.study.runs import Run
from helpers.study.settings import DEFAULT_PROFILE, Settings, load_settings

RANDOM_BASE = "its base has random weights, which gives no verdict"
# Enough for batch norm to settle; a model can learn no more than the class ratio from such labels.
SHUFFLED_EPOCHS = 3
GRAD_CAM = "Grad-CAM"
# The methods on trial by what they cost: a call of the model an image, the setting `evaluations`
# of them, or many times as many. The families stand together, in the order of the pages.
ONE_CALL = (GRAD_CAM, "Grad-CAM++", "LayerCAM", "saliency")
# These take so many times as many: what two cores afford. Two draws of LIME agree by 0.84 with 252
# calls and by 0.86 with 504; SHAP with half as many by 0.89 and 0.88 (rank correlation, ten images
# of the phantom). `trial.settled` measures both in every run.
SAMPLING = dict.fromkeys(("LIME", "SHAP"), 14)
METHODS = (
    *(GRAD_CAM, "Grad-CAM++", "LayerCAM", "Score-CAM"),
    *("saliency", "SmoothGrad", "integrated gradients", "occlusion"),
    *SAMPLING,
)
# Phantom images with a known lesion, which cost a method that is cheap nothing.
KNOWN_LESIONS = 120


class Planned(NamedTuple):
    """A control yet to be trained, or trained already: where it lies, how, and on what."""

    run: Run
    settings: Settings
    dataset: Dataset


class Control(NamedTuple):
    """A model trained on the phantom, one trained on its shuffled labels, and the phantom."""

    trained: Trained
    shuffled: Trained
    phantom: Dataset


def models_on_trial(settings: Settings) -> tuple[str, ...]:
    """The models whose heatmaps are judged: no variant of another, none on a random base."""
    return tuple(model for model in settings.models if settings.is_on_trial(model))


def models_untried(settings: Settings) -> tuple[str, ...]:
    """The models whose heatmaps would be judged, had their base not random weights."""
    on_random_base = filter(settings.has_random_base, settings.models)
    return tuple(model for model in on_random_base if not architectures.get(model).variant_of)


def images_on_trial(settings: Settings, model: str) -> dict[str, int]:
    """Of how many of the run's first test images each method explains a model.

    Fewer where a model is dear; of a dear model fewer still by methods that call it often; by LIME
    and SHAP an eighth, and none where that would be fewer than an interval takes.
    """
    wanted, share = settings.heatmaps.explained_images, architectures.get(model).trial_share
    often = max(LEAST, wanted // share**2)
    counts = {method: often for method in METHODS}
    counts |= {method: max(LEAST, wanted // share) for method in ONE_CALL}
    sampled = wanted // (8 * share**2)
    return counts | {method: sampled if sampled >= LEAST else 0 for method in SAMPLING}


def lesions_on_trial(settings: Settings, model: str) -> dict[str, int]:
    """Of how many phantom images with a lesion: more, but where a dear model is called often."""
    is_dear = architectures.get(model).trial_share > 1
    return {
        method: count
        if method in SAMPLING or (is_dear and method not in ONE_CALL)
        else KNOWN_LESIONS
        for method, count in images_on_trial(settings, model).items()
    }


def why_no_truth(dataset: Dataset) -> str | None:
    """Why the phantom's lesions say nothing about models of these images; None where they do."""
    imitated = data_sets.get(data_sets.imitated())
    if dataset.data_set == imitated:
        return None
    return f"the phantom imitates {imitated.title}, and this run is about {dataset.data_set.title}"


def planned(run: Run, settings: Settings, dataset: Dataset) -> tuple[Planned, Planned]:
    """What is trained beside a model on trial: itself on the phantom, and on shuffled labels.

    On the phantom the run's own first training is the first of them. Elsewhere it has the run's
    network, base weights included, and images of the run's size; all else is the protocol of the
    default profile, which takes minutes.
    """
    first = Planned(run, settings, dataset)
    if not dataset.is_phantom:
        protocol = _protocol(settings, dataset)
        phantom = datasets.phantom_like(protocol.data, dataset.size, dataset.shape[2])
        first = Planned(run.control("phantom"), protocol, phantom)
    training = first.settings.training
    fewer = training.model_copy(update={"epochs": min(SHUFFLED_EPOCHS, training.epochs)})
    quicker = first.settings.model_copy(update={"training": fewer})
    shuffled = replace(run.control("shuffled"), lender=first.run)
    return first, Planned(shuffled, quicker, shuffled_labels(first.dataset))


def load_or_train(run: Run, settings: Settings, dataset: Dataset, model: str) -> Control:
    """Both controls of a model, trained with the first seed unless they are there."""
    from helpers.models import fit  # it loads Keras

    plans = planned(run, settings, dataset)
    pair = (fit.load_or_train(*plan, model, plan.settings.first_seed) for plan in plans)
    return Control(*pair, phantom=plans[0].dataset)


def keys(run: Run, settings: Settings, dataset: Dataset) -> list[str]:
    """What determines the controls of the models on trial: a training's key for each."""
    if why_no_truth(dataset):
        return []
    return [
        trainings.key(plan.settings, plan.dataset, model, plan.settings.first_seed)
        for plan in planned(run, settings, dataset)
        for model in models_on_trial(settings)
    ]


def shuffled_labels(dataset: Dataset, seed: int = 0) -> Dataset:
    """The same images with their training labels permuted (Adebayo et al. 2018).

    A model can only learn these by heart; validation and test keep their labels.
    """
    labels = np.random.default_rng(seed).permutation(dataset.train.labels)
    return replace(dataset, train=Split(dataset.train.images, labels))


def _protocol(settings: Settings, dataset: Dataset) -> Settings:
    default = load_settings(DEFAULT_PROFILE)
    backend = settings.training.backend
    of_the_run = {
        "training": default.training.model_copy(update={"backend": backend}),
        "data": default.data.model_copy(update={"image_size": dataset.size}),
        "convolutions": settings.convolutions,
        "base": settings.base.model_copy(update={"cached_views": default.base.cached_views}),
        "head": settings.head,
        "of_model": {
            model: others.model_copy(update={"learning_rate": None})
            for model, others in settings.of_model.items()
        },
    }
    return default.model_copy(update=of_the_run)
