"""`make address`: point every copy of the repository's address at another one."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
ADDRESS = re.compile(r"https://github\.com/[\w.-]+/[\w.-]*[\w-]")


def current() -> str:
    """The address that pyproject.toml names, such as https://github.com/owner/name."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    return project["urls"]["Repository"]


def tracked_texts() -> list[Path]:
    """The text files under version control that may name the address."""
    answer = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = [REPOSITORY / name for name in answer.stdout.split("\0") if name]
    kinds = {".md", ".toml", ".yml", ".yaml", ".cff", ".ipynb", ".py"}
    return [path for path in paths if path.suffix in kinds and path.exists()]


def rewrite(new: str) -> list[Path]:
    """Replace the address, its short form and its site's in every file; the files that changed.

    Raises
    ------
    ValueError : when `new` is no address of a GitHub repository.
    """
    if not ADDRESS.fullmatch(new):
        raise ValueError(f"{new!r} is no address such as https://github.com/owner/name")
    owner, name = current().split("/")[-2:]
    new_owner, new_name = new.split("/")[-2:]
    changed = []
    for path in tracked_texts():
        old_text = path.read_text()
        text = old_text.replace(f"{owner}/{name}", f"{new_owner}/{new_name}")
        text = text.replace(f"{owner}.github.io/{name}", f"{new_owner}.github.io/{new_name}")
        # What a setup cell changes into after the clone.
        text = text.replace(f"%cd {name}", f"%cd {new_name}")
        if text != old_text:
            path.write_text(text)
            changed.append(path)
    return changed


def main() -> None:
    """Rewrite to the address given as the only argument."""
    try:
        changed = rewrite(sys.argv[1].removesuffix("/").removesuffix(".git"))
    except (IndexError, ValueError) as error:
        sys.exit(f"octmnist: make address URL=https://github.com/owner/name ({error})")
    print(f"{len(changed)} files changed")


if __name__ == "__main__":
    main()
