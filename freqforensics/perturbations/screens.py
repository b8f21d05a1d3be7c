"""Pages that are drawn: the screenshot of a chat with a photograph in it, and printed text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple, get_args

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from freqforensics.perturbations.canvases import Canvas, Region, phrase, scaled
from freqforensics.perturbations.perturb import given_generator

Show = Literal["whole", "photograph"]
Theme = Literal["light", "dark", "either"]
Colour = tuple[int, int, int]
Uint8 = NDArray[np.uint8]

_BLACK, _WHITE, _INK, _PALE, _ACCENT = (0, 0, 0), (255, 255, 255), (17, 27, 33), (233, 237, 239), (10, 124, 255)
# Heights of status bar, header and input field, pixels of a screen that is 1080 wide.
_STATUS, _HEADER, _INPUT = 66, 150, 170


class _Scheme(NamedTuple):
    """Colours of a chat: background, bars and their text, received and sent bubbles and their text, small print."""

    background: Colour
    bar: Colour
    bar_text: Colour
    received: Colour
    text: Colour
    sent: Colour
    sent_text: Colour
    small: Colour


_SCHEMES: Final[dict[str, tuple[_Scheme, ...]]] = {
    "light": (
        _Scheme((236, 229, 221), (7, 94, 84), _WHITE, _WHITE, _INK, (220, 248, 198), _INK, (120, 130, 132)),
        _Scheme(_WHITE, (246, 246, 248), _BLACK, (233, 233, 235), _BLACK, _ACCENT, _WHITE, (150, 155, 162)),
        _Scheme((205, 219, 231), (82, 136, 178), _WHITE, _WHITE, _BLACK, (238, 254, 223), _BLACK, (125, 145, 125)),
    ),
    "dark": (
        _Scheme((11, 20, 26), (31, 44, 52), _PALE, (31, 44, 52), _PALE, (0, 92, 75), _PALE, (142, 158, 166)),
        _Scheme(_BLACK, (18, 18, 18), _WHITE, (38, 38, 41), _PALE, _ACCENT, _WHITE, (150, 155, 162)),
    ),
}


class _Line(NamedTuple):
    """A line of text; `x` is its left end, or its right end if `right`, and `y` the top of the letters' box."""

    x: int
    y: int
    text: str
    size: int
    colour: Colour
    right: bool = False
    bold: bool = False


class _Chat(NamedTuple):
    """Layout of a chat: colours, side and place of the photograph, what a cut takes off its sides, the time."""

    scheme: _Scheme
    sent: bool
    box: Region
    margins: tuple[int, int, int, int]
    minute: int


