"""What the detector would say if these frequencies, or this region, were not there.

Changes are scored in floating point: a wave of less than half a grey level, which is what many lattices are, would not
survive rounding, neither when it is added nor when it is taken out. What is left after rounding is scored, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from freqforensics.attribution.bases import EIGHT_BANDS
from freqforensics.attribution.controls import MatchedLines
from freqforensics.attribution.differentiable import PixelLogit, as_tensor
from freqforensics.attribution.notches import (
    Line,
    dense_reach,
    image_of,
    line_name,
    notch_change,
    rounded,
    spectra_of,
)
from freqforensics.detector.fusion import FusedDetector
from freqforensics.detector.resnet import Detector
from freqforensics.spectra import Band, half_plane_weights

Uint8 = NDArray[np.uint8]
NULLS: Final = 100
MOST_LINES: Final = 256
"""Frequencies that are notched at most to change a verdict."""
_BATCH_PIXELS: Final = 2_000_000
_LOCAL_PIXELS: Final = 250_000
"""Of networks at full resolution: what they make of more would not fit a processor's cache."""


@dataclass(frozen=True)
class Counterfactual:
    """A change to an image, and what it does to the logit.

    Parameters
    ----------
    kind : {"notch", "band", "region"}
    what : str
        In words.
    before, after : float
        Logits, the latter of the changed image in floating point.
    after_rounded : float
        Logit of the changed image rounded to grey levels 0 .. 255.
    energy : float
        Mean squared change of a pixel, squared grey levels, over the three colours.
    nulls : int
        Number of controls: sets of other lines, of the same radii and together of the same energy, taken out.
    null_mean, null_sd : float or None
        Mean and standard deviation of the change of the logit by the controls.
    z, p_value : float or None
        How far the change stands out of the controls, in their standard deviations; and the share of the controls, the
        change itself counted in, that lie as far from the mean of all, either way.
    null_energy : float or None
        Mean over the controls of the mean squared change of a pixel, squared grey levels. Below `energy` where the
        lines stand out so far that no others have as much.
    """

    kind: Literal["notch", "band", "region"]
    what: str
    before: float
    after: float
    after_rounded: float
    energy: float
    nulls: int = 0
    null_mean: float | None = None
    null_sd: float | None = None
    z: float | None = None
    p_value: float | None = None
    null_energy: float | None = field(default=None, metadata={"optional": True})

    @property
    def change(self) -> float:
        """Logit after less logit before."""
        return self.after - self.before


@dataclass(frozen=True)
class FlippingSet:
    """The fewest frequencies, in the order given, whose notching takes the logit to a threshold.

    Parameters
    ----------
    lines : tuple of (fx, fy)
        Cycles per pixel.
    threshold, after : float
        Logits.
    """

    lines: tuple[Line, ...]
    threshold: float
    after: float


def notch(
    image: Uint8,
    detector: Detector,
    lines: Sequence[Line],
    *,
    what: str | None = None,
    nulls: int = NULLS,
    rng: np.random.Generator | None = None,
) -> Counterfactual:
    """Notch lines and compare the change of the logit with that by notching other lines of their radii and energy.

    Parameters
    ----------
    image : ndarray of uint8, (H, W, 3)
        Image, RGB in 0 .. 255.
    detector : Detector
        Is left as it is.
    lines : sequence of (fx, fy)
        Cycles per pixel.
    what : str, optional
        Default the lines.
    nulls : int
        Number of controls. In each, every line is replaced by another multiple of 1/32 cycles per pixel of about its
        radius and energy, and more are added if the energy is less; see `MatchedLines`. A single line has at most 39
        controls. 0: no comparison.
    rng : Generator, optional
        Default of seed 0.

    Returns
    -------
    Counterfactual
        A large p-value says that these lines do not matter to this decision, or no more than others of their energy.
        Without values of the controls if there are no other lines.

    Notes
    -----
    The test of a line that stands far out is conservative: it takes many other lines to make up its energy, and their
    changes add up.
    """
    rng = rng if rng is not None else np.random.default_rng(0)
    shape = (image.shape[0], image.shape[1])
    spectra = spectra_of(image)
    change = notch_change(spectra, lines, shape)
    result = _compared(image, detector, image_of(spectra + change, shape), "notch", what or _named(lines))
    if not nulls or not lines:
        return result
    matched = MatchedLines(spectra, lines, shape)
    controls = matched.draw(nulls, rng)
    if not controls:
        return result
    weights = half_plane_weights(shape)
    energies: list[float] = []

    def images() -> Iterator[NDArray[np.float32]]:
        for control in controls:
            removed = matched.change(control)
            energies.append(float((np.abs(removed) ** 2 * weights).sum()) / (3 * (shape[0] * shape[1]) ** 2))
            yield image_of(spectra + removed, shape)

    changes = exact_logits(images(), detector, image) - result.before
    sd = float(changes.std(ddof=1)) if len(changes) > 1 else 0.0
    # From the mean of all, the change itself among them: then any of them could have been the one that was asked about.
    distances = np.abs(np.append(changes, result.change) - np.append(changes, result.change).mean())
    return replace(
        result,
        nulls=len(controls),
        null_mean=float(changes.mean()),
        null_sd=sd,
        z=(result.change - float(changes.mean())) / sd if sd else None,
        p_value=float((distances >= distances[-1]).mean()),
        null_energy=float(np.mean(energies)),
    )


