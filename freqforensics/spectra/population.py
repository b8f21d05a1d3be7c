"""A population to compare one image with: spectra of photographs and lattices of generators."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from freqforensics.runtime.archives import check_array, check_count, read_facts, read_npz
from freqforensics.runtime.showing import Summarised
from freqforensics.runtime.stored import reading
from freqforensics.runtime.writing import replacing
from freqforensics.spectra.nulls import full_plane, half_plane_weights
from freqforensics.spectra.profile import radial_profile
from freqforensics.spectra.residual import high_pass_residual
from freqforensics.spectra.tiles import log_coherence
from freqforensics.spectra.windows import apply_window, window_sums

Uint8 = NDArray[np.uint8]
Float = NDArray[np.float64]

PERCENTILES: Final = (1, 5, 25, 50, 75, 95, 99)
BINS: Final = 32
SMALLEST: Final = 64
"""Images with a shorter side are left out."""
UNKNOWN_ABOVE: Final = 0.05
_SIDE: Final = 512
"""Larger images are cut to their middle: a spectrum of one square."""
_LEAST_POWER: Final = 1e-6
"""Squared grey levels: what a level is at least."""
_NATURAL: Final = np.geomspace(1 / 256, np.sqrt(0.5), 40)
_COHERENT: Final = 32
"""Side of the tiles whose coherence is taken."""
FORMAT: Final = 1
POPULATION: Final = Path(__file__).parent / "population.npz"


@dataclass(frozen=True, repr=False)
class Nearest(Summarised):
    """The generator whose lattice is most like an image's.

    Parameters
    ----------
    name : str or None
        Name of the generator; None ("unknown") if no likeness is beyond that of photographs.
    p_value : float
        How often photographs are as much like the most similar generator, times the number of generators.
    likeness : tuple of (str, float)
        Name of each generator and correlation with it, in descending order.
    images : int
        Number of photographs that the image is compared with.
    """

    name: str | None
    p_value: float
    likeness: tuple[tuple[str, float], ...]
    images: int

    @property
    def alike(self) -> bool:
        """Whether the likeness is beyond that of photographs. A generator without a lattice is never named."""
        return self.p_value <= UNKNOWN_ABOVE

    @property
    def decidable(self) -> bool:
        """Whether there are enough photographs, and any generators, to name one at all."""
        return bool(self.likeness) and len(self.likeness) / (1 + self.images) <= UNKNOWN_ABOVE


@dataclass(frozen=True, repr=False)
class Standing(Summarised):
    """An image's residual spectrum in comparison with those of photographs.

    Parameters
    ----------
    frequencies : tuple of float
        Cycles per pixel.
    levels : tuple of float
        Levels of the image: ten times the decadic logarithm of the residual's power, dB re 1 squared grey level.
    percentiles : tuple of tuple of float
        Photographs' levels, a row for each of `PERCENTILES`.
    outside : float
        Share of the frequencies at which the image is below the 1st or above the 99th percentile.
    """

    frequencies: tuple[float, ...]
    levels: tuple[float, ...]
    percentiles: tuple[tuple[float, ...], ...]
    outside: float

    @property
    def flat(self) -> bool:
        """Whether there is no residual at any frequency: the image is uniform."""
        return bool(max(self.levels) <= 10 * np.log10(_LEAST_POWER))


@dataclass(frozen=True, eq=False, repr=False)
class Population(Summarised):
    """Spectra of a population of photographs, and lattices of generators.

    Parameters
    ----------
    photographs : int
        Number of photographs.
    levels : ndarray, shape (7, 32)
        Percentiles of radial profiles of the residual's power, dB.
    natural : ndarray, shape (3, 40)
        Mean logarithm of R, G, B's power by frequency, per pixel.
    centre, scale : ndarray, shape (3, 32, 32)
        Mean and standard deviation of photographs' log coherence.
    names : tuple of str
        Names of the generators.
    lattices : ndarray, shape (generators, 3, 32, 32)
        Mean log coherence of each, centred and scaled.
    likeness : ndarray, shape (photographs, generators)
        Correlation of each photograph with each generator's lattice, for the null distribution.
    about : str
        Description of the images.
    """

    photographs: int
    levels: Float
    natural: Float
    centre: Float
    scale: Float
    names: tuple[str, ...]
    lattices: Float
    likeness: Float
    about: str = ""

    def standing(self, image: Uint8) -> Standing:
        """Compare an image's residual spectrum with photographs'; images as for `measure_population`.

        Parameters
        ----------
        image : ndarray of uint8, (H, W, 3)
            RGB image.
        """
        level = _levels(_cut(image))
        frequencies = (np.arange(BINS) + 1) * 0.5 / BINS
        outside = (level < self.levels[0]) | (level > self.levels[-1])
        return Standing(
            tuple(float(f) for f in frequencies),
            tuple(float(value) for value in level),
            tuple(tuple(float(value) for value in row) for row in self.levels),
            float(outside.mean()),
        )

    def nearest(self, image: Uint8) -> Nearest:
        """Name the generator whose lattice is most like an image's, or none; images as for `measure_population`.

        A uniform image has no lattice: nothing is named, and nothing is compared.

        Parameters
        ----------
        image : ndarray of uint8, (H, W, 3)
            RGB image.
        """
        coherence = _coherence(_cut(image))
        likeness = _likeness((coherence - self.centre) / self.scale, self.lattices)
        if not len(likeness) or not coherence.any():
            return Nearest(None, 1.0, (), self.photographs)
        order = np.argsort(-likeness)
        best = int(order[0])
        p_value = (1 + int((self.likeness[:, best] >= likeness[best]).sum())) / (1 + self.photographs)
        p_value = min(1.0, p_value * len(self.names))
        return Nearest(
            self.names[best] if p_value <= UNKNOWN_ABOVE else None,
            p_value,
            tuple((self.names[i], float(likeness[i])) for i in order),
            self.photographs,
        )

    def amplitudes(self, shape: tuple[int, int]) -> NDArray[np.float32]:
        """Photographs' mean amplitudes for an image of H and W, (3, H, W // 2 + 1), in the order of `rfft2`.

        Parameters
        ----------
        shape : (int, int)
            Height and width of the image, pixels.
        """
        height, width = shape
        radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
        logs = np.log(np.maximum(radius, 1e-9))
        planes = [np.interp(logs, np.log(_NATURAL), row) for row in self.natural]
        return np.asarray(np.sqrt(np.exp(np.stack(planes)) * height * width), np.float32)

    def save(self, path: str | Path) -> None:
        """Write as a compressed npz, whole or not at all.

        Parameters
        ----------
        path : str or Path
            File to write; an existing one is replaced.
        """
        about = {"format": FORMAT, "photographs": self.photographs, "names": self.names, "about": self.about}
        arrays: dict[str, Any] = {
            "levels": self.levels.astype(np.float32),
            "natural": self.natural.astype(np.float32),
            "centre": self.centre.astype(np.float16),
            "scale": self.scale.astype(np.float16),
            "lattices": self.lattices.astype(np.float16),
            "likeness": self.likeness.astype(np.float16),
        }
        with replacing(path) as temporary:
            np.savez_compressed(temporary, about=np.array(json.dumps(about)), **arrays)

    @classmethod
    def load(cls, path: str | Path) -> Population:
        """Read what `save` wrote.

        Raises
        ------
        ValueError
            The file is not one of these: another format, or arrays of other shapes, not finite, not whole, or of more
            than 256 MiB.
        OSError
            It cannot be opened.
        """
        names = ("levels", "natural", "centre", "scale", "lattices", "likeness")
        with reading(path, "is not a saved population"):
            stored = read_npz(path, ["about", *names])
            about = read_facts(stored["about"])
            if about["format"] != FORMAT:
                raise ValueError(f"format {about['format']!r} is not known to this version")
            photographs = check_count(about, "photographs", least=2)
            generators = tuple(about["names"])
            if not all(isinstance(name, str) for name in generators) or len(set(generators)) != len(generators):
                raise ValueError(f"names are {about['names']!r}")
            plane = (3, _COHERENT, _COHERENT)
            shapes: dict[str, tuple[int, ...]] = {
                "levels": (len(PERCENTILES), BINS),
                "natural": (3, len(_NATURAL)),
                "centre": plane,
                "scale": plane,
                "lattices": (len(generators), *plane),
                "likeness": (photographs, len(generators)),
            }
            for name in names:
                check_array(name, stored[name], shapes[name])
            if not (stored["scale"] > 0).all() or (np.diff(stored["levels"], axis=0) < 0).any():
                raise ValueError("a standard deviation is not positive, or percentiles do not ascend")
            arrays = {name: stored[name].astype(np.float64) for name in names}
            return cls(photographs=photographs, names=generators, about=str(about["about"]), **arrays)


def measure_population(
    photographs: Iterable[Uint8], generators: Mapping[str, Iterable[Uint8]] | None = None, *, about: str = ""
) -> Population:
    """Measure a population of photographs and, beside them, generators' lattices.

    Parameters
    ----------
    photographs : iterable of ndarray of uint8, (H, W, 3)
        RGB images, at least 100 for meaningful percentiles. Images with a side under 64 pixels are left out; of larger
        ones the middle 512 pixels are used.
    generators : mapping of str to iterables of images
        Images of each generator, by its name.
    about : str
        Description of the images, stored with the result.

    Returns
    -------
    Population
        Percentiles of photographs, and lattices of generators.

    Raises
    ------
    ValueError
        Fewer than two photographs, or a generator without images.
    """
    return gather_population(
        (traits for image in photographs if (traits := image_traits(image)) is not None),
        {
            name: (traits for image in images if (traits := image_traits(image, photograph=False)) is not None)
            for name, images in (generators or {}).items()
        },
        about=about,
    )


class ImageTraits(NamedTuple):
    """What a population takes from one image.

    Parameters
    ----------
    coherence : ndarray, shape (3, 32, 32)
        Log coherence of luma and chroma.
    levels : ndarray, shape (32,), or None
        Radial profile of the residual's power, dB; None of a generated image.
    natural : ndarray, shape (3, 40), or None
        Mean logarithm of R, G, B's power by frequency; None of a generated image.
    """

    coherence: Float
    levels: Float | None = None
    natural: Float | None = None


def image_traits(image: Uint8, *, photograph: bool = True) -> ImageTraits | None:
    """Measure one image for a population; None if it has a side under 64 pixels.

    Parameters
    ----------
    image : ndarray of uint8, (H, W, 3)
        RGB; of a large one the middle 512 pixels are used.
    photograph : bool
        Measure all traits, not only the coherence.
    """
    if min(image.shape[:2]) < SMALLEST:
        return None
    cut = _cut(image)
    return ImageTraits(_coherence(cut), *((_levels(cut), _natural(cut)) if photograph else ()))


def gather_population(
    photographs: Iterable[ImageTraits], generators: Mapping[str, Iterable[ImageTraits]], *, about: str = ""
) -> Population:
    """Make a population of the traits of its images; parameters and errors as for `measure_population`."""
    levels, natural, planes = [], [], []
    for traits in photographs:
        levels.append(traits.levels)
        natural.append(traits.natural)
        planes.append(traits.coherence)
    if len(planes) < 2:
        raise ValueError(f"photographs must be two or more of at least {SMALLEST}x{SMALLEST} pixels, got {len(planes)}")
    stacked = np.stack(planes)
    centre, scale = stacked.mean(axis=0), np.maximum(stacked.std(axis=0), 0.1)
    lattices = []
    for name, images in generators.items():
        coherences = [traits.coherence for traits in images]
        if not coherences:
            raise ValueError(f"generator {name} has no image of at least {SMALLEST}x{SMALLEST} pixels")
        lattices.append((np.mean(coherences, axis=0) - centre) / scale)
    shapes = np.array(lattices).reshape(len(lattices), *centre.shape)
    return Population(
        photographs=len(planes),
        levels=np.percentile(np.stack([row for row in levels if row is not None]), PERCENTILES, axis=0),
        natural=np.mean([rows for rows in natural if rows is not None], axis=0),
        centre=centre,
        scale=scale,
        names=tuple(generators),
        lattices=shapes,
        likeness=np.stack([_likeness((plane - centre) / scale, shapes) for plane in planes]),
        about=about,
    )


def _cut(image: Uint8) -> Uint8:
    """The middle, with its grid of 32 kept."""
    height, width = image.shape[:2]
    if min(height, width) < SMALLEST:
        raise ValueError(f"an image of at least {SMALLEST}x{SMALLEST} pixels is needed, got {width}x{height}")
    top, left = (max(0, side - _SIDE) // 64 * 32 for side in (height, width))
    return image[top : top + _SIDE, left : left + _SIDE]


def _luma(image: Uint8) -> NDArray[np.float32]:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.float32)


def _levels(image: Uint8) -> Float:
    """Radial profile of the windowed residual's power, dB, without DC."""
    residual = high_pass_residual(_luma(image))
    power = np.abs(fft.rfft2(apply_window(residual, "hann"))) ** 2 / window_sums(image.shape[:2], "hann")[1]
    profile = radial_profile(full_plane(power, residual.shape[1]), bins=BINS)
    return 10 * np.log10(np.maximum(profile.values[1:], _LEAST_POWER))


