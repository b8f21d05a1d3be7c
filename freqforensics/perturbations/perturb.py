"""What happens to images on their way: blur, compression, resizing, cropping; and the augmentation of Wang et al. 2020.

A perturbation is a frozen dataclass that is called with a uint8 image (H, W, 3) and, if it draws anything at random, a
generator. Where the published code does something else than one would expect, ``variant="as_published"`` does that.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, features
from scipy.ndimage import gaussian_filter

Interpolation = Literal["nearest", "bilinear", "bicubic", "area", "lanczos", "antialiased"]
Subsampling = Literal["4:2:0", "4:2:2", "4:4:4"]
Codec = Literal["opencv", "pillow", "either"]
Variant = Literal["sound", "as_published"]
Position = Literal["center", "random"]
Uint8 = NDArray[np.uint8]

_FLAGS: Final = {
    "nearest": cv2.INTER_NEAREST_EXACT,
    "bilinear": cv2.INTER_LINEAR,
    "bicubic": cv2.INTER_CUBIC,
    "area": cv2.INTER_AREA,
    "lanczos": cv2.INTER_LANCZOS4,
}
_FACTORS: Final = {
    "4:2:0": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    "4:2:2": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
    "4:4:4": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
}


@dataclass(frozen=True)
class Perturbation:
    """What is done to an image; subclasses say what."""

    def __call__(self, image: Uint8, rng: np.random.Generator | None = None) -> Uint8:
        """Give the changed image, uint8 (H, W, 3); `image` stays as it is.

        Raises
        ------
        ValueError
            Something is drawn at random, and there is no `rng`.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Chain(Perturbation):
    """Several, one after the other.

    Parameters
    ----------
    steps : tuple of Perturbation
    """

    steps: tuple[Perturbation, ...]

    def __call__(self, image: Uint8, rng: np.random.Generator | None = None) -> Uint8:
        """Apply all steps."""
        for step in self.steps:
            image = step(image, rng)
        return image


@dataclass(frozen=True)
class Sometimes(Perturbation):
    """One that is applied at a given rate.

    Parameters
    ----------
    step : Perturbation
    probability : float
    """

    step: Perturbation
    probability: float

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability must lie between 0 and 1, got {self.probability}")

    def __call__(self, image: Uint8, rng: np.random.Generator | None = None) -> Uint8:
        """Toss the coin, and apply the step or give `image` itself."""
        return self.step(image, rng) if _given(rng, "Sometimes").random() < self.probability else image


@dataclass(frozen=True)
class OneOf(Perturbation):
    """One that is drawn from several, each as likely as the other.

    Parameters
    ----------
    choices : tuple of Perturbation
    """

    choices: tuple[Perturbation, ...]

    def __post_init__(self) -> None:
        if not self.choices:
            raise ValueError("choices must not be empty")

    def __call__(self, image: Uint8, rng: np.random.Generator | None = None) -> Uint8:
        """Draw one and apply it."""
        return self.choices[int(_given(rng, "OneOf").integers(len(self.choices)))](image, rng)


@dataclass(frozen=True)
class Sharpen(Perturbation):
    """Unsharp mask: add to an image what a Gaussian blur takes away.

    Parameters
    ----------
    amount : float or (float, float)
        Times what is taken away; of a pair, a value is drawn uniformly from between them.
    sigma : float
        Of the blur, pixels.
    """

    amount: float | tuple[float, float]
    sigma: float = 1.0

    def __post_init__(self) -> None:
        low, high = _pair(self.amount)
        if not 0 <= low <= high:
            raise ValueError(f"amount must not be negative, or be an ascending pair, got {self.amount}")
        if not self.sigma > 0:
            raise ValueError(f"sigma must be positive, got {self.sigma}")

    def __call__(self, image: Uint8, rng: np.random.Generator | None = None) -> Uint8:
        """Sharpen an image; computed in floating point and rounded once."""
        low, high = _pair(self.amount)
        amount = low if low == high else _given(rng, "Sharpen").uniform(low, high)
        given = image.astype(np.float32)
        return _rounded(given + np.float32(amount) * (given - gaussian_filter(given, (self.sigma, self.sigma, 0))))


