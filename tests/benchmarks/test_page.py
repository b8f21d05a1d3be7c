"""The page of benchmarks says what a stored run measured."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from page import write_page
from PIL import Image
from rounds import Way, in_a_process, take_turns
from workload import files, write_images


@pytest.fixture
def run() -> Any:
    return json.loads((Path(__file__).parent / "example_run.json").read_text(encoding="utf-8"))


def test_every_number_is_the_runs(run: Any, tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    write_page(run, page, tmp_path / "benchmarks")
    lines = page.read_text(encoding="utf-8").splitlines()
    machine = "Example CPU 2.0 GHz, 2 cores, 16.4 GB of memory, Linux, Python 3.12.1"
    assert lines[2] == f"*26 November 2026, {machine}. Command: `make bench BENCH=quick`.*"
    assert "*numpy 2.3.0, torch 2.9.0.*" in lines
    assert (
        "| 1,000 PNG files | 1,250 | 1.45 × decoding | 9.50: as Ricker et al.<br>25.2: as Wang et al. | 98.7"
        " | at most 1.1 × decoding: **not met** |"
    ) in lines
    assert "| `freqforensics --help` | 250 ms |  |  |  | at most 0.3 s: met |" in lines
    assert "1 of 2 goals are met." in lines
    assert "- not met: 1,000 PNG files: 1.45 ×, goal at most 1.1 × decoding" in lines
    assert "| by images | 100 | 1,000 |" in lines
    assert "| spectra, images/s | 2,000 | 2,500 |" in lines
    assert "| audit, peak memory, MB | 300 |  |" in lines
    assert "| audit, images/s | 200 |  |" in lines
    assert "| captum, seconds | 2.50 |" in lines
    assert "## Quality" not in lines
    figures = {path.name for path in (tmp_path / "benchmarks").iterdir()}
    assert figures == {"images.png", "steps.png"}
    for name in figures:
        with Image.open(tmp_path / "benchmarks" / name) as figure:
            assert figure.width > 500
    assert any(line.endswith("(benchmarks/images.png)") for line in lines)


def test_a_run_of_nothing_makes_no_page(run: Any, tmp_path: Path) -> None:
    empty = copy.deepcopy(run)
    empty["benchmarks"] = run["benchmarks"][:1]
    with pytest.raises(ValueError, match="measured nothing"):
        write_page(empty, tmp_path / "benchmarks.md", tmp_path / "benchmarks")
    assert list(tmp_path.iterdir()) == []


def test_images_of_the_benchmark_differ_and_are_the_same_in_every_run(tmp_path: Path) -> None:
    first = write_images(tmp_path / "a", 70, (64, 64), "jpg", distinct=1)
    again = write_images(tmp_path / "b", 70, (64, 64), "jpg", distinct=1)
    contents = [path.read_bytes() for path in files(first)]
    assert len(set(contents)) == 70
    assert contents == [path.read_bytes() for path in files(again)]


def test_ways_are_timed_in_turn_and_shares_scaled() -> None:
    class Benchmark:
        def pedantic(self, function: Any, *, rounds: int, warmup_rounds: int) -> None:
            for _ in range(rounds + warmup_rounds):
                function()

    calls: list[str] = []
    ways = [Way("a", lambda: calls.append("a")), Way("b", lambda: calls.append("b"), share=0.5)]
    assert [len(times) for times in take_turns(Benchmark(), ways, rounds=2)] == [2, 2]
    assert calls == ["a", "b"] * 3


@pytest.mark.long
def test_an_operation_tells_its_time_and_memory_from_another_process(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "images", 3, (64, 64), "png")
    result = in_a_process("small_spectra", folder, 1)
    assert result["seconds"] > 0
    assert 20 < result["memory"] < 2000
