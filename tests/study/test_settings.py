"""Settings: the report's values in paper, blocks and flat names, one line for bad input."""

import pytest

from helpers.study import architectures, settings
from helpers.study.errors import InputError
from helpers.study.settings import (
    PROTOCOL,
    Settings,
    differences,
    load_settings,
    profile_names,
    restored,
)


def test_paper_has_the_reports_values():
    paper = load_settings("paper")
    augmentation, convolutions, training = paper.augmentation, paper.convolutions, paper.training
    assert (augmentation.rotation_degrees, augmentation.shift, augmentation.zoom) == (10, 0.1, 0.1)
    assert augmentation.horizontal_flip
    assert convolutions.convolution_filters == (32, 64, 128, 256)
    assert (convolutions.convolution_dropout, convolutions.pooling_dropout) == (0.25, 0.5)
    assert (paper.head.dense_units, paper.head.dense_dropout) == ((512, 256), (0.5, 0.3))
    assert [paper.learning_rate(entry.name) for entry in architectures.reported()] == [1e-3, 1e-4]
    assert (training.optimizer, training.batch_size, training.epochs) == ("adam", 32, 30)
    assert (training.early_stopping_patience, training.plateau_factor) == (10, 0.5)
    assert training.plateau_patience == 5
    assert (paper.base.adapter, training.class_weights) == ("learned", "balanced")
    assert paper.weights("resnet50") == "imagenet"


def test_without_a_gpu_training_is_as_the_papers_but_for_the_adapter():
    octmnist, paper = load_settings("octmnist"), load_settings("paper")
    assert set(differences(octmnist, paper)) == {"adapter", "explained_images", "evaluations"}
    assert octmnist.data == paper.data
    assert all(
        octmnist.features_are_fixed(model) for model in octmnist.models if model != "custom-cnn"
    )


def test_local_trains_as_paper_does_but_for_the_adapter():
    local = load_settings("local", data_path="x.npz")
    on_trial = {"explained_images", "evaluations"}  # what heatmaps may cost on two cores
    read_then = {"cached_views"}
    assert set(differences(local, load_settings("paper"))) <= {"adapter", *on_trial, *read_then}
    own, papers = local.flat(), load_settings("paper").flat()
    differing = {name for name in papers if papers[name] != own[name]}
    where = {"profile", "source", "data_path", "image_size"}
    assert differing == {"adapter", *on_trial, *where}


def test_every_profile_is_complete():
    for name in profile_names():
        path = {"data_path": "x.npz"} if name == "local" else {}
        assert isinstance(load_settings(name, **path), Settings)


def test_overrides_and_parameters_meet():
    loaded = load_settings("demo", "batch_size=64 shift=0.2", epochs=3, seeds="0,2")
    assert (loaded.training.batch_size, loaded.augmentation.shift) == (64, 0.2)
    assert loaded.training.epochs == 3
    assert loaded.seeds == (0, 2)


