"""Similarity of fingerprints, the frequencies that they share, and the number of images that it takes to see them."""

from __future__ import annotations

import textwrap
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from freqforensics.figures.plane import COLOURS, draw_plane
from freqforensics.figures.style import OKABE_ITO, log_axis, shown_figure, style
from freqforensics.fingerprints import Similarity
from freqforensics.fingerprints.comparison import Comparison, Origins
from freqforensics.fingerprints.origin import REAL

_TITLES: Final = {
    "coherent": "coherent: phases and all",
    "log_power": "log power, without radial mean",
    "peaks": "peaks: Jaccard index",
    "lattice": "lattice of 1/16: weighted Jaccard",
}
_LEVEL: Final = 0.05
_NEAR: Final = "YlGnBu_r"
"""Colours of distances: the nearest are the darkest."""
_NUMBERS_UP_TO: Final = 12
"""Sets beyond which a matrix is too fine for numbers."""


def plot_similarities(comparison: Comparison, *, fig: Figure | None = None) -> Figure:
    """Draw a matrix of similarities for each measure, one colour scale for all.

    Parameters
    ----------
    comparison : Comparison
        The comparison of sets of images.
    fig : Figure, optional
        An empty figure to draw on; its size is set. Default a new one.

    Returns
    -------
    Figure
        Bold, or a dot where there are many sets: p at most 0.05 after Bonferroni's correction for the pairs, or the
        least possible p.
    """
    similarities = comparison.similarities
    count = len(comparison.sets)
    everything = np.arange(count)
    with style():
        fig = fig or shown_figure()
        side = 1.5 + (0.36 if count <= _NUMBERS_UP_TO else 0.13) * count
        rows, columns = -(-len(similarities) // 2), min(2, len(similarities))
        fig.set_size_inches(columns * side + 0.6, rows * (side + 0.1))
        fig.set_layout_engine("constrained")
        axes = fig.subplots(rows, columns, squeeze=False)
        for ax in axes.flat[len(similarities) :]:
            ax.set_axis_off()
        for ax, (measure, similarity) in zip(axes.flat, similarities.items(), strict=False):
            _draw_matrix(ax, similarity, everything, everything, count * (count - 1) // 2)
            ax.set_title(_TITLES[measure])
        _colour_bar(fig, axes, count)
    return fig


def plot_origins(result: Origins, *, fig: Figure | None = None) -> Figure:
    """Draw the similarity of sets to known generators by each measure, and the verdict on each set's origin.

    Parameters
    ----------
    result : Origins
        The origins of sets of images.
    fig : Figure, optional
        An empty figure to draw on; its size is set. Default a new one.

    Returns
    -------
    Figure
        The first panel: distance of each set from each known generator's images, with the verdict; then a matrix of
        similarities for each measure. Discs and rings are explained where there are any.
    """
    count, others = len(result.origins), len(result.known)
    with style():
        fig = fig or shown_figure()
        wide = 1.9 + 0.2 * others if others > _NUMBERS_UP_TO else 1.9 + 0.36 * others
        high = 1.1 + 0.2 * count if max(count, others) > _NUMBERS_UP_TO else 1.1 + 0.33 * count
        panels = 1 + len(result.similarities)
        rows = panels // 2 + 1  # the last cell is for the scales
        fig.set_size_inches(2 * max(wide, 3.2), rows * max(high, 1.9))
        fig.set_layout_engine("constrained")
        axes = fig.subplots(rows, 2, squeeze=False)
        for ax in axes.flat[panels:]:
            ax.set_axis_off()
        ax = axes.flat[0]
        near = [{candidate.name: candidate for candidate in origin.candidates} for origin in result.origins]
        names = [*result.known, *([REAL] if all(REAL in row for row in near) else [])]
        distances = np.array([[row[name].distance for name in names] for row in near])
        picture = ax.imshow(distances, cmap=_NEAR, norm=LogNorm(1, 100, clip=True), aspect="auto")
        marks = set()
        for row, origin in enumerate(result.origins):
            for column, name in enumerate(names):
                if near[row][name].p_value > _LEVEL:
                    mark = "disc: the origin" if name == origin.name else "ring: not ruled out, p > 0.05"
                    ax.plot(column, row, "o", markersize=4.5, markeredgewidth=0.9, color=OKABE_ITO[1],
                            fillstyle="full" if name == origin.name else "none")  # fmt: skip
                    marks.add(mark)
        verdicts = [f"{origin.set}: {origin.name or 'unknown'}" for origin in result.origins]
        ax.set_xticks(range(len(names)), names, rotation=90)
        ax.set_yticks(range(count), verdicts)
        ax.set_title("verdict and distance\n" + ("; ".join(sorted(marks)) or "all are ruled out, p ≤ 0.05"))
        for ax, (measure, similarity) in zip(axes.flat[1:], result.similarities.items(), strict=False):
            _draw_matrix(ax, similarity, np.arange(count), np.arange(count, count + others), count * others)
            ax.set_xticks(range(others), result.known, rotation=90)
            ax.set_title(_TITLES[measure])
        last = axes.flat[-1]
        bar = fig.colorbar(picture, cax=last.inset_axes((0.05, 0.72, 0.9, 0.09)), orientation="horizontal",
                           label="distance (1: like its own images)", extend="both")  # fmt: skip
        bar.set_ticks([1, 10, 100], labels=["1", "10", "100"], minor=False)
        bar.minorticks_off()
        fig.colorbar(ScalarMappable(Normalize(-1, 1), "RdBu_r"), cax=last.inset_axes((0.05, 0.22, 0.9, 0.09)),
                     orientation="horizontal", label=_similarity_label(max(count, others)))  # fmt: skip
    return fig


def plot_learning(comparison: Comparison, *, fig: Figure | None = None) -> Figure:
    """Draw how each set's strongest peak grows with the number of images.

    Parameters
    ----------
    comparison : Comparison
        The comparison of sets of images.
    fig : Figure, optional
        An empty figure to draw on; its size is set. Default a new one.

    Returns
    -------
    Figure
        A panel for each set: mean of subsets, and the band from the 5th to the 95th percentile. Dashed: the level that
        random phases reach at some frequency with probability 0.05.
    """
    curves = [image_set.curve for image_set in comparison.sets]
    with style():
        fig = fig or shown_figure()
        columns = min(len(curves), 3 if len(curves) <= 9 else 5)
        rows = -(-len(curves) // columns)
        fig.set_size_inches(min(7.2, 2.3 * columns + 0.4), 1.6 * rows + 0.4)
        fig.set_layout_engine("constrained")
        axes = fig.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
        for ax in axes.flat[len(curves) :]:
            ax.set_axis_off()
        for ax, curve in zip(axes.flat, curves, strict=False):
            ax.fill_between(curve.images, np.maximum(curve.low, 0.1), np.maximum(curve.high, 0.1), color=OKABE_ITO[0],
                            alpha=0.25, linewidth=0)  # fmt: skip
            ax.plot(curve.images, np.maximum(curve.snr, 0.1), color=OKABE_ITO[0])
            ax.axhline(curve.threshold, color="0.3", linestyle="--", linewidth=0.8)
            log_axis(ax, "x")
            log_axis(ax, "y")
            ax.grid(color="0.9", linewidth=0.5)
            ax.set_axisbelow(True)
            need = "none seen" if curve.needed is None else f"needs {curve.needed}"
            ax.set_title(f"{textwrap.shorten(curve.name, 24, placeholder='…')}: {need}")
        for ax in [*axes[-1], *(axes.flat[len(curves) - columns : len(curves)])]:
            ax.tick_params(labelbottom=True)
        level = "dashed: what random phases reach at some frequency with probability 0.05"
        fig.supxlabel(f"images averaged; {level}", fontsize=8)
        fig.supylabel("N R of the strongest peak (chance: 1)", fontsize=8)
    return fig


def _draw_matrix(
    ax: Axes, similarity: Similarity, rows: NDArray[np.int_], columns: NDArray[np.int_], pairs: int
) -> None:
    """Similarities of some sets to others; the strong ones in bold, or dotted where numbers would not fit."""
    values, p_value = similarity.values[np.ix_(rows, columns)].copy(), similarity.p_value[np.ix_(rows, columns)]
    same = rows[:, None] == columns[None, :]
    values[same] = np.nan
    ax.imshow(values, cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto")
    # The p-value of a set against itself is the least possible one.
    level = max(float(similarity.p_value[0, 0]), _LEVEL / max(1, pairs))
    numbers = max(len(rows), len(columns)) <= _NUMBERS_UP_TO
    for row, column in zip(*np.nonzero(~same), strict=True):
        value, beyond = values[row, column], p_value[row, column] <= level and values[row, column] > 0
        colour = "white" if abs(value) > 0.65 else "black"
        if numbers:
            ax.text(column, row, f"{value:.2f}".replace("-", "−"), ha="center", va="center", fontsize=6,
                    fontweight="bold" if beyond else "normal", color=colour)  # fmt: skip
        elif beyond:
            ax.plot(column, row, ".", color=colour, markersize=2.5)
    ax.set_xticks(range(len(columns)), [similarity.names[index] for index in columns], rotation=45, ha="right")
    if len(columns) > _NUMBERS_UP_TO:
        ax.set_xticks(range(len(columns)), [similarity.names[index] for index in columns], rotation=90, ha="center")
    ax.set_yticks(range(len(rows)), [similarity.names[index] for index in rows])


def _colour_bar(fig: Figure, axes: NDArray[np.object_], sets: int) -> None:
    scale = ScalarMappable(Normalize(-1, 1), "RdBu_r")
    fig.colorbar(scale, ax=axes.ravel().tolist(), label=_similarity_label(sets), shrink=0.6)


def _similarity_label(sets: int) -> str:
    return f"similarity ({'bold' if sets <= _NUMBERS_UP_TO else 'dot'}: beyond chance)"


def plot_shared(comparison: Comparison, *, fig: Figure | None = None) -> Figure:
    """Draw in how many sets each frequency is coherent.

    Parameters
    ----------
    comparison : Comparison
        Compared sets.
    fig : Figure, optional
        An empty figure to draw on; its size is set.
    """
    with style():
        fig = fig or shown_figure()
        fig.set_size_inches(4.4, 3.7)
        fig.set_layout_engine("constrained")
        ax = fig.add_subplot()
        values = comparison.shared
        count = len(comparison.sets)
        picture = draw_plane(ax, values, Normalize(0, count), COLOURS["coherence"])
        ax.set_title(f"in how many of {count} sets a frequency is coherent\n(false discovery rate 0.05, above 1/16)")
        fig.colorbar(picture, ax=ax, label="sets", shrink=0.9)
    return fig
