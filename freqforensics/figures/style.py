"""The look that all figures share, and how they are written to files."""

from __future__ import annotations

import colorsys
import gc
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colorbar import Colorbar
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter

from freqforensics.runtime.writing import replacing

OKABE_ITO: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
"""Colours that stay apart for colour-blind readers (Okabe & Ito 2008)."""

_SERIES: Final = (
    *OKABE_ITO[:7],
    *("#882255", "#999933", "#332288", "#8C564B", "#117733", "#AA4499", "#777777", "#44AA99", "#DDAA33", "#661100"),
)
"""Colours of lines on white, the palest of Okabe and Ito left out, with more from Tol's muted scheme."""
_SERIES_MARKS: Final = "osD^vP"
PRINT_POINTS: Final = 7.0
"""Size of all text in a figure of a given width: what journals ask for at print size."""
MM_PER_INCH: Final = 25.4

_STYLE: Final[dict[str, Any]] = {
    "font.size": 8.0,
    "axes.titlesize": 8.0,
    "axes.labelsize": 8.0,
    # Where matplotlib would put titles after it has laid out all ticks, of which no figure has any above.
    "axes.titley": 1.0,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "legend.fontsize": 7.0,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "savefig.dpi": 150.0,
    "pdf.fonttype": 42,
    "svg.hashsalt": "freqforensics",
    # A folder's name may hold dollar signs. Logarithmic axes need `log_axis`, or their numbers stay mathtext source.
    "text.parse_math": False,
}


LABELS: Final = ("real", "fake", "unknown")
"""The order of labels in every figure; each has its own colour."""


def ordered_labels(labels: Iterable[str]) -> list[str]:
    """Each label once: real, fake, unknown, then any others in their order."""
    distinct = list(dict.fromkeys(labels))
    return [label for label in LABELS if label in distinct] + [label for label in distinct if label not in LABELS]


def label_colour(label: str, others: Iterable[str] = ()) -> str:
    """The colour of a label, the same in every figure."""
    order = [*LABELS, *(other for other in others if other not in LABELS)]
    return OKABE_ITO[order.index(label) % len(OKABE_ITO)]


def new_figure() -> Figure:
    """Return an empty figure without a window, to draw to files."""
    figure = Figure()
    FigureCanvasAgg(figure)
    return figure


class _NotebookFigure(Figure):
    """A figure of pyplot that a notebook shows once, whether it is a cell's value or not."""

    def _ipython_display_(self) -> None:
        """Close the figure, for the inline backend draws those that are open when a cell ends; IPython draws it then.

        Raises
        ------
        NotImplementedError
            Always: it tells IPython to draw the figure as it draws others.
        """
        import matplotlib.pyplot as plt

        if "inline" in matplotlib.get_backend():
            plt.close(self)
        raise NotImplementedError


def shown_figure() -> Figure:
    """Return an empty figure of pyplot, for interactive work."""
    import matplotlib.pyplot as plt

    return plt.figure(FigureClass=_NotebookFigure)


def png_bytes(fig: Figure, *, dpi: float | None = None) -> bytes:
    """Give a figure as the bytes of a PNG file.

    Parameters
    ----------
    fig : Figure
        The figure.
    dpi : float, optional
        Pixels per inch. Default 150.

    Returns
    -------
    bytes
        The PNG file.
    """
    stream = io.BytesIO()
    with style():
        fig.savefig(stream, format="png", dpi=matplotlib.rcParams["savefig.dpi"] if dpi is None else dpi)
    return stream.getvalue()


def save_figure(
    fig: Figure, path: str | Path, *, manifest: Mapping[str, Any] | None = None, dpi: float | None = None
) -> None:
    """Write a figure to PNG, PDF or SVG, with the same bytes each time.

    Parameters
    ----------
    fig : Figure
        The figure.
    path : str or Path
        File, whose suffix is the format. It is written whole or not at all.
    manifest : mapping, optional
        JSON values; stored in the file's metadata (PNG: text chunk "freqforensics"; PDF: Keywords).
    dpi : float, optional
        Pixels per inch of what is not drawn as lines and text. Default 150.

    Raises
    ------
    ValueError
        Another suffix.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     save_figure(new_figure(), f"{folder}/empty.png", manifest={"about": "an empty figure"})
    ...     [path.name for path in Path(folder).iterdir()]
    ['empty.png']
    """
    content = figure_bytes(fig, Path(path).suffix.lower(), manifest=manifest, dpi=dpi)
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def figure_bytes(
    fig: Figure, suffix: str, *, manifest: Mapping[str, Any] | None = None, dpi: float | None = None
) -> bytes:
    """Give the file that `save_figure` writes.

    Parameters
    ----------
    fig : Figure
        The figure.
    suffix : {".png", ".pdf", ".svg"}
        Format.
    manifest : mapping, optional
        JSON values for the metadata, as for `save_figure`.
    dpi : float, optional
        Pixels per inch of what is not drawn as lines and text. Default 150.

    Returns
    -------
    bytes
        The content of the file.

    Raises
    ------
    ValueError
        Another suffix.
    """
    text = json.dumps(manifest or {}, sort_keys=True, ensure_ascii=True)
    metadata: dict[str, Any]
    if suffix == ".png":
        metadata = {"Software": "freqforensics", "freqforensics": text}
    elif suffix == ".pdf":
        metadata = {"Creator": "freqforensics", "Producer": None, "CreationDate": None, "Keywords": text}
    elif suffix == ".svg":
        metadata = {"Creator": "freqforensics", "Date": None, "Description": text}
    else:
        raise ValueError(f"a figure is written as .png, .pdf or .svg, not {suffix!r}")
    stream = io.BytesIO()
    with style():
        resolution = matplotlib.rcParams["savefig.dpi"] if dpi is None else dpi
        fig.savefig(stream, format=suffix[1:], metadata=metadata, dpi=resolution)
    return stream.getvalue()


