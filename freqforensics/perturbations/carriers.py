"""What happens to an image on its way to a user: messengers, web pages, formats, editors, screenshots.

`CARRIERS` names the ways that a verdict has to survive. Each is a perturbation, or a chain of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from freqforensics.perturbations.canvases import Border, Caption, Collage, Letterbox
from freqforensics.perturbations.compression import AVIF, JPEG, WebP
from freqforensics.perturbations.perturb import Chain, Interpolation, Perturbation, Resize, Sharpen, given_generator
from freqforensics.perturbations.screens import ChatScreenshot, TextPage

Dither = Literal["floyd-steinberg", "none"]
Uint8 = NDArray[np.uint8]


@dataclass(frozen=True)
class FitWithin(Perturbation):
    """Make an image smaller until its longer side has at most a given length; a smaller one stays as it is.

    Parameters
    ----------
    side : int
        Length, pixels.
    interpolation
        One of the names that `Resize` takes. The default filters before it samples, as services do.

    Examples
    --------
    >>> FitWithin(1600)(np.zeros((1000, 3200, 3), np.uint8)).shape
    (500, 1600, 3)
    """

    side: int
    interpolation: Interpolation = "antialiased"

    def __post_init__(self) -> None:
        if self.side < 1:
            raise ValueError(f"side must be at least 1, got {self.side}")
        Resize(1.0, self.interpolation)  # checks the name

    def __call__(self, image: Uint8, rng: np.random.Generator | None = None) -> Uint8:
        """Resize an image."""
        longer = max(image.shape[:2])
        return image if longer <= self.side else Resize(self.side / longer, self.interpolation)(image)


@dataclass(frozen=True)
class CutGrid(Perturbation):
    """Cut rows and columns off at the top and the left, so that JPEG's blocks begin elsewhere the next time.

    Parameters
    ----------
    offset : int or (int, int)
        Number of rows and of columns, not a multiple of 8. A pair is a range, both ends included, from which the two
        numbers are drawn independently; multiples of 8 are excluded.

    Raises
    ------
    ValueError
        No such offset; on the call, an image with no pixel left.

    Examples
    --------
    >>> CutGrid(3)(np.zeros((64, 64, 3), np.uint8)).shape
    (61, 61, 3)
    """

    offset: int | tuple[int, int] = (1, 15)

    def __post_init__(self) -> None:
        if not self._choices() or min(self._choices()) < 1:
            raise ValueError(
                f"offset must be positive and no multiple of 8, or be an ascending pair, got {self.offset}"
            )

    def _choices(self) -> list[int]:
        low, high = self.offset if isinstance(self.offset, tuple) else (self.offset, self.offset)
        return [number for number in range(low, high + 1) if number % 8]

    def __call__(self, image: Uint8, rng: np.random.Generator | None = None) -> Uint8:
        """Cut an image."""
        choices = self._choices()
        if len(choices) == 1:
            rows = columns = choices[0]
        else:
            rows, columns = (int(number) for number in given_generator(rng, "CutGrid").choice(choices, 2))
        if image.shape[0] <= rows or image.shape[1] <= columns:
            raise ValueError(f"an image of shape {image.shape} has no pixel left after {rows} and {columns} are cut")
        return np.ascontiguousarray(image[rows:, columns:])


@dataclass(frozen=True)
class GIF(Perturbation):
    """Reduce an image to a palette of its own (median cut); a GIF loses nothing else.

    Parameters
    ----------
    colours : int
        Size of the palette, 2 to 256.
    dither : {"floyd-steinberg", "none"}
        Whether the error of a pixel is spread over its neighbours, which is Pillow's default for a given palette.
    """

    colours: int = 256
    dither: Dither = "floyd-steinberg"

    def __post_init__(self) -> None:
        if not 2 <= self.colours <= 256:
            raise ValueError(f"colours must lie between 2 and 256, got {self.colours}")
        if self.dither not in get_args(Dither):
            raise ValueError(f"dither must be one of {', '.join(get_args(Dither))}; got {self.dither!r}")

    def __call__(self, image: Uint8, rng: np.random.Generator | None = None) -> Uint8:
        """Reduce an image."""
        picture = Image.fromarray(image)
        palette = picture.quantize(self.colours)
        if self.dither == "floyd-steinberg":
            palette = picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
        return np.array(palette.convert("RGB"))


@dataclass(frozen=True)
class Grey(Perturbation):
    """Luma (ITU-R BT.601, as in JPEG) in three equal channels."""

    def __call__(self, image: Uint8, rng: np.random.Generator | None = None) -> Uint8:
        """Take the colour off an image."""
        return np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)


@dataclass(frozen=True)
class Denoise(Perturbation):
    """Bilateral filter: smooth noise and keep edges, as phones and editors do.

    Parameters
    ----------
    strength : float
        Standard deviation over grey levels; pixels that differ by much more are not averaged.
    radius : float
        Standard deviation over pixels; the window has three times that to each side.
    """

    strength: float = 20.0
    radius: float = 1.2

    def __post_init__(self) -> None:
        for name in ("strength", "radius"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")

    def __call__(self, image: Uint8, rng: np.random.Generator | None = None) -> Uint8:
        """Smooth an image."""
        window = 2 * max(1, round(3 * self.radius)) + 1
        return np.asarray(cv2.bilateralFilter(image, window, self.strength, self.radius), np.uint8)


CARRIERS: Final[dict[str, Perturbation]] = {
    "messenger": Chain((FitWithin(1600), JPEG(75))),
    "web": Chain((FitWithin(1200), JPEG((85, 95)))),
    "web-444": Chain((FitWithin(1200), JPEG((85, 95), "4:4:4"))),
    "webp": WebP(80),
    "webp-50": WebP(50),
    "avif": AVIF(60),
    "gif": GIF(256),
    "thumbnail": Chain((FitWithin(256), JPEG(85))),
    "enlarged-1.5": Chain((Resize(1.5, "bicubic"), JPEG(95))),
    "enlarged-2": Chain((Resize(2.0, "bicubic"), JPEG(95))),
    "recropped": Chain((JPEG(90), CutGrid(), JPEG(80))),
    "border": Border(0.1),
    "letterbox": Letterbox(),
    "collage": Collage(),
    "caption": Caption(),
    "screenshot": ChatScreenshot(),
    "screenshot-half": Chain((ChatScreenshot(), Resize(0.5, "antialiased"), JPEG(80))),
    "screenshot-photo": ChatScreenshot("photograph"),
    "text-page": TextPage(),
    "text-photo": TextPage(inset=True),
    "grey": Grey(),
    "sharpened": Sharpen((0.5, 1.5)),
    "denoised": Denoise(),
}
"""Ways to a user, by name; JPEG and WebP subsample chroma 4:2:0 where the name does not say otherwise."""

AS_IS: Final = "as-is"
"""The carrier that leaves files as they are."""
ALL: Final = "all"


def chosen_carriers(names: Iterable[str]) -> dict[str, Perturbation | None]:
    """Look up carriers by name.

    Parameters
    ----------
    names : iterable of str
        Names of `CARRIERS`; "as-is" for files as they are, "all" for every carrier.

    Returns
    -------
    dict of str to Perturbation or None
        Each once, "as-is" (None) first, then in the order of `CARRIERS`.

    Raises
    ------
    ValueError
        No name, or an unknown one.

    Examples
    --------
    >>> list(chosen_carriers(["messenger", "as-is"]))
    ['as-is', 'messenger']
    """
    requested = set(names)
    unknown = sorted(requested - {AS_IS, ALL, *CARRIERS})
    if unknown or not requested:
        raise ValueError(
            f"carrier must be {AS_IS}, {ALL} or of {', '.join(CARRIERS)}; got {', '.join(unknown) or 'none'}"
        )
    chosen: dict[str, Perturbation | None] = {AS_IS: None} if AS_IS in requested else {}
    return chosen | {name: carrier for name, carrier in CARRIERS.items() if name in requested or ALL in requested}
