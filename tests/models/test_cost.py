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


def test_a_frozen_base_costs_a_pass_for_each_view(a_second_a_call, dataset):
    batches = len(dataset.train) / 32
    for views in (1, 4):
        settings = load_settings("demo", f"{SMALL} cached_views={views}")
        seconds = cost.estimated_seconds(settings, dataset, "resnet50", 30)
        assert seconds == pytest.approx(views * batches)


def test_a_call_is_timed(monkeypatch):
    ticks = iter(np.arange(0.0, 100.0, 10.0))
    monkeypatch.setattr(cost.time, "monotonic", lambda: next(ticks))
    assert cost._seconds_a_call(lambda: None) == 10.0 / cost.TIMED_CALLS
