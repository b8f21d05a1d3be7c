"""How alike fingerprints are, and what they share."""

from __future__ import annotations

from typing import Final

import numpy as np
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from freqforensics.figures.plane import draw_plane
from freqforensics.figures.style import new_figure, style
from freqforensics.spectra.fingerprint import Comparison

_TITLES: Final = {
    "coherent": "coherent: phases and all",
    "log_power": "log power, without radial mean",
    "peaks": "peaks: Jaccard index",
    "lattice": "lattice of 1/16: weighted Jaccard",
}
_LEVEL: Final = 0.05


def plot_similarities(comparison: Comparison, *, fig: Figure | None = None) -> Figure:
    """Draw a matrix of similarities for each measure, one colour scale for all.

    Parameters
    ----------
    comparison : Comparison
    fig : Figure, optional

    Returns
    -------
    Figure
        Bold: p at most 0.05 after Bonferroni's correction for the pairs, or the least that was possible.
    """
    found = comparison.similarities
    count = len(comparison.fingerprints)
    with style():
        fig = fig or new_figure()
        side = 1.5 + 0.36 * count
        rows = -(-len(found) // 2)
        columns = min(2, len(found))
        fig.set_size_inches(columns * side + 0.6, rows * (side + 0.1))
        fig.set_layout_engine("constrained")
        axes = fig.subplots(rows, columns, squeeze=False)
        for ax in axes.flat[len(found) :]:
            ax.set_axis_off()
        picture = None
        for ax, (measure, one) in zip(axes.flat, found.items(), strict=False):
            values = one.values.copy()
            np.fill_diagonal(values, np.nan)
            picture = ax.imshow(values, cmap="RdBu_r", vmin=-1, vmax=1)
            least = one.p_value[~np.eye(count, dtype=bool)].min()
            level = max(least, _LEVEL / max(1, count * (count - 1) / 2))
            for a in range(count):
                for b in range(count):
                    if a != b:
                        ax.text(b, a, f"{one.values[a, b]:.2f}".replace("-", "−"), ha="center", va="center", fontsize=6,
                                fontweight="bold" if one.p_value[a, b] <= level else "normal",
                                color="white" if abs(one.values[a, b]) > 0.65 else "black")  # fmt: skip
            ax.set_xticks(range(count), one.names, rotation=45, ha="right")
            ax.set_yticks(range(count), one.names)
            ax.set_title(_TITLES[measure])
        if picture is not None:
            fig.colorbar(picture, ax=axes.ravel().tolist(), label="similarity (bold: beyond chance)", shrink=0.6)
    return fig


def plot_shared(comparison: Comparison, *, fig: Figure | None = None) -> Figure:
    """Draw in how many sets each frequency is coherent."""
    with style():
        fig = fig or new_figure()
        fig.set_size_inches(4.4, 3.7)
        fig.set_layout_engine("constrained")
        ax = fig.add_subplot()
        values = comparison.shared
        count = len(comparison.fingerprints)
        picture = draw_plane(ax, values, Normalize(0, count), "cividis")
        ax.set_title(f"in how many of {count} sets a frequency is coherent\n(false discovery rate 0.05, above 1/16)")
        fig.colorbar(picture, ax=ax, label="sets", shrink=0.9)
    return fig
