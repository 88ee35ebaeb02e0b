"""Where pip and uv take packages from, freed of every setting that says where packages go.

A mirror, a proxy or a certificate that pip.conf, uv.toml or the environment names holds; a `user`,
a `target` or another environment that they name doesn't.
"""

import ast
import json
import os
import re
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path

from helpers.study.errors import InputError

# Variables that lead pip, uv or Python to another environment than their own.
LEADING = re.compile("PIP_|UV_|PYTHON|CONDA|VIRTUAL_ENV|__PYVENV_LAUNCHER__")
PIP_OPTIONS = {
    *("index-url", "extra-index-url", "no-index", "find-links", "trusted-host", "proxy", "cert"),
    *("client-cert", "timeout", "default-timeout", "retries", "cache-dir", "no-cache-dir"),
    *("keyring-provider", "use-feature"),
}
UV_OPTIONS = {
    *("index", "default-index", "index-url", "extra-index-url", "no-index", "find-links"),
    *("index-strategy", "allow-insecure-host", "keyring-provider", "native-tls", "system-certs"),
    *("http-proxy", "https-proxy", "no-proxy", "offline", "cache-dir", "no-cache"),
    *("concurrent-downloads", "link-mode"),
}
# uv's variables are named like its options, but for these.
UV_OTHER = re.compile("UV_(INDEX_.+|HTTP_.+|REQUEST_TIMEOUT|INSECURE_HOST|CREDENTIALS_DIR)")


def of_pip(listed: str, variables: Mapping[str, str]) -> dict[str, str]:
    """The options of pip in its files and in variables, without those on where packages go.

    `listed` is what `pip config list` prints of the files. As in pip, a variable goes before a
    section on installing, and that before the global one; what is empty says nothing.
    """
    options = {}
    for section in ("global.", "install."):
        for line in listed.splitlines():
            name, _, value = line.partition("=")
            if name.startswith(section):
                options[name.removeprefix(section)] = ast.literal_eval(value)
    for name, value in variables.items():
        if name.startswith("PIP_") and value:
            options[name.removeprefix("PIP_").lower().replace("_", "-")] = value
    return {option: value for option, value in options.items() if option in PIP_OPTIONS and value}


def of_uv(variables: Mapping[str, str]) -> dict[str, object]:
    """The options of uv in the files that it would read, without those on where packages go.

    InputError for a file that is no TOML.
    """
    files = [Path("/etc/uv/uv.toml"), _folder(variables, "config") / "uv.toml"]
    if named := variables.get("UV_CONFIG_FILE"):
        files = [Path(named)]
    options: dict[str, object] = {}
    for path in filter(Path.is_file, files):
        try:
            told = tomllib.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InputError(f"{path}: {error}; mend it, and call again") from None
        for option, value in (told.get("pip", {}) | told).items():
            if option in UV_OPTIONS:
                earlier = options.get(option, [])
                options[option] = value + earlier if isinstance(value, list) else value
    return options


def in_uvs_words(pip: dict[str, str]) -> dict[str, object]:
    """Options of uv that say what these of pip do: uv reads no pip.conf."""
    lists = {
        "extra-index-url": "extra-index-url",
        "find-links": "find-links",
        "trusted-host": "allow-insecure-host",
    }
    options: dict[str, object] = {lists[name]: pip[name].split() for name in lists if name in pip}
    if "index-url" in pip:
        options["index-url"] = pip["index-url"]
    if pip.get("no-index", "").lower() in ("1", "true", "yes", "on"):
        options["no-index"] = True
    if "extra-index-url" in pip:
        # pip takes a package from whichever index has it.
        options["index-strategy"] = "unsafe-best-match"
    return options


def toml(value: object) -> str:
    """A value as a TOML file has it."""
    if isinstance(value, dict):
        parts = [f"{json.dumps(key)} = {toml(part)}" for key, part in value.items()]
        return f"{{{', '.join(parts)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    return json.dumps(value, ensure_ascii=False)


def without_leading(variables: Mapping[str, str]) -> dict[str, str]:
    """Environment variables under which a Python, pip or uv works in its own environment."""
    kept = {name: value for name, value in variables.items() if not LEADING.match(name)}
    return kept | {"PYTHONUTF8": "1", "PYTHONNOUSERSITE": "1"}


def variables_for_pip(variables: Mapping[str, str], pip: dict[str, str]) -> dict[str, str]:
    """Environment variables under which pip heeds the options given, and no file."""
    told = {f"PIP_{option.upper().replace('-', '_')}": value for option, value in pip.items()}
    told |= {"PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    return without_leading(variables) | told


def variables_for_uv(
    variables: Mapping[str, str], pip: dict[str, str], config: str
) -> dict[str, str]:
    """Environment variables under which uv heeds the file `config`, and no other.

    What uv takes from variables alone is pip's, where uv has none of its own. Without a folder for
    its cache, it does without one.
    """
    named = {f"UV_{option.upper().replace('-', '_')}" for option in UV_OPTIONS}
    own = {
        name: value
        for name, value in variables.items()
        if name in named or UV_OTHER.fullmatch(name)
    }
    told = {
        "ALL_PROXY": pip.get("proxy"),
        "SSL_CERT_FILE": pip.get("cert"),
        "SSL_CLIENT_CERT": pip.get("client-cert"),
        "UV_HTTP_RETRIES": pip.get("retries", "5"),
        "UV_HTTP_TIMEOUT": pip.get("timeout", pip.get("default-timeout", "60")),
    }
    if "UV_CACHE_DIR" not in own and not _can_be_written(_folder(variables, "cache")):
        told["UV_NO_CACHE"] = "1"
    given = {name: value for name, value in told.items() if value}
    return given | without_leading(variables) | own | {"UV_CONFIG_FILE": config}


def _folder(variables: Mapping[str, str], kind: str) -> Path:
    home = Path(variables.get("HOME", "/"))
    return Path(variables.get(f"XDG_{kind.upper()}_HOME") or home / f".{kind}") / "uv"


def _can_be_written(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
