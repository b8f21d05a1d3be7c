"""The figures of a page."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from freqforensics.figures.inspect import VIEWS, plot_curve
from freqforensics.figures.style import new_figure, style
from freqforensics.inspection.finding import Finding
from freqforensics.report.view_names import CURVE, Picture, View, as_view, view_names

_SIZES: Final = {"bands": (3.9, 2.7), "deletion": (3.9, 2.7)}
_DPI: Final = 150
_COMPRESSION: Final = 4


def draw_views(finding: Finding) -> dict[str, View]:
    """Draw all views of a finding, by name."""
    if ("view" if finding.judged else "image") not in finding.maps:
        raise ValueError("the maps of this finding were not kept: inspect the image by itself")
    pictures = drawn_pictures(finding, view_names(finding))
    return {name: as_view(finding, name, picture) for name, picture in pictures.items()}


def drawn_pictures(finding: Finding, names: Iterable[str]) -> dict[str, Picture]:
    """Draw some views of a finding, which may still be in progress; see `ready_views`."""
    curves = {CURVE + curve.name: curve for curve in finding.changes.curves}
    return {
        name: _drawn(finding, name, partial(plot_curve, curve=curves[name]) if name in curves else VIEWS[name])
        for name in names
    }


def _drawn(finding: Finding, name: str, plot: Callable[..., Any]) -> Picture:
    size = (3.4, 2.5) if name.startswith(CURVE) else _SIZES.get(name, (3.9, 3.3))
    if name == "image":
        size = _picture_size(finding.maps["image"])
    if name == "counterfactuals":
        size = 7.2, 1.5 + 0.36 * sum(change.kind == "notch" for change in finding.changes.counterfactuals)
    width, height = size
    return Picture(_png(finding, plot, size), round(width * _DPI), round(height * _DPI))


def _picture_size(image: NDArray[Any]) -> tuple[float, float]:
    """Inches of the picture without a border: at most 4.2 wide and 5 high."""
    height, width = image.shape[:2]
    scale = min(4.2 / width, 5 / height)
    return max(0.3, width * scale), max(0.3, height * scale)


def _png(finding: Finding, plot: Callable[..., Any], size: tuple[float, float]) -> bytes:
    with style():
        figure = new_figure()
        figure.set_dpi(_DPI)
        figure.set_size_inches(*size)
        figure.set_layout_engine("constrained")
        plot(finding, ax=figure.add_subplot())
        canvas: Any = figure.canvas
        canvas.draw()  # savefig would draw twice
    about = PngInfo()
    about.add_text("Software", "freqforensics")
    stream = io.BytesIO()
    # Without its alpha, which is full; colours of figures compress as well at a low level.
    picture = Image.fromarray(np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[..., :3]))
    picture.save(stream, format="png", dpi=(_DPI, _DPI), pnginfo=about, compress_level=_COMPRESSION)
    return stream.getvalue()
