"""The program from the command line: its address, its end, and what is left."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from command import run
from served import wait_for

from freqforensics.app.port import bind
from freqforensics.app.session import Session


def begun(tmp_path: Path, *arguments: str) -> tuple[subprocess.Popen[str], str]:
    """Start the program with its temporary folder in `tmp_path`; give its address."""
    environment = {**os.environ, "TMPDIR": str(tmp_path), "DISPLAY": "", "WAYLAND_DISPLAY": ""}
    program = subprocess.Popen(
        [sys.executable, "-m", "freqforensics", "app", "--no-open", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    assert program.stdout is not None
    line = program.stdout.readline()
    assert line.startswith("open http://127.0.0.1:"), program.communicate()
    return program, line.removeprefix("open ").strip()


@pytest.fixture
def program(tmp_path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    one = begun(tmp_path)
    yield one
    one[0].kill()
    one[0].communicate()


def status_of(address: str) -> int:
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=30)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status
    finally:
        connection.close()


def folders(tmp_path: Path) -> list[Path]:
    return [path for path in tmp_path.iterdir() if "freqforensics-app" in path.name]


@pytest.mark.long
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_signals_end_the_program_and_delete_everything(program, tmp_path, number):
    process, address = program
    assert status_of(address) == 200
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[\w-]{32}/", address)
    assert len(folders(tmp_path)) == 1
    process.send_signal(getattr(signal, number))
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert errors.splitlines()[-1] == "stopped: everything was deleted"
    assert "Traceback" not in errors
    assert folders(tmp_path) == []


@pytest.mark.skipif(os.name == "nt", reason="processes cannot be looked up")
def test_what_a_killed_program_left_is_deleted_by_the_next(program, tmp_path, monkeypatch):
    process, _ = program
    (left,) = folders(tmp_path)
    process.kill()
    process.communicate()
    assert left.exists()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    other = tmp_path / ".unfinished-not-of-the-app"
    other.mkdir()
    session = Session(lambda: None)  # type: ignore[arg-type, return-value]
    try:
        assert folders(tmp_path) == [session.root]
        assert other.exists()
    finally:
        session.close()
    assert folders(tmp_path) == []


def test_it_listens_to_this_machine_alone(program):
    _, address = program
    port = urlsplit(address).port
    addresses: set[str] = set()
    with contextlib.suppress(socket.gaierror):  # the name of a machine need not be known to it
        addresses = {str(each[4][0]) for each in socket.getaddrinfo(socket.gethostname(), port, socket.AF_INET)}
    for other in addresses - {"127.0.0.1", "127.0.1.1"}:
        with pytest.raises(OSError, match=r"refused|timed out|unreachable"):
            socket.create_connection((other, port), timeout=5)
    assert status_of(address) == 200


def test_a_port_that_is_taken_is_one_line():
    taken = bind(0)
    taken.listen()
    try:
        port = taken.getsockname()[1]
        ended = run("app", "--no-open", "--port", port)
    finally:
        taken.close()
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr == f"freqforensics: --port must be a free one, got {port} (address already in use)\n"


def test_a_missing_extra_is_one_line(monkeypatch):
    import importlib.util

    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "uvicorn" else there(name))
    ended = run("app", "--no-open")
    assert ended.returncode == 2
    assert ended.stderr == "freqforensics: the page needs the extra: pip install 'freqforensics[app]'\n"


def test_the_page_is_there_before_torch_is():
    code = (
        "import sys; from freqforensics.app import Session, bind, create_site, serve;"
        "print([m for m in ('torch', 'matplotlib', 'scipy', 'skimage') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_browser_is_opened_where_there_is_a_desktop(monkeypatch, tmp_path):
    import freqforensics.cli.app_command as command

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)

    def serve(session, server_socket, *, on_start):
        on_start("http://127.0.0.1:1/x/")
        server_socket.close()
        session.close()
        return "closed"

    monkeypatch.setattr("freqforensics.app.serving.serve", serve)
    monkeypatch.setattr("freqforensics.detector.calibrated.open_detector", lambda *_, **__: object())
    for desktop, arguments in ((True, ()), (False, ()), (True, ("--no-open",))):
        monkeypatch.setattr(command, "_has_desktop", lambda desktop=desktop: desktop)
        ended = run("app", *arguments)
        assert ended.returncode == 0
        assert ended.stdout == "open http://127.0.0.1:1/x/\n"
        assert ended.stderr.endswith("closed on the page: everything was deleted\n")
    assert opened == ["http://127.0.0.1:1/x/"]
    wait_for(lambda: folders(tmp_path) == [])