@dataclass(frozen=True)
class Blur(Perturbation):
    """Gaussian blur, four standard deviations wide, borders reflected.

    Parameters
    ----------
    sigma : float or (float, float)
        Pixels; of a pair, a value is drawn uniformly from between them. Below 0.125 the kernel is one tap.
    variant : {"sound", "as_published"}
        "sound" computes in floating point and rounds once. "as_published" filters uint8 in place as Wang et al. do:
        each of the two passes truncates, and the mean falls by about one grey level.
    """

    sigma: float | tuple[float, float]
    variant: Variant = "sound"

    def __post_init__(self) -> None:
        _checked(self.variant, get_args(Variant), "variant")
        low, high = _pair(self.sigma)
        if not 0 <= low <= high:
            raise ValueError(f"sigma must not be negative, or be an ascending pair, got {self.sigma}")

    def __call__(self, image: Uint8, rng: np.random.Generator | None = None) -> Uint8:
        """Blur an image."""
        low, high = _pair(self.sigma)
        sigma = low if low == high else _given(rng, "Blur").uniform(low, high)
        if self.variant == "as_published":
            made = np.empty_like(image)
            for channel in range(image.shape[2]):
                gaussian_filter(image[:, :, channel], sigma, output=made[:, :, channel])
            return made
        return _rounded(gaussian_filter(image.astype(np.float32), (sigma, sigma, 0)))


@dataclass(frozen=True)
class Resize(Perturbation):
    """Resample by one factor along both axes.

    Parameters
    ----------
    scale : float or (float, float)
        Output over input; of a pair, a value is drawn uniformly from between them.
    interpolation : {"nearest", "bilinear", "bicubic", "area", "lanczos", "antialiased"}
        Half-pixel centres. All but the last are OpenCV's, and none of those but "area" filters before it makes an image
        smaller; "antialiased" is Pillow's bilinear, which does. "area" with a scale of 1/k first cuts the sides to
        multiples of k at the right and below: every pixel is the mean of k x k others, and no trace of a JPEG grid's
        phase is left over.

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
        return _resized(image[:height, :width], size, self.interpolation)


@dataclass(frozen=True)
class ResizeShorter(Perturbation):
    """Resample so that the shorter side has a given length; what has it already stays as it is.

    Parameters
    ----------
    side : int
    interpolation
        As for `Resize`. The longer side is truncated to whole pixels, as torchvision does.
    """

    side: int
    interpolation: Interpolation = "antialiased"

    def __post_init__(self) -> None:
        _checked(self.interpolation, get_args(Interpolation), "interpolation")
        if self.side < 1:
            raise ValueError(f"side must be at least 1, got {self.side}")

    def __call__(self, image: Uint8, rng: np.random.Generator | None = None) -> Uint8:
        """Resize an image."""
        height, width = image.shape[:2]
        if min(height, width) == self.side:
            return image
        if width <= height:
            size = (self.side, int(self.side * height / width))
        else:
            size = (int(self.side * width / height), self.side)
        return _resized(image, size, self.interpolation)


@dataclass(frozen=True)
class JPEG(Perturbation):
    """Compress and read again.

    Parameters
    ----------
    quality : int or (int, int)
        1 .. 100, libjpeg's scale; of a pair, an integer is drawn uniformly from between them, both included.
    subsampling : {"4:2:0", "4:2:2", "4:4:4"}
        Of the chroma.
    codec : {"opencv", "pillow", "either"}
        "either" draws one; their current releases give the same pixels.

    Raises
    ------
    ValueError
        A quality out of range, an unknown subsampling or codec.
    """

    quality: int | tuple[int, int]
    subsampling: Subsampling = "4:2:0"
    codec: Codec = "opencv"

    def __post_init__(self) -> None:
        _checked(self.subsampling, get_args(Subsampling), "subsampling")
        _checked(self.codec, get_args(Codec), "codec")
        _check_quality(self.quality)

    def __call__(self, image: Uint8, rng: np.random.Generator | None = None) -> Uint8:
        """Compress an image."""
        quality = _drawn_quality(self.quality, rng, "JPEG")
        codec = self.codec
        if codec == "either":
            codec = "opencv" if _given(rng, "JPEG").random() < 0.5 else "pillow"
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
        That they are enlarged with; they are made smaller by area averaging. The integer ones copy every other value
        and average neighbours in between as decoders do that know no fractions, (a + b + 1) >> 1 or (a + b) >> 1: what
        lies in between is a quarter of a grey level too great or too small, all over the image.
    """

    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos", "integer-up", "integer-down"] = "bilinear"

    def __post_init__(self) -> None:
        choices = ("nearest", "bilinear", "bicubic", "lanczos", "integer-up", "integer-down")
        _checked(self.interpolation, choices, "interpolation")

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
            planes[..., 1:] = cv2.resize(small, (2 * half[0], 2 * half[1]), interpolation=_FLAGS[self.interpolation])
        image = np.asarray(cv2.cvtColor(planes, cv2.COLOR_YCrCb2RGB), np.uint8)
        return np.ascontiguousarray(image[:height, :width])


