"""Lines in an averaged spectrum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from freqforensics.spectra.nulls import self_conjugate_bins
from freqforensics.spectra.power import MeanSpectrum
from freqforensics.spectra.spec import SpectrumSpec


@dataclass(frozen=True)
class SpectralLine:
    """One bin of an averaged spectrum.

    Parameters
    ----------
    fx, fy : float
        Cycles per pixel; fx in [0, 1/2], fy in [-1/2, 1/2).
    amplitude : float
        Coherent amplitude, in the unit of the spectrum's normalisation.
    nr : float
        N R, the coherence in units of what chance gives: 1 by chance, N at most.
    p_value : float
        Of this bin by itself.
    p_corrected : float
        Times the number of bins searched (Bonferroni), at most 1: the chance of any line as strong.
    """

    fx: float
    fy: float
    amplitude: float
    nr: float
    p_value: float
    p_corrected: float


def strongest_line(spectrum: MeanSpectrum) -> SpectralLine:
    """Find the most significant coherent line outside DC, among `line_bins`.

    Parameters
    ----------
    spectrum : MeanSpectrum
        With "rgb", the three planes are searched together.

    Returns
    -------
    SpectralLine
        The bin of least p-value, of greatest N R among equals. Aligned content (centred faces) is coherent too: at
        low frequencies a line need not come from a generator.

    Raises
    ------
    ValueError
        The spectrum holds no image.
    """
    height, width = spectrum.spec.shape
    planes = (spectrum.spec.planes, height, width // 2 + 1)
    p = spectrum.p_value.reshape(planes)
    nr = np.nan_to_num(spectrum.coherence.reshape(planes) * spectrum.images)
    searched = line_bins(spectrum.spec)
    p_searched = np.where(searched, p, np.inf)
    ties = p_searched == p_searched.min()
    plane, row, column = np.unravel_index(np.argmax(np.where(ties, nr, -1.0)), planes)
    fy, fx = spectrum.frequencies
    p_line = float(p[plane, row, column])
    return SpectralLine(
        fx=float(fx[column]),
        fy=float(fy[row]),
        amplitude=float(spectrum.coherent.reshape(planes)[plane, row, column]),
        nr=float(nr[plane, row, column]),
        p_value=p_line,
        p_corrected=min(1.0, p_line * int(searched.sum()) * planes[0]),
    )


def line_bins(spec: SpectrumSpec) -> NDArray[np.bool_]:
    """Bins of the half-plane (H, W//2 + 1) where a line may be looked for, each but once.

    Left out are DC, with the neighbours into which a Hann window spreads it, and the bins that repeat another as its
    mirror image.
    """
    height, width = spec.shape
    searched = np.ones((height, width // 2 + 1), bool)
    mirrored = [0, width // 2] if width % 2 == 0 else [0]
    for column in mirrored:
        searched[height // 2 + 1 :, column] = False
    searched |= self_conjugate_bins(spec.shape)
    searched[0, 0] = False
    if spec.window == "hann":
        searched[[0, 1, -1], :2] = False
    return searched
