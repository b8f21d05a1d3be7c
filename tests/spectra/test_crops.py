from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from freqforensics.spectra import crop_origins

sides = st.integers(1, 400)


@given(st.tuples(sides, sides), st.tuples(sides, sides), st.sampled_from(["center", "tiles", "random"]), sides)
def test_crops_fit_are_aligned_and_do_not_overlap(shape, size, crop, align):
    origins = crop_origins(shape, size, crop, align=align, rng=np.random.default_rng(0))
    if size[0] > shape[0] or size[1] > shape[1]:
        assert origins == []
        return
    assert origins
    covered = np.zeros(shape, int)
    for row, column in origins:
        assert row % align == column % align == 0
        assert 0 <= row <= shape[0] - size[0]
        assert 0 <= column <= shape[1] - size[1]
        covered[row : row + size[0], column : column + size[1]] += 1
    assert covered.max() == 1


@given(st.integers(64, 400), st.integers(1, 40))
def test_the_centre_is_missed_by_less_than_one_step(side, align):
    (row, column), *_ = crop_origins((side, side), (64, 64), align=align)
    free = (side - 64) / 2
    assert row == column
    assert 0 <= free - row < align


def test_tiles_fill_an_image_that_divides():
    assert crop_origins((256, 512), (128, 128), "tiles") == [(r, c) for r in (0, 128) for c in (0, 128, 256, 384)]
    assert crop_origins((250, 250), (100, 100), "tiles") == [(0, 0), (0, 112), (112, 0), (112, 112)]


def test_random_crops_reach_every_aligned_place():
    rng = np.random.default_rng(0)
    seen = {crop_origins((128, 100), (64, 64), "random", rng=rng)[0] for _ in range(400)}
    assert seen == {(row, column) for row in range(0, 65, 16) for column in range(0, 37, 16)}


def test_bad_parameters_are_named():
    with pytest.raises(ValueError, match=r"crop must .*got 'middle'"):
        crop_origins((9, 9), (3, 3), "middle")
    with pytest.raises(ValueError, match="align must"):
        crop_origins((9, 9), (3, 3), align=0)
    with pytest.raises(ValueError, match="random generator"):
        crop_origins((9, 9), (3, 3), "random")
