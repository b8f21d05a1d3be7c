"""What the detector would say if these frequencies, or this region, were not there.

Changes are scored in floating point: a wave of less than half a grey level, which is what many lattices are, would not
survive rounding, neither when it is added nor when it is taken out. What is left after rounding is scored, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, Literal

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
    LoneNotches,
    dense_reach,
    image_of,
    line_name,
    notch_change,
    rounded,
    spectra_of,
)
from freqforensics.attribution.outcomes import Counterfactual, FlippingSet
from freqforensics.detector.fusion import FusedDetector
from freqforensics.detector.lanes import side_by_side
from freqforensics.detector.resnet import Detector, evaluating
from freqforensics.spectra import Band, half_plane_weights

Uint8 = NDArray[np.uint8]
NULLS: Final = 100
MOST_LINES: Final = 256
"""Frequencies that are notched at most to change a verdict."""
FUTILE: Final = 0.2
"""p-value after a first look above which no more controls are drawn."""
_BATCH_PIXELS: Final = 250_000
_LOCAL_PIXELS: Final = 60_000
"""Of networks at full resolution: what they make of more would not fit a processor's cache."""


def notch(
    image: Uint8,
    detector: Detector,
    lines: Sequence[Line],
    *,
    what: str | None = None,
    nulls: int = NULLS,
    first_look: int | None = None,
    before: float | None = None,
    lone: LoneNotches | None = None,
    rng: np.random.Generator | None = None,
) -> Counterfactual:
    """Notch lines and compare the change of the logit with that by notching other lines of their radii and energy.

    Parameters
    ----------
    image : ndarray of uint8, (H, W, 3)
        Image, RGB in 0 .. 255.
    detector : Detector
        Detector, which is not changed.
    lines : sequence of (fx, fy)
        Cycles per pixel.
    what : str, optional
        Default the lines.
    nulls : int
        Number of controls. In each, every line is replaced by another multiple of 1/32 cycles per pixel of about its
        radius and energy, and more are added if the energy is less; see `MatchedLines`. A single line has at most 39
        controls. 0: no comparison.
    first_look : int, optional
        Number of controls after which the p-value is looked at: above 0.2 it stands, and no more controls are drawn.
        Default no such look.
    before : float, optional
        Logit of the image, if it is known.
    lone : LoneNotches, optional
        Notches of the image's spectra, to share between several sets.
    rng : Generator, optional
        Random generator; default with seed 0.

    Returns
    -------
    Counterfactual
        A large p-value says that these lines do not matter to this decision, or no more than others of their energy.
        Without values of the controls if there are no other lines.

    Notes
    -----
    The test of a line that stands far out is conservative: it takes many other lines to make up its energy, and their
    changes add up.

    A first look leaves the p-value valid. It is p1 of the first controls where p1 > 0.2, else p2 of all. For a level a
    up to 0.2 it can be at most a only where p2 is, for a higher one only where p1 is; each has a probability of at
    most a (a rule to stop early for futility, in the manner of Besag and Clifford, Biometrika 1991).

    Examples
    --------
    >>> from freqforensics.detector.local import make_small_detector
    >>> image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    >>> change = notch(image, make_small_detector("local", seed=0), [(0.25, 0.0)], nulls=0)
    >>> change.what, change.kind, change.energy > 0
    ('(1/4, 0)', 'notch', True)
    """
    rng = rng if rng is not None else np.random.default_rng(0)
    shape = (image.shape[0], image.shape[1])
    spectra = spectra_of(image)
    change = notch_change(spectra, lines, shape)
    result = _compared(
        image, detector, image_of(spectra + change, shape), "notch", what or _named(lines), before=before
    )
    if not nulls or not lines:
        return result
    matched = MatchedLines(spectra, lines, shape, lone=lone)
    controls = matched.draw(nulls, rng)
    if not controls:
        return result
    weights = half_plane_weights(shape)
    energies: list[float] = []

    def images(some: Sequence[tuple[Line, ...]]) -> Iterator[NDArray[np.float32]]:
        for control in some:
            removed = matched.change(control)
            energies.append(float((np.abs(removed) ** 2 * weights).sum()) / (3 * (shape[0] * shape[1]) ** 2))
            yield image_of(spectra + removed, shape)

    first = len(controls) if first_look is None else first_look
    changes = exact_logits(images(controls[:first]), detector, image) - result.before
    if len(controls) > first and _rank_p_value(changes, result.change) <= FUTILE:
        changes = np.append(changes, exact_logits(images(controls[first:]), detector, image) - result.before)
    sd = float(changes.std(ddof=1)) if len(changes) > 1 else 0.0
    return replace(
        result,
        nulls=len(changes),
        null_mean=float(changes.mean()),
        null_sd=sd,
        z=(result.change - float(changes.mean())) / sd if sd else None,
        p_value=_rank_p_value(changes, result.change),
        null_energy=float(np.mean(energies)),
    )


def _rank_p_value(changes: NDArray[np.float64], change: float) -> float:
    # From the mean of all, the change itself among them: then any of them could have been the one that was asked about.
    everything = np.append(changes, change)
    distances = np.abs(everything - everything.mean())
    return float((distances >= distances[-1]).mean())


