"""`make pack`: a finished run as one zip file, an RO-Crate, fit for an archive.

Packing the same run twice gives the same bytes. No file of the data goes in (chapters show a few
images), and no folder of this machine is named.
"""

import argparse
import json
import shutil
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

from helpers.pipeline import address, building, console, contents, crate, croissant, site
from helpers.study import runs
from helpers.study.errors import InputError
from helpers.study.runs import Run, read_json, replacing_file, write_json
from helpers.study.settings import REPOSITORY

# The earliest that a zip archive can tell; a real one would make every packing other bytes.
NO_TIME = (1980, 1, 1, 0, 0, 0)
READABLE = 0o100644 << 16
DENSE = (".keras", ".npz")  # numbers that hardly compress
# What may hold a path of the machine in plain text.
TEXTS = (".json", ".ipynb", ".csv", ".md")


def pack(run: Run, out: Path) -> None:
    """Pack a finished run into `out`.

    Raises InputError for an unfinished run, one that names a folder of this machine, and an `out`
    that holds something else.
    """
    _require_free(out)
    with building.at_work_in(run), TemporaryDirectory() as folder:
        site.require_finished(run)
        facts, files = runs.record(run), _files(run)
        _require_rendered(run, files)
        _refuse_folders(files)
        described = Path(folder)
        (described / crate.README).write_text(crate.readme(run), encoding="utf-8")
        write_json(described / crate.ZENODO, crate.zenodo(run))
        version = str(crate.citation()["version"])
        data = croissant.describe(facts, address.current(), version)
        write_json(described / crate.DATA, data)
        for name in (crate.README, crate.ZENODO, crate.DATA):
            files[name] = described / name
        for name in crate.OF_THE_REPOSITORY:
            files[name] = REPOSITORY / name
        files = dict(sorted(files.items()))
        content = json.dumps(crate.metadata(run, files), indent=1, sort_keys=True) + "\n"
        (described / crate.METADATA).write_text(content, encoding="utf-8")
        # First, so that who reads the archive as a stream knows what follows.
        files = {crate.METADATA: described / crate.METADATA} | files
        with replacing_file(out) as partial, zipfile.ZipFile(partial, "w") as archive:
            for place, path in files.items():
                _write(archive, place, path)


def _files(run: Run) -> dict[str, Path]:
    """What of a run's folder is packed, by its place: nothing of another run that was there."""
    trained = [name.split(", seed ") for name in read_json(run.description)["trainings"]]
    folders = [run.artifacts, *(run.training(model, int(seed)) for model, seed in trained)]
    paths = [path for folder in folders for path in folder.iterdir()]
    paths += [run.notebooks / f"{chapter}.ipynb" for chapter in contents.chapters()]
    paths += [run.heatmaps, run.folder / runs.KEYS]
    return {
        path.relative_to(run.folder).as_posix(): path
        for path in paths
        if path.is_file() and not path.name.startswith(".")
    }


def _require_rendered(run: Run, files: dict[str, Path]) -> None:
    again = f"call make book RUN={run.folder.name} again, with its settings"
    page = run.html / "index.html"
    if not page.exists():
        raise InputError(f"{run.folder}: its site isn't rendered, so it didn't end; {again}")
    for path in files.values():
        if path.stat().st_mtime > page.stat().st_mtime:
            raise InputError(f"{path}: is newer than the site, so the run didn't end; {again}")


def _refuse_folders(files: dict[str, Path]) -> None:
    """Refuse what names this checkout's folder or the user's, which are nobody else's business."""
    private = [f"{folder}/".encode() for folder in (REPOSITORY, Path.home()) if folder != Path("/")]
    for path in files.values():
        content = path.read_bytes() if path.suffix in TEXTS else b""
        for folder in private:
            if folder in content:
                raise InputError(
                    f"{path}: names a folder of this machine ({folder.decode()}); remove that file "
                    "and call make book again"
                )


def _require_free(out: Path) -> None:
    """Refuse to write over anything but a crate that was packed before."""
    if not out.exists():
        return
    if out.is_file() and zipfile.is_zipfile(out):
        with zipfile.ZipFile(out) as archive:
            if crate.METADATA in archive.namelist():
                return
    raise InputError(f"OUT={out}: there is something else of that name; name another file")


def _write(archive: zipfile.ZipFile, place: str, path: Path) -> None:
    entry = zipfile.ZipInfo(place, NO_TIME)
    entry.external_attr = READABLE
    entry.compress_type = zipfile.ZIP_STORED if path.suffix in DENSE else zipfile.ZIP_DEFLATED
    entry.file_size = path.stat().st_size  # a large one is written otherwise
    with path.open("rb") as source, archive.open(entry, "w") as target:
        shutil.copyfileobj(source, target, 1 << 20)


def main() -> None:
    """Read the command line, pack, and print where the crate lies."""
    parser = argparse.ArgumentParser(prog="python -m helpers.pipeline.pack", description=__doc__)
    parser.add_argument("--run", default="", help="the finished run's folder under runs/")
    parser.add_argument("--out", help="the zip file to write (default: runs/<run>.zip)")
    options = parser.parse_args()
    with console.one_line_errors():
        run = runs.existing(options.run)
        out = Path(options.out or run.folder.with_name(f"{run.folder.name}.zip"))
        out = out.expanduser().absolute()
        pack(run, out)
        print(out)


if __name__ == "__main__":
    main()
