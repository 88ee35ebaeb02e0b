"""When .venv is made, brought up to date, made anew or left alone; what installs is a stand-in."""

import errno
import fcntl
import importlib.util
import json
import os
import shutil
import sys
import threading
from pathlib import Path

import pytest

from helpers.pipeline import install
from helpers.study.errors import InputError
from helpers.study.settings import REPOSITORY

PACKAGES = Path("lib") / "python3" / "site-packages"


def stand_in(environment: Path) -> None:
    """What `python -m venv` leaves."""
    (environment / "bin").mkdir(parents=True)
    (environment / "bin" / "python").symlink_to(sys.executable)
    (environment / PACKAGES).mkdir(parents=True)
    (environment / "pyvenv.cfg").touch()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in ("requirements.txt", "pyproject.toml"):
        shutil.copy2(REPOSITORY / name, tmp_path)
    return tmp_path


class Calls(list):
    """What was done, in order; what stands in `failing` fails."""

    failing = ""


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    made = Calls()

    def called(self, command, variables, what):
        made.append(what)
        # Nothing is believed before the end.
        assert what == "uv pip compile" or not install.found(self._environment)
        if what == made.failing:
            raise InputError(f"{what} failed")
        if what == "making .venv":
            stand_in(self._environment)
        return "True\n" if what == "importing TensorFlow" else ""

    monkeypatch.setattr(install.Installer, "_run", called)
    # Of the settings nothing is asked here.
    monkeypatch.setattr(install.Installer, "_pip_options", lambda self: {})
    return made


ALL = ["making .venv", "installing uv", "uv pip sync", "importing the packages"]


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_first_call_installs_and_a_second_does_nothing(checkout, calls):
    install.install(checkout)
    assert calls == ALL
    marker = json.loads((checkout / ".venv" / "octmnist.json").read_text())
    assert marker["checkout"] == str(checkout)
    assert marker["python"] == f"{sys.version_info.major}.{sys.version_info.minor}"
    (line,) = (checkout / ".venv" / PACKAGES / "octmnist.pth").read_text().splitlines()
    assert line == f"import sys; sys.path.append({str(checkout)!a})"
    install.install(checkout)
    assert calls == ALL


def unfinished(environment: Path) -> None:
    install.mark(environment, {})


def foreign(environment: Path) -> None:
    (environment / "octmnist.json").unlink()


def spoilt(environment: Path) -> None:
    (environment / "octmnist.json").write_text('{"lock"')


def moved(environment: Path) -> None:
    install.mark(environment, install.found(environment) | {"checkout": "/before"})


def of_another_python(environment: Path) -> None:
    install.mark(environment, install.found(environment) | {"python": "3.10"})


def without_its_python(environment: Path) -> None:
    (environment / "bin" / "python").unlink()
    (environment / "bin" / "python").symlink_to("/nowhere/python3")


def with_a_broken_python(environment: Path) -> None:
    (environment / "bin" / "python").unlink()
    (environment / "bin" / "python").write_bytes(b"\x7fELF of another machine")
    (environment / "bin" / "python").chmod(0o755)


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (unfinished, "it was not finished, or not made by make"),
        (foreign, "it was not finished, or not made by make"),
        (spoilt, "it was not finished, or not made by make"),
        (moved, "it was made for /before"),
        (of_another_python, "it has Python 3.10, not 3."),
        (without_its_python, "its Python no longer runs"),
        (with_a_broken_python, "its Python no longer runs"),
    ],
)
def test_an_environment_that_does_not_fit_is_made_anew(checkout, calls, capsys, damage, why):
    install.install(checkout)
    (checkout / ".venv" / PACKAGES / "old.py").touch()
    damage(checkout / ".venv")
    capsys.readouterr()
    install.install(checkout)
    assert calls == [*ALL, *ALL]
    assert not (checkout / ".venv" / PACKAGES / "old.py").exists()
    assert not (checkout / ".venv.removed").exists()
    told = capsys.readouterr().err
    assert told.startswith(f"octmnist: .venv is made anew: {why}") and told.count("\n") == 2


def test_another_lock_brings_the_environment_up_to_date(checkout, calls, capsys):
    install.install(checkout)
    (checkout / ".venv" / PACKAGES / "kept.py").touch()
    with (checkout / "requirements.txt").open("a") as lock:
        lock.write("# newer\n")
    install.install(checkout)
    assert calls == [*ALL, *ALL[1:]]
    assert (checkout / ".venv" / PACKAGES / "kept.py").exists()
    assert "anew" not in capsys.readouterr().err


@pytest.mark.parametrize("step", ALL)
def test_after_a_failure_at_any_step_the_next_call_makes_it_anew(checkout, calls, step):
    calls.failing = step
    with pytest.raises(InputError):
        install.install(checkout)
    calls.failing = ""
    calls.clear()
    install.install(checkout)
    assert calls == ALL
    assert install.found(checkout / ".venv") == install.expected(checkout / ".venv")


def test_a_removal_that_was_killed_is_ended(checkout, calls):
    (checkout / ".venv.removed" / "lib").mkdir(parents=True)
    install.install(checkout)
    assert not (checkout / ".venv.removed").exists()


def test_a_link_is_removed_and_what_it_points_at_is_left_alone(checkout, calls, tmp_path, capsys):
    own = tmp_path / "elsewhere" / ".venv"
    stand_in(own)
    (own / PACKAGES / "dear.py").touch()
    before = names(own)
    (checkout / ".venv").symlink_to(own, target_is_directory=True)
    install.install(checkout)
    assert names(own) == before
    assert not (checkout / ".venv").is_symlink() and calls == ALL
    assert "it is a link to another one, which stays as it is" in capsys.readouterr().err


