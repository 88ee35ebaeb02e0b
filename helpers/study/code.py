"""Which modules a chapter or a module imports, and a digest of what they do."""

import ast
import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path

from helpers.study.provenance import digest
from helpers.study.settings import REPOSITORY


def imported_by(path: Path) -> list[Path]:
    """The modules of `helpers/` that a chapter or a module imports, transitively, sorted.

    A package's face holds no code and doesn't count.
    """
    modules: set[Path] = set()
    waiting = [path]
    while waiting:
        new = set(_imports(waiting.pop())) - modules
        modules |= new
        waiting += new
    return sorted(modules)


def code_digest(*modules: Path) -> str:
    """A digest of what modules do: their code without comments and docstrings."""
    return digest(*(_bare(module.read_text(encoding="utf-8")) for module in modules))


def result_digest(module: Path | str) -> str:
    """A digest of the code that makes a result out of trainings: a module and what it imports.

    `module` is a path (`__file__`). Left out are the wings whose part a training's key holds: the
    settings, the arrays and the fitted weights.
    """
    path, in_keys = Path(module).resolve(), ("study", "data", "models")
    return code_digest(path, *(m for m in imported_by(path) if m.parent.name not in in_keys))


def _imports(path: Path) -> Iterator[Path]:
    for name in _names_imported(_source(path)):
        module = REPOSITORY / (name.replace(".", "/") + ".py")
        if module.exists():
            yield module


# By the text, so that a module which changes is read anew; many chapters import the same ones.
@functools.cache
def _names_imported(source: str) -> list[str]:
    names = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            names += [f"{node.module}", *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    return [name for name in names if name.startswith("helpers.")]


@functools.cache
def _bare(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        if documented and ast.get_docstring(node):
            node.body[0] = ast.Pass()
    return ast.unparse(tree)


def _source(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return text
    cells = json.loads(text)["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    # Lines for IPython alone are no Python.
    return re.sub(r"^(\s*)[%!].*$", r"\1pass", code, flags=re.MULTILINE)
