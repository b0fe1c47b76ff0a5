"""The program under test. In: the path of posed, a configuration. Out: a daemon with a live page,
its file to look at and to change, and its answers without a browser."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
READY_S = 120.0
STOP_S = 20.0


class NotGood(Exception):  # noqa: N818  (said to users, as "not good: …")
    """A promise of the page that was not kept."""


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Asked:
    """An answer of the server: status, headers, body."""

    def __init__(self, status: int, headers, body: bytes):
        self.status = status
        self.headers = headers
        self.body = body

    def json(self):
        return json.loads(self.body)


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def ask(url: str, body: bytes | None = None, headers: dict | None = None, method: str | None = None) -> Asked:
    """One request; redirections and errors are answers like any other."""
    opener = urllib.request.build_opener(_Stay)
    request = urllib.request.Request(url, data=body, headers=headers or {}, method=method)
    try:
        with opener.open(request, timeout=10) as answer:
            return Asked(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        return Asked(error.code, error.headers, error.read())


def frame_line(url: str, wanted=lambda line: bool(line["people"]), patience_s: float = 60.0) -> dict:
    """The first line of /lines that is wanted."""
    end = time.monotonic() + patience_s
    with urllib.request.urlopen(f"{url}/lines", timeout=patience_s) as stream:
        for raw in stream:
            if time.monotonic() > end:
                break
            if not raw.startswith(b"data:"):
                continue
            line = json.loads(raw[5:])
            if line["type"] == "frame" and wanted(line):
                return line
    raise NotGood("no line of /lines showed what was waited for")


class Board:
    """`posed run` with a configuration of its own in `folder`."""

    def __init__(self, posed: str, folder: Path, source: str, page: str = "", rest: str = ""):
        self.posed = posed
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.file = folder / "posed.toml"
        folder.mkdir(parents=True, exist_ok=True)
        self.file.write_text(
            f'cache = "{folder.parent / "cache"}"\n\n[source]\n{source}\n\n{rest}\n\n'
            f'[publish.page]\nkind = "web"\nlisten = "127.0.0.1:{self.port}"\n{page}\n'
        )
        self.process = None

    def start(self) -> Board:
        log = open(self.folder / "log", "ab")
        argv = [self.posed, "run", "--config", str(self.file)]
        self.process = subprocess.Popen(argv, cwd=REPOSITORY, stdout=log, stderr=log, env=os.environ)
        end = time.monotonic() + READY_S
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            try:
                if ask(f"{self.url}/health").status == 200:
                    return self
            except OSError:
                pass
            time.sleep(0.2)
        self.stop()
        raise NotGood(f"posed was not ready:\n{(self.folder / 'log').read_text()[-3000:]}")

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise NotGood("posed did not end within 20 s of SIGTERM while a page was open") from None

    def __enter__(self) -> Board:
        return self.start()

    def __exit__(self, *_):
        self.stop()


class Elsewhere:
    """A page that runs already, at `url`: a board that this script did not start."""

    def __init__(self, url: str):
        self.url = url.rstrip("/")
        self.file = None
