"""What a file says beside the verdict: told where they do not agree, and never part of the score."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from credentials import signed
from pictures import picture
from PIL import Image, PngImagePlugin
from statements import PARAMETERS, camera_exif, jpeg_with, png_texts, saved, scene

from freqforensics.cli import main
from freqforensics.detector import make_detector
from freqforensics.detector.calibrated import known_detector
from freqforensics.images import parse_testimony
from freqforensics.inspection import inspect, judge_image
from freqforensics.inspection.disagree import contradictions

CAPTURE = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
GENERATOR = parse_testimony(png_texts({"parameters": PARAMETERS}))
CAMERA = parse_testimony(jpeg_with((0xE1, b"Exif\0\0" + camera_exif())))
PLAIN = parse_testimony(saved(scene(), "JPEG"))


@pytest.mark.parametrize(
    ("testimony", "verdict", "words"),
    [
        (GENERATOR, "none", "The detector finds no evidence, but the file says that a generator made it"),
        (GENERATOR, "inconclusive", "The score is inconclusive, but the file says that a generator made it"),
        (GENERATOR, "cannot-judge", "The image cannot be judged, but the file says that a generator made it"),
        (CAMERA, "evidence", "The detector finds evidence of a generator, but the file names a camera."),
    ],
)
def test_contradictions_are_told(testimony, verdict, words):
    (sentence,) = contradictions(testimony, verdict)
    assert sentence.startswith(words)
    assert "Anyone can write" in sentence


@pytest.mark.parametrize("verdict", ["evidence", "inconclusive", "none", "cannot-judge"])
def test_what_agrees_or_says_nothing_is_no_contradiction(verdict):
    assert contradictions(None, verdict) == contradictions(PLAIN, verdict) == ()
    if verdict == "evidence":
        assert contradictions(GENERATOR, verdict) == ()
    else:
        assert contradictions(CAMERA, verdict) == ()


def test_signed_statements_weigh_more():
    pytest.importorskip("c2pa")
    camera = parse_testimony(signed(source=CAPTURE))
    (sentence,) = contradictions(camera, "evidence")
    assert "content credentials signed by Test Signer say that a camera took the image" in sentence
    assert "Whether the issuer is who it says was not checked" in sentence
    (sentence,) = contradictions(parse_testimony(signed()), "none")
    assert "A signature that holds covers that statement. Whether the issuer is who it says was not" in sentence
    broken = bytearray(signed(source=CAPTURE))
    broken[-40] ^= 1
    (sentence,) = contradictions(parse_testimony(bytes(broken)), "evidence")
    assert "Anyone can write" in sentence


def test_a_file_that_names_both_says_so():
    data = jpeg_with((0xE1, b"Exif\0\0" + camera_exif(software="Midjourney")))
    assert contradictions(parse_testimony(data), "evidence")[-1] == "The file names both a camera and a generator."


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The same pixels, plain and naming a generator; and grey ones, which cannot be judged."""
    folder = tmp_path_factory.mktemp("files")
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", PARAMETERS)
    pixels = {"": picture(np.random.default_rng(0), 96, 128), "grey-": np.full((96, 128, 3), 128, np.uint8)}
    for name, values in pixels.items():
        Image.fromarray(values).save(folder / f"{name}plain.png")
        Image.fromarray(values).save(folder / f"{name}named.png", pnginfo=info)
    return folder


def test_statements_do_not_enter_the_score(files):
    detector = known_detector(make_detector(input="residual", seed=0))
    plain, named = (judge_image(files / f"{name}.png", detector) for name in ("plain", "named"))
    array = judge_image(np.asarray(Image.open(files / "plain.png")), detector)
    assert plain.score == named.score == array.score
    assert (plain.image.testimony.implies, named.image.testimony.implies) == ("nothing", "generator")
    assert (named.image.testimony.width, named.image.testimony.height) == (128, 96)
    assert array.image.testimony is None


@pytest.mark.long
def test_a_finding_has_what_the_file_says(files):
    detector = make_detector(input="residual", seed=0)
    named = inspect(files / "grey-named.png", detector)
    assert named.testimony == parse_testimony((files / "grey-named.png").read_bytes())
    assert named.contradictions == contradictions(named.testimony, "cannot-judge") != ()
    assert inspect(files / "grey-plain.png", detector).contradictions == ()


def test_the_command_prints_a_line(files, monkeypatch, capsys):
    def printed(*names):
        paths = [str(files / name) for name in names]
        monkeypatch.setattr(sys, "argv", ["freqforensics", "inspect", *paths, "--fast"])
        with pytest.raises(SystemExit) as end:
            main()
        assert not end.value.code
        return capsys.readouterr()

    both = printed("grey-plain.png", "grey-named.png")
    line = "The file says that it was made by Stable Diffusion (AUTOMATIC1111) with the model sd-v1-5."
    assert f"\ngrey-named.png: {line}\n" in both.out
    assert "nothing of its origin" not in both.out
    assert "grey-named.png: The image cannot be judged, but the file says that a generator made it" in both.err
    assert "\nThe file says nothing of its origin.\n" in printed("grey-plain.png").out
