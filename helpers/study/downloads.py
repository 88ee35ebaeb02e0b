"""Downloads end, by time, size and hash, and leave nothing behind when they fail."""

import functools
import os
import shutil
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import pooch
import psutil
import requests
from tqdm import tqdm
from urllib3.exceptions import HTTPError

from helpers.study.errors import InputError
from helpers.study.provenance import file_digest

CONNECTION_SECONDS, SILENT_SECONDS = 10, 30
# A server that sends less than this in as long is as good as silent.
WATCHED_SECONDS, LEAST_BYTES = 60, 2**18
ATTEMPTS = 3
PAUSE_SECONDS = 1.0  # before the second attempt, and twice as long before the third
PIECE = 2**16  # bytes read at once, at most
STAGING = ".download-"  # begins the name of a folder in the making, the process's number follows
PASSING = (429, 500, 502, 503, 504)  # what a server answers that may do better a moment later


pooch.get_logger().setLevel("WARNING")  # the bar tells of a download


class _Failed(OSError):
    """Why an address can't be fetched, in words for the user."""


def fetch(
    address: str, path: Path, known_hash: str | None, most_bytes: int, otherwise: str, instead: str
) -> None:
    """Have a file with a known hash at a path: fetch it, unless it is there.

    Parameters
    ----------
    known_hash : as pooch has it, such as "md5:..."; None where none was published.
    most_bytes : what the file can't be larger than; no more is read.
    otherwise, instead : what to do when it can't be had, and when another file is at the path.

    Raises
    ------
    InputError : naming the address or the path. Nothing is left in the folder, nor is another file
        there ever replaced.
    """
    method, _, digest = (known_hash or "").partition(":")
    try:
        if path.exists():
            if not path.is_file() or (known_hash and file_digest(path, method) != digest):
                raise InputError(
                    f"{path}: there already, but another file than the one published (its "
                    f"{method.upper()} isn't {digest}); {instead}"
                )
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path.parent)
        staging = f"{STAGING}{os.getpid()}-"
        with TemporaryDirectory(prefix=staging, dir=path.parent) as folder:
            download = functools.partial(_download, most_bytes=most_bytes, name=path.name)
            fetched = pooch.retrieve(address, known_hash, path.name, folder, downloader=download)
            Path(fetched).replace(path)
    except ValueError as error:  # pooch's, where the hash differs
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{address}: the file that came does not have the {method.upper()} {digest} and was "
            f"thrown away; try again later, or {otherwise}"
        ) from None
    except (OSError, HTTPError) as error:  # requests' errors are among the first
        raise InputError(
            f"{address}: could not be fetched into {path.parent} ({_in_words(error)}); check the "
            f"network, or {otherwise}"
        ) from None


def _download(
    address: str, output: str, _: pooch.Pooch | None, *, most_bytes: int, name: str
) -> None:
    """Read an address into a file, going on where a connection broke off; as pooch calls it."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _append(address, Path(output), most_bytes, name)
        except (requests.RequestException, HTTPError) as error:
            answer = getattr(error, "response", None)
            passes = answer is None or answer.status_code in PASSING
            if attempt == ATTEMPTS or not passes:
                raise
        time.sleep(PAUSE_SECONDS * attempt)


def _append(address: str, path: Path, most_bytes: int, name: str) -> None:
    there = path.stat().st_size
    # What is compressed on its way can't be gone on with.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={there}-"} if there else {})
    timeouts = CONNECTION_SECONDS, SILENT_SECONDS
    with requests.get(address, stream=True, timeout=timeouts, headers=headers) as response:
        response.raise_for_status()
        goes_on = response.status_code == requests.codes.partial_content
        to_come = int(response.headers.get("Content-Length", 0))
        bar = tqdm(total=to_come or None, desc=name, unit="B", unit_scale=True, leave=False)
        with path.open("ab" if goes_on else "wb") as file, bar:
            _copy(response, file, most_bytes, bar)


def _copy(response: requests.Response, file: BinaryIO, most_bytes: int, bar: tqdm) -> None:
    watched_from, received = time.monotonic(), 0
    # One read of the connection at a time: a larger piece would be waited for, however slow.
    while piece := response.raw.read1(PIECE, decode_content=False):
        file.write(piece)
        bar.update(len(piece))
        received += len(piece)
        if file.tell() > most_bytes:
            raise _Failed(f"more than the {most_bytes:,} bytes came that it can have")
        if time.monotonic() - watched_from > WATCHED_SECONDS:
            if received < LEAST_BYTES:
                raise _Failed(f"only {received:,} bytes came in {WATCHED_SECONDS} s")
            watched_from, received = time.monotonic(), 0


def _in_words(error: Exception) -> str:
    if isinstance(error, _Failed):
        return str(error)
    if isinstance(error, requests.HTTPError):
        return f"{error.response.status_code} {error.response.reason}"
    return getattr(error, "strerror", None) or type(error).__name__


def _sweep(folder: Path) -> None:
    """Remove what a killed download left."""
    for left in folder.glob(f"{STAGING}*"):
        number = left.name.removeprefix(STAGING).partition("-")[0]
        if number.isdecimal() and not psutil.pid_exists(int(number)):
            shutil.rmtree(left, ignore_errors=True)
