from __future__ import annotations

from itertools import pairwise

import pytest

from freqforensics.runtime.parallel import map_reduce
from freqforensics.runtime.reduction import Node, Reduction, cover, reduce_node, root


def bracketed(left: str, right: str) -> str:
    return f"({left}{right})"


def tree(start: int, stop: int) -> str:
    """The definition: the left half of a tree is the largest power of two that leaves something to the right."""
    if stop - start == 1:
        return chr(97 + start)
    half = 1 << (stop - start - 1).bit_length() - 1
    return f"({tree(start, start + half)}{tree(start + half, stop)})"


@pytest.mark.parametrize("count", range(1, 20))
def test_every_order_of_arrival_gives_one_tree(count, rng):
    for _ in range(5):
        reduction = Reduction(count, bracketed)
        for chunk in rng.permutation(count).tolist():
            reduction.add(Node(0, chunk), chr(97 + chunk))
        assert reduction.result() == tree(0, count)


@pytest.mark.parametrize("count", range(1, 20))
def test_whoever_computes_subtrees_the_tree_is_the_same(count, rng):
    for parts in range(1, 5):
        bounds = sorted({0, count, *rng.integers(0, count + 1, size=parts - 1).tolist()})
        reduction = Reduction(count, bracketed)
        for start, stop in pairwise(bounds):
            nodes = list(cover(start, stop, count))
            assert [chunk for node in nodes for chunk in range(node.start, node.stop(count))] == [*range(start, stop)]
            assert len(nodes) <= 2 * count.bit_length()
            for node in nodes:
                letters = (chr(97 + chunk) for chunk in range(node.start, node.stop(count)))
                reduction.add(node, reduce_node(node, letters, count, bracketed))
        assert reduction.result() == tree(0, count)


def test_few_results_wait_whatever_the_number_of_chunks():
    reduction = Reduction(1000, lambda left, right: left + right)
    for chunk in range(1000):
        reduction.add(Node(0, chunk), 1)
        assert len(reduction._pending) <= 10
    assert reduction.take(root(1000)) == 1000


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_map_reduce_folds_by_the_tree(workers):
    assert map_reduce("abcdefg", "".join, bracketed, chunk_size=1, workers=workers) == "(((ab)(cd))((ef)g))"
    assert map_reduce("abcdefg", "".join, bracketed, chunk_size=3, workers=workers) == "((abcdef)g)"
