"""`make npz`: write class folders of images to a file that the book reads, with a manifest."""

import argparse
import csv
from pathlib import Path

import numpy as np
from tqdm import tqdm

from helpers.data import files, folders, scans
from helpers.data.folders import Scan
from helpers.pipeline import console
from helpers.study import data_sets
from helpers.study.data_sets import DataSet
from helpers.study.errors import InputError
from helpers.study.runs import replacing_file

COLUMNS = (*scans.COLUMNS[:2], "label", "patient_id", "source_width", "source_height", "file")
LARGEST_SIZE = 512


def convert(source: Path, out: Path, size: int, data_set: DataSet) -> str:
    """Write the images below `source` to `out`, and `manifest.csv` beside it; says what they are.

    Both are written whole at the end, and neither ever replaces a file.

    Raises
    ------
    InputError : for folders that hold no data set, files that are no images, and where something
        is already at either place.
    """
    manifest = out.with_name(scans.MANIFEST)
    if out.suffix != ".npz":
        raise InputError(f"{out}: must end in .npz (OUT=my.npz)")
    if not files.LEAST_SIZE <= size <= LARGEST_SIZE:
        raise InputError(f"SIZE={size}: must be {files.LEAST_SIZE} to {LARGEST_SIZE} pixels")
    for path in (out, manifest):
        if path.exists():
            raise InputError(f"{path}: there already, and never overwritten; name another OUT=")
    found = folders.find(source, data_set)
    files.check_room(str(source), sum(map(len, found.values())) * size**2 * data_set.channels)
    arrays, rows = _read(found, source, size, data_set)
    with replacing_file(manifest) as table, replacing_file(out) as archive:
        with table.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([COLUMNS, *rows])
        np.savez(archive, **arrays)
    counts = ", ".join(f"{len(found[split])} {split}" for split in files.SPLITS)
    shared = folders.shared_patients((*found["train"], *found["val"]), found["test"])
    unknown = sum(scan.patient is None for split in found.values() for scan in split)
    return (
        f"{out}: {counts} images of {size} px; {len(shared)} patients are both in test and "
        f"elsewhere, {unknown} images name no patient"
    )


def _read(
    found: dict[str, list[Scan]], source: Path, size: int, data_set: DataSet
) -> tuple[dict[str, np.ndarray], list[tuple]]:
    """The arrays of the file and the rows of the manifest; InputError once all files are seen."""
    colours = () if data_set.channels == 1 else (data_set.channels,)
    arrays: dict[str, np.ndarray] = {}
    rows: list[tuple] = []
    refused: list[InputError] = []
    with tqdm(total=sum(map(len, found.values())), desc="reading", unit="image") as bar:
        for split, of_split in found.items():
            images = np.empty((len(of_split), size, size, *colours), np.uint8)
            for index, scan in enumerate(of_split):
                bar.update()
                try:
                    picture = folders.read(scan.path, size, data_set.channels)
                except InputError as error:
                    refused.append(error)
                    continue
                images[index] = picture.image
                label, name = data_set.labels[scan.label], scan.path.relative_to(source).as_posix()
                told = (label, scan.patient or "", picture.width, picture.height, name)
                rows.append((split, index, *told))
            labels = np.array([scan.label for scan in of_split], np.uint8)
            arrays |= {f"{split}_images": images, f"{split}_labels": labels[:, None]}
    if refused:
        raise InputError(
            f"{len(refused)} of {bar.total} files can't be read; get them again, or move them "
            f"away, the first being {refused[0]}"
        )
    return arrays, rows


def main() -> None:
    """Read the command line, convert, and say what was written."""
    parser = argparse.ArgumentParser(prog="python -m helpers.pipeline.npz", description=__doc__)
    parser.add_argument("--source", default="", help="folder of splits or of classes")
    parser.add_argument("--out", default="", help="the file to write, ending in .npz")
    parser.add_argument("--size", default="", help="height and width of the images in pixels")
    parser.add_argument("--data-set", default="", help="whose classes they are")
    options = parser.parse_args()
    with console.one_line_errors():
        if not options.source or not options.out:
            raise InputError(f"make npz FROM=OCT2017 OUT=my.npz SIZE={files.LEAST_SIZE}")
        size = options.size or str(files.LEAST_SIZE)
        if not size.isascii() or not size.isdecimal() or len(size) > 4:
            raise InputError(f"SIZE={size!r}: must be a number of pixels, such as 28")
        data_set = data_sets.get(options.data_set or data_sets.audited().name)
        source, out = Path(options.source).absolute(), Path(options.out).absolute()
        print(convert(source, out, int(size), data_set))


if __name__ == "__main__":
    main()
