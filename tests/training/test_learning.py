"""The network itself, trained from scratch."""

from __future__ import annotations

import numpy as np
from pictures import picture, write

from freqforensics.training.recipe import TrainConfig
from freqforensics.training.train import train_detector


def test_it_learns_what_is_there_to_be_learnt(tmp_path, rng):
    """A grid of one frequency on every fake: told apart as soon as the running statistics have settled."""
    for index in range(10):
        photo = picture(rng, 40, 48)
        write(tmp_path / "set" / "0_real" / f"{index}.png", photo)
        grid = photo.astype(int) + 12 * (np.indices(photo.shape[:2]).sum(0) % 2)[..., None]
        write(tmp_path / "set" / "1_fake" / f"{index}.png", np.clip(grid, 0, 255).astype(np.uint8))
    config = TrainConfig(
        (str(tmp_path / "set"),), held_out=0.3, crop=32, input="residual", init="identity", batch=8, passes=15,
        epochs=1, pairs=True, learning_rate=1e-3,
    )  # fmt: skip
    assert train_detector(config, tmp_path / "run", device="cpu").best.ap == 1.0
