"""What there is: architectures, data sets, settings, and where a run's results lie.

- `architectures`: one entry for each model, the only place that knows its name.
- `data_sets`: one entry for each MedMNIST set that this book can read.
- `environment`: what libraries read of the user's own settings, set to the book's.
- `errors`: the one kind of error that a user is meant to read.
- `names`: names that a user gives, as pages may show them.
- `settings`: a profile with the caller's overrides, in blocks, validated.
- `runs`: a run's folder and paths, and files that are replaced whole.
- `provenance`: what makes results here and now, and digests of values, files and arrays.
- `texts`: what people write by hand, read as data.
- `downloads`: downloads that end, and leave nothing behind when they fail.
- `code`: which modules a chapter or a module imports, and a digest of what they do.
"""

__all__ = [
    "architectures",
    "code",
    "data_sets",
    "downloads",
    "environment",
    "errors",
    "names",
    "provenance",
    "runs",
    "settings",
    "texts",
]
