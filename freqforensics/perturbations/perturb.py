"""What happens to the pixels of images on their way: blur, sharpening, resizing, cropping, and chains of such steps.

A perturbation is a frozen dataclass that is called with a uint8 image (H, W, 3) and, if it draws anything at random, a
generator. Where the published code does something else than one would expect, ``variant="as_published"`` does that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

Interpolation = Literal["nearest", "bilinear", "bicubic", "area", "lanczos", "antialiased"]
Variant = Literal["sound", "as_published"]
Position = Literal["center", "random"]
Uint8 = NDArray[np.uint8]

INTERPOLATION_FLAGS: Final = {
    "nearest": cv2.INTER_NEAREST_EXACT,
    "bilinear": cv2.INTER_LINEAR,
    "bicubic": cv2.INTER_CUBIC,
    "area": cv2.INTER_AREA,
    "lanczos": cv2.INTER_LANCZOS4,
}
"""OpenCV's name of each interpolation that it has."""


@dataclass(frozen=True)
class Perturbation:
    """A change of an image; base class of all perturbations."""

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
    """Several perturbations, one after the other.

    Parameters
    ----------
    steps : tuple of Perturbation
        Perturbations in the order in which they are applied.

    Examples
    --------
    >>> small = Chain((Crop(64), Resize(0.5)))
    >>> small(np.zeros((100, 80, 3), np.uint8)).shape
    (32, 32, 3)
    """

    steps: tuple[Perturbation, ...]

    def __call__(self, image: Uint8, rng: np.random.Generator | None = None) -> Uint8:
        """Apply all steps."""
        for step in self.steps:
            image = step(image, rng)
        return image


@dataclass(frozen=True)
class Sometimes(Perturbation):
    """A perturbation that is applied to some images only.

    Parameters
    ----------
    step : Perturbation
        The perturbation.
    probability : float
        Rate at which it is applied, 0 to 1.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> step = np.arange(6, dtype=np.uint8).reshape(1, 2, 3)
    >>> flipped = sum(int(Sometimes(Flip(), 0.5)(step, rng)[0, 0, 0] == 3) for _ in range(1000))
    >>> 400 < flipped < 600
    True
    """

    step: Perturbation
    probability: float

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability must lie between 0 and 1, got {self.probability}")

    def __call__(self, image: Uint8, rng: np.random.Generator | None = None) -> Uint8:
        """Toss the coin, and apply the step or give `image` itself."""
        return self.step(image, rng) if given_generator(rng, "Sometimes").random() < self.probability else image


@dataclass(frozen=True)
class OneOf(Perturbation):
    """A perturbation drawn from several with equal probability.

    Parameters
    ----------
    choices : tuple of Perturbation
        Perturbations to draw from.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> image = np.zeros((8, 8, 3), np.uint8)
    >>> sorted({OneOf((Crop(4), Crop(2)))(image, rng).shape[0] for _ in range(20)})
    [2, 4]
    """

    choices: tuple[Perturbation, ...]

    def __post_init__(self) -> None:
        if not self.choices:
            raise ValueError("choices must not be empty")

    def __call__(self, image: Uint8, rng: np.random.Generator | None = None) -> Uint8:
        """Draw one and apply it."""
        return self.choices[int(given_generator(rng, "OneOf").integers(len(self.choices)))](image, rng)


@dataclass(frozen=True)
class Sharpen(Perturbation):
    """Unsharp mask: add to an image what a Gaussian blur takes away.

    Parameters
    ----------
    amount : float or (float, float)
        Factor of what the blur takes away. A pair is a range from which a value is drawn uniformly.
    sigma : float
        Standard deviation of the blur, pixels.
    """

    amount: float | tuple[float, float]
    sigma: float = 1.0

    def __post_init__(self) -> None:
        low, high = as_pair(self.amount)
        if not 0 <= low <= high:
            raise ValueError(f"amount must not be negative, or be an ascending pair, got {self.amount}")
        if not self.sigma > 0:
            raise ValueError(f"sigma must be positive, got {self.sigma}")

    def __call__(self, image: Uint8, rng: np.random.Generator | None = None) -> Uint8:
        """Sharpen an image; computed in floating point and rounded once."""
        low, high = as_pair(self.amount)
        amount = low if low == high else given_generator(rng, "Sharpen").uniform(low, high)
        pixels = image.astype(np.float32)
        return _rounded(pixels + np.float32(amount) * (pixels - gaussian_filter(pixels, (self.sigma, self.sigma, 0))))


