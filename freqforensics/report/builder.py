"""A page of sections: text, figures, tables and facts, in one HTML file that loads nothing."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal
from urllib.parse import quote

import jinja2
from markupsafe import Markup, escape

from freqforensics._version import __version__
from freqforensics.runtime.showing import Summarised

Layout = Literal["", "four", "wide"]

KICKER: Final = f"freqforensics {__version__}"
"""Line above the title of a page, unless another is given."""


@dataclass(frozen=True)
class Text:
    """A paragraph, or the items of a list."""

    lines: tuple[str, ...]
    listed: bool = False
    template: str = "text"


@dataclass(frozen=True, repr=False)
class Figure(Summarised):
    """A picture with its meaning.

    Parameters
    ----------
    png : bytes
        PNG file.
    alt : str
        Description for those who do not see it.
    means, does_not_mean : str
        Caption, in sentences that follow "Means:" and "Does not mean:"; empty: none.
    caption : str
        Caption before both.
    width, height : int
        Pixels; 0: the picture's own.
    failed : str
        Reason why the figure is drawn in grey; empty if it is not.
    across : bool
        Give the figure the width of the page; on a narrow screen it scrolls sideways.
    """

    png: bytes
    alt: str
    means: str = ""
    does_not_mean: str = ""
    caption: str = ""
    width: int = 0
    height: int = 0
    failed: str = ""
    across: bool = False

    @property
    def data(self) -> str:
        """The PNG file as base64."""
        return base64.b64encode(self.png).decode()


@dataclass(frozen=True)
class Figures:
    """Figures side by side: a grid, one of four columns, or one below the other."""

    figures: tuple[Figure, ...]
    layout: Layout = ""
    template: str = "figures"


@dataclass(frozen=True)
class Table:
    """A table: its heads, and rows of text."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    template: str = "table"


@dataclass(frozen=True)
class Facts:
    """Terms and what they are."""

    terms: tuple[tuple[str, str], ...]
    template: str = "facts"


@dataclass(frozen=True)
class Verdicts:
    """Verdicts on images, as (tone of the style sheet, verdict in words, image)."""

    verdicts: tuple[tuple[str, str, str], ...]
    template: str = "verdicts"


@dataclass(frozen=True)
class Links:
    """Links as (words, address relative to the page)."""

    links: tuple[tuple[str, str], ...]
    template: str = "links"


@dataclass(frozen=True)
class Folded:
    """Blocks that unfold on a click, and in print."""

    summary: str
    blocks: list[Any] = field(default_factory=list)
    template: str = "folded"


@dataclass(frozen=True)
class Section:
    """A heading with its blocks."""

    title: str
    ident: str
    blocks: list[Any] = field(default_factory=list)


