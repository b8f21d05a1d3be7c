from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.ndimage
import scipy.stats
from hypothesis import given, settings, strategies as st
from pictures import picture

from freqforensics.spectra import (
    MeanSpectrum,
    SpectrumAccumulator,
    SpectrumSpec,
    half_plane_weights,
    high_pass_residual,
    self_conjugate_bins,
)
from freqforensics.spectra.spec import channel_planes

KINDS = ("coherent", "power", "log_power", "coherence", "p_value")


def averaged(batch, rng=None, **options) -> MeanSpectrum:
    accumulator = SpectrumAccumulator(SpectrumSpec(**options))
    accumulator.update(batch, rng=rng)
    return accumulator.result()


def raw(size, **options) -> dict:
    """Options under which the spectrum is that of the planes themselves."""
    return {"size": size, "residual": "none", "align": 1, **options}


# --- what theory says ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(32, 32), (31, 32), (32, 33), (15, 21)])
@pytest.mark.parametrize("window", ["none", "hann"])
def test_parseval(rng, size, window):
    planes = rng.normal(0, 10, (7, *size))
    spectrum = averaged(planes, **raw(size, window=window, normalisation="none"))
    weights = np.ones(size)
    if window == "hann":
        h = [0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n) for n in size]
        weights = np.outer(*h)
    energy = ((planes * weights) ** 2).sum(axis=(1, 2)).mean()
    in_the_plane = spectrum.full("power").sum() / (size[0] * size[1])
    in_the_half_plane = (spectrum.power * half_plane_weights(size)).sum() / (size[0] * size[1])
    np.testing.assert_allclose([in_the_plane, in_the_half_plane], energy, rtol=1e-12)


