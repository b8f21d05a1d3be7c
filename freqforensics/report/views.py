"""The figures of a page, with what each means and does not mean."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from freqforensics.figures.inspect import VIEWS, plot_curve
from freqforensics.figures.style import new_figure, style
from freqforensics.inspection.finding import Finding

_SIZES: Final = {"counterfactuals": (7.2, 3.1), "bands": (3.9, 2.7), "deletion": (3.9, 2.7), "image": (3.6, 3.6)}
_DPI: Final = 150

# What a view shows (for who cannot see it), what it means, and what it does not mean.
_TEXTS: Final[dict[str, tuple[str, str, str]]] = {
    "image": (
        "The image.",
        "this is what was read, made smaller if it is large. Dashed: what was scored, if not all of it; solid: the view"
        " that is explained.",
        "that a viewer shows it with the same colours or orientation.",
    ),
    "unjudged": (
        "The image.",
        "this is what was read, made smaller if it is large.",
        "that a viewer shows it with the same colours or orientation.",
    ),
    "location": (
        "The explained view in grey, with blocks coloured by what they add to the logit.",
        "red blocks add to the score, blue ones take from it; all pixels sum to the gap.",
        "that something was edited there: a lattice is everywhere, and shows where the image is smooth.",
    ),
    "frequencies": (
        "A frequency plane, with each multiple of 1/32 coloured by what it adds to the logit.",
        "red frequencies add to the score, blue ones take from it; they sum to the gap.",
        "that the image is strong there: it is how the network weighs it.",
    ),
    "bands": (
        "Bars of what eight radial bands add to the logit.",
        "the same, summed over rings. Shapley values come from taking bands out, in all combinations.",
        "that a band alone would give that logit: bands act together.",
    ),
    "counterfactuals": (
        "The logit after each notch, beside those without other lines of the same radii and energy.",
        "a red point far from its grey bar, towards the grey field: these frequencies carry the score.",
        "that the image without them is what a camera would have made.",
    ),
    "deletion": (
        "Curves of the logit as frequencies are taken out: in the map's order, by energy, and others at random.",
        "the red curve below the grey one (above it, if the gap is negative): the map names frequencies that the score"
        " rests on.",
        "that no other set would do as much.",
    ),
    "randomisation": (
        "Spearman's coefficient of the maps with those of networks with random weights.",
        "near 0 at the right: the maps show what was learnt, not the network's build or the image's edges.",
        "that what was learnt is right.",
    ),
    "tiles": (
        "A grid of the logits of single tiles.",
        "a generated image's traces are mostly in all tiles, a pasted one's in some.",
        "proof of a splice: small tiles say little, smooth and dark ones less.",
    ),
    "standing": (
        "The residual's power by radial frequency, among photographs' percentiles.",
        "far outside the blue: sharper, smoother or noisier than nearly all photographs of the population.",
        "anything about generators: sharpening, denoising and scaling do that, too.",
    ),
    "nearest": (
        "Bars of the correlation of the image's lattice with those of known generators.",
        "named only on evidence, if the image's own tiles have a lattice, and photographs are hardly ever as alike.",
        "that this generator made it: others with the same upsamplers leave the same lattice.",
    ),
    "input": (
        "A frequency plane of the coherence of the luma residual's tiles.",
        "bright points are waves that have the same phase in all tiles: lattices.",
        "the spectrum: a strong texture that is not periodic stays dark.",
    ),
    "sensitivity": (
        "A frequency plane of how much a small wave could change the logit.",
        "where the network looks, for this image and for small changes.",
        "what the image has there.",
    ),
    "wavelets": (
        "What wavelets of three scales and directions add to the logit, by place.",
        "the same gap, by scale and place at once.",
        "that single coefficients are meaningful: look at sums.",
    ),
    "cosines": (
        "An 8 by 8 table of what each mode of the cosine transform adds.",
        "the same gap in the modes in which JPEG is coded; 0, 0 is the mean.",
        "that the image was compressed.",
    ),
    "cam": (
        "Grad-CAM of the last stage.",
        "the last stage's cells, which sum to the logit less the bias. For coherence the places are frequencies.",
        "a sharp place: each cell has seen most of the input.",
    ),
    "occlusion": (
        "The fall of the logit when windows are replaced by their median.",
        "a test by doing, which needs no gradient.",
        "a sum: windows act together.",
    ),
    "curve": (
        "The logit along one change of the explained view.",
        "how much of it the score survives; dashed: where it crosses the threshold.",
        "what had been done to the image before.",
    ),
}


@dataclass(frozen=True)
class View:
    """One figure of a page; `text` is the key of what is said of it, if not its name."""

    name: str
    png: bytes
    width: int
    height: int
    failed: str
    text: str = ""

    @property
    def data(self) -> str:
        """As base64."""
        return base64.b64encode(self.png).decode()

    @property
    def alt(self) -> str:
        """For who cannot see it."""
        return self._texts[0]

    @property
    def means(self) -> str:
        """What it means."""
        return self._texts[1]

    @property
    def not_means(self) -> str:
        """What it does not mean."""
        return self._texts[2]

    @property
    def _texts(self) -> tuple[str, str, str]:
        return _TEXTS[self.text or self.name]


def draw_views(finding: Finding) -> dict[str, View]:
    """Draw all views of a finding, by name."""
    if ("view" if finding.judged else "image") not in finding.maps:
        raise ValueError("the maps of this finding were not kept: inspect the image by itself")
    views = []
    for name, plot in VIEWS.items():
        if not finding.judged and name != "image":
            continue
        if name in ("input", "occlusion") and name not in finding.maps:
            continue
        views.append(_drawn(finding, name, plot))
    views.extend(
        _drawn(finding, f"curve-{curve.name}", lambda f, ax, curve=curve: plot_curve(f, curve, ax=ax), (3.4, 2.5))
        for curve in finding.curves
    )
    return {view.name: view for view in views}


def _drawn(finding: Finding, name: str, plot: Callable[..., Any], size: tuple[float, float] | None = None) -> View:
    width, height = size or _SIZES.get(name, (3.9, 3.3))
    with style():
        figure = new_figure()
        figure.set_size_inches(width, height)
        figure.set_layout_engine("constrained")
        plot(finding, ax=figure.add_subplot())
        stream = io.BytesIO()
        figure.savefig(stream, format="png", dpi=_DPI, metadata={"Software": "freqforensics"})
    explained = {
        "location": "pixels",
        "frequencies": "frequencies",
        "bands": "frequencies",
        "wavelets": "path",
        "cosines": "path",
    }.get(name)
    badge = None if explained is None else finding.badges.get(explained)
    failed = "" if badge is None or badge.passed else "; ".join(badge.reasons)
    text = "unjudged" if not finding.judged else "curve" if name.startswith("curve-") else ""
    return View(name, stream.getvalue(), round(width * _DPI), round(height * _DPI), failed, text)
