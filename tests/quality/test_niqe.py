from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from pictures import encoded, picture
from scipy.optimize import brentq
from scipy.special import gamma
from scipy.stats import spearmanr

from freqforensics.images import read_image, read_jpeg_tables
from freqforensics.quality.niqe import (
    SHIPPED,
    NaturalModel,
    fit_aggd,
    fit_natural_model,
    luma_plane,
    mscn,
    niqe,
    patch_features,
    shipped_model,
    small_niqe,
    well_kept,
)
from freqforensics.sources.records import ImageRecord
from freqforensics.sources.sources import index_images, index_sources

STRENGTHS = {"blur": (0, 1, 2, 4), "noise": (0, 10, 25), "jpeg": (90, 50, 10)}


def distorted(image: np.ndarray, kind: str, strength: float) -> np.ndarray:
    if kind == "jpeg":
        data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, int(strength)])[1]
        return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])
    if strength == 0:
        return image
    if kind == "blur":
        return cv2.GaussianBlur(image, (0, 0), strength)
    noisy = image + np.random.default_rng(0).normal(0, strength, image.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def dead_leaves(rng: np.random.Generator, side: int = 288) -> np.ndarray:
    """Discs that hide one another, of a number that falls with the cube of their radius: statistics of scenes."""
    image = np.full((side, side, 3), 128, np.uint8)
    for radius in 1 / np.sqrt(rng.uniform(1 / 60**2, 1 / 2**2, 3000)):
        x, y = (int(place) for place in rng.integers(0, side, 2))
        colour = tuple(int(level) for level in rng.integers(20, 236, 3))
        cv2.circle(image, (x, y), int(radius), colour, -1, cv2.LINE_AA)
    return cv2.GaussianBlur(image, (0, 0), 0.6)


def aggd_samples(rng: np.random.Generator, shape: float, left: float, right: float, count: int = 400_000) -> np.ndarray:
    """Magnitudes are powers of gamma variates; each side's share is as its scale, for the density is continuous."""
    magnitude = rng.gamma(1 / shape, size=count) ** (1 / shape)
    return np.where(rng.random(count) < left / (left + right), -left * magnitude, right * magnitude)


@pytest.mark.parametrize(
    ("shape", "left", "right"), [(0.5, 1, 1), (1, 2, 2), (2, 1, 1), (0.8, 0.3, 0.6), (1.7, 5, 2), (4, 1, 3)]
)
def test_parameters_of_drawn_samples_are_found(rng, shape, left, right):
    found = fit_aggd(aggd_samples(rng, shape, left, right)[None])
    np.testing.assert_allclose([one[0] for one in found], [shape, left, right], rtol=0.03)


def test_known_densities_have_their_shapes(rng):
    """Normal: 2, and scale sqrt(2) sigma; Laplace: 1, and its scale; two equal points: the most there is."""
    sets = np.stack([rng.normal(0, 3, 400_000), rng.laplace(0, 3, 400_000), rng.choice([-1.0, 1.0], 400_000)])
    shape, left, right = fit_aggd(sets)
    np.testing.assert_allclose(shape, [2, 1, 10], rtol=0.02)
    np.testing.assert_allclose(left[:2], [3 * np.sqrt(2), 3], rtol=0.02)
    np.testing.assert_allclose(right[:2], [3 * np.sqrt(2), 3], rtol=0.02)


def test_a_set_without_one_of_the_sides_has_no_fit():
    sets = np.array([[0.0, 0.0, 0.0], [1.0, 2.0, 0.0], [-1.0, 0.0, -3.0], [-1.0, 1.0, 0.5]])
    assert [np.isfinite(one).tolist() for one in fit_aggd(sets)] == [[False, False, False, True]] * 3


def test_coefficients_of_faint_gaussian_noise_are_gaussian(rng):
    """Far below the constant the contrast divides by one, and what is left is a linear filter."""
    coefficients, deviation = mscn(rng.normal(128, 0.01, (600, 600)))
    shape, left, right = (one[0] for one in fit_aggd(coefficients[None]))
    assert shape == pytest.approx(2, abs=0.03)
    sigma = coefficients.std()
    np.testing.assert_allclose([left, right], np.sqrt(2) * sigma, rtol=0.02)
    assert deviation.max() < 0.03


def test_strong_noise_has_unit_contrast_and_no_outliers(rng):
    """A pixel is part of its own window: coefficients are bounded, the shape is flatter than a Gaussian's."""
    coefficients, deviation = mscn(rng.normal(128, 30, (600, 600)))
    assert deviation.mean() == pytest.approx(30, rel=0.1)
    window = cv2.getGaussianKernel(7, 7 / 6)
    peak = float(window[3, 0] ** 2)
    assert np.abs(coefficients).max() <= np.sqrt((1 - peak) / peak)
    assert fit_aggd(coefficients[None])[0][0] > 2.5


def slow_mscn(plane: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    weights = np.exp(-(np.arange(-3, 4) ** 2) / (2 * (7 / 6) ** 2))
    weights = np.outer(weights, weights) / weights.sum() ** 2
    padded = np.pad(plane, 3, mode="edge")
    height, width = plane.shape
    places = [(i, j) for i in range(7) for j in range(7)]
    mean = sum(weights[i, j] * padded[i : i + height, j : j + width] for i, j in places)
    variance = sum(weights[i, j] * (padded[i : i + height, j : j + width] - mean) ** 2 for i, j in places)
    return (plane - mean) / (np.sqrt(variance) + 1), np.sqrt(variance)


def slow_half(plane: np.ndarray) -> np.ndarray:
    """Each pixel from its 8 x 8 around, weighted by the cubic of twice the width; borders reflected."""

    def cubic(x: float) -> float:
        x = abs(x)
        return 1.5 * x**3 - 2.5 * x**2 + 1 if x <= 1 else -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2

    weights = np.array([cubic((place - 3.5) / 2) for place in range(8)])
    weights = np.outer(weights, weights) / weights.sum() ** 2
    padded = np.pad(plane, 3, mode="symmetric")
    rows, columns = plane.shape[0] // 2, plane.shape[1] // 2
    return np.array(
        [[(weights * padded[2 * i : 2 * i + 8, 2 * j : 2 * j + 8]).sum() for j in range(columns)] for i in range(rows)]
    )


def slow_fit(values: np.ndarray) -> tuple[float, float, float]:
    values = values.ravel()
    left, right = np.sqrt(np.mean(values[values < 0] ** 2)), np.sqrt(np.mean(values[values > 0] ** 2))
    g = left / right
    wanted = np.mean(np.abs(values)) ** 2 / np.mean(values**2) * (g**3 + 1) * (g + 1) / (g**2 + 1) ** 2
    shape = brentq(lambda a: gamma(2 / a) ** 2 / gamma(1 / a) / gamma(3 / a) - wanted, 0.2, 10)
    scale = np.sqrt(gamma(1 / shape) / gamma(3 / shape))
    return shape, left * scale, right * scale


def slow_features(patch: np.ndarray) -> list[float]:
    shape, left, right = slow_fit(patch)
    features = [shape, (left + right) / 2]
    products = (
        patch[:, :-1] * patch[:, 1:],
        patch[:-1] * patch[1:],
        patch[:-1, :-1] * patch[1:, 1:],
        patch[:-1, 1:] * patch[1:, :-1],
    )
    for product in products:
        shape, left, right = slow_fit(product)
        features += [shape, (right - left) * gamma(2 / shape) / gamma(1 / shape), left, right]
    return features


def test_features_are_those_of_a_slow_calculation(rng):
    image = picture(rng, 200, 300)
    luma = image[:192, :288].astype(np.float64) @ [0.299, 0.587, 0.114]
    full, deviation = slow_mscn(luma)
    half, _ = slow_mscn(slow_half(luma))
    features, sharpness = patch_features(image)
    assert features.shape == (6, 36)
    for place in range(6):
        i, j = divmod(place, 3)
        expected = [
            *slow_features(full[96 * i : 96 * i + 96, 96 * j : 96 * j + 96]),
            *slow_features(half[48 * i : 48 * i + 48, 48 * j : 48 * j + 48]),
        ]
        np.testing.assert_allclose(features[place], expected, rtol=1e-3, atol=1e-4)
        mean = deviation[96 * i : 96 * i + 96, 96 * j : 96 * j + 96].mean()
        assert sharpness[place] == pytest.approx(mean, rel=1e-5)


@pytest.mark.parametrize("block", [1, 96 * 96 * 3])
def test_features_do_not_depend_on_how_many_patches_are_measured_together(rng, monkeypatch, block):
    image = picture(rng, 200, 700)
    features, _ = patch_features(image)
    monkeypatch.setattr("freqforensics.quality.niqe._BLOCK", block)
    np.testing.assert_array_equal(patch_features(image)[0], features)


def test_the_distance_is_mahalanobis_where_both_covariances_are_one(rng):
    image = dead_leaves(rng, 96 * 7)
    features, _ = patch_features(image)
    covariance = np.cov(features, rowvar=False)
    away = rng.normal(0, 1, 36) * np.sqrt(np.diag(covariance))
    model = NaturalModel(features.mean(axis=0) + away, covariance, 1, len(features), "itself, moved")
    assert niqe(image, model=model) == pytest.approx(np.sqrt(away @ np.linalg.solve(covariance, away)), rel=1e-6)
    unmoved = NaturalModel(features.mean(axis=0), covariance, 1, len(features), "itself")
    assert niqe(image, model=unmoved) == pytest.approx(0, abs=1e-6)


def test_what_fills_no_patch_is_not_looked_at(rng):
    image = picture(rng, 230, 310)
    other = image.copy()
    other[192:], other[:, 288:] = 0, 255
    assert niqe(image) == niqe(other) == niqe(image[:192, :288])


def test_blur_and_strong_distortions_of_scenes_are_worse():
    for seed in range(3):
        image = dead_leaves(np.random.default_rng(seed))
        blurred = [niqe(distorted(image, "blur", sigma)) for sigma in STRENGTHS["blur"]]
        assert blurred == sorted(blurred)
        assert niqe(distorted(image, "noise", 10)) < niqe(distorted(image, "noise", 25))
        assert niqe(distorted(image, "jpeg", 50)) < niqe(distorted(image, "jpeg", 10))


def test_images_without_statistics_are_refused(rng):
    with pytest.raises(ValueError, match="no texture"):
        niqe(np.full((192, 192, 3), 77, np.uint8))
    nearly = np.full((192, 192, 3), 255, np.uint8)
    nearly[:60, :60] = picture(rng, 60, 60)
    with pytest.raises(ValueError, match="1 of its patches"):
        niqe(nearly)


def test_clipped_places_are_left_out(rng):
    """A white sky has no statistics: what is beside it has the score."""
    image = np.full((288, 288, 3), 255, np.uint8)
    image[120:] = picture(rng, 168, 288)
    features, _ = patch_features(image)
    known = np.isfinite(features).all(axis=1)
    assert known.tolist() == [False] * 3 + [True] * 6
    assert niqe(image) > 0


@pytest.mark.parametrize(
    ("image", "match"),
    [
        (np.zeros((191, 400, 3), np.uint8), "at least 192x192 pixels, got 400x191"),
        (np.zeros((256, 256), np.uint8), "shape"),
        (np.zeros((256, 256, 3), np.float32), "float32"),
        (np.zeros((0, 256, 3), np.uint8), "shape"),
    ],
)
def test_other_arrays_are_refused(image, match):
    with pytest.raises(ValueError, match=match):
        niqe(image)


@pytest.mark.long
def test_the_model_is_of_the_sharp_patches(rng):
    images = [dead_leaves(np.random.default_rng(seed), 96 * 4) for seed in range(12)]
    for image in images:
        image[:, :192] = cv2.GaussianBlur(image, (0, 0), 3)[:, :192]
    chosen = []
    for image in images:
        features, sharpness = patch_features(image)
        keep = sharpness > 0.75 * sharpness.max()
        assert not keep.reshape(4, 4)[:, :2].any()
        chosen.append(features[keep])
    stacked = np.concatenate(chosen)
    model = fit_natural_model([*images, picture(rng)], about="leaves")  # the last is too small
    assert (model.images, model.patches, model.about) == (12, len(stacked), "leaves")
    np.testing.assert_allclose(model.mean, stacked.mean(axis=0))
    np.testing.assert_allclose(model.covariance, np.cov(stacked.T))


def test_too_few_patches_make_no_model(rng):
    with pytest.raises(ValueError, match="at least 37 sharp patches, got 4 of 1 images"):
        fit_natural_model([np.tile(picture(rng, 96, 96), (2, 2, 1))], about="")


def test_a_model_is_saved_and_read_to_the_last_bit(rng, tmp_path):
    model = NaturalModel(rng.normal(size=36), rng.normal(size=(36, 36)), 3, 40, "näive")
    model.save(tmp_path / "a.npz")
    model.save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    back = NaturalModel.load(tmp_path / "a.npz")
    np.testing.assert_array_equal(back.mean, model.mean)
    np.testing.assert_array_equal(back.covariance, model.covariance)
    assert (back.images, back.patches, back.about) == (3, 40, "näive")


def test_other_files_are_no_models(rng, tmp_path):
    path = tmp_path / "other.npz"
    with pytest.raises(FileNotFoundError):
        NaturalModel.load(path)
    np.savez(path, mean=np.zeros(36))
    with pytest.raises(ValueError, match="not a saved model"):
        NaturalModel.load(path)
    path.write_bytes(SHIPPED[96].read_bytes()[:3000])
    with pytest.raises(ValueError, match="not a saved model"):
        NaturalModel.load(path)
    NaturalModel(np.zeros(35), np.zeros((36, 36)), 1, 1, "").save(path)
    with pytest.raises(ValueError, match=r"mean has shape \(35,\)"):
        NaturalModel.load(path)


@pytest.mark.parametrize(("patch", "images", "patches"), [(96, 1335, 4814), (48, 1340, 10540)])
def test_the_models_that_ship_are_distributions(patch, images, patches):
    model = shipped_model(patch)
    assert SHIPPED[patch].stat().st_size < 20_000
    assert (model.images, model.patches, model.patch) == (images, patches, patch)
    with pytest.raises(ValueError, match="one of 96, 48; got 64"):
        shipped_model(64)
    assert "No Kodak image" in model.about
    np.testing.assert_array_equal(model.covariance, model.covariance.T)
    assert np.linalg.eigvalsh(model.covariance).min() > 0
    assert ((model.mean[[0, 18]] > 2) & (model.mean[[0, 18]] < 4)).all()


def test_poorly_kept_files_are_left_out_of_models(rng, tmp_path):
    image = picture(rng, 200, 240)
    for name, quality in (("good", 96), ("poor", 90)):
        (tmp_path / f"{name}.jpg").write_bytes(encoded(image, "JPEG", quality=quality))
    (tmp_path / "whole.png").write_bytes(encoded(image, "PNG"))
    records = [ImageRecord(tmp_path / name, "real", "x") for name in ("good.jpg", "poor.jpg", "whole.png")]
    given = list(well_kept(records))
    assert [one.shape[:2] for one in given] == [(200, 240), (150, 180)] * 2
    np.testing.assert_array_equal(given[2], image)
    assert len(list(well_kept(records, least_quality=90))) == 6


def test_luma_is_that_of_bt601():
    image = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [10, 20, 30]]], np.uint8)
    np.testing.assert_allclose(luma_plane(image), [[76.245, 149.685, 29.07, 18.15]], rtol=1e-6)


