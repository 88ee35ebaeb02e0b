"""`make bench`: each benchmark in a process of its own, one after another, and their table."""

import subprocess
import sys
import time

from benchmarks.comparison import HEAD
from helpers.study.provenance import here_and_now
from helpers.study.settings import REPOSITORY

ORDER = (
    "training",
    "frozen",
    "grad_cam",
    "loading",
    "near_duplicates",
    "statistics",
    "imports",
    "book",
)
TABLE, LOG = REPOSITORY / "runs" / "bench.md", REPOSITORY / "runs" / "bench.log"


def main() -> int:
    """Print the table, keep it in `TABLE`, and return the number of benchmarks that failed."""
    TABLE.parent.mkdir(exist_ok=True)
    started, failed = time.monotonic(), []
    made = here_and_now()
    with TABLE.open("w", encoding="utf-8") as table, LOG.open("w", encoding="utf-8") as log:

        def say(text: str) -> None:
            print(text, flush=True)
            table.write(f"{text}\n")

        say(f"{made['date']}, commit {made['commit']}, {made['hardware']}\n\n{HEAD}")
        for name in ORDER:
            command = [sys.executable, "-m", f"benchmarks.{name}"]
            with subprocess.Popen(
                command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=log, text=True
            ) as process:
                for line in process.stdout:
                    say(line.rstrip("\n"))
            if process.returncode:
                failed.append(name)
        say(f"\n{time.monotonic() - started:.0f} s in all")
        if failed:
            say(f"failed: {', '.join(failed)} ({LOG.relative_to(REPOSITORY)} says why)")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
