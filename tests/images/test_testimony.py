"""What image files say of themselves: each way of saying it, in files made here; and bytes that mean harm."""

from __future__ import annotations

import io
import json
import struct
import time
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import given, settings, strategies
from PIL import Image, ImageCms
from statements import (
    COMFY,
    PARAMETERS,
    TRAINED,
    WORKFLOW,
    camera_exif,
    exif_of,
    gif_with_xmp,
    iptc_of,
    jpeg_with,
    png_texts,
    png_with,
    saved,
    scene,
    xmp_of,
)

from freqforensics.images import ImageReadError, parse_testimony, read_testimony
from freqforensics.images.jpeg import luma_table
from freqforensics.images.testimony.blocks import LONGEST_BLOCK, MOST_TEXTS
from freqforensics.images.testimony.statements import LONGEST, printable
from freqforensics.runtime.schema import json_values


def said(data, **options):
    """Kinds, implications and sentences of a file's statements."""
    return [(each.kind, each.implies, each.sentence) for each in parse_testimony(data, **options).statements]


def test_a_plain_file_says_nothing_of_its_origin():
    testimony = parse_testimony(saved(scene(), "JPEG", quality=83, subsampling=2))
    assert testimony.statements == ()
    assert testimony.implies == "nothing"
    assert testimony.summary == "The file says nothing of its origin."
    assert (testimony.format, testimony.width, testimony.height, testimony.progressive) == ("JPEG", 192, 128, False)
    assert (testimony.jpeg.quality, testimony.jpeg.standard, testimony.jpeg.subsampling) == (83, True, "4:2:0")
    assert testimony.jpeg.luma == tuple(luma_table(83).ravel())
    assert len(testimony.jpeg.chroma) == 64
    assert testimony.jpeg.chroma != testimony.jpeg.luma
    assert testimony.credentials.state == "absent"
    assert parse_testimony(saved(scene(), "JPEG", progressive=True)).progressive


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_a_camera_is_named_by_its_exif(kind):
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0131] = "Lichtbild", "Lichtbild LX-3", "Ver.1.02"
    exif.get_ifd(0x8769)[0x9003] = "2024:05:06 07:08:09"
    testimony = parse_testimony(saved(scene(), kind, exif=exif))
    assert (testimony.exif.make, testimony.exif.model, testimony.exif.software) == (
        "Lichtbild",
        "Lichtbild LX-3",
        "Ver.1.02",
    )
    when = "" if kind == "TIFF" else " on 2024-05-06 07:08:09"  # Pillow writes no EXIF directory there
    assert testimony.sentences == (f"The file says that it was taken with the camera “Lichtbild LX-3”{when}.",)
    assert testimony.implies == "camera"
    assert testimony.notes == ()


def test_a_position_is_told_and_never_its_numbers():
    testimony = parse_testimony(jpeg_with((0xE1, b"Exif\0\0" + camera_exif())))
    assert testimony.exif.has_position
    assert testimony.exif.lens == "Lichtbild LX 24-70 mm"
    assert testimony.exif.modified == "2024:05:06 09:00:00"
    assert not parse_testimony(jpeg_with((0xE1, b"Exif\0\0" + camera_exif(position=False)))).exif.has_position
    assert {name for name in testimony.to_json()["exif"] if "pos" in name} == {"has_position"}


def test_an_edited_camera_file_is_told_by_program_and_old_preview():
    edited = camera_exif(software="Adobe Photoshop 25.1 (Windows)", preview=saved(scene(7, 160, 106), "JPEG"))
    data = jpeg_with((0xE1, b"Exif\0\0" + edited))
    testimony = parse_testimony(data, pixels=np.asarray(scene()))
    kinds = [(each.kind, each.field) for each in testimony.statements]
    assert kinds == [("camera", "Make, Model"), ("editor", "Software"), ("editor", "thumbnail")]
    assert testimony.thumbnail.differs
    assert "“Adobe Photoshop 25.1 (Windows)” wrote or edited it" in testimony.sentences[1]
    assert "does not match the image" in testimony.sentences[2]
    # Without the decoded image a JPEG is decoded at an eighth.
    small = parse_testimony(data).thumbnail
    assert small.differs
    assert small.correlation == pytest.approx(testimony.thumbnail.correlation, abs=0.1)


