"""Simulations that hold p-values to what they promise: few in every run, many with FREQFORENSICS_CALIBRATION=full."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from scipy.stats import binomtest

LEVEL = 0.999


class Recorder:
    """Holds counts against promises, by exact binomial bounds, and prints them, which pytest shows with -s."""

    def at_most(self, name: str, setting: str, promise: float, count: int, simulations: int) -> None:
        print(f"{name}, {setting}: {count} of {simulations} ({count / simulations:.3f}), at most {promise:g}")
        assert binomtest(count, simulations).proportion_ci(LEVEL).low <= promise

    def at_least(self, name: str, setting: str, promise: float, count: int, simulations: int) -> None:
        print(f"{name}, {setting}: {count} of {simulations} ({count / simulations:.3f}), at least {promise:g}")
        assert binomtest(count, simulations).proportion_ci(LEVEL).high >= promise


@pytest.fixture
def simulations() -> Callable[[int, int], int]:
    """Choose the number of simulations: (quick, full)."""
    return lambda quick, full: full if os.environ.get("FREQFORENSICS_CALIBRATION") == "full" else quick


@pytest.fixture(scope="session")
def record() -> Recorder:
    return Recorder()
