"""What the first page says: of the report, of real scans, of its own run, each by its name."""

from dataclasses import replace

import pytest

from helpers.evaluation import metrics
from helpers.pages import first_page as page
from helpers.pages.study import Recorded, Study, described
from helpers.study import data_sets
from helpers.study.runs import Run, remember, write_json
from helpers.study.settings import load_settings

PHANTOM = {"name": "phantom", "lesion_masks": {}}


@pytest.fixture
def study(tmp_path, images, trained):
    """A finished run of made-up models, as its folder tells it."""

    def made(models=("custom-cnn", "resnet50"), seeds=(0,), data_set="octmnist", **given) -> Study:
        dataset = images(data_set, each=50, **given)
        settings = load_settings("demo", models=list(models), seeds=list(seeds), epochs=5)
        run = Run(tmp_path / "run", is_recorded=True)
        trainings = [trained(dataset, model, seed) for model in models for seed in seeds]
        told = metrics.to_json(*metrics.measure_all(trainings, dataset.classes))
        write_json(run.metrics, told)
        for each in trainings:
            write_json(run.training(each.model, each.seed) / "provenance.json", each.provenance)
        facts = {
            "settings": settings.flat(),
            "data": dataset.name,
            "data_set": data_set,
            "data_origin": "made for a test",
            "data_fingerprint": "0" * 64,
            "counts": {"train": 5000, "val": 700, "test": 1200},
            "shape": [28, 28, 1],
            "is_phantom": dataset.is_phantom,
            "is_official": dataset.is_official,
            "weights": {},
            "trainings": {},
        }
        write_json(run.description, facts)
        remember(run.description, "key")
        return described(run)

    return made


@pytest.fixture
def record(study) -> Recorded:
    real = study(("custom-cnn", "resnet50", "resnet50-caffe"), range(5))
    folder = real.run.folder.rename(real.run.folder.with_name("my-scans"))
    run = replace(real.run, folder=folder)
    return Recorded(real.settings, real.dataset, run, real.facts, date="2026-11-27", commit="c")


def test_a_real_run_is_the_answer_and_the_mean_of_its_seeds(study):
    said = page.answer(study(seeds=(0, 1, 2)))
    assert said.startswith("**This run, on a-file.** Of 200 test images the custom CNN names ")
    assert "(mean of three seeds, 95 % interval)" in said
    assert "are not testable here: they are about OCTMNIST, and this run used a-file." in said


def test_a_phantoms_figures_are_said_to_mean_nothing(study):
    said = page.answer(study(**PHANTOM))
    assert said.startswith("**This run, on the phantom.** ")
    assert "(one seed, 95 % interval)" in said
    assert said.endswith("say nothing of eyes.")


def test_a_record_is_named_for_what_it_is(record):
    said = page.recorded(record)
    assert said.startswith("**On real scans.** Of 200 test images the custom CNN names ")
    assert "2026-11-27: 6,900 real scans (my-scans), not OCTMNIST itself" in said


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


def rows(figure) -> list[str]:
    return [label.get_text() for label in figure.axes[0].get_yticklabels()]


def test_a_phantoms_accuracy_is_drawn_beside_nothing(study, record, monkeypatch, overlaps):
    monkeypatch.setattr("helpers.pages.study.recorded", lambda: record)
    figure = page.accuracy_overview(study(**PHANTOM))
    measured = [name for name in rows(figure) if name.endswith("measured")]
    assert len(measured) == 3  # the record's, and not the phantom's two
    assert not overlaps(figure)
    monkeypatch.setattr("helpers.pages.study.recorded", lambda: None)
    assert not [n for n in rows(page.accuracy_overview(study(**PHANTOM))) if "measured" in n]


def test_the_report_and_others_are_drawn_beside_oct_alone(study, overlaps):
    figure = page.accuracy_overview(study(("custom-cnn", "resnet50-caffe")))
    audited = data_sets.audited()
    others = len(audited.published) + len(audited.at_full_size)
    assert len(rows(figure)) == 2 + 2 + others
    assert not overlaps(figure)
    blood = page.accuracy_overview(study(("custom-cnn",), data_set="bloodmnist"))
    assert rows(blood) == ["The custom CNN, measured"]


def test_published_results_are_told_with_their_true_range():
    said = page.published(data_sets.audited().published)
    assert said == (
        "Others' results at 28 px lie between 60 and 78 % trained throughout and between 26 and "
        "63 % on frozen features."
    )
    assert page.published(()) == ""


@pytest.mark.parametrize("given", [PHANTOM, {"name": "mine"}])
def test_it_is_written_from_what_describes_the_run(tmp_path, study, monkeypatch, given):
    monkeypatch.setattr(page.verdicts, "load_or_judge", lambda *_: [])
    monkeypatch.setattr(page.ledger, "arithmetic", lambda judged: "7 of 8 recalls")
    monkeypatch.setattr("helpers.pages.study.recorded", lambda: None)
    page.write(tmp_path, study(**given).run)
    read = {path.name: path.read_text() for path in tmp_path.glob("this-run-*.txt")}
    assert ("phantom" in read["this-run-banner.txt"]) == ("lesion_masks" in given)
    assert "<b>epochs</b> is 5 (protocol: 30)" in read["this-run-banner.txt"]
    assert "7 of 8 recalls" in read["this-run-arithmetic.txt"]
    is_phantom = "lesion_masks" in given
    assert ("No run is recorded" in read["this-run-recorded.txt"]) == is_phantom
    assert "made for a test" in read["this-run-origin.txt"]
    for name in ("possible-recalls", "accuracy"):
        drawn = (tmp_path / f"{name}.svg").read_text()
        assert "<svg" in drawn
        assert "dc:date" not in drawn