@pytest.mark.parametrize(("turns", "bars"), [(0, None), (1, None), (3, None), (0, 0), (0, 255)])
def test_a_preview_of_the_same_picture_does_not_differ(turns, bars):
    """Turned with the camera, with the black or white bars of some cameras, compressed."""
    image = scene(3, 480, 320)
    preview = image.resize((160, 107))
    if bars is not None:
        box = Image.new("RGB", (160, 121), (bars,) * 3)
        box.paste(preview, (0, 7))
        preview = box
    turned = Image.fromarray(np.rot90(np.asarray(preview), turns))
    data = jpeg_with((0xE1, b"Exif\0\0" + camera_exif(preview=saved(turned, "JPEG", quality=60))), image=image)
    thumbnail = parse_testimony(data, pixels=np.asarray(image)).thumbnail
    assert not thumbnail.differs
    assert thumbnail.correlation > 0.97
    assert thumbnail.difference < 8
    if not turns:
        assert thumbnail.aspect == pytest.approx(1, abs=0.03)


def test_a_crop_changes_the_aspect_of_the_preview():
    image = scene(3, 480, 320)
    data = jpeg_with((0xE1, b"Exif\0\0" + camera_exif(preview=saved(image.resize((160, 107)), "JPEG"))))
    cropped = np.asarray(image)[:, :320]
    assert parse_testimony(data, pixels=cropped).thumbnail.aspect == pytest.approx(1.5, abs=0.03)


GENERATORS = {
    "automatic1111": ({"parameters": PARAMETERS}, "Stable Diffusion (AUTOMATIC1111) with the model sd-v1-5"),
    "comfyui": ({"prompt": COMFY, "workflow": WORKFLOW}, "ComfyUI"),
    "novelai": (
        {
            "Title": "AI generated image",
            "Software": "NovelAI",
            "Source": "Stable Diffusion XL 7B",
            "Comment": "{}",
        },
        "NovelAI",
    ),
    "invokeai": ({"invokeai_metadata": '{"app_version": "5.0"}'}, "InvokeAI"),
    "invokeai 2": ({"sd-metadata": '{"app_id": "invoke-ai/InvokeAI"}', "Dream": '"a light" -s 50 -S 1'}, "InvokeAI"),
    "fooocus": ({"parameters": PARAMETERS + ", Version: Fooocus v2.5"}, "Fooocus with the model sd-v1-5"),
    "swarm": ({"parameters": '{"sui_image_params": {"prompt": "a light"}}'}, "SwarmUI"),
    "midjourney": ({"Description": "a light --v 6 Job ID: 0a1b2c3d-0a1b-4c3d-8e9f-0a1b2c3d4e5f"}, "Midjourney"),
}


@pytest.mark.parametrize("name", GENERATORS)
def test_text_chunks_of_generators_are_told(name):
    texts, generator = GENERATORS[name]
    testimony = parse_testimony(png_texts(texts))
    assert f"The file says that it was made by {generator}." in testimony.sentences
    assert testimony.implies == "generator"
    assert {each.source for each in testimony.statements} == {"PNG text"}
    assert {text.key for text in testimony.texts} == set(texts)


@pytest.mark.parametrize(
    "texts",
    [
        {"Software": "Matplotlib version 3.9, https://matplotlib.org/"},
        {"Description": "A talk on Stable Diffusion and Midjourney"},
        {"prompt": "say what you see"},
        {"parameters": "exposure 1/60, f/8"},
        {"Comment": "no steps: 20"},
        {"Title": "Sunset"},
    ],
)
def test_texts_that_tell_no_origin_imply_nothing(texts):
    """A caption may speak of a generator."""
    testimony = parse_testimony(png_texts(texts))
    assert testimony.implies == "nothing"
    assert not [each for each in testimony.statements if each.kind == "generator"]
    assert len(testimony.texts) == 1


