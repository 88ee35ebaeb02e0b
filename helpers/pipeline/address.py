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
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.check_output(command, cwd=REPOSITORY, text=True).split("\0")
    kinds = {".md", ".toml", ".yml", ".yaml", ".cff", ".ipynb", ".py", ".json"}
    paths = [REPOSITORY / name for name in listed if Path(name).suffix in kinds]
    return [path for path in paths if path.exists()]


def main() -> None:
    """Replace the address, its short form and its site's in every file by the only argument."""
    new = "".join(sys.argv[1:2]).removesuffix("/").removesuffix(".git")
    if not ADDRESS.fullmatch(new):
        example = "https://github.com/owner/name"
        sys.exit(f"octmnist: make address URL={example} ({new!r} is no address such as {example})")
    owner, name = current().split("/")[-2:]
    new_owner, new_name = new.split("/")[-2:]
    changed = 0
    for path in tracked_texts():
        old_text = path.read_text()
        text = old_text.replace(f"{owner}/{name}", f"{new_owner}/{new_name}")
        text = text.replace(f"{owner}.github.io/{name}", f"{new_owner}.github.io/{new_name}")
        # What a setup cell changes into after the clone.
        text = text.replace(f"%cd {name}", f"%cd {new_name}")
        if text != old_text:
            path.write_text(text)
            changed += 1
    print(f"{changed} files changed")


if __name__ == "__main__":
    main()
