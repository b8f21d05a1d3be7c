"""What happens to images on their way: JPEG compression and resizing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

Interpolation = Literal["nearest", "bilinear", "bicubic", "area", "lanczos"]
Subsampling = Literal["4:2:0", "4:4:4"]
Uint8 = NDArray[np.uint8]

_FLAGS: Final = {
    "nearest": cv2.INTER_NEAREST_EXACT,
    "bilinear": cv2.INTER_LINEAR,
    "bicubic": cv2.INTER_CUBIC,
    "area": cv2.INTER_AREA,
    "lanczos": cv2.INTER_LANCZOS4,
}
_FACTORS: Final = {"4:2:0": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420, "4:4:4": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444}


@dataclass(frozen=True)
class Perturbation:
    """What is done to an image; subclasses say what.

    Calling one with a uint8 image (H, W, 3) gives another; what is drawn at random is drawn from `rng`.
    """

    def __call__(self, image: Uint8, rng: np.random.Generator | None = None) -> Uint8:
        """Give the changed image; `image` stays as it is."""
        raise NotImplementedError


@dataclass(frozen=True)
class Resize(Perturbation):
    """Resample by one factor along both axes.

    Parameters
    ----------
    scale : float or (float, float)
        Output over input; of a pair, a value is drawn uniformly from between them.
    interpolation : {"nearest", "bilinear", "bicubic", "area", "lanczos"}
        Half-pixel centres, computed by OpenCV. "area" with a scale of 1/k first cuts the sides to multiples of k at the
        right and below: every pixel is the mean of k x k others, and no trace of a JPEG grid's phase is left over.
        None but "area" filters before it makes an image smaller.

    Raises
    ------
    ValueError
        A scale that is not positive, an unknown interpolation, an image that would have no pixel left.
    """

    scale: float | tuple[float, float]
    interpolation: Interpolation = "bilinear"

    def __post_init__(self) -> None:
        _checked(self.interpolation, get_args(Interpolation), "interpolation")
        low, high = _pair(self.scale)
        if not 0 < low <= high:
            raise ValueError(f"scale must be positive, or an ascending pair, got {self.scale}")

    def __call__(self, image: Uint8, rng: np.random.Generator | None = None) -> Uint8:
        """Resize an image."""
        low, high = _pair(self.scale)
        scale = low if low == high else _given(rng, "Resize").uniform(low, high)
        height, width = image.shape[:2]
        step = round(1 / scale)
        if self.interpolation == "area" and step > 1 and abs(step * scale - 1) < 1e-9:
            height, width = height // step * step, width // step * step
            size = (width // step, height // step)
        else:
            size = (round(width * scale), round(height * scale))
        if min(size) < 1:
            raise ValueError(f"an image of shape {image.shape} has no pixel left at scale {scale:.4g}")
        return np.asarray(cv2.resize(image[:height, :width], size, interpolation=_FLAGS[self.interpolation]), np.uint8)


@dataclass(frozen=True)
class JPEG(Perturbation):
    """Compress and read again.

    Parameters
    ----------
    quality : int or (int, int)
        1 .. 100, libjpeg's scale; of a pair, an integer is drawn uniformly from between them, both included.
    subsampling : {"4:2:0", "4:4:4"}
        Of the chroma.

    Raises
    ------
    ValueError
        A quality out of range or an unknown subsampling.
    """

    quality: int | tuple[int, int]
    subsampling: Subsampling = "4:2:0"

    def __post_init__(self) -> None:
        _checked(self.subsampling, get_args(Subsampling), "subsampling")
        low, high = _pair(self.quality)
        if not 1 <= low <= high <= 100:
            raise ValueError(f"quality must lie between 1 and 100, or be an ascending pair, got {self.quality}")

    def __call__(self, image: Uint8, rng: np.random.Generator | None = None) -> Uint8:
        """Compress an image."""
        low, high = _pair(self.quality)
        quality = int(low) if low == high else int(_given(rng, "JPEG").integers(int(low), int(high) + 1))
        options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, _FACTORS[self.subsampling]]
        encoded, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
        if not encoded:
            raise ValueError(f"an image of shape {image.shape} cannot be written as JPEG")
        decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
        return np.asarray(cv2.cvtColor(np.asarray(decoded), cv2.COLOR_BGR2RGB), np.uint8)


def _pair(value: float | tuple[float, float]) -> tuple[float, float]:
    return value if isinstance(value, tuple) else (value, value)


def _given(rng: np.random.Generator | None, name: str) -> np.random.Generator:
    if rng is None:
        raise ValueError(f"{name} draws its value at random here: give rng")
    return rng


def _checked(value: str, choices: tuple[str, ...], name: str) -> None:
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}; got {value!r}")
