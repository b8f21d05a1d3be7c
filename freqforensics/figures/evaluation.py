"""What detectors are worth: AP by generator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from freqforensics.figures.style import OKABE_ITO, style

if TYPE_CHECKING:
    from freqforensics.evaluation import Evaluation


def plot_evaluation(evaluation: Evaluation, *, fig: Figure | None = None) -> Figure:
    """Draw each generator's AP with its interval, the published ones beside where there are any.

    Parameters
    ----------
    evaluation : Evaluation
    fig : Figure, optional
        An empty figure to draw on; its size is set.

    Returns
    -------
    Figure
    """
    from freqforensics.evaluation import PUBLISHED_AP

    rows = evaluation.rows()
    with style():
        if fig is None:
            import matplotlib.pyplot as plt

            fig = plt.figure()
        fig.set_size_inches(5.6, 0.21 * len(rows) + 1.3)
        fig.set_layout_engine("constrained")
        ax = fig.subplots()
        places = range(len(rows))[::-1]
        for place, row in zip(places, rows, strict=True):
            ax.plot([row["ap_low"], row["ap_high"]], [place, place], color=OKABE_ITO[0], lw=1.6, solid_capstyle="butt")
            ax.plot(row["ap"], place, "o", color=OKABE_ITO[0], ms=4)
            chance = row["fake"] / (row["real"] + row["fake"])
            ax.plot([chance, chance], [place - 0.4, place + 0.4], color="0.6", lw=0.8)
            for marker, recipe in zip("s^", PUBLISHED_AP, strict=True):
                value = row.get(f"published_ap_{recipe}")
                if value is not None:
                    ax.plot(value, place, marker, mfc="none", mec=OKABE_ITO[1], ms=4, mew=0.8)
        ax.set_yticks(list(places), [f"{row['generator']}  ({row['real']} + {row['fake']})" for row in rows])
        ax.set_ylim(-0.7, len(rows) - 0.3)
        ax.set_xlim(0, 1.02)
        ax.set_xlabel("average precision of “fake”")
        ax.grid(axis="x", color="0.9", lw=0.5)
        ax.set_axisbelow(True)
        what = "Miniatures" if evaluation.miniatures else "Average precision"
        ax.set_title(
            f"{what}, by generator (images real + fake)\n"
            f"mean AP {evaluation.mean_ap:.3f}, crop “{evaluation.crop}”, weights {evaluation.weights[0][:12]}",
            parse_math=False,
        )
        handles = [
            Line2D([], [], color=OKABE_ITO[0], marker="o", ms=4, lw=1.6, label="AP, 95 % bootstrap interval"),
            Line2D([], [], color="0.6", lw=0, marker="|", ms=7, label="chance"),
        ]
        if any(row.get(f"published_ap_{recipe}") is not None for row in rows for recipe in PUBLISHED_AP):
            handles += [
                Line2D([], [], ls="", marker=marker, mfc="none", mec=OKABE_ITO[1], ms=4, label=f"Wang et al., {recipe}")
                for marker, recipe in zip("s^", PUBLISHED_AP, strict=True)
            ]
        fig.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False)
    return fig
