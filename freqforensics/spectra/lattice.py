"""Lattices of coherent lines: is an image set periodically upsampled, by how much, and what else would explain it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtrc, gammaincc

from freqforensics.runtime.showing import Drawn, Summarised
from freqforensics.spectra.nulls import coherence_p_value, full_plane, self_conjugate_bins
from freqforensics.spectra.power import MeanSpectrum
from freqforensics.spectra.resampling import ResamplingTrace

DENOMINATORS: Final = (2, 4, 8, 16)
LEVEL: Final = 0.05
"""Default rate at which image sets without a lattice are said to have one."""

WEAK_COHERENCE: Final = 0.05
"""Mean R up to which JPEG's block grid may be what makes a lattice: on photographs it stayed below 0.03."""

LAYOUT_SHARE: Final = 0.1
"""Share of a crop's pixels that are the same in every image from which these may be what makes a lattice: photographs
and generated images of different content have none, screenshots of one layout from a fifth to four fifths."""

_REACH: Final = 6  # bins on either side of a lattice point that give its background
_LINE_REACH: Final = 9
_FEWEST: Final = 6  # bins that give a background


@dataclass(frozen=True)
class LatticeEvidence:
    """What the points of one denominator say.

    Parameters
    ----------
    denominator : int
        d: the frequencies (a/d, b/d) in lowest terms.
    points : int
        Independent points: mirror images count once.
    mean_nr : float
        Mean of N R over the points, both mirror images.
    evidence : float
        Mean of -log p over the points, each p against the bins around it that lie on no lattice; 1 by chance.
    p_value : float
        p-value of the evidence: points times it is gamma distributed by chance. With a control, the larger of that
        and of the F test against the control's evidence.
    p_corrected : float
        By Holm's method over the denominators.
    p_isolated : float
        As `p_corrected`, but against the bins of each point's row and column as well. Where crops reach the images'
        borders, strong lines leak along their rows and columns, through the points of finer lattices; that does not
        count here, so this tells *which* denominators have lines of their own, with less power to tell that any has.
    """

    denominator: int
    points: int
    mean_nr: float
    evidence: float
    p_value: float
    p_corrected: float
    p_isolated: float

    def has_lines(self, level: float = LEVEL) -> bool:
        """Whether this denominator has significant lines of its own."""
        return max(self.p_corrected, self.p_isolated) < level


@dataclass(frozen=True, repr=False)
class LatticeTest(Summarised):
    """Evidence for lines on a lattice.

    Parameters
    ----------
    images : int
    evidence : tuple of LatticeEvidence
        One for each denominator that divides both sides of the spectrum, in ascending order.
    p_value : float
        That there is no lattice at all: Bonferroni's combination of the least corrected p-value and of Fisher's over
        the denominators.
    controlled : bool
        Whether it was tested against a control.
    """

    images: int
    evidence: tuple[LatticeEvidence, ...]
    p_value: float
    controlled: bool


@dataclass(frozen=True)
class Alternative:
    """Another cause of periodic traces, tested.

    Parameters
    ----------
    name : {"jpeg-grid", "resampling", "layout"}
    found : bool
    evidence : float
        Line relative to its surroundings in the trace of the second difference: for the grid the least of the lines
        at 1/8, 1/4 and 3/8 along x and y; for resampling the lesser of the two axes at `frequency`. 1 by chance. For
        the layout: the share of pixels that are the same in every image.
    p_value : float or None
        The largest of the p-values of those lines: all must be there (intersection-union test). For resampling, times
        the number of frequencies searched. None for the layout: in images of different content no pixel stays the same.
    frequency : float or None
        Cycles per pixel. A factor s leaves 1/s, folded into 0 .. 1/2.
    on_axis : float or None
        For the grid: the least of the incoherent powers at 1/8, 1/4 and 3/8 along x and y, relative to the bins beside
        them on the axis. None where 8 does not divide the sides.
    jpeg_files : int or None
        For the grid: how many of the images are JPEG files, by their quantisation tables.
    quality : float or None
        The median quality of those, on libjpeg's scale.
    """

    name: Literal["jpeg-grid", "resampling", "layout"]
    found: bool
    evidence: float
    p_value: float | None
    frequency: float | None
    on_axis: float | None = None
    jpeg_files: int | None = None
    quality: float | None = None


