"""The figures of a page."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from freqforensics.figures.inspect import VIEWS, plot_curve
from freqforensics.figures.style import new_figure, style
from freqforensics.inspection.finding import Finding

_SIZES: Final = {"bands": (3.9, 2.7), "deletion": (3.9, 2.7)}
_DPI: Final = 150
_COMPRESSION: Final = 4
_OPTIONAL: Final = {
    "input": "input",
    "location": "pixels",
    "occlusion": "occlusion",
    "sensitivity": "sensitivity",
    "cosines": "cosines",
    "cam": "cam",
    "wavelets": "wavelet smooth",
}
"""By view: the map without which it is not drawn."""
_EXPLAINED_BY: Final = {
    "location": "pixels",
    "frequencies": "frequencies",
    "bands": "frequencies",
    "wavelets": "path",
    "cosines": "path",
}
"""By view: the map whose badge it has."""


@dataclass(frozen=True)
class View:
    """One figure of a page.

    Parameters
    ----------
    name : str
        Name of its file, without the suffix.
    png : bytes
    width, height : int
        Pixels.
    failed : str
        Why the figure is not to be relied on; empty if it is.
    """

    name: str
    png: bytes
    width: int
    height: int
    failed: str


def draw_views(finding: Finding) -> dict[str, View]:
    """Draw all views of a finding, by name."""
    if ("view" if finding.judged else "image") not in finding.maps:
        raise ValueError("the maps of this finding were not kept: inspect the image by itself")
    views = []
    for name, plot in VIEWS.items():
        if not finding.judged and name != "image":
            continue
        if name in _OPTIONAL and _OPTIONAL[name] not in finding.maps:
            continue
        if name == "tiles" and any(left.view == "tiles" for left in finding.left_out):
            continue
        if name == "randomisation" and not finding.tests.randomisation:
            continue
        views.append(_drawn(finding, name, plot))
    views.extend(
        _drawn(finding, f"curve-{curve.name}", lambda f, ax, curve=curve: plot_curve(f, curve, ax=ax), (3.4, 2.5))
        for curve in finding.changes.curves
    )
    return {view.name: view for view in views}


def _drawn(finding: Finding, name: str, plot: Callable[..., Any], size: tuple[float, float] | None = None) -> View:
    if name == "image":
        size = _picture_size(finding.maps["image"])
    if name == "counterfactuals":
        size = 7.2, 1.5 + 0.36 * sum(change.kind == "notch" for change in finding.changes.counterfactuals)
    width, height = size or _SIZES.get(name, (3.9, 3.3))
    badge = finding.tests.badges.get(_EXPLAINED_BY.get(name, ""))
    return View(
        name=name,
        png=_png(finding, plot, (width, height)),
        width=round(width * _DPI),
        height=round(height * _DPI),
        failed="" if badge is None or badge.passed else "; ".join(badge.reasons),
    )


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
