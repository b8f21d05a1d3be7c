"""A second Python process, which runs functions of the package beside this one.

Python draws figures and computes tables on one core. A companion does so on another, and it imports what it needs while
this process still reads files. Whoever asks it has to be able to do without: with one processor there is none, and it
may fail.

It is an interpreter of its own, which gets calls by its standard input and gives results by its standard output, both
pickled. A process of `multiprocessing` would not do: a spawned one runs the user's script once more if that does not
hide its work behind ``if __name__ == "__main__"``, and a forked one copies locks that threads of OpenCV and torch hold.
"""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import queue
import signal
import struct
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, ParamSpec, TypeVar

from freqforensics.runtime.parallel import default_workers

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

_Warning = tuple[str, type[Warning], str, int]
_LENGTH: Final = struct.Struct("<Q")
"""Stands before each call."""
_PAUSE: Final = 0.5
"""Seconds without a call until the process takes itself to be idle."""
_BEGIN: Final = "import sys; sys.path[:] = {path!r}; from freqforensics.runtime.companion import serve; serve()"


class CompanionError(RuntimeError):
    """The companion ended, or raised an error: the caller has to do the work itself, or to leave it."""


class Companion:
    """Runs functions, one after another, in a process of its own.

    Parameters
    ----------
    process : Popen
        Runs `serve`; its input and output are pipes.
    thread : ThreadPoolExecutor
        Executor of one thread, which talks to the process.
    """

    def __init__(self, process: subprocess.Popen[bytes], thread: ThreadPoolExecutor) -> None:
        self.process, self._thread = process, thread

    def submit(
        self, function: Callable[Parameters, Result], *args: Parameters.args, **options: Parameters.kwargs
    ) -> Future[Result]:
        """Let the process call a function; returns at once.

        Parameters
        ----------
        function : callable
            One that a module defines. It and its arguments are pickled when its turn comes: they must not change.
        *args, **options
            Its arguments.

        Returns
        -------
        Future
            Its result, or CompanionError. Warnings of the function are repeated in this process.
        """
        return self._thread.submit(self._ask, function, args, options)

    def _ask(self, function: Callable[..., Result], args: tuple[Any, ...], options: dict[str, Any]) -> Result:
        calls, answers = self.process.stdin, self.process.stdout
        if calls is None or answers is None:
            raise CompanionError("there is no pipe to it")
        try:
            call = pickle.dumps((function, args, options), protocol=pickle.HIGHEST_PROTOCOL)
            calls.write(_LENGTH.pack(len(call)))
            calls.write(call)
            calls.flush()
            answer: tuple[Result, str | None, list[_Warning]] = pickle.load(answers)
        except Exception as error:  # what pickling raises depends on the object, and a pipe breaks in several ways
            raise CompanionError(f"{type(error).__name__}: {error}") from error
        result, failure, warned = answer
        for message, category, file, line in warned:
            warnings.warn_explicit(message, category, file, line)
        if failure is not None:
            raise CompanionError(failure)
        return result


@contextmanager
def companion() -> Iterator[Companion | None]:
    """Start a second process; it ends with the block, whatever it is at.

    Yields
    ------
    Companion or None
        None if it could not be started, or would take the only processor: that of the machine, or the one that
        OMP_NUM_THREADS grants.
    """
    process = _started() if _processors() > 1 else None
    if process is None:
        yield None
        return
    thread = ThreadPoolExecutor(1, thread_name_prefix="freqforensics-companion")
    try:
        yield Companion(process, thread)
    finally:
        process.kill()
        process.wait()
        thread.shutdown(cancel_futures=True)
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):  # what was not written yet finds nobody to read it
                if pipe is not None:
                    pipe.close()


def _processors() -> int:
    granted = os.environ.get("OMP_NUM_THREADS", "")
    return min(default_workers(), int(granted)) if granted.isdecimal() else default_workers()


def _started() -> subprocess.Popen[bytes] | None:
    if not sys.executable:  # Python inside another program
        return None
    try:
        return subprocess.Popen(
            [sys.executable, "-c", _BEGIN.format(path=list(map(str, sys.path)))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError:
        return None


def serve() -> None:
    """Answer calls until there are no more: the other side of `Companion`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that asks is interrupted, and ends this one
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    calls, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)  # what is printed is no answer
    waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(calls, waiting), daemon=True).start()
    gc.disable()  # figures are made of many small objects in circles, and the search for those is slow
    while True:
        answers.write(_answer(_next(waiting)))
        answers.flush()


def _next(waiting: queue.SimpleQueue[bytes]) -> bytes:
    """Wait for a call; collect what the one before left when nobody waits for it."""
    try:
        return waiting.get(timeout=_PAUSE)
    except queue.Empty:
        gc.collect()
        return waiting.get()


def _listen(calls: IO[bytes], waiting: queue.SimpleQueue[bytes]) -> None:
    """Put calls in a queue, still pickled; end the process, whatever it is at, with the one that asks."""
    try:
        while length := calls.read(_LENGTH.size):
            waiting.put(calls.read(*_LENGTH.unpack(length)))
    finally:
        os.kill(os.getpid(), signal.SIGTERM)


def _answer(call: bytes) -> bytes:
    """Do what a pickled call asks for; give the pickled result, what failed, and the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        try:
            function, args, options = pickle.loads(call)
            result, failure = function(*args, **options), None
        except Exception as error:
            result, failure = None, f"{type(error).__name__}: {error}"
    warned: list[_Warning] = [(str(w.message), w.category, w.filename, w.lineno) for w in caught]
    try:
        return pickle.dumps((result, failure, warned), protocol=pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        return pickle.dumps((None, f"{type(error).__name__}: {error}", []))
