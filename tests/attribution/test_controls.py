"""Lines that a notch and an order of frequencies are compared with."""

from __future__ import annotations

import numpy as np
import pytest
from pictures import picture
from scipy import fft
from scipy.stats import chisquare

from freqforensics.attribution import lattice_lines, notched
from freqforensics.attribution.controls import MatchedLines, RadiusRings
from freqforensics.attribution.notches import LoneNotches, image_of, line_bin, lone_notch, notch_change, spectra_of
from freqforensics.spectra import notch_mask

SHAPE = (96, 128)


def with_wave(rng, fx=0.25, fy=0.25, amplitude=6.0):
    rows, columns = np.indices(SHAPE)
    wave = amplitude * np.cos(2 * np.pi * (fx * columns + fy * rows) + 0.3)
    return picture(rng, *SHAPE).astype(np.float32) + wave[..., None].astype(np.float32)


def bins(line):
    return line_bin(line, 32)


def radius(line):
    return 32 * float(np.hypot(*line))


def test_rings_are_permuted_and_nothing_else(rng):
    rings = RadiusRings()
    assert sorted(index for ring in rings.rings for index in ring) == list(range(513))
    assert min(map(len, rings.rings)) >= 8
    everything = rings.shuffled(rings.lines, rng)
    assert {bins(line) for line in everything} == {bins(line) for line in rings.lines}
    assert everything != rings.lines
    ring_of = {bins(rings.lines[index]): number for number, ring in enumerate(rings.rings) for index in ring}
    for line, other in zip(rings.lines, everything, strict=True):
        assert ring_of[bins(line)] == ring_of[bins(other)]
        if 2.6 < radius(line) < 20.4:
            assert abs(radius(line) - radius(other)) <= 1
    # The mirror image of a frequency is the same one.
    mirrored = [(-fx, -fy) for fx, fy in rings.lines]
    assert rings.shuffled(mirrored, np.random.default_rng(1)) == rings.shuffled(rings.lines, np.random.default_rng(1))


def test_every_order_of_a_ring_is_as_likely():
    rings, rng = RadiusRings(8), np.random.default_rng(0)
    ring = max(rings.rings, key=len)
    members = [rings.lines[index] for index in ring]
    counts = dict.fromkeys(members, 0)
    for _ in range(2000):
        counts[rings.shuffled(members[:1], rng)[0]] += 1
    assert chisquare(list(counts.values())).pvalue > 1e-3


@pytest.mark.parametrize("line", [(0.0, 0.0), (0.3, 0.25)])
def test_frequencies_that_are_in_no_ring_are_refused(line, rng):
    with pytest.raises(ValueError, match="multiples of 1/32"):
        RadiusRings().shuffled([line], rng)


def test_changes_of_many_lines_are_those_of_single_notches(rng):
    spectra = spectra_of(with_wave(rng) - 128)
    lines = [(0.25, 0.25), (0.5, 0.0), (-0.25, 0.125)]
    whole = LoneNotches(spectra, SHAPE).beside(np.zeros((SHAPE[0], SHAPE[1] // 2 + 1), bool), spectra)[1]
    notches = {line: lone_notch(spectra, line, SHAPE) for line in lines}
    for line in lines:
        single = notch_change(spectra, [line], SHAPE)
        np.testing.assert_array_equal(whole * notch_mask(SHAPE, [line]), single)
        before, after = image_of(spectra, SHAPE), image_of(spectra + single, SHAPE)
        pixels = SHAPE[0] * SHAPE[1]
        assert notches[line].energy == pytest.approx(((after - before) ** 2).sum(dtype=float) * pixels, rel=1e-3)
        power = (before.astype(float) ** 2 - after.astype(float) ** 2).sum() * pixels
        assert notches[line].removed == pytest.approx(power, rel=1e-2)


def test_levels_are_medians_of_what_is_free(rng):
    """Against the obvious way: the full spectrum, one bin after the other."""
    image = picture(rng, *SHAPE).astype(np.float32)
    lines = [(0.25, 0.25), (0.0, 0.25), (0.5, 0.5)]
    before, after = (np.abs(fft.fft2(given, axes=(0, 1))) for given in (image, notched(image, lines)))
    mask = np.zeros(SHAPE, bool)
    for fx, fy in lines:
        for sign in (1, -1):
            for down in (-1, 0, 1):
                for right in (-1, 0, 1):
                    row, column = sign * (round(fy * SHAPE[0]) + down), sign * (round(fx * SHAPE[1]) + right)
                    mask[row % SHAPE[0], column % SHAPE[1]] = True
    taken = mask.copy()
    taken[0, 0] = True
    near = np.arange(-7, 8)
    for row, column in np.argwhere(mask):
        window = np.ix_((row + near) % SHAPE[0], (column + near) % SHAPE[1])
        expected = np.median(before[window][~taken[window]], axis=0)
        np.testing.assert_allclose(after[row, column], expected, rtol=2e-3)


def test_controls_of_a_notch_have_its_radii_and_its_energy(rng):
    spectra = spectra_of(picture(rng, *SHAPE))
    lines = [lattice_lines(32)[index] for index in rng.permutation(513)[:8]]
    matched = MatchedLines(spectra, lines, SHAPE)
    energy = (np.abs(notch_change(spectra, lines, SHAPE)) ** 2).sum()
    controls = matched.draw(100, rng)
    assert len(set(controls)) == 100
    ratios = []
    for control in controls:
        assert len(set(control)) == len(control) >= 8
        assert not (notch_mask(SHAPE, control) & notch_mask(SHAPE, lines)).any()
        for line, other in zip(lines, control, strict=False):
            # A ring of 96 of 513 frequencies is wide where the plane ends.
            assert abs(radius(line) - radius(other)) < (4 if radius(line) < 14 else 8)
        change = matched.change(control)
        assert not np.abs(change[:, ~notch_mask(SHAPE, control)]).any()
        ratios.append((np.abs(change) ** 2).sum() / energy)
    assert np.median(ratios) == pytest.approx(1, abs=0.25)


def test_a_strong_line_is_matched_by_several(rng):
    spectra = spectra_of(with_wave(rng, amplitude=1.5))
    matched = MatchedLines(spectra, [(0.25, 0.25)], SHAPE)
    controls = matched.draw(100, rng)
    # No control is drawn twice, so there are as many as there are lines to begin with.
    assert len(controls) == 39
    energies = [(np.abs(matched.change(control)) ** 2).sum() for control in controls]
    energy = (np.abs(notch_change(spectra, [(0.25, 0.25)], SHAPE)) ** 2).sum()
    assert min(map(len, controls)) > 1
    assert np.median(energies) == pytest.approx(energy, rel=0.25)


def test_where_all_lines_are_taken_out_there_are_no_controls(rng):
    spectra = spectra_of(picture(rng, *SHAPE))
    assert MatchedLines(spectra, lattice_lines(32), SHAPE).draw(5, rng) == []