@pytest.mark.parametrize(
    ("overrides", "name", "value"),
    [
        ("augmentation=off", "augmentation", "off"),
        ("augmentation=on", "augmentation", "on"),
        ("epochs=010", "epochs", 10),
        ("horizontal_flip=false", "horizontal_flip", False),
        ("phantom_images=[96,48,48]", "phantom_images", [96, 48, 48]),
        ("dense_dropout=0.1,0.2", "dense_dropout", [0.1, 0.2]),
        ("models=resnet50", "models", ["resnet50"]),
        ("seeds=3", "seeds", [3]),
        ("seeds=0-2,7", "seeds", [0, 1, 2, 7]),
        ("image_size=64", "image_size", 64),
        ("learning_rate_resnet50=0.5", "learning_rate_resnet50", 0.5),
    ],
)
def test_values_are_read_as_users_type_them(overrides, name, value):
    assert load_settings("demo", overrides).flat()[name] == value


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"profile": "dmeo"}, ["'dmeo'", "did you mean 'demo'", "local, octmnist, paper"]),
        ({"profile": "demo", "overrides": "epoch=3"}, ["'epoch'", "did you mean 'epochs'"]),
        ({"profile": "demo", "epochs": 0}, ["epochs = 0", "greater than or equal to 1"]),
        ({"profile": "demo", "epochs": "many"}, ["epochs = 'many'", "integer"]),
        (
            {"profile": "demo", "overrides": "learning_rate_custom_cnn=-1"},
            ["learning_rate_custom_cnn = -1", "greater than 0"],
        ),
        ({"profile": "demo", "overrides": "adapter=learnt"}, ["did you mean 'learned'"]),
        ({"profile": "demo", "overrides": "models=custom-cn"}, ["did you mean 'custom-cnn'"]),
        ({"profile": "demo", "overrides": "upsample_to=16"}, ["upsample_to = 16", "32"]),
        ({"profile": "demo", "overrides": "epochs"}, ["name=value"]),
        ({"profile": "demo", "overrides": "epochs='3"}, ["can't read", "quotation"]),
        ({"profile": "demo", "seeds": "0,0"}, ["twice"]),
        ({"profile": "demo", "seeds": "4-2"}, ["no range"]),
        ({"profile": "demo", "seeds": "0-99999999999"}, ["no range"]),
        ({"profile": "demo", "seeds": "0-3,2"}, ["twice"]),
        ({"profile": "demo", "seeds": "20240131123"}, ["4294967295"]),
        ({"profile": "demo", "seeds": 2**70}, ["4294967295"]),
        ({"profile": "demo", "seeds": {"a": 1}}, ["seeds", "a list"]),
        ({"profile": "demo", "epochs": 10**6000}, ["epochs", "a number"]),
        ({"profile": "demo", "epochs": True}, ["epochs", "integer"]),
        ({"profile": "demo", "overrides": "epochs=" + "9" * 5000}, ["epochs", "integer"]),
        ({"profile": "demo", "overrides": "epochs=99999999999"}, ["epochs", "2147483647"]),
        ({"profile": "demo", "overrides": "phantom_images=10000000,1,1"}, ["100000"]),
        ({"profile": "demo", "overrides": "dense_units=1000000,1"}, ["16384"]),
        ({"profile": "demo", "overrides": "shift=1e400"}, ["shift = '1e400'", "finite"]),
        ({"profile": "demo", "overrides": "imbalance_ratio=inf"}, ["finite"]),
        ({"profile": "demo", "overrides": "shift=nan"}, ["finite"]),
        ({"profile": "demo", "overrides": "epochs=3\\"}, ["can't read", "escaped"]),
        ({"profile": "demo", "overrides": "data_set="}, ["data_set = None"]),
        ({"profile": "demo", "overrides": "weights=~nosuchuser/x.h5"}, ["~nosuchuser", "in full"]),
        ({"profile": "local", "data_path": "a\0b"}, ["data_path", "text"]),
        ({"profile": "local", "data_path": "\udcff.npz"}, ["data_path", "UTF-8"]),
        ({"profile": "demo", "models": [["custom-cnn"]]}, ["models", "a list"]),
        ({"profile": ""}, ["unknown profile ''"]),
        ({"profile": "../demo\n"}, [r"'../demo\n'", "local, octmnist, paper"]),
        ({"profile": "local"}, ["data_path"]),
        ({"profile": "demo", "data_path": "x.npz"}, ["profile local"]),
        ({"profile": "demo", "overrides": "image_size=32"}, ["28, 64, 128, 224"]),
        ({"profile": "local", "data_path": "x.npz", "overrides": "image_size=64"}, ["own size"]),
        (
            {"profile": "demo", "overrides": "data_set=bloodmnist"},
            ["profile local or octmnist or paper"],
        ),
        ({"profile": "paper", "overrides": "data_set=bloodmnis"}, ["did you mean 'bloodmnist'"]),
        ({"profile": "paper", "overrides": "data_set=chestmnist"}, ["several labels", "octmnist"]),
        ({"profile": "paper", "overrides": "data_set=organmnist3d"}, ["volumes", "octmnist"]),
    ],
)
def test_what_cannot_be_used_is_named_with_what_is_allowed(arguments, words):
    with pytest.raises(InputError) as error:
        load_settings(**arguments)
    assert "\n" not in str(error.value)
    for word in words:
        assert word in str(error.value)


def test_brackets_are_no_depth():
    assert load_settings("demo", seeds="[" * 1000 + "3" + "]" * 1000).seeds == (3,)


def test_papermills_reading_of_off_is_off():
    assert load_settings("demo", augmentation=False).augmentation.when == "off"


def test_a_message_is_one_line_whatever_it_names():
    error = InputError("data/my\nfile\x1b[2J\udcff über.npz: " + "9" * 5000 + "; use another")
    assert str(error).isprintable()
    assert len(str(error)) < 1100
    assert str(error).startswith(r"data/my\nfile\x1b[2J\udcff über.npz")
    assert str(error).endswith("; use another")


