"""Images of OCTMNIST's number read by memory map, beside `np.load` of everything as float32.

At 28 px the time from the second reading on; at 224 px the memory that an epoch holds.
"""

import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from unittest.mock import patch

from helpers.models.backend import keras

# isort: split
import numpy as np

from benchmarks.comparison import IS_FULL, Comparison, at_most, in_turn, peak_memory, seconds, show
from helpers.data import dataset as datasets
from helpers.data import phantom, unpacked
from helpers.models import batches
from helpers.study import data_sets
from helpers.study.settings import Settings, load_settings

ENTRY = data_sets.get(data_sets.imitated())
DRAWN = 1_000  # scans, of which the file is copies
SMALL, LARGE = data_sets.SIZES[0], data_sets.SIZES[-1]
SECONDS, GIGABYTES = 0.5, 2.5


def write(
    path: Path,
    size: int,
    counts: Mapping[str, int] = ENTRY.samples,
    compression: int = zipfile.ZIP_STORED,
) -> None:
    """A MedMNIST-format file of so many images by split, a few drawn ones many times."""
    classes = len(ENTRY.classes)
    drawn = phantom.draw_phantom(np.arange(DRAWN) % classes, size, seed=0).images
    with zipfile.ZipFile(path, "w", compression) as archive:
        for split, count in counts.items():
            labels = np.arange(count, dtype=np.uint8) % classes
            with archive.open(f"{split}_labels.npy", "w") as file:
                np.lib.format.write_array(file, labels)
            with archive.open(f"{split}_images.npy", "w", force_zip64=True) as file:
                told = {"descr": "|u1", "fortran_order": False, "shape": (count, size, size)}
                np.lib.format.write_array_header_1_0(file, told)
                for start in range(0, count, DRAWN):
                    file.write(drawn[: min(DRAWN, count - start)].tobytes())


def plain(path: Path) -> dict[str, np.ndarray]:
    """Everything as float32."""
    with np.load(path) as arrays:
        return {name: arrays[name].astype(np.float32) for name in arrays}


def settings_of(path: Path, is_varied: bool = True, **others: object) -> Settings:
    """Of a run on the file, whose training images are varied or taken as they are."""
    augmentation = "on" if is_varied else "off"
    given = {"augmentation": augmentation, "weights": "random"} | others
    return load_settings("local", data_path=str(path), **given)


def again(folder: Path) -> Comparison:
    """From the second time on."""
    path = folder / "small.npz"
    write(path, SMALL, compression=zipfile.ZIP_DEFLATED)
    data = settings_of(path).data
    first = seconds(datasets.load, data)
    turns, slow = in_turn(lambda: datasets.load(data).fingerprint, lambda: plain(path))
    loaded, expected = datasets.load(data), plain(path)
    for name, split in loaded.splits.items():
        np.testing.assert_array_equal(split.images[..., 0], expected[f"{name}_images"])
    count = sum(ENTRY.samples.values())
    work = f"loading {count:,} images of {SMALL} px from the second time on, with their fingerprint"
    goals = [at_most(max(turns), SECONDS, "s")]
    results = f"equal values; the first time {first:.1f} s"
    return Comparison(work, "np.load as float32", turns, slow, goals, results)


def an_epoch(folder: Path) -> Comparison:
    """Batches of all training images, through a network that is nearly none."""
    path = folder / "large.npz"
    write(path, LARGE)
    settings = settings_of(path, is_varied=IS_FULL)  # views take minutes of a processor
    with peak_memory() as gigabytes:
        dataset = datasets.load(settings.data)
        images, labels = dataset.train.images, dataset.train.labels
        truth = batches.one_hot(labels, len(dataset.classes))
        given = batches.of_images(settings, dataset), truth, settings.training.batch_size, 0
        layers = keras.layers
        model = keras.Sequential(
            [
                keras.Input(dataset.shape),
                layers.AveragePooling2D(LARGE // 4),
                layers.Flatten(),
                layers.Dense(len(dataset.classes), "softmax"),
            ]
        )
        model.compile("sgd", "categorical_crossentropy")
        turn = seconds(lambda: model.fit(batches.shuffled(*given, lambda: 0), verbose=0))
    as_bytes = images.nbytes / 1e9
    taken = "augmented" if IS_FULL else "not augmented"
    work = f"an epoch's {len(images):,} images of {LARGE} px, {taken}, hardly any network"
    goals = [at_most(gigabytes(), GIGABYTES, "GB")]
    results = (
        f"{gigabytes():.2g} GB at most; held as bytes it would be {as_bytes:.1f} GB, "
        f"as float32 {4 * as_bytes:.1f}"
    )
    return Comparison(work, "np.load as float32, not run", [turn], [], goals, results)


def compare() -> list[Comparison]:
    """Both."""
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.object(unpacked, "FOLDER", Path(folder, "unpacked")),
    ):
        return [again(Path(folder)), an_epoch(Path(folder))]


if __name__ == "__main__":
    show(compare())
