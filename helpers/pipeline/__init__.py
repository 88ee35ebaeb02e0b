"""What make calls: the book as a whole, its jobs, what a terminal shows, and the site.

- `book`: `make book`: check the input beforehand, then have Snakemake do what is missing.
- `jobs`: one job of the Snakefile each.
- `console`: what stands on a terminal: one line a job, and one line for an error.
- `site`: the static site of a run.
- `verify`: `make verify`: a finished run made anew from its record, and compared.
- `agreement`: how far two artifacts agree, and where they first differ.
- `pack`: `make pack`: a finished run as an RO-Crate.
- `crate`, `croissant`: what such a crate says of itself, and of the images that were read.
- `unpack`: a crate into a run's folder, once nothing in it is amiss.
- `address`: `make address`: point every link at a fork.
"""

__all__ = [
    "address",
    "agreement",
    "book",
    "console",
    "crate",
    "croissant",
    "jobs",
    "pack",
    "site",
    "unpack",
    "verify",
]