@contextmanager
def uncollected() -> Iterator[None]:
    """Hold the search for reference cycles back, which takes a tenth of the time that many small artists take."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def settle(figure: Figure, dpi: float | None) -> None:
    """Lay a figure out once, for all its files: matplotlib would do so for each, and draw it once more to that end."""
    engine = figure.get_layout_engine()
    if engine is None:
        return
    with style():
        figure.set_dpi(matplotlib.rcParams["savefig.dpi"] if dpi is None else dpi)
        engine.execute(figure)
        figure.set_layout_engine(None)


@contextmanager
def style(points: float | None = None) -> Iterator[None]:
    """The package's own look, in place of the reader's matplotlibrc, so that figures are the same everywhere.

    Parameters
    ----------
    points : float, optional
        Size of all text. Default 8, and 7 for the numbers at axes and for legends.
    """
    sizes = {} if points is None else {key: points for key in _STYLE if key.endswith("size") and "." in key}
    sizes = {key: size for key, size in sizes.items() if "major" not in key}
    interactive = matplotlib.is_interactive()
    try:
        with matplotlib.style.context(["default", {**_STYLE, **sizes}]):
            try:
                yield
            finally:
                # A notebook's backend may have been chosen meanwhile: it draws figures of interactive work only.
                interactive = matplotlib.is_interactive()
    finally:
        matplotlib.interactive(interactive)


def print_width(width: float | None, columns: int | None) -> float | None:
    """Check the width of a figure in millimetres and its number of columns; give the width in inches."""
    if columns is not None and columns < 1:
        raise ValueError(f"columns must be at least 1, got {columns}")
    if width is None:
        return None
    if not 0 < width < np.inf:
        raise ValueError(f"width must be positive, got {width:g}")
    return width / MM_PER_INCH


def series_looks(count: int) -> list[tuple[str, str]]:
    """A colour and a mark for each of some lines, no colour twice."""
    colours = list(_SERIES[:count])
    for index in range(count - len(colours)):  # so many that no palette keeps them apart: the marks have to
        red, green, blue = colorsys.hsv_to_rgb((0.07 + 0.618 * index) % 1.0, 0.75, 0.75 - 0.05 * (index % 5))
        colours.append(f"#{round(255 * red):02X}{round(255 * green):02X}{round(255 * blue):02X}")
    return [(colour, _SERIES_MARKS[index % len(_SERIES_MARKS)]) for index, colour in enumerate(colours)]


class _PlainLog(LogFormatter):
    """The numbers that `LogFormatter` would write, as `plain_number`."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        return plain_number(x) if super().__call__(x, pos) else ""


def log_axis(ax: Axes, which: Literal["x", "y"]) -> None:
    """Make an axis logarithmic, its numbers plain text."""
    ax.set(**{f"{which}scale": "log"})
    axis: Axis = ax.xaxis if which == "x" else ax.yaxis
    axis.set_major_formatter(_PlainLog())
    axis.set_minor_formatter(_PlainLog())


def plain_number(value: float) -> str:
    """Write a number of a logarithmic axis without mathtext.

    >>> [plain_number(value) for value in (0.01, 30, 1000, 1e5, 2e-5)]
    ['0.01', '30', '1000', '10⁵', '2×10⁻⁵']
    """
    if 1e-3 <= value < 1e4:
        return f"{value:g}"
    mantissa, exponent = f"{value:.0e}".split("e")
    power = "10" + str(int(exponent)).translate(_SUPERSCRIPTS)
    return power if mantissa == "1" else f"{mantissa}×{power}"


_SUPERSCRIPTS: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def new_axes(size: tuple[float, float]) -> Axes:
    """Axes of a new pyplot figure of `size` inches, for interactive work."""
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=size, layout="constrained", FigureClass=_NotebookFigure)[1]


def plain_ticks(bar: Colorbar, limits: tuple[float, float], *, most: int = 8) -> None:
    """Write plain numbers, at most `most`, along a logarithmic colour bar instead of powers of ten."""
    ticks = [tick for tick in (1, 3, 10, 30, 100, 300, 1000, 3000, 10000) if limits[0] <= tick <= limits[1]]
    if len(ticks) > most:
        ticks = [tick for tick in ticks if str(tick).startswith("1")][-most:]
    bar.set_ticks(ticks, labels=[str(tick) for tick in ticks], minor=False)
    bar.minorticks_off()
