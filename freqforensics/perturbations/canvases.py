"""Additions around or over an image: borders, bars, the gaps of a collage, a caption.

A canvas tells where the photograph lies on it, so that a search for photographs can be tested.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from freqforensics.perturbations.perturb import Perturbation, given_generator

Region = tuple[int, int, int, int]
"""x, y, width, height in pixels."""
Parts = Literal["quarters", "copies", "either"]
Uint8 = NDArray[np.uint8]

_FONT: Final = cv2.FONT_HERSHEY_DUPLEX
_WORDS: Final = (
    "the and to of a in is it you that was for on are with as they be at this from have or by one had not but what all "
    "were when we there can an your which their said if do will each about how up out them then she many some so these "
    "would other into has more her two like him see time could no make than first been its who now people my over did "
    "down only way find use may water long little very after called just where most know morning station garden letter "
    "weather evening picture market bridge window paper street kitchen village winter tomorrow together question "
    "remember yesterday sometimes important government understand photograph neighbourhood"
)


@dataclass(frozen=True)
class Canvas(Perturbation):
    """A larger surface with a photograph, or parts of one, on it; base class of all canvases.

    The layout is drawn before anything else. A generator in the same state gives a call and `regions` the same layout.
    """

    def regions(self, shape: Sequence[int], rng: np.random.Generator | None = None) -> tuple[Region, ...]:
        """Tell where the photographs lie on the canvas.

        Parameters
        ----------
        shape : sequence of int
            Shape of the photograph, (H, W, 3) or (H, W).
        rng : numpy.random.Generator, optional
            In the state in which the call gets it.

        Returns
        -------
        tuple of (int, int, int, int)
            x, y, width and height of each photograph, pixels of the canvas. Empty where there is no photograph.

        Raises
        ------
        ValueError
            The layout is drawn at random and there is no `rng`, or the photograph is too small.
        """
        raise NotImplementedError

    def region(self, shape: Sequence[int], rng: np.random.Generator | None = None) -> Region | None:
        """Tell where the largest photograph lies, the first of several as large; None where there is none.

        Parameters
        ----------
        shape : sequence of int
            Shape of the photograph, (H, W, 3) or (H, W).
        rng : numpy.random.Generator, optional
            Random generator, as for `regions`.
        """
        return max(self.regions(shape, rng), key=lambda box: box[2] * box[3], default=None)


@dataclass(frozen=True)
class Border(Canvas):
    """A frame of one grey level, as wide on all four sides.

    Parameters
    ----------
    fraction : float
        Width of the frame over the shorter side of the photograph; at least one pixel.
    value : int
        Grey level, 0 to 255.

    Examples
    --------
    `region` says where the photograph lies: x, y, width, height.

    >>> border = Border(0.1)
    >>> border(np.zeros((100, 200, 3), np.uint8)).shape, border.region((100, 200, 3))
    ((120, 220, 3), (10, 10, 200, 100))
    """

    fraction: float = 0.1
    value: int = 255

    def __post_init__(self) -> None:
        check_level(self.value)
        if not self.fraction > 0:
            raise ValueError(f"fraction must be positive, got {self.fraction}")

    def regions(self, shape: Sequence[int], rng: np.random.Generator | None = None) -> tuple[Region, ...]:
        """Tell where the photograph lies.

        Parameters
        ----------
        shape : sequence of int
            Shape of the photograph, (H, W, 3) or (H, W).
        rng : numpy.random.Generator, optional
            Not used.
        """
        height, width = shape[:2]
        frame = max(1, round(self.fraction * min(height, width)))
        return ((frame, frame, width, height),)

    def __call__(self, image: Uint8, rng: np.random.Generator | None = None) -> Uint8:
        """Frame a photograph."""
        ((frame, _, width, height),) = self.regions(image.shape)
        canvas = np.full((height + 2 * frame, width + 2 * frame, 3), self.value, np.uint8)
        canvas[frame : frame + height, frame : frame + width] = image
        return canvas


@dataclass(frozen=True)
class Letterbox(Canvas):
    """Bars at two opposite sides that give an image another aspect ratio; its own pixels stay as they are.

    Parameters
    ----------
    aspects : tuple of float
        Width over height of the canvas. One is drawn from the ratios that need bars; an image that has the only ratio
        already stays as it is.
    value : int
        Grey level of the bars, 0 to 255.

    Examples
    --------
    >>> box = Letterbox((1.0,))
    >>> box(np.zeros((100, 200, 3), np.uint8)).shape, box.region((100, 200, 3))
    ((200, 200, 3), (0, 50, 200, 100))
    """

    aspects: tuple[float, ...] = (16 / 9, 9 / 16)
    value: int = 0

    def __post_init__(self) -> None:
        check_level(self.value)
        if not self.aspects or min(self.aspects) <= 0:
            raise ValueError(f"aspects must be positive, and one at least, got {self.aspects}")

    def _size(self, shape: Sequence[int], rng: np.random.Generator | None) -> tuple[int, int]:
        height, width = shape[:2]
        sizes = [(max(width, round(height * aspect)), max(height, round(width / aspect))) for aspect in self.aspects]
        sizes = [size for size in sizes if size != (width, height)]
        if len(sizes) < 2:
            return sizes[0] if sizes else (width, height)
        return sizes[int(given_generator(rng, "Letterbox").integers(len(sizes)))]

    def regions(self, shape: Sequence[int], rng: np.random.Generator | None = None) -> tuple[Region, ...]:
        """Tell where the photograph lies.

        Parameters
        ----------
        shape : sequence of int
            Shape of the photograph, (H, W, 3) or (H, W).
        rng : numpy.random.Generator, optional
            Random generator in the state in which the call gets it.
        """
        across, down = self._size(shape, rng)
        height, width = shape[:2]
        return (((across - width) // 2, (down - height) // 2, width, height),)

    def __call__(self, image: Uint8, rng: np.random.Generator | None = None) -> Uint8:
        """Add the bars."""
        across, down = self._size(image.shape, rng)
        height, width = image.shape[:2]
        canvas = np.full((down, across, 3), self.value, np.uint8)
        x, y = (across - width) // 2, (down - height) // 2
        canvas[y : y + height, x : x + width] = image
        return canvas


@dataclass(frozen=True)
class Collage(Canvas):
    """Four parts of an image, two by two, with gaps between and around them.

    Parameters
    ----------
    gap : float
        Width of the gaps over the shorter side of the image; at least one pixel.
    value : int
        Grey level of the gaps, 0 to 255.
    parts : {"quarters", "copies", "either"}
        "quarters" cuts the image into four. "copies" takes four random sections, whose sides are half to all of the
        image's, and scales each to the size of a quarter. "either" draws one of the two.
    """

    gap: float = 0.02
    value: int = 255
    parts: Parts = "either"

    def __post_init__(self) -> None:
        check_level(self.value)
        if self.parts not in get_args(Parts):
            raise ValueError(f"parts must be one of {', '.join(get_args(Parts))}; got {self.parts!r}")
        if not 0 <= self.gap <= 1:
            raise ValueError(f"gap must lie between 0 and 1, got {self.gap}")

    def regions(self, shape: Sequence[int], rng: np.random.Generator | None = None) -> tuple[Region, ...]:
        """Tell where the four parts lie, which does not depend on what is drawn.

        Parameters
        ----------
        shape : sequence of int
            Shape of the photograph, (H, W, 3) or (H, W).
        rng : numpy.random.Generator, optional
            Not used.
        """
        height, width = shape[:2]
        if min(height, width) < 2:
            raise ValueError(f"an image of shape {tuple(shape)} cannot be cut into four parts")
        gap = max(1, round(self.gap * min(height, width)))
        columns = ((gap, width // 2), (2 * gap + width // 2, width - width // 2))
        rows = ((gap, height // 2), (2 * gap + height // 2, height - height // 2))
        return tuple((x, y, across, down) for y, down in rows for x, across in columns)

    def __call__(self, image: Uint8, rng: np.random.Generator | None = None) -> Uint8:
        """Lay the four parts out."""
        boxes = self.regions(image.shape)
        height, width = image.shape[:2]
        gap = boxes[0][0]
        parts = self.parts
        if parts == "either":
            parts = "quarters" if given_generator(rng, "Collage").random() < 0.5 else "copies"
        canvas = np.full((height + 3 * gap, width + 3 * gap, 3), self.value, np.uint8)
        for index, (x, y, across, down) in enumerate(boxes):
            left, top = (index % 2) * (width // 2), (index // 2) * (height // 2)
            section = (across, down)
            if parts == "copies":
                source = given_generator(rng, "Collage")
                scale = source.uniform(1.0, 2.0)
                section = (min(width, round(across * scale)), min(height, round(down * scale)))
                left, top = (int(source.integers(room + 1)) for room in (width - section[0], height - section[1]))
            part = image[top : top + section[1], left : left + section[0]]
            canvas[y : y + down, x : x + across] = scaled(part, (across, down))
        return canvas


@dataclass(frozen=True)
class Caption(Perturbation):
    """Meme text: white letters with a black outline over the upper and the lower edge.

    Parameters
    ----------
    height : float
        Height of the letters over the shorter side of the image, 0 to 0.5. A long line has smaller letters.
    upper, lower : str, optional
        Text. Without, two to five words are drawn.
    """

    height: float = 0.1
    upper: str | None = None
    lower: str | None = None

    def __post_init__(self) -> None:
        if not 0 < self.height <= 0.5:
            raise ValueError(f"height must lie between 0 and 0.5, got {self.height}")

    def __call__(self, image: Uint8, rng: np.random.Generator | None = None) -> Uint8:
        """Write on a copy of an image."""
        height, width = image.shape[:2]
        captioned = image.copy()
        for text, at_top in ((self.upper, True), (self.lower, False)):
            words = phrase(given_generator(rng, "Caption"), 2, 5).upper() if text is None else text
            (across, tall), _ = cv2.getTextSize(words, _FONT, 1.0, 3)
            scale = min(0.92 * width / max(across, 1), self.height * min(height, width) / max(tall, 1))
            stroke = max(1, round(3 * scale))
            (across, tall), _ = cv2.getTextSize(words, _FONT, scale, stroke)
            radius = max(1, round(0.12 * tall))
            strip = min(height, 2 * tall + 4 * radius)
            letters = np.zeros((strip, width), np.uint8)
            origin = ((width - across) // 2, (strip + tall) // 2)
            cv2.putText(letters, words, origin, _FONT, scale, (255,), stroke, cv2.LINE_AA)
            kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
            black, white = (plane[..., None] / np.float32(255) for plane in (cv2.dilate(letters, kernel), letters))
            under = captioned[:strip] if at_top else captioned[height - strip :]
            under[:] = np.rint(under * (1 - black) * (1 - white) + 255 * white).astype(np.uint8)
        return captioned


def scaled(image: Uint8, size: tuple[int, int]) -> Uint8:
    """Scale to (width, height) as displays do: bilinear, filtered where the image becomes smaller."""
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))


def phrase(rng: np.random.Generator, fewest: int, most: int) -> str:
    """Draw common English words, `fewest` to `most` of them, with a capital at the beginning."""
    words = _WORDS.split()
    return " ".join(words[i] for i in rng.integers(len(words), size=rng.integers(fewest, most + 1))).capitalize()


def check_level(value: int) -> None:
    """Check a grey level.

    Raises
    ------
    ValueError
        It does not lie between 0 and 255.
    """
    if not 0 <= value <= 255:
        raise ValueError(f"value must lie between 0 and 255, got {value}")
