"""What it takes to start, as ratios to `python -c pass` in the same run. `make bench` runs this.

Of the promises, that of the import is a difference (under 0.2 s more), that of --help a time (under 1 s). The fastest
round of each counts: a start only ever gets slower by what else the machine does.
"""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

ROUNDS = 7
STARTS = {
    "import freqforensics": ["-c", "import freqforensics"],
    "freqforensics --help": ["-m", "freqforensics", "--help"],
}


def start(arguments: list[str]) -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


@pytest.mark.parametrize("what", STARTS)
def test_start(benchmark, what):
    rounds = []

    def one_round() -> None:
        # In turn, so that both meet the same machine.
        rounds.append((start(STARTS[what]), start(["-c", "pass"])))

    benchmark.pedantic(one_round, rounds=ROUNDS, warmup_rounds=1)
    ours, bare = (min(times) for times in zip(*rounds[1:], strict=True))
    benchmark.extra_info["times python -c pass"] = round(ours / bare, 1)
    print(f"\n{what}: {1000 * ours:.0f} ms, {ours / bare:.1f} times python -c pass ({1000 * bare:.0f} ms)")
    if what == "import freqforensics":
        assert ours - bare < 0.2
    else:
        assert ours < 1
