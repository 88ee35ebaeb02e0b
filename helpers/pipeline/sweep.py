"""`make sweep`: a grid of models, seeds and image sizes, trained and measured; one table of it.

Each size is a run of its own, `runs/<name>-<size>/`, whose chapters `make book` with the same
settings renders without training anything. Killed, the same command goes on where it was.
"""

import argparse
import re
from typing import Any

import pandas as pd

from helpers.data import dataset as datasets
from helpers.data import scans
from helpers.evaluation import metrics
from helpers.pages.study import described
from helpers.pipeline import building, console, processes
from helpers.study import architectures, runs
from helpers.study.errors import InputError
from helpers.study.runs import Run
from helpers.study.settings import DEFAULT_PROFILE, load_settings


def sweep(
    profile: str = DEFAULT_PROFILE,
    run: str | None = None,
    sizes: str | None = None,
    **parameters: Any,
) -> pd.DataFrame:
    """Train and measure every model with every seed on images of every size.

    Parameters
    ----------
    sizes : heights in pixels, such as "28,64"; the profile's or the file's own by default. A file
        of the user's stands for its own size; others are read from `<name>_<size>.npz` beside it.
    parameters : as `building.build` takes them.

    Returns
    -------
    A row a size and model: the runs' `table`.
    """
    asked = _numbers(sizes) if sizes else [None]
    made = []
    for size in asked:
        given = of_size(profile, size, parameters)
        name = f"{run or profile}-{size}" if size else run or profile
        building.build(profile, name, is_whole_book=False, **given)
        made.append(runs.named(name))
    return table(made)


def of_size(profile: str, size: int | None, parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters with which images of a size are read; InputError where there are none."""
    if size is None:
        return parameters
    data = load_settings(profile, **parameters).data
    if data.source != "file":
        more = f"{parameters.get('overrides') or ''} image_size={size}"
        return parameters | {"overrides": more.strip()}
    own = datasets.load(data)
    path = own.path if own.size == size else scans.of_size(own.path, size)
    return parameters | {"data_path": str(path)}


def table(made: list[Run]) -> pd.DataFrame:
    """Test accuracies of runs, means over their seeds: a row a size and model.

    Columns size (pixels), model, seeds, and accuracy, low and high (0 to 1): the 95 % interval of
    `metrics.headline`.
    """
    rows = []
    for run in made:
        study = described(run)
        for model, measured in metrics.headline(*study.given).items():
            value, low, high = measured["accuracy"][:3]
            told = {"size": study.facts["shape"][0], "model": architectures.get(model).title}
            told |= {"seeds": len(study.settings.seeds)}
            rows.append(told | {"accuracy": value, "low": low, "high": high})
    return pd.DataFrame(rows)


def _numbers(sizes: str) -> list[int]:
    if not re.fullmatch(r"\d{1,4}(,\d{1,4})*", sizes):
        raise InputError(f"sizes {sizes!r}: name heights in pixels, such as 28,64 (make: SIZES=)")
    return [int(size) for size in sizes.split(",")]


def main() -> None:
    """Read the command line, train and measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m helpers.pipeline.sweep", description=__doc__)
    for option in ("profile", "data_path", "weights", "seeds", "models", "sizes", "overrides"):
        parser.add_argument(f"--{option.replace('_', '-')}")
    parser.add_argument("--run", help="how the folders under runs/ begin")
    parser.add_argument("--end-with-caller", action="store_true")
    options = {name: value for name, value in vars(parser.parse_args()).items() if value}
    if options.pop("end_with_caller", False):
        processes.end_with_parent()
    with console.one_line_errors():
        told = sweep(**options)
        print(told.to_string(index=False, float_format="{:.3f}".format))


if __name__ == "__main__":
    main()
