"""Code worth reading, on the page: a function as its file has it, with a link to that file."""

import functools
import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from IPython.display import Markdown

from helpers.study import provenance
from helpers.study.settings import REPOSITORY


def source(*functions: Callable[..., Any]) -> Markdown:
    """The code of functions or classes of this project, each below a link to where it stands."""
    return Markdown(
        "\n\n".join(f"{link(f)}\n\n```python\n{inspect.getsource(f)}```" for f in functions)
    )


def link(function: Callable[..., Any]) -> str:
    """A link in Markdown to a function's lines, at the commit of this code where that is known."""
    path = Path(inspect.getsourcefile(function)).relative_to(REPOSITORY).as_posix()
    lines, first = inspect.getsourcelines(function)
    place = f"{address()}/blob/{revision()}/{path}#L{first}-L{first + len(lines) - 1}"
    return f"[`{path}`, `{function.__name__}`]({place})"


@functools.cache
def revision() -> str:
    """The commit of this code for a link; the branch where it isn't known, or files differ."""
    told = provenance.commit().partition(" ")[0]
    return told if re.fullmatch("[0-9a-f]{7,40}", told) else _config()["branch"]


def address() -> str:
    """The repository's, as `_config.yml` has it."""
    return _config()["url"].removesuffix("/")


@functools.cache
def _config() -> dict[str, str]:
    return yaml.safe_load((REPOSITORY / "_config.yml").read_text(encoding="utf-8"))["repository"]
