"""A frozen base's features: computed once for all seeds and heads, and kept.

They are written to disk as they come and read by memory map, so that memory doesn't grow with the
images, and an extraction that was killed goes on where it was.
"""

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from helpers.models.backend import keras

# isort: split
import numpy as np
from tqdm import tqdm

from helpers.data.dataset import Dataset
from helpers.models import augmentation, networks, trainings
from helpers.models.batches import PREDICTION_BATCH, of_images
from helpers.study.errors import InputError
from helpers.study.provenance import file_digest
from helpers.study.runs import Run, alone_in, read_json, write_json
from helpers.study.settings import Settings

# Views are drawn once and serve every seed.
SEED = 0
ROWS, STATE = "features.npy", "state.json"


class Block(NamedTuple):
    """Images that are run through the base together, and the rows that their features fill."""

    start: int
    images: Callable[[], np.ndarray]


def load_or_extract(
    run: Run, settings: Settings, dataset: Dataset, model: str
) -> dict[str, np.ndarray]:
    """A frozen base's pooled features, computed unless the run's folder holds them.

    Returns
    -------
    train : float32 (views, n, features), a view being another random augmentation of every image
        (one view, the image itself, without augmentation); val, test : float32 (n, features).

    Raises
    ------
    InputError : where the disk has no room for them.
    """
    folder = run.features(model)
    with alone_in(folder):
        if rows_left(run, settings, dataset, model):
            _extract_to(folder, settings, dataset, model)
    return of_splits(np.asarray(np.load(folder / ROWS, mmap_mode="r")), settings, dataset)


def rows_left(run: Run, settings: Settings, dataset: Dataset, model: str) -> int:
    """How many images the base has still to be run on: 0 where all features are kept, and whole."""
    folder, count = run.features(model), row_count(settings, dataset)
    state = _state(folder, trainings.features_key(settings, dataset, model))
    if "sha256" in state:
        return 0 if state["sha256"] == file_digest(folder / ROWS) else count
    return count - state.get("rows", 0)


def view_count(settings: Settings, dataset: Dataset) -> int:
    """How many views of each training image a frozen base is run on."""
    is_augmented = augmentation.applies(settings.augmentation, dataset.train.labels)
    return settings.base.cached_views if is_augmented else 1


def row_count(settings: Settings, dataset: Dataset) -> int:
    """How many images a frozen base is run on: every view of training, validation and test."""
    views = view_count(settings, dataset)
    return views * len(dataset.train) + len(dataset.val) + len(dataset.test)


def blocks(settings: Settings, dataset: Dataset) -> list[Block]:
    """What a frozen base is run on, in the order of its rows: views of training, val, test.

    What a block's views look like depends on its place alone.
    """
    draw, n, made, start = of_images(settings, dataset), len(dataset.train), [], 0

    def view(number: int, begin: int, end: int) -> Callable[[], np.ndarray]:
        return lambda: draw(np.arange(begin, end), np.random.default_rng([SEED, number, begin]))

    def plain(images: np.ndarray, begin: int, end: int) -> Callable[[], np.ndarray]:
        return lambda: images[begin:end]

    parts = [(n, view, number) for number in range(view_count(settings, dataset))]
    parts += [(len(split), plain, split.images) for split in (dataset.val, dataset.test)]
    for count, images, of_what in parts:
        for begin in range(0, count, augmentation.BATCH):
            end = min(count, begin + augmentation.BATCH)
            made.append(Block(start + begin, images(of_what, begin, end)))
        start += count
    return made


def extract(
    work: list[Block],
    network: keras.Model,
    rows: np.ndarray,
    title: str,
    is_done: Callable[[int], None] = lambda count: None,
) -> None:
    """Fill rows float32 (n, features) with the features of blocks.

    network : from images (n, *shape) to features (n, features); the bar bears the title.
    is_done : called after each block with the number of rows that are filled.
    """
    first = work[0].start if work else len(rows)
    with tqdm(total=len(rows), initial=first, desc=title, unit="image") as bar:
        for start, images_of in work:
            images = images_of()
            for begin in range(0, len(images), PREDICTION_BATCH):
                part = images[begin : begin + PREDICTION_BATCH]
                at = start + begin
                rows[at : at + len(part)] = network.predict_on_batch(part)
                bar.update(len(part))
            is_done(start + len(images))


def of_splits(rows: np.ndarray, settings: Settings, dataset: Dataset) -> dict[str, np.ndarray]:
    """The rows of `blocks` by split, as `load_or_extract` returns them."""
    views, n = view_count(settings, dataset), len(dataset.train)
    train, val, test = np.split(rows, [views * n, views * n + len(dataset.val)])
    return {"train": train.reshape(views, n, -1), "val": val, "test": test}


def _state(folder: Path, key: str) -> dict:
    """What is noted of features under this key; nothing where there are others or none."""
    state = read_json(folder / STATE)
    is_ours = isinstance(state, dict) and state.get("key") == key and (folder / ROWS).is_file()
    return state if is_ours else {}


def _extract_to(folder: Path, settings: Settings, dataset: Dataset, model: str) -> None:
    key = trainings.features_key(settings, dataset, model)
    whole = networks.build(model, settings, dataset.shape, len(dataset.classes), seed=SEED)
    network = networks.features_of(whole)
    shape = row_count(settings, dataset), network.output_shape[-1]
    state, rows = _state(folder, key), None
    # Of whole features that turn out to be damaged nobody knows which rows are.
    done = 0 if "sha256" in state else state.get("rows", 0)
    folder.mkdir(parents=True, exist_ok=True)
    if done:
        rows = _opened(folder / ROWS, shape)
    if rows is None:
        (folder / STATE).unlink(missing_ok=True)
        (folder / ROWS).unlink(missing_ok=True)
        _require_room(folder, model, 4 * math.prod(shape))
        done, rows = 0, np.lib.format.open_memmap(folder / ROWS, "w+", np.float32, shape)

    def note(count: int) -> None:
        rows.flush()
        write_json(folder / STATE, {"key": key, "rows": count})

    work = [block for block in blocks(settings, dataset) if block.start >= done]
    extract(work, network, rows, f"{model}, frozen features", note)
    rows.flush()
    write_json(folder / STATE, {"key": key, "sha256": file_digest(folder / ROWS)})


def _require_room(folder: Path, model: str, needed: int) -> None:
    # A map may grow beyond the disk, and the process is then killed where it writes.
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise InputError(
            f"{folder}: the features of {model} take {needed / 2**20:,.0f} MiB, and the disk has "
            f"{free / 2**20:,.0f} MiB free; make room, or keep fewer views (cached_views)"
        )


def _opened(path: Path, shape: tuple[int, int]) -> np.memmap | None:
    """Rows that are there, to be gone on with; None where the file is damaged."""
    try:
        there = np.load(path, mmap_mode="r")  # for writing, a file cut short would be filled up
    except (OSError, ValueError):
        return None
    if there.shape != shape or there.dtype != np.float32:
        return None
    return np.load(path, mmap_mode="r+")
