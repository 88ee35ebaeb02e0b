"""What a run will fetch, hold and keep, told before it begins.

How long it takes, `models.cost` tells of trainings, and `durations` of all that was done before.
"""

from helpers.data import files, unpacked
from helpers.data.dataset import Dataset
from helpers.models import weights
from helpers.pipeline import resources
from helpers.study import architectures, data_sets
from helpers.study.settings import Settings

# Of a training: the model, what it needs to go on after a kill, predictions and maps.
OF_A_TRAINING = 50_000_000
OF_THE_SITE = 100_000_000
# A frozen base's features of an image, float32.
OF_FEATURES = 4 * 2_048


def downloads(settings: Settings) -> list[str]:
    """The files that a run fetches, each with its size and the folder that it goes to."""
    data, told = settings.data, []
    if not data.is_embedded and data.data_path is None:
        data_set = data_sets.get(data.data_set)
        path = files.place(data_set, data.image_size)
        if not path.exists():
            most = _amount(files.most_bytes(data_set, data.image_size))
            told.append(f"{path.name} (at most {most}) to {path.parent}")
    bases = {
        base.application: base
        for model in settings.models
        if (base := architectures.get(model).base) and settings.weights(model) == weights.IMAGENET
    }
    folder = weights.keras_folder()
    for name, base in bases.items():
        if not any(folder.glob(f"models/{name.lower()}*notop*")):
            size = _amount(base.parameters * weights.BYTES)
            told.append(f"the ImageNet weights of {base.title} ({size}) to {folder}")
    return told


def needs(settings: Settings, dataset: Dataset) -> str:
    """The memory of the largest job and the disk of a run, in words."""
    asked = [resources.asked_by_maps(settings, dataset)]
    asked += [resources.asked_by_training(settings, dataset, model) for model in settings.models]
    memory = max(each["mem_mb"] for each in asked) * resources.MEGABYTE
    return f"up to {_amount(memory)} of memory a job, {_amount(disk(settings, dataset))} of disk"


def disk(settings: Settings, dataset: Dataset) -> int:
    """About how many bytes a run keeps, with what is unpacked for it."""
    images = [split.images.nbytes for split in dataset.splits.values()]
    views = settings.base.cached_views * len(dataset.train) + len(dataset.val) + len(dataset.test)
    fixed = sum(map(settings.features_are_fixed, settings.models))
    trained = len(settings.models) * len(settings.seeds)
    of_images = sum(size for size in images if size >= unpacked.LEAST_BYTES and dataset.path)
    return of_images + fixed * views * OF_FEATURES + trained * OF_A_TRAINING + OF_THE_SITE


def _amount(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