def test_a_dangling_link_is_no_hindrance(checkout, calls):
    (checkout / ".venv").symlink_to("/nowhere")
    install.install(checkout)
    assert calls == ALL and not (checkout / ".venv").is_symlink()


def test_a_link_to_a_fitting_environment_is_used_but_never_changed(checkout, calls, tmp_path):
    other = tmp_path / "elsewhere"
    other.mkdir()
    for name in ("requirements.txt", "pyproject.toml"):
        shutil.copy2(checkout / name, other)
    install.install(other)
    (checkout / ".venv").symlink_to(other / ".venv", target_is_directory=True)
    install.install(checkout)
    assert calls == ALL and (checkout / ".venv").is_symlink()
    with pytest.raises(InputError, match=r"\.venv is a link"):
        install.add_cuda(checkout)
    assert calls == ALL


def test_what_is_no_environment_is_left_alone(checkout, calls):
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / "thesis.tex").touch()
    with pytest.raises(InputError, match="this is no virtual environment; move it away"):
        install.install(checkout)
    assert (checkout / ".venv" / "thesis.tex").exists() and not calls
    shutil.rmtree(checkout / ".venv")
    (checkout / ".venv").write_text("a file")
    with pytest.raises(InputError, match="this is no virtual environment; move it away"):
        install.install(checkout)


def test_a_second_make_waits_for_the_first(checkout, calls, capsys):
    with (checkout / ".venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second = threading.Thread(target=install.install, args=(checkout,))
        second.start()
        second.join(0.5)
        assert second.is_alive() and not calls
        # What the first has finished meanwhile is taken as it is.
        stand_in(checkout / ".venv")
        install.mark(checkout / ".venv", install.expected(checkout / ".venv"))
    second.join(30)
    assert not second.is_alive() and not calls
    assert "another make is installing into .venv; waiting" in capsys.readouterr().err


def test_cuda_is_believed_only_when_it_was_added(checkout, calls):
    install.install(checkout)
    calls.clear()
    install.add_cuda(checkout)
    install.install(checkout)
    assert calls == ["uv pip install", "importing TensorFlow"]
    calls.failing = "uv pip install"
    with pytest.raises(InputError):
        install.add_cuda(checkout)
    assert install.found(checkout / ".venv") == {}


def test_a_new_lock_changes_no_environment(checkout, calls):
    install.install(checkout)
    calls.clear()
    install.renew_lock(checkout)
    assert calls == ["uv pip compile"]


def test_a_python_without_ensurepip_names_the_package(checkout, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "ensurepip" else found(name)
    )
    with pytest.raises(InputError, match=r"install python3\.\d+-venv, or name another"):
        install.install(checkout)
    assert not (checkout / ".venv").exists()


def test_windows_gets_one_line(checkout, monkeypatch):
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with pytest.raises(InputError, match="Linux, macOS, or WSL 2 on Windows"):
        install.install(checkout)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            OSError(errno.EROFS, "Read-only file system", "/checkout/.venv.lock"),
            "octmnist: /checkout/.venv.lock: Read-only file system; .venv must be made, so give "
            "permission and room there\n",
        ),
        (InputError("what, where, what to do"), "octmnist: what, where, what to do\n"),
        (KeyboardInterrupt(), "octmnist: interrupted while installing; the next call goes on\n"),
    ],
)
def test_an_error_is_one_line(monkeypatch, capsys, error, line):
    def fails(checkout):
        raise error

    monkeypatch.setattr(install, "install", fails)
    monkeypatch.setattr(sys, "argv", ["install"])
    with pytest.raises(SystemExit) as ended:
        install.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err == line
    monkeypatch.setenv("DEBUG", "1")
    with pytest.raises(type(error)):
        install.main()


def test_a_program_that_fails_is_told_of_in_its_own_words(checkout, monkeypatch):
    script = "print('WARNING: later\\n  × No way\\n  ╰─▶ because\\n[notice] new pip'); exit(1)"
    with install.only_one(checkout) as lock:
        installer = install.Installer(checkout / ".venv", lock)
        with pytest.raises(InputError, match=r"^uv failed: No way because\. Where something"):
            installer._run([sys.executable, "-c", script], dict(os.environ), "uv")
        # It would hold the lock on, had this process been killed.
        installer._run([sys.executable, "-c", f"import os; os.fstat({lock})"], {}, "Python")


def test_real_pip_and_uv_take_the_settings(checkout, monkeypatch, tmp_path):
    config = tmp_path / "pip.conf"
    config.write_text(
        "[global]\nuser = true\nquiet = 3\ntarget = /own\nindex-url = https://mirror/simple\n"
        "extra-index-url = file:///more\n"
    )
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    monkeypatch.setenv("PIP_PREFIX", "/own")
    monkeypatch.setenv("UV_SYSTEM_PYTHON", "1")
    (checkout / ".venv").symlink_to(sys.prefix)
    with install.only_one(checkout) as lock:
        installer = install.Installer(checkout / ".venv", lock)
        told = installer._pip_options()
        assert told.pop("index-url") == "https://mirror/simple"
        assert told.pop("extra-index-url") == "file:///more"
        assert not {"user", "target", "prefix", "quiet"} & told.keys()
        installer.uv("list", "--offline")
