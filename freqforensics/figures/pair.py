"""A photograph, what a generator made of it, and what differs."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from freqforensics.figures.style import shown_figure, style


def plot_pair(
    photograph: NDArray[np.uint8],
    fake: NDArray[np.uint8],
    *,
    names: tuple[str, str],
    stretch: float = 16.0,
    fig: Figure | None = None,
) -> Figure:
    """Draw two images that look the same, and their difference.

    Parameters
    ----------
    photograph, fake : ndarray of uint8, (H, W, 3)
        The images, of one size.
    names : (str, str)
        Titles of the two.
    stretch : float
        Difference that is drawn black or white, grey levels.
    fig : Figure, optional
        An empty figure to draw on; its size is set. Default a new one.

    Returns
    -------
    Figure
        The figure that was drawn on.

    Raises
    ------
    ValueError
        Images of different sizes.
    """
    if photograph.shape != fake.shape:
        raise ValueError(f"fake must have the photograph's shape {photograph.shape}, got {fake.shape}")
    with style():
        fig = fig or shown_figure()
        fig.set_size_inches(7.2, 2.7)
        fig.set_layout_engine("constrained")
        axes = fig.subplots(1, 3)
        for ax, image, name in zip(axes, (photograph, fake), names, strict=False):
            ax.imshow(image, interpolation="nearest")
            ax.set_title(name)
        difference = fake.mean(axis=2) - photograph.mean(axis=2)
        axes[2].imshow(difference, cmap="gray", norm=Normalize(-stretch, stretch, clip=True), interpolation="nearest")
        axes[2].set_title(f"what the generator changed\n(black to white: ±{stretch:g} grey levels)")
        for ax in axes:
            ax.set_axis_off()
    return fig
