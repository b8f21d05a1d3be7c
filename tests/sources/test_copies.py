"""Copies count once, near copies are named, and one layout or one photograph many times is no generator."""

from __future__ import annotations

import io
import json
import sys

import numpy as np
import pytest
from pictures import picture, write
from PIL import Image, ImageDraw

from freqforensics.cli import main
from freqforensics.fingerprints.sets import image_sets
from freqforensics.sources.copies import difference_hash, distinct_files, near_copies
from freqforensics.sources.sources import index_sources
from freqforensics.spectra import SpectrumSpec, file_evidence, mean_spectrum
from freqforensics.spectra.files import COPIES, NEAR_COPIES
from freqforensics.spectra.layout import LayoutAccumulator
from freqforensics.studies.compare import compare_study
from freqforensics.studies.origin import origin_study
from freqforensics.studies.spectrum import spectrum_study
from freqforensics.studies.upsampling import upsampling_study

SPEC = SpectrumSpec(size=64)


def screenshot(rng, side=256):
    """A list of messages: bars, round portraits, two lines of words in every row."""
    image = Image.new("RGB", (side, side), (250, 250, 250))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, side, 31), fill=(33, 150, 243))
    for top in range(40, side - 32, 32):
        draw.ellipse((8, top, 32, top + 24), fill=tuple(int(v) for v in rng.integers(0, 200, 3)))
        for line, shade in ((top, 20), (top + 12, 120)):
            draw.text((40, line), "".join(rng.choice(list("abcdefghimnorstu  "), 24)), fill=(shade,) * 3)
        draw.line((40, top + 28, side, top + 28), fill=(220, 220, 220))
    return np.asarray(image)


def test_equal_files_are_those_of_equal_bytes(tmp_path, rng):
    contents = [b"a", b"b", b"a", b"long", b"", b"b", b""]
    paths = []
    for index, content in enumerate(contents):
        paths.append(tmp_path / str(index))
        paths[-1].write_bytes(content)
    assert distinct_files(paths) == [0, 1, 3, 4, 6]  # of an empty file nothing is known
    missing = tmp_path / "missing"
    assert distinct_files([missing, paths[0], missing, paths[2]]) == [0, 1, 2]


def test_near_copies_are_those_within_three_bits_of_an_earlier_one(rng):
    base = [int(v) for v in rng.integers(0, 2**62, 60)]
    hashes = [-1, *base, -1]
    for bits in (0, 1, 2, 3, 4, 5, 3, 4):
        flips = rng.choice(64, bits, replace=False)
        hashes.append(base[int(rng.integers(60))] ^ sum(1 << int(bit) for bit in flips))
    slow = [
        index
        for index, one in enumerate(hashes)
        if one >= 0 and any(other >= 0 and bin(one ^ other).count("1") <= 3 for other in hashes[:index])
    ]
    assert near_copies(hashes) == slow
    assert len(slow) == 5
    image = picture(rng)
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=80)
    again = np.asarray(Image.open(buffer))
    assert near_copies([difference_hash(image), difference_hash(again), difference_hash(picture(rng))]) == [1]
    assert near_copies([difference_hash(np.full((40, 40, 3), 9, np.uint8))] * 2) == []


def test_a_spectrum_counts_equal_files_once_and_says_so(tmp_path, rng):
    for index in range(6):
        write(tmp_path / "set" / f"{index}.png", picture(rng, 64, 64))
    alone = mean_spectrum(index_sources([tmp_path / "set"]), spec=SPEC)
    assert COPIES not in alone.notes
    assert NEAR_COPIES not in alone.notes
    for index in range(10, 30):
        (tmp_path / "set" / f"{index}.png").write_bytes((tmp_path / "set" / "0.png").read_bytes())
    records = index_sources([tmp_path / "set"])
    for found in (mean_spectrum(records, spec=SPEC), file_evidence(records, spec=SPEC).spectrum):
        assert (found.images, found.notes) == (6, {COPIES: 20})
        np.testing.assert_allclose(found.power, alone.power)
    Image.fromarray(np.asarray(Image.open(tmp_path / "set" / "1.png"))).save(tmp_path / "set" / "1.jpg", quality=90)
    with pytest.warns(match="more than one suffix"):
        records = index_sources([tmp_path / "set"])
    assert mean_spectrum(records, spec=SPEC).notes == {COPIES: 20, NEAR_COPIES: 1}


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    root, rng = tmp_path_factory.mktemp("known"), np.random.default_rng(3)
    for name, step in (("two", 2), ("four", 4)):
        for index in range(24):
            image = picture(rng, 64, 64).astype(np.int16)
            image[::step, ::step] += 12
            write(root / name / "1_fake" / f"{index}.png", np.clip(image, 0, 255).astype(np.uint8))
    return root


