"""`make verify`: a run's own record is enough to make it anew, and differences are named."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from helpers.models import trainings
from helpers.pipeline import agreement, verify
from helpers.pipeline.agreement import CLOSE, DIFFERENT, EQUAL
from helpers.study.errors import InputError
from helpers.study.runs import Run, read_json, remember, write_json
from helpers.study.settings import load_settings


@pytest.fixture
def anew(made_up, monkeypatch):
    """What making the run anew gives: a copy, for a test to change."""
    copy = Run(made_up.folder.with_name("made-up-verified"))
    shutil.copytree(made_up.folder, copy.folder)
    monkeypatch.setattr(verify, "_make_anew", lambda run, parameters: copy)
    return copy


def seal(folder: Path, **more: str) -> None:
    """Seal a training anew, with what else its provenance is to tell."""
    facts = read_json(folder / "provenance.json")
    del facts[trainings.SEAL]
    write_json(folder / "provenance.json", trainings.sealed(facts | more, folder))


def test_a_run_made_anew_alike_is_equal_bit_for_bit(made_up, anew):
    found = verify.verify(made_up, {})
    assert {each.outcome for each in found} == {EQUAL}
    assert {each.artifact for each in found} >= {
        "custom-cnn/seed-0/predictions.npz",
        "resnet50/seed-0/model.keras",
        "metrics.json",
        "heatmaps.npz",
    }
    kept = read_json(made_up.folder / "verification.json")
    assert (kept["outcome"], kept["unlike_then"]) == (EQUAL, {})
    assert kept["tolerances"]["predictions.npz"] == 1e-4
    assert not anew.folder.exists()


def test_another_prediction_is_named_and_the_folder_stays(made_up, anew, capsys):
    path = made_up.training("custom-cnn", 0) / "predictions.npz"
    with np.load(path) as arrays:
        content = dict(arrays)
    before = str(content["test_probabilities"][3, 1])
    content["test_probabilities"][3, 1] = 0.999
    np.savez(path, **content)
    with pytest.raises(InputError, match="custom-cnn, seed 0 isn't trained"):
        verify.verify(made_up, {})
    seal(path.parent)
    (differing,) = [e for e in verify.verify(made_up, {}) if e.outcome != EQUAL]
    assert "another sample" not in capsys.readouterr().out  # it is the same machine
    assert differing.artifact == "custom-cnn/seed-0/predictions.npz"
    assert differing.where == f"test_probabilities[3, 1] was 0.999 and is {before}"
    assert read_json(made_up.folder / "verification.json")["outcome"] == DIFFERENT
    assert anew.folder.exists()


def test_rounding_is_within_tolerance(made_up, anew):
    path = anew.training("custom-cnn", 0) / "predictions.npz"
    with np.load(path) as arrays:
        content = dict(arrays)
    content["test_probabilities"] += np.float32(1e-6)
    np.savez(path, **content)
    assert verify.worst(verify.verify(made_up, {})) == CLOSE


def test_durations_are_not_compared(made_up, anew):
    rows = [{"id": "custom-cnn-minutes", "measured": 1.0}]
    durations = [c.id for c in verify.claims.ledger() if (c.measured or "").startswith("minutes")]
    assert len(durations) == 2
    rows = [{"id": durations[0], "measured": 1.0}, {"id": "a-claim", "measured": 0.5}]
    write_json(made_up.claims, rows)
    remember(made_up.claims, "key")
    write_json(anew.claims, [rows[0] | {"measured": 9.0}, rows[1]])
    assert verify.worst(verify.verify(made_up, {})) == EQUAL


def test_another_machine_is_told_before_the_comparison(made_up, anew, capsys):
    write_json(anew.claims, [{"id": "a-claim", "measured": 0.75, "why": "because"}])
    for model in ("custom-cnn", "resnet50"):
        seal(made_up.training(model, 0), hardware="4 cores of a toaster, no GPU")
    verify.verify(made_up, {})
    assert (
        "unlike then: hardware of resnet50, seed 0 was 4 cores of a toaster"
        in capsys.readouterr().out
    )
    kept = read_json(made_up.folder / "verification.json")
    assert (
        kept["unlike_then"]["hardware of custom-cnn, seed 0"][0] == "4 cores of a toaster, no GPU"
    )


@pytest.mark.parametrize(
    "settings",
    [
        load_settings("demo", "epochs=2 augmentation=off phantom_images=[9,8,7]", seeds="0,7"),
        load_settings("local", "models=custom-cnn", data_path="/a b/o'clock.npz", weights="random"),
        load_settings("paper", "weights_resnet50=random learning_rate_custom_cnn=0.01"),
    ],
    ids=lambda settings: settings.profile,
)
def test_a_record_tells_every_setting(tmp_path, settings):
    run, flat, told = Run(tmp_path), settings.flat(), settings.told()
    assert not any(str(value).startswith("/") for value in told.values())
    write_json(run.inputs, {name: flat[name] for name in flat if flat[name] != told[name]})
    parameters = verify._parameters(run, {"settings": told}, {})
    assert load_settings(**parameters).flat() == flat


def test_data_that_is_gone_or_other_is_refused_in_a_line(fill, arrays, tmp_path):
    run = fill(tmp_path / "runs" / "of-a-file")
    facts = read_json(run.description)
    told = load_settings("local", "models=custom-cnn", data_path="/x/gone.npz").told()
    write_json(run.description, facts | {"settings": told, "weights": {}})
    remember(run.description, "key")
    with pytest.raises(InputError, match=r"gone\.npz: .*DATA=.*fingerprint") as refusal:
        verify.verify(run, {})
    assert facts["data_fingerprint"][:12] in str(refusal.value)
    np.savez(tmp_path / "other.npz", **arrays)
    with pytest.raises(InputError, match="not the images"):
        verify.verify(run, {"data_path": str(tmp_path / "other.npz")})


def test_weights_that_are_gone_or_other_are_refused_in_a_line(made_up):
    facts = read_json(made_up.description)
    write_json(made_up.description, facts | {"weights": {"resnet50": "0" * 64}})
    remember(made_up.description, "key")
    with pytest.raises(InputError, match="not the weights that resnet50"):
        verify.verify(made_up, {})
    write_json(made_up.inputs, {"weights": "/x/gone.h5"})
    with pytest.raises(InputError, match=r"gone\.h5: .*WEIGHTS="):
        verify.verify(made_up, {})


def test_a_run_of_that_name_is_never_removed(made_up):
    other = made_up.folder.with_name("made-up-verified")
    other.mkdir()
    (other / "mine").write_text("mine")
    with pytest.raises(InputError, match="rename its folder"):
        verify.verify(made_up, {})
    assert (other / "mine").read_text() == "mine"


def test_an_unfinished_run_is_refused(made_up):
    made_up.metrics.unlink()
    with pytest.raises(InputError, match="no whole run"):
        verify.verify(made_up, {})


def test_a_record_of_an_earlier_version_is_refused_in_a_line(made_up):
    facts = read_json(made_up.description)
    del facts["data_fingerprint"]
    write_json(made_up.description, facts)
    remember(made_up.description, "key")
    with pytest.raises(InputError, match="tells no data_fingerprint"):
        verify.verify(made_up, {})


def test_every_artifact_has_a_tolerance():
    compared = {*verify.OF_TRAINING, "metrics.json", "heatmaps.npz", "explanations.json"}
    compared |= {"claims.json", "acquisition.json", "patients.json"}
    assert compared == set(agreement.TOLERANCES)
    assert all(0 < tolerance <= 0.01 for tolerance in agreement.TOLERANCES.values())


def test_the_folder_made_anew_lies_beside_the_run(made_up, monkeypatch):
    calls = []

    def call(command, **options):
        calls.append((command, options["env"]["SNAKEMAKE_ARGUMENTS"]))
        return type("Finished", (), {"returncode": 0})

    monkeypatch.setattr(verify.subprocess, "run", call)
    anew = verify._make_anew(made_up, {"profile": "demo", "weights": None, "overrides": "--x"})
    assert anew.folder == Path(f"{made_up.folder}-verified")
    ((command, arguments),) = calls
    assert command[-4:] == [
        *("--run=made-up-verified", "--end-with-caller"),
        *("--profile=demo", "--overrides=--x"),
    ]
    assert arguments.split() == ["--until", "claims", "grad_cam", "acquisition", "patients"]
    # Again: what it made itself, it removes.
    (anew.folder / "left").touch()
    assert not (verify._make_anew(made_up, {"profile": "demo"}).folder / "left").exists()
