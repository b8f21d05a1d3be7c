"""How many simulations to make, and what their counts are held against."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from scipy.stats import beta

FULL = os.environ.get("FREQFORENSICS_CALIBRATION") == "full"
LEVEL = 0.999


@dataclass(frozen=True)
class Row:
    """How often something happened, and how often it should."""

    name: str
    setting: str
    sign: str
    promise: float
    count: int
    simulations: int

    @property
    def bounds(self) -> tuple[float, float]:
        """Exact binomial bounds of the rate (Clopper & Pearson 1934)."""
        tail, missed = (1 - LEVEL) / 2, self.simulations - self.count
        low = float(beta.ppf(tail, self.count, missed + 1)) if self.count else 0.0
        return low, float(beta.ppf(1 - tail, self.count + 1, missed)) if missed else 1.0

    @property
    def holds(self) -> bool:
        low, high = self.bounds
        return low <= self.promise if self.sign == "at most" else high >= self.promise


@dataclass
class Recorder:
    """Rows of all tests of a run."""

    rows: list[Row] = field(default_factory=list)

    def at_most(self, name: str, setting: str, promise: float, count: int, simulations: int) -> None:
        """Record false alarms: a rate that must not be above `promise`."""
        self._add(Row(name, setting, "at most", promise, int(count), simulations))

    def at_least(self, name: str, setting: str, promise: float, count: int, simulations: int) -> None:
        """Record coverage or power: a rate that must not be below `promise`."""
        self._add(Row(name, setting, "at least", promise, int(count), simulations))

    def _add(self, row: Row) -> None:
        self.rows.append(row)
        assert row.holds, row


RECORDER = Recorder()


@pytest.fixture
def simulations() -> Callable[[int, int], int]:
    """Choose the number of simulations: (quick, full)."""
    return lambda quick, full: full if FULL else quick


@pytest.fixture(scope="session")
def record() -> Recorder:
    return RECORDER
