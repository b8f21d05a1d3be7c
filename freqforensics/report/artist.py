"""Another process that draws a finding's figures while the networks are at work.

Figures are drawn on one core, in seconds, and matplotlib takes another to load. A second process does both beside the
inspection. Without it, or if it ends early, `draw_views` draws the same figures.
"""

from __future__ import annotations

import contextlib
import pickle
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from freqforensics.inspection.finding import Finding
    from freqforensics.report.view_names import Picture, View


class Artist:
    """Draws the figures of findings, one finding after the other, in a process of its own.

    Parameters
    ----------
    process : Popen
        Runs `draw_as_told`.
    thread : ThreadPoolExecutor
        Executor of one thread, which talks to the process.
    """

    def __init__(self, process: subprocess.Popen[bytes], thread: ThreadPoolExecutor) -> None:
        self._process, self._thread = process, thread
        self._begun: dict[str, Future[Any]] = {}

    def begin(self, finding: Finding) -> None:
        """Draw the figures that are ready of a finding in progress; returns at once.

        Parameters
        ----------
        finding : Finding
            As far as it is known.
        """
        from freqforensics.report.view_names import ready_views

        names = [name for name in ready_views(finding) if name not in self._begun]
        if names:
            future = self._thread.submit(self._ask, pickle.dumps((names, finding), pickle.HIGHEST_PROTOCOL))
            self._begun.update(dict.fromkeys(names, future))

    def views(self, finding: Finding) -> dict[str, View] | None:
        """Give all views of a finding that is complete, and forget it.

        Parameters
        ----------
        finding : Finding
            The one that was begun, if any was.

        Returns
        -------
        dict of str to View or None
            As `draw_views`; None if the process ended early.
        """
        from freqforensics.report.view_names import as_view, view_names

        self.begin(finding)
        begun, self._begun = self._begun, {}
        try:
            pictures: dict[str, Picture] = {}
            for future in dict.fromkeys(begun.values()):
                pictures.update(future.result())
            return {name: as_view(finding, name, pictures[name]) for name in view_names(finding)}
        except (OSError, EOFError, pickle.PickleError, KeyError):
            return None

    def forget(self) -> None:
        """Forget a finding that was begun and came to no end."""
        self._begun = {}

    def _ask(self, request: bytes) -> dict[str, Picture]:
        to, back = self._process.stdin, self._process.stdout
        assert to is not None
        assert back is not None
        to.write(len(request).to_bytes(8, "little") + request)
        to.flush()
        answer: dict[str, Picture] = pickle.loads(_read(back))
        return answer


@contextmanager
def artist() -> Iterator[Artist]:
    """Start the process that draws; it ends with the block.

    Yields
    ------
    Artist
    """
    process = subprocess.Popen(
        [sys.executable, "-c", f"from {__name__} import draw_as_told; draw_as_told()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    thread = ThreadPoolExecutor(1, thread_name_prefix="freqforensics-artist")
    try:
        yield Artist(process, thread)
    finally:
        process.kill()
        thread.shutdown(cancel_futures=True)
        for stream in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                assert stream is not None
                stream.close()
        process.wait()


def draw_as_told() -> None:
    """Draw what standard input asks for until it ends: the other side of `Artist`."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that asks is interrupted, and ends this one
    from freqforensics.report.views import drawn_pictures

    back = sys.stdout.buffer
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            names, finding = pickle.loads(_read(sys.stdin.buffer))
            answer = pickle.dumps(drawn_pictures(finding, names), pickle.HIGHEST_PROTOCOL)
            back.write(len(answer).to_bytes(8, "little") + answer)
            back.flush()


def _read(stream: IO[bytes]) -> bytes:
    """Read a length of 8 bytes and as many bytes; EOFError if the stream ends before."""
    size = int.from_bytes(_exactly(stream, 8), "little")
    return _exactly(stream, size)


def _exactly(stream: IO[bytes], count: int) -> bytes:
    data = stream.read(count)
    if len(data) < count:
        raise EOFError("the other process has ended")
    return data
