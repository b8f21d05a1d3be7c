"""One page that links results and says what each shows."""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from freqforensics._version import __version__
from freqforensics.report.builder import page_style, templates

_TONES: Final = {"evidence": "for", "inconclusive": "between", "none": "against"}
_WIDE: Final = 1.5
"""Ratio of sides from which a picture takes the page's width."""


@dataclass(frozen=True)
class Chapter:
    """Pictures and what they show.

    Parameters
    ----------
    title, text : str
    pictures : tuple of (Path, str)
        PNG files, which are put into the page, and what stands below each.
    links : tuple of (str, str)
        Words, and where they lead, relative to the page.
    verdicts : tuple of (str, str, str)
        A verdict's key, which chooses its colour, the verdict in words, and what image it is on.
    """

    title: str
    text: str
    pictures: tuple[tuple[Path, str], ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    verdicts: tuple[tuple[str, str, str], ...] = ()


def render_tour(title: str, chapters: Sequence[Chapter], *, seconds: float | None = None) -> str:
    """Give a page of chapters as HTML: pictures and style are inside, links are relative.

    Parameters
    ----------
    title : str
    chapters : sequence of Chapter
    seconds : float, optional
        What it took, to be shown.

    Returns
    -------
    str

    Raises
    ------
    OSError
        A picture cannot be read.
    """
    contents = [
        {
            "title": chapter.title,
            "text": chapter.text,
            "pictures": [_picture(path, words) for path, words in chapter.pictures],
            "links": [(words, quote(place)) for words, place in chapter.links],
            "verdicts": [(_TONES.get(verdict, "unknown"), words, image) for verdict, words, image in chapter.verdicts],
        }
        for chapter in chapters
    ]
    page = templates().get_template("tour.html")
    return page.render(title=title, version=__version__, css=page_style(), chapters=contents, seconds=seconds)


def _picture(path: Path, words: str) -> dict[str, object]:
    """A PNG file for the page; its size stands at a fixed place in its header."""
    data = path.read_bytes()
    width, height = struct.unpack(">II", data[16:24])
    wide = not words or width > _WIDE * height
    return {"data": base64.b64encode(data).decode(), "words": words, "width": width, "height": height, "wide": wide}
