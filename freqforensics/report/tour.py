"""One page that links results and says what each shows."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from freqforensics._version import __version__
from freqforensics.report.builder import page_style, templates


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
    """

    title: str
    text: str
    pictures: tuple[tuple[Path, str], ...] = ()
    links: tuple[tuple[str, str], ...] = ()


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
            "pictures": [(base64.b64encode(path.read_bytes()).decode(), words) for path, words in chapter.pictures],
            "links": [(words, quote(place)) for words, place in chapter.links],
        }
        for chapter in chapters
    ]
    page = templates().get_template("tour.html")
    return page.render(title=title, version=__version__, css=page_style(), chapters=contents, seconds=seconds)
