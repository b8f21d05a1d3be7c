"""A second Python process, which runs functions of the package beside this one.

Python draws figures and computes tables on one core, and where images are small its threads wait for each other. A
companion works on another core. Whoever asks it has to be able to do without: with one processor there is none, and it
may fail.

Inside ``with two_processes(...)`` it computes chunks of `map_reduce` and `map_in_order`, and draws figures of the
studies that are saved. The command line does so. In Python it takes the asking, for it holds a second processor.

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
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import import_module
from pathlib import Path
from typing import IO, Any, Final, ParamSpec, TypeVar

from freqforensics.runtime.memory import keep_freed_memory
from freqforensics.runtime.processors import granted_processors

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

_Warning = tuple[str, type[Warning], str, int]
_LENGTH: Final = struct.Struct("<Q")
"""Stands before each call."""
_PAUSE: Final = 0.5
"""Seconds without a call until the process takes itself to be idle."""
_BEGIN: Final = "import sys; sys.path[:] = {path!r}; from freqforensics.runtime.companion import serve; serve()"


_CURRENT: Final[ContextVar[Companion | None]] = ContextVar("companion", default=None)


class CompanionError(RuntimeError):
    """The companion ended, or raised an error: the caller has to do the work itself, or to leave it."""


class Companion:
    """Runs functions, one after another, in a process of its own.

    Calls are sent at once, so that the process has the next one when it has answered the one before.

    Parameters
    ----------
    process : Popen
        Runs `serve`; its input and output are pipes.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self._calls: queue.SimpleQueue[tuple[Future[Any], tuple[Any, ...]] | None] = queue.SimpleQueue()
        self._asked: queue.SimpleQueue[Future[Any] | None] = queue.SimpleQueue()
        self._closed = False
        self._threads = [
            threading.Thread(target=work, name="freqforensics-companion", daemon=True)
            for work in (self._send, self._receive)
        ]
        for thread in self._threads:
            thread.start()

    def submit(
        self, function: Callable[Parameters, Result], *args: Parameters.args, **options: Parameters.kwargs
    ) -> Future[Result]:
        """Let the process call a function; returns at once.

        Parameters
        ----------
        function : callable
            One that a module defines. It and its arguments are pickled soon after: they must not change.
        *args, **options
            Its arguments.

        Returns
        -------
        Future
            Its result, or CompanionError. Warnings of the function are repeated in this process.
        """
        future: Future[Result] = Future()
        if self._closed:
            future.set_exception(CompanionError("it has ended"))
        else:
            self._calls.put((future, (function, args, options)))
        return future

    def close(self) -> None:
        """End the process, whatever it is at; calls without an answer fail."""
        self._closed = True
        self.process.kill()
        self.process.wait()
        self._calls.put(None)
        for thread in self._threads:
            thread.join()
        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):  # what was not written yet finds nobody to read it
                if pipe is not None:
                    pipe.close()

    def _send(self) -> None:
        calls = self.process.stdin
        while (call := self._calls.get()) is not None:
            future, asked = call
            if not future.set_running_or_notify_cancel():
                continue
            try:
                pickled = pickle.dumps(asked, protocol=pickle.HIGHEST_PROTOCOL)
            except Exception as error:  # what pickling raises depends on the object
                future.set_exception(CompanionError(f"{type(error).__name__}: {error}"))
                continue
            self._asked.put(future)
            with contextlib.suppress(OSError):  # who receives no answer knows as much
                if calls is not None:
                    calls.write(_LENGTH.pack(len(pickled)))
                    calls.write(pickled)
                    calls.flush()
        self._asked.put(None)

    def _receive(self) -> None:
        answers = self.process.stdout
        while (future := self._asked.get()) is not None:
            try:
                if answers is None:
                    raise EOFError("there is no pipe from it")
                result, failure, warned = pickle.load(answers)
            except Exception as error:  # a pipe breaks in several ways
                future.set_exception(CompanionError(f"{type(error).__name__}: {error}"))
                continue
            try:
                for message, category, file, line in warned:
                    warnings.warn_explicit(message, category, file, line)
            except Warning as error:  # they are errors here
                future.set_exception(error)
                continue
            if failure is None:
                future.set_result(result)
            else:
                future.set_exception(CompanionError(failure))


@contextmanager
def companion() -> Iterator[Companion | None]:
    """Start a second process; it ends with the block, whatever it is at.

    Yields
    ------
    Companion or None
        None if it could not be started, or would take the only processor: that of the machine, or the one that
        OMP_NUM_THREADS grants.
    """
    process = _started() if granted_processors() > 1 else None
    if process is None:
        yield None
        return
    second = Companion(process)
    try:
        yield second
    finally:
        second.close()


@contextmanager
def two_processes(*modules: str) -> Iterator[None]:
    """Let a companion share the work of the studies that are computed and saved in the block, to the same bits.

    It computes chunks of passes over images, in the place of a thread, and draws figures. With a single processor this
    process does all.

    Parameters
    ----------
    *modules : str
        Modules that the work takes, for the companion to load at once.
    """
    with companion() as second:
        if second is not None:
            second.submit(_load, modules)
        token = _CURRENT.set(second)
        try:
            yield
        finally:
            _CURRENT.reset(token)


def current_companion() -> Companion | None:
    """Give the companion of the block `two_processes` around; None without one."""
    return _CURRENT.get()


def _load(modules: Iterable[str]) -> None:
    for module in modules:
        import_module(module)


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
    keep_freed_memory()
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
