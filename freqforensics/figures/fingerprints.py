"""The grid of generators and kinds of spectra."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

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
from freqforensics.figures.style import plain_ticks, style
from freqforensics.spectra import MeanSpectrum

_GRID_CELLS: Final = 128


def plot_fingerprints(
    spectra: Mapping[tuple[str, str], MeanSpectrum],
    *,
    kinds: Sequence[PlotKind] = ("coherent", "power", "log_power", "coherence"),
    fig: Figure | None = None,
    mark_lines: bool = False,
) -> Figure:
    """Draw a grid of spectra: a row for each generator, a block of columns for each kind, one column a label.

    Panels of one kind share one colour scale, which the bar below them names. Spectra of more than 128 bins a side are
    drawn in that many cells (see `plot_spectrum`), or single lines would not be seen.

    Parameters
    ----------
    spectra : mapping of (generator, label) to MeanSpectrum
        Rows and columns come in the mapping's order. Spectra without an image leave their panel empty.
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
    rows = list(dict.fromkeys(generator for generator, _ in spectra))
    labels = list(dict.fromkeys(label for _, label in spectra))
    columns = [(kind, label) for kind in kinds for label in labels]

    panel, left, right, top, bottom, gap, block = 1.4, 0.75, 0.15, 0.95, 0.95, 0.2, 0.22
    width = left + len(columns) * panel + (len(columns) - 1) * 0.06 + (len(kinds) - 1) * block + right
    height = top + len(rows) * (panel + gap) + bottom
    with style():
        if fig is None:
            import matplotlib.pyplot as plt

            fig = plt.figure()
        fig.set_size_inches(width, height)
        limits = {kind: spectrum_limits(drawn, kind) for kind in kinds}
        for r, generator in enumerate(rows):
            y = height - top - (r + 1) * panel - r * gap
            fig.text(
                0.12 / width,
                (y + panel / 2) / height,
                generator if len(generator) <= 22 else generator[:21] + "…",
                rotation=90,
                ha="left",
                va="center",
                fontweight="bold",
            )
            for c, (kind, label) in enumerate(columns):
                x = left + c * (panel + 0.06) + kinds.index(kind) * block
                ax = fig.add_axes((x / width, y / height, panel / width, panel / height))
                spectrum = spectra.get((generator, label))
                if spectrum is None or not spectrum.images:
                    ax.set_axis_off()
                    if spectrum is not None:
                        ax.text(0.5, 0.5, "no image", ha="center", va="center", color="0.5", transform=ax.transAxes)
                else:
                    size = "×".join(str(side) for side in spectrum.spec.shape)
                    plot_spectrum(
                        spectrum,
                        kind,
                        ax=ax,
                        limits=limits[kind],
                        colorbar=False,
                        cells=_GRID_CELLS,
                        mark_lines=mark_lines,
                        title=f"N = {spectrum.images}, {size}",
                    )
                    ax.set_title(ax.get_title(), fontsize=6.0, pad=2)
                    ax.set(xlabel="", ylabel="")
                    ax.tick_params(labelleft=c == 0, labelbottom=r == len(rows) - 1, labelsize=5.5, pad=1.5)
                    if r == len(rows) - 1:  # or the labels of neighbours run into each other
                        ax.get_xticklabels()[0].set_horizontalalignment("left")
                        ax.get_xticklabels()[-1].set_horizontalalignment("right")
                if r == 0:
                    fig.text((x + panel / 2) / width, (y + panel + 0.2) / height, label, ha="center", fontsize=8)
        bar_y = (bottom - 0.5) / height
        for k, kind in enumerate(kinds):
            start = left + k * (len(labels) * (panel + 0.06) + block)
            span = len(labels) * panel + (len(labels) - 1) * 0.06
            fig.text(
                (start + span / 2) / width,
                (height - top + 0.4) / height,
                KIND_NAMES[kind],
                ha="center",
                fontsize=9,
                fontweight="bold",
            )
            bar = fig.add_axes(((start + 0.08 * span) / width, bar_y, 0.84 * span / width, 0.09 / height))
            low, high = limits[kind]
            norm = LogNorm(low, high) if kind == "coherence" else Normalize(low, high)
            cmap = "cividis" if kind == "coherence" else "viridis"
            drawn_bar = fig.colorbar(
                mpl.cm.ScalarMappable(norm, cmap),
                cax=bar,
                orientation="horizontal",
                label=scale_label(kind, drawn[0].spec.normalisation),
            )
            bar.xaxis.label.set_fontsize(7)
            if kind == "coherence":
                plain_ticks(drawn_bar, limits[kind])
        spec = drawn[0].spec
        notes = f"Averaged spectra of residuals: {residual_name(drawn[0])}, {spec.channel}, window {spec.window}"
        notes += "; axes in cycles per pixel"
        if any(max(spectrum.spec.shape) > _GRID_CELLS for spectrum in drawn):
            notes += (
                f"; above {_GRID_CELLS} bins a side a cell shows several: their maximum (coherent), their mean (power)"
            )
        if mark_lines and {"coherent", "coherence"} & set(kinds):
            notes += f"; rings: coherent lines, p < {LINE_LEVEL} after Bonferroni"
        fig.text(left / width, (height - 0.22) / height, notes, fontsize=7, va="center")
    return fig
