"""`make book`: read the command line, have the book built, and print where the site is.

Imports little, so that an interruption in the first second ends in one line as a later one does.
"""

import argparse
from pathlib import Path

from helpers.pipeline import console, processes


def main() -> None:
    """Read the command line, build, and print where the site is."""
    parser = argparse.ArgumentParser(prog="python -m helpers.pipeline.book", description=__doc__)
    parser.add_argument("--run", help="folder under runs/ (default: the profile's name)")
    for option in ("profile", "data_path", "weights", "seeds", "overrides"):
        parser.add_argument(f"--{option.replace('_', '-')}")
    parser.add_argument("--from-crate", help="a packed run to render, training nothing")
    parser.add_argument(
        "--end-with-caller", action="store_true", help="end when the calling program has ended"
    )
    # Make hands on every variable; one that isn't set is an empty text.
    options = {name: value for name, value in vars(parser.parse_args()).items() if value}
    if options.pop("end_with_caller", False):
        processes.end_with_parent()
    with console.one_line_errors():
        from helpers.pipeline import building

        crate = options.pop("from_crate", None)
        made = building.render_crate(Path(crate), **options) if crate else building.build(**options)
        print(made)


if __name__ == "__main__":
    main()
