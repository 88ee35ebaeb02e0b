"""How long each job of a run took at most, and so how long is left."""

import statistics
from collections.abc import Mapping
from pathlib import Path

from helpers.pipeline.resources import THREADS
from helpers.study.runs import Run, read_json, write_json

# Jobs that take `THREADS` cores each; of the others as many are at work as there are cores.
LARGE = ("train", "control", "grad-cam", "explanations", "patients")


def note(run: Run, job: str, seconds: float) -> None:
    """Keep how long a job took: the longest, since one whose result is there takes no time."""
    path = _path(run, job)
    write_json(path, round(max(seconds, _seconds(path) or 0.0), 1))


def expected(run: Run, jobs: list[str]) -> dict[str, float]:
    """Seconds that each job will take, by what it took before, or else its like with other seeds.

    A job of which nothing is known is left out.
    """
    kept = {path.stem: _seconds(path) for path in _path(run, "").parent.glob("*.json")}
    found = {}
    for job in jobs:
        name = _path(run, job).stem
        like = [s for other, s in kept.items() if s is not None and _like(other) == _like(name)]
        if kept.get(name) is not None:
            found[job] = kept[name]
        elif like:
            found[job] = statistics.median(like)
    return found


def left(
    expected: Mapping[str, float], begun: Mapping[str, float], cores: int, has_gpu: bool = False
) -> float:
    """Seconds until all jobs on this machine have ended; a GPU does one large job at a time.

    expected : seconds of each job; begun : seconds since each that is begun began.
    """
    at_once = 1 if has_gpu else max(1, cores // THREADS)
    remaining = {job: max(0.0, s - begun.get(job, 0.0)) for job, s in expected.items()}
    large = sum(s for job, s in remaining.items() if job.split()[0] in LARGE)
    return large / at_once + (sum(remaining.values()) - large) / cores


def _path(run: Run, job: str) -> Path:
    return run.folder / "seconds" / f"{'_'.join(job.split())}.json"


def _seconds(path: Path) -> float | None:
    kept = read_json(path)
    return float(kept) if isinstance(kept, (int, float)) else None


def _like(name: str) -> str:
    return name.rstrip("0123456789") if name.rpartition("_")[2].isdecimal() else name
