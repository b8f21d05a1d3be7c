"""One averaged spectrum over the frequency plane."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, Final, Literal, get_args

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from freqforensics.figures.style import new_axes, plain_ticks, style
from freqforensics.spectra import MeanSpectrum, full_plane, line_bins

PlotKind = Literal["coherent", "power", "log_power", "coherence"]
Limits = tuple[float, float]

KIND_NAMES: Final[dict[str, str]] = {
    "coherent": "coherent amplitude",
    "power": "power",
    "log_power": "log power",
    "coherence": "coherence N R",
}
UNITS: Final = {
    "density": "1 level²/(cycle/px)²",
    "amplitude": "1 level²",
    "none": "1, raw DFT",
}
_TICKS: Final = tuple(Fraction(n, 8) for n in (-4, -2, -1, 0, 1, 2, 4))
_QUARTERS: Final = (-0.5, -0.25, 0, 0.25, 0.5)
_FRACTIONS: Final = ("−1/2", "−1/4", "0", "1/4", "1/2")
LINE_LEVEL: Final = 0.01
COLOURS: Final[dict[str, str]] = {
    **dict.fromkeys(("coherent", "power", "log_power"), "viridis"),
    "coherence": "YlGnBu",  # what chance leaves is the light ground, lines are dark
}
_RING: Final = "#D55E00"


def plot_spectrum(
    spectrum: MeanSpectrum,
    kind: PlotKind = "coherent",
    *,
    ax: Axes | None = None,
    limits: Limits | None = None,
    colorbar: bool = True,
    cells: int | None = None,
    mark_lines: bool = False,
    title: str | None = None,
) -> Axes:
    """Draw one averaged spectrum over the frequency plane, DC in the middle.

    Parameters
    ----------
    spectrum : MeanSpectrum
        The spectrum. If it is "rgb", the mean over the three planes is drawn, also for the coherence.
    kind : {"coherent", "power", "log_power", "coherence"}
        Amplitude and powers in decibels; the coherence as N R, which is 1 by chance, on a logarithmic scale.
    ax : Axes, optional
        Axes to draw on; default those of a new figure.
    limits : (float, float), optional
        Ends of the colour scale, in the unit drawn. Default those of `spectrum_limits` for this spectrum alone. Spectra
        that are to be compared need common limits.
    colorbar : bool
        Draw a colour bar that names the scaling.
    cells : int, optional
        Draw at most this many cells a side. A cell is the maximum of its bins for the coherent kinds (a line one bin
        wide would be lost in a small panel) and their mean for the powers. Default every bin.
    mark_lines : bool
        Ring the bins whose coherence is significant at 0.01 after Bonferroni's correction, and say so in the title.
    title : str, optional
        Title; default residual, kernel and number of images.

    Returns
    -------
    Axes
        The axes that were drawn on.

    Examples
    --------
    >>> from freqforensics.figures.style import new_figure
    >>> from freqforensics.spectra import SpectrumAccumulator, SpectrumSpec
    >>> noise = np.random.default_rng(0).normal(128, 20, (10, 64, 64))
    >>> spectrum = SpectrumAccumulator(SpectrumSpec(size=64)).update(noise).result()
    >>> ax = plot_spectrum(spectrum, "coherence", ax=new_figure().add_subplot(), title="Ten images of noise")
    >>> ax.get_title(), ax.get_xlabel()
    ('Ten images of noise', '$f_x$ (cycles per pixel)')
    """
    check_kind(kind)
    with style():
        if ax is None:
            ax = new_axes((4.2, 3.6) if colorbar else (3.4, 3.4))
        low, high = limits or spectrum_limits([spectrum], kind)
        picture = draw_cells(ax, spectrum, kind, (low, high), cells=cells, mark_lines=mark_lines)
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_ticks([float(tick) for tick in _TICKS], [str(tick).replace("-", "\u2212") for tick in _TICKS])
        ax.set_xlabel("$f_x$ (cycles per pixel)").set_parse_math(True)
        ax.set_ylabel("$f_y$ (cycles per pixel)").set_parse_math(True)
        if title is None:
            title = described(spectrum)
            if mark_lines:
                title += f"\nrings: coherent, p < {LINE_LEVEL} of all bins (Bonferroni)"
        ax.set_title(title, parse_math=False)
        figure = ax.get_figure()
        if colorbar and figure is not None:
            bar = figure.colorbar(
                picture, ax=ax, label=scale_label(kind, spectrum.spec.normalisation), shrink=0.9, extend="both"
            )
            if kind == "coherence":
                plain_ticks(bar, (low, high))
    return ax


def draw_cells(
    ax: Axes, spectrum: MeanSpectrum, kind: PlotKind, limits: Limits, *, cells: int | None, mark_lines: bool
) -> AxesImage:
    """Draw the picture of `plot_spectrum` alone, without ticks, labels, title and colour bar.

    Parameters
    ----------
    ax : Axes
        Where to draw.
    spectrum : MeanSpectrum
        The spectrum. If it is "rgb", the mean over the three planes is drawn.
    kind : {"coherent", "power", "log_power", "coherence"}
        What is drawn of it.
    limits : (float, float)
        Lowest and highest value of the colours, in the unit of the kind.
    cells : int or None
        Draw at most this many cells a side; None draws every bin.
    mark_lines : bool
        Ring the bins whose coherence is significant.

    Returns
    -------
    AxesImage
        The picture, for a colour bar.
    """
    norm = LogNorm(*limits, clip=True) if kind == "coherence" else Normalize(*limits, clip=True)
    reduce = np.max if kind in ("coherent", "coherence") else np.mean
    values, down, right = _in_cells(_drawn(spectrum, kind), cells, reduce)
    picture = ax.imshow(
        values,
        norm=norm,
        cmap=COLOURS[kind],
        extent=(-right, right, down, -down),
        interpolation="nearest",
        aspect="equal",
    )
    if mark_lines:
        _ring_lines(ax, spectrum)
    ax.set(xlim=(-right, right), ylim=(down, -down))
    return picture


def draw_plane(ax: Axes, values: NDArray[Any], norm: Normalize, cmap: str) -> Any:
    """Draw an even plane with the period shown on both sides: Nyquist is seen left and right, above and below."""
    whole = np.pad(values, ((0, 1 - values.shape[0] % 2), (0, 1 - values.shape[1] % 2)), mode="wrap")
    down, right = (0.5 + 0.5 / (side - 1) for side in whole.shape)
    picture = ax.imshow(whole, cmap=cmap, norm=norm, interpolation="nearest", extent=(-right, right, down, -down))
    frequency_axes(ax)
    return picture


def frequency_axes(ax: Axes) -> None:
    """Label both axes with fractions of a cycle per pixel, from -1/2 to 1/2."""
    ax.set_xticks(_QUARTERS, _FRACTIONS)
    ax.set_yticks(_QUARTERS, _FRACTIONS)
    ax.set_xlabel("$f_x$ (cycles per pixel)").set_parse_math(True)
    ax.set_ylabel("$f_y$ (cycles per pixel)").set_parse_math(True)


def spectrum_limits(spectra: Sequence[MeanSpectrum], kind: PlotKind) -> Limits:
    """Choose the ends of a colour scale for several spectra: robust percentiles over all of them, without DC.

    Parameters
    ----------
    spectra : sequence of MeanSpectrum
        Spectra that share the scale.
    kind : {"coherent", "power", "log_power", "coherence"}
        Quantity that is drawn, as for `plot_spectrum`.

    Returns
    -------
    (float, float)
        In decibels; for the coherence N R from 5 to at least 50.
    """
    check_kind(kind)
    ends = []
    for spectrum in spectra:
        values = _drawn(spectrum, kind)
        height, width = values.shape
        values[height // 2, width // 2] = np.nan
        finite = values[np.isfinite(values)]
        if finite.size:
            ends.append(np.percentile(finite, [2.0, 99.8]))
    if not ends:
        return (5.0, 50.0) if kind == "coherence" else (0.0, 1.0)
    low, high = min(end[0] for end in ends), max(end[1] for end in ends)
    if kind == "coherence":
        return 5.0, max(50.0, float(high))  # by chance one bin in 150 passes 5
    return float(low), max(float(high), float(low) + 1.0)


def scale_label(kind: PlotKind, normalisation: str) -> str:
    """Name of the quantity and unit of a colour bar."""
    if kind == "coherence":
        return "N R (1 on average by chance, 1 % above 4.6)"
    mean = {"coherent": "|mean F|²", "power": "mean |F|²", "log_power": "mean log |F|²"}[kind]
    return f"{mean}, dB re {UNITS[normalisation]}"


def described(spectrum: MeanSpectrum) -> str:
    """Title of a panel: number of images and residual."""
    crops = f", {spectrum.crops} crops" if spectrum.crops != spectrum.images else ""
    planes = ", mean of R, G, B" if spectrum.spec.planes > 1 else ""
    return f"N = {spectrum.images} images{crops}, {residual_name(spectrum)}{planes}"


def check_kind(kind: str) -> None:
    """Raise ValueError unless `kind` is a `PlotKind`."""
    if kind not in get_args(PlotKind):
        raise ValueError(f"kind must be one of {', '.join(get_args(PlotKind))}; got {kind!r}")


def _drawn(spectrum: MeanSpectrum, kind: PlotKind) -> NDArray[np.float64]:
    """The full plane in the unit of the colour scale; -inf where there is nothing."""
    half = plane_average(getattr(spectrum, kind), spectrum)
    if kind == "coherence":
        half = np.nan_to_num(half) * spectrum.images
    elif kind == "log_power":
        half = half * (10 / np.log(10))
    else:
        with np.errstate(divide="ignore"):
            half = (20 if kind == "coherent" else 10) * np.log10(half)
    return full_plane(half, spectrum.spec.shape[1])


def plane_average(array: NDArray[np.float64], spectrum: MeanSpectrum) -> NDArray[np.float64]:
    """One plane of an array of `spectrum`: the mean over the three of "rgb"."""
    return array.mean(axis=0) if spectrum.spec.planes > 1 else array


def _in_cells(
    values: NDArray[np.float64], cells: int | None, reduce: Callable[..., Any]
) -> tuple[NDArray[np.float64], float, float]:
    """A plane as it is drawn, and how far it reaches along y and x, in cycles per pixel.

    Each cell is centred at its frequency, the middle one at DC. The picture goes a little beyond Nyquist, as the
    spectrum does, with period 1: a line at 1/2 is seen on both sides, and not under the frame.
    """
    steps = [1 if cells is None else -(-side // cells) for side in values.shape]
    reaches = [-(-(side // 2) // step) for side, step in zip(values.shape, steps, strict=True)]
    reaches = [reach + max(1, round(reach / 25)) for reach in reaches]
    ends = [(reach + 0.5) * step / side for side, step, reach in zip(values.shape, steps, reaches, strict=True)]
    for axis, (step, reach) in enumerate(zip(steps, reaches, strict=True)):
        side = values.shape[axis]
        index = np.arange((2 * reach + 1) * step) - reach * step - step // 2
        values = np.take(values, (index + side // 2) % side, axis=axis)
    blocks = values.reshape(2 * reaches[0] + 1, steps[0], 2 * reaches[1] + 1, steps[1])
    return reduce(blocks, axis=(1, 3)), ends[0], ends[1]


def _ring_lines(ax: Axes, spectrum: MeanSpectrum) -> None:
    height, width = spectrum.spec.shape
    searched = line_bins(spectrum.spec)
    p = spectrum.p_value.reshape(-1, height, width // 2 + 1)
    significant = p.min(axis=0) * (searched.sum() * len(p)) < LINE_LEVEL
    # A mirror image rings with its twin.
    anywhere = full_plane(searched, width) | full_plane(searched, width)[_mirror(height)][:, _mirror(width)]
    rows, columns = np.nonzero(full_plane(significant, width) & anywhere)
    points = {
        ((row - height // 2) / height, (column - width // 2) / width) for row, column in zip(rows, columns, strict=True)
    }
    points |= {(-fy, fx) for fy, fx in points if fy == -0.5}
    points |= {(fy, -fx) for fy, fx in points if fx == -0.5}
    ax.scatter(
        [fx for _, fx in sorted(points)],
        [fy for fy, _ in sorted(points)],
        s=11,
        facecolors="none",
        edgecolors=_RING,
        linewidths=0.6,
        zorder=3,
    )


def _mirror(side: int) -> NDArray[np.int64]:
    """Where the mirror image of each row or column of a shifted plane stands."""
    return (2 * (side // 2) - np.arange(side)) % side


def residual_name(spectrum: MeanSpectrum) -> str:
    """The residual as a title names it, with its kernel where it has one."""
    spec = spectrum.spec
    if spec.residual in ("median", "gaussian"):
        return f"{spec.residual} {spec.kernel}×{spec.kernel}"
    return "no residual" if spec.residual == "none" else spec.residual