@pytest.fixture
def profiles(tmp_path, monkeypatch):
    """The profiles in a folder of their own."""
    for path in settings.PROFILES.glob("*.yaml"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(settings, "PROFILES", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must be settings"),
        ("- a list", "must be settings"),
        ("based_on: paper\nepochs: [", "line 2: no YAML"),
        ("[" * 1000, "nested too deep"),
        (b"epochs: \xff", "UTF-8"),
        ("based_on: paper\nepochs: 2\0", "no YAML"),
        ("based_on: mine", "mine on mine is based in a circle"),
        ("based_on: other", "mine on other on mine"),
        ("based_on: peper", "did you mean 'paper'"),
        ("based_on: [paper]", "unknown profile"),
        ("based_on: paper\nepoch: 3", "did you mean 'epochs'"),
        ("based_on: paper\nepochs: {a: 3}", "epochs: write a number"),
        ("based_on: paper\nepochs: many", "epochs = 'many'"),
        ("epochs: 3", "lacks the setting models"),
    ],
)
def test_a_profile_that_cannot_be_used_is_named_with_its_file(profiles, text, words):
    (profiles / "mine.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    (profiles / "other.yaml").write_text("based_on: mine")
    with pytest.raises(InputError, match=words) as error:
        load_settings("mine")
    assert str(error.value).startswith(str(profiles))
    assert str(error.value).isprintable()


def test_a_profile_of_ones_own_is_read_as_text(profiles):
    (profiles / "mine.yaml").write_text("based_on: demo\nepochs: 010\naugmentation: off")
    loaded = load_settings("mine")
    assert (loaded.training.epochs, loaded.augmentation.when) == (10, "off")


def test_what_differs_from_the_protocol_is_what_the_runs_models_read():
    protocol = load_settings(PROTOCOL)
    assert differences(protocol, protocol) == {}
    demo = differences(load_settings("demo"), protocol)
    assert demo["batch_size"] == (16, 32)
    assert demo["epochs"] == (12, 30)
    assert demo["weights"] == ("random", "imagenet")
    assert demo["adapter"] == ("replicate", "learned")
    assert "phantom_images" not in demo
    small_network = differences(load_settings("demo", "models=custom-cnn"), protocol)
    assert not {"weights", "adapter", "cached_views"} & set(small_network)


def test_a_models_own_setting_holds_for_its_variants_unless_they_have_theirs():
    loaded = load_settings("paper", "learning_rate_resnet50=0.5 weights_resnet50=random")
    assert loaded.learning_rate("resnet50-caffe") == loaded.learning_rate("resnet50") == 0.5
    assert loaded.weights("resnet50-caffe") == "random"
    assert loaded.learning_rate("custom-cnn") == 1e-3
    apart = load_settings("paper", "weights_resnet50=random weights_resnet50_caffe=imagenet")
    assert apart.weights("resnet50-caffe") == "imagenet"


def test_weights_of_one_model_are_compared_with_what_the_other_has():
    protocol = load_settings(PROTOCOL)
    assert differences(load_settings("paper", "weights_resnet50=imagenet"), protocol) == {}
    told = differences(load_settings("paper", "weights_resnet50=random"), protocol)
    both = ("weights_resnet50", "weights_resnet50_caffe")  # a variant has those of its model
    assert told == dict.fromkeys(both, ("random", "imagenet"))


def test_what_determines_a_training_is_what_its_network_and_its_fitting_read():
    paper = load_settings("paper")
    small, large = (paper.determining(name) for name in ("custom-cnn", "resnet50"))
    assert "convolution_filters" in small and "adapter" not in small
    assert "adapter" in large and "convolution_filters" not in large
    assert small["learning_rate"] == 1e-3
    assert not {"seeds", "models", "explained_images", "source"} & {*small, *large}


def test_flat_settings_can_be_restored_also_when_they_lack_one():
    loaded = load_settings("demo", "weights_resnet50=imagenet augmentation=off", epochs=3)
    assert restored(loaded.flat()) == restored(restored(loaded.flat()).flat())
    assert restored(loaded.flat()).training.epochs == 3
    older = {name: value for name, value in loaded.flat().items() if name != "evaluations"}
    assert restored(older).heatmaps == load_settings("demo").heatmaps


def test_every_name_that_can_be_typed_is_told_once():
    names = settings.names()
    assert len(set(names)) == len(names)
    assert {"learning_rate_custom_cnn", "weights_resnet50", "augmentation"} <= set(names)
    assert "weights_custom_cnn" not in names
