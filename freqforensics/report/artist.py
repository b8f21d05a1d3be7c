"""Another process that draws a finding's figures while the networks are at work.

Figures are drawn on one core, in seconds, and matplotlib takes another to load. A second process does both beside the
inspection. Without it, or if it ends early, `draw_views` draws the same figures.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

    from freqforensics.inspection.finding import Finding
    from freqforensics.report.view_names import Picture, View


class Artist:
    """Draws the figures of findings, one finding after another, in a process of its own.

    Parameters
    ----------
    process : SpawnProcess
        Runs `draw_as_told`.
    pipe : Connection
        This end of the pipe to the process.
    thread : ThreadPoolExecutor
        Executor of one thread, which talks to the process.
    """

    def __init__(self, process: SpawnProcess, pipe: Connection[Any, Any], thread: ThreadPoolExecutor) -> None:
        self._process, self._pipe, self._thread = process, pipe, thread
        self._begun: dict[str, Future[Any]] = {}

    def begin(self, finding: Finding) -> None:
        """Draw the figures that are ready of a finding in progress; returns at once.

        Parameters
        ----------
        finding : Finding
            As far as it is known.
        """
        from freqforensics.report.view_names import ready_views

        self._begin(finding, ready_views(finding))

    def _begin(self, finding: Finding, names: Sequence[str]) -> None:
        names = [name for name in names if name not in self._begun]
        if names:
            future = self._thread.submit(self._ask, names, finding)
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
        from freqforensics.report.builder import load_templates
        from freqforensics.report.view_names import as_view, view_names

        self._begin(finding, view_names(finding))
        load_templates()  # while the last figures are drawn: the page is next
        begun, self._begun = self._begun, {}
        try:
            pictures: dict[str, Picture] = {}
            for future in dict.fromkeys(begun.values()):
                pictures.update(future.result())
            return {name: as_view(finding, name, pictures[name]) for name in view_names(finding)}
        except (OSError, EOFError):
            return None

    def forget(self) -> None:
        """Forget a finding that was begun and came to no end."""
        self._begun = {}

    def _ask(self, names: list[str], finding: Finding) -> dict[str, Picture]:
        self._pipe.send((names, finding))
        answer: dict[str, Picture] = self._pipe.recv()
        return answer


@contextmanager
def artist() -> Iterator[Artist]:
    """Start the process that draws; it ends with the block.

    Yields
    ------
    Artist
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=draw_as_told, args=(theirs,), daemon=True)
    process.start()
    theirs.close()  # so that the end of the process is the end of the pipe
    thread = ThreadPoolExecutor(1, thread_name_prefix="freqforensics-artist")
    try:
        yield Artist(process, ours, thread)
    finally:
        process.kill()
        process.join()
        thread.shutdown(cancel_futures=True)
        ours.close()


def draw_as_told(pipe: Connection[Any, Any]) -> None:
    """Draw what arrives in a pipe until it ends: the other side of `Artist`.

    Parameters
    ----------
    pipe : Connection
        Pairs of names of views and a finding arrive; the pictures go back.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that asks is interrupted, and ends this one
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stderr(nowhere):
        from freqforensics.report.views import drawn_pictures

        with contextlib.suppress(EOFError, OSError):
            while True:
                names, finding = pipe.recv()
                pipe.send(drawn_pictures(finding, names))
