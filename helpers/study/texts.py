"""Texts that people write by hand, read as data: YAML, in UTF-8."""

from pathlib import Path
from typing import Any

import yaml

from helpers.study.errors import InputError


def read_yaml(path: Path, loader: type[yaml.BaseLoader | yaml.SafeLoader]) -> Any:
    """The value of a YAML file, by a loader that makes plain values alone.

    Raises
    ------
    InputError : with the file and, where it is known, the line.
    """
    try:
        # The loader reads numbers and dates by itself, and fails as they do.
        return yaml.load(path.read_text(encoding="utf-8"), Loader=loader)
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise InputError(f"{path}: {line}no YAML ({error.problem}); mend it") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: no UTF-8; save it in that encoding") from None
    except RecursionError:
        raise InputError(f"{path}: no YAML that can be read (nested too deep); mend it") from None
    except (yaml.YAMLError, ValueError, OverflowError, LookupError, OSError) as error:
        raise InputError(f"{path}: no YAML that can be read ({error}); mend it") from None
