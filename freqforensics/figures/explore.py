"""Figures of the explorers in notebooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from freqforensics.figures.plane import (
    COLOURS,
    LINE_LEVEL,
    PlotKind,
    draw_plane,
    plot_spectrum,
    residual_name,
    scale_label,
    spectrum_limits,
)
from freqforensics.figures.style import new_figure, ordered_labels, plain_ticks, png_bytes, style
from freqforensics.spectra import MeanSpectrum

if TYPE_CHECKING:
    from freqforensics.attribution import Counterfactual

_CHOSEN: Final = "#D55E00"
_PEAK: Final = "#555555"
_STRETCH: Final = 8.0
"""Grey levels of change that are drawn black or white."""


def plot_labels(
    spectra: Mapping[str, MeanSpectrum], kind: PlotKind, *, title: str = "", fig: Figure | None = None
) -> Figure:
    """Draw the spectra of one generator side by side, one for each label, on one colour scale.

    Parameters
    ----------
    spectra : mapping of str to MeanSpectrum
        Spectra by label, with the same spec. Those without an image are left out.
    kind : {"coherent", "power", "log_power", "coherence"}
        Quantity to draw, as for `plot_spectrum`.
    title : str
        Beginning of the title.
    fig : Figure, optional
        An empty figure to draw on; its size is set. Default a new one.

    Returns
    -------
    Figure
        The figure that was drawn on.

    Raises
    ------
    ValueError
        No spectrum has an image.
    """
    drawn = {label: spectra[label] for label in ordered_labels(spectra) if spectra[label].images}
    if not drawn:
        size = "×".join(str(side) for side in next(iter(spectra.values())).spec.shape) if spectra else ""
        raise ValueError(f"no image is as large as {size} pixels" if size else "there is no spectrum to draw")
    limits = spectrum_limits(list(drawn.values()), kind)
    with style():
        fig = fig or new_figure()
        fig.set_size_inches(3.1 * len(drawn) + 1.0, 3.5)
        fig.set_layout_engine("constrained")
        axes = fig.subplots(1, len(drawn), squeeze=False)[0]
        for ax, (label, spectrum) in zip(axes, drawn.items(), strict=True):
            prefix = "" if label == "unknown" else f"{label}, "
            cells = 64 if kind == "coherence" else 128
            plot_spectrum(spectrum, kind, ax=ax, limits=limits, colorbar=False, cells=cells,
                          mark_lines=kind == "coherence", title=f"{prefix}N = {spectrum.images}")  # fmt: skip
        for ax in axes[1:]:
            ax.set_ylabel("")
        first = next(iter(drawn.values()))
        bar = fig.colorbar(
            axes[0].images[0],
            ax=list(axes),
            label=scale_label(kind, first.spec.normalisation),
            shrink=0.9,
            extend="both",
        )
        if kind == "coherence":
            plain_ticks(bar, limits)
        heading = f"{title}: " if title else ""
        name = residual_name(first)
        name = name if "residual" in name else f"residual {name}"
        rings = f"; rings: p < {LINE_LEVEL} of all bins" if kind == "coherence" else ""
        fig.suptitle(f"{heading}{name}, window {first.spec.window}{rings}", fontsize=9)
    return fig


def plot_notched(
    original: NDArray[np.uint8],
    image: NDArray[np.uint8],
    spectrum: MeanSpectrum,
    *,
    peaks: Sequence[tuple[float, float]],
    chosen: Sequence[tuple[float, float]],
    change: Counterfactual,
    threshold: float,
    fig: Figure | None = None,
) -> Figure:
    """Draw the coherence of an image's tiles, the image after notching, the difference, and the logits.

    Parameters
    ----------
    original, image : ndarray of uint8, (H, W, 3)
        Image before and after notching.
    spectrum : MeanSpectrum
        Spectrum of the original's tiles.
    peaks, chosen : sequence of (fx, fy)
        Frequencies to ring: significant ones in grey, removed ones in orange.
    change : Counterfactual
        Logits before and after.
    threshold : float
        Logit above which the verdict is evidence; drawn beside the logits.
    fig : Figure, optional
        An empty figure to draw on; its size is set. Default a new one.

    Returns
    -------
    Figure
        The figure that was drawn on.
    """
    with style():
        fig = fig or new_figure()
        fig.set_size_inches(10.2, 3.1)
        fig.set_layout_engine("constrained")
        plane, after, removed, score = fig.subplots(1, 4, width_ratios=(1.35, 1, 1, 0.85))
        values = spectrum.full("coherence") * spectrum.images
        norm = LogNorm(1, max(10.0, float(np.nanmax(values))), clip=True)
        picture = draw_plane(plane, np.nan_to_num(values), norm, COLOURS["coherence"])
        bar = fig.colorbar(picture, ax=plane, label="N R (1 on average by chance)", shrink=0.85, extend="both")
        plain_ticks(bar, (1, float(norm.vmax or 10)))
        _ring(plane, peaks, _PEAK, 28)
        _ring(plane, chosen, _CHOSEN, 60)
        plane.set_title(f"coherence of {spectrum.images} tiles\ngrey: significant; orange: taken out")
        after.imshow(image, interpolation="nearest")
        after.set_title("the image without them")
        difference = original.astype(np.float32).mean(axis=2) - image.astype(np.float32).mean(axis=2)
        removed.imshow(difference, cmap="gray", norm=Normalize(-_STRETCH, _STRETCH, clip=True), interpolation="nearest")
        removed.set_title(f"what was taken out\n(black to white: ±{_STRETCH:g} grey levels)")
        for ax in (after, removed):
            ax.set_axis_off()
        _draw_logits(score, change, threshold)
    return fig


def png_of(fig: Figure) -> bytes:
    """Give a figure as the bytes of a PNG file, for a widget."""
    return png_bytes(fig, dpi=110)


def _ring(ax: Axes, lines: Sequence[tuple[float, float]], colour: str, area: float) -> None:
    """Ring frequencies and their mirror images; a frequency of 1/2 on both sides."""
    points = {(sign * fx, sign * fy) for fx, fy in lines for sign in (1, -1)}
    points |= {(-fx, fy) for fx, fy in points if abs(fx) == 0.5}
    points |= {(fx, -fy) for fx, fy in points if abs(fy) == 0.5}
    if points:
        x, y = zip(*sorted(points), strict=True)
        ax.scatter(x, y, s=area, facecolors="none", edgecolors=colour, linewidths=0.9, zorder=3, clip_on=False)


def _draw_logits(ax: Axes, change: Counterfactual, threshold: float) -> None:
    names = ("before", "after", "after,\nrounded")
    logits = (change.before, change.after, change.after_rounded)
    colours = ("#555555", _CHOSEN, "#F0B48A")
    ax.bar(range(3), logits, color=colours, width=0.65)
    ax.axhline(0, color="black", linewidth=0.6)
    bounds = [0.0, *logits]
    if np.isfinite(threshold):
        ax.axhline(threshold, color="black", linewidth=0.8, linestyle="--")
        bounds.append(threshold)
    low, high = min(bounds), max(bounds)
    reach = 0.16 * (high - low)
    ax.set_ylim(low - reach, high + reach)
    for position, logit in enumerate(logits):
        text = f"{logit:+.2f}".replace("-", "−")
        above = logit + np.copysign(0.02 * (high - low), logit)
        ax.text(position, above, text, ha="center", va="bottom" if logit >= 0 else "top", fontsize=7)
    ax.set_xticks(range(3), names)
    ax.set_title("logit; dashed: evidence above")
    ax.spines[["top", "right"]].set_visible(False)
