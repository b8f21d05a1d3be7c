"""Downloads, against a server on this machine that does everything servers do wrong."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from pictures import picture

from freqforensics.detector import (
    WeightsError,
    fetch_weights,
    find_weights,
    load_detector,
    make_detector,
    verify_weights,
    weights,
)
from freqforensics.detector.weights import KNOWN, stored_weights, weights_folder
from freqforensics.generators import random_polyphase

NAME = "wang2020-blur-jpeg-0.5"


class Server(ThreadingHTTPServer):
    """Serves `content`; `faults` are done one a request, until none is left."""

    daemon_threads = True

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.faults = content, []
        self.tag: str | None = '"one"'
        self.ranges: list[str | None] = []

    def handle_error(self, request, address) -> None:
        """Clients that hang up are part of the tests."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *arguments) -> None:
        pass

    def do_GET(self) -> None:
        content, asked = self.server.content, self.headers.get("Range")
        fault = self.server.faults.pop(0) if self.server.faults and self.path != "/moved" else None
        if fault == "redirect":
            self.send_response(302)
            self.send_header("Location", "/moved")
            self.end_headers()
            return
        self.server.ranges.append(asked)
        if fault in (403, 404):
            self.send_error(fault)
            return
        start = 0
        if asked and fault != "ignore range" and self.headers.get("If-Range") in (None, self.server.tag):
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.end_headers()
                return
        self.send_response(206 if start else 200)
        if self.server.tag:
            self.send_header("ETag", self.server.tag)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if fault != "no length":
            self.send_header("Content-Length", str(len(content) - start))
        self.send_header("Content-Type", "text/html" if fault == "page" else "application/octet-stream")
        self.end_headers()
        body = content[start:]
        if fault == "corrupt":
            body = body[:1000] + bytes(len(body) - 1000)
        if fault == "truncate":
            body = body[: len(body) // 2]
        if fault == "stall":
            self.wfile.write(body[: len(body) // 3])
            self.wfile.flush()
            self.connection.settimeout(60)
            with contextlib.suppress(OSError):
                self.connection.recv(1)  # nothing, until the client hangs up
            return
        self.wfile.write(body)


@pytest.fixture(scope="module")
def content(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("published") / "blur_jpg.pth"
    network = make_detector(seed=2).network
    torch.save({"model": network.state_dict(), "optimizer": {"state": {}, "param_groups": []}, "total_steps": 3}, path)
    return path.read_bytes()


@pytest.fixture
def server(content, monkeypatch):
    made = Server(content)
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    known = replace(KNOWN[NAME], url=f"http://127.0.0.1:{made.server_port}/weights?dl=1", largest=len(content) + 1000)
    monkeypatch.setitem(weights.KNOWN, NAME, known)
    yield made
    made.shutdown()
    made.server_close()


def lock(folder: Path) -> dict:
    return json.loads((folder / "weights.lock.json").read_text())


@pytest.mark.long
def test_the_hash_of_the_first_fetch_holds_ever_after(server, content, tmp_path):
    done = fetch_weights(NAME, folder=tmp_path)
    assert done.path.read_bytes() == content
    assert done.sha256 == hashlib.sha256(content).hexdigest() == lock(tmp_path)[NAME]["sha256"]
    assert fetch_weights(NAME, folder=tmp_path) == done
    assert server.ranges == [None]  # what is here is not fetched again
    assert find_weights(NAME, folder=tmp_path) == done.path
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{NAME}.pth", "weights.lock.json"]
    # The file on the disk is changed.
    damaged = bytearray(content)
    damaged[len(damaged) // 2] ^= 1
    done.path.write_bytes(damaged)
    for look in (verify_weights, find_weights, fetch_weights):
        with pytest.raises(WeightsError, match="as when it was first fetched"):
            look(NAME, folder=tmp_path)
    # The file on the server is another one.
    done.path.unlink()
    torch.save(make_detector(seed=5).network.state_dict(), tmp_path / "other.pth")
    server.content = (tmp_path / "other.pth").read_bytes()
    with pytest.raises(WeightsError, match="the server gives another file, which was not kept"):
        fetch_weights(NAME, folder=tmp_path)
    assert not list(tmp_path.glob(f"{NAME}*"))


@pytest.mark.long
def test_a_broken_connection_is_gone_on_with(server, content, tmp_path):
    server.faults = ["truncate", "truncate"]
    fetch_weights(NAME, folder=tmp_path)
    half = len(content) // 2
    assert server.ranges == [None, f"bytes={half}-", f"bytes={half + (len(content) - half) // 2}-"]
    assert (tmp_path / f"{NAME}.pth").read_bytes() == content


@pytest.mark.long
def test_three_broken_connections_are_enough_for_one_call(server, content, tmp_path):
    server.faults = ["truncate"] * 3
    with pytest.raises(WeightsError, match=r"the connection ended after \d+ bytes .* fetch it again to resume"):
        fetch_weights(NAME, folder=tmp_path)
    kept = (tmp_path / f"{NAME}.part").stat().st_size
    assert 0 < kept < len(content)
    fetch_weights(NAME, folder=tmp_path)
    assert server.ranges[-1] == f"bytes={kept}-"
    assert (tmp_path / f"{NAME}.pth").read_bytes() == content


@pytest.mark.long
def test_a_server_that_stalls(server, content, tmp_path):
    server.faults = ["stall"]
    fetch_weights(NAME, folder=tmp_path, timeout=0.7)
    assert server.ranges[1] is not None
    assert (tmp_path / f"{NAME}.pth").read_bytes() == content
    server.faults = ["stall"] * 3
    (tmp_path / f"{NAME}.pth").unlink()
    with pytest.raises(WeightsError, match=r"cannot be read \(.*timed out.*\) after \d+ bytes, which are kept"):
        fetch_weights(NAME, folder=tmp_path, timeout=0.7)


def begun(folder: Path, part: bytes, total: int, tag: str | None = '"one"') -> None:
    """What a broken download leaves."""
    (folder / f"{NAME}.part").write_bytes(part)
    (folder / f"{NAME}.part.json").write_text(json.dumps({"validator": tag, "total": total}))


@pytest.mark.long
@pytest.mark.parametrize("fault", ["redirect", "ignore range", "no length"])
def test_what_servers_may_do(server, content, tmp_path, fault):
    begun(tmp_path, content[:5000], len(content))
    server.faults = [fault]
    fetch_weights(NAME, folder=tmp_path)
    assert server.ranges[0] == "bytes=5000-"
    assert (tmp_path / f"{NAME}.pth").read_bytes() == content


@pytest.mark.long
def test_a_part_that_is_whole_already(server, content, tmp_path):
    begun(tmp_path, content, len(content))
    fetch_weights(NAME, folder=tmp_path)
    # And one that is longer than what the server has.
    (tmp_path / f"{NAME}.pth").unlink()
    begun(tmp_path, content + b"more", len(content))
    fetch_weights(NAME, folder=tmp_path)
    assert (tmp_path / f"{NAME}.pth").read_bytes() == content


@pytest.mark.long
@pytest.mark.parametrize("tags", [('"zero"', '"one"'), (None, None), (None, '"one"'), ('"zero"', None)])
def test_parts_of_two_files_are_not_put_together(server, content, tmp_path, tags):
    """The file on the server is another one by now: of another tag, or where there is none, of another length."""
    before, server.tag = tags
    other = bytes(len(content) // 2)
    begun(tmp_path, other, len(content) if before or server.tag else len(content) + 5, before)
    fetch_weights(NAME, folder=tmp_path)
    assert (tmp_path / f"{NAME}.pth").read_bytes() == content
    # A part of which nothing is known is not gone on with either.
    (tmp_path / f"{NAME}.pth").unlink()
    (tmp_path / f"{NAME}.part").write_bytes(other)
    fetch_weights(NAME, folder=tmp_path)
    assert (server.ranges[-1], (tmp_path / f"{NAME}.pth").read_bytes()) == (None, content)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("corrupt", "holds no weights, or is not whole: it was not kept"),
        ("page", "gives a web page, not weights"),
        (404, "the server answers 404 Not Found"),
        (403, "the server answers 403 Forbidden"),
    ],
)
def test_what_is_not_taken(server, tmp_path, fault, message):
    server.faults = [fault]
    with pytest.raises(WeightsError, match=message):
        fetch_weights(NAME, folder=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("fault", [None, "no length"])
def test_what_is_too_large(server, tmp_path, fault, monkeypatch):
    monkeypatch.setitem(weights.KNOWN, NAME, replace(KNOWN[NAME], largest=300_000))
    server.faults = [fault]
    with pytest.raises(WeightsError, match="over the limit of 300000: not taken"):
        fetch_weights(NAME, folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_without_a_network(tmp_path, monkeypatch):
    monkeypatch.setitem(weights.KNOWN, NAME, replace(KNOWN[NAME], url="http://127.0.0.1:9/weights"))
    with pytest.raises(WeightsError, match="is there a connection to the internet"):
        fetch_weights(NAME, folder=tmp_path)


def test_names_and_places(tmp_path, monkeypatch):
    with pytest.raises(
        WeightsError,
        match=r"no weights are called 'best'; there are everyday, miniature-resnet50, wang2020",
    ):
        stored_weights("best")
    with pytest.raises(FileNotFoundError, match="and no known ones of that name"):
        find_weights(tmp_path / "none.pth")
    with pytest.raises(WeightsError, match=f"{NAME} is not here: freqforensics weights fetch {NAME}"):
        find_weights(NAME, folder=tmp_path)
    (tmp_path / f"{NAME}.pth").write_bytes(b"from elsewhere")
    with pytest.raises(WeightsError, match="no hash is recorded"):
        verify_weights(NAME, folder=tmp_path)
    assert find_weights(tmp_path / f"{NAME}.pth") == tmp_path / f"{NAME}.pth"
    (tmp_path / "weights.lock.json").write_text("[1]")
    with pytest.raises(WeightsError, match=r"weights\.lock\.json cannot be read"):
        verify_weights(NAME, folder=tmp_path)
    monkeypatch.setenv("FREQFORENSICS_CACHE", str(tmp_path))
    assert weights_folder() == tmp_path / "weights"
    monkeypatch.delenv("FREQFORENSICS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert weights_folder() == tmp_path / "freqforensics" / "weights"


def test_the_registry():
    fetched = [known for known in KNOWN.values() if not known.bundled]
    assert len(fetched) == 2
    for known in fetched:
        assert known.url.startswith("https://www.dropbox.com/s/")
        assert known.url.endswith(".pth?dl=1")
        assert "CC BY-NC-SA 4.0" in known.notice


@pytest.mark.long
def test_the_weights_that_ship(tmp_path, monkeypatch, rng):
    """They are what their model card says, small enough, and load at once."""
    stored = verify_weights(weights.DEFAULT, folder=tmp_path)
    assert find_weights(weights.DEFAULT) == fetch_weights(weights.DEFAULT).path == stored.path
    sizes = [path.stat().st_size for path in weights.SHELF.iterdir()]
    assert sum(sizes) <= 30_000_000
    card = weights.model_card(weights.DEFAULT)
    assert stored.sha256 == card["sha256"] == hashlib.sha256(stored.path.read_bytes()).hexdigest()
    detector = load_detector(stored.path)
    assert list(detector.parts) == list(card["scales"]) == ["local", "coherence"]
    # It must know a lattice when it sees one, in grey images too, whose colour differences say nothing.
    for photos in (
        [picture(rng, 160, 160) for _ in range(8)],
        [picture(rng, 160, 160)[..., :1].repeat(3, axis=2) for _ in range(8)],
    ):
        traced = [random_polyphase(photo, np.random.default_rng(4), period=4, strength=0.01) for photo in photos]
        assert (detector.logits(traced) > detector.logits(photos)).all()
    monkeypatch.setattr(weights, "SHELF", tmp_path)
    with pytest.raises(WeightsError, match="ships with freqforensics and is not here"):
        find_weights(weights.DEFAULT)
    (tmp_path / stored.path.name).write_bytes(b"something else")
    (tmp_path / f"{weights.DEFAULT}.json").write_text(json.dumps(card))
    with pytest.raises(WeightsError, match="as its model card says: install freqforensics again"):
        verify_weights(weights.DEFAULT)
