"""Averaged Fourier spectra of residuals, as they follow from the sums over images."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from freqforensics.runtime.archives import check_array, check_count, read_facts, read_npz
from freqforensics.runtime.showing import Drawn
from freqforensics.runtime.stored import reading
from freqforensics.runtime.writing import replacing
from freqforensics.spectra.nulls import (
    chi_square_interval,
    coherence_p_value,
    full_plane,
    mean_interval,
    self_conjugate_bins,
)
from freqforensics.spectra.spec import SpectrumSpec

SpectrumKind = Literal["coherent", "power", "log_power", "coherence", "p_value"]

Float = NDArray[np.float64]

FORMAT: Final = 1
"""Version of saved spectra."""
LARGEST: Final = 1 << 32
"""Bytes of sums that are read."""
_BYTES: Final = 48  # of one frequency in all sums


@dataclass
class Sums:
    """The arrays of an accumulator, each (planes, H, W//2 + 1), of unnormalised DFTs."""

    f: NDArray[np.complex128]
    power: Float
    power_square: Float
    log_power: Float
    image_power: Float

    @classmethod
    def zeros(cls, shape: tuple[int, ...]) -> Sums:
        """Give sums over no image."""
        return cls(np.zeros(shape, np.complex128), *(np.zeros(shape) for _ in range(4)))

    def copy(self) -> Sums:
        """Copy the arrays."""
        return Sums(*(array.copy() for array in self))

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return iter((self.f, self.power, self.power_square, self.log_power, self.image_power))


@dataclass(frozen=True, eq=False, repr=False)
class MeanSpectrum(Drawn):
    """The averaged spectrum of a set of images.

    Every array below lives on the half-plane of `numpy.fft.rfft2`, shape (H, W//2 + 1), DC at [0, 0], and has a
    leading axis of 3 where the spec's channel is "rgb". `full` unfolds one.

    Parameters
    ----------
    spec : SpectrumSpec
        Crops, residual, window and channel of the images.
    images, crops : int
        Number of images and of crops that were averaged.
    sums : arrays
        Sums over crops and images, unnormalised.
    skipped : dict of str to int
        Images left out, by reason.
    notes : dict of str to int
        Number of files with each oddity.
    failures : tuple of (path, reason)
        Files that could not be read.
    inputs_sha256 : str or None
        Sum modulo 2^256 of the SHA-256 of the files that were averaged, in hexadecimal: the same for the same files
        in any order.

    Raises
    ------
    ValueError
        Raised by every property of an average if there are no images.

    Examples
    --------
    >>> from freqforensics.spectra.accumulate import SpectrumAccumulator
    >>> noise = np.random.default_rng(0).normal(128, 20, (50, 64, 64))
    >>> spectrum = SpectrumAccumulator(SpectrumSpec(size=64)).update(noise).result()
    >>> spectrum.images, spectrum.coherence.shape, spectrum.full("coherence").shape
    (50, (64, 33), (64, 64))
    """

    spec: SpectrumSpec
    images: int
    crops: int
    sums: Sums = field(repr=False)
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
        """Incoherent power sum |F|^2 / N: the energy in every image, with any phase."""
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
            Whether the interval follows from the spread between images (sum of |F|^4), or from theory (exact if all
            images are draws of one Gaussian process; too narrow for real images). The number of images counts, not
            that of crops.

        Returns
        -------
        (lower, upper) : ndarrays
            Bounds, each of the shape of `power`.
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
        """Unfold one of the arrays to the full plane, shape (..., H, W), DC at (H//2, W//2).

        Row i is fy = (i - H//2) / H, column j is fx = (j - W//2) / W.

        Parameters
        ----------
        kind : {"coherent", "power", "log_power", "coherence"}
            Name of the array.
        """
        if kind not in get_args(SpectrumKind):
            raise ValueError(f"kind must be one of {', '.join(get_args(SpectrumKind))}; got {kind!r}")
        return full_plane(getattr(self, kind), self.spec.shape[1])

    def save(self, path: str | Path) -> None:
        """Write sums, spec and counts to one ``.npz``, whole or not at all, byte-identical when written again.

        Parameters
        ----------
        path : str or Path
            File to write; an existing one is replaced.
        """
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
        names = [f.name for f in dataclasses.fields(Sums)]
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
        names = [f.name for f in dataclasses.fields(Sums)]
        with reading(path, "is not a saved spectrum"):
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
                sums=Sums(arrays["f"].astype(np.complex128), *(arrays[name].astype(np.float64) for name in names[1:])),
                skipped={str(reason): check_count(about["skipped"], reason) for reason in about["skipped"]},
                notes={str(note): check_count(about["notes"], note) for note in about["notes"]},
                failures=tuple((str(name), str(reason)) for name, reason in about["failures"]),
                inputs_sha256=digest,
            )

    @property
    def _count(self) -> int:
        return self._require(self.crops)

    def _require(self, count: int) -> int:
        if count == 0:
            why = f" ({', '.join(f'{n} {reason}' for reason, n in self.skipped.items())})" if self.skipped else ""
            raise ValueError(f"no image was averaged{why}")
        return count

    def _out(self, array: Float) -> Float:
        return array[0] if self.spec.planes == 1 else array
