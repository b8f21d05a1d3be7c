"""Differences between real and fake files, at a glance."""

from __future__ import annotations

from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from freqforensics.evaluation.confounds import Audit, GroupAudit
from freqforensics.figures.style import shown_figure, style

_NAMES: Final = (
    *("format", "size", "pixels", "aspect", "JPEG quality", "chroma subsampling"),
    *("bytes per pixel", "bit depth", "colour profile", "grey", "resampling"),
)
_PALE: Final = "#777777"


def plot_audit(audit: Audit, *, fig: Figure | None = None) -> Figure:
    """Draw the effect size of each difference for each generator, and the AUC of all of them together.

    Parameters
    ----------
    audit : Audit
        The audit. Generators without two sides are left out.
    fig : Figure, optional
        An empty figure to draw on; its size is set. Default a new one.

    Returns
    -------
    Figure
        Bold: serious; plain: mild; grey without colour: not significant, or too small to matter; empty: no difference
        at all. The AUC has a scale that begins at 0.5, which is chance.
    """
    groups = [group for group in audit.groups if group.confounds or group.resampled or group.auc is not None]
    with style():
        fig = fig or shown_figure()
        fig.set_size_inches(2.6 + 0.55 * (len(_NAMES) + 1), 1.6 + 0.27 * max(1, len(groups)))
        fig.set_layout_engine("constrained")
        if not groups:
            ax = fig.add_subplot()
            ax.set_axis_off()
            ax.text(0.5, 0.5, "nothing to compare: no generator has enough real and fake files", ha="center")
            return fig
        effects, together = fig.subplots(1, 2, sharey=True, width_ratios=(len(_NAMES), 1))
        _draw_effects(effects, groups)
        _draw_auc(together, groups)
        effects.set_yticks(range(len(groups)), [f"{group.generator} ({group.real}, {group.fake})" for group in groups])
        fig.colorbar(together.images[0], ax=[effects, together], label="AUC, all together (chance: 0.5)", aspect=14,
                     shrink=0.95, pad=0.01)  # fmt: skip
        fig.colorbar(effects.images[0], ax=[effects, together], label="effect size", aspect=14, shrink=0.95, pad=0.02)
        fig.suptitle(
            "Real against fake files: effect sizes (bold: serious; grey: not significant or too small; "
            "resampling: the side that shows it)",
            fontsize=8,
        )
    return fig


def _draw_effects(ax: Axes, groups: list[GroupAudit]) -> None:
    values = np.full((len(groups), len(_NAMES)), np.nan)
    for row, group in enumerate(groups):
        for confound in group.confounds:
            column, significant = _NAMES.index(confound.name), confound.verdict != "none"
            if significant:
                values[row, column] = confound.effect
            colour = ("white" if confound.effect > 0.7 else "black") if significant else _PALE
            weight = "bold" if confound.verdict == "serious" else "normal"
            _write(ax, column, row, f"{confound.effect:.2f}", colour, weight)
        if len(group.resampled) == 1:
            values[row, _NAMES.index("resampling")] = 1.0
            _write(ax, _NAMES.index("resampling"), row, next(iter(group.resampled)), "white", "bold")
    ax.imshow(values, cmap="YlOrRd", vmin=0, vmax=1, aspect="auto")
    _set_columns(ax, _NAMES)
    _rule(ax, *values.shape)


def _draw_auc(ax: Axes, groups: list[GroupAudit]) -> None:
    values = np.array([[np.nan if group.auc is None else group.auc] for group in groups])
    ax.imshow(values, cmap="Blues", vmin=0.5, vmax=1, aspect="auto")
    for row, value in enumerate(values[:, 0]):
        if not np.isnan(value):
            _write(ax, 0, row, f"{value:.2f}", "white" if value > 0.8 else "black", "normal")
    _set_columns(ax, ["all: AUC"])
    ax.tick_params(axis="y", length=0)
    _rule(ax, *values.shape)


def _set_columns(ax: Axes, names: tuple[str, ...] | list[str]) -> None:
    ax.set_xticks(range(len(names)), names, rotation=35, ha="right", rotation_mode="anchor")


def _rule(ax: Axes, rows: int, columns: int) -> None:
    """Rule the cells, so that an empty row or column can be followed."""
    ax.set_xticks(np.arange(0.5, columns - 1), minor=True)
    ax.set_yticks(np.arange(0.5, rows - 1), minor=True)
    ax.grid(which="minor", color="0.88", linewidth=0.5)
    ax.tick_params(which="minor", length=0)


def _write(ax: Axes, column: int, row: int, text: str, colour: str, weight: str) -> None:
    ax.text(column, row, text, ha="center", va="center", fontsize=7, color=colour, fontweight=weight)
