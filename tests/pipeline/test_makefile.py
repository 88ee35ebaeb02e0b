"""The Makefile: what a user gives arrives whole and is never run, whatever the checkout's path."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import VALUES, without_makes_own

from helpers.study.settings import REPOSITORY

# Stands for every Python: says that its version will do, else what it was called with.
PYTHON = f"""#!{sys.executable} -IS
import json, os, sys
if "-c" in sys.argv:
    print(True)
elif "helpers.pipeline.install" not in sys.argv or os.environ.get("INSTALLS"):
    call = {{"program": sys.argv[0], "arguments": sys.argv[1:], "parent": os.getppid()}}
    print(json.dumps(call | {{"environment": dict(os.environ)}}))
"""
TARGETS = ("book", "render", "npz", "verify", "pack", "address")
OPTIONS = {
    "book": {
        **{"--profile": "PROFILE", "--data-path": "DATA", "--weights": "WEIGHTS"},
        **{"--seeds": "SEEDS", "--overrides": "SET", "--run": "RUN", "--from-crate": "FROM"},
    },
    "npz": {
        **{"--source": "FROM", "--out": "OUT", "--size": "SIZE", "--data-set": "DATA_SET"},
    },
    "verify": {"--run": "RUN", "--data-path": "DATA", "--weights": "WEIGHTS"},
    "pack": {"--run": "RUN", "--out": "OUT"},
}
ATTACKS = [
    "x'; touch F; echo '",
    'x"; touch F; echo "',
    "$(shell touch F)epochs=1",
    "$(touch F) `touch F` ${HOME} $HOME $$HOME $",
    "$(error stopped) $(eval RUN=1) $(info F)",
    "x; touch F & touch F | touch F > F",
    "two\nlines",
    "--epochs=3",
    "-x",
    "#no comment 100% ~ * ? a=b c:=d",
    "back\\slash\\",
    "  Größe (1)  ",
    "o'clock",
]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder of an awkward name: the Makefile, and an environment with a stand-in for Python."""
    folder = tmp_path / 'OCT\'s study (1) für $x "y"'
    (folder / ".venv" / "bin").mkdir(parents=True)
    shutil.copy2(REPOSITORY / "Makefile", folder)
    stand_in(folder / ".venv" / "bin" / "python")
    return folder


def stand_in(path: Path) -> Path:
    path.write_text(PYTHON, encoding="utf-8")
    path.chmod(0o755)
    return path


def make(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["make", *arguments],
        cwd=folder,
        env=without_makes_own() | environment,
        capture_output=True,
        encoding="utf-8",
        stdin=subprocess.DEVNULL,
    )


def calls(finished: subprocess.CompletedProcess) -> list[dict]:
    assert finished.returncode == 0, finished.stderr
    return [json.loads(line) for line in finished.stdout.splitlines()]


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize(
    ("how", "attack"),
    [
        *(("command line", attack) for attack in ATTACKS),
        *(("exported", attack) for attack in ATTACKS),
        ("exported, -e", ATTACKS[2]),
    ],
)
def test_a_value_arrives_whole_and_is_never_run(checkout, attack, how):
    before = names(checkout)
    if how == "command line":
        # Make itself takes the blanks before a value.
        value = attack.lstrip(" ")
        finished = make(checkout, *TARGETS, *(f"{name}={attack}" for name in VALUES))
    else:
        value = attack
        flags = ["-e"] if how.endswith("-e") else []
        finished = make(checkout, *flags, *TARGETS, **dict.fromkeys(VALUES, attack))
    for target, call in zip(TARGETS, calls(finished), strict=True):
        if target == "render":
            assert call["arguments"][-1] == f"--run={value}"
        elif target == "address":
            assert call["arguments"][-1] == value
        else:
            options = [f"{option}={value}" for option in OPTIONS[target]]
            assert call["arguments"][-len(options) :] == options
    assert names(checkout) == before


