"""What several tests share: a small data set, and a run that two fast models have filled."""

import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from helpers.data import dataset as datasets
from helpers.data.files import SPLITS
from helpers.models import fit
from helpers.pipeline import address
from helpers.study import data_sets
from helpers.study.runs import Run
from helpers.study.settings import REPOSITORY, Settings, load_settings

# A shell has what it starts in the background ignore Ctrl-C, and so what the tests start and press
# it for.
signal.signal(signal.SIGINT, signal.default_int_handler)

SHARED = Path(__file__).resolve().parents[2] / "shared"
SMALL = (
    "phantom_images=[96,48,48] epochs=2 upsample_to=32 batch_size=32 "
    "explained_images=4 evaluations=4"
)


def _shared(*parts: str) -> Path:
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"{path.name} is not here")
    return path


@pytest.fixture(scope="session")
def octmnist_mini() -> Path:
    return _shared("octmnist-mini", "octmnist_mini.npz")


@pytest.fixture(scope="session")
def pretrained() -> Path:
    """The stand-in for ResNet50's ImageNet weights."""
    return _shared("weights", "resnet50_pruned_int8_imagenet_notop.h5")


@pytest.fixture(scope="session")
def report() -> str:
    """The text of the report that the book audits."""
    return _shared("seed", "report.txt").read_text()


@pytest.fixture(scope="session")
def small() -> Settings:
    return load_settings("demo", SMALL)


@pytest.fixture(scope="session")
def dataset(small: Settings) -> datasets.Dataset:
    return datasets.load(small.data)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="session")
def trainings(run: Run, small: Settings, dataset: datasets.Dataset) -> list:
    return [fit.load_or_train(run, small, dataset, model, 0) for model in small.models]


def draw_arrays(data_set: str, each: int = 2, size: int = 28) -> dict[str, np.ndarray]:
    """A valid MedMNIST-format file's arrays: random images, `each` of each class in every split."""
    entry = data_sets.get(data_set)
    rng = np.random.default_rng(0)
    count = each * len(entry.classes)
    colours = (3,) if entry.channels == 3 else ()
    arrays = {}
    for split in SPLITS:
        shape = (count, size, size, *colours)
        arrays[f"{split}_images"] = rng.integers(256, size=shape, dtype=np.uint8)
        arrays[f"{split}_labels"] = np.arange(count, dtype=np.uint8)[:, None] % len(entry.classes)
    return arrays


@pytest.fixture
def arrays() -> dict[str, np.ndarray]:
    """A valid MedMNIST-format file's arrays: eight images of each split, two of each class."""
    return draw_arrays("octmnist")


# What a user may give to make.
VALUES = (
    "PROFILE",
    "DATA",
    "WEIGHTS",
    "SEEDS",
    "MODELS",
    "SIZES",
    "SET",
    "RUN",
    "FROM",
    "OUT",
    "SIZE",
    "DATA_SET",
    "URL",
)


def without_makes_own() -> dict[str, str]:
    """The environment, freed of what a make above (`make test`) hands down."""
    handed = {"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "PYTHON", *VALUES}
    return {name: value for name, value in os.environ.items() if name not in handed}


def copy_of_the_repository(folder: Path) -> None:
    """Copy the repository's own files into a folder."""
    for path in address.files(REPOSITORY):
        copy = folder / path.relative_to(REPOSITORY)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, copy)
