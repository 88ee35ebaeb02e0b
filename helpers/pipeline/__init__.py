"""What make calls: the book as a whole, its jobs, what a terminal shows, and the site.

- `book`: `make book`: check the input beforehand, then have Snakemake do what is missing.
- `jobs`: one job of the Snakefile each.
- `console`: what stands on a terminal: one line a job, and one line for an error.
- `site`: the static site of a run.
- `damage`: what is damaged in a run's folder is thrown away.
- `npz`: `make npz`: class folders of images become a file that the book reads.
- `address`: `make address`: point every link at a fork.
- `install`: make .venv from the lock, before anything else is called.
- `sources`: where pip and uv take packages from.
"""

__all__ = []
