"""The grid of generators and kinds of spectra."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from freqforensics.figures.plane import (
    COLOURS,
    KIND_NAMES,
    LINE_LEVEL,
    UNITS,
    PlotKind,
    check_kind,
    draw_cells,
    residual_name,
    scale_label,
    spectrum_limits,
)
from freqforensics.figures.style import (
    MM_PER_INCH,
    PRINT_POINTS,
    ordered_labels,
    plain_ticks,
    print_width,
    shown_figure,
    style,
)
from freqforensics.spectra import MeanSpectrum

Panels = dict[str, MeanSpectrum]
Row = tuple[str, Panels]

_CELLS: Final = {"coherent": 128, "power": 128, "log_power": 128, "coherence": 64}
_TALLEST: Final = 9  # rows; more go side by side, where there is one column for each kind
_LEAST_PANEL: Final = 0.195
"""Inches: of smaller panels nothing can be seen."""
_FRACTIONS: Final = {-1 / 2: "−1/2", -1 / 4: "−1/4", 0: "0", 1 / 4: "1/4", 1 / 2: "1/2"}
_SHORT: Final = {-1 / 2: "−½", 0: "0", 1 / 2: "½"}


@dataclass(frozen=True)
class _Grid:
    """Where everything lies, inches.

    Parameters
    ----------
    kinds, labels : sequence of str
        A block of columns for each kind, in it one for each label.
    rows, halves : int
        Number of rows in each of the columns of generators.
    panel : float
        Side of a panel.
    printed : bool
        For a page of given width, all text of one size: rows have their names above, not beside them.
    lines : int
        Lines of the notes at the top, where `printed`.
    """

    kinds: Sequence[PlotKind]
    labels: Sequence[str]
    rows: int
    halves: int
    panel: float
    printed: bool
    lines: int = 0

    @property
    def margins(self) -> tuple[float, float, float, float]:
        """Left and right of each column of generators; above the first row, and below the last."""
        if not self.printed:
            return 0.8, 0.15, 1.05, 0.95
        named = 0.26 if any(self.labels) else 0.14
        return 0.32, 0.06, 0.12 * self.lines + 0.12 * self.heading_lines + named + 0.2, 0.58

    @property
    def row_gap(self) -> float:
        """From a row to the next."""
        return 0.21 if self.printed else 0.16

    @property
    def column_gap(self) -> float:
        """Between panels of a block."""
        return 0.03 if self.printed else 0.06

    @property
    def block_gap(self) -> float:
        """Between blocks."""
        return 0.1 if self.printed else 0.24

    @property
    def block(self) -> float:
        """Width of a kind's panels."""
        return len(self.labels) * (self.panel + self.column_gap) - self.column_gap

    @property
    def half(self) -> float:
        """Width of a column of generators."""
        left, right, _, _ = self.margins
        return left + len(self.kinds) * (self.block + self.block_gap) - self.block_gap + right

    @property
    def heading_lines(self) -> int:
        """Lines that the names of kinds take."""
        return max(len(self.heading(kind).splitlines()) for kind in self.kinds)

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the figure."""
        _, _, top, bottom = self.margins
        width = self.halves * self.half
        return width if self.printed else max(width, 4.5), top + self.rows * (self.panel + self.row_gap) + bottom

    def heading(self, kind: PlotKind) -> str:
        """Name of a kind, as wide as its block at most where text does not shrink with the panels."""
        if not self.printed:
            return KIND_NAMES[kind]
        return "\n".join(textwrap.wrap(KIND_NAMES[kind].replace("N R", "N\u00a0R"), max(9, int(self.block / 0.065))))

    def left_of(self, half: int, kind: int, label: int) -> float:
        """Left side of a panel."""
        inside = kind * (self.block + self.block_gap) + label * (self.panel + self.column_gap)
        return half * self.half + self.margins[0] + inside

    def bottom_of(self, row: int) -> float:
        """Lower side of a row's panels."""
        return self.size[1] - self.margins[2] - row * (self.panel + self.row_gap) - self.panel


