"""Results to figures: one function for each, computing nothing, and the only module that imports matplotlib."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, Literal, get_args

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from freqforensics.provenance import replacing
from freqforensics.spectra import MeanSpectrum, radial_profile

PlotKind = Literal["coherent", "power", "log_power", "coherence"]

OKABE_ITO: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
"""Colours that stay apart for colour-blind readers (Okabe & Ito 2008)."""

_TITLES: Final[dict[str, str]] = {
    "coherent": "coherent",
    "power": "power",
    "log_power": "log power",
    "coherence": "coherence",
}
_TICKS: Final = (Fraction(-1, 2), Fraction(-1, 4), Fraction(-1, 8), Fraction(0), Fraction(1, 8), Fraction(1, 4), Fraction(1, 2))
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
    "figure.dpi": 100.0,
    "savefig.dpi": 200.0,
    "pdf.fonttype": 42,
    "svg.hashsalt": "freqforensics",
}


@contextlib.contextmanager
def _style() -> Iterator[None]:
    """The package's own look, whatever the reader's matplotlibrc says, so that figures are the same everywhere."""
    with mpl.rc_context():
        backend = mpl.rcParams._get("backend") if hasattr(mpl.rcParams, "_get") else None
        mpl.rcParams.update({key: value for key, value in mpl.rcParamsDefault.items() if "backend" not in key})
        if backend is not None:
            mpl.rcParams._set("backend", backend)
        mpl.rcParams.update(_STYLE)
        yield
