"""The local page, served in this process, and a client of it that is no browser."""

from __future__ import annotations

import http.client
import json
import struct
import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from freqforensics.app.session import Session

TOKEN = "a-token-of-the-tests"


def bomb(width: int, height: int) -> bytes:
    """A small PNG whose header announces any number of pixels."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(bytes(100))), (b"IEND", b"")]
    parts = [struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def wait_for(condition: Callable[[], Any], seconds: float = 60) -> Any:
    until = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.02)
    return value


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        return str(self.json["error"])


@dataclass
class Served:
    """A page that is served in a thread of this process, and a client of it that is no browser."""

    session: Session
    port: int
    thread: threading.Thread
    log: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)

    def ask(
        self, method: str, path: str, body: Any = None, *, token: str = TOKEN, host: str = "", origin: str | None = "",
        headers: dict[str, str] | None = None,
    ) -> Answer:  # fmt: skip
        host = host or f"127.0.0.1:{self.port}"
        sent = {"Host": host, **(headers or {})}
        if origin is not None and method not in ("GET", "HEAD"):
            sent["Origin"] = origin or f"http://{host}"
        if isinstance(body, dict):
            body = json.dumps(body)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, f"/{token}/{path}" if token else f"/{path}", body=body, headers=sent)
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def get(self, path: str = "") -> Answer:
        return self.ask("GET", path)

    def add(self, data: bytes, name: str = "photo.png", mode: str = "quick") -> Answer:
        return self.ask("POST", f"pictures?mode={mode}&name={quote(name)}", data)

    def jobs(self) -> list[dict[str, Any]]:
        jobs: list[dict[str, Any]] = self.get("state").json["jobs"]
        return jobs

    def finished(self) -> list[dict[str, Any]]:
        return wait_for(lambda: [j for j in [self.jobs()] if all(x["state"] in ("done", "failed") for x in j)])[0]
