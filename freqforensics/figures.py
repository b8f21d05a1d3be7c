"""Results to figures: one function for each, computing nothing, and the only module that imports matplotlib."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, Literal, get_args

import matplotlib as mpl
import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colorbar import Colorbar
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from freqforensics.provenance import replacing
from freqforensics.spectra import MeanSpectrum, full_plane, radial_profile

PlotKind = Literal["coherent", "power", "log_power", "coherence"]
Limits = tuple[float, float]

OKABE_ITO: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
"""Colours that stay apart for colour-blind readers (Okabe & Ito 2008)."""

_NAMES: Final[dict[str, str]] = {
    "coherent": "coherent amplitude",
    "power": "power",
    "log_power": "log power",
    "coherence": "coherence N R",
}
_UNITS: Final = {
    "density": "1 grey level² per (cycle/pixel)²",
    "amplitude": "1 grey level²",
    "none": "1, unnormalised DFT",
}
_TICKS: Final = tuple(Fraction(n, 8) for n in (-4, -2, -1, 0, 1, 2, 4))
_UNLABELLED: Final = Fraction(-1, 8)  # no room beside 0
_GRID_CELLS: Final = 128
_STYLE: Final[dict[str, Any]] = {
    "font.size": 8.0,
    "axes.titlesize": 8.0,
    "axes.labelsize": 8.0,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "legend.fontsize": 7.0,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "savefig.dpi": 200.0,
    "pdf.fonttype": 42,
    "svg.hashsalt": "freqforensics",
}
_LINE_LEVEL: Final = 0.01


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
        Of an "rgb" spectrum the mean over the three planes is drawn (of the coherence, too).
    kind : {"coherent", "power", "log_power", "coherence"}
        Amplitude and powers in decibels; the coherence as N R, which is 1 by chance, on a logarithmic scale.
    ax : Axes, optional
        Default a new figure's.
    limits : (float, float), optional
        Ends of the colour scale, in the unit drawn. Default those of `spectrum_limits` for this spectrum alone: give
        common ones where spectra are to be compared.
    colorbar : bool
        With the scaling named.
    cells : int, optional
        Draw at most so many cells a side, each the greatest of its bins for the coherent kinds (a line one bin wide
        would be lost in a small panel) and their mean for the powers. Default every bin.
    mark_lines : bool
        Ring the bins whose coherence is significant at 0.01 after Bonferroni's correction (coherent, coherence).
    title : str, optional
        Default residual, kernel and number of images.

    Returns
    -------
    Axes
    """
    _check_kind(kind)
    with _style():
        if ax is None:
            ax = _new_axes((4.2, 3.6) if colorbar else (3.4, 3.4))
        low, high = limits or spectrum_limits([spectrum], kind)
        norm = LogNorm(low, high, clip=True) if kind == "coherence" else Normalize(low, high, clip=True)
        values = _drawn(spectrum, kind)
        if cells is not None:
            values = _pooled(values, cells, np.max if kind in ("coherent", "coherence") else np.mean)
        height, width = values.shape
        # Each cell is centred at its frequency; Nyquist is drawn on both sides, for it belongs to both.
        values = np.pad(values, [(0, 1 - height % 2), (0, 1 - width % 2)], mode="wrap")
        down, right = (height // 2 + 0.5) / height, (width // 2 + 0.5) / width
        picture = ax.imshow(
            values,
            norm=norm,
            cmap="cividis" if kind == "coherence" else "viridis",
            extent=(-right, right, down, -down),
            interpolation="nearest",
            aspect="equal",
        )
        if mark_lines and kind in ("coherent", "coherence"):
            _ring_lines(ax, spectrum)
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_ticks([float(tick) for tick in _TICKS], [_tick_label(tick) for tick in _TICKS])
        ax.set(xlim=(-right, right), ylim=(down, -down))
        ax.set_xlabel("$f_x$ (cycles per pixel)")
        ax.set_ylabel("$f_y$ (cycles per pixel)")
        ax.set_title(described(spectrum) if title is None else title)
        figure = ax.get_figure()
        if colorbar and figure is not None:
            bar = figure.colorbar(picture, ax=ax, label=scale_label(kind, spectrum.spec.normalisation), shrink=0.9)
            if kind == "coherence":
                _plain_ticks(bar, (low, high))
    return ax


def plot_fingerprints(
    spectra: Mapping[tuple[str, str], MeanSpectrum],
    *,
    kinds: Sequence[PlotKind] = ("coherent", "power", "log_power", "coherence"),
    fig: Figure | None = None,
    mark_lines: bool = False,
) -> Figure:
    """Draw a grid of spectra: a row for each generator, a block of columns for each kind, one column a label.

    Panels of one kind share one colour scale, which the bar below them names. Spectra of more than 128 bins a side are
    drawn in that many cells (see `plot_spectrum`), or single lines would not be seen.

    Parameters
    ----------
    spectra : mapping of (generator, label) to MeanSpectrum
        Rows and columns come in the mapping's order. Spectra without an image leave their panel empty.
    kinds : sequence of {"coherent", "power", "log_power", "coherence"}
    fig : Figure, optional
        An empty figure to draw on; its size is set.
    mark_lines : bool
        As for `plot_spectrum`.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        Nothing to draw, an unknown kind, or spectra of different normalisations, residuals or channels.
    """
    for kind in kinds:
        _check_kind(kind)
    drawn = [spectrum for spectrum in spectra.values() if spectrum.images]
    if not drawn or not kinds:
        raise ValueError("there is no spectrum with an image to draw")
    if len({(s.spec.normalisation, s.spec.residual, s.spec.kernel, s.spec.channel) for s in drawn}) > 1:
        raise ValueError("spectra of different normalisation, residual or channel do not share a colour scale")
    rows = list(dict.fromkeys(generator for generator, _ in spectra))
    labels = list(dict.fromkeys(label for _, label in spectra))
    columns = [(kind, label) for kind in kinds for label in labels]

    panel, left, right, top, bottom, gap, block = 1.4, 0.75, 0.15, 0.95, 0.95, 0.2, 0.22
    width = left + len(columns) * panel + (len(columns) - 1) * 0.06 + (len(kinds) - 1) * block + right
    height = top + len(rows) * (panel + gap) + bottom
    with _style():
        if fig is None:
            import matplotlib.pyplot as plt

            fig = plt.figure()
        fig.set_size_inches(width, height)
        limits = {kind: spectrum_limits(drawn, kind) for kind in kinds}
        for r, generator in enumerate(rows):
            y = height - top - (r + 1) * panel - r * gap
            fig.text(
                0.12 / width,
                (y + panel / 2) / height,
                generator if len(generator) <= 22 else generator[:21] + "…",
                rotation=90,
                ha="left",
                va="center",
                fontweight="bold",
            )
            for c, (kind, label) in enumerate(columns):
                x = left + c * (panel + 0.06) + kinds.index(kind) * block
                ax = fig.add_axes((x / width, y / height, panel / width, panel / height))
                spectrum = spectra.get((generator, label))
                if spectrum is None or not spectrum.images:
                    ax.set_axis_off()
                    if spectrum is not None:
                        ax.text(0.5, 0.5, "no image", ha="center", va="center", color="0.5", transform=ax.transAxes)
                else:
                    size = "×".join(str(side) for side in spectrum.spec.shape)
                    plot_spectrum(
                        spectrum,
                        kind,
                        ax=ax,
                        limits=limits[kind],
                        colorbar=False,
                        cells=_GRID_CELLS,
                        mark_lines=mark_lines,
                        title=f"N = {spectrum.images}, {size}",
                    )
                    ax.set_title(ax.get_title(), fontsize=6.0, pad=2)
                    ax.set(xlabel="", ylabel="")
                    ax.tick_params(labelleft=c == 0, labelbottom=r == len(rows) - 1, labelsize=5.5, pad=1.5)
                    if r == len(rows) - 1:  # or the labels of neighbours run into each other
                        ax.get_xticklabels()[0].set_horizontalalignment("left")
                        ax.get_xticklabels()[-1].set_horizontalalignment("right")
                if r == 0:
                    fig.text((x + panel / 2) / width, (y + panel + 0.2) / height, label, ha="center", fontsize=8)
        bar_y = (bottom - 0.5) / height
        for k, kind in enumerate(kinds):
            start = left + k * (len(labels) * (panel + 0.06) + block)
            span = len(labels) * panel + (len(labels) - 1) * 0.06
            fig.text(
                (start + span / 2) / width,
                (height - top + 0.4) / height,
                _NAMES[kind],
                ha="center",
                fontsize=9,
                fontweight="bold",
            )
            bar = fig.add_axes(((start + 0.08 * span) / width, bar_y, 0.84 * span / width, 0.09 / height))
            low, high = limits[kind]
            norm = LogNorm(low, high) if kind == "coherence" else Normalize(low, high)
            cmap = "cividis" if kind == "coherence" else "viridis"
            drawn_bar = fig.colorbar(
                mpl.cm.ScalarMappable(norm, cmap),
                cax=bar,
                orientation="horizontal",
                label=scale_label(kind, drawn[0].spec.normalisation),
            )
            bar.xaxis.label.set_fontsize(7)
            if kind == "coherence":
                _plain_ticks(drawn_bar, limits[kind])
        spec = drawn[0].spec
        notes = f"Averaged spectra of residuals: {_residual_name(drawn[0])}, {spec.channel}, window {spec.window}"
        notes += "; axes in cycles per pixel"
        if any(max(spectrum.spec.shape) > _GRID_CELLS for spectrum in drawn):
            notes += (
                f"; above {_GRID_CELLS} bins a side a cell shows several: their maximum (coherent), their mean (power)"
            )
        if mark_lines and {"coherent", "coherence"} & set(kinds):
            notes += f"; rings: coherent lines, p < {_LINE_LEVEL} after Bonferroni"
        fig.text(left / width, (height - 0.22) / height, notes, fontsize=7, va="center")
    return fig


def plot_profiles(
    spectra: Mapping[tuple[str, str], MeanSpectrum],
    *,
    level: float = 0.95,
    fig: Figure | None = None,
) -> Figure:
    """Draw the radial profile of the mean power of every generator, real and fake on common axes, with intervals.

    Parameters
    ----------
    spectra : mapping of (generator, label) to MeanSpectrum
        One panel a generator, one line a label. Spectra without an image are left out.
    level : float
        Coverage of the bands. A band is the ring's mean of the bins' intervals over images: it holds however much
        the bins of a ring vary together, and is the wider for it.
    fig : Figure, optional
        An empty figure to draw on; its size is set.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        Nothing to draw.
    """
    drawn = {key: spectrum for key, spectrum in spectra.items() if spectrum.images}
    if not drawn:
        raise ValueError("there is no spectrum with an image to draw")
    generators = list(dict.fromkeys(generator for generator, _ in drawn))
    labels = list(dict.fromkeys(label for _, label in drawn))
    across = min(4, len(generators))
    down = -(-len(generators) // across)
    with _style():
        if fig is None:
            import matplotlib.pyplot as plt

            fig = plt.figure()
        fig.set_size_inches(max(2.1 * across + 0.5, 3.6), 1.7 * down + 0.85)
        fig.set_layout_engine("constrained")
        axes = np.atleast_2d(fig.subplots(down, across, sharex=True, sharey=True, squeeze=False))
        for index, ax in enumerate(axes.flat):
            if index >= len(generators):
                ax.set_axis_off()
                continue
            counts = []
            for number, label in enumerate(labels):
                spectrum = drawn.get((generators[index], label))
                if spectrum is None:
                    continue
                colour = OKABE_ITO[number % len(OKABE_ITO)]
                lower, upper = (_averaged(bound, spectrum) for bound in spectrum.power_interval(level))
                width = spectrum.spec.shape[1]
                middle = radial_profile(full_plane(_averaged(spectrum.power, spectrum), width))
                f = middle.centres[1:]
                ax.plot(f, middle.values[1:], color=colour, lw=1.0, label=label)
                if spectrum.images > 1:
                    bounds = [radial_profile(full_plane(bound, width)).values[1:] for bound in (lower, upper)]
                    ax.fill_between(f, *bounds, color=colour, alpha=0.25, lw=0)
                counts.append(f"{spectrum.images} {label}")
            ax.set_yscale("log")
            ax.set_title(f"{generators[index]} ({', '.join(counts)})", fontsize=7)
            ax.set_xlim(0, 0.5)
            ax.set_xticks([0, 1 / 8, 1 / 4, 1 / 2], ["0", "1/8", "1/4", "1/2"])
            ax.grid(color="0.9", lw=0.5)
            ax.set_axisbelow(True)
        first = next(iter(drawn.values()))
        fig.supxlabel("radial frequency (cycles per pixel)", fontsize=8)
        fig.supylabel(f"power, unit {_UNITS[first.spec.normalisation]}", fontsize=8)
        handles = [mpl.lines.Line2D([], [], color=OKABE_ITO[i % len(OKABE_ITO)]) for i in range(len(labels))]
        fig.suptitle(f"Radial power of residuals ({_residual_name(first)}), {level:.0%} bands", fontsize=8)
        fig.legend(handles, labels, loc="outside lower right", ncols=len(labels), frameon=False)
    return fig


def spectrum_limits(spectra: Sequence[MeanSpectrum], kind: PlotKind) -> Limits:
    """Ends of a colour scale that suit several spectra: robust percentiles over all of them, DC left out.

    Parameters
    ----------
    spectra : sequence of MeanSpectrum
    kind : {"coherent", "power", "log_power", "coherence"}

    Returns
    -------
    (float, float)
        In decibels; for the coherence N R from 3 to at least 30.
    """
    _check_kind(kind)
    ends = []
    for spectrum in spectra:
        values = _drawn(spectrum, kind)
        height, width = values.shape
        values[height // 2, width // 2] = np.nan
        finite = values[np.isfinite(values)]
        if finite.size:
            ends.append(np.percentile(finite, [2.0, 99.8]))
    if not ends:
        return (3.0, 30.0) if kind == "coherence" else (0.0, 1.0)
    low, high = min(end[0] for end in ends), max(end[1] for end in ends)
    if kind == "coherence":
        return 3.0, max(30.0, float(high))  # a tenth of the bins pass 2.3 by chance
    return float(low), max(float(high), float(low) + 1.0)


def scale_label(kind: PlotKind, normalisation: str) -> str:
    """Name of the quantity and unit of a colour bar."""
    if kind == "coherence":
        return "coherence N R (1 by chance)"
    mean = {"coherent": "|mean F|²", "power": "mean |F|²", "log_power": "mean log |F|²"}[kind]
    return f"{mean}, dB re {_UNITS[normalisation]}"


def described(spectrum: MeanSpectrum) -> str:
    """What a panel's title says: number of images and residual."""
    crops = f", {spectrum.crops} crops" if spectrum.crops != spectrum.images else ""
    return f"N = {spectrum.images} images{crops}, {_residual_name(spectrum)}"


def new_figure() -> Figure:
    """Return an empty figure that no window system knows of, for drawing to files."""
    figure = Figure()
    FigureCanvasAgg(figure)
    return figure


def save_figure(fig: Figure, path: str | Path, *, manifest: Mapping[str, Any] | None = None) -> None:
    """Write a figure to PNG, PDF or SVG, byte-identical when it is made again.

    Parameters
    ----------
    fig : Figure
    path : str or Path
        The suffix chooses the format. Written whole or not at all.
    manifest : mapping, optional
        JSON values; stored in the file's metadata (PNG: text chunk "freqforensics"; PDF: Keywords).

    Raises
    ------
    ValueError
        Another suffix.
    """
    suffix = Path(path).suffix.lower()
    text = json.dumps(manifest or {}, sort_keys=True, ensure_ascii=True)
    metadata: dict[str, Any]
    if suffix == ".png":
        metadata = {"Software": "freqforensics", "freqforensics": text}
    elif suffix == ".pdf":
        metadata = {"Creator": "freqforensics", "Producer": None, "CreationDate": None, "Keywords": text}
    elif suffix == ".svg":
        metadata = {"Creator": "freqforensics", "Date": None, "Description": text}
    else:
        raise ValueError(f"a figure is written as .png, .pdf or .svg, not {suffix!r}")
    with _style(), replacing(path) as temporary:
        fig.savefig(temporary, metadata=metadata)


def _style() -> AbstractContextManager[None]:
    """The package's own look, whatever the reader's matplotlibrc says, so that figures are the same everywhere."""
    return matplotlib.style.context(["default", _STYLE])


def _new_axes(size: tuple[float, float]) -> Axes:
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=size, layout="constrained")[1]


def _check_kind(kind: str) -> None:
    if kind not in get_args(PlotKind):
        raise ValueError(f"kind must be one of {', '.join(get_args(PlotKind))}; got {kind!r}")


def _drawn(spectrum: MeanSpectrum, kind: PlotKind) -> NDArray[np.float64]:
    """The full plane in the unit of the colour scale; -inf where there is nothing."""
    half = _averaged(getattr(spectrum, kind), spectrum)
    if kind == "coherence":
        half = np.nan_to_num(half) * spectrum.images
    elif kind == "log_power":
        half = half * (10 / np.log(10))
    else:
        with np.errstate(divide="ignore"):
            half = (20 if kind == "coherent" else 10) * np.log10(half)
    return full_plane(half, spectrum.spec.shape[1])


def _averaged(array: NDArray[np.float64], spectrum: MeanSpectrum) -> NDArray[np.float64]:
    return array.mean(axis=0) if spectrum.spec.planes > 1 else array


def _plain_ticks(bar: Colorbar, limits: Limits) -> None:
    """Numbers instead of powers of ten along a logarithmic colour bar."""
    ticks = [tick for tick in (1, 3, 10, 30, 100, 300, 1000, 3000) if limits[0] <= tick <= limits[1]]
    bar.set_ticks(ticks, labels=[str(tick) for tick in ticks], minor=False)
    bar.minorticks_off()


def _pooled(values: NDArray[np.float64], cells: int, reduce: Callable[..., Any]) -> NDArray[np.float64]:
    """Reduce blocks of bins around each cell's centre, so that DC and Nyquist stay where they are."""
    steps = [max(1, round(side / cells)) for side in values.shape]
    if max(steps) == 1 or any(side % (2 * step) for side, step in zip(values.shape, steps, strict=True)):
        return values
    rolled = np.roll(values, [step // 2 for step in steps], axis=(0, 1))
    height, width = (side // step for side, step in zip(values.shape, steps, strict=True))
    return np.asarray(reduce(rolled.reshape(height, steps[0], width, steps[1]), axis=(1, 3)))


def _ring_lines(ax: Axes, spectrum: MeanSpectrum) -> None:
    height, width = spectrum.spec.shape
    p = spectrum.p_value.reshape(-1, height, width // 2 + 1)
    lowest = full_plane(p.min(axis=0) * (height * width / 2 * len(p)), width)
    lowest[height // 2, width // 2] = 1.0
    rows, columns = np.nonzero(lowest < _LINE_LEVEL)
    ax.scatter(
        (columns - width // 2) / width,
        (rows - height // 2) / height,
        s=9,
        facecolors="none",
        edgecolors="#D55E00",
        linewidths=0.45,
        clip_on=False,
        zorder=3,
    )


def _residual_name(spectrum: MeanSpectrum) -> str:
    spec = spectrum.spec
    if spec.residual in ("median", "gaussian"):
        return f"{spec.residual} {spec.kernel}×{spec.kernel}"
    return "no residual" if spec.residual == "none" else spec.residual


def _tick_label(tick: Fraction) -> str:
    return "" if tick == _UNLABELLED else str(tick).replace("-", "\u2212")
