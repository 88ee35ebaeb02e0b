"""A run's folder: files and folders are replaced whole, results are known by their key."""

import pytest

from helpers.study import runs
from helpers.study.errors import InputError
from helpers.study.runs import Run
from helpers.study.settings import load_settings


def test_an_interrupted_write_leaves_the_old_folder(tmp_path):
    folder = tmp_path / "seed-0"
    with runs.replacing(folder) as staging:
        (staging / "file").write_text("old")
    with pytest.raises(KeyboardInterrupt), runs.replacing(folder) as staging:
        (staging / "file").write_text("new")
        raise KeyboardInterrupt
    assert (folder / "file").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["seed-0"]


def test_an_interrupted_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), runs.replacing_file(path) as partial:
        partial.write_text("new")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_same_value_is_written_once(tmp_path):
    path = tmp_path / "artifacts" / "some.json"
    runs.write_json(path, {"a": 1})
    before = path.stat().st_mtime_ns
    runs.write_json(path, {"a": 1})
    assert path.stat().st_mtime_ns == before
    runs.write_json(path, {"a": 2})
    assert runs.read_json(path) == {"a": 2}
    assert runs.read_json(tmp_path / "none.json") is None


def test_a_result_is_current_under_its_own_key_only(tmp_path):
    run = Run(tmp_path)
    assert not runs.is_current(run.metrics, "key")
    runs.write_json(run.metrics, {})
    assert not runs.is_current(run.metrics, "key")
    runs.remember(run.metrics, "key")
    runs.write_json(run.claims, {})
    runs.remember(run.claims, "another")
    run.claims.unlink()
    assert runs.is_current(run.metrics, "key")
    assert not runs.is_current(run.metrics, "another")
    assert not runs.is_current(run.claims, "another")  # it is not there


def test_a_chapter_fills_gaps_with_embedded_data_alone():
    assert runs.open_run(load_settings("demo")).fills_gaps
    assert not runs.open_run(load_settings("paper")).fills_gaps
    assert runs.open_run(load_settings("demo")).folder.parts[-2:] == ("scratch", "demo")
    assert runs.open_run(load_settings("demo"), "mine").folder == runs.named("mine").folder


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff", b"[" * 100_000, b"9" * 5000, b"\0" * 10], ids=range(6)
)
def test_what_is_no_json_is_none(tmp_path, content):
    (tmp_path / "file.json").write_bytes(content)
    assert runs.read_json(tmp_path / "file.json") is None
    runs.write_json(tmp_path / "file.json", [1])
    assert runs.read_json(tmp_path / "file.json") == [1]


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"3", b"garbage", b'{"metrics.json": 3}'])
@pytest.mark.parametrize("damaged", ["metrics.json", runs.KEYS])
def test_a_damaged_result_is_as_if_it_were_not_there(tmp_path, damaged, content):
    run = Run(tmp_path)
    runs.write_json(run.metrics, {"accuracy": 1})
    runs.remember(run.metrics, "key")
    assert runs.is_current(run.metrics, "key")
    run.metrics.with_name(damaged).write_bytes(content)
    assert not runs.is_whole(run.metrics)
    assert not runs.is_current(run.metrics, "key")
    runs.remember(run.metrics, "key")
    assert runs.is_current(run.metrics, "key")


@pytest.mark.parametrize("name", ["", ".", "..", "../runs", "/tmp", "no-such-run", "a\0b"])
def test_a_run_that_is_asked_for_must_be_there_under_runs(name):
    with pytest.raises(InputError, match="no folder under runs/"):
        runs.existing(name)


def test_a_record_that_lacks_something_is_refused(tmp_path):
    run, whole = Run(tmp_path), dict.fromkeys(runs.RECORDED, "told")
    for facts in (None, [], {}, {name: "told" for name in runs.RECORDED[1:]}):
        if facts is not None:
            runs.write_json(run.description, facts)
        with pytest.raises(InputError, match="tells no settings"):
            runs.record(run)
    runs.write_json(run.description, whole)
    assert runs.record(run) == whole


def test_an_artifact_is_made_once_under_a_key(tmp_path):
    made = []

    def make():
        made.append(len(made))
        return {"made": len(made)}

    artifact = tmp_path / "metrics.json"
    assert runs.kept(artifact, "one", make) == runs.kept(artifact, "one", make) == {"made": 1}
    assert runs.kept(artifact, "other", make) == {"made": 2}
    artifact.write_text("{}")
    assert runs.kept(artifact, "other", make) == {"made": 3}
    assert len(made) == 3
