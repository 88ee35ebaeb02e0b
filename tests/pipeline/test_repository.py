"""The repository itself: notebooks, addresses, lock, and what each chapter depends on."""

import ast
import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml

from helpers import address, runs
from helpers.settings import REPOSITORY

CHAPTERS = sorted((REPOSITORY / "book").glob("*.ipynb"))
# Modules in the order of the data's way: each imports only what stands before it.
ORDER = (
    "settings",
    "runs",
    "phantom",
    "data",
    "duplicates",
    "artifacts",
    "models",
    "training",
    "bootstrap",
    "evaluation",
    "comparison",
    "calibration",
    "triage",
    "shift",
    "acquisition",
    "failures",
    "selective",
    "explain",
    "attribution",
    "localization",
    "faithfulness",
    "similarity",
    "randomization",
    "controls",
    "arithmetic",
    "claims",
    "sentences",
    "explanations",
    "trials",
    "findings",
    "figures",
    "evaluation_figures",
    "site",
    "steps",
    "book",
)


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


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_every_figure_has_alt_text(path):
    for cell in cells(path):
        if cell["cell_type"] == "code" and "figures." in "".join(cell["source"]).replace(
            "figures.use_style", ""
        ):
            assert cell["metadata"]["mystnb"]["image"]["alt"]


def test_the_table_of_contents_holds_every_chapter():
    toc = yaml.safe_load((REPOSITORY / "_toc.yml").read_text())
    listed = {entry["file"] for entry in toc["chapters"]}
    assert {path.stem for path in CHAPTERS} < listed


def test_every_copy_of_the_address_agrees():
    own = address.current()
    for path in address.tracked_texts():
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

    for text in [*project["dependencies"], *project["optional-dependencies"]["test"]]:
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


def test_modules_import_only_what_stands_before_them():
    for place, name in enumerate(ORDER):
        used = {path.stem for path in runs.helpers_used(REPOSITORY / "helpers" / f"{name}.py")}
        assert used <= set(ORDER[:place]), name


def test_a_chapter_depends_on_the_helpers_it_imports():
    used = {path.stem: {module.stem for module in runs.helpers_used(path)} for path in CHAPTERS}
    assert [name for name, modules in used.items() if "explain" in modules] == ["05-grad-cam"]
    assert "training" in used["02-custom-cnn"]
    assert not {"training", "models"} & used["04-metrics"]


def test_comments_and_docstrings_do_not_change_what_code_does(tmp_path):
    plain, told = tmp_path / "plain.py", tmp_path / "told.py"
    plain.write_text("def f():\n    'One.'\n    return 1\n")
    told.write_text("'''A module.'''\n\n\ndef f():\n    '''Another.'''\n    return 1  # one\n")
    other = tmp_path / "other.py"
    other.write_text("def f():\n    'One.'\n    return 2\n")
    assert runs.code_digest(other) != runs.code_digest(plain)
    assert ast.dump(ast.parse(plain.read_text())) != ast.dump(ast.parse(told.read_text()))
    assert runs.code_digest(plain) == runs.code_digest(
        _rewritten(plain, "def f():\n    'Two.'\n    # why\n    return 1\n")
    )


def _rewritten(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_actions_are_pinned_by_commit():
    for path in (REPOSITORY / ".github" / "workflows").glob("*.yml"):
        for action in re.findall(r"uses: (\S+)", path.read_text()):
            assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action), action
        assert yaml.safe_load(path.read_text())["permissions"] == {"contents": "read"}