@pytest.mark.parametrize("kind", ["zTXt", "iTXt", "packed iTXt"])
def test_all_kinds_of_text_chunks_are_read(kind):
    text = PARAMETERS.encode()
    body = {
        "zTXt": b"parameters\0\0" + zlib.compress(text),
        "iTXt": b"parameters\0\0\0en\0\0" + text,
        "packed iTXt": b"parameters\0\1\0\0\0" + zlib.compress(text),
    }[kind]
    assert parse_testimony(png_with((kind[-4:].encode(), body))).implies == "generator"


@pytest.mark.parametrize("order", ["be", "le"])
@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_parameters_in_a_users_comment_are_read(kind, order):
    """As the same programs write them to formats without text chunks."""
    exif = exif_of({}, detail={0x9286: b"UNICODE\0" + PARAMETERS.encode(f"utf-16-{order}")})
    data = saved(scene(), kind, exif=b"Exif\0\0" + exif)
    assert said(data)[0][:2] == ("generator", "generator")
    assert "sd-v1-5" in said(data)[0][2]


def test_a_workflow_in_place_of_the_camera_names_no_camera():
    """ComfyUI writes to EXIF's make and model."""
    exif = exif_of({0x010F: "workflow:" + WORKFLOW, 0x0110: "prompt:" + COMFY})
    assert {line[:2] for line in said(saved(scene(), "WEBP", exif=b"Exif\0\0" + exif))} == {("generator", "generator")}


def test_xmp_tells_programs_history_and_source_type():
    history = (
        "<xmpMM:History><rdf:Seq><rdf:li stEvt:action='saved' stEvt:softwareAgent='Adobe Photoshop 25.1'/>"
        "<rdf:li rdf:parseType='Resource'><stEvt:softwareAgent>Adobe Firefly</stEvt:softwareAgent></rdf:li>"
        "</rdf:Seq></xmpMM:History>"
    )
    packet = xmp_of(f'xmp:CreatorTool="Adobe Lightroom 7" Iptc4xmpExt:DigitalSourceType="{TRAINED}"', history)
    for data in (
        jpeg_with((0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet)),
        png_with((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet)),
        saved(scene(), "WEBP", xmp=packet),
        saved(scene(), "AVIF", xmp=packet),
        saved(scene(), "TIFF", tiffinfo={700: packet}),
        gif_with_xmp(packet),
    ):
        testimony = parse_testimony(data)
        assert testimony.xmp.creator_tool == "Adobe Lightroom 7"
        assert testimony.xmp.agents == ("Adobe Photoshop 25.1", "Adobe Firefly")
        assert testimony.xmp.source_type == TRAINED
        assert [each.field for each in testimony.statements if each.implies == "generator"] == [
            "softwareAgent",
            "DigitalSourceType",
        ]


@pytest.mark.parametrize(
    ("code", "kind", "implies"),
    [
        ("trainedAlgorithmicMedia", "generator", "generator"),
        ("compositeWithTrainedAlgorithmicMedia", "generator", "generator"),
        ("digitalCapture", "camera", "camera"),
        ("humanEdits", "editor", "nothing"),
        ("somethingNew", "provenance", "nothing"),
    ],
)
def test_source_types_are_told_as_elements_too(code, kind, implies):
    uri = f"http://cv.iptc.org/newscodes/digitalsourcetype/{code}"
    packet = xmp_of(elements=f"<Iptc4xmpExt:DigitalSourceType>{uri}</Iptc4xmpExt:DigitalSourceType>")
    (line,) = said(jpeg_with((0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet)))
    assert line[:2] == (kind, implies)


def test_credentials_that_are_kept_elsewhere_are_not_fetched():
    packet = xmp_of('dcterms:provenance="http://127.0.0.1:9/manifest.c2pa"')
    testimony = parse_testimony(jpeg_with((0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet)))
    assert testimony.sentences == (
        "The file says that its content credentials (C2PA) are kept elsewhere; they were not fetched.",
    )
    assert testimony.credentials.state == "absent"


