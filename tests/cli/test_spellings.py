from __future__ import annotations

import pytest

from freqforensics.cli.spellings import respelled


@pytest.mark.parametrize(
    ("command", "former", "today", "renamed"),
    [
        ("upsampling", ["a", "--control", "b", "--size=64"], ["a", "--real", "b", "--crop=64"], 2),
        ("simulate", ["a", "--weights", "m", "--size", "64"], ["a", "--miniatures", "m", "--crop", "64"], 2),
        ("fit-generator", ["a", "--origin", "x", "--", "--size"], ["a", "--about", "x", "--", "--size"], 1),
        ("population", ["--generators", "b", "--calibrate", "c"], ["--fake", "b", "--calibration-out", "c"], 2),
        ("demo", ["--photos", "a"], ["--photographs", "a"], 1),
        ("paper-figures", ["--crop", "none", "--size", "64"], ["--view", "none", "--crop", "64"], 2),
        ("paper-figures", ["--crop", "64", "--view", "none"], ["--crop", "64", "--view", "none"], 0),
    ],
)
def test_former_options_are_known(command, former, today, renamed, capsys):
    assert respelled(command, former) == today
    notes = capsys.readouterr().err.splitlines()
    assert len(notes) == renamed
    assert all(note.startswith("note: --") for note in notes)
