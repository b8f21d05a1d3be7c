"""What all decoders share: samples of any depth to 8-bit RGB, notes, and the error that refuses a file.

A decoder is a function ``decode_<format>(data, [header], notes, ...)``. It takes the bytes of a file and, where it
needs it, the `ImageHeader` that `read_header` gives of them. It appends oddities to `notes` and returns the pixels as
they are stored, uint8 of shape (H, W, 3), without applying the EXIF orientation. It raises UndecodableError where the
file is not whole, its samples have no defined range, or it has more than `max_pixels` pixels.
"""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

Uint8 = NDArray[np.uint8]


class ImageReadWarning(UserWarning):
    """An image file has an oddity that its pixels do not show."""


class AlphaDroppedWarning(ImageReadWarning):
    """The alpha channel of an image was dropped, without blending."""


class UndecodableError(Exception):
    """An image cannot be decoded whole; the message is the reason, without the file's name."""


class Notes(list[tuple[str, type[ImageReadWarning]]]):
    """Oddities of an image: short phrases, each with the category of its warning."""

    def add(self, phrase: str, category: type[ImageReadWarning] = ImageReadWarning) -> None:
        """Append a phrase."""
        self.append((phrase, category))


NO_RANGE: Final = "have no defined range"


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Raise UndecodableError for an image without pixels, or with more than `max_pixels`."""
    if width == 0 or height == 0:
        raise UndecodableError(f"zero-size image ({width}x{height})")
    if width * height > max_pixels:
        raise UndecodableError(f"{width}x{height} is over the limit of {max_pixels} pixels")


def to_8_bits(samples: NDArray[Any], bits: int, notes: Notes) -> Uint8:
    """Scale unsigned integers of `bits` bits to 0 .. 255, rounded: 65535 of 16 bits and 31 of 5 give 255."""
    if samples.dtype == np.bool_:
        return samples.astype(np.uint8) * np.uint8(255)
    if samples.dtype.kind != "u" or not 1 <= bits <= 16:
        raise UndecodableError(f"{samples.dtype} samples {NO_RANGE}")
    if bits == 8:
        return samples.astype(np.uint8, copy=False)
    largest = (1 << bits) - 1
    if bits > 8:
        notes.add(f"{bits}-bit samples divided by {largest / 255:.4g}")
    return ((samples.astype(np.uint32) * 255 + largest // 2) // largest).astype(np.uint8)


def to_rgb(samples: Uint8, notes: Notes) -> Uint8:
    """Give RGB of grey (H, W), grey and alpha (H, W, 2), RGB (H, W, 3), or RGB and alpha (H, W, 4)."""
    channels = 1 if samples.ndim == 2 else samples.shape[2]
    if channels in (2, 4):
        note_alpha(samples[..., -1], notes)
        samples = samples[..., :-1]
    elif channels > 4:
        raise UndecodableError(f"{channels} channels")
    if channels <= 2:
        return np.asarray(cv2.cvtColor(np.ascontiguousarray(samples), cv2.COLOR_GRAY2RGB), np.uint8)
    return samples


def note_alpha(alpha: NDArray[Any], notes: Notes) -> None:
    """Note that an alpha channel is dropped, and whether it was opaque all over."""
    notes.add("alpha channel dropped" + ("" if alpha.min() < 255 else " (opaque)"), AlphaDroppedWarning)


def unpremultiplied(samples: Uint8, notes: Notes) -> Uint8:
    """Divide colours, (H, W, C), by the alpha in their last channel; where that is 0 they are 0."""
    alpha = samples[..., -1:].astype(np.uint32)
    if alpha.min() == 255:
        return samples
    notes.add("colours divided by their alpha channel")
    colours = np.minimum(255 * samples[..., :-1].astype(np.uint32) // np.maximum(alpha, 1), 255) * (alpha > 0)
    return np.concatenate([colours, alpha], axis=2).astype(np.uint8)
