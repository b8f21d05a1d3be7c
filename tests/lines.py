"""Figures of a line each, for whatever process draws them."""

from __future__ import annotations

import os

from matplotlib.figure import Figure

from freqforensics.figures.drawings import Drawing, drawing
from freqforensics.figures.style import style

ONLY_IN = "FREQFORENSICS_TEST_PROCESS"
"""Variable of the environment: the only process in which `plot_line` does not fail."""


def plot_line(height: float, *, fig: Figure) -> None:
    """Draw a level line."""
    if os.environ.get(ONLY_IN, str(os.getpid())) != str(os.getpid()):
        raise RuntimeError("this process cannot draw")
    with style():
        fig.set_layout_engine("constrained")
        ax = fig.add_subplot()
        ax.plot([0, 1], [height, height])
        ax.set_title(f"height {height:g}")


def plot_nothing(*, fig: Figure) -> None:
    """Fail in any process."""
    raise ValueError(f"nothing can be drawn on {fig.get_size_inches()[0]:g} inches")


def lines(count: int) -> tuple[Drawing, ...]:
    """Describe figures of lines."""
    return tuple(drawing(f"line-{number}", plot_line, float(number)) for number in range(count))


def nothing() -> tuple[Drawing, ...]:
    """Describe a figure of a line, and one that cannot be drawn."""
    return *lines(1), drawing("nothing", plot_nothing)
