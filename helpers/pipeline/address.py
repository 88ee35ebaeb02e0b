"""`make address`: point every copy of the repository's address at another one."""

import contextlib
import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
ADDRESS = re.compile(r"https://github\.com/[\w.-]+/[\w.-]*[\w-]")


def current() -> str:
    """The address that pyproject.toml names, such as https://github.com/owner/name."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["urls"]["Repository"]


def files(folder: Path) -> list[Path]:
    """The files of a copy of the repository: what git knows or would add.

    Without git, as in a downloaded archive, all but what .gitignore names.
    """
    if (folder / ".git").exists():
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            listed = subprocess.check_output(
                command, cwd=folder, encoding="utf-8", stderr=subprocess.DEVNULL
            )
            paths = [folder / name for name in listed.split("\0") if name]
            return sorted(path for path in paths if path.is_file())
    ignored = (folder / ".gitignore").read_text(encoding="utf-8").split()
    patterns = [".git", *(pattern.strip("/") for pattern in ignored)]

    def is_own(path: Path) -> bool:
        parts = path.relative_to(folder).parts
        return not any(fnmatch(part, pattern) for part in parts for pattern in patterns)

    return sorted(path for path in folder.rglob("*") if path.is_file() and is_own(path))


def texts() -> list[Path]:
    """The repository's texts that may name the address."""
    kinds = {".md", ".toml", ".yml", ".yaml", ".cff", ".ipynb", ".json", ".py"}
    return [path for path in files(REPOSITORY) if path.suffix in kinds]


def main() -> None:
    """Replace the address, its short form and its site's in every file by the only argument."""
    new = "".join(sys.argv[1:2]).removesuffix("/").removesuffix(".git")
    if not ADDRESS.fullmatch(new):
        example = "https://github.com/owner/name"
        sys.exit(f"octmnist: make address URL={example} ({new!r} is no address such as {example})")
    owner, name = current().split("/")[-2:]
    new_owner, new_name = new.split("/")[-2:]
    changed = 0
    for path in texts():
        old_text = path.read_text(encoding="utf-8")
        text = old_text.replace(f"{owner}/{name}", f"{new_owner}/{new_name}")
        text = text.replace(f"{owner}.github.io/{name}", f"{new_owner}.github.io/{new_name}")
        # What a setup cell changes into after the clone.
        text = text.replace(f"%cd {name}", f"%cd {new_name}")
        if text != old_text:
            path.write_text(text, encoding="utf-8")
            changed += 1
    print(f"{changed} files changed")


if __name__ == "__main__":
    main()
