"""Which settings of the kernels make processors agree, and what each costs.

Run it with `python -m benchmarks.processors DATA WEIGHTS`: it does one small job under each setting
and prints digests of what came out; equal digests mean equal bits. `--like` compares with what
`--keep` left on another machine, `--train 0,1,2` goes on to whole trainings with these seeds.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

# Of the small job: images for features and views, of training, of validation and test; epochs.
IMAGES, TRAINED_IMAGES, JUDGED_IMAGES, EPOCHS = 256, 1_000, 256, 3


@dataclass(frozen=True)
class Kernels:
    """Settings of TensorFlow's kernels.

    environment : read when TensorFlow is imported.
    cores : how many it may use; None for all.
    deterministic : whether its operations are asked to be deterministic.
    """

    environment: dict[str, str] = field(default_factory=dict)
    cores: int | None = None
    deterministic: bool = False


WITHOUT_ONEDNN = {"TF_ENABLE_ONEDNN_OPTS": "0"}
# TensorFlow's own matrix products call oneDNN's too, unless this is off.
PLAIN = WITHOUT_ONEDNN | {"TENSORFLOW_USE_CUSTOM_CONTRACTION_KERNEL": "false"}
KERNELS = {
    "default": Kernels(),
    "2 cores": Kernels(cores=2),
    "1 core": Kernels(cores=1),
    "deterministic operations": Kernels(deterministic=True),
    "oneDNN held to AVX-512": Kernels({"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"}),
    "oneDNN held to AVX2": Kernels({"ONEDNN_MAX_CPU_ISA": "AVX2"}),
    "oneDNN held to SSE4.1": Kernels({"ONEDNN_MAX_CPU_ISA": "SSE41"}),
    "no oneDNN": Kernels(WITHOUT_ONEDNN),
    "plain": Kernels(PLAIN),
    "plain, 1 core": Kernels(PLAIN, cores=1),
}


def under(kernels: Kernels, job: Callable, *arguments: Any) -> Any:
    """What a job gives in a process of its own that has these kernels, one core at least."""
    environment = {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    with (
        patch.dict(os.environ, environment | kernels.environment),
        ProcessPoolExecutor(1, get_context("spawn"), _set, (kernels,)) as pool,
    ):
        return pool.submit(job, *arguments).result()


def small_job(data: Path, weights: Path) -> dict[str, np.ndarray]:
    """Features, views and a short training: some 30 seconds of one core.

    Returns
    -------
    features : float32 (256, 2048), ResNet50's of the first training images.
    views : uint8 (256, size, size, 1), a random view of each.
    predictions : float32 (256, classes), of the first test images by a custom CNN.
    seconds, cpu_seconds : float64 (), of all that.
    """
    from helpers.models import augmentation, fit, networks
    from helpers.study.runs import Run

    settings, dataset = _study(data, weights, EPOCHS)
    dataset = replace(
        dataset,
        train=_first(TRAINED_IMAGES, dataset.train),
        val=_first(JUDGED_IMAGES, dataset.val),
        test=_first(JUDGED_IMAGES, dataset.test),
    )
    images = dataset.train.images[:IMAGES]
    started, used = time.monotonic(), time.process_time()
    network = networks.build("resnet50", settings, dataset.shape, len(dataset.classes), seed=0)
    features = networks.features_of(network).predict_on_batch(images)
    views = augmentation.views(images, settings.augmentation, np.random.default_rng(0))
    with tempfile.TemporaryDirectory() as folder:
        trained = fit.load_or_train(Run(Path(folder)), settings, dataset, "custom-cnn", 0)
    return {
        "features": features,
        "views": views,
        "predictions": trained.predictions.test_probabilities,
        "seconds": np.array(time.monotonic() - started),
        "cpu_seconds": np.array(time.process_time() - used),
    }


def whole_trainings(data: Path, weights: Path, model: str, seeds: list[int]) -> list[str]:
    """A line a seed: the accuracy of a whole training on validation and test, and its epoch."""
    from helpers.models import fit
    from helpers.study.runs import Run

    settings, dataset = _study(data, weights)
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in seeds:
            started = time.monotonic()
            trained = fit.load_or_train(Run(Path(folder)), settings, dataset, model, seed)
            test = 100 * (trained.predicted == dataset.test.labels).mean()
            val = 100 * trained.history["val_accuracy"].max()
            lines.append(
                f"{model}, seed {seed}: test {test:.1f} %, validation {val:.1f} % in epoch "
                f"{trained.best_epoch} of {len(trained.history)}; "
                f"{time.monotonic() - started:.0f} s"
            )
    return lines


def machine() -> str:
    """Processor, cores and packages."""
    import keras
    import tensorflow

    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    processor = next(line.split(": ")[1] for line in lines if line.startswith("model name"))
    cores = len(os.sched_getaffinity(0))
    packages = f"TensorFlow {tensorflow.__version__}, Keras {keras.__version__}"
    return f"{cores} cores of {processor}, {packages}"


def difference(array: np.ndarray, other: np.ndarray) -> str:
    """The largest difference of two arrays as a share of the second's mean size."""
    gap = np.abs(array.astype(float) - other.astype(float)).max()
    return f"{gap / np.abs(other).mean():.0e}" if gap else "0"


