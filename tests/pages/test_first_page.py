"""What the first page says of its run."""

import pytest

from helpers.evaluation import metrics
from helpers.evaluation.measures import Measure
from helpers.pages import first_page as page
from helpers.study import data_sets
from helpers.study.runs import Run, write_json
from helpers.study.settings import load_settings


def measured(*models: str) -> metrics.Metrics:
    return {
        model: {seed: {"accuracy": Measure(0.5, 0.4, 0.6, 1000)} for seed in ("0", "1")}
        for model in models
    }


def test_the_answer_is_the_runs(images):
    said = page.answer(measured("custom-cnn", "resnet50"), images())
    assert said.startswith(
        "Of the 1,000 test images of a-file, the custom CNN names 50.0 % "
        "[40.0,\N{NO-BREAK SPACE}60.0] correctly and ResNet50 names 50.0 %"
    )


@pytest.mark.parametrize(
    ("data_set", "given", "told"),
    [
        ("octmnist", {"is_official": True}, "can be judged on these data."),
        ("octmnist", {}, "they are about OCTMNIST, and this run used a-file. `make book PROFILE="),
        ("bloodmnist", {}, "and this run is about BloodMNIST. `make book PROFILE=paper` would"),
    ],
)
def test_it_says_whether_the_report_can_be_judged(images, data_set, given, told):
    assert told in page.about(images(data_set, **given))


def test_the_report_and_others_are_drawn_beside_oct_alone(images, overlaps):
    figure = page.accuracy_overview(measured("custom-cnn", "resnet50-caffe"), images())
    diamonds = [line for line in figure.axes[0].lines if line.get_marker() == "D"]
    assert len(diamonds) == 1  # the variant isn't the report's
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend[0] == "this run, on a-file, 95 %"
    assert legend[1] == "the report, on OCTMNIST"
    assert len(figure.axes[0].get_yticks()) == 2 + len(data_sets.audited().published)
    assert not overlaps(figure)


def test_nothing_is_claimed_of_another_set(images, overlaps):
    blood = images("bloodmnist")
    figure = page.accuracy_overview(measured("custom-cnn"), blood)
    assert not [line for line in figure.axes[0].lines if line.get_marker() == "D"]
    assert len(figure.axes[0].get_yticks()) == 1
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "this run, on a-file, 95 %"
    ]
    assert not overlaps(figure)


@pytest.mark.parametrize(("is_phantom", "name"), [(True, "the phantom"), (False, "mine")])
def test_it_is_written_from_what_describes_the_run(tmp_path, trained, images, is_phantom, name):
    run, settings = Run(tmp_path / "run"), load_settings("demo", "models=resnet50 epochs=5")
    described = {
        "settings": settings.flat(),
        "data": "phantom" if is_phantom else "mine",
        "data_origin": "made for a test",
        "data_fingerprint": "0" * 64,
        "counts": {"train": 8, "val": 8, "test": 8},
        "shape": [28, 28, 1],
        "weights": {},
        "trainings": {},
        "is_phantom": is_phantom,
        "is_official": False,
        "data_set": "octmnist",
    }
    write_json(run.description, described)
    write_json(run.metrics, metrics.to_json(measured("resnet50"), {"resnet50": {}}))
    made = trained(images()).provenance
    write_json(run.training("resnet50", 0) / "provenance.json", made)
    write_json(run.training("custom-cnn", 0) / "provenance.json", made | {"date": "another day"})
    page.write(tmp_path, run)
    banner = (tmp_path / "this-run-banner.txt").read_text()
    assert ("phantom" in banner) == is_phantom
    assert "<b>epochs</b> is 5 (protocol: 30)" in banner
    answer = (tmp_path / "this-run-answer.txt").read_text()
    assert f"test images of {name}, ResNet50 names 50.0 %" in answer
    origin = (tmp_path / "this-run-origin.txt").read_text()
    assert "made for a test" in origin
    assert "today" in origin
    assert "another day" not in origin
    assert (tmp_path / "this-run.png").stat().st_size > 1000
