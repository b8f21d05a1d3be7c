"""How many processors the package believes it has."""

from __future__ import annotations

import pytest


def give_processors(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Let companions believe in this number of processors, whatever the machine has."""
    monkeypatch.setattr("freqforensics.runtime.processors.default_workers", lambda: count)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
