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


def images_to_fetch(settings: Settings) -> str:
    """The file of images that a run fetches, its size and its folder; empty where it is there."""
    data = settings.data
    if data.is_embedded or data.data_path is not None:
        return ""
    data_set = data_sets.get(data.data_set)
    path = files.place(data_set, data.image_size)
    if path.exists():
        return ""
    most = _amount(files.most_bytes(data_set, data.image_size))
    return f"fetches {path.name} (at most {most}) to {path.parent}"


def weights_to_fetch(settings: Settings) -> str:
    """The weights that a run fetches, their size and their folder; empty where they are there."""
    bases = {
        base.application: base
        for model in settings.models
        if (base := architectures.get(model).base) and settings.weights(model) == weights.IMAGENET
    }
    folder = weights.keras_folder()
    wanted = [
        f"{base.title} ({_amount(base.parameters * weights.BYTES)})"
        for name, base in bases.items()
        if not any(folder.glob(f"models/{name.lower()}*notop*"))
    ]
    return f"fetches the ImageNet weights of {', '.join(wanted)} to {folder}" if wanted else ""


def needs(settings: Settings, dataset: Dataset) -> str:
    """The memory of the largest job and the disk of a run, in words."""
    asked = [resources.asked_by_maps(settings, dataset)]
    asked += [resources.asked_by_training(settings, dataset, model) for model in settings.models]
    memory = max(each["mem_mb"] for each in asked) * resources.MEGABYTE
    return f"up to {_amount(memory)} of memory a job, {_amount(disk(settings, dataset))} of disk"


def disk(settings: Settings, dataset: Dataset) -> int:
    """About how many bytes a run keeps, with what is unpacked for it."""
    images = [split.images.nbytes for split in dataset.splits.values()]
    views = resources.views(settings, dataset)
    fixed = sum(map(settings.features_are_fixed, settings.models))
    trained = len(settings.models) * len(settings.seeds)
    of_images = sum(size for size in images if size >= unpacked.LEAST_BYTES and dataset.path)
    return of_images + fixed * views * OF_FEATURES + trained * OF_A_TRAINING + OF_THE_SITE


def _amount(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