@dataclass(frozen=True)
class WebP(Perturbation):
    """Compress with loss and read again; chroma is subsampled 4:2:0.

    Parameters
    ----------
    quality : int or (int, int)
        1 .. 100, as for `JPEG`.
    """

    quality: int | tuple[int, int]

    def __post_init__(self) -> None:
        _check_quality(self.quality)

    def __call__(self, image: Uint8, rng: np.random.Generator | None = None) -> Uint8:
        """Compress an image."""
        return _through_pillow(image, "WEBP", quality=_drawn_quality(self.quality, rng, "WebP"))


@dataclass(frozen=True)
class AVIF(Perturbation):
    """Compress as AVIF and read again; chroma is subsampled 4:2:0.

    Parameters
    ----------
    quality : int or (int, int)
        1 to 100, Pillow's scale; of a pair, an integer is drawn uniformly from between them, both included.

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


@dataclass(frozen=True)
class Crop(Perturbation):
    """Cut out a square; what is smaller gets zeros around it, as torchvision's crops do.

    Parameters
    ----------
    size : int
        Side, pixels.
    position : {"center", "random"}
    """

    size: int
    position: Position = "center"

    def __post_init__(self) -> None:
        _checked(self.position, get_args(Position), "position")
        if self.size < 1:
            raise ValueError(f"size must be at least 1, got {self.size}")

    def __call__(self, image: Uint8, rng: np.random.Generator | None = None) -> Uint8:
        """Cut an image."""
        short = [max(0, self.size - side) for side in image.shape[:2]]
        if any(short):
            image = np.pad(image, [(n // 2, n - n // 2) for n in short] + [(0, 0)])
        room = [side - self.size for side in image.shape[:2]]
        if self.position == "random":
            source = _given(rng, "Crop")
            top, left = (int(source.integers(n + 1)) for n in room)
        else:
            top, left = (round(n / 2) for n in room)
        return image[top : top + self.size, left : left + self.size]


@dataclass(frozen=True)
class Flip(Perturbation):
    """Exchange left and right."""

    def __call__(self, image: Uint8, rng: np.random.Generator | None = None) -> Uint8:
        """Flip an image."""
        return np.ascontiguousarray(image[:, ::-1])


def _resized(image: Uint8, size: tuple[int, int], interpolation: Interpolation) -> Uint8:
    if interpolation == "antialiased":
        return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))
    return np.asarray(cv2.resize(image, size, interpolation=_FLAGS[interpolation]), np.uint8)


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
    made = np.empty((2 * height, 2 * width, planes.shape[2]), np.uint8)
    made[::2, ::2] = here
    made[::2, 1::2] = (here + right + up) >> 1
    made[1::2, ::2] = (here + below + up) >> 1
    made[1::2, 1::2] = (here + right + below + across + 2 * up) >> 2
    return made


def _rounded(image: NDArray[np.floating[Any]]) -> Uint8:
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def _pair(value: float | tuple[float, float]) -> tuple[float, float]:
    return value if isinstance(value, tuple) else (value, value)


def _check_quality(quality: int | tuple[int, int]) -> None:
    low, high = _pair(quality)
    if not 1 <= low <= high <= 100:
        raise ValueError(f"quality must lie between 1 and 100, or be an ascending pair, got {quality}")


def _drawn_quality(quality: int | tuple[int, int], rng: np.random.Generator | None, name: str) -> int:
    low, high = _pair(quality)
    return int(low) if low == high else int(_given(rng, name).integers(int(low), int(high) + 1))


def _given(rng: np.random.Generator | None, name: str) -> np.random.Generator:
    if rng is None:
        raise ValueError(f"{name} draws its value at random here: give rng")
    return rng


def _checked(value: str, choices: tuple[str, ...], name: str) -> None:
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}; got {value!r}")
