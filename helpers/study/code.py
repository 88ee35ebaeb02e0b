"""Which modules a chapter or a module imports, and a digest of what they do."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

from helpers.study.provenance import digest
from helpers.study.settings import REPOSITORY

PACKAGE = "helpers"
# A training's key holds what these wings bring: the arrays, the settings and the fitted weights.
IN_TRAINING_KEYS = ("study", "data", "models")


def imported_by(path: Path) -> list[Path]:
    """The modules of `helpers/` that a chapter or a module imports, transitively, sorted.

    A package's face holds no code and doesn't count.
    """
    modules: set[Path] = set()
    waiting = [path]
    while waiting:
        for module in _imports(waiting.pop()):
            if module not in modules:
                modules.add(module)
                waiting.append(module)
    return sorted(modules)


def code_digest(*modules: Path) -> str:
    """A digest of what modules do: their code without comments and docstrings."""
    return digest(*(_code_alone(module) for module in modules))


def result_digest(module: Path | str) -> str:
    """A digest of the code that makes a result out of trainings: a module and what it imports.

    Left out are the wings whose part a training's key holds. `module` is a path (`__file__`).
    """
    path = Path(module).resolve()
    later = [
        imported for imported in imported_by(path) if imported.parent.name not in IN_TRAINING_KEYS
    ]
    return code_digest(path, *later)


def _imports(path: Path) -> Iterator[Path]:
    for node in ast.walk(ast.parse(_source(path))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == PACKAGE:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name.startswith(f"{PACKAGE}.")]
        else:
            continue
        for name in names:
            module = REPOSITORY / (name.replace(".", "/") + ".py")
            if module.exists():
                yield module


def _source(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return text
    cells = json.loads(text)["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    # Lines for IPython alone are no Python.
    return re.sub(r"^(\s*)[%!].*$", r"\1pass", code, flags=re.MULTILINE)


def _code_alone(path: Path) -> str:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, documented) and ast.get_docstring(node):
            node.body[0] = ast.Pass()
    return ast.unparse(tree)
