"""What is published of an executed chapter: nothing that names the folders of a machine."""

import re
import shlex
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

PATHS = ("data_path", "weights")


def without_folders(notebook: NotebookNode) -> NotebookNode:
    """An executed chapter whose parameters name files, and not the folders in which they lie.

    It changes papermill's cell and its metadata, in place. Parameters that hold a path are
    `data_path`, `weights` and what `overrides` has of them.
    """
    told = notebook.metadata.get("papermill", {})
    given = {name: _file_name(name, value) for name, value in told.get("parameters", {}).items()}
    if "parameters" in told:
        told["parameters"] = given
    for name in ("input_path", "output_path"):
        if told.get(name):
            told[name] = Path(told[name]).name
    for cell in notebook.cells:
        if "injected-parameters" in cell.metadata.get("tags", []):
            lines = [f"{name} = {value!r}" for name, value in given.items()]
            cell.source = "\n".join(["# Parameters", *lines])
    return notebook


def _file_name(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if name == "overrides":
        pairs = (word.partition("=") for word in shlex.split(value))
        return shlex.join(f"{setting}={_file_name(setting, v)}" for setting, _, v in pairs)
    return Path(value).name if re.match("|".join(PATHS), name) else value
