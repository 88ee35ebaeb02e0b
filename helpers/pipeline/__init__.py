"""What make calls: the book as a whole, its jobs, what a terminal shows, and the site.

- `book`, `building`: `make book`: check the input beforehand, then have Snakemake do what is
  missing, or open a packed run.
- `jobs`: one job of the Snakefile each.
- `processes`, `surroundings`: the processes of a run, and the environment that they are given.
- `resources`: the cores, memory and time that a job asks for; `kubernetes.sh` asks Kubernetes.
- `contents`: which pages the book consists of, and what its site is rendered from.
- `durations`: how long jobs took before, and so how long is left.
- `forecast`: what a run will fetch, hold and keep.
- `sweep`: `make sweep`: a grid of models, seeds and sizes.
- `description`: what `run.json` tells of a run.
- `damage`: what is damaged in a run's folder is thrown away.
- `console`: what stands on a terminal: one line a job, and one line for an error.
- `site`: the static site of a run.
- `data_files`: the data behind a site's figures, to download, and links to them.
- `webpages`: what Sphinx's pages lack.
- `npz`: `make npz`: class folders of images become a file that the book reads.
- `verify`: `make verify`: a finished run made anew from its record, and compared.
- `agreement`: how far two artifacts agree, and where they first differ.
- `record`: `make record`: a finished run on real images, kept in `results/`.
- `pack`: `make pack`: a finished run as an RO-Crate.
- `crate`, `croissant`: what such a crate says of itself, and of the images that were read.
- `unpack`: a crate into a run's folder, once nothing in it is amiss.
- `install`, `sources`: make .venv from the lock, and where its packages come from.
- `address`: `make address`: point every link at a fork.
"""

__all__ = [
    "address",
    "agreement",
    "book",
    "building",
    "console",
    "contents",
    "crate",
    "croissant",
    "damage",
    "data_files",
    "description",
    "durations",
    "forecast",
    "install",
    "jobs",
    "npz",
    "pack",
    "processes",
    "record",
    "resources",
    "site",
    "sources",
    "surroundings",
    "sweep",
    "unpack",
    "verify",
    "webpages",
]
