"""Photographs' percentiles, natural amplitudes, and the nearest lattice or none."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from pictures import picture, write
from scipy import fft

from freqforensics.cli import main
from freqforensics.spectra import Population, high_pass_residual, measure_population
from freqforensics.spectra.population import POPULATION, shipped_population
from freqforensics.studies.population import population_study


def checkered(image, amplitude=8):
    made = image.astype(np.int16)
    made[::2, ::2] += amplitude
    return np.clip(made, 0, 255).astype(np.uint8)


def quartered(image, amplitude=8):
    made = image.astype(np.int16)
    made[::4, ::4] += 2 * amplitude
    return np.clip(made, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def population():
    rng = np.random.default_rng(0)
    photographs = [picture(rng, 256, 320) for _ in range(100)]
    return measure_population(
        photographs,
        {
            "checkered": [checkered(picture(rng, 256, 320)) for _ in range(40)],
            "quartered": [quartered(picture(rng, 256, 320)) for _ in range(40)],
        },
        about="drawn at random",
    )


def test_the_nearest_lattice_is_named_and_others_are_unknown(population):
    rng = np.random.default_rng(1)
    unseen = [picture(rng, 256, 320) for _ in range(20)]
    for name, change in (("checkered", checkered), ("quartered", quartered)):
        named = [population.nearest(change(image)).name for image in unseen]
        assert named.count(name) >= 18
        assert None not in named
    assert sum(population.nearest(image).name is None for image in unseen) >= 17  # p <= 0.05: one in twenty by chance
    found = population.nearest(checkered(unseen[0]))
    assert found.p_value == pytest.approx(2 / 101)
    assert [name for name, _ in found.likeness] == ["checkered", "quartered"]
    rows, columns = np.indices((256, 320))
    other = unseen[0] + 8 * np.cos(2 * np.pi * (3 * columns + 5 * rows) / 32)[..., None]  # a line that nobody has
    assert population.nearest(np.clip(other, 0, 255).astype(np.uint8)).name is None


def test_levels_are_the_residuals_power_in_decibels(population):
    rng = np.random.default_rng(2)
    image = picture(rng, 128, 128)
    found = population.standing(image)
    residual = high_pass_residual(image.astype(np.float64) @ [0.299, 0.587, 0.114])
    spectrum = np.abs(fft.fft2(residual)) ** 2 / residual.size
    radius = np.hypot(*np.meshgrid(np.fft.fftfreq(128), np.fft.fftfreq(128)))
    ring = spectrum[np.abs(radius - 0.25) < 0.5 / 64].mean()
    assert found.levels[15] == pytest.approx(10 * np.log10(ring), abs=1.0)
    assert found.frequencies[15] == 0.25
    assert found.outside < 0.5
    smooth = population.standing(np.full((96, 96, 3), 100, np.uint8))
    assert smooth.outside == 1.0


def test_natural_amplitudes_are_photographs_mean_ones():
    rng = np.random.default_rng(3)
    population = measure_population([picture(rng, 96, 128) for _ in range(30)])
    images = np.stack([picture(rng, 96, 128) for _ in range(30)]).astype(np.float64)
    expected = np.log(np.abs(fft.rfft2(images[..., 1])) ** 2).mean(axis=0)
    found = 2 * np.log(population.amplitudes((96, 128))[1])
    radius = np.hypot(np.fft.fftfreq(96)[:, None], np.fft.rfftfreq(128)[None, :])
    for low, high in ((0.05, 0.1), (0.1, 0.2), (0.2, 0.35), (0.35, 0.5)):
        ring = (radius >= low) & (radius < high)
        assert found[ring].mean() == pytest.approx(expected[ring].mean(), abs=0.35)
    twice = population.amplitudes((192, 256))[1]
    np.testing.assert_allclose(twice[::2, ::2][10, 10] / 2, population.amplitudes((96, 128))[1][10, 10], rtol=1e-5)


def test_what_is_saved_is_read(population, tmp_path):
    population.save(tmp_path / "p.npz")
    again = Population.load(tmp_path / "p.npz")
    assert again.names == population.names
    assert again.about == "drawn at random"
    image = checkered(picture(np.random.default_rng(4), 96, 96))
    assert again.nearest(image).name == population.nearest(image).name
    np.testing.assert_allclose(again.standing(image).levels, population.standing(image).levels)
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(ValueError, match="is not a saved population"):
        Population.load(tmp_path / "other.npz")


def test_bad_images_are_named(population):
    with pytest.raises(ValueError, match="64x64 pixels is needed, got 96x40"):
        population.nearest(np.zeros((40, 96, 3), np.uint8))
    with pytest.raises(ValueError, match="two or more"):
        measure_population([np.zeros((96, 96, 3), np.uint8)])
    with pytest.raises(ValueError, match="generator x has no image"):
        measure_population([picture(np.random.default_rng(0))] * 2, {"x": []})


def test_the_population_that_ships_is_of_photographs_and_nine_generators():
    shipped = shipped_population()
    assert POPULATION.stat().st_size < 200_000
    assert shipped.photographs == 375
    assert len(shipped.names) == 9
    assert "BSDS500" in shipped.about


def test_the_command_measures_sources(tmp_path, monkeypatch, capsys):
    rng = np.random.default_rng(5)
    for index in range(6):
        image = picture(rng, 96, 96)
        write(tmp_path / "photos" / f"{index}.png", image)
        write(tmp_path / "gan" / "1_fake" / f"{index}.png", checkered(image))
        write(tmp_path / "gan" / "0_real" / f"{index}.png", image)
    (tmp_path / "photos" / "6.png").write_bytes(b"no image")
    arguments = [
        "population",
        str(tmp_path / "photos"),
        "--fake",
        str(tmp_path / "gan"),
        "--out",
        str(tmp_path / "p.npz"),
    ]
    monkeypatch.setattr(sys, "argv", ["freqforensics", *arguments, "--every", "2", "--json"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 1  # one file was no image
    printed = capsys.readouterr()
    assert json.loads(printed.out) == {"out": str(tmp_path / "p.npz"), "photographs": 3, "generators": ["gan"]}
    monkeypatch.setattr(sys, "argv", ["freqforensics", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert "--overwrite" in capsys.readouterr().err
    study = population_study([tmp_path / "photos"])
    assert study.to_json() == {"photographs": 6, "generators": []}
    assert [path.rpartition("/")[2] for path, _ in study.skipped] == ["6.png"]
    assert study.population.nearest(picture(rng, 96, 96)).name is None
    assert study.notes == ()
    few = population_study([tmp_path / "photos"], fake=[tmp_path / "gan"])
    assert any("6 photographs no lattice can be named: 20 are needed" in note for note in few.notes)
    study.save(tmp_path / "q.npz")
    with pytest.raises(ValueError, match=r"q\.npz exists"):
        few.save(tmp_path / "q.npz")
    assert Population.load(tmp_path / "q.npz").names == ()
    few.save(tmp_path / "q.npz", overwrite=True)
    assert Population.load(tmp_path / "q.npz").names == ("gan",)


def test_a_uniform_image_is_like_nothing(population):
    for grey in (0, 128, 255):
        image = np.full((128, 128, 3), grey, np.uint8)
        found = population.nearest(image)
        assert (found.name, found.p_value, found.likeness, found.alike) == (None, 1.0, (), False)
        assert population.standing(image).flat
    unseen = picture(np.random.default_rng(8), 128, 128)
    assert not population.standing(unseen).flat
    assert len(population.nearest(unseen).likeness) == 2
    assert shipped_population().nearest(image).name is None


@pytest.mark.long
def test_a_generator_is_named_on_evidence_and_a_lattice_of_the_images_own():
    pytest.importorskip("torch")
    from freqforensics.attribution.outcomes import OtherCause
    from freqforensics.inspection.compare import has_lattice, may_name

    rng = np.random.default_rng(9)
    assert has_lattice(checkered(picture(rng, 96, 96), 20), ())
    assert not has_lattice(np.full((96, 96, 3), 128, np.uint8), ())
    assert not has_lattice(picture(rng, 40, 40), ())  # of one tile nothing follows
    assert sum(has_lattice(picture(rng, 96, 96), ()) for _ in range(40)) <= 8  # 0.05: more than 8 with p = 4e-4
    for found in (True, False, None):  # what the test with JPEG's grid says goes first
        cause = OtherCause("lattice of tiles", found, "")
        assert has_lattice(checkered(picture(rng, 96, 96), 20), (cause,)) is bool(found)
    assert may_name("evidence", checkered(picture(rng, 96, 96), 20), ())
    assert not may_name("inconclusive", checkered(picture(rng, 96, 96), 20), ())
    assert not may_name("evidence", np.full((96, 96, 3), 128, np.uint8), ())
