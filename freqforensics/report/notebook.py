"""Results as Jupyter shows them: figures are drawn in memory, and nothing is written."""

from __future__ import annotations

import base64
from functools import singledispatch
from pathlib import Path
from typing import Any, Final

from markupsafe import escape

from freqforensics.detector.score_table import ScoreTable
from freqforensics.evaluation import Evaluation, FalseAlarms, Robustness
from freqforensics.evaluation.confounds import Audit
from freqforensics.figures.drawings import Drawing, drawing
from freqforensics.figures.plane import plot_spectrum
from freqforensics.figures.style import png_bytes
from freqforensics.fingerprints.comparison import Comparison
from freqforensics.inspection.finding import Finding
from freqforensics.report.builder import embedded
from freqforensics.report.page import Page
from freqforensics.runtime.showing import summary
from freqforensics.spectra import MeanSpectrum, UpsamplingReport

_DPI: Final = 110
_SHOWN: Final = 4
"""Most figures of a result without a page."""


def html_of(result: Any) -> str | None:
    """Draw a result.

    Parameters
    ----------
    result : object
        A result of a room below, or a study: it has `drawings`, `report` (a page of them), or `page`, the file of one.

    Returns
    -------
    str or None
        HTML; None, so that its repr is shown, of a result that holds nothing to draw.
    """
    if isinstance(result, Finding):
        return Page(result)._repr_html_() if "image" in result.maps else None
    name = type(result).__name__
    if isinstance(getattr(result, "page", None), Path):
        page: Path = result.page
        return embedded(page.read_text(encoding="utf-8"), name) if page.is_file() else None
    described = drawings_of(result)
    if hasattr(result, "report"):
        pictures = {drawing.name: png_bytes(drawing.figure()) for drawing in described}
        return embedded(result.report(pictures).render(), name)
    figures = "".join(_picture(drawing) for drawing in described[:_SHOWN])
    return figures + f"<pre>{escape(summary(result))}</pre>" if figures else None


@singledispatch
def drawings_of(result: Any) -> tuple[Drawing, ...]:
    """Describe the figures of a result.

    Parameters
    ----------
    result : object
        Result of a lower room, or anything with a method `drawings`.

    Returns
    -------
    tuple of Drawing
        Empty of a result that holds nothing to draw.
    """
    return tuple(result.drawings()) if hasattr(result, "drawings") else ()


@drawings_of.register
def _(result: MeanSpectrum) -> tuple[Drawing, ...]:
    def plot(spectrum: MeanSpectrum, *, fig: Any) -> None:
        fig.set_size_inches(4.2, 3.6)
        fig.set_layout_engine("constrained")
        plot_spectrum(spectrum, ax=fig.add_subplot())

    return (drawing("averaged_spectrum", plot, result),) if result.images else ()


@drawings_of.register
def _(result: UpsamplingReport) -> tuple[Drawing, ...]:
    from freqforensics.figures.upsampling import plot_evidence

    return (drawing("upsampling", plot_evidence, result),) if result.lattice.evidence else ()


@drawings_of.register
def _(result: ScoreTable) -> tuple[Drawing, ...]:
    from freqforensics.figures.score import plot_scores

    return (drawing("scores", plot_scores, result),) if any(score.judged for score in result.scores) else ()


@drawings_of.register
def _(result: Audit) -> tuple[Drawing, ...]:
    from freqforensics.figures.audit import plot_audit

    return (drawing("audit", plot_audit, result),) if result.groups else ()


@drawings_of.register
def _(result: Evaluation) -> tuple[Drawing, ...]:
    from freqforensics.figures.evaluate import plot_evaluation

    return (drawing("ap", plot_evaluation, result),) if result.rows() else ()


@drawings_of.register
def _(result: Robustness) -> tuple[Drawing, ...]:
    from freqforensics.figures.robustness import plot_robustness

    return (drawing("robustness", plot_robustness, result),) if result.rows else ()


@drawings_of.register
def _(result: FalseAlarms) -> tuple[Drawing, ...]:
    from freqforensics.figures.false_alarms import plot_false_alarms

    return (drawing("false_alarms", plot_false_alarms, result),) if result.rows else ()


@drawings_of.register
def _(result: Comparison) -> tuple[Drawing, ...]:
    from freqforensics.figures.compare import plot_similarities

    return (drawing("similarity", plot_similarities, result),) if result.similarities else ()


def _picture(described: Drawing) -> str:
    data = base64.b64encode(png_bytes(described.figure(), dpi=_DPI)).decode()
    alt = escape(described.name.replace("_", " "))
    return f'<img src="data:image/png;base64,{data}" alt="{alt}" style="max-width:100%">'