def band_stops(
    image: Uint8, detector: Detector, bands: Sequence[Band] = EIGHT_BANDS, *, before: float | None = None
) -> tuple[Counterfactual, ...]:
    """Remove one band of frequencies after another, and measure the logit. The mean stays.

    Parameters
    ----------
    image : ndarray of uint8, (H, W, 3)
        Image, RGB in 0 .. 255.
    detector : Detector
        Detector, which is left as it is.
    bands : sequence of Band
        Bands to take out, one at a time.
    before : float, optional
        Logit of the image, if it is known.
    """
    shape = (image.shape[0], image.shape[1])
    spectra = spectra_of(image)
    if before is None:
        before = _logit(image, detector)
    changes = []
    for band in bands:
        mask = band.mask(shape)
        mask[0, 0] = False
        stopped = image_of(spectra * ~mask, shape)
        changes.append(_compared(image, detector, stopped, "band", f"{band.name} cycles/pixel", before=before))
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
        Detector, which is not changed.
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
        Detector, which is not changed.
    order : sequence of (fx, fy)
        In which they are taken, as by what was attributed to them.
    threshold : float
        Logit to reach.

    Returns
    -------
    FlippingSet or None
        None if not even 256 suffice. The search doubles and then divides what is left by three: the logit need not fall
        with each notch.
    """
    shape = (image.shape[0], image.shape[1])
    spectra = spectra_of(image)
    after: dict[int, float] = {}

    def least(counts: Sequence[int]) -> int | None:
        """The first of two or fewer counts, scored together, that is enough."""
        images = (
            image_of(spectra + notch_change(spectra, order[:count], shape, reach=dense_reach(shape)), shape)
            for count in counts
        )
        after.update(zip(counts, map(float, exact_logits(images, detector, image)), strict=True))
        return next((count for count in counts if after[count] <= threshold), None)

    most = min(MOST_LINES, len(order))
    sizes = [2**n for n in range(most.bit_length()) if 2**n < most] + [most] * bool(most)
    pairs = (sizes[start : start + 2] for start in range(0, len(sizes), 2))
    enough = next((count for pair in pairs if (count := least(pair)) is not None), None)
    if enough is None:
        return None
    low, high = max((size for size in sizes if size < enough), default=0), enough
    while high - low > 1:
        third = max(1, (high - low) // 3)
        between = sorted({low + third, high - third} & set(range(low + 1, high)))
        sufficient = least(between)
        low = max((count for count in between if sufficient is None or count < sufficient), default=low)
        high = high if sufficient is None else sufficient
    return FlippingSet(tuple(order[:high]), threshold, after[high])


def exact_logits(changed: Iterable[NDArray[np.float32]], detector: Detector, image: Uint8) -> NDArray[np.float64]:
    """Score changed versions of an image in floating point.

    Parameters
    ----------
    changed : iterable of ndarray of float32, (H, W, 3)
        All of one size.
    detector : Detector
        Detector, which is not changed.
    image : ndarray of uint8, (H, W, 3)
        What they are versions of; see `PixelLogit`.

    Returns
    -------
    ndarray of float64, (N,)
        Logits of the N versions.

    Examples
    --------
    >>> from freqforensics.detector.local import make_small_detector
    >>> image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    >>> versions = [image.astype(np.float32), image + np.float32(0.25)]
    >>> exact_logits(versions, make_small_detector("local", seed=0), image).shape
    (2,)
    """
    with evaluating(detector):  # once for all threads
        function = PixelLogit(detector, image)
        parts: Any = list(function.parts) or [function]
        most = [batch_of(part.detector, image.shape[0] * image.shape[1]) for part in parts]

        def batches() -> Iterator[tuple[int, list[Tensor]]]:
            waiting: list[list[Tensor]] = [[] for _ in parts]
            for variant in changed:
                pixels = as_tensor(variant)
                for part, images in enumerate(waiting):
                    images.append(pixels)
                    if len(images) == most[part]:
                        yield part, images
                        waiting[part] = []
            yield from ((part, images) for part, images in enumerate(waiting) if images)

        def logits(batch: tuple[int, list[Tensor]]) -> tuple[int, NDArray[Any]]:
            part, images = batch
            with torch.inference_mode():
                return part, parts[part].of_several(images).cpu().numpy()

        scored = side_by_side(logits, batches())
    if not scored:
        return np.empty(0)
    # Summed in the precision of the parts, as `PixelLogit` does.
    of_parts = [np.concatenate([values for part, values in scored if part == number]) for number in range(len(parts))]
    return np.asarray(np.sum(of_parts, axis=0), np.float64)


def batch_of(detector: Detector, pixels: int) -> int:
    """Give the best number of images to score together, each of `pixels` pixels: their activations fit a cache."""
    full = detector.input == "local" or isinstance(detector, FusedDetector)
    return max(1, min(16, (_LOCAL_PIXELS if full else _BATCH_PIXELS) // pixels))


def _compared(
    image: Uint8,
    detector: Detector,
    changed: NDArray[np.float32],
    kind: Literal["notch", "band", "region"],
    what: str,
    *,
    before: float | None = None,
) -> Counterfactual:
    if before is None:
        before = _logit(image, detector)
    with evaluating(detector):
        function = PixelLogit(detector, image)

        def exact() -> float:
            with torch.inference_mode():
                return float(function(as_tensor(changed)))

        def of_grey_levels() -> float:
            return float(detector.logits([rounded(changed)])[0])

        after, after_rounded = side_by_side(lambda score: score(), [exact, of_grey_levels])
    energy = float(((changed - image) ** 2).mean())
    return Counterfactual(kind, what, before, after, after_rounded, energy)


def _logit(image: Uint8, detector: Detector) -> float:
    return float(exact_logits([image.astype(np.float32)], detector, image)[0])


def _named(lines: Sequence[Line]) -> str:
    names = ", ".join(line_name(line) for line in lines[:3])
    return names if len(lines) <= 3 else f"{names} and {len(lines) - 3} more"
