"""Radial profiles of generators."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from freqforensics.figures.plane import UNITS, plane_average, residual_name
from freqforensics.figures.style import OKABE_ITO, style
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
    with style():
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
                lower, upper = (plane_average(bound, spectrum) for bound in spectrum.power_interval(level))
                width = spectrum.spec.shape[1]
                middle = radial_profile(full_plane(plane_average(spectrum.power, spectrum), width))
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
        fig.supylabel(f"power, unit {UNITS[first.spec.normalisation]}", fontsize=8)
        handles = [mpl.lines.Line2D([], [], color=OKABE_ITO[i % len(OKABE_ITO)]) for i in range(len(labels))]
        fig.suptitle(f"Radial power of residuals ({residual_name(first)}), {level:.0%} bands", fontsize=8)
        fig.legend(handles, labels, loc="outside lower right", ncols=len(labels), frameon=False)
    return fig
