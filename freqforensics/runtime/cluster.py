"""`map_reduce` on dask.distributed: paths travel to the workers, results come back as nodes of the tree."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from freqforensics._version import __version__
from freqforensics.runtime.executors import Job, executing, forget, receive
from freqforensics.runtime.parallel import alone, library_threads
from freqforensics.runtime.processors import default_workers
from freqforensics.runtime.reduction import Node, reduce_node, root

if TYPE_CHECKING:
    from distributed import Client, Future

LOCAL: Final = "local"
"""The address that stands for worker processes on this machine."""
PATIENCE: Final = 5
"""Seconds that a scheduler has to answer."""
_SECONDS: Final = 2.0
"""What a task should take: shorter ones cost more scheduling, longer ones more when a worker dies."""
_WINDOW: Final = 4
"""Tasks a worker that are under way or wait."""
_LOGGERS: Final = ("distributed", "distributed.client", "tornado.application", "asyncio")
_LOGGING: Final = "DASK_LOGGING__DISTRIBUTED"
_DEATHS: Final = 10
"""Workers that may die at one task."""


def check_cluster(address: str) -> None:
    """Raise ValueError unless the extra is installed and, where it is an address, somebody answers; loads nothing."""
    if importlib.util.find_spec("distributed") is None:
        raise ValueError("cluster needs the extra: pip install 'freqforensics[scale]'")
    if address == LOCAL:
        return
    parts = urlsplit(address if "://" in address else f"tcp://{address}")
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not port:
        raise ValueError(f"cluster must be 'local' or an address as tcp://HOST:8786, got {address!r}")
    try:
        socket.create_connection((host, port), timeout=PATIENCE).close()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ValueError(f"cluster must be a scheduler that answers, got {address}: {reason}") from None


@contextmanager
def cluster(address: str = LOCAL, *, workers: int | None = None) -> Iterator[None]:
    """Let dask.distributed compute the passes over images of the studies inside, to the same bits as threads.

    Workers read the images by their paths: all machines must see the same files at the same places, and have the same
    versions of this package and of its libraries.

    Parameters
    ----------
    address : str
        Address of a scheduler; "local" starts worker processes on this machine, which end with the context.
    workers : int, optional
        Number of local worker processes; default the number of processors this process may use.

    Yields
    ------
    None

    Raises
    ------
    ValueError
        The extra ``scale`` is not installed, or nobody answers. Where a study is inside: the workers have another
        version of this package, or die again and again at the same images.

    Examples
    --------
    >>> with cluster("local", workers=2):  # doctest: +SKIP
    ...     study = spectrum_study(["ForenSynths/test"])
    """
    check_cluster(address)
    if workers is not None and workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")
    executor = _Cluster(address, default_workers() if workers is None else workers)
    try:
        with executing(executor):
            yield
    finally:
        executor.close()


class _Cluster:
    """Connects, or starts workers, when the first job comes: what is refused before costs nothing."""

    partial = False

    def __init__(self, address: str, workers: int) -> None:
        self._address, self._workers = address, workers
        self._client: Client | None = None
        self._stack = contextlib.ExitStack()
        self._shared: dict[str, Any] = {}

    def nodes(self, job: Job) -> Generator[tuple[Node, Any], None, None]:
        """Compute nodes in order, a bounded number of tasks ahead."""
        from distributed import CancelledError, KilledWorker

        client = self._connected()
        under_way: deque[tuple[Node, Future]] = deque()
        blocks = _Blocks(job.chunks)
        try:
            while True:
                workers = max(1, len(client.nthreads()))
                while len(under_way) < _WINDOW * workers and (node := blocks.next(workers)) is not None:
                    chunks = [job.chunk(number) for number in range(node.start, node.stop(job.chunks))]
                    future = client.submit(_subtree, job.function, job.merge, chunks, node, job.chunks, pure=False)
                    under_way.append((node, future))
                if not under_way:
                    return
                node, future = under_way.popleft()
                result, seconds = future.result()
                future.release()
                blocks.took(node, seconds)
                yield node, result
        except KilledWorker:
            raise ValueError(
                f"cluster must have workers that stay alive: {_DEATHS} or more died at the same images; check their"
                " memory and their logs"
            ) from None
        except CancelledError:
            raise ValueError("cluster must stay reachable: the scheduler is gone or was restarted") from None
        finally:
            if under_way:
                with contextlib.suppress(Exception):  # it may be gone, and another error is on its way
                    client.cancel([future for _, future in under_way], force=True)

    def share(self, key: str, value: Any) -> None:
        """Send an object to all workers, and to those that come later or come again."""
        if key not in self._shared:
            self._shared[key] = value
            if self._client is not None:
                self._send(self._client, key, value)

    def close(self) -> None:
        """Take shared objects back, and end what was started here."""
        client, self._client = self._client, None
        with _ctrl_c_waits(), contextlib.suppress(Exception), _quiet():
            if client is not None and self._address != LOCAL:
                for key in self._shared:
                    client.unregister_worker_plugin(_name(key))
            self._stack.close()

    def _connected(self) -> Client:
        if self._client is None:
            with _ctrl_c_waits():
                self._client = self._connect()
                for key, value in self._shared.items():
                    self._send(self._client, key, value)
        return self._client

    def _connect(self) -> Client:
        import dask
        from distributed import Client, LocalCluster

        self._stack.enter_context(_quiet())
        settings: dict[str, Any] = {
            "distributed.scheduler.allowed-failures": _DEATHS,
            "distributed.comm.timeouts.connect": PATIENCE,
            "distributed.admin.large-graph-warning-threshold": "1GB",
        }
        self._stack.enter_context(dask.config.set(settings))
        try:
            if self._address == LOCAL:
                local = LocalCluster(
                    n_workers=self._workers,
                    threads_per_worker=1,
                    processes=True,
                    dashboard_address=None,
                    scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},  # where its HTTP server is all the same
                    silence_logs=False,
                    memory_limit=0,
                )
                self._stack.callback(local.close, timeout=PATIENCE)
                client = Client(local, timeout=PATIENCE)
            else:
                client = Client(self._address, timeout=PATIENCE)
        except (OSError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise ValueError(f"cluster must be a scheduler that answers, got {self._address}: {reason}") from error
        self._stack.callback(client.close, timeout=PATIENCE)
        self._check(client)
        return client

    def _check(self, client: Client) -> None:
        if not client.nthreads():
            try:
                client.wait_for_workers(1, timeout=PATIENCE)
            except TimeoutError:
                raise ValueError(f"cluster must have workers, got none at {self._address}") from None
        try:
            versions = set(client.run(_installed).values())
        except ModuleNotFoundError:
            raise ValueError("cluster must have workers with freqforensics, got some without") from None
        if versions != {__version__}:
            raise ValueError(f"cluster must have freqforensics {__version__}, got {', '.join(sorted(versions))}")

    def _send(self, client: Client, key: str, value: Any) -> None:
        client.register_plugin(_plugin(key, value))


class _Blocks:
    """Cuts chunks into nodes for tasks, as large as a task should be long; the bits do not depend on it."""

    def __init__(self, count: int) -> None:
        self._count, self._start, self._level = count, 0, 0

    def next(self, workers: int) -> Node | None:
        """Give the next node; None: all chunks are given."""
        if self._start == self._count:
            return None
        left = self._count - self._start
        # Towards the end tasks become small, so that no worker waits long for the last one.
        level = min(self._level, max(0, (left // (2 * workers)).bit_length() - 1), root(self._count).level)
        if self._start:
            level = min(level, (self._start & -self._start).bit_length() - 1)
        node = Node(level, self._start >> level)
        self._start = node.stop(self._count)
        return node

    def took(self, node: Node, seconds: float) -> None:
        """Learn how long a chunk takes; tasks at most double."""
        each = max(seconds / (1 << node.level), 1e-6)
        wanted = max(0, int(_SECONDS / each).bit_length() - 1)
        self._level = min(wanted, max(self._level, node.level + 1))


def _subtree(
    function: Callable[[Sequence[Any]], Any],
    merge: Callable[[Any, Any], Any],
    chunks: Sequence[Sequence[Any]],
    node: Node,
    count: int,
) -> tuple[Any, float]:
    """Compute a node, on a worker; gives its result and the seconds it took."""
    start = time.monotonic()
    with library_threads(1):
        result = reduce_node(node, (alone(function, chunk) for chunk in chunks), count, merge)
    return result, time.monotonic() - start


def _installed() -> str:
    return __version__


def _name(key: str) -> str:
    return f"freqforensics-{key}"


def _plugin(key: str, value: Any) -> Any:
    """A plugin that gives every worker an object when it starts; dask keeps it for workers that come later."""
    from distributed import WorkerPlugin

    class Plugin(WorkerPlugin):  # type: ignore[misc]
        name = _name(key)

        def setup(self, worker: Any) -> None:
            receive(key, value)

        def teardown(self, worker: Any) -> None:
            forget(key)

    return Plugin()


@contextmanager
def _ctrl_c_waits() -> Iterator[None]:
    """Let Ctrl-C have its effect after the block, and none on processes that threads begun in it start.

    A terminal sends it to all processes of a command: workers would print their own account of it, and one that comes
    while they start or end would leave some behind.
    """
    ignored = signal.getsignal(signal.SIGINT) in (signal.SIG_IGN, None)  # as by nohup
    if ignored or threading.current_thread() is not threading.main_thread():
        yield
        return
    came = []
    before = signal.signal(signal.SIGINT, lambda *_: came.append(True))
    resource_tracker.ensure_running()  # its start, if later, would let the signal through again
    # Threads and processes inherit what is blocked.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if hasattr(signal, "pthread_sigmask") else None
    try:
        yield
    finally:
        if mask is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, before)
    if came:
        raise KeyboardInterrupt


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep dask's log of workers that come and go out of a command's output, also in processes it starts."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    before = os.environ.get(_LOGGING)
    os.environ[_LOGGING] = "critical"
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        os.environ.pop(_LOGGING)
        if before is not None:
            os.environ[_LOGGING] = before
