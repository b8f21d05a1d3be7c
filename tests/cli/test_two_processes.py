"""Commands that share their work with a second process write what one process writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from command import run
from pictures import write_tree
from processors import await_companions, give_processors

from freqforensics.detector.score_table import Score, ScoreTable
from freqforensics.runtime import companion as module
from freqforensics.sources.sources import index_sources

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    """Two generators with 22 images a side, one of them damaged."""
    root = write_tree(
        tmp_path_factory.mktemp("two") / "tree", np.random.default_rng(3), ("one", "two"), count=22, shape=(112, 100)
    )
    (root / "two" / "1_fake" / "0003.png").write_bytes(b"no image")
    scores = (
        Score(str(record.path), "0", record.label, record.generator, "", number % 7 - 2.5, 0.5, "none", "1", "")
        for number, record in enumerate(index_sources([root]))
    )
    ScoreTable(tuple(scores), ()).save(root.parent / "scores.csv")
    return root


@pytest.fixture
def answered(monkeypatch) -> list[str]:
    """Names of the functions that companions called to the end."""
    names: list[str] = []
    await_companions(monkeypatch)
    submit = module.Companion.submit

    def noted(self, function, *args, **options):
        future = submit(self, function, *args, **options)
        future.add_done_callback(lambda done: done.exception() or names.append(function.__name__))
        return future

    monkeypatch.setattr(module.Companion, "submit", noted)
    return names


def files(root: Path) -> dict[str, bytes]:
    """Content of the files of a folder; its manifest has the command line."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }


@pytest.mark.parametrize(
    "command",
    [
        ("audit",),
        ("compare", "--crop", "32", "--bootstrap", "5", "--permutations", "9"),
        ("upsampling", "--crop", "32"),
        ("quality", "--score", "niqe_48", "--bootstrap", "9", "--permutations", "19", "--logits", "scores.csv"),
    ],
    ids=lambda command: command[0],
)
def test_a_command_writes_the_same_in_one_process_and_in_two(tree, tmp_path, monkeypatch, answered, command):
    give_processors(monkeypatch, 2)
    arguments = (*command, tree, "-q", "--out")
    two = run(*arguments, tmp_path / "two", "--workers", 2, cwd=tree.parent)
    assert answered.count("_beside") >= 1
    assert "_take" in answered
    answered.clear()
    one = run(*arguments, tmp_path / "one", "--workers", 1, cwd=tree.parent)
    assert not answered
    assert two.returncode == one.returncode == 1  # a file is damaged
    assert two.stderr == one.stderr
    assert files(tmp_path / "two") == files(tmp_path / "one")
