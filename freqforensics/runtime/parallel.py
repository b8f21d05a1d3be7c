"""Map a function over chunks of items and merge the results, in an order that does not depend on the workers."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Literal, TypeVar, get_args

from threadpoolctl import threadpool_limits
from tqdm import tqdm

Backend = Literal["serial", "threads"]

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_reduce(
    items: Sequence[Item],
    function: Callable[[Sequence[Item]], Result],
    merge: Callable[[Result, Result], Result],
    *,
    backend: Backend = "threads",
    workers: int | None = None,
    chunk_size: int = 16,
    progress: str | None = None,
) -> Result:
    """Apply `function` to chunks of `items` and merge the results from left to right.

    Chunks are cut by `chunk_size` alone and merged in their order, so every backend and every number of workers gives
    the same result to the last bit. At most two chunks a worker are under way: memory does not grow with the number
    of items.

    Parameters
    ----------
    items : sequence
        Not empty.
    function : callable
        Takes a sequence of items, returns a result. With "threads" it runs in several threads at once.
    merge : callable
        Takes two results, returns one; may change and return the first.
    backend : {"serial", "threads"}
        How chunks are computed.
    workers : int, optional
        Threads; default the number of processors this process may use.
    chunk_size : int
        Items in a chunk. Rounding of sums depends on it, so keep it the same in runs that are to be compared.
    progress : str, optional
        Name of a progress bar, which appears on a terminal after two seconds.

    Returns
    -------
    result

    Raises
    ------
    ValueError
        No items, an unknown backend, or a count below 1.
    Exception
        The first error of `function`, in the order of chunks. An error or Ctrl-C drops the waiting chunks, lets the
        running ones finish, and restores the thread counts.
    """
    if backend not in get_args(Backend):
        raise ValueError(f"backend must be one of {', '.join(get_args(Backend))}; got {backend!r}")
    if not items:
        raise ValueError("items must not be empty")
    if chunk_size < 1:
        raise ValueError(f"chunk_size must be at least 1, got {chunk_size}")
    count = default_workers() if workers is None else workers
    if count < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")

    chunks = [items[start : start + chunk_size] for start in range(0, len(items), chunk_size)]
    results = _serial(chunks, function) if backend == "serial" or count == 1 else _threads(chunks, function, count)
    merged: list[Result] = []  # nothing, or the one result so far
    with (
        library_threads(1),
        tqdm(total=len(items), desc=progress, unit="image", delay=2, disable=None if progress else True) as bar,
    ):
        for chunk, result in zip(chunks, results, strict=True):
            merged = [merge(merged[0], result)] if merged else [result]
            bar.update(len(chunk))
    return merged[0]


def default_workers() -> int:
    """Return the number of processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def library_threads(count: int) -> Iterator[None]:
    """Hold OpenCV's and the linear algebra libraries' own threads at `count`, and restore them after.

    Workers that each start a pool of threads are up to ten times slower than workers that do not.
    """
    import cv2

    before = cv2.getNumThreads()
    with threadpool_limits(limits=count):
        cv2.setNumThreads(count)
        try:
            yield
        finally:
            cv2.setNumThreads(before)


def _serial(chunks: Sequence[Sequence[Item]], function: Callable[[Sequence[Item]], Result]) -> Iterator[Result]:
    return (function(chunk) for chunk in chunks)


def _threads(
    chunks: Sequence[Sequence[Item]], function: Callable[[Sequence[Item]], Result], workers: int
) -> Iterator[Result]:
    executor = ThreadPoolExecutor(workers, thread_name_prefix="freqforensics")
    under_way: deque[Future[Result]] = deque()
    waiting = iter(chunks)
    try:
        for chunk in waiting:
            under_way.append(executor.submit(function, chunk))
            if len(under_way) == 2 * workers:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
