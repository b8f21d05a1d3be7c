from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from served import TOKEN, Served

from freqforensics.app.limits import Limits
from freqforensics.app.port import bind
from freqforensics.app.reports import PAGE
from freqforensics.app.results import PictureResult
from freqforensics.app.serving import serve
from freqforensics.app.session import Session


@pytest.fixture
def examined(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Examinations that write two words; each waits until this event is set, as it is at first."""
    go = threading.Event()
    go.set()

    def examine(path: Path, detector: Any, on_stage: Any, *, name: str, mode: str, out: Path) -> PictureResult:
        for step in range(3):
            on_stage(f"stage {step}", step, 3)
            while not go.wait(0.02):
                on_stage(f"stage {step}", step, 3)
        if b"damaged" in path.read_bytes():
            raise RuntimeError("a secret\nTraceback")
        (out / PAGE).write_text(f"<html><body>A report. {mode}</body></html>", encoding="utf-8")
        return PictureResult("none", "against", "No traces", "It means", "Of 3", "Then")

    monkeypatch.setattr("freqforensics.app.picture_work.examine_picture", examine)
    return go


@pytest.fixture
def serving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Served]]:
    """A function that serves a page, with a detector and limits; all are stopped at the end."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    served: list[Served] = []

    def start(detector: Any = None, limits: Limits | None = None) -> Served:
        log: list[str] = []
        session = Session(lambda: detector or object(), limits=limits, on_event=log.append)
        server_socket = bind(0)
        begun = threading.Event()
        ended: list[str] = []
        thread = threading.Thread(
            target=lambda: ended.append(
                serve(session, server_socket, on_start=lambda address: begun.set(), token=TOKEN)
            )
        )
        one = Served(session, server_socket.getsockname()[1], thread, log, ended)
        thread.start()
        served.append(one)
        assert begun.wait(30)
        return one

    yield start
    for one in served:
        if one.thread.is_alive():
            one.ask("POST", "close")
        one.thread.join(30)
        assert not one.thread.is_alive()
        assert not one.session.root.exists()
