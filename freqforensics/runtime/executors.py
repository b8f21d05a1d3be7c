"""Who computes the chunks of `map_reduce`: threads of this process and its companion, or what a context names instead.

A study does not know where its images are read. ``with cluster(...)`` or ``with shard(...)`` around its call set the
executor, and `map_reduce` asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

from freqforensics.runtime.companion import current_companion
from freqforensics.runtime.reduction import Node

Value = TypeVar("Value")


class PassesEnded(BaseException):
    """A shard's share of all passes over the images is computed; what follows needs the other shards."""


@dataclass(frozen=True, eq=False)
class Job:
    """One pass over items: what `map_reduce` was called with.

    Parameters
    ----------
    items : sequence
        All items.
    function : callable
        Takes a sequence of items, returns a result.
    merge : callable
        Takes two results, returns one; may change and return the first.
    chunk_size : int
        Items in a chunk.
    workers : int
        Threads of this process that compute what it computes itself.
    """

    items: Sequence[Any]
    function: Callable[[Sequence[Any]], Any]
    merge: Callable[[Any, Any], Any]
    chunk_size: int
    workers: int

    @property
    def chunks(self) -> int:
        """Number of chunks."""
        return -(-len(self.items) // self.chunk_size)

    def chunk(self, index: int) -> Sequence[Any]:
        """Give the items of a chunk."""
        return self.items[index * self.chunk_size : (index + 1) * self.chunk_size]

    def items_in(self, node: Node) -> int:
        """Count the items of a node."""
        stop = min(node.stop(self.chunks) * self.chunk_size, len(self.items))
        return stop - node.start * self.chunk_size


class Executor(Protocol):
    """Computes the nodes of jobs."""

    def nodes(self, job: Job) -> Generator[tuple[Node, Any], None, None]:
        """Yield nodes that do not overlap, and their results, in the order of chunks; an error is that of `function`.

        All chunks are covered, except by a shard, which gives its share.
        """
        ...

    def share(self, key: str, value: Any) -> None:
        """Make a large object known to all workers, by a key that follows from its content."""
        ...

    @property
    def partial(self) -> bool:
        """Whether jobs give the results of a share of their items only."""
        ...


_EXECUTOR: Final[ContextVar[Executor | None]] = ContextVar("executor", default=None)


def current_executor() -> Executor | None:
    """Give the executor that a context has set; None: threads of this process, and its companion if there is one."""
    return _EXECUTOR.get()


@contextmanager
def executing(executor: Executor | None) -> Iterator[None]:
    """Let an executor compute the jobs of the calls inside."""
    token = _EXECUTOR.set(executor)
    try:
        yield
    finally:
        _EXECUTOR.reset(token)


def passes_are_partial() -> bool:
    """Say whether `map_reduce` gives the result of a share of the items only, as in a shard."""
    executor = current_executor()
    return executor is not None and executor.partial


def end_of_passes() -> None:
    """Say that all passes over the images are done: a study calls it after its last `map_reduce`.

    Nothing happens, except in a shard, which has only its share of the images: it stops here.
    """
    if passes_are_partial():
        raise PassesEnded


_SHARE: Final[ContextVar[tuple[int, int]]] = ContextVar("share", default=(1, 1))


def current_share() -> tuple[int, int]:
    """Give the share I of N of work that consists of files, from 1; (1, 1) is all of it."""
    return _SHARE.get()


@contextmanager
def sharing(number: int, count: int) -> Iterator[None]:
    """Let the calls inside do share `number` of `count` of work that consists of files, which need no merging."""
    token = _SHARE.set((number, count))
    try:
        yield
    finally:
        _SHARE.reset(token)


_RECEIVED: Final[dict[str, Any]] = {}
"""Shared objects in the process of a worker, by key."""


class Shared(Generic[Value]):
    """A large object that a function of `map_reduce` takes along: sent to each worker once, not with every task.

    Parameters
    ----------
    value
        The object, which can be pickled.
    key : str
        A text that follows from its content, equal in all processes.
    """

    def __init__(self, value: Value, *, key: str) -> None:
        self.key = key
        self._value: tuple[Value] | None = (value,)
        executor, companion = current_executor(), current_companion()
        if executor is not None:
            executor.share(key, value)
        elif companion is not None:
            companion.submit(receive, key, value)

    @property
    def value(self) -> Value:
        """The object."""
        if self._value is not None:
            return self._value[0]
        if self.key not in _RECEIVED:
            raise RuntimeError(f"the shared object {self.key} did not reach this worker")
        value: Value = _RECEIVED[self.key]
        return value

    def __getstate__(self) -> dict[str, Any]:
        """Leave the object behind: only the key travels."""
        return {"key": self.key, "_value": None}

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Shared) and other.key == self.key


def receive(key: str, value: Any) -> None:
    """Keep a shared object in the process of a worker."""
    _RECEIVED[key] = value


def forget(key: str) -> None:
    """Drop a shared object in the process of a worker."""
    _RECEIVED.pop(key, None)