def test_iptc_and_comments_are_read():
    resources = iptc_of(program="Adobe Photoshop", version="25", credit="Made with Google AI")
    testimony = parse_testimony(jpeg_with((0xED, resources), (0xFE, b"a comment")))
    assert (testimony.iptc.program, testimony.iptc.credit) == ("Adobe Photoshop 25", "Made with Google AI")
    assert testimony.implies == "generator"
    assert [(text.key, text.text) for text in testimony.texts] == [("Comment", "a comment")]


def test_a_colour_profile_is_named():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for kind in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF"):
        assert "sRGB" in parse_testimony(saved(scene(), kind, icc_profile=profile)).profile
    broken = parse_testimony(saved(scene(), "PNG", icc_profile=b"not a profile" * 20))
    assert broken.profile == ""
    assert broken.notes == ("ICC profile was not read: damaged",)


def test_heic_is_read():
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()
    data = saved(scene(), "HEIF", exif=b"Exif\0\0" + camera_exif(), xmp=xmp_of('xmp:CreatorTool="Adobe Firefly"'))
    testimony = parse_testimony(data)
    assert testimony.format == "HEIC"
    assert testimony.exif.camera == "Lichtbild LX-3"
    assert [each.implies for each in testimony.statements] == ["generator", "camera"]


