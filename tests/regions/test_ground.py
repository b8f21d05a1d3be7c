"""The fast ways through an image against plain ones."""

from __future__ import annotations

import numpy as np
import pytest

from freqforensics.regions import borders
from freqforensics.regions.borders import _bar, _may_be_even, _may_have_gaps
from freqforensics.regions.domain import _has_residual
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


def test_an_even_row_is_never_missed_by_a_part_of_its_columns(rng):
    for width, step in ((64, 1), (300, 1), (1000, 3)):
        uneven = rng.integers(0, 256, (40, width, 3), dtype=np.uint8)
        assert not _may_have_gaps(uneven, step)
        for deviation in (0, 3, 6.5):
            rows = uneven.copy()
            rows[17] = np.clip(np.rint(rng.normal(200, deviation, (width, 3))), 0, 255).astype(np.uint8)
            assert _may_have_gaps(rows, step)
        rows = uneven.copy()
        rows[17] = 240
        rows[17, :: 20 * step] = 212  # all deviation in the columns that are looked at
        assert every_nth(rows, 1, step)[17].astype(float).std() <= 7
        assert _may_have_gaps(rows, step)


def test_bars_are_those_of_a_search_in_whole_stretches(rng, monkeypatch):
    images = []
    for width in (0, 1, 2, 7, 8, 23, 24, 63, 64, 65, 130):
        rows = rng.integers(0, 256, (320, 90, 3), dtype=np.uint8)
        rows[:width] = 12
        rows[width : width + 5] = rows[width : width + 5] // 8  # ringing
        images += [rows, rows.transpose(1, 0, 2)]
    images += [np.full((200, 80, 3), 7, np.uint8), np.full((5, 80, 3), 7, np.uint8)]
    bars = [_bar(rows) for rows in images]
    monkeypatch.setattr(borders, "_stretches", lambda limit: [(at, min(at + 64, limit)) for at in range(0, limit, 64)])
    for bar, rows in zip(bars, images, strict=True):
        whole = _bar(rows)
        assert (bar.width, bar.loose, bar.straight) == (whole.width, whole.loose, whole.straight)
    assert len({bar.width for bar in bars}) > 8


def test_a_residual_anywhere_is_seen(rng):
    for place in (slice(0, 30), slice(180, 200), slice(370, 400)):
        image = np.full((400, 300, 3), 90, np.uint8)
        assert not _has_residual(image)
        image[place] += rng.integers(0, 2, image[place].shape, dtype=np.uint8)
        assert _has_residual(image)
