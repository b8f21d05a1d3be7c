"""Figures of results that are yet to be drawn, and their files; without matplotlib until one is drawn."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

from freqforensics.runtime.companion import Companion, CompanionError, current_companion
from freqforensics.runtime.results import ResultFolder
from freqforensics.runtime.showing import Summarised
from freqforensics.runtime.writing import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS: Final = ("png", "pdf")
"""Formats of a figure unless others are named."""
PRINT_DPI: Final = 300.0
"""Resolution of PNG files of a figure of a given width."""
DRAWING: Final = ("matplotlib.backends.backend_agg", "matplotlib.backends.backend_pdf")
"""Modules that drawing takes, for `two_processes`."""


@dataclass(frozen=True, repr=False)
class Drawing(Summarised):
    """A figure of a result that is yet to be drawn; `drawing` makes one.

    Parameters
    ----------
    name : str
        Name of its files, without their suffix.
    plot : callable
        Draws `data` on the figure that it gets as ``fig=``.
    data : tuple
        Positional arguments of `plot`.
    options : mapping
        Keyword arguments of `plot`.
    """

    name: str
    plot: Callable[..., object]
    data: tuple[Any, ...]
    options: Mapping[str, Any]

    def figure(self) -> Figure:
        """Draw the figure, without a window."""
        from freqforensics.figures.style import new_figure

        figure = new_figure()
        self.plot(*self.data, fig=figure, **self.options)
        return figure

    def files(
        self, *, formats: Sequence[str] = FORMATS, dpi: float | None = None, about: Mapping[str, Any] | None = None
    ) -> dict[str, bytes]:
        """Draw the figure to files.

        Parameters
        ----------
        formats : sequence of {"png", "pdf", "svg"}
            Files to give.
        dpi : float, optional
            Resolution of PNG files, as for `save_figure`.
        about : mapping, optional
            Manifest, for the metadata of the files.

        Returns
        -------
        dict of str to bytes
            Content of the files by name.
        """
        from freqforensics.figures.style import figure_bytes, settle, uncollected

        with uncollected():
            figure = self.figure()
            settle(figure, dpi)
            return {
                f"{self.name}.{name}": figure_bytes(figure, f".{name}", manifest=about, dpi=dpi) for name in formats
            }

    def save(self, folder: ResultFolder, *, formats: Sequence[str] = FORMATS, dpi: float | None = None) -> None:
        """Write the figure into a folder of results, as `draw`.

        Parameters
        ----------
        folder : ResultFolder
            Folder of the result.
        formats : sequence of {"png", "pdf", "svg"}
            Files to write.
        dpi : float, optional
            Resolution of PNG files, as for `save_figure`.
        """
        _write(folder, self.files(formats=formats, dpi=dpi, about=folder.about))


def drawing(name: str, plot: Callable[..., object], *data: Any, **options: Any) -> Drawing:
    """Describe a figure of a result: the name of its files, what draws it, and the arguments of that.

    Parameters
    ----------
    name : str
        Name of the files, without their suffix.
    plot : callable
        Draws `data` on the figure that it gets as ``fig=``.
    *data, **options
        Arguments of `plot`.

    Returns
    -------
    Drawing
        The figure, yet to be drawn.
    """
    return Drawing(name, plot, data, options)


def draw(
    folder: ResultFolder,
    name: str,
    plot: Callable[..., object],
    *data: Any,
    formats: Sequence[str] = FORMATS,
    dpi: float | None = None,
    **options: Any,
) -> None:
    """Draw a figure of a result into its folder, as PNG and PDF unless other formats are named.

    Parameters
    ----------
    folder : ResultFolder
        The result.
    name : str
        Name of the files, without their suffix.
    plot : callable
        Draws `data` on the figure that it gets as ``fig=``.
    formats : sequence of {"png", "pdf", "svg"}
        Files to write.
    dpi : float, optional
        Resolution of PNG files, as for `save_figure`.
    *data, **options
        Arguments of `plot`.
    """
    drawing(name, plot, *data, **options).save(folder, formats=formats, dpi=dpi)


def save_drawings(
    folder: ResultFolder,
    describe: Callable[[], Sequence[Drawing]],
    *,
    formats: Sequence[str] = FORMATS,
    dpi: float | None = None,
) -> None:
    """Write the figures of a result, the same files wherever they are drawn.

    Inside ``with two_processes(...)`` the other process draws from the first on and this one from the last, until they
    meet. A single figure is left to the other process, which has loaded matplotlib. What it fails at is drawn in this
    one.

    Parameters
    ----------
    folder : ResultFolder
        Folder of the result.
    describe : callable
        Gives the figures: the method `drawings` of a study. It is pickled, so that this process need not load what
        draws them.
    formats : sequence of {"png", "pdf", "svg"}
        Files to write of each.
    dpi : float, optional
        Resolution of PNG files, as for `save_figure`.
    """
    how: dict[str, Any] = {"formats": formats, "dpi": dpi, "about": folder.about}
    files: dict[int, dict[str, bytes]] = {}
    drawer = current_companion()
    figures = 0 if drawer is None else _handed_over(drawer, describe)
    if drawer is not None and figures:
        waiting = deque(range(1, figures))
        beside = Thread(target=_draw_beside, args=(drawer, how, waiting, files), daemon=True)
        beside.start()
        if waiting:
            drawings = describe()
            for number in _taken(waiting.pop):
                files[number] = drawings[number].files(**how)
        beside.join()
    if not figures or len(files) < figures:
        for number, drawing in enumerate(describe()):
            if number not in files:
                files[number] = drawing.files(**how)
    for number in sorted(files):
        _write(folder, files[number])


def _handed_over(drawer: Companion, describe: Callable[[], Sequence[Drawing]]) -> int:
    """Hand the figures of a result over to the other process; give their number, 0 if it cannot take them."""
    try:
        return drawer.submit(_take, describe).result()
    except CompanionError:
        return 0


def _draw_beside(
    drawer: Companion, how: Mapping[str, Any], waiting: deque[int], files: dict[int, dict[str, bytes]]
) -> None:
    """Let the other process draw the first figure, and then those that wait; what it cannot draw is missing."""
    for number in chain([0], _taken(waiting.popleft)):
        try:
            files[number] = drawer.submit(_draw_taken, number, how).result()
        except Exception:  # this process draws it, and raises the error if there is one
            return


def _taken(take: Callable[[], int]) -> Iterator[int]:
    """Take figures, one when the one before is drawn, until none is left; two threads may."""
    with suppress(IndexError):
        while True:
            yield take()


_TAKEN: Final[list[Drawing]] = []
"""In the other process: the figures of the result that is being saved."""


def _take(describe: Callable[[], Sequence[Drawing]]) -> int:
    _TAKEN[:] = describe()
    return len(_TAKEN)


def _draw_taken(number: int, how: Mapping[str, Any]) -> dict[str, bytes]:
    return _TAKEN[number].files(**how)


def _write(folder: ResultFolder, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        with replacing(folder / name) as temporary:
            temporary.write_bytes(content)
