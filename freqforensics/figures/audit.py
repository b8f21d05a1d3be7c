"""Differences between real and fake files, at a glance."""

from __future__ import annotations

from typing import Final

import numpy as np
from matplotlib.figure import Figure

from freqforensics.evaluation.confounds import Audit
from freqforensics.figures.style import new_figure, style

_NAMES: Final = (
    *("format", "size", "pixels", "aspect", "JPEG quality", "chroma subsampling"),
    *("bytes per pixel", "bit depth", "colour profile", "grey", "resampling"),
)


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
        Bold: serious; plain: mild; grey: not significant, or too small to matter; empty: no difference at all.
    """
    groups = [group for group in audit.groups if group.confounds or group.resampled or group.auc is not None]
    with style():
        fig = fig or new_figure()
        fig.set_size_inches(1.6 + 0.62 * (len(_NAMES) + 1), 1.5 + 0.3 * max(1, len(groups)))
        fig.set_layout_engine("constrained")
        ax = fig.add_subplot()
        if not groups:
            ax.set_axis_off()
            ax.text(0.5, 0.5, "nothing to compare: no generator has enough real and fake files", ha="center")
            return fig
        values = np.full((len(groups), len(_NAMES) + 1), np.nan)
        for row, group in enumerate(groups):
            for confound in group.confounds:
                values[row, _NAMES.index(confound.name)] = confound.effect
            if len(group.resampled) == 1:
                values[row, _NAMES.index("resampling")] = 1.0
            if group.auc is not None:
                values[row, -1] = max(0.0, 2 * group.auc - 1)
        picture = ax.imshow(values, cmap="YlOrRd", vmin=0, vmax=1, aspect="auto")
        for row, group in enumerate(groups):
            for confound in group.confounds:
                dark = "white" if confound.effect > 0.7 else "black"
                ax.text(
                    _NAMES.index(confound.name), row, f"{confound.effect:.2f}", ha="center", va="center", fontsize=7,
                    color="#999999" if confound.verdict == "none" else dark,
                    fontweight="bold" if confound.verdict == "serious" else "normal",
                )  # fmt: skip
            if len(group.resampled) == 1:
                label = next(iter(group.resampled))
                ax.text(_NAMES.index("resampling"), row, label, ha="center", va="center", fontsize=7, color="white",
                        fontweight="bold")  # fmt: skip
            if group.auc is not None:
                dark = "white" if 2 * group.auc - 1 > 0.7 else "black"
                ax.text(len(_NAMES), row, f"{group.auc:.2f}", ha="center", va="center", fontsize=7, color=dark)
        ax.axvline(len(_NAMES) - 0.5, color="black", linewidth=0.8)
        ax.set_xticks(range(len(_NAMES) + 1), [*_NAMES, "all: AUC"], rotation=35, ha="right")
        ax.set_yticks(range(len(groups)), [f"{group.generator} ({group.real}, {group.fake})" for group in groups])
        ax.set_title("real against fake files: effect sizes (bold: serious; grey: not significant)")
        fig.colorbar(picture, ax=ax, label="effect size", shrink=0.9)
    return fig
