"""How a chapter begins: what it opens, and the box that says what made it."""

import re
from dataclasses import replace
from types import SimpleNamespace

import pytest

from helpers.data import phantom
from helpers.ledger import evidence
from helpers.models import trainings
from helpers.pages import first_page, opening, origin
from helpers.pages.opening import open_study
from helpers.pages.study import Study
from helpers.study import names
from helpers.study.errors import InputError
from helpers.study.runs import Run
from helpers.study.settings import load_settings

MADE = dict.fromkeys(("date", "commit", "packages", "python", "hardware"), "x")


def local(overrides: str = "", **given):
    return load_settings("local", overrides, data_path="mine.npz", **given)


def test_the_reports_own_protocol_needs_no_box(images):
    assert origin.banner(load_settings("paper"), images(is_official=True)) == ""


@pytest.mark.parametrize(
    ("profile", "overrides", "told", "untold"),
    [
        ("local", "adapter=learned", [], ["adapter", "cached_views", "copied"]),
        ("local", "", ["<b>adapter</b> is replicate (protocol: learned)"], []),
        ("paper", "adapter=replicate", ["<b>adapter</b> is replicate"], []),
        ("paper", "epochs=3", ["<b>epochs</b> is 3 (protocol: 30)"], ["adapter"]),
        (
            "demo",
            "",
            [
                "<b>batch_size</b> is 16 (protocol: 32)",
                "<b>epochs</b> is 12 (protocol: 30)",
                "<b>weights</b> is random (protocol: imagenet)",
                "ResNet50's base has <b>random weights</b>",
            ],
            [],
        ),
        ("demo", "models=custom-cnn", ["batch_size"], ["ResNet50's base", "adapter", "weights<"]),
    ],
)
def test_every_departure_from_the_protocol_is_listed(images, profile, overrides, told, untold):
    given = {"data_path": "mine.npz"} if profile == "local" else {}
    settings = load_settings(profile, overrides, **given)
    box = origin.banner(settings, images(is_official=profile == "paper"))
    for part in told:
        assert part in box
    for part in untold:
        assert part not in box


def test_images_of_another_size_are_a_departure_from_the_protocol(images):
    settings, larger = load_settings("paper", "image_size=64"), images(size=64, is_official=True)
    assert "<b>image_size</b> is 64 (protocol: 28)" in origin.banner(settings, larger)
    assert "image_size is" not in origin.banner(settings, images(is_official=True))
    told = origin.table(settings, larger, "the images", MADE)["this page"]
    assert told["unlike the report's protocol"] == "image_size=64"
    assert not larger.is_audited
    assert evidence.other_images(larger) == "this run used its images at 64 px"


def test_where_bases_differ_the_box_says_whose(images):
    settings = load_settings("paper", "weights_resnet50_caffe=random")
    box = origin.banner(settings, images(is_official=True))
    assert "The base of resnet50-caffe has <b>random weights</b>" in box
    assert "ResNet50's base" not in box
    assert "<b>weights_resnet50_caffe</b> is random (protocol: imagenet)" in box


def test_the_box_says_whose_images_they_are(images):
    demo = load_settings("demo")
    masks = {"train": phantom.CLASSES, "val": (), "test": ()}
    assert "Made from a <b>phantom</b>" in origin.banner(demo, images(lesion_masks=masks))
    mine = origin.banner(local(), images(name="<mine>"))
    assert "Made from <b>&lt;mine&gt;</b>, a file of the user's own, and not from OCTMNIST" in mine
    other = images("bloodmnist", name="BloodMNIST", is_official=True)
    assert "<b>BloodMNIST</b>, a set that the report is not about." in origin.banner(local(), other)


def test_weights_from_a_file_are_told_without_its_folder(images, tmp_path):
    settings = local(weights=str(tmp_path / "mine.h5"))
    box = origin.banner(settings, images())
    assert "ResNet50's base has other weights than Keras's ImageNet ones (mine)." in box
    assert "<b>weights</b> is mine.h5 (protocol: imagenet)" in box
    assert str(tmp_path) not in box
    assert "random weights" not in box