class Report:
    """A page that grows section by section.

    Text is escaped; pass `markupsafe.Markup` for what is HTML already. A block is added to the section that was begun
    last, or to the folded part of it.

    Parameters
    ----------
    title : str
        Heading of the page, plain text.
    kicker : str
        Line above the title; default the version.
    lead : str
        Paragraph below the title.
    header : Markup, optional
        HTML in place of title and lead.
    data : object, optional
        JSON values to embed, for programs and for a link that saves them.
    data_name : str
        Name of the file that the link saves.

    Examples
    --------
    >>> report = Report("Two sets")
    >>> report.add_section("What they share").add_text("Nothing.").add_table(["set", "images"], [["a", 3], ["b", 4]])
    Report('Two sets', 1 section)
    >>> "<h2>What they share</h2>" in report.render()
    True
    """

    def __init__(
        self,
        title: str,
        *,
        kicker: str = KICKER,
        lead: str = "",
        header: Markup | None = None,
        data: object = None,
        data_name: str = "results.json",
    ) -> None:
        self.title, self.kicker, self.lead, self.header = title, kicker, lead, header
        self.data, self.data_name = data, data_name
        self.sections: list[Section] = []
        self._blocks: list[Any] = []

    def __repr__(self) -> str:
        count = len(self.sections)
        return f"Report({self.title!r}, {count} section{'' if count == 1 else 's'})"

    def add_section(self, title: str, *, ident: str = "", lead: str = "") -> Report:
        """Begin a section.

        Parameters
        ----------
        title : str
            Heading of the section, plain text.
        ident : str
            Anchor of its heading, unique on the page.
        lead : str
            First paragraph.
        """
        self.sections.append(Section(title, ident))
        self._blocks = self.sections[-1].blocks
        return self.add_text(lead) if lead else self

    def add_folded(self, summary: str) -> Report:
        """Begin a folded part of the section; it ends where the next part or section begins.

        Parameters
        ----------
        summary : str
            Line that is visible while the part is folded.
        """
        if not self.sections:
            raise ValueError("a folded part must stand in a section: add one first")
        part = Folded(summary)
        self.sections[-1].blocks.append(part)
        self._blocks = part.blocks
        return self

    def add_text(self, *lines: str, listed: bool = False) -> Report:
        """Add paragraphs, or the items of a list.

        Parameters
        ----------
        *lines : str
            Paragraphs or items.
        listed : bool
            Whether the lines are items of a list.
        """
        return self._add(Text(tuple(lines), listed))

    def add_figure(self, png: bytes, *, alt: str, **caption: Any) -> Report:
        """Add one figure; `caption` is what `Figure` takes.

        Parameters
        ----------
        png : bytes
            The picture, a PNG file.
        alt : str
            Description for readers who do not see the picture.
        **caption
            Further parameters of `Figure`.
        """
        return self._add(Figures((Figure(png, alt, **caption),), "wide"))

    def add_figures(self, figures: Iterable[Figure], *, layout: Layout = "") -> Report:
        """Add figures side by side.

        Parameters
        ----------
        figures : iterable of Figure
            Figures from left to right; without any, nothing is added.
        layout : str
            Class of the style sheet for the row.
        """
        row = tuple(figures)
        return self._add(Figures(row, layout)) if row else self

    def add_table(self, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Report:
        """Add a table; cells are written as text.

        Parameters
        ----------
        heads : sequence of str
            Titles of the columns.
        rows : iterable of sequence
            Cells of each row, one for each column.
        """
        return self._add(Table(tuple(heads), tuple(tuple(map(_cell, row)) for row in rows)))

    def add_facts(self, terms: Mapping[str, object] | Iterable[tuple[str, object]]) -> Report:
        """Add terms and their values; a term without a value is skipped.

        Parameters
        ----------
        terms : mapping or iterable of (str, object)
            Terms and their values.
        """
        pairs = terms.items() if isinstance(terms, Mapping) else terms
        return self._add(Facts(tuple((term, _cell(value)) for term, value in pairs if value not in (None, ""))))

    def add_verdicts(self, verdicts: Iterable[tuple[str, str, str]]) -> Report:
        """Add verdicts on images, as (tone of the style sheet, verdict in words, image).

        Parameters
        ----------
        verdicts : iterable of (str, str, str)
            Tone, verdict and name of each image.
        """
        return self._add(Verdicts(tuple(verdicts)))

    def add_links(self, links: Iterable[tuple[str, str]]) -> Report:
        """Add links, as (words, path relative to the page).

        Parameters
        ----------
        links : iterable of (str, str)
            Words and path of each link.
        """
        return self._add(Links(tuple((words, quote(place)) for words, place in links)))

    def render(self) -> str:
        """Give the page as HTML: figures, style and script are inside, nothing is loaded."""
        return (
            templates()
            .get_template("report.html")
            .render(
                r=self,
                css=page_style(),
                script=Markup(template_text("page.js")),
                json=None if self.data is None else embedded_json(self.data),
            )
        )

    def _repr_html_(self) -> str:
        return embedded(self.render(), self.title)

    def _add(self, block: object) -> Report:
        if not self.sections:
            raise ValueError("a block must stand in a section: add one first")
        self._blocks.append(block)
        return self


def embedded(page: str, title: str) -> str:
    """Put a page into a frame of its own, to stand in another one, as in Jupyter."""
    return f'<iframe srcdoc="{escape(page)}" style="width:100%;height:900px;border:0" title="{escape(title)}"></iframe>'


def embedded_json(values: object) -> Markup:
    """Write JSON values so that they can stand in a script element: nothing in them ends it."""
    text = json.dumps(values, allow_nan=False)
    for character, code in (("&", "\\u0026"), ("<", "\\u003c"), (">", "\\u003e")):
        text = text.replace(character, code)
    return Markup(text)


@cache
def templates() -> jinja2.Environment:
    """Give what renders the pages, escaping all that is put into them."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("freqforensics.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["fmt"] = format
    environment.filters["signed"] = lambda value: f"{value:+.2f}"
    environment.tests["finite"] = math.isfinite
    return environment


def load_templates() -> None:
    """Compile the templates of all pages ahead: the first page takes half a second less then."""
    environment = templates()
    for name in environment.list_templates(extensions=("html",)):
        environment.get_template(name)


def sayer(template: str, **values: Any) -> Callable[..., Markup]:
    """Give a function that renders a macro of a template by name, as one line."""
    module = templates().get_template(template).make_module(values)

    def say(name: str, *arguments: object) -> Markup:
        return Markup(" ".join(str(getattr(module, name)(*arguments)).split()))

    return say


@cache
def page_style() -> Markup:
    """Give the style sheet that all pages have."""
    return Markup(template_text("page.css"))


def template_text(name: str) -> str:
    """Read a file among the templates."""
    return (files("freqforensics.report") / "templates" / name).read_text(encoding="utf-8")


def _cell(value: object) -> str:
    return value if isinstance(value, str) else "–" if value is None else str(value)
