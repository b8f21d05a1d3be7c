"""The grid of generators and kinds of spectra."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, Final

import matplotlib as mpl
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

_GRID_CELLS: Final = 128
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

    Panels of one kind share one colour scale, which the bar below them names. Spectra of more than 128 bins a side are
    drawn in at most that many cells (see `plot_spectrum`), or single lines would not be seen.

    Parameters
    ----------
    spectra : mapping of (generator, label) to MeanSpectrum
        Rows come in the mapping's order. Generators without an image in any spectrum are named, not drawn.
    kinds : sequence of {"coherent", "power", "log_power", "coherence"}
    fig : Figure, optional
        An empty figure to draw on; its size is set.
    mark_lines : bool
        As for `plot_spectrum`.

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
    rows = list(dict.fromkeys(generator for (generator, _), spectrum in spectra.items() if spectrum.images))
    labels = ordered_labels(label for (_, label), spectrum in spectra.items() if spectrum.images)
    columns = [(kind, label) for kind in kinds for label in labels]
    there = {
        (r, c): spectra[rows[r], columns[c][1]]
        for r in range(len(rows))
        for c in range(len(columns))
        if (rows[r], columns[c][1]) in spectra and spectra[rows[r], columns[c][1]].images
    }
    block = len(labels) * (_PANEL + _COLUMN_GAP) - _COLUMN_GAP
    width = max(_LEFT + len(kinds) * (block + _BLOCK_GAP) - _BLOCK_GAP + _RIGHT, 4.5)
    height = _TOP + len(rows) * (_PANEL + _ROW_GAP) + _BOTTOM
    limits = {kind: spectrum_limits(drawn, kind) for kind in kinds}

    def left_of(c: int) -> float:
        return _LEFT + c * (_PANEL + _COLUMN_GAP) + kinds.index(columns[c][0]) * (_BLOCK_GAP - _COLUMN_GAP)

    with style():
        if fig is None:
            import matplotlib.pyplot as plt

            fig = plt.figure()
        fig.set_size_inches(width, height)

        def write(x: float, y: float, text: str, **options: Any) -> None:
            fig.text(x / width, y / height, text, parse_math=False, **options)

        for r, generator in enumerate(rows):
            middle = height - _TOP - r * (_PANEL + _ROW_GAP) - _PANEL / 2
            name = "\n".join(textwrap.wrap(generator, 20)[:2])
            write(0.05, middle, name, rotation=90, ha="left", va="center", fontweight="bold", fontsize=7.5)
        for (r, c), spectrum in there.items():
            kind = columns[c][0]
            bottom = height - _TOP - r * (_PANEL + _ROW_GAP) - _PANEL
            ax = fig.add_axes((left_of(c) / width, bottom / height, _PANEL / width, _PANEL / height))
            size = "×".join(str(side) for side in spectrum.spec.shape)
            plot_spectrum(
                spectrum,
                kind,
                ax=ax,
                limits=limits[kind],
                colorbar=False,
                cells=_GRID_CELLS,
                mark_lines=mark_lines,
                title=f"N = {spectrum.images}, {size}" if kind == kinds[0] else "",
            )
            ax.set_title(ax.get_title(), fontsize=6.0, pad=2)
            ax.set(xlabel="", ylabel="")
            outer_left = c == min(other for row, other in there if row == r)
            outer_bottom = r == max(row for row, other in there if other == c)
            ax.set_xticks([-1 / 2, -1 / 4, 0, 1 / 4, 1 / 2], ["−1/2", "−1/4", "0", "1/4", "1/2"])
            ax.set_yticks([-1 / 2, -1 / 4, 0, 1 / 4, 1 / 2], ["−1/2", "−1/4", "0", "1/4", "1/2"])
            for axis in (ax.xaxis, ax.yaxis):
                axis.set_ticks([-1 / 8, 1 / 8], minor=True)
            ax.tick_params(labelleft=outer_left, labelbottom=outer_bottom, labelsize=5.5, pad=1.5)
            if outer_bottom:  # or the labels of neighbours run into each other
                ax.get_xticklabels()[0].set_horizontalalignment("left")
                ax.get_xticklabels()[-1].set_horizontalalignment("right")

        for k, kind in enumerate(kinds):
            start = left_of(k * len(labels))
            write(start + block / 2, height - _TOP + 0.42, KIND_NAMES[kind], ha="center", fontsize=9, fontweight="bold")
            for index, label in enumerate(labels):
                middle = left_of(k * len(labels) + index) + _PANEL / 2
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
        notes = _notes(spectra, drawn, mark_lines)
        lines = textwrap.wrap(notes, int((width - _LEFT) * 19))
        write(_LEFT, height - 0.1, "\n".join(lines[:3]), fontsize=6.5, va="top")
    return fig


def _notes(spectra: Mapping[tuple[str, str], MeanSpectrum], drawn: Sequence[MeanSpectrum], mark_lines: bool) -> str:
    spec = drawn[0].spec
    channel = "mean of red, green, blue" if spec.planes > 1 else spec.channel
    crops = ", ".join(dict.fromkeys(spectrum.spec.crop for spectrum in drawn))
    parts = [
        f"Averaged spectra of residuals: {residual_name(drawn[0])}, {channel}, crop {crops}, window {spec.window}.",
        "Axes: horizontal and vertical frequency, cycles per pixel.",
    ]
    if any(max(spectrum.spec.shape) > _GRID_CELLS for spectrum in drawn):
        parts.append(f"Above {_GRID_CELLS} bins a side a cell is the maximum (coherent, N R) or mean (powers) of some.")
    if mark_lines:
        parts.append(f"Rings: coherent, p < {LINE_LEVEL} of all bins (Bonferroni).")
    missing = [" ".join(key) for key, spectrum in spectra.items() if not spectrum.images]
    if missing:
        parts.append(f"No image: {', '.join(missing)}.")
    return " ".join(parts)