@dataclass(frozen=True)
class ChatScreenshot(Canvas):
    """A photograph in the screenshot of a chat, between a status bar, a header, speech bubbles and an input field.

    The photograph is scaled to fit its bubble, up or down, by bilinear interpolation. It has round corners.

    Parameters
    ----------
    show : {"whole", "photograph"}
        "photograph" cuts the screenshot to the photograph, 6 to 16 pixels inside each edge.
    width, height : int
        Size of the screen, pixels; at least 270 and 480.
    theme : {"light", "dark", "either"}
        Colours; "either" draws one of the two. The scheme of colours is drawn from several in any case.
    """

    show: Show = "whole"
    width: int = 1080
    height: int = 1920
    theme: Theme = "either"

    def __post_init__(self) -> None:
        for name, choices in (("show", get_args(Show)), ("theme", get_args(Theme))):
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}; got {getattr(self, name)!r}")
        if self.width < 270 or self.height < 480:
            raise ValueError(f"width and height must be at least 270 and 480, got {self.width} and {self.height}")

    def _pixels(self, length: float) -> int:
        """Convert a length on a screen that is 1080 pixels wide."""
        return round(length * self.width / 1080)

    def _layout(self, shape: Sequence[int], rng: np.random.Generator) -> _Chat:
        theme = ("light", "dark")[int(rng.integers(2))] if self.theme == "either" else self.theme
        scheme = _SCHEMES[theme][int(rng.integers(len(_SCHEMES[theme])))]
        sent = bool(rng.random() < 0.5)
        top = self._pixels(_STATUS + _HEADER)
        room = self.height - top - self._pixels(_INPUT)
        scale = min(rng.uniform(0.62, 0.76) * self.width / shape[1], rng.uniform(0.45, 0.6) * room / shape[0])
        width, height = (max(1, round(side * scale)) for side in (shape[1], shape[0]))
        x = self.width - self._pixels(32) - width if sent else self._pixels(32)
        y = top + round(rng.uniform(0.25, 0.75) * (room - height))
        margins = [self._pixels(margin) for margin in rng.uniform(6, 16, 4)]
        if min(width, height) < 4 * max(margins):  # a strip, of which nothing would be left
            margins = [0] * 4
        left, top, right, bottom = margins
        return _Chat(scheme, sent, (x, y, width, height), (left, top, right, bottom), int(rng.integers(24 * 60)))

    def regions(self, shape: Sequence[int], rng: np.random.Generator | None = None) -> tuple[Region, ...]:
        """Tell where the photograph lies, its round corners included.

        Parameters
        ----------
        shape : sequence of int
            Shape of the photograph, (H, W, 3) or (H, W).
        rng : numpy.random.Generator, optional
            Random generator in the state in which the call gets it.
        """
        chat = self._layout(shape, given_generator(rng, "ChatScreenshot"))
        if self.show == "whole":
            return (chat.box,)
        left, top, right, bottom = chat.margins
        return ((0, 0, chat.box[2] - left - right, chat.box[3] - top - bottom),)

    def __call__(self, image: Uint8, rng: np.random.Generator | None = None) -> Uint8:
        """Draw the screen around a photograph."""
        source = given_generator(rng, "ChatScreenshot")
        chat = self._layout(image.shape, source)
        x, y, width, height = chat.box
        photograph = scaled(image, (width, height))
        if self.show == "photograph":
            left, top, right, bottom = chat.margins
            return np.ascontiguousarray(photograph[top : height - bottom, left : width - right])
        canvas = np.full((self.height, self.width, 3), chat.scheme.background, np.uint8)
        lines = self._bubbles(canvas, chat, source)
        frame = self._pixels(8)
        bubble = chat.scheme.sent if chat.sent else chat.scheme.received
        _fill(canvas, (x - frame, y - frame, width + 2 * frame, height + 2 * frame), self._pixels(26), bubble)
        mask = np.zeros((height, width, 3), np.uint8)
        _fill(mask, (0, 0, width, height), self._pixels(18), _WHITE)
        opaque = mask / np.float32(255)
        under = canvas[y : y + height, x : x + width]
        under[:] = np.rint(under * (1 - opaque) + photograph * opaque).astype(np.uint8)
        canvas = _written(canvas, lines)
        return _written(canvas, self._bars(canvas, chat, source))

    def _bubbles(self, canvas: Uint8, chat: _Chat, rng: np.random.Generator) -> list[_Line]:
        """Fill the chat with messages; one that reaches under a bar is hidden by it later."""
        gap = self._pixels(26)
        lines: list[_Line] = []
        bottom, minute = chat.box[1] - gap, chat.minute
        while bottom > self._pixels(_STATUS + _HEADER):
            minute -= int(rng.integers(3))
            height, text = self._message(canvas, chat.scheme, bottom, minute, rng, upwards=True)
            bottom -= height + gap
            lines += text
        top, minute = chat.box[1] + chat.box[3] + gap, chat.minute
        while top < self.height - self._pixels(_INPUT):
            minute += int(rng.integers(3))
            height, text = self._message(canvas, chat.scheme, top, minute, rng, upwards=False)
            top += height + gap
            lines += text
        return lines

    def _message(
        self, canvas: Uint8, scheme: _Scheme, y: int, minute: int, rng: np.random.Generator, *, upwards: bool
    ) -> tuple[int, list[_Line]]:
        """Draw a bubble that ends or begins at a row, and give its height and its text."""
        size, pad = self._pixels(42), self._pixels(28)
        sent = bool(rng.random() < 0.5)
        rows = _wrapped(phrase(rng, 2, 22).split(), size, lambda _: 0.68 * self.width)
        step = round(1.3 * size)
        width = max(round(max(_length(row, size) for row in rows)) + 2 * pad, self._pixels(180))
        height = len(rows) * step + pad + self._pixels(42)
        x = self.width - self._pixels(24) - width if sent else self._pixels(24)
        y -= height * upwards
        _fill(canvas, (x, y, width, height), self._pixels(30), scheme.sent if sent else scheme.received)
        ink = scheme.sent_text if sent else scheme.text
        lines = [_Line(x + pad, y + pad // 2 + i * step, row, size, ink) for i, row in enumerate(rows)]
        clock = (x + width - pad, y + height - self._pixels(44))
        lines.append(_Line(*clock, _clock(minute), self._pixels(27), scheme.small, right=True))
        return height, lines

    def _bars(self, canvas: Uint8, chat: _Chat, rng: np.random.Generator) -> list[_Line]:
        """Draw status bar, header and input field, and give the text on them."""
        scheme = chat.scheme
        pixels, width, ink = self._pixels, self.width, scheme.bar_text
        top, bottom = pixels(_STATUS + _HEADER), self.height - pixels(_INPUT)
        canvas[:top], canvas[bottom:] = scheme.bar, scheme.background
        # Status bar: the battery and four bars of reception.
        _fill(canvas, (width - pixels(96), pixels(22), pixels(54), pixels(26)), pixels(7), ink)
        for i in range(4):
            canvas[pixels(46 - 7 * i) : pixels(48), width - pixels(164 - 12 * i) : width - pixels(156 - 12 * i)] = ink
        # Header: an arrow back, the other one's avatar, three dots.
        middle = pixels(_STATUS + _HEADER / 2)
        arrow = np.array([(pixels(62), middle - pixels(24)), (pixels(38), middle), (pixels(62), middle + pixels(24))])
        cv2.polylines(canvas, [arrow.astype(np.int32)], False, ink, max(1, pixels(6)), cv2.LINE_AA)
        avatar = tuple(int(level) for level in rng.integers(60, 200, 3))
        cv2.circle(canvas, (pixels(150), middle), pixels(50), avatar, -1, cv2.LINE_AA)
        for i in (-1, 0, 1):
            cv2.circle(canvas, (width - pixels(60), middle + pixels(18 * i)), max(1, pixels(6)), ink, -1, cv2.LINE_AA)
        # Input field, a round button beside it, and the handle that phones draw at the very bottom.
        _fill(canvas, (pixels(24), bottom + pixels(16), pixels(880), pixels(100)), pixels(50), scheme.received)
        centre = (width - pixels(88), bottom + pixels(66))
        cv2.circle(canvas, centre, pixels(50), scheme.sent, -1, cv2.LINE_AA)
        plane = np.array([(-16, -22), (26, 0), (-16, 22)]) * width / 1080 + centre
        cv2.fillPoly(canvas, [np.rint(plane).astype(np.int32)], scheme.sent_text, cv2.LINE_AA)
        _fill(canvas, (pixels(360), self.height - pixels(24), pixels(360), pixels(10)), pixels(5), scheme.small)
        name = " ".join(word.capitalize() for word in phrase(rng, 2, 2).split())
        return [
            _Line(pixels(48), pixels(12), _clock(chat.minute + 40), pixels(36), ink, bold=True),
            _Line(width - pixels(180), pixels(14), "5G", pixels(32), ink, right=True),
            _Line(pixels(134), middle - pixels(30), name[0], pixels(48), _WHITE),
            _Line(pixels(230), middle - pixels(48), name, pixels(46), ink, bold=True),
            _Line(pixels(230), middle + pixels(10), "online", pixels(32), ink),
            _Line(pixels(66), bottom + pixels(42), "Message", pixels(42), scheme.small),
        ]


@dataclass(frozen=True)
class TextPage(Canvas):
    """A page of printed text that has the size of an image.

    Parameters
    ----------
    inset : bool
        Whether the image itself stands between the lines, made smaller. Otherwise nothing of it is on the page.
    """

    inset: bool = False

    def _layout(self, shape: Sequence[int], rng: np.random.Generator) -> tuple[int, Region]:
        """Give the size of the letters, and the place of the photograph."""
        height, width = shape[:2]
        size = max(10, round(rng.uniform(1 / 60, 1 / 38) * max(height, width)))
        fraction, right = rng.uniform(0.3, 0.45), bool(rng.random() < 0.5)
        across, down = (max(1, round(fraction * side)) for side in (width, height))
        margin = round(0.08 * width)
        x = width - margin - across if right else margin
        return size, (x, round(rng.uniform(0.2, 0.85 - fraction) * height), across, down)

    def regions(self, shape: Sequence[int], rng: np.random.Generator | None = None) -> tuple[Region, ...]:
        """Tell where the photograph lies; empty without one.

        Parameters
        ----------
        shape : sequence of int
            Shape of the photograph, (H, W, 3) or (H, W).
        rng : numpy.random.Generator, optional
            Random generator in the state in which the call gets it.
        """
        if not self.inset:
            return ()
        return (self._layout(shape, given_generator(rng, "TextPage"))[1],)

    def __call__(self, image: Uint8, rng: np.random.Generator | None = None) -> Uint8:
        """Print the page."""
        source = given_generator(rng, "TextPage")
        size, (x, y, across, down) = self._layout(image.shape, source)
        height, width = image.shape[:2]
        canvas = np.full((height, width, 3), int(source.integers(246, 256)), np.uint8)
        margin, step = round(0.08 * width), round(1.4 * size)
        ink = (int(source.integers(10, 50)),) * 3
        lines: list[_Line] = []

        def free(row: int) -> tuple[int, int]:
            """Left end and length of what a row has beside the photograph."""
            if not self.inset or row + step < y or row > y + down + size // 2:
                return margin, width - 2 * margin
            taken = across + size
            return margin if x > margin else margin + taken, width - 2 * margin - taken

        row = margin
        while row < height - margin:
            heading = not lines or source.random() < 0.15
            letters = round(1.35 * size) if heading else size
            words = phrase(source, 3, 6).split() if heading else " ".join(_sentences(source)).split()
            start = row
            rows = _wrapped(words, letters, lambda i, start=start: free(start + i * step)[1])  # type: ignore[misc]
            for text in rows:
                if row < height - margin:
                    lines.append(_Line(free(row)[0], row, text, letters, ink, bold=heading))
                row += step
            row += step // 2
        page = _written(canvas, lines)
        if self.inset:
            page[y : y + down, x : x + across] = scaled(image, (across, down))
        return page


def _sentences(rng: np.random.Generator) -> list[str]:
    return [phrase(rng, 6, 18) + "." for _ in range(int(rng.integers(2, 7)))]


def _clock(minute: int) -> str:
    return f"{minute // 60 % 24}:{minute % 60:02d}"


@lru_cache(maxsize=64)
def _font(size: int) -> Any:
    return ImageFont.load_default(size)


@lru_cache(maxsize=4096)
def _length(text: str, size: int) -> float:
    return float(_font(size).getlength(text))


def _wrapped(words: Iterable[str], size: int, room: Callable[[int], float]) -> list[str]:
    """Break words into rows, of which each has its own room; a word that is too long has a row to itself."""
    rows: list[list[str]] = [[]]
    used = 0.0
    for word in words:
        more = _length(word, size) + _length(" ", size) * bool(rows[-1])
        if rows[-1] and used + more > room(len(rows) - 1):
            rows.append([])
            used, more = 0.0, _length(word, size)
        rows[-1].append(word)
        used += more
    return [" ".join(row) for row in rows]


def _written(canvas: Uint8, lines: Iterable[_Line]) -> Uint8:
    picture = Image.fromarray(canvas)
    draw = ImageDraw.Draw(picture)
    for line in lines:
        x = line.x - _length(line.text, line.size) if line.right else line.x
        weight = line.size // 24 if line.bold else 0
        draw.text((x, line.y), line.text, line.colour, _font(line.size), stroke_width=weight)
    return np.array(picture)


def _fill(canvas: Uint8, box: Region, radius: int, colour: Colour) -> None:
    """Fill a rectangle with round corners, their edges smoothed."""
    x, y, width, height = box
    radius = min(radius, (min(width, height) - 1) // 2)
    if radius < 1:
        cv2.rectangle(canvas, (x, y), (x + width - 1, y + height - 1), colour, -1)
        return
    cv2.rectangle(canvas, (x + radius, y), (x + width - 1 - radius, y + height - 1), colour, -1)
    cv2.rectangle(canvas, (x, y + radius), (x + width - 1, y + height - 1 - radius), colour, -1)
    for across in (x + radius, x + width - 1 - radius):
        for down in (y + radius, y + height - 1 - radius):
            cv2.circle(canvas, (across, down), radius, colour, -1, cv2.LINE_AA)
