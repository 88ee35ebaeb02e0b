"""Chapter 13: exponents and verdicts follow from the points, and figures show all of them."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from helpers.models.trainings import Trained
from helpers.pages import cost as page
from helpers.study.settings import load_settings


def rows(power: float, noise: float = 0.005, images=(1_000, 3_000, 10_000, 100_000)):
    """Passes of two works whose seconds grow with a power, with some noise, and of a head."""
    errors = np.random.default_rng(0).normal(0, noise, len(images))
    made = [
        {"work": work, "model": model, "images": n, "size": 28, "gigabytes": 0.9}
        | {"seconds": 1e-3 * n**power * np.exp(error), "is_short": False}
        for work, model in ((page.TRAINING, "custom-cnn"), (page.FEATURES, "resnet50"))
        for n, error in zip(images, errors, strict=True)
    ]
    large = {"work": page.TRAINING, "model": "custom-cnn", "is_short": False, "gigabytes": 1.0}
    made += [
        large | {"images": 500, "size": size, "seconds": size**2 / 784} for size in (64, 128, 224)
    ]
    made.append(made[0] | {"images": 1_000_000, "seconds": 9e9, "is_short": True})
    head = {"work": page.HEAD, "model": "resnet50", "images": 97_477, "size": 28}
    return pd.DataFrame([*made, head | {"seconds": 20.0, "gigabytes": 0.61, "is_short": False}])


@pytest.fixture
def curve(monkeypatch):
    def told(*given):
        monkeypatch.setattr(page, "curve", lambda: rows(*given))

    return told


def test_the_exponent_is_that_of_a_power_law():
    n = pd.Series([1.0, 10, 100, 1_000])
    exact = page.exponent(7 * n**1.5, n)
    assert (exact.value, exact.low, exact.high) == pytest.approx((1.5, 1.5, 1.5))
    noisy = page.exponent(7 * n * np.array([1, 1.2, 0.9, 1]), n)
    fewer = page.exponent(7 * n[:3] * np.array([1, 1.2, 0.9]), n[:3])
    assert exact.high - exact.low < noisy.high - noisy.low < fewer.high - fewer.low


def test_what_was_measured_again_at_one_size_is_no_further_point():
    n = pd.Series([1.0, 10, 100, 1_000])
    of = n * np.array([1, 1.2, 0.9, 1])
    again = pd.concat([of, of[:1] * 0.9, of[:1] * 1.1]), pd.concat([n, n[:1], n[:1]])
    assert page.exponent(*again) == page.exponent(of, n)


@pytest.mark.parametrize(
    ("power", "noise", "verdict"),
    [
        (1.0, 0.005, ", in proportion to them."),
        (0.8, 0.005, ", more slowly than they do."),
        (1.3, 0.005, ", faster than they do."),
        (1.0, 0.5, ", too few points to tell whether that is within 0.9 and 1.1."),
    ],
)
def test_growth_is_judged_by_the_interval(curve, power, noise, verdict):
    curve(power, noise)
    said = page.growth(page.TRAINING)
    assert said.startswith("The custom CNN, an epoch: seconds grow")
    assert verdict in said
    assert "From 1,000 to 1,000,000 images, 1,000 times as many" in said
    assert "from 0.90 to 0.90 GB" in said


def test_what_a_head_held_is_told_beside_its_file(curve):
    curve(1.0)
    assert page.held_by_head() == (
        "ResNet50, an epoch of its head: from a file of 3.2 GB with 4 views of 97,477 images, "
        "0.61 GB are held."
    )


def test_an_image_of_more_pixels_is_told_in_milliseconds(curve):
    curve(1.0)
    said = page.growth_by_pixels()
    assert said.startswith("The custom CNN, an epoch: at 28 px an image takes 1 ms, with 0.90 GB")
    assert "at 224 px 128 ms, with 1.00 GB" in said  # 64 s of 500 images


def test_figures_show_every_point(curve):
    curve(1.0)
    figure = page.over_images()
    points = [line for line in figure.axes[0].lines if line.get_linestyle() == "None"]
    assert sum(len(line.get_xdata()) for line in points) == 9
    assert {line.get_markerfacecolor() for line in points} > {"none"}
    (line,) = page.over_pixels().axes[0].lines
    assert len(line.get_xdata()) == 4


def test_the_protocol_is_told_from_the_fastest_and_the_slowest_pass(curve):
    curve(1.1)
    table = page.protocol_table()
    measured = rows(1.1).iloc[:4]
    each = measured["seconds"] / measured["images"]
    hours = page.between(*(97_477 * 30 * seconds for seconds in (each.min(), each.max())))
    assert table.iloc[0, 0] == hours
    assert " to " in hours
    assert table.loc["its head, a seed"].tolist() == ["10 min", "not estimated"]
    assert table.loc["through ResNet50, a seed"].iloc[0] == "not measured"
    # 3 x 32 million multiplications and additions, 97,477 images, 30 epochs, half of 8.1 TFLOP/s
    least = 2 * 3 * 32e6 * 97_477 * 30 / (0.5 * 8.1e12)
    assert table.iloc[0, 1].startswith(f"{page.between(least, 25 * least)}, ")


def test_the_reports_own_minutes_lie_within_what_is_assumed_of_a_gpu():
    share = float(page.of_the_reports_minutes().split("would be ")[1].split(" %")[0]) / 100
    assert page.SHARES[0] < share < page.SHARES[1]


def test_two_times_that_read_the_same_are_one():
    assert page.between(601, 610) == "10 min"
    assert page.between(130, 610) == "2 to 10 min"


@pytest.mark.parametrize(
    ("seconds", "told"), [(40, "40 s"), (600, "10 min"), (5_400, "1.5 h"), (90, "2 min")]
)
def test_times_are_told_as_readers_count_them(seconds, told):
    assert page.between(seconds, seconds) == told


def test_the_recorded_curve_is_whole():
    told = json.loads(page.CURVE.read_text(encoding="utf-8"))
    assert all(made["hardware"] in page.hardware() for made in told["made"].values())
    assert set(told["made"]) == set(page.curve()["work"])
    found = page.curve()
    assert {1_000, 16_000, 97_477, 1_000_000} <= set(page.by_images(page.TRAINING)["images"])
    assert set(page.by_pixels()["size"]) == {28, 64, 128, 224}
    assert (found["seconds"] > 0).all()
    assert set(found.loc[found["is_short"], "images"]) == {1_000_000}


@pytest.mark.parametrize("work", [page.TRAINING, page.FEATURES])
def test_the_recorded_curve_bears_out_what_the_captions_say(work):
    assert ", in proportion to them." in page.growth(work)
    rows = page.by_images(work)
    assert rows["images"].max() / rows["images"].min() > 30
    assert rows["gigabytes"].max() / rows["gigabytes"].min() < 1.2


def test_the_recorded_times_grow_nearly_as_the_pixels():
    rows = page.by_pixels()
    assert page.exponent(rows["milliseconds"], rows["pixels"]).value == pytest.approx(1, abs=0.1)


def trained(model: str, seconds: float, hardware: str = "2 cores, no GPU") -> Trained:
    facts = {"seconds": seconds, "hardware": hardware}
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


def test_trainings_on_two_machines_name_both():
    given = [trained("custom-cnn", 10), trained("custom-cnn", 20, "8 cores, 1 GPU")]
    settings = load_settings("demo", "models=custom-cnn")
    study = SimpleNamespace(trainings=given, by_model={"custom-cnn": given}, settings=settings)
    assert page.findings(study)[0].startswith("On 2 cores, no GPU and 8 cores, 1 GPU, training")
