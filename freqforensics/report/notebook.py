"""Results as Jupyter shows them."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any, Final, Protocol

from markupsafe import escape

from freqforensics.figures.plane import plot_spectrum
from freqforensics.figures.style import new_figure, style
from freqforensics.inspection.finding import Finding
from freqforensics.report.builder import embedded
from freqforensics.report.page import Page
from freqforensics.runtime.showing import summary
from freqforensics.spectra.power import MeanSpectrum

_DPI: Final = 110
_SHOWN: Final = 4
"""Most figures of a study without a page."""


class Saved(Protocol):
    """A study that writes a folder."""

    def save(self, out: str | Path) -> None:
        """Write the folder."""
        ...


def html_of(result: Any) -> str | None:
    """Draw a result.

    Parameters
    ----------
    result : MeanSpectrum, Finding or a study

    Returns
    -------
    str or None
        HTML; None, so that its repr is shown, of a result that holds nothing to draw.
    """
    if isinstance(result, MeanSpectrum):
        return _spectrum(result) if result.images else None
    if isinstance(result, Finding):
        return Page(result)._repr_html_() if "image" in result.maps else None
    return _study(result)


def _spectrum(spectrum: MeanSpectrum) -> str:
    with style():
        figure = new_figure()
        figure.set_size_inches(4.2, 3.6)
        figure.set_layout_engine("constrained")
        plot_spectrum(spectrum, ax=figure.add_subplot())
        stream = io.BytesIO()
        figure.savefig(stream, format="png", dpi=_DPI)
    return _picture(stream.getvalue(), "averaged spectrum") + _words(spectrum)


def _study(study: Saved) -> str | None:
    """The page that a study writes, or its figures."""
    import tempfile

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "results"
        study.save(folder)
        if not folder.is_dir():
            return None
        page = folder / "index.html"
        if page.is_file():
            return embedded(page.read_text(encoding="utf-8"), type(study).__name__)
        pictures = sorted(folder.glob("*.png"))[:_SHOWN]
        figures = "".join(_picture(path.read_bytes(), path.stem) for path in pictures)
    return figures + _words(study) if figures else None


def _picture(png: bytes, alt: str) -> str:
    data = base64.b64encode(png).decode()
    return f'<img src="data:image/png;base64,{data}" alt="{escape(alt)}" style="max-width:100%">'


def _words(result: Any) -> str:
    return f"<pre>{escape(summary(result))}</pre>"
