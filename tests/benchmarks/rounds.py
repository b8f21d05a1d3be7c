"""Times taken in turn, and what a run says of them: `page.py` reads it from pytest-benchmark's JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
ENVIRONMENT = dict(os.environ)
"""As the run began: a cluster of this process leaves numbers of threads in its own."""


@dataclass(frozen=True)
class Way:
    """Something to do, and in words what it is. It does a `share` of the work: its time is divided by it.

    What times itself, in another process, returns its seconds.
    """

    name: str
    run: Callable[[], object]
    share: float = 1.0

    def seconds(self) -> float:
        begin = time.perf_counter()
        result = self.run()
        taken = result if isinstance(result, float) else time.perf_counter() - begin
        return taken / self.share


@dataclass(frozen=True)
class Goal:
    """What was promised: at most `limit` of a measured `value`, in words `text`."""

    text: str
    limit: float
    value: float

    @property
    def reached(self) -> bool:
        return self.value <= self.limit


@dataclass(frozen=True)
class Row:
    """A line of the page's tables."""

    theme: str
    what: str
    images: int
    seconds: float
    floor: tuple[str, float] | None = None
    """Name, and the time over it."""
    peers: tuple[tuple[str, float], ...] = ()
    """Names, and their times over ours."""
    memory: float | None = None
    goal: Goal | None = None


@dataclass(frozen=True)
class Point:
    """A point of a curve."""

    figure: str
    series: str
    x: float
    images: int
    seconds: float
    memory: float | None = None


def take_turns(benchmark: Any, ways: Sequence[Way], *, rounds: int, warm: bool = True) -> list[list[float]]:
    """Time each way once in every round: what slows the machine slows all of them. Gives rounds of seconds."""
    times: list[list[float]] = []
    benchmark.pedantic(
        lambda: times.append([way.seconds() for way in ways]), rounds=rounds, warmup_rounds=1 if warm else 0
    )
    return times[-rounds:]


def in_a_process(name: str, folder: Path, workers: int | None = None) -> dict[str, float]:
    """Run one of `operations` in a new process: its seconds, without the start, and its memory in MB."""
    words = [
        sys.executable,
        str(HERE / "operations.py"),
        name,
        str(folder),
        *([] if workers is None else [str(workers)]),
    ]
    paths = os.pathsep.join(filter(None, [str(HERE.parents[1]), ENVIRONMENT.get("PYTHONPATH", "")]))
    done = subprocess.run(words, check=True, capture_output=True, text=True, env={**ENVIRONMENT, "PYTHONPATH": paths})
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


@dataclass
class Bench:
    """Measures rows and points of one test, and stores them with its benchmark.

    Parameters
    ----------
    benchmark : fixture of pytest-benchmark
    rows, points : list
        What was measured.
    """

    benchmark: Any
    rows: list[Row] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)

    def measure(
        self,
        theme: str,
        what: str,
        images: int,
        ours: Callable[[], object],
        *,
        rounds: int,
        warm: bool = True,
        floor: Way | None = None,
        peers: Sequence[Way] = (),
        memory: Callable[[], float] | None = None,
        times_floor: float | None = None,
        seconds: float | None = None,
        above_floor: float | None = None,
    ) -> None:
        """Time an operation with its floor and its peers; the goals there are, all "at most", come last."""
        ways = [Way("", ours), *([floor] if floor else []), *peers]
        times = np.array(take_turns(self.benchmark, ways, rounds=rounds, warm=warm))
        median = float(np.median(times[:, 0]))
        to_floor = (floor.name, float(np.median(times[:, 0] / times[:, 1]))) if floor else None
        first = 2 if floor else 1
        to_peers = tuple((way.name, float(np.median(times[:, first + n] / times[:, 0]))) for n, way in enumerate(peers))
        goal = None
        if times_floor is not None and to_floor:
            goal = Goal(f"at most {times_floor:g} × {to_floor[0]}", times_floor, to_floor[1])
        elif above_floor is not None and to_floor:
            difference = float(np.median(times[:, 0] - times[:, 1]))
            goal = Goal(f"at most {1000 * above_floor:g} ms above {to_floor[0]}", above_floor, difference)
        elif seconds is not None:
            goal = Goal(f"at most {seconds:g} s", seconds, median)
        self.rows.append(
            Row(theme, what, images, median, to_floor, to_peers, memory() if memory is not None else None, goal)
        )
        self._store()

    def point(
        self, figure: str, series: str, x: float, images: int, seconds: float, memory: float | None = None
    ) -> None:
        """Add a point to a curve."""
        self.points.append(Point(figure, series, x, images, seconds, memory))
        self._store()

    def _store(self) -> None:
        self.benchmark.extra_info["page"] = {
            "rows": [asdict(row) for row in self.rows],
            "points": [asdict(point) for point in self.points],
        }