@dataclass(frozen=True, repr=False)
class UpsamplingReport(Drawn):
    """What made the lattice of an image set.

    Parameters
    ----------
    factor : int or None
        The largest denominator with significant lines of its own: the total factor of a chain of x2 layers. None where
        there is no lattice, or where an alternative explains it.
    verdict : str
        The same in words.
    lattice : LatticeTest
        The test of the lattices.
    alternatives : tuple of Alternative
        Empty where no trace was given.
    explained_by : str or None
        The alternative that is enough to explain the lattice.
    """

    factor: int | None
    verdict: str
    lattice: LatticeTest
    alternatives: tuple[Alternative, ...]
    explained_by: str | None


def lattice_test(spectrum: MeanSpectrum, *, control: MeanSpectrum | None = None) -> LatticeTest:
    """Test whether the coherence at multiples of 1/2, 1/4, 1/8 and 1/16 exceeds its surroundings.

    n layers of x2 upsampling put lines at (a / 2^n, b / 2^n). Every lattice point's coherence is divided by that of the
    bins around it which lie on no lattice (aligned content makes whole regions coherent), if that is above chance.

    Parameters
    ----------
    spectrum : MeanSpectrum
        One plane. A side that 16 does not divide leaves fewer denominators.
    control : MeanSpectrum, optional
        Averages of real images of similar content and format. A lattice that they show, too, is no evidence.

    Returns
    -------
    LatticeTest
        Statistic and p-value of each lattice.

    Raises
    ------
    ValueError
        Three planes, no images, sides without a factor of 2, or a control of another spec.

    Examples
    --------
    Zero insertion by two leaves lines at the multiples of 1/2.

    >>> from freqforensics.spectra.accumulate import SpectrumAccumulator
    >>> from freqforensics.spectra.spec import SpectrumSpec
    >>> images = np.zeros((20, 64, 64))
    >>> images[:, ::2, ::2] = np.random.default_rng(0).uniform(0, 255, (20, 32, 32))
    >>> test = lattice_test(SpectrumAccumulator(SpectrumSpec(size=64)).update(images).result())
    >>> test.evidence[0].denominator, test.evidence[0].p_value < 0.001, test.p_value < 0.001
    (2, True, True)
    """
    if spectrum.spec.planes != 1 or (control is not None and control.spec.planes != 1):
        raise ValueError("a lattice is tested on one plane: channel 'rgb' has three")
    if control is not None and control.spec != spectrum.spec:
        raise ValueError(f"the control's spec differs: {control.spec} and {spectrum.spec}")
    denominators = [d for d in DENOMINATORS if all(side % d == 0 for side in spectrum.spec.shape)]
    if not denominators:
        raise ValueError(f"no lattice fits a spectrum of {spectrum.spec.shape}: its sides must be even")
    measured = [_measure(spectrum, d, denominators[-1]) for d in denominators]
    p_values = [float(gammaincc(m.points, m.points * m.evidence)) for m in measured]
    isolated = _holm([float(gammaincc(m.points, m.points * m.isolated)) for m in measured])
    if control is not None:
        for index, d in enumerate(denominators):
            mine, other = measured[index], _measure(control, d, denominators[-1])
            freedom = 2 * mine.points
            ratio = mine.evidence / max(other.evidence, 1.0)
            p_values[index] = max(p_values[index], float(fdtrc(freedom, freedom, ratio)))
    corrected = _holm(p_values)
    fisher = float(gammaincc(len(p_values), -sum(math.log(max(p, 1e-300)) for p in p_values)))
    return LatticeTest(
        images=spectrum.images,
        evidence=tuple(
            LatticeEvidence(d, m.points, m.mean_nr, m.evidence, p, q, i)
            for d, m, p, q, i in zip(denominators, measured, p_values, corrected, isolated, strict=True)
        ),
        p_value=min(1.0, 2 * min(fisher, min(corrected))),
        controlled=control is not None,
    )


