from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from pictures import picture, write, write_tree
from PIL import Image

from freqforensics.spectra import MeanSpectrum, SpectrumSpec
from freqforensics.studies.spectrum import spectrum_study

SPEC = SpectrumSpec(size=32)


@pytest.fixture
def tree(tmp_path: Path, rng: np.random.Generator) -> Path:
    return write_tree(tmp_path / "data", rng, ("biggan", "crn", "san"), count=8, shape=(40, 48))


def test_a_group_draws_the_same_whatever_else_is_there(tree):
    options = {"spec": SpectrumSpec(size=32, crop="random", align=1), "limit": 3, "seed": 7}
    whole = spectrum_study([tree], **options)
    alone = spectrum_study([tree / "san"], label="fake", **options)
    np.testing.assert_array_equal(whole.spectra["san", "fake"].power, alone.spectra["san", "fake"].power)
    assert list(alone.spectra) == [("san", "fake")]
    other = spectrum_study([tree], **{**options, "seed": 8})
    assert not np.array_equal(whole.spectra["san", "fake"].power, other.spectra["san", "fake"].power)


@pytest.mark.long
@pytest.mark.parametrize("images", [1, 2, 3])
def test_figures_of_few_images_are_drawn(tmp_path, rng, images):
    """Their power is hardly bounded, and the bounds have a finite place on the page."""
    for index in range(images):
        write(tmp_path / "data" / f"{index}.png", picture(rng, 40, 48))
    spectrum_study([tmp_path / "data"], spec=SPEC).save(tmp_path / "out")
    assert (tmp_path / "out" / "profiles.png").stat().st_size > 1000


@pytest.mark.long
def test_a_group_without_usable_images_is_reported(tree, tmp_path, rng):
    write(tree / "tiny" / "1_fake" / "a.png", picture(rng, 9, 9))
    survey = spectrum_study([tree], spec=SPEC)
    row = survey.groups()[-1]
    assert (row["generator"], row["images"], row["skipped"], row["line"], row["file"]) == (
        "tiny",
        0,
        {"smaller than 32x32": 1},
        None,
        None,
    )
    survey.save(tmp_path / "out")
    assert not (tmp_path / "out" / "spectra" / "tiny-fake.npz").exists()
    assert MeanSpectrum.load(tmp_path / "out" / "spectra" / "crn-real.npz").images == 8
    assert (tmp_path / "out" / "summary.csv").read_text().splitlines()[-1] == "tiny,fake,0,0,1,0,,,,,,,"


def test_bad_parameters_are_named(tree):
    with pytest.raises(ValueError, match=r"label must .*got 'both'"):
        spectrum_study([tree], label="both")
    with pytest.raises(ValueError, match="no image was averaged: 48 are smaller than 64x64"):
        spectrum_study([tree], spec=SpectrumSpec(size=64))
    with pytest.raises(ValueError, match="no image with label 'fake'"):
        spectrum_study([tree / "crn" / "0_real"], label="fake")


def test_why_nothing_was_averaged_stays_on_one_line(tmp_path):
    (tmp_path / "two\nlines.png").write_bytes(b"")
    with pytest.raises(ValueError, match="1 cannot be read") as caught:
        spectrum_study([tmp_path])
    assert "\n" not in str(caught.value)


@pytest.mark.long
def test_figures_for_a_journal_have_its_width_and_formats(tree, tmp_path):
    study = spectrum_study([tree], spec=SPEC)
    study.save(tmp_path / "out", width=89, formats=["svg", "png"])
    names = {path.name for path in (tmp_path / "out").iterdir() if path.suffix in (".png", ".pdf", ".svg")}
    assert names == {f"{name}.{suffix}" for name in ("fingerprints", "profiles") for suffix in ("png", "svg")}
    with Image.open(tmp_path / "out" / "fingerprints.png") as picture_of_it:
        assert picture_of_it.width == pytest.approx(89 / 25.4 * 300, abs=1)
    svg = (tmp_path / "out" / "profiles.svg").read_text(encoding="utf-8")
    assert float(re.search(r'width="([\d.]+)pt"', svg)[1]) == pytest.approx(89 / 25.4 * 72, rel=1e-4)
    for options, message in (
        ({"formats": ["eps"]}, "formats must be of png, pdf, svg, got eps"),
        ({"formats": []}, "formats must .*, got none"),
        ({"width": 50}, "width must be 84 to 1000 mm, got 50"),
        ({"width": 100, "columns": 2}, "width must be 168 to 1000 mm for 2 columns, got 100"),
        ({"columns": 0}, "columns must be at least 1, got 0"),
    ):
        with pytest.raises(ValueError, match=message):
            study.save(tmp_path / "other", **options)
    assert not (tmp_path / "other").exists()


@pytest.mark.long
def test_the_least_width_is_wide_enough_for_all_labels(tree, tmp_path, rng):
    for index in range(2):
        write(tmp_path / "plain" / f"{index}.png", picture(rng, 40, 48))
    study = spectrum_study([tree, tmp_path / "plain"], spec=SPEC)
    assert {label for _, label in study.spectra} == {"real", "fake", "unknown"}
    study.save(tmp_path / "one", width=84, formats=["svg"])
    study.save(tmp_path / "two", width=168, columns=2, formats=["svg"])
