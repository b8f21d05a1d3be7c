"""The grid of generators and kinds of spectra."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure

from freqforensics.figures.plane import (
    KIND_NAMES,
    LINE_LEVEL,
    PlotKind,
    check_kind,
    plot_spectrum,
    residual_name,
    scale_label,
    spectrum_limits,
)
from freqforensics.figures.style import ordered_labels, plain_ticks, style
from freqforensics.spectra import MeanSpectrum

_CELLS: Final = {"coherent": 128, "power": 128, "log_power": 128, "coherence": 64}
_TALLEST: Final = 9  # rows; more go side by side, where there is one column for each kind
# Inches.
_PANEL, _LEFT, _RIGHT, _TOP, _BOTTOM = 1.4, 0.8, 0.15, 1.05, 0.95
_ROW_GAP, _COLUMN_GAP, _BLOCK_GAP = 0.16, 0.06, 0.24


def plot_fingerprints(
    spectra: Mapping[tuple[str, str], MeanSpectrum],
    *,
    kinds: Sequence[PlotKind] = ("coherent", "power", "log_power", "coherence"),
    fig: Figure | None = None,
    mark_lines: bool = False,
) -> Figure:
    """Draw a grid of spectra: a row for each generator, a block of columns for each kind, one column a label.

    Where all generators have the very same real images (simulated ones do), those are drawn once, in the first row.
    Panels of one kind share one colour scale, which the bar below them names. Spectra are drawn in at most 128 cells a
    side, coherence in 64 (see `plot_spectrum`), or single lines would not be seen.

    Parameters
    ----------
    spectra : mapping of (generator, label) to MeanSpectrum
        Rows come in the mapping's order. Generators without an image in any spectrum are named, not drawn.
    kinds : sequence of {"coherent", "power", "log_power", "coherence"}
        Quantities to draw, a block of columns each.
    fig : Figure, optional
        An empty figure to draw on; its size is set.
    mark_lines : bool
        Ring significant lines, as for `plot_spectrum`.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        Nothing to draw, an unknown kind, or spectra of different normalisations, residuals or channels.
    """
    for kind in kinds:
        check_kind(kind)
    drawn = [spectrum for spectrum in spectra.values() if spectrum.images]
    if not drawn or not kinds:
        raise ValueError("there is no spectrum with an image to draw")
    if len({(s.spec.normalisation, s.spec.residual, s.spec.kernel, s.spec.channel) for s in drawn}) > 1:
        raise ValueError("spectra of different normalisation, residual or channel do not share a colour scale")
    rows, labels = _arranged(spectra)
    columns = [(kind, label) for kind in kinds for label in labels]
    per_half = len(rows) if len(rows) <= _TALLEST or len(labels) > 1 else -(-len(rows) // 2)
    halves = -(-len(rows) // per_half)
    block = len(labels) * (_PANEL + _COLUMN_GAP) - _COLUMN_GAP
    half = _LEFT + len(kinds) * (block + _BLOCK_GAP) - _BLOCK_GAP + _RIGHT
    width = max(halves * half, 4.5)
    height = _TOP + per_half * (_PANEL + _ROW_GAP) + _BOTTOM
    limits = {kind: spectrum_limits(drawn, kind) for kind in kinds}

    def left_of(c: int, h: int) -> float:
        gaps = kinds.index(columns[c][0]) * (_BLOCK_GAP - _COLUMN_GAP)
        return h * half + _LEFT + c * (_PANEL + _COLUMN_GAP) + gaps

    with style():
        if fig is None:
            import matplotlib.pyplot as plt

            fig = plt.figure()
        fig.set_size_inches(width, height)

        def write(x: float, y: float, text: str, **options: Any) -> None:
            fig.text(x / width, y / height, text, parse_math=False, **options)

        for r, (generator, panels) in enumerate(rows):
            h, level = divmod(r, per_half)
            bottom = height - _TOP - level * (_PANEL + _ROW_GAP) - _PANEL
            name = "\n".join(textwrap.wrap(generator, 20)[:2])
            write(h * half + 0.05, bottom + _PANEL / 2, name, rotation=90, va="center", fontweight="bold", fontsize=7.5)
            below = [set(panels) for _, panels in rows[r + 1 : (h + 1) * per_half]]
            for c, (kind, label) in enumerate(columns):
                if label not in panels:
                    continue
                box = (left_of(c, h) / width, bottom / height, _PANEL / width, _PANEL / height)
                ax = fig.add_axes(box)
                _draw_panel(ax, panels[label], kind, limits[kind], mark_lines, titled=kind == kinds[0])
                outer_left = c == min(i for i, (_, other) in enumerate(columns) if other in panels)
                _put_ticks(ax, left=outer_left, bottom=not any(label in others for others in below))

        for h, (k, kind) in product(range(halves), enumerate(kinds)):
            start = left_of(k * len(labels), h)
            above = height - _TOP + (0.42 if any(labels) else 0.22)
            write(start + block / 2, above, KIND_NAMES[kind], ha="center", fontsize=9, fontweight="bold")
            for index, label in enumerate(labels):
                middle = left_of(k * len(labels) + index, h) + _PANEL / 2
                write(middle, height - _TOP + 0.2, label, ha="center", fontsize=8)
            bar_axes = fig.add_axes(((start + 0.06 * block) / width, 0.5 / height, 0.88 * block / width, 0.09 / height))
            norm = LogNorm(*limits[kind]) if kind == "coherence" else Normalize(*limits[kind])
            colours = mpl.cm.ScalarMappable(norm, "cividis" if kind == "coherence" else "viridis")
            bar = fig.colorbar(colours, cax=bar_axes, orientation="horizontal", extend="both")
            quantity = scale_label(kind, drawn[0].spec.normalisation)
            bar.set_label("\n".join(textwrap.wrap(quantity, max(27, int(block * 17)))), fontsize=6.5)
            bar_axes.tick_params(labelsize=6.5)
            if kind == "coherence":
                plain_ticks(bar, limits[kind])
        notes = _notes(spectra, drawn, mark_lines, once=labels == [""])
        lines = textwrap.wrap(notes, int((width - _LEFT) * 19))
        write(_LEFT, height - 0.1, "\n".join(lines[:3]), fontsize=6.5, va="top")
    return fig


def _arranged(
    spectra: Mapping[tuple[str, str], MeanSpectrum],
) -> tuple[list[tuple[str, dict[str, MeanSpectrum]]], list[str]]:
    """Rows, each a name and its spectra by label, and the labels of the columns."""
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


def _draw_panel(
    ax: Axes, spectrum: MeanSpectrum, kind: PlotKind, limits: tuple[float, float], mark_lines: bool, *, titled: bool
) -> None:
    size = "×".join(str(side) for side in spectrum.spec.shape)
    title = f"N = {spectrum.images}, {size}" if titled else ""
    plot_spectrum(
        spectrum,
        kind,
        ax=ax,
        limits=limits,
        colorbar=False,
        cells=_CELLS[kind],
        mark_lines=mark_lines,
        title=title,
    )
    ax.set_title(title, fontsize=6.0, pad=2)
    ax.set(xlabel="", ylabel="")


def _put_ticks(ax: Axes, *, left: bool, bottom: bool) -> None:
    """Frequencies in fractions, written at the outer panels only."""
    ax.set_xticks([-1 / 2, -1 / 4, 0, 1 / 4, 1 / 2], ["−1/2", "−1/4", "0", "1/4", "1/2"])
    ax.set_yticks([-1 / 2, -1 / 4, 0, 1 / 4, 1 / 2], ["−1/2", "−1/4", "0", "1/4", "1/2"])
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_ticks([-1 / 8, 1 / 8], minor=True)
    ax.tick_params(labelleft=left, labelbottom=bottom, labelsize=5.5, pad=1.5)
    if bottom:  # or the labels of neighbours run into each other
        ax.get_xticklabels()[0].set_horizontalalignment("left")
        ax.get_xticklabels()[-1].set_horizontalalignment("right")


def _notes(
    spectra: Mapping[tuple[str, str], MeanSpectrum], drawn: Sequence[MeanSpectrum], mark_lines: bool, *, once: bool
) -> str:
    spec = drawn[0].spec
    channel = "mean of red, green, blue" if spec.planes > 1 else spec.channel
    crops = ", ".join(dict.fromkeys(spectrum.spec.crop for spectrum in drawn))
    parts = [
        f"Averaged spectra of residuals: {residual_name(drawn[0])}, {channel}, crop {crops}, window {spec.window}.",
        "Axes: horizontal and vertical frequency, cycles per pixel.",
    ]
    if any(max(spectrum.spec.shape) > min(_CELLS.values()) for spectrum in drawn):
        parts.append("Above 128 bins a side (N R: 64) a cell is the maximum (coherent, N R) or mean (powers) of some.")
    if once:
        parts.append("First row: the real images, the same for all generators; the other rows: the fake ones.")
    if mark_lines:
        parts.append(f"Rings: coherent, p < {LINE_LEVEL} of all bins (Bonferroni).")
    missing = [" ".join(key) for key, spectrum in spectra.items() if not spectrum.images]
    if missing:
        parts.append(f"No image: {', '.join(missing)}.")
    return " ".join(parts)
