"""What of the custom CNN's training lies in oneDNN's convolutions, and how fast these are.

Run it with `python -m benchmarks.kernels`. oneDNN says what each call of a kernel took
(ONEDNN_VERBOSE), in a process of its own. What its convolutions alone reach is the most that any
way of feeding them can.
"""

import os
import subprocess
import sys
from collections import Counter

from helpers.study.settings import REPOSITORY

TRAINS = (
    "from benchmarks import training as t;settings, dataset = t.given();t.ours(settings, dataset)()"
)
EPOCHS = 2  # of `TRAINS`, the one that compiles included


def seconds_by_kernel() -> Counter[tuple[str, str]]:
    """Seconds of `EPOCHS` epochs by kernel and direction, such as (convolution, backward_data)."""
    told = subprocess.run(
        [sys.executable, "-c", TRAINS],
        cwd=REPOSITORY,
        env=os.environ | {"ONEDNN_VERBOSE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    ).stdout
    spent: Counter[tuple[str, str]] = Counter()
    for line in told.splitlines():
        # onednn_verbose,v1,primitive,exec,cpu,convolution,<kernel>,<direction>,...,<milliseconds>
        before, is_call, after = line.partition(",exec,")
        if before.startswith("onednn_verbose") and is_call:
            _, kind, _, direction, *_, milliseconds = after.split(",")
            spent[kind, direction] += float(milliseconds) / 1000
    return spent


def of_convolutions(spent: Counter[tuple[str, str]]) -> float:
    """The seconds of all convolutions."""
    return sum(seconds for (kind, _), seconds in spent.items() if kind == "convolution")


def main() -> None:
    """Print a row a kernel."""
    spent = seconds_by_kernel()
    print("| kernel | direction | seconds | share |\n| --- | --- | ---: | ---: |")
    for (kind, direction), seconds in spent.most_common():
        print(f"| {kind} | {direction} | {seconds:.2f} | {seconds / spent.total():.0%} |")


if __name__ == "__main__":
    main()
