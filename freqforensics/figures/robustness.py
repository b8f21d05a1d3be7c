"""AP against the strength of perturbations."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING, Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from freqforensics.figures.style import series_looks, shown_figure, style

if TYPE_CHECKING:
    from freqforensics.evaluation import Robustness

_BANDS: Final = 3
"""Generators up to which intervals are bands; of more, bands cover each other."""
_ROOM: Final = 0.36
"""Share of the way to the next strength over which the generators' intervals are spread."""


def plot_robustness(result: Robustness, *, fig: Figure | None = None) -> Figure:
    """Draw AP along every sweep, a line with its 95 % interval for each generator, over that of chance.

    Parameters
    ----------
    result : Robustness
        The sweeps.
    fig : Figure, optional
        An empty figure to draw on; its size is set.

    Returns
    -------
    Figure
        After Wang et al. 2020, figure 6, with weak perturbations at the left. Intervals are bands; of more than three
        generators vertical lines, side by side. Chance is the share of fakes. Where there are verdicts, a second row
        of panels has the share of fakes (lines) and of real images (crosses) with the verdict "evidence".
    """
    from freqforensics.evaluation import SWEEPS

    sweeps = list(dict.fromkeys(row.sweep for row in result.rows))
    generators = list(dict.fromkeys(row.generator for row in result.rows))
    looks = dict(zip(generators, series_looks(len(generators)), strict=True))
    shares = [row.fake / (row.real + row.fake) for row in result.rows if row.real and row.fake] or [0.5]
    chance = min(shares), max(shares)
    lows = [row.ap_low for row in result.rows if not math.isnan(row.ap_low)]
    lowest = 0.9 * min(0.31, *chance, *lows)
    across = min(4, len(sweeps))
    down = -(-len(sweeps) // across)
    verdicts = any(not math.isnan(row.evidence_fake) for row in result.rows)
    blocks = 2 if verdicts else 1
    with style():
        fig = fig or shown_figure()
        legend = 0.16 * -(-len(generators) // 6)
        fig.set_size_inches(max(2.3 * across + 0.5, 4.0), 2.2 * down * blocks + 0.6 + legend)
        fig.set_layout_engine("constrained")
        axes = fig.subplots(down * blocks, across, sharey="row", squeeze=False)
        for index in range(down * across):
            line, column = divmod(index, across)
            panels = [axes[blocks * line + block, column] for block in range(blocks)]
            if index >= len(sweeps):
                for ax in panels:
                    ax.set_axis_off()
                continue
            values = list(dict.fromkeys(row.value for row in result.rows if row.sweep == sweeps[index]))
            for number, (name, (colour, mark)) in enumerate(looks.items()):
                curve = result.curve(sweeps[index], name)
                positions = [values.index(row.value) + _step_aside(number, len(looks)) for row in curve]
                look: dict[str, Any] = {"color": colour, "lw": 1.0, "marker": mark, "ms": 2.6}
                panels[0].plot(positions, [row.ap for row in curve], **look)
                low, high = [row.ap_low for row in curve], [row.ap_high for row in curve]
                if len(looks) <= _BANDS:
                    panels[0].fill_between(positions, low, high, color=colour, alpha=0.2, lw=0)
                else:
                    panels[0].vlines(positions, low, high, color=colour, lw=0.8, alpha=0.65)
                if verdicts:
                    panels[1].plot(positions, [row.evidence_fake for row in curve], **look)
                    real = [row.evidence_real for row in curve]
                    panels[1].plot(positions, real, "x", color=colour, ms=3, mew=0.7)
            _draw_chance(panels[0], chance)
            for ax, label in zip(panels, ("AP", "“evidence”: fakes, × real"), strict=False):
                ax.set_xticks(range(len(values)), [f"{value:g}" for value in values])
                ax.set_xlabel(SWEEPS[sweeps[index]].axis, fontsize=6.5)
                ax.grid(color="0.92", lw=0.5)
                ax.set_axisbelow(True)
                if column == 0:
                    ax.set_ylabel(label)
            panels[0].set_title(sweeps[index])
            panels[0].set_ylim(lowest, 1.02)
            if verdicts:
                panels[1].set_ylim(-0.03, 1.03)
        what = "miniatures; " if result.miniatures else ""
        counts = sorted({(row.real, row.fake) for row in result.rows})
        counted = f"{counts[0][0]} real and {counts[0][1]} fake images each" if len(counts) == 1 else ""
        spans = "bands" if len(looks) <= _BANDS else "vertical lines"
        title = f"Robustness: {what}{spans}: 95 % intervals; dashed: chance; {counted}".rstrip("; ")
        fig.suptitle("\n".join(textwrap.wrap(title, int(16 * fig.get_figwidth()))), fontsize=8)
        handles = [Line2D([], [], color=c, marker=m, ms=3, lw=1.2, label=name) for name, (c, m) in looks.items()]
        fig.legend(handles=handles, loc="outside lower center", ncols=min(6, len(handles)), frameon=False)
    return fig


def _step_aside(number: int, of: int) -> float:
    """Where a generator's points lie beside their strength, so that intervals do not cover each other."""
    return 0.0 if of <= _BANDS else _ROOM * ((number + 0.5) / of - 0.5)


def _draw_chance(ax: Axes, shares: tuple[float, float]) -> None:
    """A dashed line, or where generators have other shares of fakes a field from the least to the greatest."""
    low, high = shares
    if high > low:
        ax.axhspan(low, high, color="0.93", zorder=0)
    ax.axhline((low + high) / 2, color="0.35", linestyle="--", linewidth=0.8, zorder=1)
