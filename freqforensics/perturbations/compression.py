"""Compression and what comes with it: JPEG, WebP, AVIF, and the subsampling of chroma."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import cv2
import numpy as np
from PIL import Image, features

from freqforensics.perturbations.perturb import (
    INTERPOLATION_FLAGS,
    Perturbation,
    Uint8,
    as_pair,
    check_choice,
    given_generator,
)

Subsampling = Literal["4:2:0", "4:2:2", "4:4:4"]
Codec = Literal["opencv", "pillow", "either"]

_FACTORS: Final = {
    "4:2:0": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    "4:2:2": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
    "4:4:4": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
}


@dataclass(frozen=True)
class JPEG(Perturbation):
    """Compress as JPEG and decode again.

    Parameters
    ----------
    quality : int or (int, int)
        1 .. 100, libjpeg's scale. A pair is a range from which an integer is drawn uniformly, both ends included.
    subsampling : {"4:2:0", "4:2:2", "4:4:4"}
        Sampling of the chroma.
    codec : {"opencv", "pillow", "either"}
        "either" draws one; their current releases give the same pixels.

    Raises
    ------
    ValueError
        A quality out of range, an unknown subsampling or codec.

    Examples
    --------
    >>> image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    >>> changes = [np.abs(JPEG(quality)(image).astype(float) - image).mean() for quality in (95, 50)]
    >>> bool(changes[0] < changes[1])
    True
    """

    quality: int | tuple[int, int]
    subsampling: Subsampling = "4:2:0"
    codec: Codec = "opencv"

    def __post_init__(self) -> None:
        check_choice(self.subsampling, get_args(Subsampling), "subsampling")
        check_choice(self.codec, get_args(Codec), "codec")
        _check_quality(self.quality)

    def __call__(self, image: Uint8, rng: np.random.Generator | None = None) -> Uint8:
        """Compress an image."""
        quality = _drawn_quality(self.quality, rng, "JPEG")
        codec = self.codec
        if codec == "either":
            codec = "opencv" if given_generator(rng, "JPEG").random() < 0.5 else "pillow"
        if codec == "opencv":
            options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, _FACTORS[self.subsampling]]
            return _through_opencv(image, ".jpg", options)
        return _through_pillow(image, "JPEG", quality=quality, subsampling=self.subsampling)


@dataclass(frozen=True)
class ChromaSubsampling(Perturbation):
    """Halve the colour differences' resolution and enlarge them again, as JPEG, video and Photo CD do.

    It leaves period 2 in the colour differences of photographs, and hardly any in luma.

    Parameters
    ----------
    interpolation : {"nearest", "bilinear", "bicubic", "lanczos", "integer-up", "integer-down"}
        How the halved colour differences are enlarged; area averaging makes them smaller. The integer choices copy the
        values and put (a + b + 1) >> 1 or (a + b) >> 1 between neighbours, as decoders without fractions do. The values
        in between are then a quarter of a grey level too great or too small, all over the image.

    Examples
    --------
    Grey pixels have no colour differences and stay as they are.

    >>> grey = np.repeat(np.random.default_rng(0).integers(0, 256, (8, 8, 1), np.uint8), 3, axis=2)
    >>> bool((ChromaSubsampling()(grey) == grey).all())
    True
    """

    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos", "integer-up", "integer-down"] = "bilinear"

    def __post_init__(self) -> None:
        choices = ("nearest", "bilinear", "bicubic", "lanczos", "integer-up", "integer-down")
        check_choice(self.interpolation, choices, "interpolation")

    def __call__(self, image: Uint8, rng: np.random.Generator | None = None) -> Uint8:
        """Subsample an image; an odd row or column at the end is repeated and cut again."""
        height, width = image.shape[:2]
        whole = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        planes = cv2.cvtColor(whole, cv2.COLOR_RGB2YCrCb)
        half = (whole.shape[1] // 2, whole.shape[0] // 2)
        small = cv2.resize(planes[..., 1:], half, interpolation=cv2.INTER_AREA)
        if self.interpolation.startswith("integer"):
            planes[..., 1:] = _doubled(np.asarray(small, np.uint8), up=self.interpolation == "integer-up")
        else:
            planes[..., 1:] = cv2.resize(
                small, (2 * half[0], 2 * half[1]), interpolation=INTERPOLATION_FLAGS[self.interpolation]
            )
        image = np.asarray(cv2.cvtColor(planes, cv2.COLOR_YCrCb2RGB), np.uint8)
        return np.ascontiguousarray(image[:height, :width])


@dataclass(frozen=True)
class WebP(Perturbation):
    """Compress as lossy WebP and decode again; chroma is subsampled 4:2:0.

    Parameters
    ----------
    quality : int or (int, int)
        1 .. 100. A pair is a range from which an integer is drawn uniformly, both ends included.
    """

    quality: int | tuple[int, int]

    def __post_init__(self) -> None:
        _check_quality(self.quality)

    def __call__(self, image: Uint8, rng: np.random.Generator | None = None) -> Uint8:
        """Compress an image."""
        return _through_pillow(image, "WEBP", quality=_drawn_quality(self.quality, rng, "WebP"))


@dataclass(frozen=True)
class AVIF(Perturbation):
    """Compress as AVIF and decode again; chroma is subsampled 4:2:0.

    Parameters
    ----------
    quality : int or (int, int)
        1 to 100, Pillow's scale. A pair is a range from which an integer is drawn uniformly, both ends included.

    Raises
    ------
    ValueError
        A quality out of range; on the call, a Pillow that cannot write AVIF.
    """

    quality: int | tuple[int, int]

    def __post_init__(self) -> None:
        _check_quality(self.quality)

    def __call__(self, image: Uint8, rng: np.random.Generator | None = None) -> Uint8:
        """Compress an image."""
        if not features.check("avif"):
            raise ValueError("this Pillow cannot write AVIF: install pillow>=11.3")
        return _through_pillow(image, "AVIF", quality=_drawn_quality(self.quality, rng, "AVIF"))


def _through_opencv(image: Uint8, suffix: str, options: list[int]) -> Uint8:
    encoded, data = cv2.imencode(suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
    if not encoded:
        raise ValueError(f"an image of shape {image.shape} cannot be written as {suffix}")
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return np.asarray(cv2.cvtColor(np.asarray(decoded), cv2.COLOR_BGR2RGB), np.uint8)


def _through_pillow(image: Uint8, form: str, **options: Any) -> Uint8:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, form, **options)
    stream.seek(0)
    with Image.open(stream, formats=[form]) as picture:
        return np.asarray(picture.convert("RGB"))


def _doubled(planes: Uint8, *, up: bool) -> Uint8:
    """Double both sides in integers; what lies between two values is their mean, half a level rounded up or down."""
    height, width = planes.shape[:2]
    values = np.pad(planes.astype(np.int32), ((0, 1), (0, 1), (0, 0)), mode="edge")
    here, right, below, across = values[:-1, :-1], values[:-1, 1:], values[1:, :-1], values[1:, 1:]
    doubled = np.empty((2 * height, 2 * width, planes.shape[2]), np.uint8)
    doubled[::2, ::2] = here
    doubled[::2, 1::2] = (here + right + up) >> 1
    doubled[1::2, ::2] = (here + below + up) >> 1
    doubled[1::2, 1::2] = (here + right + below + across + 2 * up) >> 2
    return doubled


def _check_quality(quality: int | tuple[int, int]) -> None:
    low, high = as_pair(quality)
    if not 1 <= low <= high <= 100:
        raise ValueError(f"quality must lie between 1 and 100, or be an ascending pair, got {quality}")


def _drawn_quality(quality: int | tuple[int, int], rng: np.random.Generator | None, name: str) -> int:
    low, high = as_pair(quality)
    return int(low) if low == high else int(given_generator(rng, name).integers(int(low), int(high) + 1))
