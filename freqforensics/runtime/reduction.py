"""A reduction in one fixed order: the binary tree of pairwise summation over numbered chunks.

The sum of many terms in floating point depends on the order of the additions. Here the order is that of a complete
binary tree over the chunks, so it depends on their number alone, whoever computes them and whenever they arrive. The
rounding error grows with the logarithm of the number of chunks, not with the number itself (Higham, SIAM J. Sci.
Comput. 14, 1993).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Generic, NamedTuple, TypeVar

Result = TypeVar("Result")


class Node(NamedTuple):
    """An aligned subtree over chunks: `place` * 2**`level` is its first chunk, and it has at most 2**`level`.

    Parameters
    ----------
    level : int
        Height, 0 for a chunk.
    place : int
        Position among the nodes of the level.
    """

    level: int
    place: int

    @property
    def start(self) -> int:
        """The first chunk."""
        return self.place << self.level

    def stop(self, count: int) -> int:
        """Give the chunk after the last one, of `count` chunks."""
        return min(self.start + (1 << self.level), count)


def root(count: int) -> Node:
    """Give the node over all of `count` chunks."""
    return Node((count - 1).bit_length(), 0)


def cover(start: int, stop: int, count: int) -> Iterator[Node]:
    """Give the fewest nodes that cover the chunks from `start` to `stop`, of `count` chunks, in order.

    >>> list(cover(1, 6, 8))
    [Node(level=0, place=1), Node(level=1, place=1), Node(level=1, place=2)]
    """
    top = root(count)
    while start < stop:
        node = parent = Node(0, start)
        while parent.start == start and parent.stop(count) <= stop:
            node, parent = parent, Node(parent.level + 1, parent.place // 2)
            if node == top:
                break
        yield node
        start = node.stop(count)


class Reduction(Generic[Result]):
    """Results of chunks, merged pair by pair as both of a pair are there.

    It holds at most two nodes a level between gaps, whatever the number of chunks.

    Parameters
    ----------
    count : int
        Number of chunks.
    merge : callable
        Takes a left and a right result, returns one; may change and return the left one.
    """

    def __init__(self, count: int, merge: Callable[[Result, Result], Result]) -> None:
        self._count, self._merge = count, merge
        self._pending: dict[Node, Result] = {}

    def add(self, node: Node, result: Result, *, within: Node | None = None) -> None:
        """Add the result of a node, and merge what it completes, up to `within`; default up to the root."""
        top = root(self._count) if within is None else within
        while node.level < top.level:
            sibling = Node(node.level, node.place ^ 1)
            if node.place % 2 == 0 and sibling.start >= self._count:
                pass  # the last node of its level stands for the pair
            elif sibling not in self._pending:
                break
            elif node.place % 2:
                result = self._merge(self._pending.pop(sibling), result)
            else:
                result = self._merge(result, self._pending.pop(sibling))
            node = Node(node.level + 1, node.place // 2)
        self._pending[node] = result

    def take(self, node: Node) -> Result:
        """Give the result of a node that is complete, and forget it."""
        return self._pending.pop(node)

    def result(self) -> Result:
        """Give the result of all nodes that are there: of the root, or of what there is from right to left."""
        results = [self._pending[node] for node in sorted(self._pending, key=lambda node: node.start)]
        total = results.pop()
        while results:
            total = self._merge(results.pop(), total)
        return total


def reduce_node(node: Node, chunks: Iterator[Any], count: int, merge: Callable[[Result, Result], Result]) -> Result:
    """Merge the results of a node's chunks, which come in order, to the node's own."""
    reduction = Reduction(count, merge)
    for chunk, result in zip(range(node.start, node.stop(count)), chunks, strict=True):
        reduction.add(Node(0, chunk), result, within=node)
    return reduction.take(node)
