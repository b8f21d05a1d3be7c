from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from freqforensics.spectra import Profile, angular_profile, radial_profile


def axes(shape):
    return np.meshgrid(*((np.arange(n) - n // 2) / n for n in shape), indexing="ij")


@pytest.mark.parametrize("shape", [(32, 32), (31, 33), (24, 80), (64, 17)])
def test_a_radial_function_comes_back_whatever_the_shape(shape):
    """Rings are circles in cycles per pixel about DC at N//2; off by half a bin this would be far out."""
    fy, fx = axes(shape)
    profile = radial_profile(np.exp(-4 * np.hypot(fy, fx)))
    expected = np.exp(-4 * profile.centres)
    filled = profile.counts > 0
    assert filled.mean() > 0.9
    half_width = (profile.edges[2] - profile.edges[1]) / 2
    np.testing.assert_allclose(profile.values[filled], expected[filled], rtol=4 * half_width + 0.01)


@pytest.mark.parametrize("shape", [(32, 32), (31, 32), (9, 64)])
def test_dc_has_the_first_ring_to_itself(shape):
    plane = np.zeros(shape)
    plane[shape[0] // 2, shape[1] // 2] = 5
    profile = radial_profile(plane, bins=max(shape) // 2)
    assert profile.counts[0] == 1
    assert profile.values[0] == 5
    assert profile.centres[0] == 0
    assert np.nansum(profile.values[1:]) == 0


@given(st.integers(2, 40), st.integers(2, 40), st.integers(1, 30), st.sampled_from([0.5, 0.5**0.5]))
def test_sum_is_mean_times_count_and_loses_nothing(height, width, bins, most):
    plane = np.random.default_rng(0).uniform(1, 2, (height, width))
    mean = radial_profile(plane, bins=bins, max_frequency=most)
    total = radial_profile(plane, bins=bins, max_frequency=most, estimator="sum")
    filled = mean.counts > 0
    np.testing.assert_allclose(total.values[filled], (mean.values * mean.counts)[filled])
    assert np.isnan(mean.values[~filled]).all()
    assert (total.values[~filled] == 0).all()
    fy, fx = axes((height, width))
    inside = np.hypot(fy, fx) < total.edges[-1] - 1e-9
    assert total.values.sum() >= plane[inside].sum() - 1e-6
    if most > 0.6:
        np.testing.assert_allclose(total.values.sum(), plane.sum())


def test_mean_and_sum_of_white_noise():
    """A mean is flat; a sum called an average would grow with the ring."""
    plane = np.ones((128, 128))
    np.testing.assert_allclose(radial_profile(plane).values, 1)
    grows = radial_profile(plane, estimator="sum").values
    assert grows[60] > 5 * grows[10]


def test_a_line_falls_into_its_ring():
    plane = np.zeros((64, 64))
    plane[32 + 16, 32] = plane[32, 32 + 16] = 1  # exactly 1/4, on the centre of a ring
    profile = radial_profile(plane, estimator="sum")
    assert profile.values[np.argmin(np.abs(profile.centres - 0.25))] == 2


@pytest.mark.parametrize("shape", [(64, 64), (48, 96)])
def test_directions(shape):
    fy, fx = axes(shape)
    for angle, (dy, dx) in {0: (0, 1), 90: (1, 0), 45: (1, 1), 135: (1, -1)}.items():
        plane = np.zeros(shape)
        for sign in (1, -1):
            row = np.argmin(np.abs(fy[:, 0] - sign * dy * 0.25))
            column = np.argmin(np.abs(fx[0] - sign * dx * 0.25))
            plane[row, column] = 1
        profile = angular_profile(plane, estimator="sum", bins=36)
        assert profile.centres[profile.values.argmax()] == pytest.approx(angle)
        assert profile.values.max() == 2


def test_angular_profile_of_a_constant_is_flat_and_leaves_dc_out():
    plane = np.ones((64, 64))
    plane[32, 32] = 1e9
    np.testing.assert_allclose(angular_profile(plane).values, 1)
    ring = angular_profile(plane, min_frequency=0.2, max_frequency=0.3, estimator="sum")
    fy, fx = axes((64, 64))
    assert ring.counts.sum() == ((np.hypot(fy, fx) >= 0.2) & (np.hypot(fy, fx) <= 0.3)).sum()


def test_save_and_load(tmp_path):
    profile = radial_profile(np.random.default_rng(0).uniform(0, 1, (9, 31)), bins=20)
    assert np.isnan(profile.values).any()
    profile.save(tmp_path / "p.csv")
    again = Profile.load(tmp_path / "p.csv")
    for name in ("values", "edges", "counts"):
        np.testing.assert_array_equal(getattr(again, name), getattr(profile, name))
    assert (again.axis, again.estimator) == ("radius", "mean")
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="not a saved profile"):
        Profile.load(tmp_path / "x.csv")


def test_bad_parameters_are_named():
    plane = np.ones((8, 8))
    with pytest.raises(ValueError, match=r"shape \(H, W\), got \(8, 8, 3\)"):
        radial_profile(np.ones((8, 8, 3)))
    with pytest.raises(ValueError, match=r"estimator must .*got 'median'"):
        angular_profile(plane, estimator="median")
    with pytest.raises(ValueError, match="bins must"):
        radial_profile(plane, bins=0)
    with pytest.raises(ValueError, match="max_frequency must"):
        radial_profile(plane, max_frequency=1)
    with pytest.raises(ValueError, match="min_frequency"):
        angular_profile(plane, min_frequency=0.5, max_frequency=0.2)
