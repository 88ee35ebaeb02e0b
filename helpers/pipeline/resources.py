"""What a job asks for: cores, memory and time, which a machine or a cluster shares out by.

They are limits to plan by, not estimates: generous, from the images and the settings alone, so that
every machine that reads the Snakefile finds the same.
"""

import itertools

import psutil

from helpers.data.dataset import Dataset
from helpers.study import architectures
from helpers.study.provenance import gpu_count, usable_cores
from helpers.study.settings import Settings

# Of a job that trains, draws maps or resamples. Sixteen cores train hardly faster than two
# (benchmarks/README.md), so a larger machine does several jobs side by side.
THREADS = 4
# Rules whose jobs run networks: a GPU's memory is enough for one of them at a time.
ON_NETWORKS = ("train", "control", "grad_cam", "explanations", "acquisition")
OPTIONS = ("--executor", "-e")
EXECUTORS_HERE = ("local", "dryrun", "touch")

MEGABYTE = 1_000_000
# TensorFlow and Keras imported take 0.8 GB, the smallest training 0.9 GB, and each of the two
# Snakemakes that a cluster has around it 0.3 GB.
FLOOR = 2_000 * MEGABYTE
# Of images as bytes: the statistics of patients hold them as float32, training as they are.
COPIES = 4
# Of a batch in training, for each pixel of each image; measured were 1.3 kB of the custom CNN and
# 2.4 kB of ResNet50 trained throughout.
ACTIVATIONS = 4_000

FLOOR_MINUTES = 60
# Of training, for each pixel of each image that it sees; ResNet50 trained throughout took 8e-6 s on
# two cores of a busy machine, the custom CNN less than half.
SECONDS = 1e-5
# Calls of a network for each image explained, in units of the setting `evaluations`: all methods
# and all criteria.
CALLS = 60


def asked(dataset: Dataset) -> dict[str, int]:
    """The resources of a job that runs no network: `mem_mb` (megabytes), `runtime` (minutes)."""
    return _told(_of_images(dataset), 0.0)


def asked_by_training(settings: Settings, dataset: Dataset, model: str) -> dict[str, int]:
    """The resources of one training, as of `asked`; those of a frozen base run it on each view."""
    memory = _of_images(dataset) // COPIES + _of_network(settings, dataset, model)
    if settings.features_are_fixed(model):
        seen = views(settings, dataset)
    else:
        seen = len(dataset.train) * settings.training.epochs
    return _told(memory, seen * _pixels(settings, dataset, model) * SECONDS)


def asked_by_maps(settings: Settings, dataset: Dataset) -> dict[str, int]:
    """The resources of the trial of all heatmaps, or of a chapter that may call every network."""
    networks = [_of_network(settings, dataset, model) for model in settings.models]
    calls = settings.heatmaps.explained_images * settings.heatmaps.evaluations * CALLS
    pixels = sum(_pixels(settings, dataset, model) for model in settings.models)
    return _told(_of_images(dataset) + max(networks), calls * pixels * SECONDS)


def views(settings: Settings, dataset: Dataset) -> int:
    """How many images a frozen base is run on at most, without Keras, as `features` has them."""
    return settings.base.cached_views * len(dataset.train) + len(dataset.val) + len(dataset.test)


def is_elsewhere(arguments: list[str]) -> bool:
    """Whether arguments of Snakemake's command line have another machine do the jobs."""
    words = [word for argument in arguments for word in argument.split("=", 1)]
    named = [after for word, after in itertools.pairwise(words) if word in OPTIONS]
    return bool(named) and named[-1] not in EXECUTORS_HERE


def limits_here() -> list[str]:
    """Snakemake's arguments for jobs on this machine: all its cores, and no more than its memory.

    Where there is a GPU, one job at a time runs networks.
    """
    cores = usable_cores()
    free = psutil.virtual_memory().available // MEGABYTE
    limits = ["--cores", str(cores), "--resources", f"mem_mb={free}"]
    if gpu_count():
        limits += ["--set-threads", *(f"{rule}={cores}" for rule in ON_NETWORKS)]
    return limits


def _told(memory: float, seconds: float) -> dict[str, int]:
    return {
        "mem_mb": round((FLOOR + memory) / MEGABYTE),
        "runtime": FLOOR_MINUTES + round(seconds / 60),
    }


def _of_images(dataset: Dataset) -> int:
    return COPIES * sum(split.images.nbytes for split in dataset.splits.values())


def _of_network(settings: Settings, dataset: Dataset, model: str) -> int:
    return settings.training.batch_size * _pixels(settings, dataset, model) * ACTIVATIONS


def _pixels(settings: Settings, dataset: Dataset, model: str) -> int:
    return (settings.base.upsample_to if architectures.get(model).base else dataset.size) ** 2
