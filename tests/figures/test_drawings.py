from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import run
from lines import ONLY_IN, lines, nothing
from pictures import write_tree
from processors import give_processors

from freqforensics.figures.drawings import Drawing, save_drawings
from freqforensics.runtime.companion import current_companion, two_processes
from freqforensics.runtime.results import ResultFolder

ALL = ("png", "pdf", "svg")


@pytest.fixture(autouse=True)
def two_processors(monkeypatch):
    give_processors(monkeypatch, 2)


@pytest.fixture
def drawn_here(monkeypatch) -> list[str]:
    """Names of the figures that this process draws."""
    names: list[str] = []
    files = Drawing.files

    def noted(drawing: Drawing, **how: Any) -> dict[str, bytes]:
        names.append(drawing.name)
        return files(drawing, **how)

    monkeypatch.setattr(Drawing, "files", noted)
    return names


def saved(root: Path, count: int) -> dict[str, bytes]:
    """Draw some lines into a folder; give its files."""
    root.mkdir()
    save_drawings(ResultFolder(root, {"about": "lines"}), partial(lines, count), formats=ALL)
    return content(root)


def content(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.long
@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_files_are_the_same_wherever_they_are_drawn(tmp_path, drawn_here, count):
    alone = saved(tmp_path / "alone", count)
    assert sorted(alone) == sorted(f"line-{number}.{suffix}" for number in range(count) for suffix in ALL)
    assert drawn_here == [f"line-{number}" for number in range(count)]
    drawn_here.clear()
    with two_processes("lines"):
        assert saved(tmp_path / "beside", count) == alone
    assert "line-0" not in drawn_here
    assert len(drawn_here) == len(set(drawn_here)) < count


def test_outside_the_block_no_process_is_started(tmp_path, monkeypatch):
    monkeypatch.setattr("freqforensics.runtime.companion.companion", None)  # to call it would fail
    assert current_companion() is None
    assert len(saved(tmp_path / "alone", 1)) == len(ALL)


@pytest.mark.long
def test_what_the_other_process_fails_at_is_drawn_here(tmp_path, drawn_here, monkeypatch):
    alone = saved(tmp_path / "alone", 3)
    drawn_here.clear()
    monkeypatch.setenv(ONLY_IN, str(os.getpid()))
    with two_processes("lines"):
        assert saved(tmp_path / "failed", 3) == alone
    assert sorted(drawn_here) == ["line-0", "line-1", "line-2"]


def test_a_process_that_ended_is_done_without(tmp_path):
    alone = saved(tmp_path / "alone", 2)
    with two_processes():
        drawer = current_companion()
        assert drawer is not None
        drawer.process.kill()
        assert saved(tmp_path / "killed", 2) == alone


def test_a_figure_that_nobody_can_draw_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="nothing can be drawn on"), two_processes("lines"):
        save_drawings(ResultFolder(tmp_path, {}), nothing)
    with pytest.raises(ValueError, match="nothing can be drawn on"):
        save_drawings(ResultFolder(tmp_path, {}), nothing)


@pytest.mark.long
def test_a_command_writes_the_same_with_one_processor(tmp_path, monkeypatch, drawn_here):
    tree = write_tree(tmp_path / "tree", np.random.default_rng(3), count=4, shape=(40, 48))
    spectrum = ("spectrum", tree, "--crop", 32, "--format", "png,pdf,svg")
    assert run(*spectrum, "--out", tmp_path / "two").returncode == 0
    assert "fingerprints" not in drawn_here
    drawn_here.clear()
    assert run(*spectrum, "--out", tmp_path / "worker", "--workers", 1).returncode == 0
    give_processors(monkeypatch, 1)
    assert run(*spectrum, "--out", tmp_path / "one").returncode == 0
    assert drawn_here == 2 * ["fingerprints", "profiles"]
    two, worker, one = (content(tmp_path / name) for name in ("two", "worker", "one"))
    for files in (two, worker, one):
        del files["manifest.json"]  # has the command line
    assert two == worker == one
