"""The look that all figures share, and how they are written to files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colorbar import Colorbar
from matplotlib.figure import Figure

from freqforensics.runtime.results import ResultFolder
from freqforensics.runtime.writing import replacing

OKABE_ITO: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
"""Colours that stay apart for colour-blind readers (Okabe & Ito 2008)."""

_STYLE: Final[dict[str, Any]] = {
    "font.size": 8.0,
    "axes.titlesize": 8.0,
    "axes.labelsize": 8.0,
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
    "text.parse_math": False,  # a folder's name may hold dollar signs
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
    """Return an empty figure that no window system knows of, for drawing to files."""
    figure = Figure()
    FigureCanvasAgg(figure)
    return figure


def save_figure(fig: Figure, path: str | Path, *, manifest: Mapping[str, Any] | None = None) -> None:
    """Write a figure to PNG, PDF or SVG, byte-identical when it is made again.

    Parameters
    ----------
    fig : Figure
        The figure.
    path : str or Path
        The suffix chooses the format. Written whole or not at all.
    manifest : mapping, optional
        JSON values; stored in the file's metadata (PNG: text chunk "freqforensics"; PDF: Keywords).

    Raises
    ------
    ValueError
        Another suffix.
    """
    suffix = Path(path).suffix.lower()
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
    with style(), replacing(path) as temporary:
        fig.savefig(temporary, metadata=metadata)


def draw(folder: ResultFolder, name: str, plot: Callable[..., object], *data: Any, **options: Any) -> None:
    """Draw a figure of a result into its folder, as PNG and PDF.

    Parameters
    ----------
    folder : ResultFolder
        The result.
    name : str
        Name of the files, without their suffix.
    plot : callable
        Draws `data` on the figure that it gets as ``fig=``.
    data, options
        Arguments of `plot`.
    """
    figure = new_figure()
    plot(*data, fig=figure, **options)
    for suffix in (".png", ".pdf"):
        save_figure(figure, folder / f"{name}{suffix}", manifest=folder.about)


def style() -> AbstractContextManager[None]:
    """The package's own look, in place of the reader's matplotlibrc, so that figures are the same everywhere."""
    return matplotlib.style.context(["default", _STYLE])


def new_axes(size: tuple[float, float]) -> Axes:
    """Axes of a new pyplot figure of `size` inches, for interactive work."""
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=size, layout="constrained")[1]


def plain_ticks(bar: Colorbar, limits: tuple[float, float]) -> None:
    """Numbers instead of powers of ten along a logarithmic colour bar."""
    ticks = [tick for tick in (1, 3, 10, 30, 100, 300, 1000, 3000) if limits[0] <= tick <= limits[1]]
    bar.set_ticks(ticks, labels=[str(tick) for tick in ticks], minor=False)
    bar.minorticks_off()