def test_what_made_a_page_stands_at_its_end(images):
    table = origin.table(load_settings("paper"), images(), "the images", MADE)["this page"]
    assert table["unlike the report's protocol"] == "nothing"
    assert table["data"] == "the images"
    settings = load_settings("demo", "seeds=3,4")
    demo = origin.table(settings, images(), "the images", MADE)["this page"]
    assert "batch_size=16, epochs=12" in demo["unlike the report's protocol"]
    assert demo["seeds"] == "3, 4"


def test_a_study_holds_the_runs_models_by_chapter(images, trained, tmp_path, monkeypatch):
    settings = load_settings("demo", "models=custom-cnn seeds=5,6")
    study = Study(settings, images(), Run(tmp_path))
    assert study.trained_in("02-custom-cnn") == ("custom-cnn",)
    assert study.trained_in("03-resnet50") == ()
    recalled = [trained(images(), seed=seed) for seed in (5, 6)]
    monkeypatch.setattr(trainings, "recall", lambda *_: recalled)
    assert study.shown == {"custom-cnn": recalled[0]}
    assert "a-file" in study.banner.data
    assert study.origin().loc["profile", "this page"] == "demo"


def test_missing_trainings_are_asked_for_or_made_first_in_the_run_given(dataset, tmp_path, capsys):
    small = "phantom_images=[96,48,48] epochs=1 batch_size=32 models=custom-cnn"
    study = Study(load_settings("demo", small), dataset, Run(tmp_path))
    with pytest.raises(InputError, match="run chapter 02-custom-cnn"):
        _ = study.trainings
    (trained,) = replace(study, run=Run(tmp_path, fills_gaps=True)).trainings
    assert trained.folder == tmp_path / "artifacts" / "custom-cnn" / "seed-0"
    assert len(trained.history) == 1
    assert "first chapter 02-custom-cnn: training custom-cnn, seed 0" in capsys.readouterr().err


def test_a_study_is_opened_from_a_chapters_parameters():
    study = opening.open_study("demo", "phantom_images=[8,8,8]", run="tests", epochs=3)
    assert study.settings.training.epochs == 3
    assert study.dataset.is_phantom
    assert study.run.folder.parts[-2:] == ("runs", "tests")


@pytest.fixture
def papermill(monkeypatch):
    """Stands for a kernel in which papermill has laid values over a chapter's parameters."""

    def give(**values):
        cell = "# Parameters\n" + "".join(f"{k} = {v!r}\n" for k, v in values.items())
        shell = SimpleNamespace(user_ns={"In": ["", "import sys", cell, "study = 1"]} | values)
        monkeypatch.setattr(opening, "get_ipython", lambda: shell)

    return give


def test_a_setting_that_papermill_gives_is_one(papermill):
    papermill(profile="demo", batch_size=8, epochs=3)
    study = open_study("demo", epochs=3)
    assert study.settings.training.batch_size == 8
    assert study.settings.training.epochs == 3


@pytest.mark.parametrize(
    ("name", "nearest"), [("epoch", "epochs"), ("profil", "profile"), ("batchsize", "batch_size")]
)
def test_a_parameter_that_is_no_setting_is_refused_with_the_nearest(papermill, name, nearest):
    papermill(**{name: 3})
    with pytest.raises(InputError, match=f"unknown setting '{name}': did you mean '{nearest}'"):
        open_study("demo", epochs=None)


def test_by_hand_nothing_is_injected(monkeypatch):
    assert opening.injected() == {}
    shell = SimpleNamespace(user_ns={"In": ["", 'profile = "demo"', "epoch = 3"], "epoch": 3})
    monkeypatch.setattr(opening, "get_ipython", lambda: shell)
    assert opening.injected() == {}


NASTY = "<b>a</b> & *b* | `c` $x$ {{d}}.h5"


def test_nothing_of_a_files_name_marks_up_a_page(images, tmp_path):
    dataset = images(name=names.shown(NASTY))
    settings = load_settings(
        "local", data_path=str(tmp_path / NASTY), weights=f"{tmp_path}/{NASTY}"
    )
    table = origin.table(settings, dataset, dataset.origin, MADE).to_string()
    for told in (origin.banner(settings, dataset), table, first_page.about(dataset)):
        plain = re.sub(r"</?(div|p|b|details|summary)\b[^>]*>", "", told)
        assert not re.search(r"[<&*|`${}]", plain.replace("`make book PROFILE=paper`", "")), told
        assert str(tmp_path) not in told
