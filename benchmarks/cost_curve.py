"""What a pass over images takes in seconds and memory, by their number and their size.

Run it with `python -m benchmarks.cost_curve` on a machine with nothing else to do; it takes half an
hour, and the name of a work measures that one anew. It writes `cost_curve.json` beside this file,
which the chapter on cost shows. Each measurement has a process of its own, in the environment that
`make book` gives its jobs, so that its memory is its own.
"""

import itertools
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks.comparison import peak_memory, seconds
from helpers.data.dataset import Dataset
from helpers.pipeline import surroundings
from helpers.study.provenance import here_and_now
from helpers.study.settings import REPOSITORY, Settings

RESULTS = Path(__file__).with_suffix(".json")
# An epoch of the custom CNN, a view of each image through a frozen base, an epoch of its head.
TRAINING, FEATURES, HEAD = "training", "features", "head"
MODELS = {TRAINING: "custom-cnn", FEATURES: "resnet50", HEAD: "resnet50"}
# Images, their size in pixels, and how often each is measured.
MEASURED = {
    TRAINING: (
        *((1_000, 28, 3), (2_000, 28, 1), (4_000, 28, 1), (8_000, 28, 1), (16_000, 28, 1)),
        *((32_000, 28, 1), (97_477, 28, 1), (1_000_000, 28, 1)),
        *((1_000, 64, 3), (500, 128, 3), (250, 224, 3)),
    ),
    FEATURES: tuple((count, 28, 1) for count in (500, 1_000, 2_000, 4_000, 8_000, 16_000)),
    HEAD: ((97_477, 28, 1),),
}
SETTINGS = {FEATURES: {"cached_views": 1}}
# Of more images than these so many are trained on, and the epoch's time is taken from them.
MOST, WARMING = 100_000, 256
FEW = 4  # of validation and test, which a data set must have


def measure(work: str, count: int, size: int) -> dict[str, float | bool]:
    """Seconds of a pass, and the most memory that this process held, in GB."""
    from benchmarks import loading
    from helpers.data import dataset as datasets
    from helpers.data import unpacked

    with (
        tempfile.TemporaryDirectory() as name,
        patch.object(unpacked, "FOLDER", Path(name, "unpacked")),
    ):
        path = Path(name, "scans.npz")
        loading.write(path, size, {"train": count, "val": FEW, "test": FEW})
        with peak_memory() as gigabytes:
            settings = loading.settings_of(path, **SETTINGS.get(work, {}))
            dataset = datasets.load(settings.data)
            took = WORKS[work](settings, dataset, Path(name))
    is_short = work == TRAINING and count > MOST
    share = count / MOST if is_short else 1
    return {"seconds": took * share, "gigabytes": gigabytes(), "is_short": is_short}


def of_training(settings: Settings, dataset: Dataset, folder: Path) -> float:
    """Seconds of an epoch, compiling excluded."""
    from benchmarks import training
    from helpers.models import batches

    network = training.network_of(settings, dataset)
    return _of_epoch(network, settings, dataset, batches.of_images(settings, dataset))


def of_features(settings: Settings, dataset: Dataset, folder: Path) -> float:
    """Seconds of one view of each image through the base and to disk, compiling excluded."""
    from helpers.models import batches, features, networks

    network = networks.build(
        MODELS[FEATURES], settings, dataset.shape, len(dataset.classes), seed=0
    )
    base = networks.features_of(network)
    for size in (batches.PREDICTION_BATCH, FEW):
        base.predict_on_batch(dataset.train.images[:size])
    shape = features.row_count(settings, dataset), base.output_shape[-1]
    rows = np.lib.format.open_memmap(folder / "rows.npy", "w+", np.float32, shape)
    given = features.blocks(settings, dataset), base, rows, FEATURES
    return seconds(lambda: features.extract(*given, is_done=lambda count: rows.flush()))


def of_head(settings: Settings, dataset: Dataset, folder: Path) -> float:
    """Seconds of the head's epoch on as many views as the settings keep, compiling excluded."""
    from helpers.models import batches, networks

    network = networks.build(MODELS[HEAD], settings, dataset.shape, len(dataset.classes), seed=0)
    head = networks.head_of(network)
    shape = settings.base.cached_views, len(dataset.train), head.input_shape[-1]
    views = np.lib.format.open_memmap(folder / "rows.npy", "w+", np.float32, shape)
    for view in views:
        for start in range(0, len(view), WARMING):
            part = view[start : start + WARMING]
            part[:] = np.random.default_rng(start).random(part.shape, np.float32)
    views.flush()
    return _of_epoch(head, settings, dataset, batches.of_views(np.asarray(views)))


def _of_epoch(model: Any, settings: Settings, dataset: Dataset, draw: Callable) -> float:
    from benchmarks import training
    from helpers.models import batches

    size = settings.training.batch_size
    compiled = training.compiled(model)
    truth = batches.one_hot(dataset.train.labels, len(dataset.classes))
    drawn = batches.shuffled(draw, truth, size, 0, lambda: 0)
    compiled.fit(drawn.take(WARMING // size), verbose=0)
    return seconds(lambda: compiled.fit(drawn.take(MOST // size), verbose=0))


WORKS = {TRAINING: of_training, FEATURES: of_features, HEAD: of_head}


def apart(work: str, count: int, size: int) -> dict[str, float | bool]:
    """`measure` in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.cost_curve", work, str(count), str(size)]
    given = {"cwd": REPOSITORY, "env": surroundings.plain(), "stderr": subprocess.DEVNULL}
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **given).stdout
    return json.loads(told.splitlines()[-1])


def main() -> None:
    """Measure everything, or what a work's name asks for, and write it down at the end."""
    asked = sys.argv[1:]
    if len(asked) == 3:
        work, count, size = asked
        print(json.dumps(measure(work, int(count), int(size))))
        return
    made = {name: here_and_now()[name] for name in ("date", "commit", "packages", "hardware")}
    told = json.loads(RESULTS.read_text(encoding="utf-8")) if asked else {"made": {}, "rows": []}
    rows = [row for row in told["rows"] if row["work"] not in asked]
    for work in asked or MEASURED:
        told["made"][work] = made
        for count, size, times in MEASURED[work]:
            for _ in itertools.repeat(None, times):
                row = {"work": work, "model": MODELS[work], "images": count, "size": size}
                rows.append(row | apart(work, count, size))
                print(rows[-1], flush=True)
    RESULTS.write_text(json.dumps(told | {"rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
