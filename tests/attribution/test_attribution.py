"""Maps of one path, and those of captum, against sums, finite differences and brute force."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest
import torch
from pictures import picture
from scipy import fft
from torch import nn

from freqforensics.attribution import (
    EIGHT_BANDS,
    PixelLogit,
    band_shapley,
    band_values,
    cosine_map,
    deep_lift,
    fourier_map,
    grad_cam,
    integrate_path,
    occlusion_map,
    pixel_map,
    sensitivity_map,
    smoothed_map,
    wavelet_maps,
)
from freqforensics.attribution.differentiable import as_tensor, median_residual
from freqforensics.attribution.incoherent import incoherent_inputs
from freqforensics.attribution.maps import _over_all, _over_half
from freqforensics.attribution.path import baseline_image
from freqforensics.detector import Detector, make_detector, prepare_input
from freqforensics.spectra import Band, full_plane, half_plane_weights

KINDS = ("rgb", "residual", "coherence", "local")


def small_detector(kind="rgb", *, band=None, dtype=torch.float32, seed=0):
    """Convolution, a smooth nonlinearity, mean, one logit: as much of a network as a test needs."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = nn.Sequential(
            nn.Conv2d(3, 6, 5, padding=2), nn.Softplus(), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(96, 1)
        )
        nn.init.normal_(network[0].weight, 0, 0.3)
        nn.init.normal_(network[4].weight, 0, 0.6)
    return Detector(network.to(dtype), input=kind, band=band).eval()


@pytest.fixture(scope="module")
def image():
    return picture(np.random.default_rng(0), 72, 100)


def maps_of(path):
    return {
        "pixel": pixel_map(path),
        "fourier": fourier_map(path),
        "fourier of the image": fourier_map(path, tile=None),
        "fourier of tiles": fourier_map(path, tile=16),
        "cosine": cosine_map(path),
        "wavelet": np.concatenate([values.ravel() for values in wavelet_maps(path).values()]),
        "haar": np.concatenate([values.ravel() for values in wavelet_maps(path, wavelet="haar", levels=5).values()]),
        "bands": np.array([band.value for band in band_values(path)]),
    }


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("band", [None, Band(0.125)])
def test_a_pixel_logit_is_the_detectors_own(image, kind, band):
    detector = make_detector(input=kind, band=band, early_down=2, seed=1)
    detector.train()
    given = PixelLogit(detector, image)(as_tensor(image))
    assert detector.training
    assert float(given.detach()) == pytest.approx(float(detector.logits([image])[0]), rel=1e-4)
    prepared = PixelLogit(detector, image).prepare(as_tensor(image))
    # Where a band leaves nothing of a frequency, what is coherent of it is rounding: hence the mean.
    assert float((prepared - prepare_input([image], kind, band=band)).abs().median()) < 1e-5


@pytest.mark.parametrize("kernel", [3, 5])
def test_the_gradient_of_a_median_is_what_differences_say(kernel):
    rng = np.random.default_rng(0)
    planes = torch.from_numpy(rng.permutation(8 * 9).reshape(1, 1, 8, 9).astype(np.float32)).requires_grad_()
    weights = torch.from_numpy(rng.standard_normal((1, 1, 8, 9)).astype(np.float32))
    (gradient,) = torch.autograd.grad((median_residual(planes, kernel=kernel) * weights).sum(), planes)
    for row, column in itertools.product(range(8), range(9)):
        ends = []
        for step in (0.25, -0.25):  # values are whole numbers, all different: nothing changes places
            moved = planes.detach().clone()
            moved[0, 0, row, column] += step
            ends.append(float((median_residual(moved, kernel=kernel) * weights).double().sum()))
        assert float(gradient[0, 0, row, column]) == pytest.approx((ends[0] - ends[1]) / 0.5, abs=1e-4)