@pytest.mark.parametrize("program", [*ATTACKS, "python9", "true", "echo", ":", "exit", "cat -"])
def test_a_python_that_is_none_gets_one_line(checkout, program):
    before = names(checkout)
    finished = make(checkout, "book", f"PYTHON={program}")
    line, end = finished.stderr.rsplit("make: ", 1)
    assert line.startswith("octmnist: ") and "is not Python 3.11 to 3.13; name one with" in line
    assert line.count("\n") == 1 + program.count("\n")
    assert finished.returncode == 2 and end.endswith("Error 2\n")
    assert names(checkout) == before


def test_python_names_a_path_with_blanks(checkout, tmp_path):
    (tmp_path / "my programs").mkdir()
    program = stand_in(tmp_path / "my programs" / "python 3")
    (call,) = calls(make(checkout, "environment", f"PYTHON={program}", INSTALLS="1"))
    assert call["program"] == str(program)


def test_without_an_environment_the_first_python_that_will_do_is_taken(checkout, tmp_path):
    (checkout / ".venv" / "bin" / "python").unlink()
    (checkout / ".venv" / "bin" / "python").symlink_to("/nowhere/python3")
    path = tmp_path / "path"
    path.mkdir()
    (path / "python3").write_text("#!/bin/sh\necho False\n")
    (path / "python3").chmod(0o755)
    stand_in(path / "python3.12")
    environment = {"PATH": f"{path}:/usr/bin:/bin", "INSTALLS": "1"}
    (call,) = calls(make(checkout, "environment", **environment))
    assert call["program"] == str(path / "python3.12")
    assert call["arguments"] == ["-E", "-s", "-S", "-m", "helpers.pipeline.install"]


def test_make_is_the_parent_of_the_book(checkout):
    environment = without_makes_own()
    with subprocess.Popen(
        ["make", "book"], cwd=checkout, env=environment, stdout=subprocess.PIPE
    ) as program:
        (call,) = map(json.loads, program.stdout)
    assert call["parent"] == program.pid
    assert "--end-with-caller" in call["arguments"]


def test_the_users_own_python_settings_do_not_arrive(checkout):
    own = dict.fromkeys(
        ("PYTHONPATH", "PYTHONSTARTUP", "PYTHONUSERBASE", "PYTHONSAFEPATH", "PYTHONOPTIMIZE"), "/x"
    )
    (call,) = calls(make(checkout, "book", **own))
    told = {name for name in call["environment"] if name.startswith("PYTHON")}
    assert told - {"PYTHON"} == {"PYTHONNOUSERSITE", "PYTHONUTF8"}


def test_exported_values_are_named_and_given_ones_are_not(checkout):
    (call,) = calls(make(checkout, "book", "RUN=mine", DATA="/scratch", RUN="theirs", SET=""))
    assert call["environment"]["OCTMNIST_EXPORTED"] == "DATA"
    assert call["arguments"][-2] == "--run=mine"
    (call,) = calls(make(checkout, "book"))
    assert call["environment"]["OCTMNIST_EXPORTED"] == ""


@pytest.mark.parametrize("given", ["RUN=", "RUN=  ", "PYTHON="])
def test_a_value_given_empty_gets_one_line(checkout, given):
    finished = make(checkout, "book", given)
    name = given.split("=")[0]
    assert f"octmnist: {name} is empty; give it a value, or leave it out" in finished.stderr
    assert finished.stderr.count("\n") == 1
    assert finished.returncode == 2


def test_render_takes_the_folder_of_the_run_else_of_the_profile(checkout):
    for given, folder in (([], "demo"), (["PROFILE=local"], "local"), (["RUN=a b"], "a b")):
        (call,) = calls(make(checkout, "render", *given))
        assert call["arguments"][-1] == f"--run={folder}"


def test_clean_follows_no_link(checkout, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "dear").touch()
    shutil.rmtree(checkout / ".venv")
    for name in (".venv", "runs"):
        (checkout / name).symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert make(checkout, "clean").returncode == 0
    assert names(checkout) == ["Makefile"]
    assert (tmp_path / "elsewhere" / "dear").exists()


def test_help_names_every_target():
    text = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    (phony,) = (line for line in text.splitlines() if line.startswith(".PHONY:"))
    told = make(REPOSITORY, "help").stdout
    for target in set(phony.split()[1:]) - {"help", "environment"}:
        assert f"make {target} " in told, target
