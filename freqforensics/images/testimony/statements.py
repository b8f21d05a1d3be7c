"""Statements of a file about its origin, in plain sentences; and the programs that such statements name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["camera", "generator", "editor", "provenance"]
Implied = Literal["generator", "camera", "nothing"]

LONGEST: Final = 200
"""Most characters of a file's text that are shown."""


@dataclass(frozen=True)
class Statement:
    """A statement of a file about its origin.

    Parameters
    ----------
    kind : {"camera", "generator", "editor", "provenance"}
        What is named: a camera, a generator, a program that edits, or how the file came about.
    source : str
        Part of the file that states it, as "EXIF", "XMP", "PNG text", "C2PA".
    field : str
        Its name there, as "Software".
    value : str
        Its text, printable and cut to `LONGEST` characters.
    sentence : str
        The statement in plain words.
    implies : {"generator", "camera", "nothing"}
        What follows if the statement is true.
    signed : bool
        Whether a valid signature covers it. Anyone can write other statements.
    """

    kind: Kind
    source: str
    field: str
    value: str
    sentence: str
    implies: Implied = "nothing"
    signed: bool = False


def printable(text: str, *, longest: int = LONGEST) -> str:
    r"""Give a file's text on one line, cut, without characters that do not print or that turn the line around.

    Parameters
    ----------
    text : str
    longest : int
        Most characters.

    Returns
    -------
    str

    Examples
    --------
    >>> printable("a\x00 light\nhouse\u202e"), printable("abcdef", longest=4)
    ('a light house', 'abc…')
    """
    start = text[: 8 * longest]
    plain = " ".join("".join(char if char.isprintable() else " " for char in start).split())
    cut = len(plain) > longest or len(text) > len(start)
    return plain[: longest - 1].rstrip() + "…" if cut else plain


_GENERATORS: Final = (
    (r"automatic1111", "Stable Diffusion (AUTOMATIC1111)"),
    (r"stable[ _-]?diffusion|dreamstudio|stability[ .]?ai", "Stable Diffusion"),
    (r"comfy[ _-]?ui", "ComfyUI"),
    (r"invoke[ _-]?ai", "InvokeAI"),
    (r"novel[ _-]?ai", "NovelAI"),
    (r"fooocus", "Fooocus"),
    (r"swarm[ _-]?ui", "SwarmUI"),
    (r"draw things", "Draw Things"),
    (r"midjourney", "Midjourney"),
    (r"dall[ _·∙•-]*e", "DALL-E"),
    (r"chatgpt|gpt-4o|gpt-image|openai|sora", "OpenAI"),
    (r"firefly", "Adobe Firefly"),
    (r"google imagen|imagen [2-9]|google gemini|gemini [1-9]|made with google ai|nano banana", "Google AI"),
    (r"bing image creator|image creator from|microsoft designer", "Microsoft Designer"),
    (r"imagine with meta|imagined with ai|meta ai", "Meta AI"),
    (r"leonardo\.?ai", "Leonardo.Ai"),
    (r"ideogram", "Ideogram"),
    (r"black forest labs|flux\.[12]", "FLUX"),
    (r"recraft", "Recraft"),
    (r"craiyon", "Craiyon"),
    (r"this ?person ?does ?not ?exist|stylegan", "StyleGAN"),
)
_EDITORS: Final = (
    (r"photoshop", "Adobe Photoshop"),
    (r"lightroom", "Adobe Lightroom"),
    (r"adobe", "an Adobe program"),
    (r"gimp", "GIMP"),
    (r"snapseed", "Snapseed"),
    (r"affinity", "Affinity Photo"),
    (r"pixelmator", "Pixelmator"),
    (r"canva", "Canva"),
    (r"picsart", "Picsart"),
    (r"facetune", "Facetune"),
    (r"faceapp", "FaceApp"),
    (r"meitu", "Meitu"),
    (r"paint\.net", "Paint.NET"),
    (r"capture one", "Capture One"),
    (r"darktable", "darktable"),
    (r"rawtherapee", "RawTherapee"),
    (r"luminar", "Luminar"),
    (r"topaz", "Topaz"),
    (r"dxo", "DxO"),
    (r"imagemagick", "ImageMagick"),
    (r"picasa", "Picasa"),
    (r"instagram", "Instagram"),
    (r"vsco", "VSCO"),
    (r"krita", "Krita"),
    (r"inkscape", "Inkscape"),
    (r"polarr", "Polarr"),
    (r"photoscape", "PhotoScape"),
    (r"acdsee", "ACDSee"),
    (r"irfanview", "IrfanView"),
    (r"paint shop", "PaintShop"),
    (r"windows photo", "Windows Photos"),
)


_WORD: Final = re.compile(r"[^\W\d_]{3}")


