from __future__ import annotations

import numpy as np
import pytest
from pictures import picture

from freqforensics.generators import load_miniature, randomised
from freqforensics.generators.randomised import Faker, Window, miniatures_on
from freqforensics.spectra import SpectrumAccumulator, SpectrumSpec, estimate_upsampling, match_radial_power


def test_a_fake_is_drawn_from_rng_alone(rng):
    photo = picture(rng, 64, 96)
    for kinds in (("polyphase",), ("miniature",), ("miniature", "polyphase")):
        faker = Faker(kinds)
        one, same, other = (faker(photo, np.random.default_rng(seed)) for seed in (1, 1, 2))
        assert one.shape == photo.shape
        assert one.dtype == np.uint8
        assert np.array_equal(one, same)
        assert not np.array_equal(one, other)


def test_without_alignment_a_fake_is_what_a_miniature_makes(rng, tmp_path):
    photo = picture(rng, 64, 64)
    fitted = load_miniature("cyclegan")
    fitted.save(tmp_path / "shelf")
    expected = fitted.model.regenerate([photo])[0]
    alone = Faker(("miniature",), (), str(tmp_path / "shelf"))
    assert np.array_equal(alone(photo, rng), expected)
    # Mixed with its photo it lies between the two: one miniature of one kind is drawn, then the part.
    source = np.random.default_rng(7)
    source.integers(1), source.integers(1)
    part = source.uniform(0, randomised.GREATEST_MIXUP)
    mixed = Faker(("miniature",), ("mixup",), str(tmp_path / "shelf"))(photo, np.random.default_rng(7))
    assert 0.1 < part < 0.6
    assert np.abs(part * photo + (1 - part) * expected - mixed).max() <= 0.51


def test_radial_alignment_is_that_of_spectra(rng, tmp_path):
    load_miniature("crn").save(tmp_path)
    photo = picture(rng, 96, 96)
    plain, aligned = (Faker(("miniature",), how, str(tmp_path))(photo, rng) for how in ((), ("radial",)))
    assert np.abs(np.clip(match_radial_power(plain, photo), 0, 255) - aligned).max() <= 0.51


def test_polyphase_fakes_have_a_lattice_and_photos_none(rng, monkeypatch):
    """One filter for all: the lattice is there after alignment, too."""
    monkeypatch.setattr(randomised, "PERIODS", (4,))
    faker = Faker(("polyphase",), difficulty=0.5)
    real, fake = SpectrumAccumulator(SpectrumSpec(size=64)), SpectrumAccumulator(SpectrumSpec(size=64))
    for _ in range(60):
        photo = picture(rng, 64, 64)
        real.update([photo])
        fake.update([faker(photo, np.random.default_rng(5))])
    assert estimate_upsampling(real.result()).factor is None
    assert estimate_upsampling(fake.result()).factor == 4


def test_easy_fakes_are_far_from_their_photos(rng):
    photos = [picture(rng, 64, 64).astype(int) for _ in range(12)]

    def distance(difficulty):
        faker = Faker(("polyphase",), difficulty=difficulty)
        return np.mean([np.abs(faker(p.astype(np.uint8), rng) - p).mean() for p in photos])

    assert distance(0.0) > 2 * distance(1.0)


@pytest.mark.parametrize("size", [48, 96])
def test_windows_have_one_size_whatever_the_photo(rng, size):
    for height, width in ((40, 200), (100, 120), (400, 300)):
        photo = picture(rng, height, width)
        for _ in range(6):
            assert Window(size)(photo, rng).shape == (size, size, 3)


def test_what_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"kinds must .*got 'gan'"):
        Faker(("gan",))
    with pytest.raises(ValueError, match="kinds must"):
        Faker(())
    with pytest.raises(ValueError, match=r"alignment must .*got 'jpeg'"):
        Faker(alignment=("jpeg",))
    with pytest.raises(ValueError, match="difficulty must"):
        Faker(difficulty=2)
    with pytest.raises(FileNotFoundError, match="no fitted miniature"):
        miniatures_on(str(tmp_path))
