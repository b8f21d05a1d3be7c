"""False alarms on photographs, by source and carrier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from matplotlib.figure import Figure

from freqforensics.figures.style import shown_figure, style

if TYPE_CHECKING:
    from freqforensics.evaluation import FalseAlarms

_MOST: Final = 20.0
"""Per cent at which colours end, in every such figure."""


def plot_false_alarms(result: FalseAlarms, *, fig: Figure | None = None) -> Figure:
    """Draw the rate of "evidence" as a table in colour: a row for each source, a column for each carrier.

    Parameters
    ----------
    result : FalseAlarms
        The rates of verdicts.
    fig : Figure, optional
        An empty figure to draw on; its size is set.

    Returns
    -------
    Figure
        Numbers are per cent of the photographs; a dash where most of them cannot be judged, nothing where none was
        scored. Colours run from 0 to 20 % in every such figure.
    """
    sources, carriers = result.sources, result.carriers
    rates = np.full((len(sources), len(carriers)), np.nan)
    texts = {}
    for i, source in enumerate(sources):
        for j, carrier in enumerate(carriers):
            row = result.row(source, carrier)
            if row is None:
                continue
            rates[i, j] = 100 * row.evidence_rate
            unjudged = row.cannot_judge > row.images / 2
            texts[i, j] = "–" if unjudged and not row.evidence else f"{100 * row.evidence_rate:.3g}"
    counts = {source: max(row.images for row in result.rows if row.source == source) for source in sources}
    with style():
        fig = fig or shown_figure()
        fig.set_size_inches(max(0.34 * len(carriers) + 2.6, 4.2), 0.27 * len(sources) + 1.7)
        fig.set_layout_engine("constrained")
        ax = fig.subplots()
        image = ax.imshow(rates, cmap="YlOrRd", vmin=0.0, vmax=_MOST, aspect="auto")
        for (i, j), text in texts.items():
            colour = "white" if rates[i, j] > 0.65 * _MOST else "black" if rates[i, j] else "0.45"
            ax.text(j, i, text, ha="center", va="center", fontsize=6, color=colour)
        ax.set_xticks(range(len(carriers)), carriers, rotation=50, ha="right", rotation_mode="anchor")
        ax.set_yticks(range(len(sources)), [f"{source}  ({counts[source]})" for source in sources])
        if len(sources) > 1:  # the last is all of them together
            ax.axhline(len(sources) - 1.5, color="0.3", lw=1)
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
        fig.colorbar(image, ax=ax, label="%", shrink=0.9, aspect=12, extend="max")
        ax.set_title(
            "Photographs called “evidence of CNN generation”, % (images)\n"
            f"– most cannot be judged; weights {str(result.work.get('weights', ''))[:12]}",
            parse_math=False,
        )
    return fig
