"""The repository itself: notebooks, addresses, lock, and what each chapter depends on."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from conftest import copy_of_the_repository

from helpers.data import dataset as datasets
from helpers.pipeline import address, contents
from helpers.study import architectures, data_sets
from helpers.study.settings import REPOSITORY, profile_names

CHAPTERS = sorted((REPOSITORY / "book").glob("*.ipynb"))
MODULES = sorted((REPOSITORY / "helpers").glob("*/*.py"))


def cells(path: Path) -> list[dict]:
    return json.loads(path.read_text())["cells"]


def tags(cell: dict) -> list[str]:
    return cell["metadata"].get("tags", [])


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_begins_alike_and_carries_no_outputs(path):
    first, setup, parameters = cells(path)[:3]
    assert "".join(first["source"]).startswith("# ")
    assert setup["source"] == cells(CHAPTERS[0])[1]["source"]
    assert parameters["source"] == cells(CHAPTERS[0])[2]["source"]
    assert tags(parameters) == ["hide-input", "parameters"]
    for cell in cells(path):
        if cell["cell_type"] == "code" and {"keep_output", "nbval-check-output"} <= set(tags(cell)):
            assert cell["outputs"], cell["source"]
        elif cell["cell_type"] == "code":
            assert not cell["outputs"], cell["source"]


def test_the_table_of_contents_holds_every_chapter():
    assert [path.stem for path in CHAPTERS] == sorted(contents.chapters())
    parts = yaml.safe_load((REPOSITORY / "_toc.yml").read_text())["parts"]
    assert [entry["file"] for entry in parts[0]["chapters"]][-1] == "06-discussion"


def test_every_copy_of_the_address_agrees():
    own = address.current()
    for path in address.texts():
        if path.name == "references.bib" or path.parent.name in ("tests", "workflows"):
            continue
        for found in address.ADDRESS.findall(path.read_text()):
            if found != "https://github.com/owner/name" and "you/your-fork" not in found:
                assert found.removesuffix(".git") == own, path
        for found in re.findall(
            r"colab\.research\.google\.com/github/([\w.-]+/[\w.-]+)/blob/(\w+)", path.read_text()
        ):
            assert own.endswith(found[0]), path
            assert found[1] == "main", path


def test_the_setup_cell_clones_the_branch_that_the_button_names():
    config = yaml.safe_load((REPOSITORY / "_config.yml").read_text())["repository"]
    setup = "".join(cells(CHAPTERS[0])[1]["source"])
    assert config["url"] == address.current()
    assert f"--branch {config['branch']} {config['url']}\n" in setup
    assert f"%cd {config['url'].split('/')[-1]}\n" in setup
    assert config["path_to_book"] == "book"


def test_the_lock_has_every_direct_dependency_and_no_torch():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    lock = (REPOSITORY / "requirements.txt").read_text()
    locked = dict(re.findall(r"^([\w.-]+)==([\w.]+)", lock, flags=re.MULTILINE))
    from packaging.requirements import Requirement

    for text in sum(project["optional-dependencies"].values(), project["dependencies"]):
        requirement = Requirement(text)
        assert requirement.specifier.contains(locked[requirement.name]), text
    for name in ("torch", "torchvision"):
        assert re.search(rf"^{name}==.*sys_platform == 'never'", lock, flags=re.MULTILINE)
    assert "--hash=sha256:" in lock


def test_colab_and_gpu_versions_are_the_locks():
    lock = (REPOSITORY / "requirements.txt").read_text()
    for name in ("requirements-colab.txt", "requirements-gpu.txt"):
        text = (REPOSITORY / name).read_text()
        for package, version in re.findall(r"^([\w-]+)(?:\[.*\])?==([\w.]+)", text, re.MULTILINE):
            assert f"\n{package}=={version} " in lock
            if name == "requirements-colab.txt":
                assert package not in ("tensorflow", "numpy", "keras")


def test_a_wing_imports_only_from_those_before_it():
    finished = subprocess.run(
        [Path(sys.executable).with_name("lint-imports")],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stdout
    assert "1 kept, 0 broken" in finished.stdout


def test_a_wings_face_holds_its_modules_names_and_no_code():
    for face in (REPOSITORY / "helpers").glob("*/__init__.py"):
        tree = ast.parse(face.read_text())
        docstring, names = tree.body
        assert isinstance(docstring, ast.Expr)
        modules = {path.stem for path in face.parent.glob("*.py")} - {"__init__"}
        listed = ast.literal_eval(names.value)
        assert listed == sorted(modules), face
        for module in modules:
            assert f"`{module}`" in ast.get_docstring(tree), (face, module)


def test_tests_mirror_the_wings():
    wings = {path.name for path in (REPOSITORY / "helpers").iterdir() if path.is_dir()}
    wings.discard("__pycache__")
    folders = {path.name for path in (REPOSITORY / "tests").iterdir() if path.is_dir()}
    # What people met, whatever wing it was in.
    assert folders - {"__pycache__"} == wings | {"cases"}


def names_that_only_the_registries_know() -> set[str]:
    return {
        *architectures.names(),
        *data_sets.INFO,
        *(info["python_class"] for info in data_sets.INFO.values()),
        *profile_names(),
        datasets.PHANTOM,
    }


def compared(tree: ast.AST) -> Iterator[ast.AST]:
    """What code compares, looks up or matches by."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            yield from (node.left, *node.comparators)
        elif isinstance(node, ast.Subscript):
            yield node.slice
        elif isinstance(node, ast.Dict):
            yield from filter(None, node.keys)
        elif isinstance(node, ast.MatchValue):
            yield node.value
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("get", "startswith"):
            yield from node.args


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if path.parent.name != "study"],
    ids=lambda path: f"{path.parent.name}/{path.stem}",
)
def test_nothing_outside_the_registries_asks_for_a_name(path):
    known = names_that_only_the_registries_know()
    for node in compared(ast.parse(path.read_text())):
        for part in ast.walk(node):
            if isinstance(part, ast.Constant):
                assert part.value not in known, f"{path.name}:{part.lineno}: {part.value}"


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_no_chapters_code_asks_for_a_name(path):
    known = names_that_only_the_registries_know()
    for cell in cells(path):
        source = "".join(cell["source"])
        if cell["cell_type"] != "code" or "!git" in source:
            continue
        for node in compared(ast.parse(source)):
            for part in ast.walk(node):
                assert not (isinstance(part, ast.Constant) and part.value in known), source