def plot_fingerprints(
    spectra: Mapping[tuple[str, str], MeanSpectrum],
    *,
    kinds: Sequence[PlotKind] = ("coherent", "power", "log_power", "coherence"),
    fig: Figure | None = None,
    mark_lines: bool = False,
    columns: int | None = None,
    width: float | None = None,
) -> Figure:
    """Draw a grid of spectra, with a row for each generator and columns by kind and label.

    Where all generators have the very same real images (simulated ones do), those are drawn once, in the first row.
    Panels of one kind share one colour scale, which the bar below them names. Spectra are drawn in at most 128 cells a
    side, coherence in 64 (see `plot_spectrum`), or single lines would not be seen. Significant lines are ringed in the
    panels of coherence.

    Parameters
    ----------
    spectra : mapping of (generator, label) to MeanSpectrum
        Rows come in the mapping's order. Generators without an image in any spectrum are named, not drawn.
    kinds : sequence of {"coherent", "power", "log_power", "coherence"}
        Quantities to draw, a block of columns each.
    fig : Figure, optional
        An empty figure to draw on; its size is set.
    mark_lines : bool
        Ring significant lines in the panels of all kinds, as for `plot_spectrum`.
    columns : int, optional
        Number of generators side by side. Default 1; 2 if there are more than nine and one panel for each kind.
    width : float, optional
        Width of the figure in millimetres, as of a journal's column: panels fit it, and all text is 7 points at that
        size. Default the width that panels of 36 mm need.

    Returns
    -------
    Figure
        The figure that was drawn on.

    Raises
    ------
    ValueError
        Nothing to draw, an unknown kind, spectra of different normalisations, residuals or channels, `columns` below 1,
        or a `width` that leaves panels of less than 5 mm.
    """
    for kind in kinds:
        check_kind(kind)
    drawn = [spectrum for spectrum in spectra.values() if spectrum.images]
    if not drawn or not kinds:
        raise ValueError("there is no spectrum with an image to draw")
    if len({(s.spec.normalisation, s.spec.residual, s.spec.kernel, s.spec.channel) for s in drawn}) > 1:
        raise ValueError("spectra of different normalisation, residual or channel do not share a colour scale")
    rows, labels = arranged(spectra)
    inches = print_width(width, columns)
    halves = columns or (1 if len(rows) <= _TALLEST or len(labels) > 1 else 2)
    per_half = -(-len(rows) // halves)
    halves = -(-len(rows) // per_half)
    notes = _notes(spectra, drawn, mark_lines, once=labels == [""], printed=inches is not None, kinds=kinds)
    grid = _grid(kinds, labels, per_half, halves, inches, notes)
    limits = {kind: spectrum_limits(drawn, kind) for kind in kinds}
    with style(PRINT_POINTS if grid.printed else None):
        fig = fig or shown_figure()
        fig.set_size_inches(*grid.size)
        for number, row in enumerate(rows):
            below = [set(panels) for _, panels in rows[number + 1 : (number // per_half + 1) * per_half]]
            _draw_row(fig, grid, number, row, limits, mark_lines, below)
        for half, kind in product(range(halves), kinds):
            _draw_heading(fig, grid, half, kind)
            _draw_bar(fig, grid, half, kind, limits[kind], drawn[0].spec.normalisation)
        _write_notes(fig, grid, notes)
    return fig


def arranged(spectra: Mapping[tuple[str, str], MeanSpectrum]) -> tuple[list[Row], list[str]]:
    """Rows, each a name and its spectra by label, and the labels of the columns.

    Where all generators have the very same real images, these are the first row, and the only label is "".
    """
    drawn = {key: spectrum for key, spectrum in spectra.items() if spectrum.images}
    generators = list(dict.fromkeys(generator for generator, _ in drawn))
    real = [drawn[generator, "real"] for generator in generators if (generator, "real") in drawn]
    fake = {generator: drawn[generator, "fake"] for generator in generators if (generator, "fake") in drawn}
    once = len(drawn) == 2 * len(generators) == 2 * len(real) == 2 * len(fake)
    if once and len(real) > 1 and real[0].inputs_sha256 and len({s.inputs_sha256 for s in real}) == 1:
        return [("real", {"": real[0]}), *((name, {"": spectrum}) for name, spectrum in fake.items())], [""]
    labels = ordered_labels(label for _, label in drawn)
    rows = [(name, {label: drawn[name, label] for label in labels if (name, label) in drawn}) for name in generators]
    return rows, labels


def _grid(
    kinds: Sequence[PlotKind], labels: list[str], rows: int, halves: int, inches: float | None, notes: str
) -> _Grid:
    if inches is None:
        return _Grid(kinds, labels, rows, halves, 1.4, printed=False)
    nothing = _Grid(kinds, labels, rows, halves, 0.0, printed=True)
    across = halves * len(kinds) * len(labels)
    panel = (inches - nothing.size[0]) / across
    if panel < _LEAST_PANEL:
        least = MM_PER_INCH * (nothing.size[0] + across * _LEAST_PANEL)
        raise ValueError(
            f"width must be at least {-(-least // 1):g} mm for {across} panels side by side, "
            f"got {inches * MM_PER_INCH:g}"
        )
    lines = len(textwrap.wrap(notes, _letters(inches)))
    return _Grid(kinds, labels, rows, halves, panel, printed=True, lines=lines)


def _letters(inches: float) -> int:
    """Letters of 7 points that a line of the notes takes."""
    return int((inches - 0.1) * 18.5)


def _write(fig: Figure, grid: _Grid, x: float, y: float, text: str, **options: Any) -> None:
    width, height = grid.size
    fig.text(x / width, y / height, text, parse_math=False, **options)


def _draw_row(
    fig: Figure,
    grid: _Grid,
    number: int,
    row: Row,
    limits: Mapping[PlotKind, tuple[float, float]],
    mark_lines: bool,
    below: list[set[str]],
) -> None:
    """Draw the panels of a generator and its name; `below` has the labels of the rows under it."""
    (name, panels), (half, level) = row, divmod(number, grid.rows)
    bottom, (width, height) = grid.bottom_of(level), grid.size
    if grid.printed:
        counts = ", ".join(f"{spectrum.images} {label}".rstrip() for label, spectrum in panels.items())
        room = grid.half - sum(grid.margins[:2])
        above, end = bottom + grid.panel + 0.035, half * grid.half + grid.half - grid.margins[1]
        title = textwrap.shorten(name, max(6, int(room / 0.066) - len(counts) - 6), placeholder="…")
        _write(fig, grid, grid.left_of(half, 0, 0), above, title, fontweight="bold")
        _write(fig, grid, end, above, f"N = {counts}", ha="right")
    else:
        title = "\n".join(textwrap.wrap(name, 20)[:2])
        middle = bottom + grid.panel / 2
        _write(fig, grid, half * grid.half + 0.05, middle, title, rotation=90, va="center", fontweight="bold",
               fontsize=7.5)  # fmt: skip
    first = True
    for (k, kind), (index, label) in product(enumerate(grid.kinds), enumerate(grid.labels)):
        if label not in panels:
            continue
        left = grid.left_of(half, k, index)
        ax = fig.add_axes((left / width, bottom / height, grid.panel / width, grid.panel / height))
        rings = mark_lines or kind == "coherence"
        _draw_panel(ax, panels[label], kind, limits[kind], rings, titled=k == 0 and not grid.printed)
        _put_ticks(ax, left=first, bottom=not any(label in others for others in below), side=grid.panel,
                   points=PRINT_POINTS if grid.printed else None)  # fmt: skip
        first = False


def _draw_heading(fig: Figure, grid: _Grid, half: int, kind: PlotKind) -> None:
    k, top = grid.kinds.index(kind), grid.bottom_of(0) + grid.panel
    middle = grid.left_of(half, k, 0) + grid.block / 2
    bold: dict[str, Any] = {"ha": "center", "fontweight": "bold"}
    if grid.printed:
        _write(fig, grid, middle, top + (0.3 if any(grid.labels) else 0.18), grid.heading(kind), va="bottom", **bold)
    else:
        _write(fig, grid, middle, top + (0.42 if any(grid.labels) else 0.22), grid.heading(kind), fontsize=9, **bold)
    for index, label in enumerate(grid.labels):
        at = grid.left_of(half, k, index) + grid.panel / 2
        _write(fig, grid, at, top + (0.17 if grid.printed else 0.2), label, ha="center",
               fontsize=PRINT_POINTS if grid.printed else 8)  # fmt: skip


def _draw_bar(
    fig: Figure, grid: _Grid, half: int, kind: PlotKind, limits: tuple[float, float], normalisation: str
) -> None:
    """Draw the colour bar of a kind below its panels."""
    width, height = grid.size
    left = grid.left_of(half, grid.kinds.index(kind), 0)
    ax = fig.add_axes(
        ((left + 0.06 * grid.block) / width, (0.36 if grid.printed else 0.5) / height, 0.88 * grid.block / width,
         (0.07 if grid.printed else 0.09) / height)
    )  # fmt: skip
    norm = LogNorm(*limits) if kind == "coherence" else Normalize(*limits)
    bar = fig.colorbar(mpl.cm.ScalarMappable(norm, COLOURS[kind]), cax=ax, orientation="horizontal", extend="both")
    if grid.printed:
        bar.set_label("N R" if kind == "coherence" else "dB", labelpad=1)
        ax.tick_params(pad=1.5)
        if kind == "coherence":
            plain_ticks(bar, limits, most=max(2, int(grid.block / 0.3)))
        else:
            bar.locator = MaxNLocator(max(1, int(grid.block / 0.33)), steps=[1, 2, 5, 10])
            bar.update_ticks()
        return
    quantity = scale_label(kind, normalisation)
    bar.set_label("\n".join(textwrap.wrap(quantity, max(27, int(grid.block * 17)))), fontsize=6.5)
    ax.tick_params(labelsize=6.5)
    if kind == "coherence":
        plain_ticks(bar, limits)


def _draw_panel(
    ax: Axes, spectrum: MeanSpectrum, kind: PlotKind, limits: tuple[float, float], mark_lines: bool, *, titled: bool
) -> None:
    size = "×".join(str(side) for side in spectrum.spec.shape)
    title = f"N = {spectrum.images}, {size}" if titled else ""
    draw_cells(ax, spectrum, kind, limits, cells=_CELLS[kind], mark_lines=mark_lines)
    ax.set_title(title, fontsize=6.0, pad=2)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_label_coords(0.0, 0.0)  # or matplotlib looks where there is room for the label, which is empty


def _put_ticks(ax: Axes, *, left: bool, bottom: bool, side: float, points: float | None) -> None:
    """Frequencies in fractions, written at the outer panels only; fewer where text of `points` leaves less room."""
    across, down = dict(_FRACTIONS), dict(_FRACTIONS)
    if points is not None and side < 1.3:
        across = dict(_SHORT) if side > 0.45 else {0: "0", 1 / 2: "½"}
    if points is not None and side < 0.75:
        down = dict(_SHORT)
    # First, or each tick is changed that is there.
    ax.tick_params(labelleft=left, labelbottom=bottom, labelsize=points or 5.5, pad=1.5)
    ax.set_xticks(list(across), list(across.values()))
    ax.set_yticks(list(down), list(down.values()))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_ticks([-1 / 8, 1 / 8] if points is None else [], minor=True)
    if bottom:  # or the labels of neighbours run into each other
        if len(across) > 2:
            ax.get_xticklabels()[0].set_horizontalalignment("left")
        ax.get_xticklabels()[-1].set_horizontalalignment("right")


def _write_notes(fig: Figure, grid: _Grid, notes: str) -> None:
    width, height = grid.size
    if grid.printed:
        lines = textwrap.wrap(notes, _letters(width))
        _write(fig, grid, 0.05, height - 0.04, "\n".join(lines), va="top", linespacing=1.15)
    else:
        left = grid.margins[0]
        lines = textwrap.wrap(notes, int((width - left) * 19))
        _write(fig, grid, left, height - 0.1, "\n".join(lines[:4]), fontsize=6.5, va="top")


def _notes(
    spectra: Mapping[tuple[str, str], MeanSpectrum],
    drawn: Sequence[MeanSpectrum],
    mark_lines: bool,
    *,
    once: bool,
    printed: bool,
    kinds: Sequence[PlotKind],
) -> str:
    spec = drawn[0].spec
    channel = "mean of red, green, blue" if spec.planes > 1 else spec.channel
    crops = ", ".join(dict.fromkeys(spectrum.spec.crop for spectrum in drawn))
    sizes = dict.fromkeys("×".join(str(side) for side in spectrum.spec.shape) for spectrum in drawn)
    crops += f" {', '.join(sizes)}" if printed else ""
    parts = [
        f"Averaged spectra of residuals: {residual_name(drawn[0])}, {channel}, crop {crops}, window {spec.window}.",
        "Axes: horizontal and vertical frequency, cycles per pixel.",
    ]
    if printed and set(kinds) != {"coherence"}:
        parts.append(f"dB re {UNITS[spec.normalisation]}.")
    if printed and "coherence" in kinds:
        parts.append("N R: 1 by chance.")
    if any(max(spectrum.spec.shape) > min(_CELLS.values()) for spectrum in drawn):
        parts.append("Above 128 bins a side (N R: 64) a cell is the maximum (coherent, N R) or mean (powers) of some.")
    if once:
        parts.append("First row: the real images, the same for all generators; the other rows: the fake ones.")
    if mark_lines or "coherence" in kinds:
        parts.append(f"Rings: coherent, p < {LINE_LEVEL} of all bins (Bonferroni).")
    missing = [" ".join(key) for key, spectrum in spectra.items() if not spectrum.images]
    if missing:
        parts.append(f"No image: {', '.join(missing)}.")
    return " ".join(parts)
