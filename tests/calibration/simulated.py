"""Sets of simulated images whose log powers vary smoothly over frequencies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from freqforensics.fingerprints.fingerprint import Fingerprint
from freqforensics.spectra import MeanSpectrum, SpectrumAccumulator, SpectrumSpec

SIDE = 32
SPEC = SpectrumSpec(size=SIDE, residual="none")
ROWS, COLUMNS = np.indices((SIDE, SIDE))
_FY, _FX = np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None, :]
_RADIUS, _ANGLE = np.hypot(_FX, _FY), np.arctan2(_FY, _FX)
# Contrast, sharpness and two orientations, at low and at high frequencies: what natural images differ in.
_MODES = np.stack(
    [
        np.ones_like(_RADIUS),
        4 * (_RADIUS - 0.3),
        *(wave * radial for wave in (np.cos(2 * _ANGLE), np.sin(2 * _ANGLE)) for radial in (1, 4 * (_RADIUS - 0.3))),
        np.cos(4 * _ANGLE),
        np.sin(4 * _ANGLE),
    ]
)


def wave(fx: float, fy: float, amplitude: float = 1.0) -> NDArray[np.float64]:
    return amplitude * np.cos(2 * np.pi * (fx * COLUMNS + fy * ROWS))


def images(rng: np.random.Generator, count: int, *, strength: float = 0.7) -> NDArray[np.float64]:
    """Noise of another smooth power spectrum in every image, (count, 32, 32)."""
    logs = np.tensordot(rng.normal(0, strength, (count, len(_MODES))), _MODES, 1)
    spectra = np.fft.rfft2(rng.normal(0, 3, (count, SIDE, SIDE))) * np.exp(logs / 2)
    return np.asarray(128 + np.fft.irfft2(spectra, (SIDE, SIDE)))


def parts_of(made: NDArray[np.float64], count: int) -> tuple[MeanSpectrum, ...]:
    """Average every count-th image."""
    parts = []
    for start in range(count):
        accumulator = SpectrumAccumulator(SPEC)
        accumulator.update(list(made[start::count]))
        parts.append(accumulator.result(inputs_sha256=f"{hash(made[start].tobytes()) & (1 << 60) - 1:x}"))
    return tuple(parts)


def image_set(
    rng: np.random.Generator,
    name: str,
    *,
    trace: NDArray[np.float64] | float = 0.0,
    tilt: NDArray[np.float64] | None = None,
    count: int = 20,
    parts: int = 20,
    strength: float = 0.7,
    real: Sequence[MeanSpectrum] | None = None,
) -> Fingerprint:
    """Make fakes with a trace, and reals of like content without it.

    `tilt`, of the half-plane, is what the generator adds to the logarithm of every image's power.
    """
    fake = images(rng, count, strength=strength) + trace
    if tilt is not None:
        fake = np.fft.irfft2(np.fft.rfft2(fake) * np.exp(tilt / 2), (SIDE, SIDE))
    others = parts_of(images(rng, count, strength=strength), parts) if real is None else tuple(real)
    return Fingerprint(name, parts_of(fake, parts), others)
