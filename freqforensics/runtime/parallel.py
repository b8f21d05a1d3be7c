"""Map a function over chunks of items and merge the results, in an order that does not depend on the workers."""

from __future__ import annotations

import gc
import operator
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from queue import SimpleQueue
from typing import Any, Literal, TypeVar, get_args

from threadpoolctl import threadpool_limits
from tqdm import tqdm

from freqforensics.runtime.companion import Companion, CompanionError, current_companion
from freqforensics.runtime.executors import Job, current_executor, executing
from freqforensics.runtime.processors import default_workers
from freqforensics.runtime.reduction import Node, Reduction

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
    """Apply `function` to chunks of `items` and merge the results in the order of a fixed binary tree.

    Chunks are cut by `chunk_size` alone, and the tree depends on their number alone (`reduction`), so every backend,
    every number of workers, and every executor (`cluster`, `shard`) gives the same result to the last bit. At most two
    chunks a worker are under way, two more where there are two processes, and one result for each level of the tree
    waits for its sibling.

    Parameters
    ----------
    items : sequence
        Not empty.
    function : callable
        Takes a sequence of items, returns a result. With "threads" it runs in several threads at once. On a cluster it
        and its results travel: no closures over what is large (`Shared`).
    merge : callable
        Takes two results, returns one; may change and return the first.
    backend : {"serial", "threads"}
        How chunks are computed in this process. Inside ``with cluster(...)`` or ``with shard(...)`` they decide.
    workers : int, optional
        Threads; default the number of processors this process may use. Inside ``with two_processes(...)`` one of them
        leaves its chunks to another process.
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
    job = _job(items, function, merge, backend, workers, chunk_size)
    reduction: Reduction[Result] = Reduction(job.chunks, merge)
    with closing(_nodes(job, progress)) as nodes:
        for node, result in nodes:
            reduction.add(node, result)
    return reduction.result()


def map_in_order(
    items: Sequence[Item],
    function: Callable[[Sequence[Item]], list[Result]],
    *,
    backend: Backend = "threads",
    workers: int | None = None,
    chunk_size: int = 16,
    progress: str | None = None,
) -> Iterator[tuple[int, list[Result]]]:
    """Apply `function` to chunks of `items` and give the results as they come, in the order of the items.

    Parameters
    ----------
    items : sequence
        Not empty.
    function : callable
        Takes a sequence of items, returns a list with a result for each.
    backend, workers, chunk_size, progress
        How the work is divided and shown, as for `map_reduce`.

    Yields
    ------
    int
        Position of the first item.
    list
        Results of it and the items after it.

    Raises
    ------
    ValueError, Exception
        An option is out of range, or the function raised, as for `map_reduce`.
    """
    job = _job(items, function, operator.iadd, backend, workers, chunk_size)
    with closing(_nodes(job, progress)) as nodes:
        for node, results in nodes:
            yield node.start * chunk_size, results


def call_all(calls: Sequence[Callable[[], Result]], *, workers: int | None = None) -> list[Result]:
    """Call functions in threads of this process, whoever reads the images; inside `two_processes` in two processes.

    Parameters
    ----------
    calls : sequence of callable
        Functions without arguments; those that the companion takes are pickled, such as a `partial` of what a module
        defines.
    workers : int, optional
        Number of threads, as for `map_reduce`.

    Returns
    -------
    list
        Results in the order of the calls.

    Raises
    ------
    ValueError, Exception
        `workers` is below 1, or a call raised, as for `map_reduce`.
    """
    results: list[Result] = []
    if calls:
        with executing(None):
            for _, called in map_in_order(calls, _called, workers=workers, chunk_size=1):
                results += called
    return results


def _called(calls: Sequence[Callable[[], Result]]) -> list[Result]:
    return [call() for call in calls]


def _job(
    items: Sequence[Item],
    function: Callable[[Sequence[Item]], Result],
    merge: Callable[[Result, Result], Result],
    backend: Backend,
    workers: int | None,
    chunk_size: int,
) -> Job:
    if backend not in get_args(Backend):
        raise ValueError(f"backend must be one of {', '.join(get_args(Backend))}; got {backend!r}")
    if not items:
        raise ValueError("items must not be empty")
    if chunk_size < 1:
        raise ValueError(f"chunk_size must be at least 1, got {chunk_size}")
    count = default_workers() if workers is None else workers
    if count < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")
    return Job(items, function, merge, chunk_size, 1 if backend == "serial" else count)


def _nodes(job: Job, progress: str | None) -> Generator[tuple[Node, Any], None, None]:
    """Compute the nodes of a job by whoever is to, with a bar."""
    executor = current_executor()
    with (
        library_threads(1),
        closing(local_nodes(job) if executor is None else executor.nodes(job)) as nodes,
        tqdm(total=len(job.items), desc=progress, unit="image", delay=2, disable=None if progress else True) as bar,
    ):
        for node, result in nodes:
            yield node, result
            bar.update(job.items_in(node))


def local_nodes(job: Job, chunks: Iterable[int] | None = None) -> Generator[tuple[Node, Any], None, None]:
    """Compute chunks of a job in this process, default all, in order; each is a node.

    Parameters
    ----------
    job : Job
        The pass. It runs serially with one worker, otherwise in threads.
    chunks : iterable of int, optional
        Which chunks.
    """
    numbers = range(job.chunks) if chunks is None else chunks
    if job.workers == 1:
        for number in numbers:
            yield Node(0, number), alone(job.function, job.chunk(number))
    else:
        yield from _threads(job, numbers)


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


def alone(function: Callable[[Sequence[Item]], Result], chunk: Sequence[Item]) -> Result:
    """Compute a chunk; a `map_reduce` inside it is computed here as well, whatever executor there is."""
    with executing(None):
        return function(chunk)


def _threads(job: Job, numbers: Iterable[int]) -> Generator[tuple[Node, Any], None, None]:
    seats = _Seats(job.workers, current_companion())
    executor = ThreadPoolExecutor(seats.count, thread_name_prefix="freqforensics")
    under_way: deque[tuple[Node, Future[Any]]] = deque()
    try:
        for number in numbers:
            under_way.append((Node(0, number), executor.submit(seats.compute, job.function, job.chunk(number))))
            if len(under_way) == 2 * seats.count:
                node, future = under_way.popleft()
                yield node, future.result()
        while under_way:
            node, future = under_way.popleft()
            yield node, future.result()
    finally:
        seats.closed = True
        executor.shutdown(wait=True, cancel_futures=True)


class _Seats:
    """Where the threads of a job have their chunks computed: in this process, and one in its companion.

    Parameters
    ----------
    workers : int
        Number of chunks that are computed at a time.
    companion : Companion or None
        Takes chunks as soon as it has answered the calls before, always the next one as well: it need not wait for
        threads that wait for each other.

    Attributes
    ----------
    count : int
        Number of threads.
    closed : bool
        Nobody wants the results any more.
    """

    def __init__(self, workers: int, companion: Companion | None) -> None:
        self.count, self.closed = workers, False
        self._free: SimpleQueue[Companion | None] = SimpleQueue()
        for _ in range(workers if companion is None else workers - 1):
            self._free.put(None)
        if companion is not None:
            self.count += 1
            ready = companion.submit(_nothing)
            for _ in range(2):
                ready.add_done_callback(lambda _: self._free.put(companion))

    def compute(self, function: Callable[[Sequence[Item]], Result], chunk: Sequence[Item]) -> Result | None:
        """Compute a chunk at the next seat that is free; what the companion fails at is computed here."""
        seat = self._free.get()
        try:
            if self.closed:
                return None
            if seat is not None:
                try:
                    return seat.submit(_beside, function, chunk).result()
                except CompanionError:
                    seat = None
            return alone(function, chunk)
        finally:
            self._free.put(seat)


def _nothing() -> None:
    """Answer."""


def _beside(function: Callable[[Sequence[Item]], Result], chunk: Sequence[Item]) -> Result:
    """Compute a chunk in the companion, which collects no garbage while it draws figures."""
    gc.enable()
    try:
        with library_threads(1):
            return alone(function, chunk)
    finally:
        gc.disable()