@dataclass(frozen=True)
class Blur(Perturbation):
    """Gaussian blur, four standard deviations wide, borders reflected.

    Parameters
    ----------
    sigma : float or (float, float)
        Standard deviation, pixels. A pair is a range from which a value is drawn uniformly. Below 0.125 the kernel is
        one tap.
    variant : {"sound", "as_published"}
        "sound" computes in floating point and rounds once. "as_published" filters uint8 in place as Wang et al. do:
        each of the two passes truncates, and the mean falls by about one grey level.

    Examples
    --------
    >>> point = np.zeros((9, 9, 3), np.uint8)
    >>> point[4, 4] = 255
    >>> Blur(1.0)(point)[4, 2:7, 0].tolist()
    [5, 25, 41, 25, 5]
    """

    sigma: float | tuple[float, float]
    variant: Variant = "sound"

    def __post_init__(self) -> None:
        check_choice(self.variant, get_args(Variant), "variant")
        low, high = as_pair(self.sigma)
        if not 0 <= low <= high:
            raise ValueError(f"sigma must not be negative, or be an ascending pair, got {self.sigma}")

    def __call__(self, image: Uint8, rng: np.random.Generator | None = None) -> Uint8:
        """Blur an image."""
        low, high = as_pair(self.sigma)
        sigma = low if low == high else given_generator(rng, "Blur").uniform(low, high)
        if self.variant == "as_published":
            blurred = np.empty_like(image)
            for channel in range(image.shape[2]):
                gaussian_filter(image[:, :, channel], sigma, output=blurred[:, :, channel])
            return blurred
        return _rounded(gaussian_filter(image.astype(np.float32), (sigma, sigma, 0)))


@dataclass(frozen=True)
class Resize(Perturbation):
    """Resample by one factor along both axes.

    Parameters
    ----------
    scale : float or (float, float)
        Output over input. A pair is a range from which a value is drawn uniformly.
    interpolation : {"nearest", "bilinear", "bicubic", "area", "lanczos", "antialiased"}
        Half-pixel centres. All but the last are OpenCV's, and none of those but "area" filters before it makes an image
        smaller; "antialiased" is Pillow's bilinear, which does. "area" with a scale of 1/k first cuts the sides to
        multiples of k at the right and below: every pixel is the mean of k x k others, and no trace of a JPEG grid's
        phase is left over.

    Raises
    ------
    ValueError
        A scale that is not positive, an unknown interpolation, an image that would have no pixel left.

    Examples
    --------
    "nearest" copies pixels, which leaves a lattice; "bilinear" mixes them.

    >>> step = np.zeros((1, 2, 3), np.uint8)
    >>> step[:, 1] = 100
    >>> [Resize(2.0, kind)(step)[0, :, 0].tolist() for kind in ("nearest", "bilinear")]
    [[0, 0, 100, 100], [0, 25, 75, 100]]
    """

    scale: float | tuple[float, float]
    interpolation: Interpolation = "bilinear"

    def __post_init__(self) -> None:
        check_choice(self.interpolation, get_args(Interpolation), "interpolation")
        low, high = as_pair(self.scale)
        if not 0 < low <= high:
            raise ValueError(f"scale must be positive, or an ascending pair, got {self.scale}")

    def __call__(self, image: Uint8, rng: np.random.Generator | None = None) -> Uint8:
        """Resize an image."""
        low, high = as_pair(self.scale)
        scale = low if low == high else given_generator(rng, "Resize").uniform(low, high)
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
    """Resample so that the shorter side has a given length; an image that has it already stays as it is.

    Parameters
    ----------
    side : int
        Length of the shorter side, pixels.
    interpolation
        One of the names that `Resize` takes. The longer side is truncated to whole pixels, as torchvision does.

    Examples
    --------
    >>> ResizeShorter(256)(np.zeros((512, 1024, 3), np.uint8)).shape
    (256, 512, 3)
    """

    side: int
    interpolation: Interpolation = "antialiased"

    def __post_init__(self) -> None:
        check_choice(self.interpolation, get_args(Interpolation), "interpolation")
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
class Crop(Perturbation):
    """Cut out a square; a smaller image gets zeros around it, as with torchvision's crops.

    Parameters
    ----------
    size : int
        Side, pixels.
    position : {"center", "random"}
        Where the square lies.

    Examples
    --------
    >>> ramp = np.repeat(np.arange(5, dtype=np.uint8)[None, :, None], 5, axis=0).repeat(3, axis=2)
    >>> Crop(3)(ramp)[0, :, 0].tolist(), Crop(7)(ramp)[3, :, 0].tolist()
    ([1, 2, 3], [0, 0, 1, 2, 3, 4, 0])
    """

    size: int
    position: Position = "center"

    def __post_init__(self) -> None:
        check_choice(self.position, get_args(Position), "position")
        if self.size < 1:
            raise ValueError(f"size must be at least 1, got {self.size}")

    def __call__(self, image: Uint8, rng: np.random.Generator | None = None) -> Uint8:
        """Cut an image."""
        short = [max(0, self.size - side) for side in image.shape[:2]]
        if any(short):
            image = np.pad(image, [(n // 2, n - n // 2) for n in short] + [(0, 0)])
        room = [side - self.size for side in image.shape[:2]]
        if self.position == "random":
            source = given_generator(rng, "Crop")
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
    return np.asarray(cv2.resize(image, size, interpolation=INTERPOLATION_FLAGS[interpolation]), np.uint8)


def _rounded(image: NDArray[np.floating[Any]]) -> Uint8:
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def as_pair(value: float | tuple[float, float]) -> tuple[float, float]:
    """Give the ends of a range; a single number is both."""
    return value if isinstance(value, tuple) else (value, value)


def given_generator(rng: np.random.Generator | None, name: str) -> np.random.Generator:
    """Return the generator; ValueError if there is none, and `name` draws at random."""
    if rng is None:
        raise ValueError(f"{name} draws at random here: give rng")
    return rng


def check_choice(value: str, choices: tuple[str, ...], name: str) -> None:
    """Raise ValueError, which names the parameter, unless `value` is one of `choices`."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}; got {value!r}")
