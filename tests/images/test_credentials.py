"""Content credentials (C2PA): present or absent is always told; a signature is verified where the library is there."""

from __future__ import annotations

import socket
import struct
import zlib

import numpy as np
import pytest
from credentials import TYPES, forget_c2pa, signed
from statements import jpeg_with, png_with, saved, scene

from freqforensics.images import parse_testimony

CAPTURE = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"


def jumbf(label=b"c2pa"):
    """An empty manifest store: a super box with its description."""
    about = bytes.fromhex("63327061001100108000 00aa00389b71".replace(" ", "")) + b"\3" + label + b"\0"
    description = struct.pack(">I4s", 8 + len(about), b"jumd") + about
    return struct.pack(">I4s", 8 + len(description), b"jumb") + description


def bare(kind):
    """A file that carries content credentials which hold nothing."""
    if kind == "JPEG":
        return jpeg_with((0xEB, b"JP\0\1" + struct.pack(">I", 1) + jumbf()))
    if kind == "PNG":
        return png_with((b"caBX", jumbf()))
    data = saved(scene(), kind)
    if kind == "WEBP":
        box = jumbf()
        chunk = b"C2PA" + struct.pack("<I", len(box)) + box + b"\0" * (len(box) % 2)
        return data[:4] + struct.pack("<I", len(data) - 8 + len(chunk)) + data[8:] + chunk
    box = bytes.fromhex("d8fec3d61b0e483c92975828877ec481") + bytes(4) + b"manifest\0" + bytes(8) + jumbf()
    first = int.from_bytes(data[:4], "big")
    return data[:first] + struct.pack(">I4s", 8 + len(box), b"uuid") + box + data[first:]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_presence_is_told_without_the_library(kind, monkeypatch):
    forget_c2pa(monkeypatch)
    (sentence,) = parse_testimony(bare(kind)).sentences
    assert sentence == (
        "The file carries content credentials (C2PA). They were not verified: pip install 'freqforensics[c2pa]'."
    )
    assert parse_testimony(saved(scene(), kind)).credentials.state == "absent"


def test_other_boxes_are_no_credentials(monkeypatch):
    forget_c2pa(monkeypatch)
    other = struct.pack(">I4s", 24, b"jumb") + struct.pack(">I4s", 16, b"jumd") + b"jp2x-abc"
    assert parse_testimony(jpeg_with((0xEB, b"JP\0\1" + struct.pack(">I", 1) + other))).credentials.state == "absent"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_credentials_that_hold_nothing_cannot_be_read(kind):
    pytest.importorskip("c2pa")
    testimony = parse_testimony(bare(kind))
    assert testimony.credentials.state == "unreadable"
    assert "cannot be read" in testimony.sentences[0]
    assert testimony.implies == "nothing"


@pytest.mark.parametrize("kind", TYPES)
def test_a_signature_that_holds_is_told_with_what_it_covers(kind):
    testimony = parse_testimony(signed(kind))
    credentials = testimony.credentials
    assert (credentials.state, credentials.issuer, credentials.generator) == (
        "valid",
        "Test Signer",
        "Test Program 1.0",
    )
    assert credentials.actions == ("c2pa.created",)
    assert credentials.agents == ("Test Model",)
    assert credentials.problems == ("signingCredential.untrusted",)
    generator, signature = testimony.statements
    assert (generator.implies, generator.signed, generator.source) == ("generator", True, "C2PA")
    assert generator.sentence == "The file says that it was made by a generator."
    assert "signed by Test Signer. The signature holds" in signature.sentence
    assert "Whether the issuer is who it says was not checked" in signature.sentence


@pytest.mark.parametrize("kind", TYPES)
def test_one_byte_changed_breaks_the_signature(kind):
    data = bytearray(signed(kind))
    # Bytes of the picture: in an AVIF and a TIFF the signature stands elsewhere in the file than at its end.
    at = {"JPEG": len(data) - 40, "PNG": len(data) - 40, "WEBP": 60, "AVIF": len(data) - 20, "TIFF": 2000}[kind]
    data[at] ^= 1
    testimony = parse_testimony(bytes(data))
    assert testimony.credentials.state == "invalid"
    assert "the picture was changed after it was signed" in testimony.sentences[-1]
    assert not any(statement.signed for statement in testimony.statements)


def test_heic_is_verified_too():
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()
    data = bytearray(signed("HEIF"))
    assert parse_testimony(bytes(data)).credentials.state == "valid"
    data[-30] ^= 1
    assert parse_testimony(bytes(data)).credentials.state == "invalid"


def test_known_generators_are_named_by_their_agents():
    testimony = parse_testimony(signed(agent="OpenAI gpt-image-1"))
    assert testimony.sentences[0] == "The file says that it was made by OpenAI."
    assert testimony.statements[0].value == "OpenAI gpt-image-1"


def test_a_camera_that_signs_is_a_signed_camera():
    testimony = parse_testimony(signed(source=CAPTURE, agent="Lichtbild LX-3"))
    assert testimony.implies == "camera"
    assert testimony.statements[0].signed
    assert testimony.sentences[0] == "The file says that a camera took it."


def test_the_origin_of_what_it_was_made_from_counts_and_of_a_part_in_part():
    parent = parse_testimony(signed(ingredient=signed()))
    assert parent.credentials.source_types == (
        "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
    )
    assert parent.credentials.actions == ("c2pa.created", "c2pa.opened")
    part = parse_testimony(signed(source=CAPTURE, ingredient=signed(), relation="componentOf"))
    assert part.credentials.source_types == (CAPTURE,)
    assert [each.implies for each in part.statements] == ["generator", "camera", "nothing"]
    assert part.sentences[0] == "The file says that parts of it were made by a generator."


def test_nothing_is_asked_of_the_network(monkeypatch):
    data = signed()

    def refuse(*args):
        raise AssertionError("the network is asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert parse_testimony(data).credentials.state == "valid"


def test_mutated_credentials_are_inert():
    """Bytes changed anywhere in what was signed are told as such, or cannot be read; nothing raises."""
    data = signed("PNG")
    start = data.index(b"caBX")
    end = start + int.from_bytes(data[start - 4 : start], "big")
    rng = np.random.default_rng(0)
    states = set()
    for _ in range(150):
        mutated = bytearray(data)
        for at in rng.integers(start + 4, end, rng.integers(1, 4)):
            mutated[at] = rng.integers(256)
        mutated[end + 4 : end + 8] = zlib.crc32(mutated[start : end + 4]).to_bytes(4, "big")
        testimony = parse_testimony(bytes(mutated))
        states.add(testimony.credentials.state)
        assert all(sentence.isprintable() for sentence in testimony.sentences)
    assert {"invalid", "unreadable"} <= states