def test_actions_are_pinned_by_commit():
    for path in (REPOSITORY / ".github" / "workflows").glob("*.yml"):
        for action in re.findall(r"uses: (\S+)", path.read_text()):
            assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action), action
        assert yaml.safe_load(path.read_text())["permissions"] == {"contents": "read"}


@pytest.mark.parametrize("command", ["zizmor --offline --quiet .github", "hadolint Dockerfile"])
def test_linters_find_nothing(command):
    program, *arguments = command.split()
    finished = subprocess.run(
        [Path(sys.executable).with_name(program), *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_the_development_container_makes_the_environment():
    path = REPOSITORY / ".devcontainer" / "devcontainer.json"
    container = json.loads(path.read_text(encoding="utf-8"))
    assert container["postCreateCommand"] == "make environment"
    assert container["remoteUser"] != "root"
    assert "python:1-3.12" in container["image"]


def test_every_locked_package_has_hashes():
    lock = (REPOSITORY / "requirements.txt").read_text(encoding="utf-8")
    for entry in re.split(r"\n(?=[\w.-]+==)", lock)[1:]:
        assert "--hash=sha256:" in entry, entry.splitlines()[0]


def test_the_tests_run_on_every_python_that_the_project_names():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    path = REPOSITORY / ".github" / "workflows" / "tests.yml"
    tests = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]["test"]
    from packaging.specifiers import SpecifierSet

    named = SpecifierSet(project["requires-python"])
    assert tests["strategy"]["matrix"]["python"] == [
        f"3.{minor}" for minor in range(30) if named.contains(f"3.{minor}")
    ]


def test_known_findings_are_named_with_a_reason():
    text = (REPOSITORY / "SECURITY.md").read_text(encoding="utf-8")
    rows = text.split("| Finding | Why it is no danger here |\n| --- | --- |\n")[1].splitlines()
    for row in rows:
        assert re.fullmatch(r"\| (GHSA|CVE|PYSEC)-[A-Za-z0-9-]+ \| .{20,} \|", row), row


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """The repository as a downloaded archive has it, with a run and an environment in it."""
    copy_of_the_repository(tmp_path)
    for folder in ("runs/demo", ".venv/lib", ".venv.removed/lib"):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / "file.py").write_text("import  os ; x = [1,\n2]\n", encoding="utf-8")
    return tmp_path


def test_without_git_the_repositorys_files_are_the_same(archive):
    own = {path.relative_to(REPOSITORY) for path in address.files(REPOSITORY)}
    assert {path.relative_to(archive) for path in address.files(archive)} == own


def test_an_archive_is_linted_and_addressed_without_git(archive):
    for arguments in (("check", "--quiet"), ("format", "--check", "--quiet")):
        command = [Path(sys.executable).with_name("ruff"), *arguments, "."]
        finished = subprocess.run(command, cwd=archive, capture_output=True, text=True)
        assert finished.returncode == 0, finished.stdout
    command = [sys.executable, "-E", "-s", "-S", "-m", "helpers.pipeline.address"]
    command.append("https://github.com/you/your-fork")
    finished = subprocess.run(command, cwd=archive, capture_output=True, text=True)
    assert re.fullmatch(r"\d\d files changed\n", finished.stdout), finished.stderr
    assert "you/your-fork" in (archive / "README.md").read_text(encoding="utf-8")