def estimate_upsampling(
    spectrum: MeanSpectrum,
    *,
    trace: ResamplingTrace | None = None,
    jpeg_qualities: Sequence[int] | None = None,
    unchanged: float | None = None,
    control: MeanSpectrum | None = None,
    level: float = LEVEL,
) -> UpsamplingReport:
    """Estimate by what factor a set of images was upsampled, and test other explanations.

    Parameters
    ----------
    spectrum : MeanSpectrum
        Averages of one plane, crops aligned to 16 pixels.
    trace : ResamplingTrace, optional
        Periodograms of the same images; without it no alternative is tested.
    jpeg_qualities : sequence of int, optional
        Qualities of the images that are JPEG files; see `file_evidence`.
    unchanged : float, optional
        Share of pixels that are the same in every image; see `file_evidence`. Without it a layout is not tested.
    control : MeanSpectrum, optional
        Averages of real images of similar content. A lattice that they show, too, is no evidence.
    level : float
        Rate of false alarms accepted for a set without a lattice.

    Returns
    -------
    UpsamplingReport
        The factor, the lattice test behind it, and the alternatives.

    Raises
    ------
    ValueError
        As `lattice_test`; or `level` outside (0, 1).

    Notes
    -----
    JPEG's grid is recognised by its lines in the second difference, or because most of the images are JPEG files. It
    explains a lattice of up to 1/8 if no denominator's mean R exceeds 0.05. Its blocks are at the same place in every
    image, but what they leave there has hardly a phase in common.

    Content at the same place (screenshots of one layout, a frame, copies of one picture) is coherent at all
    frequencies, and on a lattice where it repeats. It explains a lattice if a tenth of the pixels are the same in every
    image. Whether a generator left a lattice, too, is then unknown.

    An upsampled set can be without lines. Alias-free generators leave none, nor does interpolation without a
    nonlinearity after it.

    Examples
    --------
    >>> from freqforensics.spectra.accumulate import SpectrumAccumulator
    >>> from freqforensics.spectra.spec import SpectrumSpec
    >>> images = np.zeros((20, 64, 64))
    >>> images[:, ::2, ::2] = np.random.default_rng(0).uniform(0, 255, (20, 32, 32))
    >>> report = estimate_upsampling(SpectrumAccumulator(SpectrumSpec(size=64)).update(images).result())
    >>> report.factor, report.verdict
    (2, 'lattice of 1/2')
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
    lattice = lattice_test(spectrum, control=control)
    alternatives: tuple[Alternative, ...] = ()
    if trace is not None:
        alternatives = (_jpeg_grid(trace, spectrum, jpeg_qualities), resampling_alternative(trace))
    if unchanged is not None:
        alternatives += (Alternative("layout", unchanged >= LAYOUT_SHARE, unchanged, None, None),)
    explanations = [alternative for alternative in alternatives if alternative.found]
    if lattice.p_value >= level:
        return UpsamplingReport(None, "no lattice", lattice, alternatives, None)
    significant = [e.denominator for e in lattice.evidence if e.has_lines(level)]
    factor = max(significant) if significant else min(lattice.evidence, key=lambda e: e.p_value).denominator
    strongest = max(e.mean_nr for e in lattice.evidence) / lattice.images
    if any(a.name == "jpeg-grid" for a in explanations) and strongest < WEAK_COHERENCE and factor <= 8:
        verdict = f"weak lattice (R to {strongest:.3f}) that JPEG's 8x8 grid explains"
        return UpsamplingReport(None, verdict, lattice, alternatives, "jpeg-grid")
    if unchanged is not None and unchanged >= LAYOUT_SHARE:
        verdict = f"lattice that content at equal places explains: {unchanged:.0%} of the pixels are always the same"
        return UpsamplingReport(None, verdict, lattice, alternatives, "layout")
    verdict = f"lattice of 1/{factor}"
    if explanations:
        verdict += f", besides {' and '.join(a.name for a in explanations)}"
    return UpsamplingReport(factor, verdict, lattice, alternatives, None)


class _Measured(NamedTuple):
    points: int  # independent ones
    mean_nr: float
    evidence: float  # mean -log p against the square around
    isolated: float  # the same against square, row and column


def _measure(spectrum: MeanSpectrum, d: int, finest: int) -> _Measured:
    height, width = spectrum.spec.shape
    n = spectrum.images
    r = np.fft.ifftshift(np.nan_to_num(full_plane(spectrum.coherence, width)))
    rows, columns = np.arange(height)[:, None] * finest % height, np.arange(width) * finest % width
    on_lattice = (rows == 0) & (columns == 0)
    own_mirror = self_conjugate_bins((height, width))
    nr: list[float] = []
    points: list[tuple[int, int]] = []
    for a in range(d):
        for b in range(d):
            if math.gcd(math.gcd(a, b), d) != 1:
                continue
            row, column = a * height // d, b * width // d
            nr.append(r[row, column] * n)
            if (-row % height, -column % width) >= (row, column):
                points.append((row, column))
    at = tuple(np.transpose(points))
    square, line = _backgrounds(r, on_lattice, points)
    levels = np.maximum(1.0, np.stack([square, np.maximum(square, line)], axis=1) * n / math.log(2))
    real = own_mirror[at[0], np.minimum(at[1], width // 2)] & (at[1] <= width // 2)
    shares = np.minimum(1.0, r[at][:, None] / levels)
    p_values = coherence_p_value(shares, n, self_conjugate=np.stack([real, real], axis=1))
    surprise = [[-math.log(max(p, 1e-300)) for p in pair] for pair in p_values.tolist()]
    evidence, isolated = np.mean(surprise, axis=0)
    return _Measured(len(points), float(np.mean(nr)), float(evidence), float(isolated))


def _backgrounds(
    r: NDArray[np.float64], on_lattice: NDArray[np.bool_], points: Sequence[tuple[int, int]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Median coherence of the bins around points that lie on no lattice: of the square, and of the row or column."""
    square, line, here = np.arange(-_REACH, _REACH + 1), np.arange(-_LINE_REACH, _LINE_REACH + 1), np.zeros(1, int)
    around = []
    for row, column in points:
        for down, across in ((square, square), (line, here), (here, line)):
            place = np.ix_((row + down) % r.shape[0], (column + across) % r.shape[1])
            around.append(r[place][~on_lattice[place]])
    medians = _medians(around).reshape(-1, 3)
    return medians[:, 0], medians[:, 1:].max(axis=1)


