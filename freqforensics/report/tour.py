"""One page that links results and says what each shows."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from freqforensics.report.builder import Figure, Report

_TONES: Final = {"evidence": "for", "inconclusive": "between", "none": "against"}
_COMMANDS: Final = (
    ("freqforensics spectrum FOLDER --out results --crop 128", "averages the spectra of the images"),
    ("freqforensics upsampling FOLDER", "says whether they were enlarged, and by how much"),
    ("freqforensics inspect IMAGE --out report", "explains one score"),
)
_WIDE: Final = 1.5
"""Ratio of sides from which a picture takes the page's width."""


@dataclass(frozen=True)
class Chapter:
    """A chapter of a tour: pictures and text.

    Parameters
    ----------
    title, text : str
        Heading, and paragraph below it.
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
        Heading of the page.
    chapters : sequence of Chapter
        Chapters, in the order of the page.
    seconds : float, optional
        Duration to show, seconds.

    Returns
    -------
    str
        HTML.

    Raises
    ------
    OSError
        A picture cannot be read.
    """
    took = "" if seconds is None else f", in {seconds:.0f} seconds"
    report = Report(title, lead=f"Everything on this page was made on this machine{took}, without a download.")
    for number, chapter in enumerate(chapters, 1):
        report.add_section(f"{number}. {chapter.title}", lead=chapter.text)
        report.add_verdicts(
            (_TONES.get(verdict, "unknown"), words, image) for verdict, words, image in chapter.verdicts
        )
        report.add_figures(_picture(path, words, chapter.title) for path, words in chapter.pictures)
        report.add_links(chapter.links)
    report.add_section("On your own images").add_table(("command", "what it does"), _COMMANDS)
    return report.render()


def _picture(path: Path, words: str, title: str) -> Figure:
    """A PNG file for the page; its size stands at a fixed place in its header."""
    data = path.read_bytes()
    width, height = struct.unpack(">II", data[16:24])
    across = not words or width > _WIDE * height
    return Figure(data, words or title, caption=words, width=width, height=height, across=across)