def _set(kernels: Kernels) -> None:
    if kernels.cores:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: kernels.cores])
    import tensorflow

    if kernels.deterministic:
        tensorflow.config.experimental.enable_op_determinism()
    from helpers.study import provenance

    # A machine that lacks git, or a package that only other steps need, measures as well.
    provenance.here_and_now = dict


def _first(count: int, split: Any) -> Any:
    return replace(split, images=split.images[:count], labels=split.labels[:count])


def _study(data: Path, weights: Path, epochs: int | None = None) -> tuple:
    from helpers.data import dataset
    from helpers.study.settings import load_settings

    overrides = f"epochs={epochs}" if epochs else None
    settings = load_settings("local", overrides, data_path=str(data), weights=str(weights))
    return settings, dataset.load(settings.data)


def main() -> None:
    """Print a line for each setting, then one for each training that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.processors", description=__doc__)
    parser.add_argument("data", type=Path, help="a MedMNIST-format .npz of grey images")
    parser.add_argument("weights", type=Path, help="of ResNet50 without its top, .h5")
    parser.add_argument("--keep", type=Path, help="folder for the arrays of each setting")
    parser.add_argument("--like", type=Path, help="folder that another machine kept")
    parser.add_argument(
        "--only",
        nargs="*",
        default=KERNELS,
        choices=KERNELS,
        metavar="SETTING",
        help="some settings, or none",
    )
    parser.add_argument("--train", default="", help="seeds of whole trainings, as 0,1,2")
    parser.add_argument(
        "--models", default="custom-cnn,resnet50,resnet50-caffe", help="of whole trainings"
    )
    options = parser.parse_args()
    print(under(Kernels(), machine), flush=True)
    reference, first = None, next(iter(options.only), None)
    for name in options.only:
        found = under(KERNELS[name], small_job, options.data, options.weights)
        seconds, cpu = found.pop("seconds"), found.pop("cpu_seconds")
        reference = reference or found
        told = [f"{name}: {seconds:.1f} s, {cpu:.1f} s of CPU"]
        others = {first: reference}
        if options.like:
            with np.load(options.like / f"{name}.npz") as arrays:
                others["there"] = dict(arrays)
        if options.keep:
            options.keep.mkdir(parents=True, exist_ok=True)
            np.savez(options.keep / f"{name}.npz", **found)
        for key, array in found.items():
            gaps = [f"{difference(array, other[key])} from {at}" for at, other in others.items()]
            told.append(f"{key} {_digest(array)} ({', '.join(gaps)})")
        print("; ".join(told), flush=True)
    seeds = [int(seed) for seed in options.train.split(",") if seed]
    for model in options.models.split(",") if seeds else ():
        for line in under(Kernels(), whole_trainings, options.data, options.weights, model, seeds):
            print(line, flush=True)


def _digest(array: np.ndarray) -> str:
    from helpers.study.provenance import arrays_digest

    return arrays_digest(array)[:8]


if __name__ == "__main__":
    main()