def _medians(samples: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Give the medians of samples, those of one length at once; 0 of fewer than six values."""
    lengths = np.array([len(sample) for sample in samples])
    medians = np.zeros(len(samples))
    for length in np.unique(lengths[lengths >= _FEWEST]):
        alike = np.flatnonzero(lengths == length).tolist()
        medians[alike] = np.median([samples[index] for index in alike], axis=1)
    return medians


def _holm(p_values: list[float]) -> list[float]:
    corrected = [0.0] * len(p_values)
    worst = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        worst = max(worst, min(1.0, p_values[index] * (len(p_values) - rank)))
        corrected[index] = worst
    return corrected


def _jpeg_grid(trace: ResamplingTrace, spectrum: MeanSpectrum, qualities: Sequence[int] | None) -> Alternative:
    """Lines at 1/8, 1/4 and 3/8 along both axes: an upsampler's lattice seldom has all six."""
    bins = [round(k / 8 / trace.frequencies[1]) for k in (1, 2, 3)]
    evidence = float(np.nanmin(trace.ratio[:, bins]))
    p_value = float(np.nanmax(trace.p_value[:, bins]))
    lines = evidence >= 1.25 and p_value < 0.01
    files = None if qualities is None else len(qualities)
    return Alternative(
        "jpeg-grid",
        lines or (files is not None and files > spectrum.images / 2),
        evidence,
        p_value,
        None,
        on_axis=_on_axis(spectrum),
        jpeg_files=files,
        quality=float(np.median(qualities)) if qualities else None,
    )


def _on_axis(spectrum: MeanSpectrum) -> float | None:
    """How much more incoherent power there is at multiples of 1/8 along the axes than beside them, at the least."""
    height, width = spectrum.spec.shape
    if height % 8 or width % 8:
        return None
    power = np.fft.ifftshift(spectrum.full("power") - spectrum.full("coherent") ** 2)
    ratios = []
    for line in (power[0], power[:, 0]):
        for k in (1, 2, 3):
            here = k * len(line) // 8
            beside = np.r_[line[here - _REACH : here - 1], line[here + 2 : here + _REACH + 1]]
            ratios.append(float(line[here] / max(float(np.median(beside)), 1e-30)))
    return min(ratios)


def resampling_alternative(trace: ResamplingTrace) -> Alternative:
    """Look for interpolation: the strongest frequency that both axes share, off the multiples of 1/8 and the content.

    Parameters
    ----------
    trace : ResamplingTrace
        Averaged periodograms of second differences.

    Returns
    -------
    Alternative
        Named "resampling".
    """
    f = trace.frequencies
    away = np.abs(f - np.round(f * 8) / 8) > 2.5 * f[1]
    searched = (f >= 0.1) & away
    both = np.where(searched, np.nan_to_num(trace.ratio.min(axis=0)), 0.0)
    best = int(both.argmax())
    p_value = min(1.0, float(trace.p_value[:, best].max()) * int(searched.sum()))
    significant = both[best] >= 2 and p_value < 1e-3
    return Alternative("resampling", bool(significant), float(both[best]), p_value, float(f[best]))