def band_stops(image: Uint8, detector: Detector, bands: Sequence[Band] = EIGHT_BANDS) -> tuple[Counterfactual, ...]:
    """Take out one band of frequencies after the other, the mean excepted; parameters as for `notch`."""
    shape = (image.shape[0], image.shape[1])
    spectra = spectra_of(image)
    changes = []
    for band in bands:
        mask = band.mask(shape)
        mask[0, 0] = False
        changes.append(
            _compared(image, detector, image_of(spectra * ~mask, shape), "band", f"{band.name} cycles/pixel")
        )
    return tuple(changes)


def region_blur(
    image: Uint8, detector: Detector, box: tuple[int, int, int, int], *, sigma: float = 2.0
) -> Counterfactual:
    """Blur a region, with a soft border.

    Parameters
    ----------
    image : ndarray of uint8, (H, W, 3)
        Image, RGB in 0 .. 255.
    detector : Detector
        Is left as it is.
    box : (top, left, bottom, right)
        Pixels; bottom and right excluded.
    sigma : float
        Standard deviation of the blur and of the border's, pixels.

    Returns
    -------
    Counterfactual
        Logits before and after.

    Raises
    ------
    ValueError
        The box is empty or lies outside.

    Examples
    --------
    >>> from freqforensics.detector.local import make_small_detector
    >>> image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    >>> detector = make_small_detector("local", seed=0)
    >>> region_blur(image, detector, (16, 16, 48, 48), sigma=3.0).what
    'rows 16 to 48, columns 16 to 48'
    """
    top, left, bottom, right = box
    if not (0 <= top < bottom <= image.shape[0] and 0 <= left < right <= image.shape[1]):
        raise ValueError(f"box must lie in the image of {image.shape[0]} rows and {image.shape[1]} columns, got {box}")
    inside = np.zeros(image.shape[:2], np.float32)
    inside[top:bottom, left:right] = 1
    inside = np.asarray(cv2.GaussianBlur(inside, (0, 0), sigma), np.float32)[..., None]
    pixels = image.astype(np.float32)
    blurred = np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma), np.float32)
    changed = np.asarray(pixels + inside * (blurred - pixels), np.float32)
    return _compared(image, detector, changed, "region", f"rows {top} to {bottom}, columns {left} to {right}")


def flipping_set(
    image: Uint8,
    detector: Detector,
    order: Sequence[Line],
    *,
    threshold: float,
) -> FlippingSet | None:
    """Find the fewest frequencies whose notching takes the logit to a threshold or below.

    Parameters
    ----------
    image : ndarray of uint8, (H, W, 3)
        Image, RGB in 0 .. 255.
    detector : Detector
        Is left as it is.
    order : sequence of (fx, fy)
        In which they are taken, as by what was attributed to them.
    threshold : float
        A logit.

    Returns
    -------
    FlippingSet or None
        None if not even 256 suffice. The search doubles and then bisects: the logit need not fall with each notch.
    """
    shape = (image.shape[0], image.shape[1])
    spectra = spectra_of(image)
    tried: dict[int, float] = {}

    def after(count: int) -> float:
        if count not in tried:
            candidate = image_of(spectra + notch_change(spectra, order[:count], shape, reach=dense_reach(shape)), shape)
            tried[count] = float(exact_logits([candidate], detector, image)[0])
        return tried[count]

    most = min(MOST_LINES, len(order))
    sizes = [2**n for n in range(most.bit_length()) if 2**n < most] + [most] * bool(most)
    enough = next((size for size in sizes if after(size) <= threshold), None)
    if enough is None:
        return None
    low, high = max((size for size in sizes if size < enough), default=0), enough
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if after(middle) <= threshold else (middle, high)
    return FlippingSet(tuple(order[:high]), threshold, after(high))


def exact_logits(changed: Iterable[NDArray[np.float32]], detector: Detector, image: Uint8) -> NDArray[np.float64]:
    """Score changed versions of an image in floating point.

    Parameters
    ----------
    changed : iterable of ndarray of float32, (H, W, 3)
        All of one size.
    detector : Detector
        Is left as it is.
    image : ndarray of uint8, (H, W, 3)
        What they are versions of; see `PixelLogit`.

    Returns
    -------
    ndarray of float64, (N,)
        Logits of the N versions.
    """
    function = PixelLogit(detector, image)
    logits: list[float] = []
    waiting: list[Tensor] = []
    pixels = _LOCAL_PIXELS if detector.input == "local" or isinstance(detector, FusedDetector) else _BATCH_PIXELS
    most = max(1, min(16, pixels // (image.shape[0] * image.shape[1])))
    with torch.no_grad():
        for variant in changed:
            waiting.append(as_tensor(variant))
            if len(waiting) == most:
                logits += [float(value) for value in function(torch.cat(waiting))]
                waiting = []
        if waiting:
            logits += [float(value) for value in function(torch.cat(waiting))]
    return np.array(logits, np.float64)


def _compared(
    image: Uint8, detector: Detector, changed: NDArray[np.float32], kind: Literal["notch", "band", "region"], what: str
) -> Counterfactual:
    before, after = exact_logits([image.astype(np.float32), changed], detector, image)
    after_rounded = float(detector.logits([rounded(changed)])[0])
    energy = float(((changed - image) ** 2).mean())
    return Counterfactual(kind, what, float(before), float(after), after_rounded, energy)


def _named(lines: Sequence[Line]) -> str:
    names = ", ".join(line_name(line) for line in lines[:3])
    return names if len(lines) <= 3 else f"{names} and {len(lines) - 3} more"
