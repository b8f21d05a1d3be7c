"""Logits of groups of images, and what images are compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from freqforensics.figures.style import OKABE_ITO, label_colour, shown_figure, style
from freqforensics.spectra.population import BINS, PERCENTILES

if TYPE_CHECKING:
    from freqforensics.detector import ScoreTable
    from freqforensics.detector.calibration import Calibration
    from freqforensics.spectra.population import Population

_MOST: Final = 40
"""Most groups in a figure; those with the most images are drawn."""
_DOTS: Final = 200
"""Images of a group up to which each is a dot."""


def plot_scores(table: ScoreTable, *, fig: Figure | None = None) -> Figure:
    """Draw the logits of every generator and label: median, quartiles, 5 to 95 %, and each of up to 200 images.

    Parameters
    ----------
    table : ScoreTable
        Scores; images that cannot be judged have no logit and are left out.
    fig : Figure, optional
        An empty figure to draw on; its size is set.

    Returns
    -------
    Figure
        The figure that was drawn on.

    Raises
    ------
    ValueError
        There is no logit.
    """
    groups: dict[tuple[str, str], list[float]] = {}
    for score in table.scores:
        if score.judged:
            groups.setdefault((score.generator, score.label), []).append(score.logit)
    return _plot_groups(
        {
            f"{generator} {label}": (logits, label_colour(label))
            for (generator, label), logits in sorted(groups.items())
        },
        f"Logits of {sum(map(len, groups.values()))} images, by generator and label",
        fig,
    )


def plot_calibration(calibration: Calibration, *, fig: Figure | None = None) -> Figure:
    """Draw the logits of the photographs that verdicts are taken from, by carrier.

    Parameters
    ----------
    calibration : Calibration
        Logits of photographs and what they were sent by.
    fig : Figure, optional
        An empty figure to draw on; its size is set.

    Returns
    -------
    Figure
        The figure that was drawn on.
    """
    carriers = np.array(calibration.carriers)
    groups = {
        str(name): (calibration.logits[carriers == name].tolist(), OKABE_ITO[0])
        for name in dict.fromkeys(calibration.carriers)
    }
    return _plot_groups(groups, f"Logits of {len(carriers)} photographs, by carrier", fig)


def plot_population(population: Population, *, fig: Figure | None = None) -> Figure:
    """Draw the percentiles of photographs' residual power by frequency.

    Parameters
    ----------
    population : Population
        Photographs and generators that images are compared with.
    fig : Figure, optional
        An empty figure to draw on; its size is set.

    Returns
    -------
    Figure
        The figure that was drawn on.
    """
    with style():
        fig = fig or shown_figure()
        fig.set_size_inches(4.2, 2.8)
        fig.set_layout_engine("constrained")
        ax = fig.add_subplot()
        frequencies = (np.arange(BINS) + 1) * 0.5 / BINS
        half = len(PERCENTILES) // 2
        for index in range(half):
            ax.fill_between(
                frequencies, population.levels[index], population.levels[-1 - index], color=OKABE_ITO[0], lw=0,
                alpha=0.15 + 0.08 * index, label=f"{PERCENTILES[index]} to {PERCENTILES[-1 - index]} %",
            )  # fmt: skip
        ax.plot(frequencies, population.levels[half], color=OKABE_ITO[0], lw=1.0, label="median")
        ax.set(xlabel="radial frequency (cycles per pixel)", ylabel="residual power (dB)", xlim=(0, 0.5))
        generators = len(population.names)
        ax.set_title(
            f"{population.photographs} photographs; lattices of {generators} generator{'' if generators == 1 else 's'}"
        )
        ax.legend(frameon=False)
    return fig


def _plot_groups(groups: Mapping[str, tuple[Sequence[float], str]], title: str, fig: Figure | None) -> Figure:
    if not groups:
        raise ValueError("there is no logit to draw")
    largest = sorted(groups, key=lambda name: -len(groups[name][0]))[:_MOST]
    names = [name for name in groups if name in set(largest)][::-1]
    if len(names) < len(groups):
        title += f"\n(the {len(names)} largest of {len(groups)} groups)"
    with style():
        fig = fig or shown_figure()
        fig.set_size_inches(5.6, 0.22 * len(names) + 1.3)
        fig.set_layout_engine("constrained")
        ax = fig.add_subplot()
        for position, name in enumerate(names):
            _draw_group(ax, position, *groups[name])
        ax.set_yticks(range(len(names)), [f"{name}  ({len(groups[name][0])})" for name in names])
        ax.set_ylim(-0.6, len(names) - 0.4)
        ax.axvline(0, color="0.7", lw=0.8, zorder=0)
        ax.set_xlabel("logit")
        ax.set_title(title)
        ax.grid(axis="x", color="0.93", lw=0.5)
        ax.set_axisbelow(True)
        look: dict[str, Any] = {"color": "0.35", "solid_capstyle": "butt"}
        handles = [
            Line2D([], [], ls="", marker="o", ms=4, color="0.35", label="median"),
            Line2D([], [], lw=3, label="25 to 75 %", **look),
            Line2D([], [], lw=0.8, label="5 to 95 %", **look),
        ]
        if any(len(groups[name][0]) <= _DOTS for name in names):
            label = f"one image (in groups of at most {_DOTS})"
            handles.append(Line2D([], [], ls="", marker="|", ms=5, mew=0.5, color="0.35", label=label))
        fig.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False)
    return fig


def _draw_group(ax: Axes, position: int, logits: Sequence[float], colour: str) -> None:
    low, first, median, third, high = np.percentile(logits, [5, 25, 50, 75, 95])
    ax.plot([low, high], [position, position], color=colour, lw=0.8, solid_capstyle="butt")
    ax.plot([first, third], [position, position], color=colour, lw=3, solid_capstyle="butt", alpha=0.55)
    if len(logits) <= _DOTS:
        ax.plot(logits, [position] * len(logits), "|", color=colour, ms=5, mew=0.5, alpha=0.6)
    ax.plot(median, position, "o", color=colour, ms=4)
