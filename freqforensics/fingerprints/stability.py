"""How many images a fingerprint needs, and whether a few of them make it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from freqforensics.fingerprints.fingerprint import Fingerprint
from freqforensics.fingerprints.measures import coherent_bins
from freqforensics.runtime.showing import Summarised
from freqforensics.spectra.nulls import half_plane_weights
from freqforensics.spectra.rings import CONTENT

Float = NDArray[np.float64]

_POINTS: Final = 10
_LEVEL: Final = 0.05


@dataclass(frozen=True, repr=False)
class LearningCurve(Summarised):
    """Height of the strongest peak as a function of the number of images.

    Parameters
    ----------
    name : str
        Name of the set.
    frequencies : tuple of (float, float)
        Cycles per pixel, across and down, of the peak that each half of the images chose.
    images : tuple of int
        Numbers of images, ascending.
    snr, low, high : tuple of float
        N R of the chosen peak, measured on the other half: its power in the average over what random phases give (about
        1 where nothing is shared). Mean, 5th and 95th percentile of subsets.
    threshold : float
        N R that random phases reach in one of all bins with probability 0.05.
    needed : int or None
        Images at which N R is expected to pass it: N R grows as 1 + (N - 1) r. None if the chosen peaks do not stand
        out on the halves that did not choose them (p > 0.05): there may be none.
    """

    name: str
    frequencies: tuple[tuple[float, float], ...]
    images: tuple[int, ...]
    snr: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    threshold: float
    needed: int | None


@dataclass(frozen=True, eq=False, repr=False)
class Influence(Summarised):
    """Influence of each part of a set on its fingerprint; with parts of one image each, of each image.

    Parameters
    ----------
    name : str
        Name of the set.
    share : ndarray, shape (C,)
        The part's residual power above 1/16 cycles per pixel, over the mean of all: 1 is a part like the others.
    peaks : ndarray, shape (C,)
        Jaccard index of the coherent bins with and without the part: 1 if it changes none of them.
    coherence : ndarray, shape (C,)
        R of the strongest peak without the part over R with it: above 1 where the part works against the peak, below 1
        where it makes it.
    """

    name: str
    share: Float
    peaks: Float
    coherence: Float


def learning_curve(fingerprint: Fingerprint, *, draws: int = 100, seed: int = 0) -> LearningCurve:
    """Measure how a set's strongest peak grows with the number of images.

    One half of the parts chooses the peak and the other half measures it, both ways: a peak measured where it was
    chosen is too high.

    Parameters
    ----------
    fingerprint : Fingerprint
        A fingerprint of four parts or more.
    draws : int
        Number of subsets of each size.
    seed : int
        Random seed.

    Returns
    -------
    LearningCurve
        Height of the peak at every number of images.

    Raises
    ------
    ValueError
        Fewer than four parts.
    """
    side = fingerprint.stacked[0]
    count = len(side.counts)
    if count < 4:
        raise ValueError(f"{fingerprint.name}: a learning curve needs four parts at least, got {count}")
    rng = np.random.default_rng(seed)
    inside = CONTENT.mask(fingerprint.shape)
    half = count // 2
    sizes = np.unique(np.round(np.geomspace(1, half, _POINTS)).astype(int))
    chosen, excess, reached = [], [], []
    levels: dict[int, list[float]] = {int(size): [] for size in sizes}
    for first in (0, 1):
        choosing, measuring = np.arange(first, count, 2), np.arange(1 - first, count, 2)
        place = np.unravel_index(
            np.argmax(np.where(inside, _nr(side.all_f[choosing], side.all_power[choosing]), 0)), inside.shape
        )
        f, power = side.all_f[measuring, place[0], place[1]], side.all_power[measuring, place[0], place[1]]
        chosen.append(_frequency(place, fingerprint.shape))
        total = side.counts[measuring].sum()
        reached.append(float(_nr(f, power)))
        excess.append((reached[-1] - 1) / max(1.0, total - 1))
        for size in sizes:
            drawn = np.stack([rng.permutation(len(measuring))[:size] for _ in range(draws)])
            levels[int(size)] += _nr(f[drawn].T, power[drawn].T).tolist()
    threshold = float(np.log(inside.sum() / _LEVEL))
    growth = float(np.mean(excess))
    # By chance each is exponentially distributed, and their sum s is above 4.74 in a twentieth: (1 + s) exp(-s).
    both = sum(reached)
    stands_out = (1 + both) * np.exp(-both) <= _LEVEL
    images = [round(float(size * side.counts.mean())) for size in sizes]
    return LearningCurve(
        fingerprint.name,
        tuple(chosen),
        tuple(images),
        tuple(float(np.mean(values)) for values in levels.values()),
        tuple(float(np.quantile(values, 0.05)) for values in levels.values()),
        tuple(float(np.quantile(values, 0.95)) for values in levels.values()),
        threshold,
        int(np.ceil(1 + (threshold - 1) / growth)) if stands_out and growth > 0 else None,
    )


def influence(fingerprint: Fingerprint) -> Influence:
    """Measure the influence of each part of a set, by leaving it out.

    Parameters
    ----------
    fingerprint : Fingerprint
        A fingerprint of three parts or more; with parts of one image each to see what each image does.

    Returns
    -------
    Influence
        Change of the fingerprint without each part.

    Raises
    ------
    ValueError
        Fewer than three parts.
    """
    side = fingerprint.stacked[0]
    if len(side.counts) < 3:
        raise ValueError(f"{fingerprint.name}: influence needs three parts at least, got {len(side.counts)}")
    shape = fingerprint.shape
    inside = CONTENT.mask(shape)
    weights = np.where(inside, half_plane_weights(shape), 0.0)
    powers = (side.all_power * weights).sum(axis=(1, 2)) / side.counts
    f, power, images = side.all_f.sum(axis=0), side.all_power.sum(axis=0), float(side.counts.sum())
    whole = coherent_bins(f, power, images, shape)
    place = np.unravel_index(np.argmax(np.where(inside, _nr(side.all_f, side.all_power), 0)), inside.shape)
    r = _coherence(f[place], power[place], images)
    peaks, coherence = np.ones(len(powers)), np.ones(len(powers))
    for part, count in enumerate(side.counts):
        less_f, less_power, rest = f - side.all_f[part], power - side.all_power[part], images - count
        coherent = coherent_bins(less_f, less_power, rest, shape)
        either = (whole | coherent).sum()
        peaks[part] = (whole & coherent).sum() / either if either else 1.0
        coherence[part] = _coherence(less_f[place], less_power[place], rest) / r if r else 1.0
    share = powers / powers.mean() if powers.any() else np.ones_like(powers)
    return Influence(fingerprint.name, np.asarray(share), peaks, coherence)


def _nr(f: NDArray[np.complex128], power: Float) -> Float:
    """N R over parts, the first axis."""
    return np.asarray(np.abs(f.sum(axis=0)) ** 2 / np.maximum(power.sum(axis=0), 1e-300))


def _coherence(f: complex, power: float, images: float) -> float:
    return float(abs(f) ** 2 / max(power * images, 1e-300))


def _frequency(place: tuple[np.intp, ...], shape: tuple[int, int]) -> tuple[float, float]:
    """Of a bin of the half-plane, across and down."""
    return float(np.fft.rfftfreq(shape[1])[place[1]]), float(np.fft.fftfreq(shape[0])[place[0]])
