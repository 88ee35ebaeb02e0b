"""Which commit made a result: git's answer for this repository alone, or that it isn't known."""

import subprocess
from pathlib import Path

import pytest

from helpers.models import fit
from helpers.study import provenance
from helpers.study.environment import CORES_OF_TENSORFLOW
from helpers.study.runs import Run
from helpers.study.settings import REPOSITORY

WHOLE_COMMIT = "0123456789abcdef0123456789abcdef01234567"
UNVERSIONED = "not known: not under version control"


def git(folder: Path, *arguments: str) -> str:
    own = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "protocol.file.allow=always"]
    command = ["git", "-C", str(folder), *own, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def program(folder: Path, lines: str) -> None:
    """A program of the name git in a folder, to stand first on the path."""
    (folder / "git").write_text(f"#!/bin/sh\n{lines}\n")
    (folder / "git").chmod(0o755)


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "my study (1)"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "file").write_text("one")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    git(folder, "tag", "-a", "v1", "-m", "a name that may move")
    return folder


def head(folder: Path) -> str:
    return git(folder, "rev-parse", "--short=12", "HEAD")


def test_a_checkout_tells_its_commit_and_whether_files_differ(checkout):
    assert provenance.commit(checkout) == head(checkout)
    (checkout / "file").write_text("two")
    assert provenance.commit(checkout) == f"{head(checkout)}-dirty"


def test_a_link_to_a_checkout_is_the_checkout(checkout, tmp_path):
    (tmp_path / "link").symlink_to(checkout)
    assert provenance.commit(tmp_path / "link") == head(checkout)


def test_a_worktree_and_a_submodule_tell_their_own_commit(checkout, tmp_path):
    git(checkout, "worktree", "add", "-q", str(tmp_path / "beside"))
    git(tmp_path / "beside", "commit", "-q", "--allow-empty", "-m", "its own")
    assert provenance.commit(tmp_path / "beside") == head(tmp_path / "beside") != head(checkout)
    thesis = tmp_path / "thesis"
    thesis.mkdir()
    git(thesis, "init", "-q")
    git(thesis, "submodule", "--quiet", "add", str(checkout), "study")
    git(thesis, "commit", "-q", "-m", "a thesis")
    assert provenance.commit(thesis / "study") == head(checkout)


def test_an_unpacked_archive_never_tells_another_repositorys_commit(checkout):
    below = checkout / "unpacked"
    below.mkdir()
    assert provenance.commit(below) == UNVERSIONED
    # A folder of git's that git can't use: it goes on to the folder above.
    (below / ".git").mkdir()
    assert provenance.commit(below) == "not known: git can't read .git"
    (below / ".git").rmdir()
    (below / ".git").write_text("gitdir: /nowhere/at/all")
    assert provenance.commit(below) == "not known: git can't read .git"


def test_an_archive_tells_the_commit_that_it_was_made_of(tmp_path):
    archived = tmp_path / provenance.ARCHIVED
    archived.write_text(f"{WHOLE_COMMIT}\n")
    assert provenance.commit(tmp_path) == "0123456789ab (from the archive)"
    archived.write_text((REPOSITORY / provenance.ARCHIVED).read_text())
    assert provenance.commit(tmp_path) == UNVERSIONED


def test_git_writes_the_commit_into_an_archive(checkout):
    for name in (".gitattributes", provenance.ARCHIVED):
        (checkout / name).write_text((REPOSITORY / name).read_text())
    git(checkout, "add", ".")
    git(checkout, "commit", "-q", "-m", "what archives tell")
    command = ["git", "-C", str(checkout), "archive", "HEAD", provenance.ARCHIVED]
    archive = subprocess.run(command, capture_output=True, check=True).stdout
    assert git(checkout, "rev-parse", "HEAD").encode() in archive


@pytest.mark.parametrize("name", ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR"])
def test_what_a_hook_or_the_user_exported_changes_nothing(checkout, tmp_path, monkeypatch, name):
    monkeypatch.setenv(name, str(tmp_path))
    assert provenance.commit(checkout) == head_without(monkeypatch, name, checkout)


def head_without(monkeypatch, name: str, checkout: Path) -> str:
    with monkeypatch.context() as patched:
        patched.delenv(name)
        return head(checkout)


def test_without_git_and_with_one_that_cant_be_run_the_reason_is_told(
    checkout, tmp_path, monkeypatch
):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert provenance.commit(checkout) == "not known: git is not installed"
    (tmp_path / "git").write_text("no program")
    assert provenance.commit(checkout) == "not known: git is not installed"


def test_a_git_that_hangs_is_not_waited_for(checkout, tmp_path, monkeypatch):
    program(tmp_path, "exec sleep 30")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(provenance, "PATIENCE", 0.2)
    assert provenance.commit(checkout) == "not known: git gave no answer within 0.2 s"


@pytest.mark.parametrize("words", ["detected dubious ownership in", "unsafe repository"])
def test_dubious_ownership_is_told_whatever_the_users_language(
    checkout, tmp_path, monkeypatch, words
):
    program(tmp_path, f'[ "$LC_ALL" = C ] && echo "fatal: {words}" >&2; exit 128')
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    assert provenance.commit(checkout) == "not known: git refuses, dubious ownership"


def test_a_repository_without_commits_has_none(tmp_path):
    git(tmp_path, "init", "-q")
    assert provenance.commit(tmp_path).startswith("not known: ")


def test_a_driver_that_does_not_answer_means_no_gpu(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert provenance.gpu_count.__wrapped__() == 0
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\nexec /bin/sleep 30\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setattr(provenance, "PATIENCE", 0.2)
    assert provenance.gpu_count.__wrapped__() == 0


def test_here_and_now_names_no_folder_and_no_user():
    told = " ".join(provenance.here_and_now().values())
    assert str(REPOSITORY) not in told
    assert str(Path.home()) not in told


def test_provenance_is_asked_before_a_model_is_built(small, dataset, tmp_path, monkeypatch):
    def fails() -> dict:
        raise OSError("no answer")

    def never(*_: object) -> None:
        raise AssertionError("built before provenance was asked")

    monkeypatch.setattr(fit.provenance, "here_and_now", fails)
    monkeypatch.setattr(fit.networks, "build", never)
    with pytest.raises(OSError, match="no answer"):
        fit.load_or_train(Run(tmp_path), small, dataset, "custom-cnn", 0)


@pytest.mark.parametrize(
    ("told", "expected"), [("1", 1), ("100000", None), ("0", None), ("x", None)]
)
def test_cores_that_tensorflow_may_not_use_do_not_count(monkeypatch, told, expected):
    monkeypatch.delenv(CORES_OF_TENSORFLOW, raising=False)
    every = provenance.usable_cores()
    monkeypatch.setenv(CORES_OF_TENSORFLOW, told)
    assert provenance.usable_cores() == (expected or every)
