"""The properties of an XMP packet that tell an image's origin."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element, ParseError

from freqforensics.images.testimony.statements import printable

_MOST: Final = 32
_XMP: Final = "http://ns.adobe.com/xap/1.0/"
_EVENT: Final = "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"
_IPTC: Final = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_PHOTOSHOP: Final = "http://ns.adobe.com/photoshop/1.0/"
_TIFF: Final = "http://ns.adobe.com/tiff/1.0/"
_TERMS: Final = "http://purl.org/dc/terms/"
_LABEL: Final = "AIGC"  # the Chinese label of generated content; its name space is written in several ways
_NAMES: Final = frozenset(
    {
        *("CreatorTool", "softwareAgent", "DigitalSourceType", "DigitalSourcefileType", "AISystemUsed", "Credit"),
        *("Make", "Model", "provenance", _LABEL),
    }
)


@dataclass(frozen=True)
class XmpFields:
    """What an XMP packet says of an image's origin.

    Parameters
    ----------
    creator_tool : str
        Program that made the first version; empty where not stated, as all texts here.
    agents : tuple of str
        Programs of the history of edits, each once, at most 32.
    source_type : str
        IPTC's digital source type, as written.
    system : str
        Generator, by IPTC's AISystemUsed.
    credit : str
    make, model : str
        Camera.
    label : str
        Chinese label of generated content (AIGC).
    credentials : str
        Address of content credentials that are kept elsewhere. It is not visited.
    """

    creator_tool: str = ""
    agents: tuple[str, ...] = ()
    source_type: str = ""
    system: str = ""
    credit: str = ""
    make: str = ""
    model: str = ""
    label: str = ""
    credentials: str = ""


def read_xmp(packet: bytes) -> XmpFields | None:
    """Read an XMP packet, without following references or expanding entities.

    Parameters
    ----------
    packet : bytes

    Returns
    -------
    XmpFields or None
        None where it is no XML, or declares a document type.
    """
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        root = fromstring(packet.strip(b"\0 \t\r\n"), forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        return None
    values: dict[tuple[str, str], list[str]] = {}
    for (space, name), text in _properties(root):
        if name not in _NAMES or not text.strip():
            continue
        texts = values.setdefault(("" if name == _LABEL else space, name), [])
        if len(texts) < _MOST:
            value = printable(text)
            if value not in texts:
                texts.append(value)

    def first(space: str, *names: str) -> str:
        return next((values[space, name][0] for name in names if (space, name) in values), "")

    return XmpFields(
        creator_tool=first(_XMP, "CreatorTool"),
        agents=tuple(values.get((_EVENT, "softwareAgent"), ())),
        source_type=first(_IPTC, "DigitalSourceType", "DigitalSourcefileType"),
        system=first(_IPTC, "AISystemUsed"),
        credit=first(_PHOTOSHOP, "Credit"),
        make=first(_TIFF, "Make"),
        model=first(_TIFF, "Model"),
        label=first("", _LABEL),
        credentials=first(_TERMS, "provenance"),
    )


def _properties(root: Element) -> Iterator[tuple[tuple[str, str], str]]:
    """Give all properties by name space and name: XMP writes them as attributes or as elements."""
    for element in root.iter():
        for name, value in element.attrib.items():
            yield _split(name), value
        resource = element.get("{http://www.w3.org/1999/02/22-rdf-syntax-ns#}resource")
        inside = element.text or ""
        if not inside.strip() and len(element):  # a list of one
            inside = next((child.text for item in element for child in item if child.text), "") or ""
        yield _split(element.tag), resource or inside


def _split(name: str) -> tuple[str, str]:
    space, brace, local = name.rpartition("}")
    return (space[1:], local) if brace else ("", name)
