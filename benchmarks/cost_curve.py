"""What a pass over images takes in seconds and memory, by their number and their size.

Run it with `python -m benchmarks.cost_curve` on a machine with nothing else to do; it takes half an
hour, and a model's name measures that one anew. It writes `cost_curve.json` beside this file, which
the chapter on cost shows. Each measurement has a process of its own, so that its memory is its own.
"""

import itertools
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest.mock import patch

import numpy as np

from benchmarks.comparison import peak_memory, seconds
from helpers.data.dataset import Dataset
from helpers.study.provenance import here_and_now
from helpers.study.settings import REPOSITORY, Settings

RESULTS = Path(__file__).with_suffix(".json")
TRAINING, FEATURES = "custom-cnn", "resnet50"  # an epoch of one, frozen features of the other
# Images, their size in pixels, and how often each is measured.
MEASURED = {
    TRAINING: (
        *((1_000, 28, 3), (3_000, 28, 3), (10_000, 28, 3), (30_000, 28, 1)),
        *((97_477, 28, 1), (1_000_000, 28, 1)),
        *((1_000, 64, 3), (500, 128, 3), (250, 224, 3)),
    ),
    FEATURES: ((1_000, 28, 3), (3_000, 28, 1), (10_000, 28, 1)),
}
# Of more images than these so many are trained on, and the epoch's time is taken from them.
MOST, WARMING = 100_000, 256
FEW = 4  # of validation and test, which a data set must have


def measure(model: str, count: int, size: int) -> dict[str, float | bool]:
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
            settings = loading.settings_of(path, is_varied=model == TRAINING)
            dataset = datasets.load(settings.data)
            took = WORKS[model](settings, dataset, Path(name))
    is_short = model == TRAINING and count > MOST
    share = count / MOST if is_short else 1
    return {"seconds": took * share, "gigabytes": gigabytes(), "is_short": is_short}


def of_training(settings: Settings, dataset: Dataset, folder: Path) -> float:
    """Seconds of an epoch, compiling excluded."""
    from benchmarks import training
    from helpers.models import batches

    size = settings.training.batch_size
    model = training.compiled(training.network_of(settings, dataset))
    truth = batches.one_hot(dataset.train.labels, len(dataset.classes))
    drawn = batches.shuffled(batches.of_images(settings, dataset), truth, size, 0, lambda: 0)
    model.fit(drawn.take(WARMING // size), verbose=0)
    return seconds(lambda: model.fit(drawn.take(MOST // size), verbose=0))


def of_features(settings: Settings, dataset: Dataset, folder: Path) -> float:
    """Seconds of one view of each image through the base, compiling excluded."""
    from helpers.models import batches, features, networks

    network = networks.build(FEATURES, settings, dataset.shape, len(dataset.classes), seed=0)
    base = networks.features_of(network)
    for size in (batches.PREDICTION_BATCH, FEW):
        base.predict_on_batch(dataset.train.images[:size])
    shape = features.row_count(settings, dataset), base.output_shape[-1]
    rows = np.lib.format.open_memmap(folder / "rows.npy", "w+", np.float32, shape)
    work = features.blocks(settings, dataset)
    return seconds(lambda: features.extract(work, base, rows, FEATURES))


WORKS = {TRAINING: of_training, FEATURES: of_features}


def apart(model: str, count: int, size: int) -> dict[str, float | bool]:
    """`measure` in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.cost_curve", model, str(count), str(size)]
    given = {"cwd": REPOSITORY, "stderr": subprocess.DEVNULL}
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **given).stdout
    return json.loads(told.splitlines()[-1])


def main() -> None:
    """Measure everything, or what a model's name asks for, and write it down at the end."""
    asked = sys.argv[1:]
    if len(asked) == 3:
        model, count, size = asked
        print(json.dumps(measure(model, int(count), int(size))))
        return
    made = here_and_now()
    rows = json.loads(RESULTS.read_text(encoding="utf-8"))["rows"] if asked else []
    rows = [row for row in rows if row["model"] not in asked]
    for model in asked or MEASURED:
        for count, size, times in MEASURED[model]:
            for _ in itertools.repeat(None, times):
                row = {"model": model, "images": count, "size": size}
                rows.append(row | apart(model, count, size) | {"commit": made["commit"]})
                print(rows[-1], flush=True)
    told = {name: made[name] for name in ("date", "packages", "hardware")} | {"rows": rows}
    RESULTS.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
