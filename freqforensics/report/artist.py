"""Another process draws a finding's figures while the networks are at work.

Figures are drawn on one core, in seconds, and matplotlib takes another to load. A companion does both beside the
inspection. Without it, or if it fails, `draw_views` draws the same figures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from freqforensics.runtime.companion import Companion, CompanionError, companion

if TYPE_CHECKING:
    from freqforensics.inspection.finding import Finding
    from freqforensics.report.view_names import Picture, View

_DRAWS = "freqforensics.report.views"


class Artist:
    """Lets a companion draw the figures of findings, one finding after another.

    Parameters
    ----------
    drawer : Companion
        The process that draws.
    """

    def __init__(self, drawer: Companion) -> None:
        self._drawer = drawer
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
            future = self._drawer.submit(_drawn, finding, names)
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
            As `draw_views`; None if the process could not draw them.
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
        except CompanionError:
            return None

    def forget(self) -> None:
        """Forget a finding that was begun and came to no end."""
        self._begun = {}


@contextmanager
def artist() -> Iterator[Artist | None]:
    """Start the process that draws; it ends with the block.

    Yields
    ------
    Artist or None
        None where there is no companion, as with one processor.
    """
    with companion() as drawer:
        if drawer is not None:
            drawer.submit(import_module, _DRAWS)  # before the first figure is ready
        yield None if drawer is None else Artist(drawer)


def _drawn(finding: Finding, names: Sequence[str]) -> dict[str, Picture]:
    from freqforensics.report.views import drawn_pictures

    return drawn_pictures(finding, names)
