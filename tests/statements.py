"""Image files that say something of themselves, made byte by byte where no library writes it."""

from __future__ import annotations

import io
import json
import struct
import zlib

import numpy as np
from PIL import Image, PngImagePlugin

PARAMETERS = (
    "a lighthouse at dusk\nNegative prompt: people\n"
    "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 128x96, Model: sd-v1-5"
)
TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
COMFY = json.dumps({"3": {"class_type": "KSampler", "inputs": {"seed": 1}}})
WORKFLOW = json.dumps({"last_node_id": 9, "nodes": []})


def scene(seed=0, width=192, height=128):
    """A picture of smooth shades, another one for each seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def saved(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png_chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_with(*chunks, image=None):
    """A PNG with further chunks, (kind, body) each, behind its header."""
    data = saved(image or scene(), "PNG")
    return data[:33] + b"".join(png_chunk(kind, body) for kind, body in chunks) + data[33:]


def png_texts(texts):
    info = PngImagePlugin.PngInfo()
    for key, text in texts.items():
        info.add_text(key, text)
    return saved(scene(), "PNG", pnginfo=info)


def exif_of(fields, *, detail=None, position=False, preview=b""):
    """An EXIF block, little endian: texts of the first directory and the EXIF directory, GPS, a preview."""

    def directory(entries, start, following):
        count = len(entries)
        end = start + 2 + 12 * count + 4
        head, tail = struct.pack("<H", count), b""
        for tag, (kind, number, value) in sorted(entries.items()):
            if len(value) > 4:
                head += struct.pack("<HHII", tag, kind, number, end + len(tail))
                tail += value + b"\0" * (len(value) % 2)
            else:
                head += struct.pack("<HHI", tag, kind, number) + value.ljust(4, b"\0")
        return head + struct.pack("<I", following) + tail

    def text(value):
        raw = value if isinstance(value, bytes) else value.encode() + b"\0"
        return (7 if isinstance(value, bytes) else 2), len(raw), raw

    def number(value):
        return 4, 1, struct.pack("<I", value)

    first = {tag: text(value) for tag, value in fields.items()}
    second = {tag: text(value) for tag, value in (detail or {}).items()}
    place = {tag: (5, 3, struct.pack("<6I", 52, 1, 30, 1, 0, 1)) for tag in (2, 4)}
    first[0x8769] = number(0)
    if position:
        first[0x8825] = number(0)
    sizes = [len(directory(entries, 8, 0)) for entries in (first, second, place if position else {})]
    starts = [8, 8 + sizes[0], 8 + sizes[0] + sizes[1]]
    last = starts[2] + sizes[2]
    first[0x8769] = number(starts[1])
    if position:
        first[0x8825] = number(starts[2])
    block = b"II*\0" + struct.pack("<I", 8) + directory(first, 8, last if preview else 0)
    block += directory(second, starts[1], 0) + directory(place if position else {}, starts[2], 0)
    if preview:
        there = last + 2 + 2 * 12 + 4
        block += directory({0x0201: number(there), 0x0202: number(len(preview))}, last, 0) + preview
    return block


def camera_exif(**changes):
    """EXIF of a photograph as a camera writes it."""
    options = {"software": "Ver.1.02", "preview": b"", "position": True, **changes}
    fields = {0x010F: "Lichtbild", 0x0110: "Lichtbild LX-3", 0x0131: options["software"], 0x0132: "2024:05:06 09:00:00"}
    detail = {0x9003: "2024:05:06 07:08:09", 0xA433: "Lichtbild", 0xA434: "LX 24-70 mm"}
    return exif_of(fields, detail=detail, position=options["position"], preview=options["preview"])


def xmp_of(attributes="", elements=""):
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
        ' xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/" xmlns:stEvt="http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"'
        ' xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" xmlns:dcterms="http://purl.org/dc/terms/"'
        ' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
        f" {attributes}>{elements}</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def iptc_of(**values):
    """Photoshop's image resources with an IPTC record."""
    numbers = {"program": 65, "version": 70, "credit": 110}
    record = b"".join(
        bytes([0x1C, 2, numbers[name]]) + struct.pack(">H", len(value)) + value.encode()
        for name, value in values.items()
    )
    block = b"8BIM" + struct.pack(">H", 0x0404) + b"\0\0" + struct.pack(">I", len(record)) + record
    other = b"8BIM" + struct.pack(">H", 0x03ED) + b"\x03abc" + struct.pack(">I", 3) + b"xyz\0"
    return b"Photoshop 3.0\0" + other + block


def jpeg_with(*segments, image=None, **options):
    """A JPEG with further segments, (marker, body) each, behind its first marker."""
    data = saved(image or scene(), "JPEG", **options)
    packed = b"".join(bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body for marker, body in segments)
    return data[:2] + packed + data[2:]


def gif_with_xmp(packet):
    """A GIF with an application extension for XMP behind its palette."""
    data = saved(scene(0, 48, 32).quantize(), "GIF")
    at = 13 + 3 * 2 ** ((data[10] & 7) + 1)
    trailer = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
    return data[:at] + b"!\xff\x0bXMP DataXMP" + packet + trailer + data[at:]
