"""Settings: the report's values in paper, and one line for what can't be used."""

import pytest

from helpers.settings import InputError, Settings, changed, load_settings, profile_names


def test_paper_has_the_reports_values():
    paper = load_settings("paper")
    assert (paper.rotation_degrees, paper.shift, paper.zoom, paper.horizontal_flip) == (
        *(10, 0.1, 0.1),
        True,
    )
    assert paper.convolution_filters == (32, 64, 128, 256)
    assert (paper.convolution_dropout, paper.pooling_dropout) == (0.25, 0.5)
    assert (paper.dense_units, paper.dense_dropout) == ((512, 256), (0.5, 0.3))
    assert (paper.learning_rate_custom_cnn, paper.learning_rate_resnet50) == (1e-3, 1e-4)
    assert (paper.optimizer, paper.batch_size, paper.epochs) == ("adam", 32, 30)
    assert (paper.early_stopping_patience, paper.plateau_factor, paper.plateau_patience) == (
        *(10, 0.5),
        5,
    )
    assert (paper.adapter, paper.class_weights, paper.weights) == (
        *("learned", "balanced"),
        "imagenet",
    )


def test_local_trains_as_paper_does_but_for_the_adapter():
    local = load_settings("local", data_path="x.npz").model_dump()
    paper = load_settings("paper").model_dump()
    differing = {name for name in paper if paper[name] != local[name]}
    on_trial = {"explained_images", "evaluations"}  # what heatmaps may cost on two cores
    assert differing == {"profile", "source", "data_path", "adapter", *on_trial}


def test_every_profile_is_complete():
    for name in profile_names():
        path = {"data_path": "x.npz"} if name == "local" else {}
        assert isinstance(load_settings(name, **path), Settings)


def test_overrides_and_parameters_meet():
    settings = load_settings("demo", "batch_size=64 shift=0.2", epochs=3, seeds="0,2")
    assert (settings.batch_size, settings.shift, settings.epochs) == (64, 0.2, 3)
    assert settings.seeds == (0, 2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"profile": "dmeo"}, ["'dmeo'", "did you mean 'demo'", "local, paper"]),
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
        ({"profile": "demo", "seeds": "0,0"}, ["twice"]),
        ({"profile": "local"}, ["data_path"]),
        ({"profile": "demo", "data_path": "x.npz"}, ["profile local"]),
    ],
)
def test_what_cannot_be_used_is_named_with_what_is_allowed(arguments, words):
    with pytest.raises(InputError) as error:
        load_settings(**arguments)
    assert "\n" not in str(error.value)
    for word in words:
        assert word in str(error.value)


def test_what_differs_from_the_profile_is_told():
    assert changed(load_settings("demo")) == {}
    assert changed(load_settings("demo", "phantom_images=[96,48,48]", epochs=3)) == {
        "phantom_images": [96, 48, 48],
        "epochs": 3,
    }
