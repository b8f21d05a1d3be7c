"""What a file says of itself, as rows of a table that a reader without the field's words can follow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from freqforensics.images.testimony.credentials import INSTALL, Credentials, State
from freqforensics.images.testimony.testimony import Testimony

_TEXTS: Final = 8


def file_facts(testimony: Testimony) -> tuple[tuple[str, str], ...]:
    """Give what a file says of itself as names and values, both text to be escaped.

    Parameters
    ----------
    testimony : Testimony

    Returns
    -------
    tuple of (str, str)
        Only what the file states; whether it carries content credentials is always among them.
    """
    return tuple(_facts(testimony))


def _facts(testimony: Testimony) -> Iterator[tuple[str, str]]:
    size = "" if testimony.width is None else f", {testimony.width:,} × {testimony.height:,} pixels"
    yield "File", f"{testimony.format}{size}, {testimony.size_bytes:,} bytes"
    jpeg = testimony.jpeg
    if jpeg is not None:
        quality = f"quality {jpeg.quality}" if jpeg.standard else f"tables of its own, about quality {jpeg.quality}"
        how = "progressive" if testimony.progressive else "baseline"
        yield "Compression", f"{quality}, chroma subsampling {jpeg.subsampling}, {how}"
    rows: tuple[tuple[str, str], ...]
    exif = testimony.exif
    if exif is not None:
        rows = (
            ("Camera", exif.camera),
            ("Lens", exif.lens),
            ("Program (EXIF)", exif.software),
            ("Taken", exif.taken),
            ("Changed", exif.modified),
            ("Position", "has one, which is not read" if exif.has_position else ""),
        )
        yield from ((name, value) for name, value in rows if value)
    if testimony.thumbnail is not None:
        yield "Stored preview", _preview(testimony)
    xmp = testimony.xmp
    if xmp is not None:
        rows = (
            ("Program (XMP)", xmp.creator_tool),
            ("History of edits", ", ".join(xmp.agents)),
            ("Source type (IPTC)", xmp.source_type.rpartition("/")[2]),
            ("Generator (IPTC)", xmp.system),
            ("Credit (XMP)", xmp.credit),
        )
        yield from ((name, value) for name, value in rows if value)
    if testimony.iptc is not None:
        rows = (("Program (IPTC)", testimony.iptc.program), ("Credit (IPTC)", testimony.iptc.credit))
        yield from ((name, value) for name, value in rows if value)
    for text in testimony.texts[:_TEXTS]:
        yield f"Text “{text.key}”", text.text or "empty"
    if len(testimony.texts) > _TEXTS:
        yield "More texts", f"{len(testimony.texts) - _TEXTS}, in finding.json"
    if testimony.profile:
        yield "Colour profile", testimony.profile
    yield "Content credentials (C2PA)", _credentials(testimony.credentials)
    for note in testimony.notes:
        yield "Not read", note


def _preview(testimony: Testimony) -> str:
    preview = testimony.thumbnail
    if preview is None or preview.correlation is None:
        return "there is one; it could not be compared with the image"
    size = f"{preview.width} × {preview.height} pixels, correlation with the image {preview.correlation:.2f}"
    return f"{size}: {'does not match it' if preview.differs else 'matches it'}"


def _credentials(credentials: Credentials) -> str:
    words = [_STATES[credentials.state]]
    if credentials.issuer:
        words.append(f"Issuer: {credentials.issuer}.")
    if credentials.generator:
        words.append(f"Written by {credentials.generator}.")
    if credentials.signed_at:
        words.append(f"Signed at {credentials.signed_at}.")
    if credentials.actions:
        words.append(f"Actions: {', '.join(credentials.actions)}.")
    return " ".join(words)


_STATES: Final[dict[State, str]] = {
    "absent": "None.",
    "not verified": f"Present, not verified: {INSTALL}",
    "trusted": "Present; the signature holds, the issuer is known.",
    "valid": "Present; the signature holds, the issuer was not checked.",
    "invalid": "Present; the signature does not hold.",
    "unreadable": "Present, but cannot be read.",
}
