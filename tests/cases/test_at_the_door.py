"""Values that people typed, and what each ends in: one line, before anything is written."""

import os
import stat
import zipfile

import numpy as np
import pytest
from cases.conftest import make, own_lines
from conftest import draw_arrays

from helpers.study.settings import REPOSITORY


def contents_of_runs() -> dict[str, int]:
    paths = sorted((REPOSITORY / "runs").glob("[!.]*/**/*"))
    return {str(path): path.stat().st_mtime_ns for path in paths}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    for name, data_set in {
        "good": "octmnist",
        "two": "pneumoniamnist",
        "eleven": "organamnist",
    }.items():
        np.savez(folder / f"{name}.npz", **draw_arrays(data_set, each=3))
    (folder / "OCT2017" / "train" / "CNV").mkdir(parents=True)
    (folder / "empty.h5").touch()
    os.mkfifo(folder / "pipe.npz")
    os.mkfifo(folder / "pipe.h5")
    (folder / "cache").mkdir()
    np.savez(folder / "cache" / "octmnist.npz", **draw_arrays("octmnist"))
    with zipfile.ZipFile(folder / "resnet50.pth", "w") as archive:
        archive.writestr("archive/data.pkl", b"x")
    return folder


OFFLINE = {"HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
REFUSED = {
    "a large seed": ({"SEEDS": "20240131123"}, "4294967295"),
    "a negative seed": ({"SEEDS": "-1"}, "seeds"),
    "an open quote": ({"SET": 'data_set="octmnist'}, "can't read the settings"),
    "a trailing backslash": ({"SET": "epochs=3\\"}, "can't read the settings"),
    "an option as a setting": ({"SET": "--epochs=3"}, "unknown setting '--epochs'"),
    "a number of 5,000 digits": ({"SET": "epochs=" + "9" * 5_000}, "epochs"),
    "a thousand brackets": ({"SET": "models=" + "[" * 1_000}, "models"),
    "an unknown profile": ({"PROFILE": "../demo"}, "unknown profile"),
    "a run with a space": ({"RUN": " "}, "RUN is empty"),
    "a run like an option": ({"RUN": "-x"}, "use letters"),
    "a run of a shell": ({"RUN": "x'; touch INJECTED; echo '"}, "use letters"),
    "a run elsewhere": ({"RUN": "../elsewhere"}, "use letters"),
    "data of nobody's home": ({"PROFILE": "local", "DATA": "~nosuchuser/x.npz"}, "nosuchuser"),
    "a file with an apostrophe": ({"PROFILE": "local", "DATA": "{}/o'clock.npz"}, "o'clock.npz"),
    "a file with a line break": ({"PROFILE": "local", "DATA": "{}/a\nb.npz"}, "no such file"),
    "a path of 5,000 letters": ({"PROFILE": "local", "DATA": "/" + "x" * 5_000}, "xxx"),
    "a pipe as data": ({"PROFILE": "local", "DATA": "{}/pipe.npz"}, "pipe.npz"),
    "a folder of scans": ({"PROFILE": "local", "DATA": "{}/OCT2017"}, "make npz FROM="),
    "data in the demo": ({"DATA": "{}/good.npz"}, "data_path goes with"),
    "another set in the demo": (
        {"SET": "data_set=pneumoniamnist"},
        "profile local or octmnist or paper",
    ),
    "two classes": ({"PROFILE": "local", "DATA": "{}/two.npz"}, "data_set"),
    "eleven classes": ({"PROFILE": "local", "DATA": "{}/eleven.npz"}, "data_set"),
    "empty weights": (
        {"PROFILE": "local", "DATA": "{}/good.npz", "WEIGHTS": "{}/empty.h5"},
        "empty.h5",
    ),
    "a pipe as weights": (
        {"PROFILE": "local", "DATA": "{}/good.npz", "WEIGHTS": "{}/pipe.h5"},
        "pipe.h5",
    ),
    "weights of PyTorch": (
        {"PROFILE": "local", "DATA": "{}/good.npz", "WEIGHTS": "{}/resnet50.pth"},
        "PyTorch",
    ),
    "weights that are a folder": (
        {"PROFILE": "local", "DATA": "{}/good.npz", "WEIGHTS": "{}"},
        "choose imagenet",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_value_that_cannot_be_used_is_one_line(files, case):
    values, words = REFUSED[case]
    before = contents_of_runs()
    finished = make(
        "book", **{name: value.replace("{}", str(files)) for name, value in values.items()}
    )
    assert finished.returncode != 0
    assert finished.stdout == ""
    (line,) = own_lines(finished)
    assert "octmnist: " in line
    assert words in line
    assert contents_of_runs() == before
    assert not (REPOSITORY / "INJECTED").exists()


def test_another_file_in_the_cache_is_named_offline(files):
    cache = files / "cache"
    finished = make(
        "book",
        PROFILE="paper",
        WEIGHTS="random",
        environment=OFFLINE | {"OCTMNIST_DATA": str(cache)},
    )
    (line,) = [line for line in own_lines(finished) if line.startswith("octmnist: ")]
    assert "octmnist.npz" in line and "MD5" in line
    assert sorted(path.name for path in cache.iterdir()) == ["octmnist.npz"]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("DATA", "/scratch/data", "data_path goes with"),
        ("PROFILE", "default", "unknown profile"),
        ("RUN", "/scratch/slurm-17", "use letters"),
        ("SET", "1", "name=value"),
    ],
)
def test_what_the_environment_exports_is_named_as_the_cause(name, value, words):
    finished = make("book", environment={name: value})
    assert finished.returncode != 0
    (line,) = own_lines(finished)
    assert words in line
    assert f"from your environment: {name}" in line


@pytest.mark.parametrize("name", ["RUN", "SET", "DATA", "WEIGHTS", "SEEDS", "PROFILE", "FROM"])
@pytest.mark.parametrize(
    "attack",
    ["x'; touch {}; '", "$(shell touch {})", "$$(touch {})", "`touch {}`", "\n touch {}\n"],
)
@pytest.mark.torture
def test_no_shell_reads_what_a_user_types(tmp_path, name, attack):
    made = tmp_path / "made"
    finished = make("book", **{name: attack.replace("{}", str(made))})
    assert finished.returncode != 0
    assert not made.exists()


def test_a_read_only_folder_is_named(tmp_path, checkout):
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    mode = checkout.stat().st_mode
    checkout.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        finished = make("book", folder=checkout)
    finally:
        checkout.chmod(mode)
    (line,) = own_lines(finished)
    assert "runs" in line
