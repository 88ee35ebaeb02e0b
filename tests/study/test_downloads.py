"""Downloads: a server that stalls, drips, never ends, breaks off or sends something else."""

import contextlib
import hashlib
import http.server
import threading
import time

import pytest

from helpers.study import downloads
from helpers.study.errors import InputError

CONTENT = b"0123456789" * 100
MD5 = f"md5:{hashlib.md5(CONTENT).hexdigest()}"


class Server(http.server.BaseHTTPRequestHandler):
    """Answers by the path's name; `asked` counts requests."""

    asked = 0

    def log_message(self, *_):
        pass

    def answer(self, length=None, status=200):
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def do_GET(self):
        type(self).asked += 1
        # The client goes away before the end.
        with contextlib.suppress(OSError):
            getattr(self, self.path.strip("/"))()

    def good(self):
        self.answer(len(CONTENT))
        self.wfile.write(CONTENT)

    def login(self):
        self.answer()
        self.wfile.write(b"<html>Please log in</html>")

    def missing(self):
        self.answer(0, status=404)

    def busy_once(self):
        self.good() if type(self).asked > 1 else self.answer(0, status=503)

    def breaks_off(self):
        begin = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        self.answer(len(CONTENT) - begin, status=206 if begin else 200)
        self.wfile.write(CONTENT[begin : begin + 400])

    def truncated(self):
        self.answer(len(CONTENT))
        self.wfile.write(CONTENT[:400])

    def stalls(self):
        self.answer(len(CONTENT))
        self.wfile.write(CONTENT[:400])
        self.wfile.flush()
        time.sleep(3)

    def drips(self):
        self.answer(len(CONTENT))
        for place in range(len(CONTENT)):
            self.wfile.write(CONTENT[place : place + 1])
            self.wfile.flush()
            time.sleep(0.05)

    def endless(self):
        self.answer()
        while True:
            self.wfile.write(CONTENT)


@pytest.fixture
def address(monkeypatch):
    monkeypatch.setattr(downloads, "SILENT_SECONDS", 0.3)
    monkeypatch.setattr(downloads, "WATCHED_SECONDS", 0.5)
    monkeypatch.setattr(downloads, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(Server, "asked", 0)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as running:
        running.daemon_threads = True
        running.block_on_close = False
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def fetch(address, path):
    downloads.fetch(address, path, MD5, 2 * len(CONTENT), "put it there", "move it away")


@pytest.mark.parametrize(("name", "asked"), [("good", 1), ("busy_once", 2), ("breaks_off", 3)])
def test_a_file_is_fetched_also_in_parts(address, tmp_path, name, asked):
    path = tmp_path / "folder" / "file"
    fetch(f"{address}/{name}", path)
    assert path.read_bytes() == CONTENT
    assert Server.asked == asked
    assert list(path.parent.iterdir()) == [path]
    fetch(f"{address}/{name}", path)
    assert Server.asked == asked


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("login", "does not have the MD5"),
        ("missing", "404"),
        ("truncated", "could not be fetched"),
        ("stalls", "could not be fetched"),
        ("drips", r"only \d+ bytes came in 0.5 s"),
        ("endless", "more than the 2,000 bytes"),
    ],
)
def test_a_download_that_fails_ends_soon_and_leaves_nothing(address, tmp_path, name, words):
    started = time.monotonic()
    with pytest.raises(InputError, match=words) as error:
        fetch(f"{address}/{name}", tmp_path / "file")
    assert time.monotonic() - started < 3
    assert f"{address}/{name}" in str(error.value)
    assert "put it there" in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_another_file_there_is_named_and_never_replaced(tmp_path):
    (tmp_path / "file").write_bytes(b"my own")
    with pytest.raises(InputError, match=r"another file than the one published.*move it away"):
        fetch("http://127.0.0.1:1", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"my own"


def test_what_a_killed_download_left_is_swept(address, tmp_path):
    left = tmp_path / f"{downloads.STAGING}999999999-abc"
    left.mkdir()
    (left / "part").write_bytes(b"0")
    others = tmp_path / f"{downloads.STAGING}mine"
    others.mkdir()
    fetch(f"{address}/good", tmp_path / "file")
    assert sorted(tmp_path.iterdir()) == sorted([others, tmp_path / "file"])


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(InputError, match="could not be fetched into"):
        fetch("http://127.0.0.1:1", tmp_path / "taken" / "file")
