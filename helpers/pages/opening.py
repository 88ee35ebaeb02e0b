"""How a chapter begins: its parameters become settings, its images are loaded, its style is set."""

import ast
import difflib
from typing import Any

from IPython import get_ipython

from helpers.data import dataset as datasets
from helpers.pages import style
from helpers.pages.study import Study
from helpers.study.errors import InputError
from helpers.study.runs import open_run
from helpers.study.settings import load_settings
from helpers.study.settings import names as setting_names

INJECTED = "# Parameters\n"  # how papermill's own cell begins


def open_study(
    profile: str, overrides: str | None = None, run: str | None = None, **parameters: Any
) -> Study:
    """Open what a chapter's parameters ask for, as `load_settings` takes them; set the style.

    `run` is the folder under `runs/` that the chapter belongs to; by default one under
    `runs/scratch`. Whatever else papermill was given is a setting as well. Raises InputError for
    settings or data that can't be used, and for a parameter that is no setting.
    """
    own = {"profile", "overrides", "run", *parameters}
    more = {name: value for name, value in injected().items() if name not in own}
    for name in more:
        if name not in setting_names():
            close = difflib.get_close_matches(name, [*own, *setting_names()], n=1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            raise InputError(
                f"unknown setting {name!r}: {hint}A chapter takes {', '.join(sorted(own))} and "
                "every setting in profiles/paper.yaml"
            )
    settings = load_settings(profile, overrides, **parameters, **more)
    style.use()
    return Study(settings, datasets.load(settings.data), open_run(settings, run))


def injected() -> dict[str, Any]:
    """What papermill was given for the chapter that runs here, by name; nothing elsewhere.

    It lays a cell over a chapter's own parameters, which the kernel remembers like any other.
    """
    shell = get_ipython()
    cells = shell.user_ns.get("In", []) if shell else []
    given = [cell for cell in cells if cell.startswith(INJECTED)]
    assigned = ast.parse(given[-1]).body if given else []
    targets = [node.targets[0].id for node in assigned if isinstance(node, ast.Assign)]
    return {name: shell.user_ns[name] for name in targets}
