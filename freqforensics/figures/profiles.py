"""Radial profiles of generators."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from freqforensics.figures.plane import UNITS, plane_average, residual_name
from freqforensics.figures.style import (
    PRINT_POINTS,
    label_colour,
    log_axis,
    ordered_labels,
    print_width,
    shown_figure,
    style,
)
from freqforensics.spectra import MeanSpectrum, full_plane, radial_profile

_PRINTED_PANEL: Final = 1.7
"""Inches: least width of a panel in a figure of given width."""


def plot_profiles(
    spectra: Mapping[tuple[str, str], MeanSpectrum],
    *,
    level: float = 0.95,
    fig: Figure | None = None,
    columns: int | None = None,
    width: float | None = None,
) -> Figure:
    """Draw the radial profile of the mean power of every generator, real and fake on common axes, with intervals.

    Parameters
    ----------
    spectra : mapping of (generator, label) to MeanSpectrum
        One panel a generator, one line a label. Spectra without an image are left out.
    level : float
        Coverage of the bands. A band is the mean over a ring of the intervals of its bins. It is conservative, because
        it holds even if the bins of a ring vary together.
    fig : Figure, optional
        An empty figure to draw on; its size is set.
    columns : int, optional
        Number of panels side by side. Default at most 4, or what `width` leaves room for.
    width : float, optional
        Width of the figure in millimetres; all text is 7 points at that size. Default 53 mm for each column, and
        13 mm.

    Returns
    -------
    Figure
        The figure that was drawn on.

    Raises
    ------
    ValueError
        Nothing to draw, spectra of different normalisations, residuals or channels, `columns` below 1, or a `width` out
        of range.

    Examples
    --------
    >>> from freqforensics.figures.style import new_figure
    >>> from freqforensics.spectra import SpectrumAccumulator, SpectrumSpec
    >>> noise = np.random.default_rng(0).normal(128, 20, (10, 64, 64))
    >>> spectrum = SpectrumAccumulator(SpectrumSpec(size=64)).update(noise).result()
    >>> figure = plot_profiles({("biggan", "fake"): spectrum}, fig=new_figure())
    >>> figure.axes[0].get_title().splitlines()
    ['biggan', '10 fake']
    """
    drawn = {key: spectrum for key, spectrum in spectra.items() if spectrum.images}
    if not drawn:
        raise ValueError("there is no spectrum with an image to draw")
    if len({(s.spec.normalisation, s.spec.residual, s.spec.kernel, s.spec.channel) for s in drawn.values()}) > 1:
        raise ValueError("spectra of different normalisation, residual or channel do not share an axis")
    first = next(iter(drawn.values()))
    generators = list(dict.fromkeys(generator for generator, _ in drawn))
    labels = ordered_labels(label for _, label in drawn)
    inches = print_width(width, columns)
    most = 4 if inches is None else max(1, int(inches / _PRINTED_PANEL))
    across = min(columns or most, len(generators))
    down = -(-len(generators) // across)
    text = None if inches is None else PRINT_POINTS
    with style(text):
        fig = fig or shown_figure()
        if inches is None:
            fig.set_size_inches(max(2.1 * across + 0.5, 4.2), max(1.75 * down, 2.2) + 0.85)
        else:
            fig.set_size_inches(inches, 0.85 + down * max(1.2, 0.3 + 0.75 * (inches - 0.4) / across))
        fig.set_layout_engine("constrained")
        axes = np.atleast_2d(fig.subplots(down, across, sharex=True, sharey=True, squeeze=False))
        for index, ax in enumerate(axes.flat):
            if index >= len(generators):
                ax.set_axis_off()
                continue
            counts = []
            for label in labels:
                spectrum = drawn.get((generators[index], label))
                if spectrum is None:
                    continue
                _draw_profile(ax, spectrum, label_colour(label, labels), level)
                counts.append(f"{spectrum.images} {label}")
            name = "\n".join(textwrap.wrap(generators[index], 30 if inches is None else 20)[:2])
            ax.set_title(f"{name}\n{', '.join(counts)}", fontsize=7, parse_math=False)
            log_axis(ax, "y")
            ax.set_xlim(0, 0.5)
            ax.set_xticks([0, 1 / 8, 1 / 4, 1 / 2], ["0", "1/8", "1/4", "1/2"])
            ax.grid(color="0.9", lw=0.5)
            ax.set_axisbelow(True)
            if index + across >= len(generators):
                ax.tick_params(labelbottom=True)
        fig.supxlabel("radial frequency (cycles per pixel)", fontsize=text or 8)
        fig.supylabel(f"power re {UNITS[first.spec.normalisation]}", fontsize=text or 8)
        planes = "mean of red, green, blue" if first.spec.planes > 1 else first.spec.channel
        fig.suptitle(
            f"Radial power of residuals, {level:.0%} bands\n"
            f"{residual_name(first)}, {planes}, window {first.spec.window}",
            fontsize=text or 8,
        )
        handles = [mpl.lines.Line2D([], [], color=label_colour(label, labels)) for label in labels]
        axes.flat[0].legend(handles, labels, loc="best", frameon=False, handlelength=1.2)
    return fig


def _draw_profile(ax: Axes, spectrum: MeanSpectrum, colour: str, level: float) -> None:
    width = spectrum.spec.shape[1]
    middle = radial_profile(full_plane(plane_average(spectrum.power, spectrum), width))
    f = middle.centres[1:]
    ax.plot(f, middle.values[1:], color=colour, lw=1.0)
    if spectrum.images > 1:
        lower, upper = (
            radial_profile(full_plane(plane_average(bound, spectrum), width)).values[1:]
            for bound in spectrum.power_interval(level)
        )
        ax.fill_between(f, lower, upper, color=colour, alpha=0.25, lw=0)
