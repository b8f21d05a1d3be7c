"""Temporary names tell what a killed process left from what a live one holds, and from users' files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pictures import dead_prefix

from freqforensics.runtime.unfinished import (
    abandon,
    abandoned_beside,
    abandoned_in,
    is_abandoned,
    is_unfinished,
    unfinished_prefix,
)

HOLD = "from freqforensics.runtime.unfinished import unfinished_prefix; print(unfinished_prefix(), flush=True); input()"


def test_what_a_live_process_holds_is_not_abandoned():
    assert is_unfinished(Path(f"{unfinished_prefix()}x"))
    assert not is_abandoned(Path(f"{unfinished_prefix()}x"))
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as one:
        held = Path(f"{one.stdout.readline().strip()}x")
        assert is_unfinished(held)
        assert not is_abandoned(held)
        one.communicate("\n")
    assert is_abandoned(held)


def test_names_of_users_and_other_machines_are_left_alone():
    host, pid, start = unfinished_prefix().removeprefix(".unfinished-").split("-")[:3]
    for name in ("novel", "mine-x", f"{host}-x-0-y", f"{host}-{pid}-y", f"{host}-0-0-"):
        assert not is_unfinished(Path(f".unfinished-{name}"))
    other = "0" * 8 if host != "0" * 8 else "1" * 8
    assert is_unfinished(Path(f".unfinished-{other}-0-0-x"))
    assert not is_abandoned(Path(f".unfinished-{other}-0-0-x"))
    assert is_abandoned(Path(f".unfinished-{host}-0-0-x"))
    if start != "0":  # the number was given again
        assert is_abandoned(Path(f".unfinished-{host}-{os.getpid()}-{int(start) + 1}-x"))


def test_what_was_left_is_found_in_a_folder_and_beside_a_file(tmp_path):
    dead = dead_prefix()
    scores = [f"{dead}{rest}" for rest in ("scores-abcd_123.csv", "scores-2-abcd_123.csv", "scores-abcd_123.json")]
    for name in (f"{dead}a", f"{unfinished_prefix()}b", ".unfinished-mine", f"sub/{dead}c", *scores):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [path.name for path in abandoned_beside(tmp_path / "scores.csv")] == [f"{dead}scores-abcd_123.csv"]
    top = {path.name.removeprefix(dead) for path in abandoned_in(tmp_path)}
    assert top == {"a", "scores-abcd_123.csv", "scores-2-abcd_123.csv", "scores-abcd_123.json"}
    assert len(abandoned_in(tmp_path, deep=True)) == len(top) + 1
    assert abandoned_in(tmp_path / "none") == []


def test_what_is_abandoned_can_be_cleared_by_the_same_process(tmp_path):
    held = tmp_path / f"{unfinished_prefix()}x"
    held.mkdir()
    assert abandoned_in(tmp_path) == []
    assert abandoned_in(tmp_path) != [abandon(held)] == abandoned_in(tmp_path)
    with pytest.raises(ValueError, match="must have a temporary name"):
        abandon(tmp_path)
