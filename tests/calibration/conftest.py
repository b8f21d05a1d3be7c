"""Simulations that hold p-values and intervals to what they promise.

A p-value must be small no more often than it says where there is nothing, and often where there is something; an
interval must hold the truth as often as it says. Each test counts over simulations, and the count is held against the
promise by exact binomial bounds of 99.9 %. The few simulations of a plain run find gross faults within seconds;
``make calibration`` sets FREQFORENSICS_CALIBRATION=full, or to a share of them as 0.2, runs those and writes
``docs/results/calibration.md``.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any

import pytest

from freqforensics.evaluation import binomial_interval

ASKED = os.environ.get("FREQFORENSICS_CALIBRATION", "")
SHARE = {"": 0.0, "full": 1.0}[ASKED] if ASKED in ("", "full") else float(ASKED)
"""Share of the simulations that are run; 0: the few of a plain run, and no table."""
LEVEL = 0.999
TABLE = Path(__file__).parents[2] / "docs" / "results" / "calibration.md"
HEADER = """# Do the p-values and intervals hold?

Each row is a simulation of `tests/calibration`, written by `make calibration`. *Promise*: the rate that the p-value or
interval claims. "At most" is a p-value where there is nothing to find, or the share of false findings; "at least" is
the coverage of an interval, or how often a planted effect is found. *Bounds*: exact binomial bounds (99.9 %) of the
rate. A row *holds* unless its bounds exclude the promise on the side that it forbids. An interval may cover more than
it claims: those of ranking metrics do, because they also have to cover where few photographs have very high logits.

| what | setting | promise | measured | simulations | bounds | holds |
|-|-|-|-|-|-|-|
"""


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
        return binomial_interval(self.count, self.simulations, level=LEVEL)

    @property
    def holds(self) -> bool:
        low, high = self.bounds
        return low <= self.promise if self.sign == "at most" else high >= self.promise

    def __str__(self) -> str:
        low, high = self.bounds
        cells = (
            self.name,
            self.setting,
            f"{self.sign} {self.promise:g}",
            f"{self.count / self.simulations:.3f}",
            str(self.simulations),
            f"{low:.3f} to {high:.3f}",
            "yes" if self.holds else "**no**",
        )
        return f"| {' | '.join(cells)} |"


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
    return lambda quick, full: max(quick, round(SHARE * full))


@pytest.fixture(scope="session")
def record() -> Recorder:
    return RECORDER


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Take over the rows of a process of pytest-xdist."""
    RECORDER.rows += [Row(*row) for row in getattr(node, "workeroutput", {}).get("rows", ())]


def _whole(session: pytest.Session) -> bool:
    """Whether all of this folder was asked for: a part would leave a table of a part."""
    return all(Path(name).resolve() in Path(__file__).parents for name in session.config.args)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["rows"] = [astuple(row) for row in RECORDER.rows]
    elif SHARE and RECORDER.rows and not session.config.option.keyword and _whole(session):
        TABLE.parent.mkdir(parents=True, exist_ok=True)
        rows = sorted(RECORDER.rows, key=lambda row: (row.name, row.setting))
        TABLE.write_text(HEADER + "\n".join(map(str, rows)) + "\n", encoding="utf-8")
