"""Averaged Fourier spectra of residuals: the sums over images, and what follows from them."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, get_args

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from freqforensics.runtime.archives import check_array, check_count, read_facts, read_npz
from freqforensics.runtime.writing import replacing
from freqforensics.spectra.crops import crop_origins
from freqforensics.spectra.nulls import (
    chi_square_interval,
    coherence_p_value,
    full_plane,
    mean_interval,
    self_conjugate_bins,
)
from freqforensics.spectra.residual import high_pass_residual, residual_margin
from freqforensics.spectra.spec import SpectrumSpec, channel_planes
from freqforensics.spectra.windows import apply_window, smooth_component, window_sums

SpectrumKind = Literal["coherent", "power", "log_power", "coherence", "p_value"]

Float = NDArray[np.float64]

FORMAT: Final = 1
"""Version of saved spectra."""
LARGEST: Final = 1 << 32
"""Bytes of sums that are read."""
_BYTES: Final = 48  # of one frequency in all sums

POWER_FLOOR = 1e-12
"""Least power density that enters the mean of the logarithm, in squared grey levels: a flat image has none at all."""


@dataclass
class _Sums:
    """The arrays of an accumulator, each (planes, H, W//2 + 1), of unnormalised DFTs."""

    f: NDArray[np.complex128]
    power: Float
    power_square: Float
    log_power: Float
    image_power: Float

    @classmethod
    def zeros(cls, shape: tuple[int, ...]) -> _Sums:
        return cls(np.zeros(shape, np.complex128), *(np.zeros(shape) for _ in range(4)))

    def copy(self) -> _Sums:
        return _Sums(*(array.copy() for array in self))

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return iter((self.f, self.power, self.power_square, self.log_power, self.image_power))


class SpectrumAccumulator:
    """Sums over images from which every averaged spectrum follows; merging is addition.

    It holds, in float64 on the half-plane, the sums of F, |F|^2, |F|^4 and log |F|^2 over crops, and of
    |sum of an image's F|^2 over images (crops of one image are not independent). Its memory does not grow with the
    number of images.

    Parameters
    ----------
    spec : SpectrumSpec

    Attributes
    ----------
    images, crops : int
        How many went in. One crop an image, except with ``crop="tiles"``.
    skipped : Counter
        Images left out, by reason.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> accumulator = SpectrumAccumulator(SpectrumSpec(size=32, residual="none"))
    >>> accumulator.update(rng.normal(0, 10, (50, 32, 32)))
    >>> bool(80 < accumulator.result().power.mean() < 120)
    True
    """

    def __init__(self, spec: SpectrumSpec) -> None:
        self.spec = spec
        self.images = 0
        self.crops = 0
        self.skipped: Counter[str] = Counter()
        self._sums: _Sums | None = None  # until there is an image: sizes that no image has may be any

    def update(self, batch: NDArray[Any] | Iterable[NDArray[Any]], *, rng: np.random.Generator | None = None) -> None:
        """Add images: crop, residual, window and transform as the spec says.

        Parameters
        ----------
        batch : ndarray of shape (N, H, W) or (N, H, W, 3), or iterable of arrays (H, W) or (H, W, 3)
            Grey planes or RGB images in grey levels, of any size; those smaller than the crop are counted in
            `skipped`. float64 planes are transformed in float64, everything else in float32.
        rng : numpy.random.Generator, optional
            Needed where the spec's crop is "random".

        Raises
        ------
        ValueError
            A shape that is none of these, a value that is not finite, or a missing `rng`.
        """
        if isinstance(batch, np.ndarray) and (
            batch.ndim not in (3, 4) or (batch.ndim == 3 and batch.shape[2] == 3 and batch.shape[1] > 3)
        ):
            raise ValueError(
                f"a batch has shape (N, H, W) or (N, H, W, 3), got {batch.shape}; give one image as [image]"
            )
        for image in batch:
            self._add(np.asarray(image), rng)

    def merge(self, other: SpectrumAccumulator) -> SpectrumAccumulator:
        """Add another accumulator's sums to this one, and return this one.

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
            for mine, theirs in zip(self._sums, other._sums, strict=True):
                mine += theirs
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
            What is to be stored with it; see `MeanSpectrum`.
        """
        return MeanSpectrum(
            spec=self.spec,
            images=self.images,
            crops=self.crops,
            sums=_Sums.zeros((self.spec.planes, 0, 0)) if self._sums is None else self._sums.copy(),
            skipped=dict(sorted(self.skipped.items())),
            notes=dict(sorted((notes or {}).items())),
            failures=tuple(failures),
            inputs_sha256=inputs_sha256,
        )

    def save(self, path: str | Path) -> None:
        """Write the sums as `MeanSpectrum.save` does."""
        self.result().save(path)

    @classmethod
    def load(cls, path: str | Path) -> SpectrumAccumulator:
        """Read what `save`, of this class or of `MeanSpectrum`, wrote, to go on adding.

        Raises
        ------
        ValueError, OSError
            As `MeanSpectrum.load`.
        """
        return MeanSpectrum.load(path)._accumulator()

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

    def _add(self, image: NDArray[Any], rng: np.random.Generator | None) -> None:
        spec = self.spec
        crops = self._crops(image, rng)
        if not crops:
            self.skipped["smaller than {}x{}".format(*spec.shape)] += 1
            return
        transforms = [self._transform(planes) for planes in crops]
        if not all(np.isfinite(transform[..., 0, 0]).all() for transform in transforms):
            raise ValueError(f"an image of shape {image.shape} holds values that are not finite")
        if self._sums is None:
            self._sums = _Sums.zeros(transforms[0].shape)
        sums = self._sums
        self.images += 1
        self.crops += len(transforms)
        floor = POWER_FLOOR * window_sums(spec.shape, spec.window)[1]
        power = np.empty(transforms[0].shape, transforms[0].real.dtype)
        square = np.empty_like(power)
        for transform in transforms:
            # In place: fresh arrays of this size cost more than the arithmetic on them.
            np.square(transform.real, out=power)
            power += np.square(transform.imag, out=square)
            sums.f += transform
            sums.power += power
            sums.power_square += np.square(power, dtype=np.float64)
            if len(transforms) == 1:
                sums.image_power += power
            np.maximum(power, floor, out=power)
            sums.log_power += np.log(power, out=power)
        if len(transforms) > 1:
            total = np.sum(transforms, axis=0, dtype=np.complex128)
            sums.image_power += total.real**2 + total.imag**2

    def _transform(self, planes: NDArray[Any]) -> NDArray[Any]:
        """Half-plane DFT, shape (planes, H, W//2 + 1)."""
        transform = scipy.fft.rfft2(apply_window(planes, self.spec.window))
        return transform - smooth_component(planes) if self.spec.window == "periodic" else transform


@dataclass(frozen=True, eq=False)
class MeanSpectrum:
    """The averaged spectrum of a set of images.

    Every array below lives on the half-plane of `numpy.fft.rfft2`, shape (H, W//2 + 1), DC at [0, 0], and has a
    leading axis of 3 where the spec's channel is "rgb". `full` unfolds one.

    Parameters
    ----------
    spec : SpectrumSpec
    images, crops : int
        How many were averaged.
    sums : arrays
        As accumulated, unnormalised.
    skipped : dict of str to int
        Images left out, by reason.
    notes : dict of str to int
        Oddities of the files, with their number.
    failures : tuple of (path, reason)
        Files that could not be read.
    inputs_sha256 : str or None
        Sum modulo 2^256 of the SHA-256 of the files that were averaged, in hexadecimal: the same for the same files
        in any order.

    Raises
    ------
    ValueError
        From every property of an average, if there are no images.
    """

    spec: SpectrumSpec
    images: int
    crops: int
    sums: _Sums = field(repr=False)
    skipped: dict[str, int] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)
    failures: tuple[tuple[str, str], ...] = ()
    inputs_sha256: str | None = None

    def __post_init__(self) -> None:
        for array in self.sums:
            array.setflags(write=False)

    @property
    def coherent(self) -> Float:
        """Amplitude |sum F| / N: what has the same phase in every image, the fingerprint (Marra et al. 2019)."""
        return self._out(np.abs(self.sums.f) * (self.spec.scale / self._count))

    @property
    def power(self) -> Float:
        """Incoherent power sum |F|^2 / N: what has energy in every image, whatever its phase."""
        return self._out(self.sums.power * (self.spec.scale**2 / self._count))

    @property
    def log_power(self) -> Float:
        """Mean of the natural logarithm of |F|^2; outliers weigh less than in `power`."""
        return self._out(self.sums.log_power / self._count + 2 * np.log(self.spec.scale))

    @property
    def coherence(self) -> Float:
        """R = |sum G|^2 / (N sum |G|^2) in [0, 1] over the N images.

        G is an image's F, or the sum of its crops' F with "tiles". NaN where there is no power at all. N R is about
        1 by chance (exponentially distributed for large N), N for a line that is the same in every image.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            r = np.abs(self.sums.f) ** 2 / (self.sums.image_power * self._require(self.images))
        return self._out(np.minimum(r, 1.0))

    @property
    def p_value(self) -> Float:
        """Probability of the coherence or more by chance, for each bin by itself; see `coherence_p_value`."""
        return coherence_p_value(self.coherence, self.images, self_conjugate=self_conjugate_bins(self.spec.shape))

    @property
    def frequencies(self) -> tuple[Float, Float]:
        """Frequencies (fy, fx) of the half-plane's rows and columns, cycles per pixel, shapes (H,) and (W//2 + 1,).

        fy runs 0, 1/H, ... and then the negative half; Nyquist is -1/2 along y and +1/2 along x.
        """
        height, width = self.spec.shape
        return np.fft.fftfreq(height).astype(np.float64), np.fft.rfftfreq(width).astype(np.float64)

    def power_interval(
        self, level: float = 0.95, *, method: Literal["moments", "chi2"] = "moments"
    ) -> tuple[Float, Float]:
        """Confidence interval of `power`, bin by bin.

        Parameters
        ----------
        level : float
            Coverage, in (0, 1).
        method : {"moments", "chi2"}
            From the spread between images (sum of |F|^4), or from theory (exact if all images are draws of one
            Gaussian process; too narrow for real images). The number of images counts, not of crops.

        Returns
        -------
        (lower, upper) : ndarrays
        """
        if not 0 < level < 1:
            raise ValueError(f"level must lie between 0 and 1, got {level}")
        if method not in ("moments", "chi2"):
            raise ValueError(f"method must be moments or chi2, got {method!r}")
        if method == "chi2":
            return chi_square_interval(
                self.power, self.images, level, self_conjugate=self_conjugate_bins(self.spec.shape)
            )
        mean_square = self._out(self.sums.power_square * (self.spec.scale**4 / self._count))
        return mean_interval(self.power, mean_square, self.images, level)

    def full(self, kind: SpectrumKind = "coherent") -> Float:
        """One of the arrays on the full plane, shape (..., H, W), DC at (H//2, W//2).

        Row i is fy = (i - H//2) / H, column j is fx = (j - W//2) / W.
        """
        if kind not in get_args(SpectrumKind):
            raise ValueError(f"kind must be one of {', '.join(get_args(SpectrumKind))}; got {kind!r}")
        return full_plane(getattr(self, kind), self.spec.shape[1])

    def save(self, path: str | Path) -> None:
        """Write sums, spec and counts to one ``.npz``, whole or not at all, byte-identical when written again."""
        about = {
            "format": FORMAT,
            "spec": dataclasses.asdict(self.spec),
            "images": self.images,
            "crops": self.crops,
            "skipped": self.skipped,
            "notes": self.notes,
            "failures": self.failures,
            "inputs_sha256": self.inputs_sha256,
        }
        names = [f.name for f in dataclasses.fields(_Sums)]
        with replacing(path) as temporary, temporary.open("wb") as file:
            arrays: dict[str, Any] = dict(zip(names, self.sums, strict=True))
            np.savez(file, about=np.array(json.dumps(about)), **arrays)

    @classmethod
    def load(cls, path: str | Path) -> MeanSpectrum:
        """Read what `save` wrote.

        Raises
        ------
        ValueError
            The file is not one of these: another format, or arrays of other shapes than its spec says, of more than 4
            GiB, not finite, or not whole.
        OSError
            It cannot be opened.
        """
        names = [f.name for f in dataclasses.fields(_Sums)]
        try:
            about = read_facts(read_npz(path, ["about"])["about"])
            if about["format"] != FORMAT:
                raise ValueError(f"format {about['format']!r} is not known to this version")
            spec = SpectrumSpec(**about["spec"])
            images = check_count(about, "images")
            crops = check_count(about, "crops", least=images)
            height, width = spec.shape if images else (0, 0)
            shape = (spec.planes, height, width // 2 + 1 if images else 0)
            # The arrays' own headers, 128 bytes each, beside what the spec says of them.
            limit = min(LARGEST, math.prod(shape) * _BYTES + 4096)
            arrays = read_npz(path, names, limit=limit)
            for name in names:
                check_array(name, arrays[name], shape, kind="c" if name == "f" else "f")
            if any((arrays[name] < 0).any() for name in ("power", "power_square", "image_power")):
                raise ValueError("a sum of powers is negative")
            digest = about["inputs_sha256"]
            if digest is not None and not (isinstance(digest, str) and re.fullmatch("[0-9a-f]{1,64}", digest)):
                raise ValueError(f"inputs_sha256 is {digest!r}")
            return cls(
                spec=spec,
                images=images,
                crops=crops,
                sums=_Sums(arrays["f"].astype(np.complex128), *(arrays[name].astype(np.float64) for name in names[1:])),
                skipped={str(reason): check_count(about["skipped"], reason) for reason in about["skipped"]},
                notes={str(note): check_count(about["notes"], note) for note in about["notes"]},
                failures=tuple((str(name), str(reason)) for name, reason in about["failures"]),
                inputs_sha256=digest,
            )
        except OSError:
            raise
        except Exception as error:  # not a zip, not ours, or cut short: all the same to the caller
            reason = f"it has no {error}" if isinstance(error, KeyError) else str(error).removeprefix(f"{path}: ")
            raise ValueError(f"{path} is not a saved spectrum: {reason}") from error

    @property
    def _count(self) -> int:
        return self._require(self.crops)

    def _accumulator(self) -> SpectrumAccumulator:
        """Give the sums, copied, to go on adding."""
        accumulator = SpectrumAccumulator(self.spec)
        accumulator.images, accumulator.crops = self.images, self.crops
        accumulator.skipped = Counter(self.skipped)
        accumulator._sums = self.sums.copy() if self.images else None
        return accumulator

    def _require(self, count: int) -> int:
        if count == 0:
            why = f" ({', '.join(f'{n} {reason}' for reason, n in self.skipped.items())})" if self.skipped else ""
            raise ValueError(f"no image was averaged{why}")
        return count

    def _out(self, array: Float) -> Float:
        return array[0] if self.spec.planes == 1 else array


def combine(spectra: Sequence[MeanSpectrum]) -> MeanSpectrum:
    """Add up the averages of disjoint sets of images.

    Parameters
    ----------
    spectra : sequence of MeanSpectrum
        Of one spec.

    Returns
    -------
    MeanSpectrum
        The average of all the images together.

    Raises
    ------
    ValueError
        There are none, or the specs differ.
    """
    if not spectra:
        raise ValueError("spectra must not be empty")
    accumulator = SpectrumAccumulator(spectra[0].spec)
    notes: Counter[str] = Counter()
    for one in spectra:
        accumulator.merge(one._accumulator())
        notes.update(one.notes)
    digests = [one.inputs_sha256 for one in spectra if one.inputs_sha256 is not None]
    return accumulator.result(
        notes=notes,
        failures=[failure for one in spectra for failure in one.failures],
        inputs_sha256=f"{sum(int(digest, 16) for digest in digests) % (1 << 256):064x}" if digests else None,
    )