def test_a_file_is_read_by_its_path(tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(png_texts({"parameters": PARAMETERS}))
    assert read_testimony(path) == parse_testimony(path.read_bytes())
    with pytest.raises(ImageReadError, match="no such file"):
        read_testimony(tmp_path / "nothere.png")


def test_it_is_json():
    testimony = parse_testimony(png_texts({"parameters": PARAMETERS}))
    values = json.loads(json.dumps(testimony.to_json(), allow_nan=False))
    assert values["implies"] == "generator"
    assert values["statements"][0]["kind"] == "generator"
    assert values["credentials"]["state"] == "absent"
    assert {**json_values(testimony), "implies": "generator"} == values


# Bytes that mean harm


def quick(data, *, seconds=2.0):
    """Read what must neither raise, warn, nor take long (processor time: the machine may be busy)."""
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        testimony = parse_testimony(data)
    assert time.process_time() - start < seconds
    assert len(json.dumps(testimony.to_json())) < 200_000
    return testimony


def test_compressed_text_is_bounded():
    bomb = zlib.compress(bytes(1 << 26), 9)
    testimony = quick(png_with(*[(b"zTXt", b"parameters\0\0" + bomb)] * 20, (b"iCCP", b"x\0\0" + bomb)))
    assert any(str(f"{LONGEST_BLOCK:,}") in note for note in testimony.notes)
    assert sum(text.length for text in testimony.texts) <= 4 * LONGEST_BLOCK
    for packed in (bomb[:100] + b"\xff" * 100, b"", b"\0"):
        assert parse_testimony(png_with((b"zTXt", b"parameters\0\0" + packed))).implies == "nothing"


@pytest.mark.long
def test_lists_of_chunks_are_bounded():
    testimony = quick(png_with(*[(b"tEXt", b"k\0v")] * 2000))
    assert len(testimony.texts) == MOST_TEXTS
    assert f"of its text chunks only the first {MOST_TEXTS} were read" in testimony.notes
    plain = saved(scene(), "PNG")
    empty = struct.pack(">I", 0) + b"abCd" + struct.pack(">I", zlib.crc32(b"abCd"))
    assert "65,536 chunks" in quick(plain[:33] + empty * 70_000 + plain[33:], seconds=3).notes[0]
    assert quick(b"\xff\xd8" + b"\xff\xe5\0\2" * 300_000 + b"\xff\xd9", seconds=3).notes
    assert quick(b"\xff\xd8" + b"\xff\xe5\0\2x" * 300_000 + b"\xff\xd9", seconds=3).notes
    for start in (b"\xff\xd8", b"\xff\xd8\xff\xe1\0\4xx\0"):
        assert quick(start + b"\xff" * 1_000_000, seconds=3).statements == ()


@pytest.mark.parametrize(
    "packet",
    [
        b'<!DOCTYPE a [<!ENTITY b "' + b"c" * 1000 + b'"><!ENTITY d "' + b"&b;" * 1000 + b'">]><a>&d;</a>',
        b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
        b"<a>" * 300_000,
        b"<a>" * 150_000 + b"</a>" * 149_000,
        b"<a",
        b"\xff\xfe\0",
        b"<?xml version='1.0' encoding='no-such'?><a/>",
        b"<a>" + b"x" * (2 * LONGEST_BLOCK) + b"</a>",
    ],
    ids=["entities", "external", "open", "deep", "cut", "utf-16", "encoding", "long"],
)
@pytest.mark.long
def test_hostile_xmp_is_not_read(packet):
    testimony = quick(png_with((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet)))
    assert testimony.xmp is None
    assert any(note.startswith(("XMP was not read", "of a chunk only")) for note in testimony.notes)


@pytest.mark.long
def test_deep_xmp_is_read_without_recursion():
    deep = xmp_of('xmp:CreatorTool="GIMP 2.10"', "<a>" * 50_000 + "</a>" * 50_000)
    assert quick(png_with((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + deep))).xmp.creator_tool == "GIMP 2.10"


def exif_loop():
    """A directory whose EXIF, GPS and next directories are itself."""
    entries = [(0x010F, 2, 2, b"A\0\0\0"), *((tag, 4, 1, struct.pack("<I", 8)) for tag in (0x8769, 0x8825))]
    packed = b"".join(struct.pack("<HHI", tag, kind, count) + value for tag, kind, count, value in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + packed + struct.pack("<I", 8)


def exif_of_many():
    """Thousands of entries that each point to the same megabyte."""
    entries = b"".join(struct.pack("<HHII", tag, 7, 1 << 20, 8) for tag in range(40_000))
    return b"II*\0" + struct.pack("<IH", 8, 40_000) + entries + bytes(1 << 20)


@pytest.mark.parametrize(
    "block",
    [
        exif_loop(),
        exif_of_many()[: 1 << 20],
        b"II*\0" + struct.pack("<I", 0xFFFFFFFF),
        b"II*\0" + struct.pack("<IH", 8, 0xFFFF),
        b"II*\0" + struct.pack("<IHHHII", 8, 1, 0x010F, 2, 0xFFFFFFFF, 0xFFFFFFFF),
        b"MM\0*",
        b"",
    ],
    ids=["loop", "many", "start", "count", "length", "short", "empty"],
)
def test_hostile_exif_is_inert(block):
    testimony = quick(png_with((b"eXIf", block)))
    assert testimony.thumbnail is None
    assert testimony.implies in ("nothing", "camera")


def test_a_preview_that_promises_gigapixels_is_not_decoded():
    preview = bytearray(saved(scene(), "JPEG"))
    at = preview.index(b"\xff\xc0")
    preview[at + 5 : at + 9] = b"\xff\xdc\xff\xdc"
    assert quick(jpeg_with((0xE1, b"Exif\0\0" + camera_exif(preview=bytes(preview))))).thumbnail is None


def test_text_that_is_shown_is_cut_and_printable():
    harm = "\x1b[31m\u202e\0\r\n<script>alert(1)</script>" + "x" * 10_000
    testimony = parse_testimony(png_with((b"iTXt", b"Software\0\0\0\0\0" + ("Midjourney " + harm).encode())))
    (statement,) = testimony.statements
    for text in (statement.value, testimony.texts[0].text):
        assert text.isprintable()
        assert len(text) <= LONGEST
    assert printable("\ud800 a") == "a"
    evil = exif_of({0x010F: "A\nB\x1b", 0x0110: "<b>" + "c" * 5000, 0x0131: "Adobe\u202e"})
    camera = parse_testimony(jpeg_with((0xE1, b"Exif\0\0" + evil)))
    assert all(sentence.isprintable() and len(sentence) < 300 for sentence in camera.sentences)


def originals():
    """A file of each kind with all that can be said in it."""
    exif, packet = b"Exif\0\0" + camera_exif(preview=saved(scene(2, 80, 54), "JPEG")), xmp_of('xmp:CreatorTool="GIMP"')
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = scene(0, 48, 32)
    every = {"exif": exif, "icc_profile": profile, "xmp": packet}
    text = b"parameters\0\0" + zlib.compress(PARAMETERS.encode())
    png = png_with((b"eXIf", exif[6:]), (b"zTXt", text), (b"caBX", b"x"), image=image)
    return {
        "JPEG": jpeg_with((0xED, iptc_of(program="GIMP")), image=image, **every),
        "PNG": png,
        "WEBP": saved(image, "WEBP", **every),
        "TIFF": saved(image, "TIFF", tiffinfo={700: packet, 305: "GIMP"}),
        "AVIF": saved(image, "AVIF", **every),
        "GIF": gif_with_xmp(packet),
    }


ORIGINALS = originals()


@pytest.mark.parametrize("kind", ORIGINALS)
@settings(max_examples=60, deadline=None)
@given(data=strategies.data())
def test_a_mutated_file_is_inert(kind, data):
    """Bytes changed, cut out and repeated; and check sums mended, so that the change gets through."""
    mutated = bytearray(ORIGINALS[kind])
    for _ in range(data.draw(strategies.integers(1, 4))):
        at = data.draw(strategies.integers(4, len(mutated) - 1))
        change = data.draw(strategies.sampled_from(["byte", "number", "cut", "repeat"]))
        if change == "byte":
            mutated[at] = data.draw(strategies.integers(0, 255))
        elif change == "number":
            mutated[at : at + 4] = data.draw(strategies.sampled_from([b"\xff" * 4, bytes(4), b"\x7f" + b"\xff" * 3]))
        elif change == "cut":
            del mutated[at : at + data.draw(strategies.integers(1, 40))]
        else:
            mutated[at:at] = mutated[at : at + 200]
        if len(mutated) < 16:
            break
    testimony = quick(_mended(bytes(mutated)) if kind == "PNG" else bytes(mutated), seconds=5)
    for sentence in testimony.sentences:
        assert sentence.isprintable()


def _mended(data):
    """Give the chunks of a PNG right check sums, as far as its structure goes."""
    out, at = bytearray(data), 8
    while at + 12 <= len(out):
        length = int.from_bytes(out[at : at + 4], "big")
        if at + 12 + length > len(out):
            break
        out[at + 8 + length : at + 12 + length] = zlib.crc32(out[at + 4 : at + 8 + length]).to_bytes(4, "big")
        at += 12 + length
    return bytes(out)


def test_a_chunk_with_a_wrong_check_sum_is_not_read():
    data = bytearray(png_with((b"tEXt", b"parameters\0" + PARAMETERS.encode())))
    data[data.index(b"lighthouse")] ^= 1
    testimony = parse_testimony(bytes(data))
    assert testimony.statements == ()
    assert testimony.notes == ("a tEXt chunk was not read: wrong check sum",)


def test_reading_is_quick_and_does_not_decode(monkeypatch):
    """A photograph of 12 megapixels, by the bytes that were read for its pixels anyway."""
    image = scene(0, 4000, 3000)
    data = jpeg_with((0xE1, b"Exif\0\0" + camera_exif(preview=saved(image.resize((160, 120)), "JPEG"))), image=image)
    pixels = np.asarray(image)
    parse_testimony(data, pixels=pixels)

    def refuse(*args, **options):
        raise AssertionError("the picture is decoded")

    monkeypatch.setattr(Image.Image, "load", refuse)
    monkeypatch.setattr("freqforensics.images.testimony.testimony.reduced_jpeg", refuse)
    times = []
    for _ in range(5):
        start = time.process_time()
        testimony = parse_testimony(data, pixels=pixels)
        times.append(time.process_time() - start)
    assert not testimony.thumbnail.differs
    assert testimony.notes == ()
    assert min(times) < 0.05


def test_what_is_no_image_says_nothing():
    for data in (b"", b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP", b"GIF89a", b"hello", io.BytesIO().read()):
        assert quick(data).statements == ()
