from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage
import scipy.stats

from freqforensics.spectra import (
    ResamplingTrace,
    SpectrumAccumulator,
    SpectrumSpec,
    estimate_upsampling,
    find_peaks,
    lattice_test,
)
from freqforensics.spectra.lattice import _holm


def averaged(planes, size=64, **options):
    accumulator = SpectrumAccumulator(SpectrumSpec(size=size, residual="none", align=1, **options))
    accumulator.update(planes)
    return accumulator.result()


def checkered(rng, count: int, factor: int, size: int = 64, strength: float = 0.4) -> np.ndarray:
    """Noise whose mean has a random pattern of period `factor`: what a chain of x2 layers with a bias leaves."""
    tile = rng.normal(0, strength, (factor, factor))
    return rng.normal(0, 1, (count, size, size)) + np.tile(tile, (size // factor, size // factor))


@pytest.mark.long
def test_noise_is_said_to_have_a_lattice_at_most_at_the_stated_rate(rng):
    p = np.array([lattice_test(averaged(rng.normal(0, 1, (30, 32, 32)), 32)).p_value for _ in range(300)])
    for level in (0.05, 0.2):
        assert (p < level).mean() <= level + 3 * np.sqrt(level * (1 - level) / 300)
    assert (p < 0.5).mean() > 0.1  # a test that never fires would pass the lines above


@pytest.mark.long
def test_evidence_of_each_denominator_is_calibrated(rng):
    tests = [lattice_test(averaged(rng.normal(0, 1, (30, 32, 32)), 32)) for _ in range(200)]
    for column in np.transpose([[e.p_value for e in test.evidence] for test in tests]):
        assert scipy.stats.kstest(column, "uniform", alternative="greater").pvalue > 1e-3  # never too small


@pytest.mark.parametrize("factor", [2, 4, 8, 16])
def test_the_largest_denominator_is_the_factor(rng, factor):
    report = estimate_upsampling(averaged(checkered(rng, 100, factor)))
    assert report.factor == factor
    assert report.lattice.p_value < 1e-6
    assert report.verdict == f"lattice of 1/{factor}"
    finer = [e for e in report.lattice.evidence if e.denominator > factor]
    assert all(e.p_corrected > 0.05 for e in finer)


def test_aligned_content_is_no_lattice(rng):
    """A common smooth picture makes low frequencies coherent, on the lattice and beside it alike."""
    common = scipy.ndimage.gaussian_filter(rng.normal(0, 1, (64, 64)), 1.5, mode="wrap")
    planes = rng.normal(0, 1, (60, 64, 64)) + 4 * common / common.std()
    spectrum = averaged(planes)
    assert spectrum.coherence[4, 4] * 60 > 5
    assert estimate_upsampling(spectrum).factor is None
    assert len(find_peaks(spectrum, background="none")) > 50
    assert len(find_peaks(spectrum)) < 5


def test_a_control_with_the_same_lattice_takes_the_evidence_away(rng):
    tile = rng.normal(0, 0.4, (4, 4))
    sets = [averaged(rng.normal(0, 1, (80, 64, 64)) + np.tile(tile, (16, 16))) for _ in range(2)]
    noise = averaged(rng.normal(0, 1, (80, 64, 64)))
    assert estimate_upsampling(sets[0]).factor == 4
    assert estimate_upsampling(sets[0], control=noise).factor == 4
    controlled = estimate_upsampling(sets[0], control=sets[1])
    assert controlled.factor is None
    assert controlled.lattice.controlled


def trace_with(lines: dict[float, float], images: int = 100) -> ResamplingTrace:
    f = np.fft.rfftfreq(248)
    power = np.random.default_rng(0).gamma(images, 1 / images, (2, f.size))
    for line, height in lines.items():
        power[:, np.abs(f - line).argmin()] *= height
    return ResamplingTrace(images, f, power)


def test_jpegs_grid_explains_a_weak_lattice_but_not_a_strong_one(rng):
    grid = trace_with({1 / 8: 5, 1 / 4: 5, 3 / 8: 5})
    weak = averaged(checkered(rng, 600, 8, strength=0.02))
    assert estimate_upsampling(weak).factor == 8
    explained = estimate_upsampling(weak, trace=grid)
    assert (explained.factor, explained.explained_by) == (None, "jpeg-grid")
    assert "JPEG" in explained.verdict
    strong = estimate_upsampling(averaged(checkered(rng, 100, 8)), trace=grid)
    assert (strong.factor, strong.explained_by) == (8, None)
    assert "besides jpeg-grid" in strong.verdict


def test_alternatives_are_tested_not_assumed(rng):
    spectrum = averaged(rng.normal(0, 1, (50, 64, 64)))
    none = estimate_upsampling(spectrum, trace=trace_with({}))
    assert [(a.name, a.found) for a in none.alternatives] == [("jpeg-grid", False), ("resampling", False)]
    resized = estimate_upsampling(spectrum, trace=trace_with({1 / 3: 6}))
    alternative = resized.alternatives[1]
    assert alternative.found
    assert alternative.frequency == pytest.approx(1 / 3, abs=1 / 248)
    # Five of JPEG's six lines are not a grid.
    incomplete = trace_with({1 / 4: 5, 3 / 8: 5})
    assert not estimate_upsampling(spectrum, trace=incomplete).alternatives[0].found
    assert estimate_upsampling(spectrum).alternatives == ()


def test_peaks_are_those_planted_and_few_others(rng):
    y, x = np.mgrid[:64, :64]
    wave = sum(np.cos(2 * np.pi * (ky * y + kx * x) / 64 + kx) for ky, kx in [(5, 9), (-7, 20), (0, 32)])
    lines = find_peaks(averaged(rng.normal(0, 1, (60, 64, 64)) + 0.3 * wave))
    found = {(round(line.fy * 64), round(line.fx * 64)) for line in lines}
    assert {(5, 9), (-7, 20), (0, 32)} <= found
    assert len(found) <= 5
    assert all(line.p_corrected <= 0.05 for line in lines)
    assert [line.p_value for line in lines] == sorted(line.p_value for line in lines)


def test_noise_seldom_has_a_peak(rng):
    some = sum(bool(find_peaks(averaged(rng.normal(0, 1, (30, 32, 32)), 32))) for _ in range(100))
    assert some <= 5 + 3 * np.sqrt(100 * 0.05 * 0.95)


def test_holms_correction():
    assert _holm([0.01, 0.04, 0.03, 0.5]) == pytest.approx([0.04, 0.09, 0.09, 0.5])


def test_fewer_denominators_where_sides_do_not_divide(rng):
    test = lattice_test(averaged(rng.normal(0, 1, (20, 36, 24)), (36, 24)))
    assert [e.denominator for e in test.evidence] == [2, 4]
    with pytest.raises(ValueError, match="sides must"):
        lattice_test(averaged(rng.normal(0, 1, (20, 31, 31)), 31))


def test_bad_questions_are_named(rng):
    spectrum = averaged(rng.normal(0, 1, (20, 32, 32)), 32)
    rgb = averaged(rng.integers(0, 255, (5, 32, 32, 3), dtype=np.uint8), 32, channel="rgb")
    with pytest.raises(ValueError, match="'rgb' has three"):
        lattice_test(rgb)
    with pytest.raises(ValueError, match="'rgb' has three"):
        find_peaks(rgb)
    with pytest.raises(ValueError, match="control's spec differs"):
        lattice_test(spectrum, control=averaged(rng.normal(0, 1, (20, 64, 64))))
    with pytest.raises(ValueError, match="level must"):
        estimate_upsampling(spectrum, level=5)
    with pytest.raises(ValueError, match="fdr must"):
        find_peaks(spectrum, fdr=1)
    with pytest.raises(ValueError, match="background must"):
        find_peaks(spectrum, background="ring")
    with pytest.raises(ValueError, match="no image was averaged"):
        lattice_test(averaged([]))


def test_jpeg_files_are_evidence_of_jpegs_grid(rng):
    """Where the trace shows nothing: the files' own tables say that the grid is there."""
    weak = averaged(checkered(rng, 100, 8))
    files = estimate_upsampling(weak, trace=trace_with({}), jpeg_qualities=[90] * 60 + [80] * 30)
    (grid,) = (a for a in files.alternatives if a.name == "jpeg-grid")
    assert (grid.found, grid.jpeg_files, grid.quality) == (True, 90, 90.0)
    few = estimate_upsampling(weak, trace=trace_with({}), jpeg_qualities=[90] * 10)
    assert not few.alternatives[0].found
    assert estimate_upsampling(weak, trace=trace_with({})).alternatives[0].jpeg_files is None
