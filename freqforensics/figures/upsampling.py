"""Lattices over measured spectra."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from itertools import zip_longest
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from freqforensics.figures.plane import draw_cells, residual_name, scale_label, spectrum_limits
from freqforensics.figures.spectrum import arranged
from freqforensics.figures.style import OKABE_ITO, plain_ticks, shown_figure, style
from freqforensics.generators import PredictedLattice
from freqforensics.spectra import MeanSpectrum, UpsamplingReport

Key = tuple[str, str]

_CELLS: Final = 64
_COLOURS: Final = dict(zip((2, 4, 8, 16), (OKABE_ITO[1], OKABE_ITO[3], OKABE_ITO[2], OKABE_ITO[5]), strict=True))
_PREDICTED: Final = "0.5"
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

    The real and fake images of a generator are side by side. Real images that all generators share are drawn once.

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
        The figure that was drawn on.

    Raises
    ------
    ValueError
        Nothing to draw.
    """
    keys = [key for key in spectra if key in reports]
    if not keys:
        raise ValueError("there is no report to draw")
    cells, across = _places({key: spectra[key] for key in keys})
    down = -(-len(cells) // across)
    limits = spectrum_limits([spectra[key] for key in keys], "coherence")
    with style():
        fig = fig or shown_figure()
        fig.set_size_inches(max(2.05 * across + 0.9, 5.0), 2.45 * down + 0.9)
        fig.set_layout_engine("constrained")
        axes = fig.subplots(down, across, squeeze=False)
        rings: set[int] = set()
        for ax, cell in zip_longest(axes.flat, cells):
            if cell is None:
                ax.set_axis_off()
                continue
            key, name = cell
            spectrum, report = spectra[key], reports[key]
            draw_cells(ax, spectrum, "coherence", limits, cells=_CELLS, mark_lines=False)
            ax.tick_params(labelsize=5.5, pad=1.5)
            ticks = [-1 / 2, -1 / 4, 0, 1 / 4, 1 / 2]
            labels = ["−1/2", "−1/4", "0", "1/4", "1/2"]
            ax.set_xticks(ticks, labels)
            ax.set_yticks(ticks, labels)
            for evidence in report.lattice.evidence:
                if evidence.has_lines(level) or evidence.denominator == report.factor:
                    _ring(ax, evidence.denominator)
                    rings.add(evidence.denominator)
            if predicted is not None and key in predicted:
                _frame(ax, predicted[key])
            verdict = "\n".join(textwrap.wrap(report.verdict, 36)[:2])
            counted = f"N = {spectrum.images}, {p_words(report.lattice.p_value)}"
            ax.set_title(f"{textwrap.shorten(name, 34, placeholder='…')}, {counted}\n{verdict}", fontsize=6.5,
                         parse_math=False)  # fmt: skip
        image = next(ax.images[0] for ax in axes.flat if ax.images)
        label = scale_label("coherence", "density")
        bar = fig.colorbar(image, ax=axes, shrink=max(0.25, 0.9 / down), aspect=22, extend="both", label=label)
        plain_ticks(bar, limits)
        handles = [
            Line2D([], [], ls="", marker="o", mfc="none", mec=colour, ms=math.sqrt(_SIZES[d]), label=f"1/{d}")
            for d, colour in _COLOURS.items()
            if d in rings
        ]
        title = "rings: lattices with significant lines of their own" if rings else ""
        if predicted:
            handles.append(Line2D([], [], ls="", marker="s", mfc="none", mec=_PREDICTED, ms=7, label="predicted"))
        if handles:
            fig.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, title=title)
        first = spectra[keys[0]]
        channel = "mean of red, green, blue" if first.spec.planes > 1 else first.spec.channel
        fig.suptitle(
            f"Coherence of residuals ({residual_name(first)}, {channel}), axes in cycles per pixel", fontsize=8
        )
    return fig


def p_words(p_value: float) -> str:
    """Write a p-value; one too small for a number is no zero.

    >>> p_words(0.031), p_words(0.0)
    ('p = 0.03', 'p < 1e-300')
    """
    return "p < 1e-300" if p_value < 1e-300 else f"p = {p_value:.1g}"


def _places(spectra: Mapping[Key, MeanSpectrum]) -> tuple[list[tuple[Key, str] | None], int]:
    """Group and name of each panel in reading order, None for an empty one, and the number of panels side by side."""
    rows, labels = arranged(spectra)
    if labels == [""]:  # real images that all share are the first row
        name, first = rows[0][0], next(iter(spectra))[0]
        alone: list[tuple[Key, str] | None] = [((first, "real"), f"{name}, of all")]
        alone += [((generator, "fake"), f"{generator} fake") for generator, _ in rows[1:]]
        return alone, min(5, len(alone))
    cells = [
        ((generator, label), f"{generator} {label}") if label in panels else None
        for generator, panels in rows
        for label in labels
    ]
    abreast = max(1, (5 if len(labels) == 1 else 4) // len(labels))
    return cells, len(labels) * min(abreast, len(rows))


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


def plot_evidence(report: UpsamplingReport, *, level: float = 0.05, fig: Figure | None = None) -> Figure:
    """Draw the p-value of each lattice of a report.

    Parameters
    ----------
    report : UpsamplingReport
        The report of one set of images.
    level : float
        Level that is drawn beside the p-values.
    fig : Figure, optional
        An empty figure to draw on; its size is set.

    Returns
    -------
    Figure
        Bars of -log10 p after Holm's correction, drawn up to 300; filled: lines of their own at `level`.
    """
    evidence = report.lattice.evidence
    with style():
        fig = fig or shown_figure()
        fig.set_size_inches(4.2, 0.3 * len(evidence) + 1.4)
        fig.set_layout_engine("constrained")
        ax = fig.add_subplot()
        longest = max(1.0, -math.log10(level))
        for position, lattice in enumerate(evidence):
            p_value = max(lattice.p_corrected, lattice.p_isolated)
            colour = _COLOURS.get(lattice.denominator, _PREDICTED)
            filled = colour if lattice.has_lines(level) else "none"
            length = -math.log10(max(p_value, 1e-300))
            ax.barh(position, length, color=filled, edgecolor=colour, height=0.6)
            ax.annotate(
                p_words(p_value), (length, position), (4, 0), textcoords="offset points", va="center", fontsize=7,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
            )  # fmt: skip
            longest = max(longest, length)
        ax.set_xlim(0, 1.25 * longest)  # space for the p-values
        ax.axvline(-math.log10(level), color="0.4", lw=0.8, ls="--", zorder=0)
        ax.set_yticks(range(len(evidence)), [f"1/{lattice.denominator}" for lattice in evidence])
        ax.set(xlabel="−log₁₀ of the corrected p-value", ylabel="lattice (cycles per pixel)")
        ax.margins(y=0.1)
        handles = [
            Line2D([], [], color="0.4", lw=0.8, ls="--", label=f"p = {level:g}"),
            Patch(facecolor="0.5", edgecolor="0.5", label="significant lines of its own"),
            Patch(facecolor="none", edgecolor="0.5", label="none"),
        ]
        fig.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)
        ax.set_title(f"{report.lattice.images} images\n" + "\n".join(textwrap.wrap(report.verdict, 60)[:2]))
    return fig
