from __future__ import annotations

import re

import cv2
import numpy as np
import pytest
from pictures import picture, write

from freqforensics.generators.plain import SIZE, TILE, write_upsampled_photographs
from freqforensics.images import read_image
from freqforensics.report import Chapter, render_tour
from freqforensics.sources.records import by_generator
from freqforensics.sources.sources import index_images
from freqforensics.spectra import SpectrumSpec, mean_spectrum
from freqforensics.studies.demo import demo_study


@pytest.mark.long
def test_bundled_photographs_and_their_upsampled_twins(tmp_path):
    count = write_upsampled_photographs(tmp_path)
    groups = by_generator(index_images(tmp_path))
    assert {name for name, _ in groups} == {"nearest", "bilinear", "zero-insertion", "transposed-3x3"}
    assert {len(records) for records in groups.values()} == {count}
    assert count >= 60

    real, fake = (read_image(groups["nearest", label][0].path) for label in ("real", "fake"))
    assert real.shape == fake.shape == (TILE, TILE, 3)
    np.testing.assert_array_equal(fake[::2, ::2], fake[1::2, 1::2])
    halves = [
        cv2.resize(image.astype(np.float32), (TILE // 2, TILE // 2), interpolation=cv2.INTER_AREA)
        for image in (real, fake)
    ]
    np.testing.assert_allclose(halves[0], halves[1], atol=0.51)  # same content, rounded

    # What theory says of the four: coherent lines at Nyquist only where the phases' sums differ.
    spectra = {
        name: mean_spectrum(groups[name, "fake"], spec=SpectrumSpec(size=SIZE, residual="none"), limit=100)
        for name in ("bilinear", "transposed-3x3", "zero-insertion")
    }
    nyquist = {name: float(s.coherence[SIZE // 2, 0] * s.images) for name, s in spectra.items()}
    assert nyquist["transposed-3x3"] > 20
    assert nyquist["bilinear"] < 12
    power = spectra["zero-insertion"].power
    low, replica = power[1:8, 1:8].mean(), power[SIZE // 2 + 1 : SIZE // 2 + 8, 1:8].mean()
    assert 0.5 < replica / low < 2  # zero insertion repeats the spectrum


@pytest.mark.long
def test_photographs_of_ones_own(tmp_path):
    rng = np.random.default_rng(0)
    for index in range(5):
        write(tmp_path / "own" / f"{index}.png", picture(rng, 400, 560))
    write(tmp_path / "own" / "small.png", picture(rng, 100, 100))
    (tmp_path / "own" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    skipped = []
    count = write_upsampled_photographs(
        tmp_path / "out", [tmp_path / "own"], on_skip=lambda path, reason: skipped.append((path, reason))
    )
    assert count == 30
    ((path, reason),) = skipped
    assert path.endswith("broken.png")
    assert reason
    groups = by_generator(index_images(tmp_path / "out"))
    assert len(groups["nearest", "real"]) == 30
    made = read_image(tmp_path / "out" / "nearest" / "0_real" / "001-160-320.png")
    whole = read_image(tmp_path / "own" / "1.png")
    # The middle, from a multiple of 16 on: (400 - 320) / 2 and (560 - 480) / 2, downwards.
    np.testing.assert_array_equal(made, whole[32 + 160 : 32 + 320, 32 + 320 : 32 + 480])


def test_too_few_photographs(tmp_path):
    write(tmp_path / "own" / "one.png", picture(np.random.default_rng(0), 400, 560))
    with pytest.raises(ValueError, match="give 6 crops of 160x160 pixels; an average needs 20"):
        write_upsampled_photographs(tmp_path / "out", [tmp_path / "own"])


def test_a_tour_says_what_it_shows_and_no_more(tmp_path):
    write(tmp_path / "a.png", picture(np.random.default_rng(0), 32, 32))
    chapters = [
        Chapter("One <b>", "Words & more.", ((tmp_path / "a.png", "below <it>"),), (("a link", "fold er/x.csv"),)),
        Chapter("Two", "No picture."),
    ]
    page = render_tour("A tour", chapters, seconds=12.4)
    assert "1. One &lt;b&gt;" in page
    assert "below &lt;it&gt;" in page
    assert 'href="fold%20er/x.csv"' in page
    assert page.count("data:image/png;base64,") == 1
    assert "in 12 seconds" in page
    assert "http" not in page
    assert "seconds" not in render_tour("A tour", chapters[1:])


def test_a_tour_says_its_verdicts_and_gives_wide_pictures_the_width(tmp_path):
    rng = np.random.default_rng(0)
    write(tmp_path / "wide.png", picture(rng, 32, 64))
    write(tmp_path / "square.png", picture(rng, 32, 32))
    verdicts = (("evidence", "evidence <1>", "The fake"), ("none", "no evidence", "The photograph"))
    pictures = ((tmp_path / "wide.png", "wide"), (tmp_path / "square.png", "square"), (tmp_path / "square.png", ""))
    page = render_tour("A tour", [Chapter("One", "Words.", pictures, (), verdicts)])
    assert '<p class="verdict small for">The fake: <strong>evidence &lt;1&gt;</strong></p>' in page
    assert '<p class="verdict small against">The photograph: <strong>no evidence</strong></p>' in page
    figures = re.findall(r'<figure class="(.*?)">', page)
    assert figures == ["across", "", "across"]
    assert 'width="64" height="32"' in page


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "scores").mkdir()
    (tmp_path / "scores" / "mine.txt").write_text("mine")
    with pytest.raises(ValueError, match="is not empty: overwrite must"):
        demo_study(tmp_path)
    assert (tmp_path / "scores" / "mine.txt").read_text() == "mine"
