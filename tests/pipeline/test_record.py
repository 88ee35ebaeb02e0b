"""`make record`: a clean run on real images is kept without images and models; others are not."""

from dataclasses import replace

import numpy as np
import pytest

from helpers.models import trainings
from helpers.pages import study as studies
from helpers.pipeline import description, record
from helpers.study import runs
from helpers.study.errors import InputError
from helpers.study.runs import Run, read_json, write_json
from helpers.study.settings import load_settings

SEEDS = "0,1,2,3,4"


@pytest.fixture
def keep(tmp_path, arrays, monkeypatch):
    """Records a made-up run with the parameters and the commits given; returns the folder."""
    file = tmp_path / "my_scans.npz"
    np.savez(file, **arrays)
    monkeypatch.setattr(record, "RECORDS", tmp_path / "results")
    monkeypatch.setattr(studies, "RECORDS", tmp_path / "results")
    monkeypatch.setattr(record.site, "require_finished", lambda run: None)
    for module in (record.metrics, record.acquisition, record.patients):
        monkeypatch.setattr(module, "load_or_measure", lambda *given: None)
    monkeypatch.setattr(record.verdicts, "load_or_judge", lambda *given: None)
    monkeypatch.setattr(record.results, "load_or_run", lambda *given: None)

    def kept(now="0123456789ab", then="0123456789ab", **parameters):
        monkeypatch.setattr(record.provenance, "commit", lambda: now)
        run = Run(tmp_path / "runs" / "mine")
        given = {"profile": "local", "data_path": str(file), "seeds": SEEDS} | parameters
        given["overrides"] = "models=custom-cnn"
        settings = load_settings(**given)
        dataset = record.datasets.load(settings.data)
        description.write(run, settings, dataset)
        write_json(run.call, {"run": "mine", "parameters": given})
        for name, key in read_json(run.description)["trainings"].items():
            model, seed = name.split(", seed ")
            _fill(run.training(model, int(seed)), key, dataset, int(seed), settings, then)
        write_json(run.metrics, {})
        return record.record(run)

    return kept


def _fill(folder, key, dataset, seed, settings, commit) -> None:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    arrays = {}
    for name in ("val", "test"):
        labels = dataset.splits[name].labels
        arrays[f"{name}_labels"] = labels
        drawn = rng.dirichlet(np.ones(4), len(labels)).astype(np.float32)
        arrays[f"{name}_probabilities"] = drawn
    np.savez(folder / "predictions.npz", **arrays)
    (folder / "history.csv").write_text("epoch,val_accuracy\n1,0.5\n")
    (folder / "model.keras").write_bytes(b"a model")
    facts = {"key": key, "commit": commit, "settings": settings.told()}
    write_json(folder / "provenance.json", trainings.sealed(facts, folder))


def test_a_record_is_read_as_a_run_is(keep):
    folder = keep()
    assert folder.name == "my-scans"
    assert not list(folder.rglob("*.keras"))
    assert read_json(folder / "record.json")["commit"] == "0123456789ab"
    run = Run(folder, is_recorded=True)
    read = studies.described(run)
    assert [trained.seed for trained in read.trainings] == [0, 1, 2, 3, 4]
    assert len(read.dataset.test) == 0
    assert sum(read.counts.values()) == sum(runs.record(run)["counts"].values()) > 0


def test_pages_name_a_record_for_what_it_is(keep, monkeypatch):
    monkeypatch.setattr(studies, "SHOWN", ("my-scans",))
    assert studies.recorded() is None
    keep()
    shown = studies.recorded()
    images = f"{sum(shown.counts.values()):,} real scans (my-scans), not OCTMNIST itself"
    assert shown.title.endswith(images)
    official = replace(shown, dataset=replace(shown.dataset, name="OCTMNIST", is_official=True))
    assert "not OCTMNIST itself" not in official.title


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"now": "0123456789ab-dirty"}, "the code here is of commit '0123456789ab-dirty'"),
        ({"now": "not known: git is not installed"}, "commit first"),
        ({"then": "0123456789ab-dirty"}, "custom-cnn, seed 0's code is of commit"),
        ({"seeds": "0,1,2,3"}, "has 4 seeds, and a record needs 5"),
        ({"profile": "demo", "data_path": None}, "is on the phantom"),
    ],
)
def test_what_is_not_clean_is_refused(keep, given, words, tmp_path):
    with pytest.raises(InputError, match=words):
        keep(**given)
    assert not list((tmp_path / "results").glob("*"))
