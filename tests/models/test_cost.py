"""What a training will take: more for more epochs or views, as far as they are read."""

import numpy as np
import pytest

from helpers.models import cost
from helpers.study.settings import load_settings

SMALL = "phantom_images=[96,48,48] upsample_to=32 batch_size=32"


@pytest.fixture
def a_second_a_call(monkeypatch):
    monkeypatch.setattr(cost, "_seconds_a_call", lambda call: 1.0)


def test_each_epoch_of_a_network_costs_its_batches(a_second_a_call, dataset):
    batches = len(dataset.train) / 32
    for epochs in (1, 3):
        settings = load_settings("demo", SMALL)
        seconds = cost.estimated_seconds(settings, dataset, "custom-cnn", epochs)
        assert seconds == pytest.approx(epochs * batches)


def test_a_frozen_base_costs_its_images_once_and_its_head_each_epoch(a_second_a_call, dataset):
    settings, batches = load_settings("demo", SMALL), len(dataset.train) / 32
    for rows in (0, 64):
        seconds = cost.estimated_seconds(settings, dataset, "resnet50", 30, rows)
        assert seconds == pytest.approx(rows / 32 + 30 * batches)


def test_a_call_is_timed(monkeypatch):
    ticks = iter(np.arange(0.0, 100.0, 10.0))
    monkeypatch.setattr(cost.time, "monotonic", lambda: next(ticks))
    assert cost._seconds_a_call(lambda: None) == 10.0 / cost.TIMED_CALLS