def _natural(image: Uint8) -> Float:
    """Mean logarithm of the power per pixel around each frequency, (3, 40)."""
    planes = image.astype(np.float32).transpose(2, 0, 1)
    planes = planes - planes.mean(axis=(1, 2), keepdims=True)
    height, width = image.shape[:2]
    power = np.abs(fft.rfft2(planes)) ** 2 / (height * width)
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
    edges = np.r_[0, np.sqrt(_NATURAL[1:] * _NATURAL[:-1]), np.inf]
    place = np.digitize(radius.ravel(), edges) - 1
    weights = np.broadcast_to(half_plane_weights((height, width)), radius.shape).ravel() * (radius.ravel() > 0)
    count = np.bincount(place, weights, len(_NATURAL))
    rows = []
    for plane in np.log(np.maximum(power, 1e-6)).reshape(3, -1):
        sums = np.bincount(place, weights * plane, len(_NATURAL))
        known = count > 0
        rows.append(np.interp(np.arange(len(_NATURAL)), np.flatnonzero(known), sums[known] / count[known]))
    return np.array(rows)


def _coherence(image: Uint8) -> Float:
    planes = cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb).transpose(2, 0, 1)
    return np.asarray(log_coherence(high_pass_residual(np.ascontiguousarray(planes))), np.float64)


def _likeness(plane: Float, lattices: Float) -> Float:
    """Correlation of a centred log coherence with each generator's."""
    flat = np.clip(plane, -5, 5).ravel()
    others = np.clip(lattices, -5, 5).reshape(len(lattices), flat.size)
    flat = flat - flat.mean()
    others = others - others.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(others, axis=1) * np.linalg.norm(flat)
    return others @ flat / np.maximum(norms, 1e-12)


@lru_cache(maxsize=1)
def shipped_population() -> Population:
    """Photographs' spectra and generators' lattices that ship; `Population.about` says of what.

    >>> population = shipped_population()
    >>> population.photographs, len(population.names)
    (375, 9)
    """
    return Population.load(POPULATION)
