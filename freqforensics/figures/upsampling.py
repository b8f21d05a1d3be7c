"""Lattices over measured spectra."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from freqforensics.figures.plane import plot_spectrum, scale_label, spectrum_limits
from freqforensics.figures.style import OKABE_ITO, plain_ticks, style
from freqforensics.generators import PredictedLattice
from freqforensics.spectra import MeanSpectrum, UpsamplingReport

_CELLS: Final = 128
_COLOURS: Final = dict(zip((2, 4, 8, 16), (OKABE_ITO[1], OKABE_ITO[3], OKABE_ITO[2], OKABE_ITO[5]), strict=True))
_PREDICTED: Final = "0.7"
_PREDICTED_SIZE: Final = 60
_SIZES: Final = {2: 34, 4: 20, 8: 10, 16: 4}


def plot_lattices(
    spectra: Mapping[tuple[str, str], MeanSpectrum],
    reports: Mapping[tuple[str, str], UpsamplingReport],
    *,
    predicted: Mapping[tuple[str, str], PredictedLattice] | None = None,
    level: float = 0.05,
    fig: Figure | None = None,
) -> Figure:
    """Draw the coherence of every group, the points of its significant lattices ringed, with the verdict.

    Parameters
    ----------
    spectra : mapping of (generator, label) to MeanSpectrum
        Spectra of groups of images.
    reports : mapping of (generator, label) to UpsamplingReport
        Groups without one are left out.
    predicted : mapping of (generator, label) to PredictedLattice, optional
        Where a family's upsampling can leave lines: framed by squares.
    level : float
        Denominators with lines of their own at this level, and that of the factor, are ringed.
    fig : Figure, optional
        An empty figure to draw on; its size is set.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        Nothing to draw.
    """
    keys = [key for key in spectra if key in reports]
    if not keys:
        raise ValueError("there is no report to draw")
    across = min(5, len(keys))
    down = -(-len(keys) // across)
    limits = spectrum_limits([spectra[key] for key in keys], "coherence")
    with style():
        if fig is None:
            import matplotlib.pyplot as plt

            fig = plt.figure()
        fig.set_size_inches(max(2.05 * across + 0.9, 5.0), 2.45 * down + 0.9)
        fig.set_layout_engine("constrained")
        axes = fig.subplots(down, across, squeeze=False)
        for index, ax in enumerate(axes.flat):
            if index >= len(keys):
                ax.set_axis_off()
                continue
            spectrum, report = spectra[keys[index]], reports[keys[index]]
            plot_spectrum(spectrum, "coherence", ax=ax, limits=limits, colorbar=False, cells=_CELLS, title="")
            ticks = [-1 / 2, -1 / 4, 0, 1 / 4, 1 / 2]
            labels = ["−1/2", "−1/4", "0", "1/4", "1/2"]
            ax.set_xticks(ticks, labels)
            ax.set_yticks(ticks, labels)
            ax.set(xlabel="", ylabel="")
            ax.tick_params(labelsize=5.5, pad=1.5)
            for evidence in report.lattice.evidence:
                if evidence.has_lines(level) or evidence.denominator == report.factor:
                    _ring(ax, evidence.denominator)
            if predicted is not None and keys[index] in predicted:
                _frame(ax, predicted[keys[index]])
            name = textwrap.shorten(" ".join(keys[index]), 34, placeholder="…")
            verdict = "\n".join(textwrap.wrap(report.verdict, 36)[:2])
            p = f"p = {report.lattice.p_value:.1g}"
            ax.set_title(f"{name}, N = {spectrum.images}, {p}\n{verdict}", fontsize=6.5, parse_math=False)
        image = axes.flat[0].images[0]
        label = scale_label("coherence", "density")
        bar = fig.colorbar(image, ax=axes, shrink=max(0.25, 0.9 / down), aspect=22, extend="both", label=label)
        plain_ticks(bar, limits)
        handles = [
            Line2D([], [], ls="", marker="o", mfc="none", mec=colour, ms=math.sqrt(_SIZES[d]), label=f"1/{d}")
            for d, colour in _COLOURS.items()
        ]
        if predicted:
            handles.append(Line2D([], [], ls="", marker="s", mfc="none", mec=_PREDICTED, ms=7, label="predicted"))
        fig.legend(
            handles=handles,
            loc="outside lower center",
            ncols=len(handles),
            frameon=False,
            title="rings: lattices with significant lines of their own",
        )
        fig.suptitle("Coherence of residuals (median 5×5, luma), axes in cycles per pixel", fontsize=8)
    return fig


def _ring(ax: Axes, d: int) -> None:
    steps = np.arange(-(d // 2), d // 2 + 1)
    points = [(b / d, a / d) for a in steps for b in steps if math.gcd(math.gcd(int(a), int(b)), d) == 1]
    x, y = [point[0] for point in points], [point[1] for point in points]
    ax.scatter(x, y, s=_SIZES[d], facecolors="none", edgecolors=_COLOURS[d], linewidths=0.5)


def _frame(ax: Axes, lattice: PredictedLattice) -> None:
    """Squares around the predicted points; those at -1/2 are drawn at 1/2 too."""
    points = [(y, x) for fy, fx in lattice.points.tolist() for y in _both_edges(fy) for x in _both_edges(fx)]
    if points:
        y, x = zip(*points, strict=True)
        ax.scatter(x, y, s=_PREDICTED_SIZE, marker="s", facecolors="none", edgecolors=_PREDICTED, linewidths=0.5)


def _both_edges(f: float) -> tuple[float, ...]:
    return (f, 0.5) if f == -0.5 else (f,)
