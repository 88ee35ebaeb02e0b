"""Chapter 13: exponents and verdicts follow from the points, and figures show all of them."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from helpers.models.trainings import Trained
from helpers.pages import cost as page
from helpers.study.settings import load_settings


def rows(power: float, images=(1_000, 3_000, 10_000, 100_000)) -> pd.DataFrame:
    """Passes of two models whose seconds grow with a power, with some noise."""
    noise = np.random.default_rng(0).normal(0, 0.01, len(images))
    return pd.DataFrame(
        [
            {
                "model": model,
                "images": n,
                "size": 28,
                "seconds": 1e-3 * n**power * np.exp(error),
                "gigabytes": 0.9,
                "is_short": n > 50_000,
            }
            for model in ("custom-cnn", "resnet50")
            for n, error in zip(images, noise, strict=True)
        ]
        + [
            {"model": "custom-cnn", "images": 500, "size": size, "seconds": size**2 / 784}
            | {"gigabytes": 1.0, "is_short": False}
            for size in (64, 128, 224)
        ]
    )


@pytest.fixture
def curve(monkeypatch):
    def told(power):
        monkeypatch.setattr(page, "curve", lambda: rows(power))

    return told


def test_the_exponent_is_that_of_a_power_law():
    n = pd.Series([1.0, 10, 100, 1_000])
    exact = page.exponent(7 * n**1.5, n)
    assert (exact.value, exact.low, exact.high) == pytest.approx((1.5, 1.5, 1.5))
    noisy = page.exponent(7 * n * np.array([1, 1.2, 0.9, 1]), n)
    fewer = page.exponent(7 * n[:3] * np.array([1, 1.2, 0.9]), n[:3])
    assert exact.high - exact.low < noisy.high - noisy.low < fewer.high - fewer.low


@pytest.mark.parametrize(
    ("power", "verdict"),
    [
        (1.0, "in proportion to them"),
        (0.8, "more slowly than they do"),
        (1.3, "faster than they do"),
    ],
)
def test_growth_is_judged_by_the_interval(curve, power, verdict):
    curve(power)
    said = page.growth("custom-cnn")
    assert verdict in said
    assert "From 1,000 to 100,000 images, 100 times as many" in said
    assert "from 0.90 to 0.90 GB" in said


def test_an_image_of_more_pixels_is_told_in_milliseconds(curve):
    curve(1.0)
    said = page.growth_by_pixels()
    assert "the custom CNN" in said
    assert "128 ms at 224 px" in said  # 64 s of 500 images


def test_figures_show_every_point(curve):
    curve(1.0)
    figure = page.over_images()
    points = [line for line in figure.axes[0].lines if line.get_linestyle() == "None"]
    assert sum(len(line.get_xdata()) for line in points) == 8
    assert {line.get_markerfacecolor() for line in points} > {"none"}
    (line,) = page.over_pixels().axes[0].lines
    assert len(line.get_xdata()) == 4


def test_the_protocol_is_told_from_the_largest_whole_pass(curve):
    curve(1.0)
    table = page.protocol_table()
    one = rows(1.0).iloc[2]
    hours = one["seconds"] / one["images"] * 97_477 * 30 / 3600
    assert table.loc["custom CNN, a seed", "two cores"] == page.duration(3600 * hours)
    assert table.loc["through ResNet50, a seed", "two cores"] == "not measured"
    # 3 x 32 million multiplications and additions, 97,477 images, 30 epochs, half of 8.1 TFLOP/s
    least = 2 * 3 * 32e6 * 97_477 * 30 / (0.5 * 8.1e12)
    assert table.iloc[0, 1].startswith(f"{page.duration(least)} to ")
    assert "(estimate)" in table.columns[1]


@pytest.mark.parametrize(
    ("seconds", "told"), [(40, "40 s"), (600, "10 min"), (5_400, "1.5 h"), (90, "2 min")]
)
def test_durations_are_told_as_readers_count_them(seconds, told):
    assert page.duration(seconds) == told


def test_the_recorded_curve_is_whole():
    told = json.loads(page.CURVE.read_text(encoding="utf-8"))
    assert told["hardware"] in page.hardware()
    found = page.curve()
    assert {1_000, 10_000, 97_477, 1_000_000} <= set(page.by_images("custom-cnn")["images"])
    assert set(page.by_pixels("custom-cnn")["pixels"] ** 0.5) == {28, 64, 128, 224}
    assert (found["seconds"] > 0).all()
    assert set(found.loc[found["is_short"], "images"]) == {1_000_000}


def trained(model: str, seconds: float) -> Trained:
    facts = {"seconds": seconds, "hardware": "2 cores, no GPU"}
    return Trained(model, 0, None, None, None, facts)


def test_what_a_seed_took_is_told_with_its_spread():
    assert page.took([trained("resnet50", 41.4)]) == "41 s (ResNet50)"
    both = [trained("resnet50", 41.4), trained("resnet50", 1_322)]
    assert page.took(both) == "41 to 1,322 s a seed (ResNet50)"


@pytest.mark.parametrize(("model", "is_shared"), [("custom-cnn", False), ("resnet50", True)])
def test_the_first_seed_of_a_frozen_base_is_said_to_serve_all(model, is_shared):
    settings = load_settings("demo", f"models={model}")
    given = [trained(model, 10)]
    study = SimpleNamespace(trainings=given, by_model={model: given}, settings=settings)
    first, shared = page.findings(study)
    assert first.startswith("On 2 cores, no GPU, training took 10 s (")
    assert bool(shared) == is_shared
