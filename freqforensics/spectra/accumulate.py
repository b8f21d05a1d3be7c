"""Sums over images from which averaged spectra follow: images are added one by one, and sums merge by addition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import cv2
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
_TOGETHER: Final = 256
"""Width in pixels up to which small tiles are filtered together: a call costs as much as some thousand pixels."""
_BLOCK: Final = 1 << 15
"""Frequencies of an image's crops that are added at a time, unless one crop has more."""


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
        for image in batch:
            self._add(np.asarray(image), rng)
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

    def _crops(self, image: NDArray[Any], rng: np.random.Generator | None) -> NDArray[Any] | None:
        """Residuals of an image's crops, shape (crops, planes, H, W); None of an image that is smaller."""
        spec = self.spec
        origins = crop_origins(image.shape[:2], spec.shape, spec.crop, align=spec.align, rng=rng)
        # Small tiles take their medians together. Sums of other filters would round differently in longer rows.
        alone = spec.residual != "median" or residual_margin(spec.residual, spec.kernel) > spec.shape[1]
        several = 1 if alone else max(1, _TOGETHER // spec.shape[1])
        crops: NDArray[Any] | None = None
        index = 0
        for row, tiles in groupby(origins, itemgetter(0)):
            columns = [column for _, column in tiles]
            for start in range(0, len(columns), several):
                for crop in self._residuals(image, row, columns[start : start + several]):
                    if len(origins) == 1:
                        return crop[None]
                    if crops is None:
                        crops = np.empty((len(origins), *crop.shape), crop.dtype)
                    crops[index] = crop
                    index += 1
        return crops

    def _residuals(self, image: NDArray[Any], row: int, columns: Sequence[int]) -> Iterator[NDArray[Any]]:
        """Residuals of crops of one row, (planes, H, W) each, which are cut out with margins and filtered in a row."""
        spec = self.spec
        height, width = spec.shape
        margin = residual_margin(spec.residual, spec.kernel)
        top, *lefts = (max(0, start - margin) // 2 * 2 for start in (row, *columns))  # even: "npr" pairs from 0
        cuts = [
            channel_planes(image[top : row + height + margin, left : column + width + margin], spec.channel)
            for left, column in zip(lefts, columns, strict=True)
        ]
        planes = cuts[0] if len(cuts) == 1 else np.concatenate(cuts, axis=-1)
        if spec.residual != "none" or planes.dtype != np.float64:
            planes = high_pass_residual(planes, spec.residual, kernel=spec.kernel)
        begin = 0
        for cut, left, column in zip(cuts, lefts, columns, strict=True):
            start = begin + column - left
            yield planes[:, row - top : row - top + height, start : start + width]
            begin += cut.shape[-1]

    def _add(self, image: NDArray[Any], rng: np.random.Generator | None) -> None:
        crops = self._crops(image, rng)
        if crops is None:
            self.skipped["smaller than {}x{}".format(*self.spec.shape)] += 1
            return
        transforms = self._transform(crops)
        if not np.isfinite(transforms[..., 0, 0]).all():
            raise ValueError(f"an image of shape {image.shape} holds values that are not finite")
        if self._sums is None:
            self._sums = Sums.zeros(transforms.shape[1:])
        self.images += 1
        self.crops += len(transforms)
        floor = POWER_FLOOR * window_sums(self.spec.shape, self.spec.window)[1]
        sums, several = self._sums, max(1, _BLOCK // transforms[0].size)
        for start in range(0, len(transforms), several):
            part = transforms[start : start + several]
            power = np.square(part.real)
            power += np.square(part.imag)
            _accumulate(sums.f, part)
            _accumulate(sums.power, power)
            if len(transforms) == 1:
                _accumulate(sums.image_power, power)
            _accumulate(sums.power_square, power, square=True)
            np.maximum(power, floor, out=power)
            _accumulate(sums.log_power, np.log(power, out=power))
        if len(transforms) > 1:
            total = np.sum(transforms, axis=0, dtype=np.complex128)
            sums.image_power += total.real**2 + total.imag**2

    def _transform(self, planes: NDArray[Any]) -> NDArray[Any]:
        """Half-plane DFTs, shape (..., H, W//2 + 1)."""
        transform = scipy.fft.rfft2(apply_window(planes, self.spec.window))
        return transform - smooth_component(planes) if self.spec.window == "periodic" else transform


def _accumulate(total: NDArray[Any], terms: NDArray[Any], *, square: bool = False) -> None:
    """Add terms (N, planes, H, W), or their squares, to float64 sums one after another: the order counts.

    OpenCV widens single precision as it adds, in half of NumPy's time. The square of a widened number is exact.
    """
    sums = total.reshape(-1, total.shape[-1]).view(np.float64)
    for term in terms.view(terms.real.dtype).reshape(len(terms), *sums.shape):
        if not square:
            cv2.accumulate(term, sums)
        elif term.dtype == np.float32:
            cv2.accumulateSquare(term, sums)
        else:
            sums += term**2


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
