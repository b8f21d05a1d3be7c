"""The fall of the logit when a window of the image is replaced by its median."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from freqforensics.attribution.counterfactual import batch_of, exact_logits
from freqforensics.attribution.differentiable import PixelLogit, as_tensor, bare_network
from freqforensics.attribution.path import parts_of
from freqforensics.detector.fusion import Part
from freqforensics.detector.lanes import side_by_side
from freqforensics.detector.local import REACH, STRIDE, LocalNetwork
from freqforensics.detector.resnet import MEDIANS, Detector, evaluating

Uint8 = NDArray[np.uint8]
Float = NDArray[np.float64]
Place = tuple[slice, slice]
"""Rows and columns."""
_CHANGED: Final = REACH + MEDIANS["local"] // 2
"""Pixels around a window up to whose distance it changes features of the local network."""


def occlusion_map(image: Uint8, detector: Detector, *, window: int | None = None) -> Float:
    """Measure the fall of the logit when each window is replaced by its median.

    A grey window would bring edges, and with them high frequencies; a median-blurred one takes the residual away and
    brings little else.

    Parameters
    ----------
    image : ndarray of uint8, (H, W, 3)
        Image, RGB in 0 .. 255.
    detector : Detector
        Detector, which is not changed.
    window : int, optional
        Side of the squares, which touch and do not overlap; default such that there are some sixty, from 16.

    Returns
    -------
    ndarray of float64, shape (H, W)
        Logit of the image less that with the window replaced; the same all over a window. It sums to nothing.

    Examples
    --------
    >>> from freqforensics.detector.local import make_small_detector
    >>> image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    >>> falls = occlusion_map(image, make_small_detector("local", seed=0), window=32)
    >>> falls.shape, len(np.unique(falls))
    ((64, 64), 4)
    """
    height, width = image.shape[:2]
    if window is None:
        window = max(16, round((height * width / 64) ** 0.5 / 16) * 16)
    window = min(window, height, width)
    median = cv2.medianBlur(image, 5)
    places = [
        (slice(top, top + window), slice(left, left + window))
        for top in range(0, height, window)
        for left in range(0, width, window)
    ]

    def occluded(place: Place) -> NDArray[np.float32]:
        pixels = image.astype(np.float32)
        pixels[place] = median[place]
        return pixels

    falls = np.zeros((height, width))
    for part in parts_of(detector).values():
        for place, fall in zip(places, _falls(image, part, occluded, places), strict=True):
            falls[place] += fall
    return falls


def _falls(
    image: Uint8, part: Detector, occluded: Callable[[Place], NDArray[np.float32]], places: Sequence[Place]
) -> Iterable[float]:
    """Give the fall of a single detector's logit for each window."""
    if isinstance(bare_network(part), LocalNetwork) and part.input == "local" and part.band is None:
        return _falls_by_patches(image, part, occluded, places)
    versions = (version for version in (image.astype(np.float32), *map(occluded, places)))
    before, *after = exact_logits(versions, part, image)
    return [before - logit for logit in after]


def _falls_by_patches(
    image: Uint8, part: Detector, occluded: Callable[[Place], NDArray[np.float32]], places: Sequence[Place]
) -> list[float]:
    """Compute anew the features that a window changes; the others are those of the image."""
    network: Any = bare_network(part)
    function = PixelLogit(part, image)
    reaches = [(_reach(rows, image.shape[0]), _reach(columns, image.shape[1])) for rows, columns in places]
    of_size: dict[tuple[int, ...], list[int]] = {}
    for number, reach in enumerate(reaches):
        of_size.setdefault(tuple(along.pixels.stop - along.pixels.start for along in reach), []).append(number)
    batches = [
        numbers[start : start + most]
        for (height, width), numbers in of_size.items()
        for most in [batch_of(part, height * width)]
        for start in range(0, len(numbers), most)
    ]

    def prepared(pixels: NDArray[Any]) -> Tensor:
        return part.beside(function.prepare(as_tensor(pixels)))

    def logits(features: Tensor) -> list[float]:
        decided: Tensor = network.decide(features)
        return [float(value) for value in (part.network.scaled(decided) if isinstance(part.network, Part) else decided)]

    def after(numbers: Sequence[int]) -> list[float]:
        with torch.inference_mode():
            patches = [
                prepared(occluded(places[number]))[..., reaches[number][0].pixels, reaches[number][1].pixels]
                for number in numbers
            ]
            features = of_image.repeat(len(numbers), 1, 1, 1)
            for into, anew, number in zip(features, network.features(torch.cat(patches)), numbers, strict=True):
                rows, columns = reaches[number]
                into[:, rows.features, columns.features] = anew[:, rows.of_patch, columns.of_patch]
            return logits(features)

    with evaluating(part):  # once for all threads
        with torch.inference_mode():
            of_image: Tensor = network.features(prepared(image))
            (before,) = logits(of_image)
        scored = side_by_side(after, batches)
    falls = np.empty(len(places))
    for numbers, logits_after in zip(batches, scored, strict=True):
        falls[numbers] = before - np.array(logits_after)
    return [float(fall) for fall in falls]


class _Reach(NamedTuple):
    """How far a window reaches along one axis of the local network.

    Parameters
    ----------
    pixels : slice
        Pixels that the changed features depend on.
    features : slice
        The changed features, among those of the image.
    of_patch : slice
        The same, among those of these pixels by themselves.
    """

    pixels: slice
    features: slice
    of_patch: slice


def _reach(window: slice, length: int) -> _Reach:
    """Say how far a window reaches along an axis of an image that has `length` pixels there."""
    first = max(0, -(-(window.start - _CHANGED) // STRIDE))
    end = min(-(-length // STRIDE), (window.stop - 1 + _CHANGED) // STRIDE + 1)
    start = max(0, (first * STRIDE - REACH) // STRIDE)  # in features: a patch has the strides of the image
    stop = min(length, -(-((end - 1) * STRIDE + REACH + 1) // STRIDE) * STRIDE)
    return _Reach(slice(start * STRIDE, stop), slice(first, end), slice(first - start, end - start))
