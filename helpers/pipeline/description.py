"""What `run.json` tells of a run: its settings, its images, and the key of each training."""

from helpers.data.dataset import Dataset
from helpers.models import trainings, weights
from helpers.study import architectures, provenance
from helpers.study.runs import Run, remember, write_json
from helpers.study.settings import Settings


def write(run: Run, settings: Settings, dataset: Dataset) -> None:
    """Write what a run is to its `run.json`.

    Where its files lie on this machine is kept beside, in `inputs.json`, which nobody else gets.
    """
    flat = settings.flat()
    paths = {name: flat[name] for name, told in settings.told().items() if told != flat[name]}
    write_json(run.inputs, paths)
    based = [model for model in settings.models if architectures.get(model).base]
    facts = {
        "settings": settings.told(),
        "data": dataset.name,
        "data_origin": dataset.origin,
        "data_fingerprint": dataset.fingerprint,
        "weights": {model: weights.identity(settings.weights(model)) for model in based},
        "counts": {name: len(split) for name, split in dataset.splits.items()},
        "shape": dataset.shape,
        "data_set": dataset.data_set.name,
        "is_phantom": dataset.is_phantom,
        "is_official": dataset.is_official,
        "trainings": {
            f"{model}, seed {seed}": trainings.key(settings, dataset, model, seed)
            for model in settings.models
            for seed in settings.seeds
        },
    }
    write_json(run.description, facts)
    remember(run.description, provenance.digest(facts))
