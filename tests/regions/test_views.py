import numpy as np
import pytest
from hypothesis import given, strategies as st

from freqforensics.regions.views import GRID, SIDE, cut, median_view, view_boxes


@given(st.integers(0, 999), st.integers(0, 999), st.integers(64, 5000), st.integers(64, 5000))
def test_views_lie_inside_on_the_grid_and_are_odd_in_number(x, y, width, height):
    boxes = view_boxes((x, y, width, height))
    assert len(boxes) in (1, 3, 5)
    assert len(set(boxes)) == len(boxes)
    for left, top, across, down in boxes:
        assert (across, down) == (min(SIDE, width), min(SIDE, height))
        assert x <= left
        assert left + across <= x + width
        assert y <= top
        assert top + down <= y + height
        assert (left - x) % GRID == 0
        assert (top - y) % GRID == 0


@pytest.mark.parametrize(("size", "count"), [((224, 224), 1), ((330, 300), 1), ((336, 224), 3), ((500, 400), 5)])
def test_more_views_of_larger_images(size, count):
    assert len(view_boxes((0, 0, *size))) == count


def test_the_corners_of_a_large_image_are_seen():
    boxes = view_boxes((0, 0, 960, 800))
    assert {(x < GRID, y < GRID) for x, y, *_ in boxes[1:]} == {
        (True, True),
        (True, False),
        (False, True),
        (False, False),
    }
    assert max(x + w for x, _, w, _ in boxes) > 960 - GRID
    assert max(y + h for _, y, _, h in boxes) > 800 - GRID


def test_a_cut_is_what_it_names():
    image = np.arange(24).reshape(4, 6)
    np.testing.assert_array_equal(cut(image, (1, 2, 3, 2)), [[13, 14, 15], [19, 20, 21]])


@given(st.lists(st.floats(-9, 9), min_size=1, max_size=5).filter(lambda values: len(values) % 2))
def test_the_median_view_has_the_median_logit(logits):
    assert logits[median_view(np.array(logits))] == np.median(logits)
