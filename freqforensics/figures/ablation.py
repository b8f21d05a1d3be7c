"""AP by generator, for each value of the training parameter that was varied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from matplotlib.figure import Figure

from freqforensics.figures.style import shown_figure, style
from freqforensics.spectra import Band

if TYPE_CHECKING:
    from freqforensics.training import Ablation

_TITLES: Final = {
    "recipe": "Augmentation in training",
    "classes": "Categories learnt from",
    "band": "Frequencies the network sees (cycles per pixel)",
}


def plot_ablation(result: Ablation, *, fig: Figure | None = None) -> Figure:
    """Draw AP as a table in colour: a row for each value, a column for each generator, and their mean.

    Parameters
    ----------
    result : Ablation
        The ablation. The mean over several seeds is drawn, with the standard deviation below.
    fig : Figure, optional
        An empty figure to draw on; its size is set.

    Returns
    -------
    Figure
        Colours run from 0.5 to 1 in every such figure.
    """
    table = result.table()
    generators = list(dict.fromkeys(row.generator for row in result.rows))
    values = list(table)
    runs = [[table[value].get(name, [float("nan")]) for name in generators] for value in values]
    # The mean over generators, seed by seed.
    for line in runs:
        line.append([float(np.mean(seed)) for seed in zip(*line, strict=True)])
    mean = np.array([[np.mean(cell) for cell in line] for line in runs])
    with style():
        fig = fig or shown_figure()
        fig.set_size_inches(0.4 * len(generators) + 2.4, 0.36 * len(values) + 1.9)
        fig.set_layout_engine("constrained")
        ax = fig.subplots()
        image = ax.imshow(mean, cmap="viridis", vmin=0.5, vmax=1.0, aspect="auto")
        for (row, column), value in np.ndenumerate(mean):
            cell = runs[row][column]
            spread = f"\n±{np.std(cell, ddof=1):.2f}" if len(cell) > 1 else ""
            colour = "black" if value > 0.8 else "white"
            ax.text(column, row, f"{value:.2f}{spread}", ha="center", va="center", fontsize=5.5, color=colour)
        ax.set_xticks(
            range(len(generators) + 1), [*generators, "mean"], rotation=50, ha="right", rotation_mode="anchor"
        )
        bands = result.axis == "band"
        ax.set_yticks(range(len(values)), [Band.parse(v).name if bands and v != "all" else v for v in values])
        ax.axvline(len(generators) - 0.5, color="white", lw=2)
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
        fig.colorbar(image, ax=ax, label="AP", shrink=0.9, aspect=15, extend="min")
        seeds = len({row.seed for row in result.rows})
        what = "miniatures; " if result.miniatures else ""
        ax.set_title(f"{_TITLES[result.axis]}\n{what}{seeds} {'seed' if seeds == 1 else 'seeds'}", fontsize=8)
    return fig
