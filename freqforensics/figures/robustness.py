"""AP against the strength of perturbations."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from freqforensics.figures.style import OKABE_ITO, style

if TYPE_CHECKING:
    from freqforensics.evaluation import Robustness

_DASHES: Final = ("-", "--", ":", "-.")


def plot_robustness(result: Robustness, *, fig: Figure | None = None) -> Figure:
    """Draw AP along every sweep, a line with its 95 % band for each generator.

    Parameters
    ----------
    result : Robustness
        The sweeps.
    fig : Figure, optional
        An empty figure to draw on; its size is set.

    Returns
    -------
    Figure
        After Wang et al. 2020, figure 6, with weak perturbations at the left. Where there are verdicts, a second row of
        panels has the share of fakes (lines) and of real images (crosses) with the verdict "evidence".
    """
    from freqforensics.evaluation import SWEEPS

    sweeps = list(dict.fromkeys(row.sweep for row in result.rows))
    generators = list(dict.fromkeys(row.generator for row in result.rows))
    looks = {
        name: (OKABE_ITO[i % len(OKABE_ITO)], _DASHES[i // len(OKABE_ITO) % len(_DASHES)])
        for i, name in enumerate(generators)
    }
    across = min(4, len(sweeps))
    down = -(-len(sweeps) // across)
    verdicts = any(not math.isnan(row.evidence_fake) for row in result.rows)
    blocks = 2 if verdicts else 1
    with style():
        if fig is None:
            import matplotlib.pyplot as plt

            fig = plt.figure()
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
            for name, (colour, dash) in looks.items():
                curve = result.curve(sweeps[index], name)
                positions = [values.index(row.value) for row in curve]
                panels[0].plot(positions, [row.ap for row in curve], dash, color=colour, lw=1.1, marker=".", ms=3)
                low, high = [row.ap_low for row in curve], [row.ap_high for row in curve]
                panels[0].fill_between(positions, low, high, color=colour, alpha=0.12, lw=0)
                if verdicts:
                    panels[1].plot(positions, [row.evidence_fake for row in curve], dash, color=colour, lw=1.1)
                    real = [row.evidence_real for row in curve]
                    panels[1].plot(positions, real, "", color=colour, marker="x", ms=3, mew=0.7)
            for ax, label in zip(panels, ("AP", "“evidence”: fakes, × real"), strict=False):
                ax.set_xticks(range(len(values)), [f"{value:g}" for value in values])
                ax.set_xlabel(SWEEPS[sweeps[index]].axis, fontsize=6.5)
                ax.grid(color="0.92", lw=0.5)
                ax.set_axisbelow(True)
                if column == 0:
                    ax.set_ylabel(label)
            panels[0].set_title(sweeps[index])
            panels[0].set_ylim(0.28, 1.02)
            if verdicts:
                panels[1].set_ylim(-0.03, 1.03)
        what = "miniatures; " if result.miniatures else ""
        counts = sorted({(row.real, row.fake) for row in result.rows})
        counted = f"{counts[0][0]} real and {counts[0][1]} fake images each" if len(counts) == 1 else ""
        fig.suptitle(f"Robustness: {what}bands: 95 % intervals; {counted}".rstrip("; "), fontsize=8)
        handles = [Line2D([], [], color=c, ls=d, lw=1.2, label=name) for name, (c, d) in looks.items()]
        fig.legend(handles=handles, loc="outside lower center", ncols=min(6, len(handles)), frameon=False)
    return fig
