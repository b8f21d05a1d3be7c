"""What an image file says of itself, in one result."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from freqforensics.images.headers import ImageFormat, ImageHeader, read_header
from freqforensics.images.jpeg import JpegTables, read_jpeg_tables
from freqforensics.images.reading import read_file
from freqforensics.images.testimony.blocks import Blocks, find_blocks
from freqforensics.images.testimony.credentials import Credentials, credential_statements, read_credentials
from freqforensics.images.testimony.exif import ExifBlock, ExifFields, read_exif
from freqforensics.images.testimony.generators import label_statement, text_statements
from freqforensics.images.testimony.iptc import IptcFields, read_iptc
from freqforensics.images.testimony.statements import (
    Implied,
    Statement,
    editor_named,
    generator_named,
    printable,
    program_statement,
    source_type_statement,
)
from freqforensics.images.testimony.thumbnail import EmbeddedThumbnail, compare_thumbnail, reduced_jpeg
from freqforensics.images.testimony.xmp import XmpFields, read_xmp
from freqforensics.runtime.schema import json_values
from freqforensics.runtime.showing import Summarised

Uint8 = NDArray[np.uint8]
Value = TypeVar("Value")


@dataclass(frozen=True)
class TextField:
    """A text chunk or comment.

    Parameters
    ----------
    key : str
    text : str
        Printable and cut.
    length : int
        Characters of all of it, up to the most that are read.
    """

    key: str
    text: str
    length: int


@dataclass(frozen=True, repr=False)
class Testimony(Summarised):
    """What an image file says of itself.

    Statements are what others wrote into the file. They can be forged, copied or stripped. None of them enters a score.

    Parameters
    ----------
    format : str
        By content, as "JPEG".
    size_bytes : int
        Size of the file, bytes.
    width, height : int or None
        Pixels; None where only a decoder can tell.
    jpeg : JpegTables or None
        Quantisation and chroma subsampling; None unless the file is a JPEG.
    progressive : bool or None
        Whether a JPEG is progressive.
    exif : ExifFields or None
        Fields of the EXIF block; None without one.
    thumbnail : EmbeddedThumbnail or None
        The preview in the EXIF, compared with the image.
    xmp : XmpFields or None
        Fields of the XMP packet; None without one.
    iptc : IptcFields or None
        Fields of the IPTC block; None without one.
    texts : tuple of TextField
        Text chunks (PNG) and comments (JPEG).
    profile : str
        Description of the ICC profile; empty if there is none.
    credentials : Credentials
        Content credentials (C2PA).
    statements : tuple of Statement
        What all of these say of the image's origin: those that imply something first.
    notes : tuple of str
        Metadata that were skipped, with the reason.
    """

    format: str
    size_bytes: int
    width: int | None
    height: int | None
    jpeg: JpegTables | None = None
    progressive: bool | None = None
    exif: ExifFields | None = None
    thumbnail: EmbeddedThumbnail | None = None
    xmp: XmpFields | None = None
    iptc: IptcFields | None = None
    texts: tuple[TextField, ...] = ()
    profile: str = ""
    credentials: Credentials = field(default_factory=Credentials)
    statements: tuple[Statement, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def implies(self) -> Implied:
        """What the statements name: a generator if any does, else a camera, else nothing."""
        implied = {statement.implies for statement in self.statements}
        return "generator" if "generator" in implied else "camera" if "camera" in implied else "nothing"

    @property
    def sentences(self) -> tuple[str, ...]:
        """The statements in plain words, each once."""
        return tuple(dict.fromkeys(statement.sentence for statement in self.statements))

    @property
    def summary(self) -> str:
        """The first statement, or that there is none."""
        return self.sentences[0] if self.sentences else "The file says nothing of its origin."

    def to_json(self) -> dict[str, Any]:
        """Give the values as JSON."""
        values: dict[str, Any] = json_values(self, derived=TESTIMONY_DERIVED)
        return values


TESTIMONY_DERIVED: dict[type, dict[str, Any]] = {
    Testimony: {"implies": Implied},
    EmbeddedThumbnail: {"differs": bool},
}
"""Properties that are written to JSON, too, with their types."""


def read_testimony(path: str | Path) -> Testimony:
    r"""Read the metadata of an image file and what they say of its origin.

    The image is not decoded. Only a JPEG with an embedded preview is, at an eighth of its size, to compare the two.

    Parameters
    ----------
    path : str or Path
        Image file.

    Returns
    -------
    Testimony
        The statements, where they stand, and what they imply.

    Raises
    ------
    ImageReadError
        The file is missing, unreadable, empty or too large. Damage in it is no error: `Testimony.notes` names it.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from PIL import Image, PngImagePlugin
    >>> text = PngImagePlugin.PngInfo()
    >>> text.add_text("parameters", "a cat\nSteps: 20, Sampler: Euler, Model: sd15")
    >>> with TemporaryDirectory() as folder:
    ...     Image.new("RGB", (8, 8)).save(f"{folder}/cat.png", pnginfo=text)
    ...     read_testimony(f"{folder}/cat.png").implies
    'generator'
    """
    return parse_testimony(read_file(path))


def parse_testimony(data: bytes, *, pixels: Uint8 | None = None) -> Testimony:
    r"""Read the metadata in the bytes of an image file, as `read_testimony` does.

    Parameters
    ----------
    data : bytes
        A whole file. Damage is no error: `Testimony.notes` names it.
    pixels : ndarray of uint8, (H, W, 3), optional
        The decoded image, to be compared with an embedded preview.

    Returns
    -------
    Testimony
        The statements, where they stand, and what they imply.

    Examples
    --------
    >>> from io import BytesIO
    >>> from PIL import Image, PngImagePlugin
    >>> text = PngImagePlugin.PngInfo()
    >>> text.add_text("parameters", "a cat\nSteps: 20, Sampler: Euler, Model: sd15")
    >>> file = BytesIO()
    >>> Image.new("RGB", (8, 8)).save(file, "PNG", pnginfo=text)
    >>> parse_testimony(file.getvalue()).sentences
    ('The file says that it was made by Stable Diffusion (AUTOMATIC1111) with the model sd15.',)
    """
    header = read_header(data)
    notes: list[str] = []
    blocks = _attempt(lambda: find_blocks(data, header.format), "structure", notes) or Blocks()
    exif = _attempt(lambda: read_exif(blocks.exif), "EXIF", notes)
    xmp = _attempt(lambda: read_xmp(blocks.xmp) if blocks.xmp else None, "XMP", notes)
    if blocks.xmp and xmp is None:
        blocks.note("XMP was not read: damaged, or not allowed")
    iptc = _attempt(lambda: read_iptc(blocks.iptc), "IPTC", notes)
    credentials = read_credentials(data, header.format) if blocks.credentials else Credentials()
    preview = None if exif is None or header.format == "TIFF" else exif.thumbnail
    thumbnail = _attempt(lambda: _thumbnail(preview, data, header.format, pixels), "preview", notes)
    jpeg = _attempt(lambda: read_jpeg_tables(data), "quantisation", notes)
    width, height = _size(header, pixels)
    statements = (
        *text_statements(f"{header.format} text", blocks.texts),
        *_exif_statements(exif),
        *_xmp_statements(xmp, "" if exif is None else exif.fields.camera),
        *_iptc_statements(iptc),
        *credential_statements(credentials),
        *_thumbnail_statements(thumbnail),
    )
    return Testimony(
        format=header.format,
        size_bytes=len(data),
        width=width,
        height=height,
        jpeg=jpeg,
        progressive=header.progressive if header.format == "JPEG" else None,
        exif=None if exif is None or exif.fields == ExifFields() else exif.fields,
        thumbnail=thumbnail,
        xmp=None if xmp == XmpFields() else xmp,
        iptc=None if iptc == IptcFields() else iptc,
        texts=tuple(
            TextField(printable(key, longest=80), printable(text), len(text)) for key, text in blocks.texts if key
        ),
        profile=_attempt(lambda: _profile_name(blocks.icc), "ICC profile", notes) or "",
        credentials=credentials,
        statements=tuple(sorted(dict.fromkeys(statements), key=_weight)),
        notes=(*blocks.notes, *notes),
    )


def _weight(statement: Statement) -> tuple[bool, bool, bool]:
    """Place what implies something first, generators before cameras, and what is signed before what is not."""
    return statement.implies == "nothing", statement.implies == "camera", not statement.signed


def _attempt(read: Callable[[], Value], what: str, notes: list[str]) -> Value | None:
    """Read one part; hostile bytes that lead a reader astray cost only this part."""
    try:
        return read()
    except Exception:
        notes.append(f"{what} was not read: damaged")
        return None


def _size(header: ImageHeader, pixels: Uint8 | None) -> tuple[int | None, int | None]:
    if pixels is not None:
        return pixels.shape[1], pixels.shape[0]
    return header.width, header.height


def _thumbnail(
    preview: bytes | None, data: bytes, image_format: ImageFormat, pixels: Uint8 | None
) -> EmbeddedThumbnail | None:
    if not preview:
        return None
    if pixels is None and image_format == "JPEG":
        pixels = reduced_jpeg(data)
    return compare_thumbnail(preview, pixels)


def _profile_name(profile: bytes) -> str:
    if not profile:
        return ""
    from PIL import ImageCms

    return printable(ImageCms.ImageCmsProfile(io.BytesIO(profile)).profile.profile_description or "", longest=96)


def _exif_statements(exif: ExifBlock | None) -> Iterator[Statement]:
    if exif is None:
        return
    fields = exif.fields
    texts = list(text_statements("EXIF", list(exif.texts.items())))
    yield from texts
    generators = {statement.field for statement in texts}
    if fields.camera and not generators & {"Make", "Model"}:
        yield _camera_statement("EXIF", fields.camera, fields.taken)
    # The program of a camera's file is the camera's own, unless it is known for another.
    known = editor_named(fields.software) or generator_named(fields.software)
    if fields.software and (known or not fields.camera):
        statement = program_statement("EXIF", "Software", fields.software)
        if statement is not None:
            yield statement


def _camera_statement(source: str, camera: str, taken: str = "") -> Statement:
    named = generator_named(camera)
    if named:
        sentence = f"The file says that it was made by {named}."
        return Statement("generator", source, "Make, Model", camera, sentence, "generator")
    when = f" on {_date(taken)}" if taken else ""
    sentence = f"The file says that it was taken with the camera “{camera}”{when}."
    return Statement("camera", source, "Make, Model", camera, sentence, "camera")


def _date(written: str) -> str:
    """Write a date of EXIF, 2024:05:06 07:08:09, with hyphens."""
    day, space, time = written.partition(" ")
    return day.replace(":", "-") + space + time


def _xmp_statements(xmp: XmpFields | None, camera: str) -> Iterator[Statement]:
    if xmp is None:
        return
    programs = [("CreatorTool", xmp.creator_tool), *(("softwareAgent", agent) for agent in xmp.agents)]
    statements = [program_statement("XMP", name, text) for name, text in programs]
    statements.append(source_type_statement("XMP", xmp.source_type))
    if xmp.system:
        sentence = f"The file says that it was made by the generator “{xmp.system}”."
        statements.append(Statement("generator", "XMP", "AISystemUsed", xmp.system, sentence, "generator"))
    if generator_named(xmp.credit):
        statements.append(program_statement("XMP", "Credit", xmp.credit))
    copied = ExifFields(make=xmp.make, model=xmp.model).camera
    if copied and copied != camera:
        statements.append(_camera_statement("XMP", copied))
    statements.append(label_statement("XMP", xmp.label))
    if xmp.credentials:
        sentence = "The file says that its content credentials (C2PA) are kept elsewhere; they were not fetched."
        statements.append(Statement("provenance", "XMP", "provenance", xmp.credentials, sentence))
    yield from (statement for statement in statements if statement is not None)


def _iptc_statements(iptc: IptcFields | None) -> Iterator[Statement]:
    if iptc is None:
        return
    statement = program_statement("IPTC", "Program", iptc.program)
    if statement is not None:
        yield statement
    if generator_named(iptc.credit):
        statement = program_statement("IPTC", "Credit", iptc.credit)
        if statement is not None:
            yield statement


def _thumbnail_statements(thumbnail: EmbeddedThumbnail | None) -> Iterator[Statement]:
    if thumbnail is not None and thumbnail.differs:
        sentence = (
            "The small preview stored in the file does not match the image"
            f" (correlation {thumbnail.correlation:.2f}), as after an edit that left the old preview."
        )
        value = f"{thumbnail.width} x {thumbnail.height} pixels"
        yield Statement("editor", "EXIF", "thumbnail", value, sentence)
