"""Every closed form against the operator itself."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from freqforensics.generators import (
    Upsampler,
    bilinear,
    fir,
    kaiser,
    linear,
    nearest,
    pixel_shuffle,
    pixel_shuffle_lattice,
    transposed_convolution,
    zero_insertion,
)

ALL = [
    zero_insertion(2),
    zero_insertion(4),
    nearest(2),
    nearest(3),
    bilinear(),
    bilinear("aligned"),
    linear(4),
    fir(),
    transposed_convolution((0.3, 1.0, 0.4)),
    transposed_convolution((1.0, 1.0, 1.0, 1.0), padding=1),
    transposed_convolution((0.5, 1.5)),
    kaiser(),
]
F = np.linspace(0, 0.5, 101)[1:]


@pytest.mark.parametrize("up", ALL, ids=lambda up: f"{up.name} x{up.factor}")
def test_the_spectrum_is_tiled_and_multiplied_by_the_gain(rng, up):
    plane = rng.normal(0, 1, (12, 16))
    before, after = np.abs(np.fft.fft2(plane)), np.abs(np.fft.fft2(up(plane, boundary="wrap")))
    gains = [up.gain(np.fft.fftfreq(side * up.factor)) for side in plane.shape]
    np.testing.assert_allclose(after, np.tile(before, (up.factor, up.factor)) * np.outer(*gains), atol=1e-10)


@pytest.mark.parametrize(
    ("up", "closed"),
    [
        (nearest(2), lambda f: 2 * np.abs(np.cos(np.pi * f))),
        (bilinear("aligned"), lambda f: 2 * np.cos(np.pi * f) ** 2),
        (bilinear(), lambda f: 2 * np.abs(np.cos(np.pi * f)) ** 3),
        (fir(), lambda f: 2 * np.abs(np.cos(np.pi * f)) ** 3),
        (nearest(5), lambda f: np.abs(np.sin(5 * np.pi * f) / np.sin(np.pi * f))),
        (linear(4), lambda f: (np.sin(4 * np.pi * f) / np.sin(np.pi * f)) ** 2 / 4),
        (zero_insertion(3), np.ones_like),
    ],
)
def test_gains_are_the_closed_forms(up, closed):
    """reference: theory, 2."""
    np.testing.assert_allclose(up.gain(F), closed(F), atol=1e-12)


@pytest.mark.parametrize("up", [nearest(2), bilinear(), bilinear("aligned"), fir()])
def test_interpolation_has_a_null_at_nyquist_and_no_line(up):
    assert up.gain(0.5) < 1e-12
    assert np.count_nonzero(up.lattice(3)) == 1


@pytest.mark.parametrize(("k", "height"), [(2, 0), (4, 0), (3, 1 / 3), (5, 1 / 5)])
def test_lines_of_transposed_convolutions(k, height):
    """reference: theory, 3."""
    lattice = transposed_convolution((1.0,) * k).lattice()
    np.testing.assert_allclose(lattice, np.outer([1, height], [1, height]), atol=1e-12)


@pytest.mark.parametrize("up", ALL, ids=lambda up: f"{up.name} x{up.factor}")
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_lattices_are_the_lines_of_the_operator_on_a_constant(up, layers):
    """reference: theory, 5: n layers put lines at multiples of s^-n."""
    plane = np.full((4, 4), 7.0)
    for _ in range(layers):
        plane = up(plane, boundary="wrap")
    lines = np.abs(np.fft.fft2(plane))
    step = plane.shape[0] // up.factor**layers
    np.testing.assert_allclose(lines[::step, ::step] / lines[0, 0], up.lattice(layers), atol=1e-10)
    lines[::step, ::step] = 0
    assert lines.max() < 1e-8


def test_lines_vanish_iff_polyphase_sums_are_equal(rng):
    for _ in range(20):
        taps = rng.normal(1, 0.3, 6)
        taps[1::2] *= taps[::2].sum() / taps[1::2].sum()
        assert np.count_nonzero(transposed_convolution(tuple(taps)).lattice() > 1e-9) == 1
        taps[0] += 0.5
        assert transposed_convolution(tuple(taps)).lattice()[0, 1] > 1e-3


def test_half_pixel_bilinear_is_opencvs(rng):
    plane = rng.normal(0, 1, (20, 24)).astype(np.float32)
    theirs = cv2.resize(plane, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(bilinear()(plane, boundary="edge"), theirs, atol=1e-5)


def test_transposed_convolution_is_the_textbooks(rng):
    """y[n] = sum_i x[i] w[n - s i + p]."""
    x, taps = rng.normal(0, 1, (6, 6)), (0.2, 1.0, -0.3, 0.5)
    for padding in (0, 1):
        y = transposed_convolution(taps, padding=padding)(x, boundary="wrap")
        slow = np.zeros((12, 12))
        for i, j, k, m in np.ndindex(6, 6, 4, 4):
            slow[(2 * i + k - padding) % 12, (2 * j + m - padding) % 12] += x[i, j] * taps[k] * taps[m]
        np.testing.assert_allclose(y, slow, atol=1e-12)


def test_kaiser_keeps_the_band_and_stops_its_image():
    up = kaiser()
    assert np.abs(up.gain(np.linspace(0, 0.14, 20)) - 2).max() < 0.05
    assert up.gain(np.linspace(0.36, 0.5, 20)).max() < 0.05
    assert up.lattice(2)[0, 1:].max() < 0.05
    assert up.lattice(2)[0, 1:].max() < 0.2 * transposed_convolution((1.0, 1.0, 1.0)).lattice(2)[0, 1:].max()


@pytest.mark.parametrize("r", [2, 3, 4])
def test_pixel_shuffle(rng, r):
    """reference: theory, 4."""
    channels = rng.normal(0, 1, (r * r, 5, 6))
    plane = pixel_shuffle(channels, r)
    for i, j in np.ndindex(r, r):
        np.testing.assert_array_equal(plane[i::r, j::r], channels[r * i + j])
    means = channels.mean(axis=(1, 2)).reshape(r, r)
    lines = np.abs(np.fft.fft2(plane))[::5, ::6] / plane.size
    np.testing.assert_allclose(lines, pixel_shuffle_lattice(means), atol=1e-12)
    many = pixel_shuffle(np.stack([channels, channels]), r)
    np.testing.assert_array_equal(many[1], plane)


def test_types_and_leading_axes_are_kept(rng):
    planes = rng.normal(0, 1, (2, 3, 8, 8)).astype(np.float32)
    up = bilinear()(planes)
    assert (up.shape, up.dtype) == ((2, 3, 16, 16), np.float32)
    np.testing.assert_array_equal(up[1, 2], bilinear()(planes[1, 2]))
    assert nearest(2)(np.ones((4, 4), np.uint8)).dtype == np.float64


def test_bad_parameters_are_named():
    with pytest.raises(ValueError, match="factor must"):
        Upsampler("x", 0, (1.0,), 0)
    with pytest.raises(ValueError, match="offset must"):
        Upsampler("x", 2, (1.0,), 1)
    with pytest.raises(ValueError, match="boundary must"):
        nearest(2)(np.ones((4, 4)), boundary="zero")
    with pytest.raises(ValueError, match="too short to reflect"):
        linear(4)(np.ones((1, 1)))
    with pytest.raises(ValueError, match="layers must"):
        nearest(2).lattice(0)
    with pytest.raises(ValueError, match="sum to zero"):
        transposed_convolution((1.0, -1.0)).lattice()
    with pytest.raises(ValueError, match="half-pixel or aligned"):
        bilinear("corners")
    with pytest.raises(ValueError, match=r"\(\.\.\., 4, H, W\)"):
        pixel_shuffle(np.ones((3, 4, 4)), 2)
    with pytest.raises(ValueError, match=r"shape \(r, r\)"):
        pixel_shuffle_lattice([1, 2])
