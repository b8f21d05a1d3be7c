"""Metrics of a detector by generator: AP, and the share of fakes above a threshold that few photographs exceed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from freqforensics.figures.style import OKABE_ITO, shown_figure, style

if TYPE_CHECKING:
    from freqforensics.evaluation import Evaluation


_MARKERS: Final = "oDv^"
"""Markers of the ways of scoring, in their order."""


def plot_evaluation(evaluation: Evaluation, *, fig: Figure | None = None) -> Figure:
    """Draw each generator's AP with its interval, and the share of its fakes that exceeds most photographs.

    Parameters
    ----------
    evaluation : Evaluation
        The evaluation.
    fig : Figure, optional
        An empty figure to draw on; its size is set.

    Returns
    -------
    Figure
        Left, AP, the published ones beside where there are any. Right, where there is a population of photographs, the
        share of fakes above the logit that 1 % of them exceed, and the share with the verdict "evidence". Full discs:
        files as they are; hollow marks: other ways of scoring.
    """
    rows = evaluation.rows()
    names = sorted({row["generator"] for row in rows}, reverse=True)
    looks = dict(zip(evaluation.ways, _MARKERS, strict=False))
    against = evaluation.photographs is not None
    with style():
        fig = fig or shown_figure()
        fig.set_size_inches(8.2 if against else 5.6, 0.21 * len(names) + (2.1 if against else 1.5))
        fig.set_layout_engine("constrained")
        axes = fig.subplots(1, 2 if against else 1, sharey=True, squeeze=False)[0]
        labels: dict[int, str] = {}
        for row in rows:
            position, first = names.index(row["generator"]), row["way"] == evaluation.way
            labels.setdefault(position, f"{row['generator']}  ({row['real']} + {row['fake']})")
            look = {"color": OKABE_ITO[0], "ms": 4, "mfc": OKABE_ITO[0] if first else "none", "mew": 0.8}
            if row["ap"] is not None:
                _draw_ap(axes[0], row, position, first=first)
                axes[0].plot(row["ap"], position, looks[row["way"]], **look)
            if against and row["tpr_photographs_1"] is not None:
                axes[1].plot(row["tpr_photographs_1"], position, looks[row["way"]], **look)
            if against and first and row["evidence_fake"] is not None:
                axes[1].plot(row["evidence_fake"], position, "x", color=OKABE_ITO[1], ms=4)
        axes[0].set_yticks(range(len(names)), [labels[position] for position in range(len(names))])
        axes[0].set_ylim(-0.7, len(names) - 0.3)
        axes[0].set_xlabel("average precision of “fake”")
        if against:
            axes[1].set_xlabel("share of fakes found")
            axes[1].set_title("found where 1 % of the photographs pass:\n" + _shortened(evaluation), parse_math=False)
        for ax in axes:
            ax.set_xlim(-0.02 if against else 0, 1.02)
            ax.grid(axis="x", color="0.9", lw=0.5)
            ax.set_axisbelow(True)
        what = "Miniatures" if evaluation.miniatures else "Average precision"
        axes[0].set_title(
            f"{what}, by generator (images real + fake)\n"
            f"mean AP {evaluation.mean_ap:.3f}, crop “{evaluation.crop}”, weights {evaluation.weights[0][:12]}",
            parse_math=False,
        )
        fig.legend(handles=_handles(evaluation, rows, looks), loc="outside lower center", ncols=3, frameon=False)
    return fig


def _draw_ap(ax: Axes, row: dict[str, Any], position: int, *, first: bool) -> None:
    """Draw the interval of a generator's AP, its value by chance, and the published ones."""
    from freqforensics.evaluation import PUBLISHED_AP

    if not first:
        return
    ax.plot([row["ap_low"], row["ap_high"]], [position, position], color=OKABE_ITO[0], lw=1.6, solid_capstyle="butt")
    chance = row["fake"] / (row["real"] + row["fake"])
    ax.plot([chance, chance], [position - 0.4, position + 0.4], color="0.6", lw=0.8)
    for marker, recipe in zip("s^", PUBLISHED_AP, strict=True):
        value = row.get(f"published_ap_{recipe}")
        if value is not None:
            ax.plot(value, position, marker, mfc="none", mec=OKABE_ITO[1], ms=4, mew=0.8)


def _handles(evaluation: Evaluation, rows: list[dict[str, Any]], looks: dict[str, str]) -> list[Line2D]:
    from freqforensics.evaluation import PUBLISHED_AP, WAYS

    blue = OKABE_ITO[0]
    handles = [
        Line2D([], [], color=blue, marker="o", ms=4, lw=1.6, label="as the files are, 95 % interval"),
        Line2D([], [], color="0.6", lw=0, marker="|", ms=7, label="chance"),
    ]
    for way, marker in list(looks.items())[1:]:
        label = WAYS[way].about if way in WAYS else way
        handles.append(Line2D([], [], ls="", color=blue, marker=marker, ms=4, mfc="none", mew=0.8, label=label))
    if evaluation.photographs is not None:
        handles.append(Line2D([], [], ls="", color=OKABE_ITO[1], marker="x", ms=4, label="verdict “evidence”, as is"))
    if any(row.get(f"published_ap_{recipe}") is not None for row in rows for recipe in PUBLISHED_AP):
        handles += [
            Line2D([], [], ls="", marker=marker, mfc="none", mec=OKABE_ITO[1], ms=4, label=f"Wang et al., {recipe}")
            for marker, recipe in zip("s^", PUBLISHED_AP, strict=True)
        ]
    return handles


def _shortened(evaluation: Evaluation) -> str:
    photographs = evaluation.photographs
    if photographs is None:
        return ""
    name = photographs.name if len(photographs.name) <= 40 else photographs.name[:39] + "…"
    return f"{len(photographs.logits)} of {name}"