@pytest.fixture(scope="module")
def kodak(data: Path) -> dict[str, np.ndarray]:
    """Of each kind of distortion the scores of the 24 photographs, a column for each strength."""
    images = [read_image(record.path) for record in index_images(data / "photos_kodak")]
    assert len(images) == 24
    return {
        kind: np.array([[niqe(distorted(image, kind, strength)) for strength in strengths] for image in images])
        for kind, strengths in STRENGTHS.items()
    }


@pytest.mark.parametrize("kind", STRENGTHS)
@pytest.mark.long
def test_photographs_that_no_model_saw_are_put_in_order(kodak, kind):
    """Wanted of 20; measured 24 of 24 of each kind."""
    scores = kodak[kind]
    assert (np.diff(scores, axis=1) > 0).all(axis=1).sum() >= 20
    strength = np.broadcast_to(np.arange(scores.shape[1]), scores.shape)
    assert spearmanr(strength.ravel(), scores.ravel()).statistic > 0.9


@pytest.mark.long
def test_scores_of_good_photographs_are_of_the_usual_size(kodak):
    scores = kodak["blur"][:, 0]
    assert 2 < np.median(scores) < 4
    assert scores.max() < 5


@pytest.mark.long
def test_small_patches_put_small_images_in_order(data):
    """Of the middle 128 x 128 of the 24: by chance four would be in order."""
    middles = []
    for record in index_images(data / "photos_kodak"):
        image = read_image(record.path)
        top, left = ((side - 128) // 2 for side in image.shape[:2])
        middles.append(np.ascontiguousarray(image[top : top + 128, left : left + 128]))
    for kind, strengths in STRENGTHS.items():
        scores = np.array([[small_niqe(distorted(one, kind, s)) for s in strengths] for one in middles])
        assert (np.diff(scores, axis=1) > 0).all(axis=1).sum() >= 14
        assert (np.diff(np.median(scores, axis=0)) > 0).all()


@pytest.mark.slow
def test_the_models_that_ship_can_be_made_again(data, monkeypatch):
    monkeypatch.chdir(data)
    records = index_sources(["photos", "photos_imagenet"])
    kept = [r for r in records if getattr(read_jpeg_tables(r.path.read_bytes()), "quality", 0) >= 95]
    assert len(kept) == 670
    images = list(well_kept(records))
    for patch in (96, 48):
        model, shipped = fit_natural_model(images, about="", patch=patch), shipped_model(patch)
        assert (model.images, model.patches) == (shipped.images, shipped.patches)
        np.testing.assert_allclose(model.mean, shipped.mean, rtol=1e-4)
        np.testing.assert_allclose(model.covariance, shipped.covariance, rtol=1e-3, atol=1e-6)
