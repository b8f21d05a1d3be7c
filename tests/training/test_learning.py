"""The network itself, trained from scratch."""

from __future__ import annotations

import pytest
from pictures import board, write_tree

from freqforensics.training.recipe import TrainConfig
from freqforensics.training.train import train_detector


@pytest.mark.long
def test_it_learns_what_is_there_to_be_learnt(tmp_path, rng):
    """A grid of one frequency on every fake: told apart as soon as the running statistics have settled."""
    root = write_tree(tmp_path / "set", rng, count=10, shape=(40, 48), traces={"": 12 * board(40, 48)}, paired=True)
    config = TrainConfig(
        (str(root),), held_out=0.3, crop=32, input="residual", init="identity", batch=8, passes=10,
        epochs=1, pairs=True, learning_rate=1e-3,
    )  # fmt: skip
    assert train_detector(config, tmp_path / "run", device="cpu").best.ap == 1.0
