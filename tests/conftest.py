"""What several tests share: a small data set, and a run that two fast models have filled."""

import os
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from helpers import data, training
from helpers.runs import Run
from helpers.settings import Settings, load_settings

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
def dataset(small: Settings) -> data.Dataset:
    return data.load(small)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(tmp_path_factory.mktemp("run"), fills_gaps=False)


@pytest.fixture(scope="session")
def trainings(run: Run, small: Settings, dataset: data.Dataset) -> list:
    return [training.load_or_train(run, small, dataset, model, 0) for model in small.models]


@pytest.fixture
def arrays() -> dict[str, np.ndarray]:
    """A valid MedMNIST-format file's arrays: eight images of each split, two of each class."""
    rng = np.random.default_rng(0)
    found = {}
    for split in data.SPLITS:
        found[f"{split}_images"] = rng.integers(256, size=(8, 28, 28), dtype=np.uint8)
        found[f"{split}_labels"] = np.arange(8, dtype=np.uint8)[:, None] % 4
    return found