@pytest.mark.parametrize("saved", ["copied", "saved at another quality"])
@pytest.mark.long
def test_one_photograph_a_hundred_times_is_one_image(known, tmp_path, saved):
    rng = np.random.default_rng(4)
    photograph = Image.fromarray(picture(rng, 64, 64))
    place = tmp_path / "many" / "1_fake"
    place.mkdir(parents=True)
    for index in range(100):
        if saved == "copied":
            photograph.save(place / f"{index:03d}.png")
        else:
            photograph.save(place / f"{index:03d}.jpg", quality=96 - index // 2, optimize=bool(index % 2))
    with pytest.raises(ValueError, match="sources hold no generator's set that is large enough") as raised:
        origin_study([tmp_path], [known], permutations=1)
    assert ("counted once" if saved == "copied" else "99 look like another one") in str(raised.value)
    compared = compare_study([tmp_path, known], permutations=1, bootstrap=1, measures=["peaks"]).comparison
    assert [one.fingerprint.name for one in compared.sets] == ["four", "two"]
    if saved == "copied":
        survey = spectrum_study([tmp_path], spec=SPEC)
        assert survey.images == 1
        (spectrum,) = survey.spectra.values()
        assert (spectrum.p_value == 1).all()  # of one image there is no coherence to test
        assert spectrum.notes[COPIES] == 99


def test_a_screenshots_layout_is_no_generator(tmp_path, monkeypatch, capsys):
    rng = np.random.default_rng(5)
    for index in range(20):
        write(tmp_path / "screens" / f"{index}.png", screenshot(rng))
    survey = upsampling_study([tmp_path])
    (report,) = survey.reports.values()
    assert report.lattice.p_value < 1e-20  # today's "upsampled"
    assert (report.factor, report.explained_by) == (None, "layout")
    assert "content at equal places" in report.verdict
    (layout,) = (one for one in report.alternatives if one.name == "layout")
    assert layout.found
    assert layout.evidence > 0.5
    monkeypatch.setattr(sys, "argv", ["freqforensics", "upsampling", str(tmp_path), "--json"])
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    (told,) = json.loads(capsys.readouterr().out)
    assert told["explained_by"] == "layout"


@pytest.mark.long
def test_a_miniatures_lattice_still_is_one(tmp_path):
    pytest.importorskip("torch")
    from freqforensics.generators import simulate_from_sources

    rng = np.random.default_rng(6)
    for index in range(24):
        write(tmp_path / "photos" / f"{index}.png", picture(rng, 128, 128))
    simulate_from_sources([tmp_path / "photos"], tmp_path / "out", families=["dcgan"], size=128, scale_down=1)
    survey = upsampling_study([tmp_path / "out"])
    report = survey.reports["dcgan", "fake"]
    assert report.factor is not None
    assert report.explained_by is None
    (layout,) = (one for one in report.alternatives if one.name == "layout")
    assert (layout.found, layout.evidence) == (False, 0.0)


def test_the_share_of_unchanged_pixels(rng):
    accumulators = [LayoutAccumulator(size=32), LayoutAccumulator(size=32)]
    images = []
    for index in range(10):
        image = rng.normal(100, 20, (40, 50))
        image[:, :18] = 77 + rng.normal(0, 1)
        images.append(image)
        accumulators[index % 2].add(image)
    crops = np.stack([image[:32, :32] for image in images])
    merged = accumulators[0].merge(accumulators[1])
    assert merged.images == 10
    assert merged.unchanged() == pytest.approx(float((crops.std(axis=0) < 2).mean()))
    assert merged.unchanged() == pytest.approx(18 / 32, abs=0.01)
    few = LayoutAccumulator(size=32)
    few.add(images[0])
    assert few.unchanged() is None
    few.add(np.zeros((20, 20)))
    assert few.images == 1
    with pytest.raises(ValueError, match="crops must"):
        few.merge(LayoutAccumulator(size=64))


def test_two_sources_of_one_name_are_called_alike_everywhere(tmp_path):
    rng = np.random.default_rng(7)
    for source in ("first", "second", "deeper/second"):
        for index in range(20):
            write(tmp_path / source / "dcgan" / "1_fake" / f"{index}.png", picture(rng, 64, 64))
    sources = [tmp_path / source for source in ("first", "second", "deeper/second")]
    notes = []
    records = index_sources(sources, on_note=notes.append)
    compared = [one.fingerprint.name for one in image_sets(records).sets]
    spectra = [name for name, _ in spectrum_study(sources, spec=SPEC).spectra]
    assert compared == spectra == ["dcgan", "deeper/second/dcgan", "second/dcgan"]
    assert sum("two sources have a generator 'dcgan'" in note for note in notes) == 2
