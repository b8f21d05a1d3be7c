"""Lines in an averaged spectrum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from freqforensics.spectra.nulls import coherence_p_value, full_plane, self_conjugate_bins
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
        N R, the coherence relative to its mean by chance: 1 by chance, N at most.
    p_value : float
        p-value of this bin by itself.
    p_corrected : float
        p-value corrected for the number of bins searched: Bonferroni's from `strongest_line` (the chance of any line
        as strong), Benjamini and Hochberg's from `find_peaks`.
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
        Averaged spectrum. With "rgb" the three planes are searched together.

    Returns
    -------
    SpectralLine
        The bin of least p-value, of greatest N R among equals. Aligned content (centred faces) is coherent too: at
        low frequencies a line need not come from a generator.

    Raises
    ------
    ValueError
        The spectrum holds no image.

    Examples
    --------
    >>> from freqforensics.spectra.accumulate import SpectrumAccumulator
    >>> from freqforensics.spectra.spec import SpectrumSpec
    >>> wave = 4 * np.cos(np.pi / 2 * np.arange(64))
    >>> images = wave + np.random.default_rng(0).normal(128, 20, (10, 64, 64))
    >>> line = strongest_line(SpectrumAccumulator(SpectrumSpec(size=64)).update(images).result())
    >>> (line.fx, line.fy), line.p_corrected < 0.001
    ((0.25, 0.0), True)
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


def find_peaks(
    spectrum: MeanSpectrum,
    *,
    fdr: float = 0.05,
    background: Literal["none", "local"] = "local",
) -> tuple[SpectralLine, ...]:
    """Find every significant coherent line, controlling the share of false ones.

    Parameters
    ----------
    spectrum : MeanSpectrum
        Averaged spectrum of one plane.
    fdr : float
        False discovery rate (Benjamini & Hochberg 1995) over `line_bins`.
    background : {"none", "local"}
        "none" takes random phases for the null. "local" divides the coherence by the median of the 13 x 13 bins
        around, where that is above chance: aligned content (centred faces) makes whole regions coherent, a line stands
        out of its region.

    Returns
    -------
    tuple of SpectralLine
        By ascending p-value. `p_value` is against the background chosen, `p_corrected` is Benjamini and Hochberg's.

    Raises
    ------
    ValueError
        Three planes, no images, or a parameter out of range.

    Examples
    --------
    A wave of 1/4 cycles per pixel is hidden in the noise of ten images.

    >>> from freqforensics.spectra.accumulate import SpectrumAccumulator
    >>> from freqforensics.spectra.spec import SpectrumSpec
    >>> wave = 4 * np.cos(np.pi / 2 * np.arange(64))
    >>> images = wave + np.random.default_rng(0).normal(128, 20, (10, 64, 64))
    >>> lines = find_peaks(SpectrumAccumulator(SpectrumSpec(size=64)).update(images).result())
    >>> [(line.fx, line.fy) for line in lines]
    [(0.25, 0.0)]
    """
    if spectrum.spec.planes != 1:
        raise ValueError("lines are found on one plane: channel 'rgb' has three")
    if not 0 < fdr < 1:
        raise ValueError(f"fdr must lie between 0 and 1, got {fdr}")
    if background not in ("none", "local"):
        raise ValueError(f"background must be none or local, got {background!r}")
    from scipy.ndimage import median_filter
    from scipy.stats import false_discovery_control

    height, width = spectrum.spec.shape
    r = np.nan_to_num(spectrum.coherence)
    level = np.ones_like(r)
    if background == "local":
        ring = np.ones((13, 13), bool)
        ring[5:8, 5:8] = False
        around = median_filter(np.fft.ifftshift(full_plane(r, width)), footprint=ring, mode="wrap")
        level = np.maximum(1.0, around[:, : width // 2 + 1] * spectrum.images / np.log(2))
    p = coherence_p_value(
        np.minimum(r / level, 1.0), spectrum.images, self_conjugate=self_conjugate_bins((height, width))
    )
    rows, columns = np.nonzero(line_bins(spectrum.spec))
    corrected = false_discovery_control(p[rows, columns])
    amplitude, (fy, fx) = spectrum.coherent, spectrum.frequencies
    lines = [
        SpectralLine(
            fx=float(fx[column]),
            fy=float(fy[row]),
            amplitude=float(amplitude[row, column]),
            nr=float(r[row, column] * spectrum.images),
            p_value=float(p[row, column]),
            p_corrected=float(q),
        )
        for row, column, q in zip(rows, columns, corrected, strict=True)
        if q <= fdr
    ]
    return tuple(sorted(lines, key=lambda line: (line.p_value, -line.nr)))


def line_bins(spec: SpectrumSpec) -> NDArray[np.bool_]:
    """Mark the bins of the half-plane (H, W//2 + 1) that are searched for lines, each only once.

    Left out are DC, with the neighbours into which a Hann window spreads it, and the bins that repeat another as its
    mirror image.

    Parameters
    ----------
    spec : SpectrumSpec
        Crops and window of the spectrum.

    Examples
    --------
    >>> from freqforensics.spectra.spec import SpectrumSpec
    >>> searched = line_bins(SpectrumSpec(size=64))
    >>> searched.shape, int(searched.sum()), bool(searched[0, 0])
    ((64, 33), 2049, False)
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