def _table(rows: tuple[tuple[str, str], ...]) -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(rf"(?<![a-z])(?:{words})(?![a-z])", re.IGNORECASE), name) for words, name in rows)


_GENERATOR_NAMES: Final = _table(_GENERATORS)
_EDITOR_NAMES: Final = _table(_EDITORS)


def generator_named(text: str) -> str | None:
    """Name the generator that a program's name belongs to.

    Parameters
    ----------
    text : str
        Name of a program, such as EXIF's Software. Not free text: a caption may speak of a generator.

    Returns
    -------
    str or None

    Examples
    --------
    >>> generator_named("Adobe Firefly 2.5"), generator_named("Adobe Photoshop 25.0")
    ('Adobe Firefly', None)
    """
    return _first(_GENERATOR_NAMES, text)


def editor_named(text: str) -> str | None:
    """Name the editor that a program's name belongs to, in the way of `generator_named`."""
    return _first(_EDITOR_NAMES, text)


def _first(table: tuple[tuple[re.Pattern[str], str], ...], text: str) -> str | None:
    start = text[:LONGEST]
    return next((name for pattern, name in table if pattern.search(start)), None)


def program_statement(source: str, field: str, text: str, *, signed: bool = False) -> Statement | None:
    """Say which program a field names, and whether it is a known generator; None for a field without a name.

    Parameters
    ----------
    source, field : str
        As in `Statement`.
    text : str
        Name of the program.
    signed : bool
        As in `Statement`.

    Returns
    -------
    Statement or None
    """
    value = printable(text)
    if not value:
        return None
    generator = generator_named(value)
    if generator is not None:
        sentence = f"The file says that it was made by {generator}."
        return Statement("generator", source, field, value, sentence, "generator", signed)
    if not _WORD.search(value):  # a number: the version of some camera's program
        return None
    sentence = f"The file says that the program “{value}” wrote or edited it."
    return Statement("editor", source, field, value, sentence, signed=signed)


_SOURCE_TYPES: Final[dict[str, tuple[Kind, str, Implied]]] = {
    "trainedAlgorithmicMedia": ("generator", "that it was made by a generator", "generator"),
    "trainedAlgorithmicData": ("generator", "that it was made by a generator", "generator"),
    "compositeWithTrainedAlgorithmicMedia": ("generator", "that parts of it were made by a generator", "generator"),
    "algorithmicMedia": ("provenance", "that it was made by a program that learned from no images", "nothing"),
    "algorithmicallyEnhanced": ("editor", "that a program enhanced it", "nothing"),
    "digitalCapture": ("camera", "that a camera took it", "camera"),
    "computationalCapture": ("camera", "that a camera put it together from several exposures", "camera"),
    "compositeCapture": ("editor", "that it was put together from photographs", "nothing"),
    "composite": ("editor", "that it was put together from several pictures", "nothing"),
    "compositeSynthetic": ("generator", "that some of the pictures it consists of are synthetic", "generator"),
    "humanEdits": ("editor", "that a person edited it", "nothing"),
    "minorHumanEdits": ("editor", "that a person edited it lightly", "nothing"),
    "negativeFilm": ("provenance", "that it was scanned from a negative", "nothing"),
    "positiveFilm": ("provenance", "that it was scanned from a slide", "nothing"),
    "print": ("provenance", "that it was scanned from a print", "nothing"),
    "digitalArt": ("provenance", "that a person drew it", "nothing"),
    "digitalCreation": ("provenance", "that a person made it with a program", "nothing"),
    "screenCapture": ("provenance", "that it is a screenshot", "nothing"),
    "virtualRecording": ("provenance", "that it was recorded from a virtual scene", "nothing"),
    "dataDrivenMedia": ("provenance", "that it was drawn from data", "nothing"),
}
"""IPTC's digital source types (cv.iptc.org/newscodes/digitalsourcetype): kind, words, and what follows."""


def source_type_statement(source: str, uri: str, *, part: bool = False, signed: bool = False) -> Statement | None:
    """Say what an IPTC digital source type means; None for one that says nothing.

    Parameters
    ----------
    source : str
        As in `Statement`.
    uri : str
        Address of the type, or its last word.
    part : bool
        Whether the type is that of a picture that was put into the image.
    signed : bool
        As in `Statement`.

    Returns
    -------
    Statement or None
    """
    code = printable(uri.rstrip("/").rpartition("/")[2], longest=64)
    if not code or code == "empty":
        return None
    if part and code in ("trainedAlgorithmicMedia", "compositeSynthetic"):
        code = "compositeWithTrainedAlgorithmicMedia"
    kind, words, implied = _SOURCE_TYPES.get(code, ("provenance", f"of its origin: “{code}”", "nothing"))
    if part and kind != "generator":
        return None
    return Statement(kind, source, "DigitalSourceType", code, f"The file says {words}.", implied, signed)
