"""Radial profiles of generators."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from freqforensics.figures.plane import UNITS, plane_average, residual_name
from freqforensics.figures.style import label_colour, ordered_labels, style
from freqforensics.spectra import MeanSpectrum, full_plane, radial_profile


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
        Coverage of the bands. A band is the mean over a ring of the intervals of its bins. It is conservative, because
        it holds even if the bins of a ring vary together.
    fig : Figure, optional
        An empty figure to draw on; its size is set.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        Nothing to draw, or spectra of different normalisations, residuals or channels.
    """
    drawn = {key: spectrum for key, spectrum in spectra.items() if spectrum.images}
    if not drawn:
        raise ValueError("there is no spectrum with an image to draw")
    if len({(s.spec.normalisation, s.spec.residual, s.spec.kernel, s.spec.channel) for s in drawn.values()}) > 1:
        raise ValueError("spectra of different normalisation, residual or channel do not share an axis")
    first = next(iter(drawn.values()))
    generators = list(dict.fromkeys(generator for generator, _ in drawn))
    labels = ordered_labels(label for _, label in drawn)
    across = min(4, len(generators))
    down = -(-len(generators) // across)
    with style():
        if fig is None:
            import matplotlib.pyplot as plt

            fig = plt.figure()
        fig.set_size_inches(max(2.1 * across + 0.5, 4.2), max(1.75 * down, 2.2) + 0.85)
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
            name = "\n".join(textwrap.wrap(generators[index], 30)[:2])
            ax.set_title(f"{name}\n{', '.join(counts)}", fontsize=7, parse_math=False)
            ax.set_yscale("log")
            ax.set_xlim(0, 0.5)
            ax.set_xticks([0, 1 / 8, 1 / 4, 1 / 2], ["0", "1/8", "1/4", "1/2"])
            ax.grid(color="0.9", lw=0.5)
            ax.set_axisbelow(True)
            if index + across >= len(generators):
                ax.tick_params(labelbottom=True)
        fig.supxlabel("radial frequency (cycles per pixel)", fontsize=8)
        fig.supylabel(f"power re {UNITS[first.spec.normalisation]}", fontsize=8)
        planes = "mean of red, green, blue" if first.spec.planes > 1 else first.spec.channel
        fig.suptitle(
            f"Radial power of residuals, {level:.0%} bands\n"
            f"{residual_name(first)}, {planes}, window {first.spec.window}",
            fontsize=8,
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
