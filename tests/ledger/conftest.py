"""What the ledger's tests share: a judge, and made-up runs."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from helpers.data.dataset import Dataset, Split
from helpers.evaluation import metrics
from helpers.evaluation.measures import Measure
from helpers.ledger import claims, verdicts
from helpers.models.trainings import Predictions, Trained
from helpers.study import data_sets
from helpers.study.settings import load_settings

LEDGER = claims.ledger()


def _images(
    name: str = "OCTMNIST", data_set: str = "octmnist", is_official: bool = True, size: int = 28
) -> Dataset:
    """A data set of blank images; by default it passes for OCTMNIST itself."""
    entry = data_sets.get(data_set)
    labels = np.arange(len(entry.classes))
    split = Split(np.zeros((len(labels), size, size, entry.channels), np.uint8), labels)
    return Dataset(name, entry, split, split, split, is_official=is_official)


def _replaced(values: dict[str, str]) -> tuple[claims.Claim, ...]:
    return tuple(
        claim.model_copy(update={"stated": values.get(claim.id, claim.stated)}) for claim in LEDGER
    )


def _verdicts_of(
    ledger=LEDGER, settings=None, dataset=None, metrics=None, trainings=(), rows=()
) -> dict[str, verdicts.Verdict]:
    settings = settings or load_settings("paper")
    dataset = dataset or _images("octmnist-mini", is_official=False)
    judged = verdicts.judge(ledger, settings, dataset, metrics or {}, trainings, rows)
    return {verdict.id: verdict for verdict in judged}


def _paper_run(shift: float = 0.0, seeds: int = 5, **totals: int) -> dict:
    """A made-up run of profile paper: every result is the report's accuracy, moved by `shift`.

    Seeds lie 0.001 apart, around that. totals : weights by further model, each as accurate as the
    custom CNN. Loss has no figure.
    """
    labels = np.arange(1000) % 4
    named = [n for n in metrics.names(data_sets.audited().classes) if n != "loss"]
    trainings, measured = [], {}
    for model, total in {"custom-cnn": 849_508, "resnet50": 24_771_210, **totals}.items():
        stated = "custom-cnn" if model in totals else model
        for seed in range(seeds):
            value = claims.stated(f"{stated}-accuracy") + shift + (seed - seeds // 2) / 1000
            predicted = np.where(np.arange(1000) < round(1000 * value), labels, (labels + 1) % 4)
            predictions = Predictions(np.eye(4)[labels], labels, np.eye(4)[predicted], labels)
            history = pd.DataFrame({"accuracy": [value], "val_accuracy": [value]})
            facts = {"parameters": {"total": total}, "seconds": 600.0}
            trainings.append(Trained(model, seed, None, history, predictions, facts))
            told = Measure(value, value - 0.005, value + 0.005, 1000)
            measured.setdefault(model, {})[str(seed)] = dict.fromkeys(named, told)
    return {"dataset": _images(), "metrics": measured, "trainings": trainings}


@pytest.fixture(scope="session")
def images() -> Callable[..., Dataset]:
    return _images


@pytest.fixture(scope="session")
def replaced() -> Callable[[dict[str, str]], tuple[claims.Claim, ...]]:
    """The ledger with other stated figures, by claim."""
    return _replaced


@pytest.fixture(scope="session")
def verdicts_of() -> Callable[..., dict[str, verdicts.Verdict]]:
    return _verdicts_of


@pytest.fixture(scope="session")
def paper_run() -> Callable[..., dict]:
    return _paper_run
