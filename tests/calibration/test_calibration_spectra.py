"""p-values and intervals of averaged spectra, where images share nothing and where they share a line."""

from __future__ import annotations

import numpy as np
import pytest

from freqforensics.spectra import (
    SpectrumAccumulator,
    SpectrumSpec,
    coherence_p_value,
    find_peaks,
    lattice_test,
    strongest_line,
)
from freqforensics.spectra.peaks import line_bins
from freqforensics.spectra.resampling import ResamplingTrace


def spectrum(images):
    accumulator = SpectrumAccumulator(SpectrumSpec(size=images.shape[-1], residual="none", align=1))
    accumulator.update(images)
    return accumulator.result()


def noise(rng, images=12, size=32):
    return rng.normal(0, 20, (images, size, size)).astype(np.float32)


@pytest.mark.parametrize("real", [False, True], ids=["complex", "real"])
@pytest.mark.parametrize("level", [0.05, 0.001])
def test_coherence(rng, simulations, record, real, level):
    count, n = simulations(20_000, 200_000), 12
    f = rng.normal(size=(n, count)) + (0 if real else 1j) * rng.normal(size=(n, count))
    r = np.abs(f.sum(axis=0)) ** 2 / (n * (np.abs(f) ** 2).sum(axis=0))
    p = coherence_p_value(r[None], n, self_conjugate=np.full((1, count), real))
    setting = f"p <= {level:g}, {'self-conjugate' if real else 'other'} bins, 12 images"
    record.at_most("coherence, p-value", setting, level, (p <= level).sum(), count)


def test_coherence_of_images(rng, simulations, record):
    count = simulations(8, 100)
    p = np.stack([(found := spectrum(noise(rng))).p_value[line_bins(found.spec)] for _ in range(count)])
    record.at_most("coherence, p-value", "p <= 0.05, white noise images", 0.05, (p <= 0.05).sum(), p.size)


def test_coherence_finds_a_wave(rng, simulations, record):
    count, found = simulations(20, 300), 0
    wave = 8 * np.cos(2 * np.pi * 0.25 * np.arange(32))[None, :]
    for _ in range(count):
        p = spectrum(noise(rng) + wave.astype(np.float32)).p_value
        found += float(p.reshape(32, 17)[0, 8]) <= 0.001
    record.at_least("coherence, p-value", "p <= 0.001 at a wave of 8 in noise of 20 grey levels", 0.9, found, count)


@pytest.mark.parametrize("background", ["none", "local"])
def test_peaks(rng, simulations, record, background):
    """Where no line is there every one is false: the rate of false discoveries is that of any."""
    count = simulations(60, 1000)
    found = sum(bool(find_peaks(spectrum(noise(rng)), background=background)) for _ in range(count))
    record.at_most(
        "peaks, false discovery rate", f"any of white noise images, background {background}", 0.05, found, count
    )


def test_strongest_line(rng, simulations, record):
    count = simulations(60, 1000)
    found = sum(strongest_line(spectrum(noise(rng))).p_corrected <= 0.05 for _ in range(count))
    record.at_most("strongest line, corrected p-value", "p <= 0.05, white noise images", 0.05, found, count)


@pytest.mark.long
@pytest.mark.parametrize("control", [False, True])
def test_lattice(rng, simulations, record, control):
    count = simulations(60, 1000)
    found = 0
    for _ in range(count):
        other = spectrum(noise(rng)) if control else None
        found += lattice_test(spectrum(noise(rng)), control=other).p_value <= 0.05
    setting = f"p <= 0.05, white noise images{', with a control' if control else ''}"
    record.at_most("lattice test, p-value", setting, 0.05, found, count)


def test_lattice_finds_zero_insertion(rng, simulations, record):
    """Noise of mean 4 at every other pixel, in noise."""
    count, found = simulations(20, 300), 0
    for _ in range(count):
        images = noise(rng)
        images[:, ::2, ::2] += rng.normal(20, 10, (12, 16, 16)).astype(np.float32)
        found += lattice_test(spectrum(images)).p_value <= 0.001
    record.at_least(
        "lattice test, p-value", "p <= 0.001, every other pixel brighter by one deviation", 0.9, found, count
    )


@pytest.mark.parametrize("method", ["moments", "chi2"])
def test_power_interval(rng, simulations, record, method):
    """Bins of white noise are independent: each is a simulation."""
    count = simulations(8, 100)
    hits = bins = 0
    searched = line_bins(SpectrumSpec(size=32, residual="none", align=1))
    powers, bounds = [], []
    for _ in range(count):
        found = spectrum(noise(rng, images=40))
        powers.append(found.power[searched].mean())
        bounds.append([bound[searched] for bound in found.power_interval(method=method)])
    truth = np.mean(powers)
    for low, high in bounds:
        hits += int(((low <= truth) & (truth <= high)).sum())
        bins += low.size
    record.at_least(f"power, 95 % interval by {method}", "40 white noise images, bin by bin", 0.95, hits, bins)


def test_resampling_trace(rng, simulations, record):
    """Mean periodograms of nothing periodic; the level is the median of the bins around."""
    count, images = simulations(40, 1000), 40
    window = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(248) + 0.5) / 248)
    hits = bins = 0
    for _ in range(count):
        profiles = rng.normal(size=(2, images, 248))
        centred = profiles - profiles.mean(axis=-1, keepdims=True)
        power = (np.abs(np.fft.rfft(centred * window)) ** 2).mean(axis=1)
        p = ResamplingTrace(images, np.arange(125) / 248, power).p_value
        p = p[np.isfinite(p)]
        hits, bins = hits + int((p <= 0.01).sum()), bins + p.size
    record.at_most("resampling trace, p-value", "p <= 0.01, 40 periodograms of noise", 0.01, hits, bins)
