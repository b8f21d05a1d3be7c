"""The fast ways through an image against plain ones."""

from __future__ import annotations

import numpy as np
import pytest

from freqforensics.regions.borders import _may_be_even
from freqforensics.regions.ground import _extremes, _mode_share, every_nth


@pytest.fixture
def image(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 256, (96, 128, 3), dtype=np.uint8)


def test_every_nth_pixel_of_turned_and_cut_images(image):
    for turned in (image, image[5:, 3:-7], image.transpose(1, 0, 2), image[::-1]):
        for rows, columns in ((1, 1), (2, 2), (1, 5), (3, 3)):
            np.testing.assert_array_equal(every_nth(turned, rows, columns), turned[::rows, ::columns])


@pytest.mark.parametrize("side", [8, 16])
def test_extremes_and_modes_of_tiles(image, side):
    rows, columns = 96 // side, 128 // side
    tiles = image.reshape(rows, side, columns, side, 3)
    np.testing.assert_array_equal(_extremes(image, side, np.minimum), tiles.min(axis=(1, 3)))
    np.testing.assert_array_equal(_extremes(image, side, np.maximum), tiles.max(axis=(1, 3)))
    chosen = np.zeros((rows, columns), bool)
    chosen[1, 2] = chosen[3, 0] = True
    shares = []
    for row, column in ((1, 2), (3, 0)):
        levels = tiles[row, :, column, :, 0].ravel()
        shares.append(max(np.mean((levels >= 4 * n) & (levels < 4 * n + 8)) for n in range(63)))
    np.testing.assert_array_equal(_mode_share(image[..., 0], chosen), shares)
    assert len(_mode_share(image[..., 0], np.zeros((rows, columns), bool))) == 0


def test_rows_that_are_left_out_are_uneven(image):
    rows = (image // np.linspace(1, 40, 96)[:, None, None]).astype(np.uint8)
    spread = rows.astype(np.float64).std(axis=1).max(axis=1)
    even = _may_be_even(rows, 14)
    assert 0 < even.sum() < len(rows)
    assert even[spread <= 14].all()
    assert not even[spread > 14.1].any()