def test_equal_pixels_share_the_gradient_of_their_median():
    planes = torch.full((1, 1, 7, 7), 10.0, requires_grad=True)
    (gradient,) = torch.autograd.grad(median_residual(planes)[0, 0, 3, 3], planes)
    expected = np.zeros((7, 7))
    expected[1:6, 1:6] = -1 / 25
    expected[3, 3] += 1
    np.testing.assert_allclose(gradient[0, 0], expected, atol=1e-6)


def test_a_grey_image_has_no_colour_to_agree_in():
    image = np.ascontiguousarray(picture(np.random.default_rng(5), 64, 96)[..., :1].repeat(3, axis=2))
    detector = make_detector(input="coherence", early_down=2, seed=1)
    given = PixelLogit(detector, image)
    assert not given.prepare(as_tensor(image))[:, 1:].any()
    assert float(given(as_tensor(image)).detach()) == pytest.approx(float(detector.logits([image])[0]), rel=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_every_basis_sums_to_the_same_gap(image, kind):
    path = integrate_path(image, small_detector(kind))
    assert path.complete
    assert path.gap == pytest.approx(path.logit - path.baseline_logit)
    assert path.logit == pytest.approx(float(small_detector(kind).logits([image])[0]), rel=1e-4)
    for name, values in maps_of(path).items():
        assert values.sum() == pytest.approx(path.gap + path.delta, abs=1e-5), name
    assert np.abs(pixel_map(path)).sum() > abs(path.gap)


def test_several_baselines_are_averaged(image):
    detector = small_detector()
    both = integrate_path(image, detector, baselines=("grey", "black"))
    apart = [integrate_path(image, detector, baselines=(kind,)) for kind in ("grey", "black")]
    assert both.gap == pytest.approx(np.mean([path.gap for path in apart]), rel=1e-5)
    if {path.steps for path in (*apart, both)} == {both.steps}:
        np.testing.assert_allclose(pixel_map(both), np.mean([pixel_map(path) for path in apart], axis=0), atol=1e-6)
    for name, values in maps_of(both).items():
        assert values.sum() == pytest.approx(both.gap + both.delta, abs=1e-5), name


@pytest.mark.long
def test_steps_are_doubled_until_the_sum_is_right(image):
    detector = make_detector(input="residual", seed=0)
    rough = integrate_path(image, detector, steps=1, most_steps=1, tolerance=1e-6)
    assert rough.steps == 1
    assert not rough.complete
    fine = integrate_path(image, detector, steps=1, tolerance=0.05)
    assert fine.steps > 1
    assert fine.complete


def test_a_natural_spectrum_keeps_phases_and_mean(image):
    def flat(shape):
        return np.full((3, shape[0], shape[1] // 2 + 1), 50.0)

    made = baseline_image(image, "natural", natural=flat)
    spectra, own = fft.rfft2(made.transpose(2, 0, 1)), fft.rfft2(image.transpose(2, 0, 1).astype(np.float64))
    np.testing.assert_allclose(np.abs(spectra)[:, 1:-1, 1:-1], 50, rtol=1e-2)
    np.testing.assert_allclose(spectra[:, 0, 0], own[:, 0, 0], rtol=1e-4)
    turned = spectra[:, 1:30, 1:30] * np.conj(own[:, 1:30, 1:30])
    assert np.abs(np.angle(turned)).max() < 0.02


def test_bad_baselines_are_named(image):
    with pytest.raises(ValueError, match="needs the amplitudes"):
        integrate_path(image, small_detector(), baselines=("natural",))
    with pytest.raises(ValueError, match="got 'white'"):
        integrate_path(image, small_detector(), baselines=("white",))
    with pytest.raises(ValueError, match="stands alone"):
        integrate_path(image, small_detector(), baselines=("incoherent",))
    with pytest.raises(ValueError, match="fed with a residual, and stands alone"):
        integrate_path(image, small_detector(), baselines=("smooth",))
    with pytest.raises(ValueError, match="fed with a residual, and stands alone"):
        integrate_path(image, small_detector("local"), baselines=("smooth", "grey"))
    with pytest.raises(ValueError, match="32x32 pixels is needed, got 100x20"):
        integrate_path(image[:20], small_detector("coherence"))
    with pytest.raises(ValueError, match="steps"):
        integrate_path(image, small_detector(), steps=4, most_steps=2)


@pytest.mark.parametrize("shape", [(12, 16), (9, 13)])
def test_the_fourier_map_is_captums_over_real_and_imaginary_parts(shape):
    from captum.attr import IntegratedGradients

    image = picture(np.random.default_rng(3), *shape)
    detector = small_detector(dtype=torch.float64)
    path = integrate_path(image, detector, baselines=("grey",), steps=32, most_steps=32)
    height, width = shape
    function = PixelLogit(detector)

    def of_parts(parts):
        return function(torch.fft.irfft2(torch.complex(parts[:, 0], parts[:, 1]), s=shape))

    def parts_of(pixels):
        spectrum = torch.fft.rfft2(pixels.double())
        return torch.stack([spectrum.real, spectrum.imag], dim=1)

    x, x0 = as_tensor(image), torch.full((1, 3, height, width), 128.0)
    found = IntegratedGradients(of_parts).attribute(parts_of(x), baselines=parts_of(x0), n_steps=32)
    half = found[0].sum(dim=(0, 1)).detach().numpy()  # a bin of the half plane stands for its mirror image, too
    expected = full_plane(half / half_plane_weights(shape), width)
    # Columns that hold their mirror images themselves: irfft2 reads of each pair what it pleases.
    unfolded = fourier_map(path)
    np.testing.assert_allclose(
        unfolded, (expected + np.roll(expected[::-1, ::-1], (1 - height % 2, 1 - width % 2), (0, 1))) / 2, atol=1e-5
    )
    assert np.abs(unfolded).max() > 1e-3


def test_a_wave_that_was_planted_is_found_where_it_is(image):
    detector = small_detector()
    height, width = 64, 96
    rows, columns = np.mgrid[:height, :width]
    wave = 20 * np.cos(2 * np.pi * (8 * rows / height + 24 * columns / width))
    path = integrate_path(np.full((height, width, 3), 128, np.uint8), detector, baselines=("grey",))
    path = type(path)(
        difference=np.broadcast_to(wave.astype(np.float32), (1, 3, height, width)),
        gradient=np.broadcast_to(wave.astype(np.float32), (1, 3, height, width)),
        planes=path.planes, baselines=path.baselines, logit=0.0, baseline_logit=0.0, gap=0.0, delta=0.0, steps=1,
    )  # fmt: skip
    found = fourier_map(path)
    peaks = {
        (int(row) - height // 2, int(column) - width // 2) for row, column in np.argwhere(found > 0.4 * found.max())
    }
    assert peaks == {(8, 24), (-8, -24)}
    tiled = fourier_map(path, tile=32)
    assert {(int(r) - 16, int(c) - 16) for r, c in np.argwhere(tiled > 0.4 * tiled.max())} == {(4, 8), (-4, -8)}
    assert tiled.sum() == pytest.approx(found.sum()) == pytest.approx(3 * (wave**2).sum(), rel=1e-5)


def test_incoherent_inputs_keep_the_power_and_lose_the_lattice():
    rng = np.random.default_rng(1)
    image = picture(rng, 256, 256).astype(np.int16)
    image[::2, ::2] += 12
    image = np.clip(image, 0, 255).astype(np.uint8)
    detector = small_detector("coherence")
    z, z0 = incoherent_inputs(image, detector)
    np.testing.assert_allclose(z, prepare_input([image], "coherence"), atol=1e-4)
    assert float(z[0, 0, 0, 0]) > 3  # (1/2, 1/2)
    assert abs(float(z0[:, 0, 0, 0].mean())) < 1.2
    assert abs(float(z0.mean())) < 0.1
    # And its part goes to that frequency, to nowhere else in the plane.
    path = integrate_path(image, detector)
    expected = ((z - z0).mean(0)).numpy()
    assert fourier_map(path).shape == expected.shape[-2:]


def test_tiles_that_carry_a_lattice_are_the_ones_that_are_named():
    rng = np.random.default_rng(2)
    image = picture(rng, 128, 128).astype(np.int16)
    lattice = np.zeros((128, 128), np.int16)
    lattice[:, :64] = 24 * ((np.indices((128, 64)).sum(axis=0) % 2) * 2 - 1)
    image = np.clip(image + lattice[..., None], 0, 255).astype(np.uint8)

    class AtNyquist(nn.Module):
        def __init__(self):
            super().__init__()
            self.one = nn.Parameter(torch.ones(1))

        def forward(self, z):
            return (self.one * z[:, 0, 0, 0])[:, None]

    path = integrate_path(image, Detector(AtNyquist(), input="coherence"))
    where = pixel_map(path)
    assert where[:, :64].sum() > 0.9 * path.gap > 0
    plane = fourier_map(path)
    assert plane[0, 0] == pytest.approx(path.gap, rel=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_the_sensitivity_is_what_small_waves_do(kind):
    # Grey, and no two pixels nearer than a wave can carry them: every median has a gradient.
    image = np.random.default_rng(4).permutation(64 * 64).reshape(64, 64, 1).repeat(3, axis=2) * (255 / 4096)
    detector = small_detector(kind)
    plane = sensitivity_map(image, detector)
    pixels, function = as_tensor(image), PixelLogit(detector)
    (gradient,) = torch.autograd.grad(function(pixels.requires_grad_()).sum(), pixels)
    spectrum = fft.fft2(gradient[0].sum(0).double().numpy())
    rows, columns = np.mgrid[:64, :64]
    for ky, kx in [(3, 5), (16, 16), (-8, 20), (32, 32)]:
        phase = -np.angle(spectrum[ky, kx])
        wave = np.cos(2 * np.pi * (ky * rows + kx * columns) / 64 - phase)
        ends = []
        for epsilon in (0.03, -0.03):
            moved = pixels.detach() + epsilon * torch.from_numpy(wave.astype(np.float32))
            ends.append(float(function(moved).detach().double()))
        found = abs(ends[0] - ends[1]) / 0.06
        assert found == pytest.approx(plane[(ky + 32) % 64, (kx + 32) % 64], rel=0.02, abs=1e-4), (ky, kx)


@pytest.mark.parametrize("kind", KINDS)
def test_grad_cam_sums_to_the_logit_without_its_bias(image, kind):
    detector = make_detector(input=kind, seed=2)
    cam = grad_cam(image, detector)
    assert detector.training
    bias = float(detector.network.fc.bias.detach()[0])
    assert cam.sum() == pytest.approx(float(detector.logits([image])[0]) - bias, rel=1e-4)
    assert cam.shape == ((1, 1) if kind == "coherence" else (3, 4))


def test_occlusion_is_what_a_loop_says(image):
    detector = small_detector("residual")
    found = occlusion_map(image, detector, window=24)
    function, median = PixelLogit(detector), cv2.medianBlur(image, 5)
    whole = float(function(as_tensor(image)).detach())
    for row, column in itertools.product(range(0, 72, 24), range(0, 96, 24)):
        changed = image.copy()
        changed[row : row + 24, column : column + 24] = median[row : row + 24, column : column + 24]
        expected = whole - float(function(as_tensor(changed)).detach())
        np.testing.assert_allclose(found[row : row + 24, column : column + 24], expected, atol=1e-4)


def test_shapley_values_of_bands_are_captums(image):
    from captum.attr import ShapleyValues

    detector = small_detector("residual")
    bands = (Band(high=0.1), Band(0.1, 0.2), Band(0.2, 0.35), Band(0.35))
    found = np.array([band.value for band in band_shapley(image, detector, bands=bands)])
    function, x = PixelLogit(detector, image), as_tensor(image)
    x0 = as_tensor(cv2.medianBlur(image, 5))
    spectrum = torch.fft.rfft2(x - x0)
    masks = [torch.from_numpy(band.mask(image.shape[:2])) for band in bands]

    def of_members(members):
        kept = [sum(float(on) * mask for on, mask in zip(row, masks, strict=True)) for row in members]
        return torch.cat([function(x0 + torch.fft.irfft2(spectrum * mask, s=image.shape[:2])) for mask in kept])

    with torch.no_grad():
        expected = ShapleyValues(of_members).attribute(torch.ones(1, 4), baselines=torch.zeros(1, 4))
    np.testing.assert_allclose(found, expected[0], atol=1e-4)
    assert found.sum() == pytest.approx(float(function(x).detach() - function(x0).detach()), abs=1e-4)


def test_half_of_the_coalitions_give_interactions_of_up_to_four():
    rng = np.random.default_rng(0)
    interactions = {members: rng.normal() for size in range(5) for members in itertools.combinations(range(8), size)}
    values = {
        members: sum(value for inside, value in interactions.items() if set(inside) <= set(members))
        for size in range(9)
        for members in itertools.combinations(range(8), size)
    }
    shapley = [
        sum(value / len(members) for members, value in interactions.items() if index in members) for index in range(8)
    ]
    half = {members: value for members, value in values.items() if len(members) % 2 == 0}
    np.testing.assert_allclose(_over_all(values, 8), shapley, rtol=1e-9)
    np.testing.assert_allclose(_over_half(half, 8), shapley, rtol=1e-9)


def test_half_of_the_coalitions_sum_to_the_whole_gap(image):
    detector = small_detector("local")
    halves, exact = (
        [band.value for band in band_shapley(image, detector, bands=EIGHT_BANDS[::2], halved=halved)]
        for halved in (True, False)
    )
    assert sum(halves) == pytest.approx(sum(exact), rel=1e-4)
    with pytest.raises(ValueError, match="even number"):
        band_shapley(image, detector, bands=EIGHT_BANDS[:3], halved=True)


def test_shapley_values_of_coherence_sum_to_the_gap(image):
    detector = small_detector("coherence")
    values = band_shapley(image, detector, draws=8)
    path = integrate_path(image, detector)
    assert [(value.low, value.high) for value in values] == [(band.low, band.high) for band in EIGHT_BANDS]
    assert sum(value.value for value in values) == pytest.approx(path.gap, abs=1e-4)


@pytest.mark.parametrize("kind", ["rgb", "residual"])
def test_deep_lift_sums_to_the_gap(image, kind):
    detector = make_detector(input=kind, seed=3).eval()
    # Captum's rule for maxima does not sum where pools overlap.
    detector.network.maxpool = nn.AvgPool2d(3, stride=2, padding=1)
    found = deep_lift(image, detector)
    function = PixelLogit(detector, image)
    gap = float((function(as_tensor(image)) - function(as_tensor(cv2.medianBlur(image, 5)))).detach())
    assert found.shape == (3, 72, 100)
    assert found.sum() == pytest.approx(gap, rel=0.02, abs=0.01)


@pytest.mark.long
def test_smoothing_averages_and_leaves_the_generator_as_it_was(image):
    detector = small_detector("residual")
    state = torch.random.get_rng_state()
    plain = smoothed_map(image, detector, deviation=0.0, samples=2)
    noisy = smoothed_map(image, detector, samples=2)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert plain.sum() == pytest.approx(integrate_path(image, detector, steps=16).gap, rel=0.1)
    assert not np.allclose(plain, noisy)
    np.testing.assert_array_equal(noisy, smoothed_map(image, detector, samples=2))
    with pytest.raises(ValueError, match="between 0 and 5"):
        smoothed_map(image, detector, deviation=255)
