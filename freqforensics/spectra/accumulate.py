"""Sums over images from which averaged spectra follow: images are added one by one, and sums merge by addition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from freqforensics.spectra.crops import crop_origins
from freqforensics.spectra.power import MeanSpectrum, Sums
from freqforensics.spectra.residual import high_pass_residual, residual_margin
from freqforensics.spectra.spec import SpectrumSpec, channel_planes
from freqforensics.spectra.windows import apply_window, smooth_component, window_sums

POWER_FLOOR: Final = 1e-12
"""Least power density that enters the mean of the logarithm, in squared grey levels: a flat image has none at all."""


class _Scratch:
    """Arrays of a transform's size for intermediate results: two of its precision, and one of float64."""

    def __init__(self) -> None:
        self._arrays: tuple[NDArray[Any], NDArray[Any], NDArray[np.float64]] | None = None

    def __call__(self, transform: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.float64]]:
        """Give arrays for a transform, those of the last one if they fit."""
        shape, kind = transform.shape, transform.real.dtype
        if self._arrays is None or self._arrays[0].shape != shape or self._arrays[0].dtype != kind:
            self._arrays = np.empty(shape, kind), np.empty(shape, kind), np.empty(shape)
        return self._arrays


class SpectrumAccumulator:
    """Sums over images from which every averaged spectrum follows; merging is addition.

    It holds, in float64 on the half-plane, the sums of F, |F|^2, |F|^4 and log |F|^2 over crops, and of
    |sum of an image's F|^2 over images (crops of one image are not independent). Its memory does not grow with the
    number of images.

    Parameters
    ----------
    spec : SpectrumSpec
        Crops, residual, window and channel of the images.

    Attributes
    ----------
    images, crops : int
        Number of images and of crops so far: one crop an image, except with ``crop="tiles"``.
    skipped : Counter
        Images left out, by reason.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> accumulator = SpectrumAccumulator(SpectrumSpec(size=32, residual="none"))
    >>> accumulator = accumulator.update(rng.normal(0, 10, (50, 32, 32)))
    >>> bool(80 < accumulator.result().power.mean() < 120)
    True
    """

    def __init__(self, spec: SpectrumSpec) -> None:
        self.spec = spec
        self.images = 0
        self.crops = 0
        self.skipped: Counter[str] = Counter()
        self._sums: Sums | None = None  # until there is an image: sizes that no image has may be any

    def update(
        self, batch: NDArray[Any] | Iterable[NDArray[Any]], *, rng: np.random.Generator | None = None
    ) -> SpectrumAccumulator:
        """Add images: crop, residual, window and transform as the spec says.

        Parameters
        ----------
        batch : ndarray of shape (N, H, W) or (N, H, W, 3), or iterable of arrays (H, W) or (H, W, 3)
            Grey planes or RGB images in grey levels, of any size; those smaller than the crop are counted in
            `skipped`. float64 planes are transformed in float64, everything else in float32.
        rng : numpy.random.Generator, optional
            Needed where the spec's crop is "random".

        Returns
        -------
        SpectrumAccumulator
            This one.

        Raises
        ------
        ValueError
            Another shape, a value that is not finite, or a missing `rng`.
        """
        if isinstance(batch, np.ndarray) and (
            batch.ndim not in (3, 4) or (batch.ndim == 3 and batch.shape[2] == 3 and batch.shape[1] > 3)
        ):
            raise ValueError(
                f"a batch has shape (N, H, W) or (N, H, W, 3), got {batch.shape}; give one image as [image]"
            )
        scratch = _Scratch()
        for image in batch:
            self._add(np.asarray(image), rng, scratch)
        return self

    def merge(self, other: SpectrumAccumulator) -> SpectrumAccumulator:
        """Add another accumulator's sums to this one, and return this one.

        Parameters
        ----------
        other : SpectrumAccumulator
            Sums of other images, with the same spec.

        Raises
        ------
        ValueError
            The specs differ.
        """
        if other.spec != self.spec:
            raise ValueError(f"spectra of different specs cannot be merged: {self.spec} and {other.spec}")
        self.images += other.images
        self.crops += other.crops
        self.skipped.update(other.skipped)
        if self._sums is None:
            self._sums = other._sums and other._sums.copy()
        elif other._sums is not None:
            for total, addend in zip(self._sums, other._sums, strict=True):
                total += addend
        return self

    def result(
        self,
        *,
        notes: Mapping[str, int] | None = None,
        failures: Sequence[tuple[str, str]] = (),
        inputs_sha256: str | None = None,
    ) -> MeanSpectrum:
        """Freeze a copy of the sums into a `MeanSpectrum`.

        Parameters
        ----------
        notes, failures, inputs_sha256
            Facts about the files that are stored with the spectrum; see `MeanSpectrum`.
        """
        return MeanSpectrum(
            spec=self.spec,
            images=self.images,
            crops=self.crops,
            sums=Sums.zeros((self.spec.planes, 0, 0)) if self._sums is None else self._sums.copy(),
            skipped=dict(sorted(self.skipped.items())),
            notes=dict(sorted((notes or {}).items())),
            failures=tuple(failures),
            inputs_sha256=inputs_sha256,
        )

    def save(self, path: str | Path) -> None:
        """Write the sums as `MeanSpectrum.save` does.

        Parameters
        ----------
        path : str or Path
            File to write; an existing one is replaced.
        """
        self.result().save(path)

    @classmethod
    def load(cls, path: str | Path) -> SpectrumAccumulator:
        """Read sums that `save`, of this class or of `MeanSpectrum`, wrote, to add to them.

        Raises
        ------
        ValueError, OSError
            The file cannot be read, as for `MeanSpectrum.load`.
        """
        return _accumulator(MeanSpectrum.load(path))

    def _crops(self, image: NDArray[Any], rng: np.random.Generator | None) -> list[NDArray[Any]]:
        """Residuals of an image's crops, each (planes, H, W)."""
        spec = self.spec
        height, width = spec.shape
        margin = residual_margin(spec.residual, spec.kernel)
        crops = []
        for row, column in crop_origins(image.shape[:2], spec.shape, spec.crop, align=spec.align, rng=rng):
            top, left = (max(0, start - margin) // 2 * 2 for start in (row, column))  # even: "npr" pairs from 0
            cut = image[top : row + height + margin, left : column + width + margin]
            planes = channel_planes(cut, spec.channel)
            if spec.residual != "none" or planes.dtype != np.float64:
                planes = high_pass_residual(planes, spec.residual, kernel=spec.kernel)
            crops.append(planes[:, row - top : row - top + height, column - left : column - left + width])
        return crops

    def _add(self, image: NDArray[Any], rng: np.random.Generator | None, scratch: _Scratch) -> None:
        spec = self.spec
        crops = self._crops(image, rng)
        if not crops:
            self.skipped["smaller than {}x{}".format(*spec.shape)] += 1
            return
        transforms = [self._transform(planes) for planes in crops]
        if not all(np.isfinite(transform[..., 0, 0]).all() for transform in transforms):
            raise ValueError(f"an image of shape {image.shape} holds values that are not finite")
        if self._sums is None:
            self._sums = Sums.zeros(transforms[0].shape)
        sums = self._sums
        self.images += 1
        self.crops += len(transforms)
        floor = POWER_FLOOR * window_sums(spec.shape, spec.window)[1]
        power, square, wide = scratch(transforms[0])
        for transform in transforms:
            # In place: fresh arrays of this size cost more than the arithmetic on them.
            np.square(transform.real, out=power)
            power += np.square(transform.imag, out=square)
            sums.f += transform
            np.copyto(wide, power)
            sums.power += wide
            if len(transforms) == 1:
                sums.image_power += wide
            sums.power_square += np.square(wide, out=wide)
            np.maximum(power, floor, out=power)
            sums.log_power += np.log(power, out=power)
        if len(transforms) > 1:
            total = np.sum(transforms, axis=0, dtype=np.complex128)
            sums.image_power += total.real**2 + total.imag**2

    def _transform(self, planes: NDArray[Any]) -> NDArray[Any]:
        """Half-plane DFT, shape (planes, H, W//2 + 1)."""
        transform = scipy.fft.rfft2(apply_window(planes, self.spec.window))
        return transform - smooth_component(planes) if self.spec.window == "periodic" else transform


def combine(spectra: Sequence[MeanSpectrum]) -> MeanSpectrum:
    """Add up the averages of disjoint sets of images.

    Parameters
    ----------
    spectra : sequence of MeanSpectrum
        Spectra with the same spec.

    Returns
    -------
    MeanSpectrum
        The average of all the images together.

    Raises
    ------
    ValueError
        There are none, or the specs differ.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> spec = SpectrumSpec(size=64)
    >>> parts = [SpectrumAccumulator(spec).update(rng.normal(128, 20, (n, 64, 64))).result() for n in (3, 5)]
    >>> combine(parts).images
    8
    """
    if not spectra:
        raise ValueError("spectra must not be empty")
    accumulator = SpectrumAccumulator(spectra[0].spec)
    notes: Counter[str] = Counter()
    for spectrum in spectra:
        accumulator.merge(_accumulator(spectrum))
        notes.update(spectrum.notes)
    digests = [spectrum.inputs_sha256 for spectrum in spectra if spectrum.inputs_sha256 is not None]
    return accumulator.result(
        notes=notes,
        failures=[failure for spectrum in spectra for failure in spectrum.failures],
        inputs_sha256=f"{sum(int(digest, 16) for digest in digests) % (1 << 256):064x}" if digests else None,
    )


def _accumulator(spectrum: MeanSpectrum) -> SpectrumAccumulator:
    """Give the sums of a spectrum, copied, to add to them."""
    accumulator = SpectrumAccumulator(spectrum.spec)
    accumulator.images, accumulator.crops = spectrum.images, spectrum.crops
    accumulator.skipped = Counter(spectrum.skipped)
    accumulator._sums = spectrum.sums.copy() if spectrum.images else None
    return accumulator