@pytest.mark.parametrize("size", [(32, 48), (31, 45)])
@pytest.mark.parametrize("window", ["none", "hann"])
def test_a_cosine_lands_in_its_bin_with_its_amplitude(size, window):
    y, x = np.mgrid[: size[0], : size[1]]
    wave = 20 * np.cos(2 * np.pi * (5 * y / size[0] - 9 * x / size[1]) + 0.4)
    spectrum = averaged([wave] * 3, **raw(size, window=window, normalisation="amplitude"))
    full = spectrum.full("coherent")
    centre = (size[0] // 2, size[1] // 2)
    for sign in (1, -1):
        assert full[centre[0] + sign * 5, centre[1] - sign * 9] == pytest.approx(10, rel=1e-9)
    if window == "none":
        assert (full > 1e-9).sum() == 2
    fy, fx = spectrum.frequencies
    row, column = np.unravel_index(spectrum.coherent.argmax(), spectrum.coherent.shape)
    assert (fy[row] * size[0], fx[column] * size[1]) == pytest.approx((-5, 9))
    np.testing.assert_allclose(spectrum.coherence[row, column], 1, rtol=1e-12)


def test_nyquist_and_dc_amplitudes():
    y, x = np.mgrid[:16, :16]
    board = 7.0 + 3.0 * (-1.0) ** (x + y)
    spectrum = averaged([board], **raw(16, normalisation="amplitude"))
    assert spectrum.full("coherent")[0, 0] == pytest.approx(3)
    assert spectrum.full("coherent")[8, 8] == pytest.approx(7)


@pytest.mark.parametrize("factor", [2, 4])
def test_zero_insertion_tiles_the_spectrum_exactly(rng, factor):
    """reference: theory, 1."""
    small = rng.normal(0, 10, (9, 16, 24))
    large = np.zeros((9, 16 * factor, 24 * factor))
    large[:, ::factor, ::factor] = small
    tiled = averaged(large, **raw(large.shape[1:], normalisation="none"))
    once = averaged(small, **raw(small.shape[1:], normalisation="none"))
    for kind in ("coherent", "power", "log_power", "coherence"):
        plane = np.fft.ifftshift(once.full(kind))
        expected = np.fft.fftshift(np.tile(plane, (factor, factor)))
        np.testing.assert_allclose(tiled.full(kind), expected, rtol=1e-9)


def test_white_noise_has_a_flat_spectrum_and_uniform_p_values(rng):
    n, size = 60, 64
    spectrum = averaged((rng.normal(0, 8, (size, size)) for _ in range(n)), **raw(size))
    real = self_conjugate_bins((size, size))
    independent = np.ones((size, size // 2 + 1), bool)
    independent[size // 2 + 1 :, [0, -1]] = False  # mirror images of other bins
    independent &= ~real
    p = spectrum.p_value[independent]
    assert scipy.stats.kstest(p, "uniform").pvalue > 0.01
    power = spectrum.power[independent] / 64
    assert abs(power.mean() - 1) < 4 / np.sqrt(n * independent.sum())
    assert scipy.stats.kstest(2 * n * power, scipy.stats.chi2(2 * n).cdf).pvalue > 0.01
    # The mean of log |F|^2 of a complex Gaussian is log(power) minus Euler's constant.
    expected = np.log(64) - np.euler_gamma
    assert abs(spectrum.log_power[independent].mean() - expected) < 4 * 1.2826 / np.sqrt(n * independent.sum())


def test_p_values_of_self_conjugate_bins_are_uniform_too(rng):
    p = []
    for _ in range(250):
        spectrum = averaged(rng.normal(0, 8, (9, 4, 4)), **raw(4))
        p.append(spectrum.p_value[self_conjugate_bins((4, 4))])
    assert scipy.stats.kstest(np.ravel(p), "uniform").pvalue > 0.01


def test_the_pseudo_figure_of_wang_et_al(rng):
    """Mean of the complex spectra of image minus 5x5 median, grey: log(|.| + 1e-6), DC in the middle."""
    images = np.stack([picture(rng, 64, 64) for _ in range(12)])
    accumulator = SpectrumAccumulator(SpectrumSpec(size=64, normalisation="none"))
    accumulator.update(images)
    ours = np.log(accumulator.result().full("coherent") + 1e-6)

    total = np.zeros((64, 64), complex)
    for image in images:
        grey = image.astype(np.float64) @ [0.299, 0.587, 0.114]
        total += np.fft.fft2(grey - scipy.ndimage.median_filter(grey, size=5, mode="nearest"))
    theirs = np.log(np.abs(np.fft.fftshift(total / len(images))) + 1e-6)

    np.testing.assert_allclose(np.exp(ours), np.exp(theirs), atol=1e-5 * np.exp(theirs).max())
    strong = theirs > 0
    assert strong.mean() > 0.9
    np.testing.assert_allclose(ours[strong], theirs[strong], atol=1e-3)


def test_density_does_not_depend_on_size_or_window(rng):
    for size in (16, 64):
        for window in ("none", "hann"):
            power = averaged(rng.normal(0, 5, (200, size, size)), **raw(size, window=window)).power
            assert power[1:, 1:-1].mean() == pytest.approx(25, rel=0.05)


def test_periodic_window_removes_the_cross_and_keeps_a_line(rng):
    y, x = np.mgrid[:64, :64]
    line = np.cos(2 * np.pi * (x * 20 + y * 12) / 64)
    ramps = [slope * x + line for slope in rng.normal(0, 3, 20)]
    plain, periodic = (averaged(ramps, **raw(64, window=window)) for window in ("none", "periodic"))
    assert periodic.power[0, 5:30].sum() < 0.01 * plain.power[0, 5:30].sum()
    # The line's own jump across the border goes with the smooth part, one or two parts in a hundred.
    assert periodic.coherent[12, 20] == pytest.approx(plain.coherent[12, 20], rel=0.02)


# --- alignment -------------------------------------------------------------------------------------------------------


def test_aligned_crops_keep_a_lattice_and_free_ones_lose_it(rng):
    """Images of mixed sizes with a period-8 grid from their origin: the lines survive only if offsets are aligned."""
    images = []
    for _ in range(60):
        height, width = rng.integers(64, 160, 2)
        noise = rng.normal(0, 10, (height, width))
        noise[::8, ::8] += 12
        images.append(noise)
    aligned = averaged(images, size=64, residual="none", align=16)
    free = averaged(images, size=64, residual="none", align=1)
    lines = [(row, column) for row in range(0, 64, 8) for column in range(0, 33, 8) if row or column]
    nr = [np.mean([s.coherence[line] * s.images for line in lines]) for s in (aligned, free)]
    assert nr[0] > 20
    assert nr[1] < 2


def test_random_aligned_crops_keep_a_lattice_too(rng):
    images = rng.normal(0, 10, (60, 150, 130))
    images[:, ::16, ::16] += 20
    spectrum = averaged(images, rng, size=64, residual="none", crop="random")
    # On the lattice |s|^2 / variance is (20 * 16)^2 / (64 * 10)^2 = 1/4: N R = (60 / 4 + 1) / (1 + 1/4) = 12.8.
    lattice = (spectrum.coherence * spectrum.images)[::4, ::4].ravel()[1:]
    assert lattice.mean() == pytest.approx(12.8, abs=2)


# --- crops, channels, sizes ----------------------------------------------------------------------------------------


def test_the_residual_of_a_crop_is_that_of_the_whole_image(rng):
    image = picture(rng, 100, 110)
    for residual in ("median", "gaussian", "laplacian", "npr"):
        luma = channel_planes(image, "luma")
        whole = high_pass_residual(luma, residual)[0, 16:80, 16:80]
        expected = np.abs(np.fft.rfft2(whole)) ** 2
        spectrum = averaged([image], size=64, residual=residual, normalisation="none")
        np.testing.assert_allclose(spectrum.power, expected, atol=1e-5 * expected.max())


def test_smaller_images_are_skipped_and_counted(rng):
    accumulator = SpectrumAccumulator(SpectrumSpec(size=(32, 64), residual="none"))
    accumulator.update([rng.normal(size=shape) for shape in [(32, 64), (31, 64), (32, 63), (1, 1), (40, 90)]])
    assert accumulator.images == 2
    assert accumulator.skipped == {"smaller than 32x64": 3}


def test_tiles_count_crops_and_keep_images_apart(rng):
    images = rng.normal(0, 1, (5, 64, 96))
    spectrum = averaged(images, size=32, residual="none", crop="tiles")
    assert (spectrum.images, spectrum.crops) == (5, 30)
    # The coherence of tiles treats an image's crops as one draw: identical crops add no evidence.
    tile = rng.normal(0, 1, (20, 32, 32))
    repeated = averaged(np.tile(tile, (1, 2, 2)), size=32, residual="none", crop="tiles")
    single = averaged(tile, size=32, residual="none")
    np.testing.assert_allclose(repeated.coherence, single.coherence, rtol=1e-9)
    np.testing.assert_allclose(repeated.p_value, single.p_value, rtol=1e-6)
    np.testing.assert_allclose(repeated.power, single.power, rtol=1e-9)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize(("channel", "crop"), [("luma", "center"), ("luma", "tiles"), ("rgb", "tiles")])
def test_sums_are_those_of_plain_additions_to_the_last_bit(rng, kind, channel, crop):
    spec = SpectrumSpec(size=(16, 30), crop=crop, residual="none", channel=channel, align=1)
    images = rng.normal(100, 30, (3, 50, 64, 3) if channel == "rgb" else (3, 50, 64)).astype(kind)
    sums = SpectrumAccumulator(spec).update(images).result().sums
    f, power, square, log_power, image_power = (np.zeros_like(array) for array in sums)
    for image in images:
        planes = np.moveaxis(image, -1, 0) if channel == "rgb" else image[None]
        corners = [(17, 17)] if crop == "center" else [(row, column) for row in (0, 16, 32) for column in (0, 30)]
        transforms = [scipy.fft.rfft2(planes[:, row : row + 16, column : column + 30]) for row, column in corners]
        for transform in transforms:
            narrow = transform.real**2 + transform.imag**2
            f += transform
            power += narrow
            square += narrow.astype(np.float64) ** 2
            log_power += np.log(np.maximum(narrow, 1e-12 * 16 * 30).astype(narrow.dtype))
        total = np.sum(np.asarray(transforms, np.complex128), axis=0)
        image_power += narrow.astype(np.float64) if len(transforms) == 1 else total.real**2 + total.imag**2
    for quick, plain in zip(sums, (f, power, square, log_power, image_power), strict=True):
        np.testing.assert_array_equal(quick, plain)


def test_p_values_of_dependent_tiles_stay_uniform(rng):
    """Overlapping content makes an image's tiles alike; as so many independent crops the test would fire wildly."""
    images = [np.tile(rng.normal(0, 1, (16, 16)), (3, 3)) for _ in range(40)]
    spectrum = averaged(images, size=16, residual="none", crop="tiles")
    keep = np.ones((16, 9), bool)
    keep[9:, [0, -1]] = False
    assert scipy.stats.kstest(spectrum.p_value[keep & ~self_conjugate_bins((16, 16))], "uniform").pvalue > 0.01


def test_channels(rng):
    image = picture(rng, 20, 24)
    assert channel_planes(image, "luma").dtype == np.float32
    np.testing.assert_allclose(channel_planes(image, "luma")[0], image @ [0.299, 0.587, 0.114], atol=1e-4)
    for index, colour in enumerate(("red", "green", "blue")):
        np.testing.assert_array_equal(channel_planes(image, colour)[0], image[..., index])
    np.testing.assert_array_equal(channel_planes(image, "rgb"), np.moveaxis(image, 2, 0))
    np.testing.assert_array_equal(channel_planes(image[..., 0], "luma")[0], image[..., 0])
    with pytest.raises(ValueError, match=r"'red' needs an RGB image, got one plane of shape \(20, 24\)"):
        channel_planes(image[..., 0], "red")
    with pytest.raises(ValueError, match=r"\(20, 24, 4\)"):
        channel_planes(np.zeros((20, 24, 4)), "luma")


def test_rgb_keeps_three_spectra_apart(rng):
    images = [picture(rng, 32, 32) for _ in range(4)]
    together = averaged(images, size=32, channel="rgb")
    for index, colour in enumerate(("red", "green", "blue")):
        single = averaged(images, size=32, channel=colour)
        for kind in KINDS:
            np.testing.assert_array_equal(getattr(together, kind)[index], getattr(single, kind))
    assert together.full("power").shape == (3, 32, 32)


@pytest.mark.parametrize("size", [(2, 2), (3, 5), (17, 4)])
def test_odd_and_tiny_sizes(rng, size):
    spectrum = averaged(rng.normal(0, 1, (6, *size)), **raw(size))
    for kind in KINDS:
        assert spectrum.full(kind).shape == size
        assert np.isfinite(spectrum.full(kind)).all()


def test_flat_images_poison_nothing():
    spectrum = averaged([np.full((16, 16, 3), 90, np.uint8)] * 3, size=16)
    assert np.isfinite(spectrum.log_power).all()
    assert np.isnan(spectrum.coherence).all()
    assert (spectrum.p_value == 1).all()


# --- sums ------------------------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 11), max_size=4), st.randoms(use_true_random=False))
def test_merge_of_any_split_equals_one_pass(cuts, order):
    images = np.random.default_rng(5).normal(0, 10, (12, 16, 20))
    spec = SpectrumSpec(size=16, residual="median", kernel=3)
    whole = SpectrumAccumulator(spec)
    whole.update(images)
    bounds = [0, *sorted(cuts), 12]
    parts = []
    for start, stop in itertools.pairwise(bounds):
        part = SpectrumAccumulator(spec)
        part.update(images[start:stop])
        parts.append(part)
    order.shuffle(parts)
    merged = parts[0]
    for part in parts[1:]:
        merged.merge(part)
    for kind in KINDS:
        np.testing.assert_allclose(getattr(merged.result(), kind), getattr(whole.result(), kind), rtol=1e-9)
    for one, other in zip(merged.result().power_interval(), whole.result().power_interval(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9)


def test_empty_accumulators_take_no_room_merge_and_are_saved(tmp_path, rng):
    spec = SpectrumSpec(size=10**7)
    empty = SpectrumAccumulator(spec)
    empty.update([np.zeros((9, 9))])
    empty.merge(SpectrumAccumulator(spec)).save(tmp_path / "a.npz")
    assert SpectrumAccumulator.load(tmp_path / "a.npz").skipped == {"smaller than 10000000x10000000": 1}
    spec = SpectrumSpec(**raw(8))
    full = SpectrumAccumulator(spec)
    full.update(rng.normal(0, 1, (3, 8, 8)))
    late = SpectrumAccumulator(spec).merge(full).merge(SpectrumAccumulator(spec))
    np.testing.assert_array_equal(late.result().power, full.result().power)
    late.update(rng.normal(0, 1, (3, 8, 8)))
    assert full.images == 3
    assert not np.array_equal(late.result().power, full.result().power)


def test_different_specs_do_not_merge():
    with pytest.raises(ValueError, match="different specs"):
        SpectrumAccumulator(SpectrumSpec(size=16)).merge(SpectrumAccumulator(SpectrumSpec(size=32)))


@pytest.mark.long
def test_sums_stay_exact_over_many_images(rng):
    plane = rng.normal(0, 100, (4, 4))
    accumulator = SpectrumAccumulator(SpectrumSpec(**raw(4, normalisation="none")))
    accumulator.update([plane.astype(np.float32)] * 20_000)
    expected = np.abs(np.fft.rfft2(plane)) ** 2
    np.testing.assert_allclose(accumulator.result().power, expected, rtol=2e-6)
    np.testing.assert_allclose(accumulator.result().coherence, 1, atol=1e-6)


def test_save_and_load(tmp_path, rng):
    accumulator = SpectrumAccumulator(SpectrumSpec(size=(16, 24), channel="rgb"))
    accumulator.update([picture(rng, 30, 40), picture(rng, 8, 8)])
    result = accumulator.result(notes={"odd": 2}, failures=[("a\n.png", "empty file")], inputs_sha256="00ff")
    result.save(tmp_path / "a.npz")
    again = MeanSpectrum.load(tmp_path / "a.npz")
    assert (again.spec, again.images, again.crops) == (result.spec, 1, 1)
    assert (again.skipped, again.notes, again.failures) == (result.skipped, result.notes, result.failures)
    assert again.inputs_sha256 == "00ff"
    for kind in KINDS:
        np.testing.assert_array_equal(getattr(again, kind), getattr(result, kind))
    again.save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()

    accumulator.save(tmp_path / "c.npz")
    resumed = SpectrumAccumulator.load(tmp_path / "c.npz")
    for each in (accumulator, resumed):
        each.update([picture(np.random.default_rng(1), 20, 30)])
    np.testing.assert_array_equal(resumed.result().power, accumulator.result().power)
    assert resumed.result().images == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "b.npz", "c.npz"]


@pytest.mark.parametrize("data", [b"", b"no zip", b"PK\x03\x04 cut short"])
def test_what_is_no_saved_spectrum_is_refused(tmp_path, data):
    (tmp_path / "x.npz").write_bytes(data)
    with pytest.raises(ValueError, match=r"x\.npz is not a saved spectrum"):
        MeanSpectrum.load(tmp_path / "x.npz")
    with pytest.raises(OSError, match="missing"):
        MeanSpectrum.load(tmp_path / "missing.npz")


def test_results_cannot_be_changed(rng):
    accumulator = SpectrumAccumulator(SpectrumSpec(**raw(8)))
    accumulator.update(rng.normal(0, 1, (2, 8, 8)))
    result = accumulator.result()
    before = result.power
    accumulator.update(rng.normal(0, 9, (2, 8, 8)))
    np.testing.assert_array_equal(result.power, before)
    with pytest.raises(ValueError, match="read-only"):
        result.sums.power[0] = 0


# --- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 1}, "size must be one or two integers"),
        ({"size": (8, 8, 8)}, "size must be one or two integers"),
        ({"size": 8.5}, "size must be one or two integers"),
        ({"crop": "middle"}, "crop must be one of"),
        ({"residual": "mean"}, "residual must be one of"),
        ({"kernel": 4}, "kernel must be odd"),
        ({"kernel": 5.0}, "kernel must be odd"),
        ({"channel": "alpha"}, "channel must be one of"),
        ({"window": "hamming"}, "window must be one of"),
        ({"normalisation": "psd"}, "normalisation must be one of"),
        ({"align": 0}, "align must be an integer from 1"),
    ],
)
def test_bad_specs_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        SpectrumSpec(**options)


def test_numpys_integers_are_integers():
    assert SpectrumSpec(size=np.int64(64)) == SpectrumSpec(size=(64, 64)) == SpectrumSpec(size=[64, 64])
    assert type(SpectrumSpec(size=np.int64(64)).shape[0]) is int


def test_bad_batches_are_named(rng):
    accumulator = SpectrumAccumulator(SpectrumSpec(size=8, residual="none"))
    with pytest.raises(ValueError, match=r"give one image as \[image\]"):
        accumulator.update(np.zeros((20, 20, 3)))
    with pytest.raises(ValueError, match=r"got \(8,\)"):
        accumulator.update(np.zeros(8))
    plane = rng.normal(0, 1, (8, 8))
    plane[3, 3] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        accumulator.update([plane])
    assert accumulator.images == 0
    with pytest.raises(ValueError, match="random generator"):
        SpectrumAccumulator(SpectrumSpec(size=8, crop="random")).update([plane])


def test_an_average_of_nothing_says_so():
    accumulator = SpectrumAccumulator(SpectrumSpec(size=64))
    accumulator.update([np.zeros((9, 9))])
    for kind in KINDS:
        with pytest.raises(ValueError, match=r"no image was averaged \(1 smaller than 64x64\)"):
            getattr(accumulator.result(), kind)


def test_bad_questions_are_named(rng):
    spectrum = averaged(rng.normal(0, 1, (4, 8, 8)), **raw(8))
    with pytest.raises(ValueError, match="kind must"):
        spectrum.full("phase")
    with pytest.raises(ValueError, match="level must"):
        spectrum.power_interval(95)
    with pytest.raises(ValueError, match="method must"):
        spectrum.power_interval(method="bootstrap")


def test_intervals_of_the_two_methods_agree_on_gaussian_noise(rng):
    spectrum = averaged(rng.normal(0, 1, (4000, 8, 8)), **raw(8))
    for low, high in [spectrum.power_interval(method="chi2"), spectrum.power_interval()]:
        assert ((low < spectrum.power) & (spectrum.power < high)).all()
    theory = np.log(np.divide(*spectrum.power_interval(method="chi2")[::-1]))
    moments = np.log(np.divide(*spectrum.power_interval()[::-1]))
    np.testing.assert_allclose(moments, theory, rtol=0.15)
