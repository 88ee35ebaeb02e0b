"""What is wrong is told before a run begins: nothing is written, nothing is trained."""

import numpy as np
import pytest

from helpers.pipeline import building, jobs
from helpers.study import architectures, runs
from helpers.study.errors import InputError
from helpers.study.settings import load_settings


@pytest.fixture
def local(tmp_path, arrays):
    np.savez(tmp_path / "mine.npz", **arrays)
    return {"profile": "local", "data_path": str(tmp_path / "mine.npz"), "weights": "random"}


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("manifest.csv", b"split,index,source_width\ntrain,0,512x496\n", "line 2, column source_w"),
        ("mine_64.npz", b"no archive", "not a whole .npz"),
        ("mine.npz", b"no archive", "not a whole .npz"),
    ],
)
def test_what_is_wrong_with_the_data_is_told_before_a_run_begins(
    local, tmp_path, name, content, words
):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=words) as error:
        building.build(**local, run="never-begun")
    assert name in str(error.value)
    assert not runs.named("never-begun").folder.exists()


def test_weights_are_matched_once_for_models_on_the_same_network(monkeypatch, tmp_path, dataset):
    from helpers.models import networks

    matched = []
    monkeypatch.setattr(networks, "check_weights", lambda *given: matched.append(given))
    chosen = load_settings("demo", "models=custom-cnn,resnet50,resnet50-caffe", weights="mine.h5")
    jobs.prepare(runs.Run(tmp_path), chosen, dataset)
    assert [source for _, source in matched] == [chosen.base.weights]
    assert matched[0][0].application == architectures.RESNET50.base.application
    jobs.prepare(runs.Run(tmp_path), load_settings("demo"), dataset)
    assert len(matched) == 1
