"""How many processors the package believes it has."""

from __future__ import annotations

from typing import Any

import pytest

from freqforensics.runtime import companion, parallel


def give_processors(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Let companions believe in this number of processors, whatever the machine has."""
    monkeypatch.setattr("freqforensics.runtime.processors.default_workers", lambda: count)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


def await_companions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let companions get ready before passes begin, so that they take a part of them on a busy machine, too."""
    submit = companion.Companion.submit

    def awaited(self: companion.Companion, function: Any, *args: Any, **options: Any) -> Any:
        future = submit(self, function, *args, **options)
        if function in (companion._load, parallel._nothing):
            future.exception()
        return future

    monkeypatch.setattr(companion.Companion, "submit", awaited)
