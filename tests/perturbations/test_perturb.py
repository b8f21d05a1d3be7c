"""JPEG and resizing."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
import scipy.ndimage
from PIL import Image

from freqforensics.images.jpeg import luma_table, read_jpeg_tables
from freqforensics.perturbations import (
    JPEG,
    Blur,
    ChromaSubsampling,
    Crop,
    Flip,
    OneOf,
    Resize,
    ResizeShorter,
    Sharpen,
    Sometimes,
    WebP,
    compression,
)
from freqforensics.perturbations.augmentation import (
    W20_RECIPES,
    W20_TEST,
    W20_VALIDATION,
    augmentation,
    double_jpeg,
    social,
    w20_training,
    w20_validation,
)


def test_area_averaging_by_two_is_the_mean_of_four_whatever_the_sides(rng):
    image = rng.integers(0, 256, (41, 63, 3), dtype=np.uint8)
    made = Resize(0.5, "area")(image)
    expected = image[:40, :62].reshape(20, 2, 31, 2, 3).astype(float).mean(axis=(1, 3))
    assert made.shape == (20, 31, 3)
    assert np.abs(made - expected).max() <= 0.5


def test_a_third_too():
    image = np.arange(9 * 12 * 3, dtype=np.uint8).reshape(9, 12, 3)
    expected = image.reshape(3, 3, 4, 3, 3).astype(float).mean(axis=(1, 3))
    assert np.abs(Resize(1 / 3, "area")(image) - expected).max() <= 0.5


def test_resizing_draws_its_scale_from_the_generator(rng):
    image = rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)
    resize = Resize((0.5, 2.0), "bicubic")
    shapes = {resize(image, np.random.default_rng(seed)).shape for seed in range(20)}
    assert len(shapes) > 10
    assert all(30 <= height <= 120 and 40 <= width <= 160 for height, width, _ in shapes)
    again = [resize(image, np.random.default_rng(7)) for _ in range(2)]
    np.testing.assert_array_equal(*again)
    with pytest.raises(ValueError, match="give rng"):
        resize(image)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "area", "lanczos", "antialiased"])
def test_resizing_keeps_flat_pictures_flat(interpolation):
    image = np.full((30, 40, 3), 77, np.uint8)
    for scale in (0.3, 1.7):
        assert (Resize(scale, interpolation)(image) == 77).all()


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:2:2", "4:4:4"])
@pytest.mark.parametrize("quality", [30, 75, 100])
def test_jpeg_is_pillows(rng, quality, subsampling):
    """Current OpenCV and Pillow both write what libjpeg writes."""
    image = cv2.GaussianBlur(rng.integers(0, 256, (48, 64, 3), dtype=np.uint8), (0, 0), 2)
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=quality, subsampling=subsampling)
    difference = np.abs(np.asarray(Image.open(stream)).astype(int) - JPEG(quality, subsampling)(image))
    assert difference.max() <= 3
    assert difference.mean() < 0.05


def test_jpeg_draws_every_quality_of_its_range(rng):
    image = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
    kinds = {JPEG(q)(image).tobytes() for q in (10, 11, 12)}
    drawn = {JPEG((10, 12))(image, np.random.default_rng(seed)).tobytes() for seed in range(30)}
    assert drawn == kinds


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: JPEG(0), "quality must lie between 1 and 100"),
        (lambda: JPEG((80, 70)), "ascending"),
        (lambda: JPEG(80, "4:1:1"), "subsampling must be one of 4:2:0, 4:2:2, 4:4:4"),
        (lambda: Resize(0), "scale must be positive"),
        (lambda: Resize((2, 1)), "ascending"),
        (lambda: Resize(1, "cubic"), "interpolation must be one of nearest"),
        (lambda: Resize(0.01)(np.zeros((8, 8, 3), np.uint8)), "no pixel left"),
    ],
)
def test_what_cannot_be_is_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()


@pytest.mark.parametrize("quality", range(1, 101))
def test_the_quality_of_every_table_is_found(quality):
    image = np.zeros((16, 16, 3), np.uint8)
    encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
    tables = read_jpeg_tables(encoded)
    assert (tables.quality, tables.standard, tables.subsampling) == (quality, True, "4:2:0")
    assert tables.luma == tuple(luma_table(quality).ravel())


def test_other_tables_are_said_to_be_other(rng):
    stream = io.BytesIO()
    tables = [[17] * 64, [20] * 64]
    Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(
        stream, "JPEG", qtables=tables, subsampling=0
    )
    found = read_jpeg_tables(stream.getvalue())
    assert (found.standard, found.subsampling, set(found.luma)) == (False, "4:4:4", {17})
    distances = [np.abs(luma_table(q) - 17).sum() for q in range(1, 101)]
    assert distances[found.quality - 1] == min(distances)


@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"\xff\xd8\xff\xe0\x00\x10JFIF"])
def test_what_is_no_whole_jpeg_has_no_tables(data):
    assert read_jpeg_tables(data) is None


def errors_on_ramps(compress: JPEG, slopes: np.ndarray, channel: int) -> np.ndarray:
    """Spectra of what JPEG adds to 64x64 ramps in one channel, so shallow that every block comes out flat."""
    y, x = np.mgrid[:64, :64] - 31.5
    spectra = []
    for across, down in slopes:
        image = np.full((64, 64, 3), 128, np.uint8)
        ramp = np.clip(np.rint(128 + across * x + down * y), 0, 255).astype(np.uint8)
        image[..., channel if channel >= 0 else slice(None)] = ramp if channel >= 0 else ramp[..., None]
        spectra.append(np.fft.fft2(compress(image)[..., channel].astype(float) - image[..., channel]))
    return np.array(spectra)


def test_theory_6_jpeg_leaves_energy_at_multiples_of_an_eighth_on_the_axes_weakly_coherent(rng):
    spectra = errors_on_ramps(JPEG(50), rng.uniform(-0.25, 0.25, (80, 2)), -1)
    power = (np.abs(spectra) ** 2).mean(axis=0)
    axes = np.array([[plane[8 * k] for k in (1, 2, 3)] for plane in (power[0], power[:, 0])])
    beside = np.array([[plane[8 * k + 4] for k in (1, 2, 3)] for plane in (power[0], power[:, 0])])
    off_axis = np.array([[power[8 * k, 8 * m] for k in (1, 2, 3)] for m in (1, 2, 3)])
    assert (axes > 10 * beside).all()
    assert axes.mean() > 5 * off_axis.mean()
    lines = np.concatenate([spectra[:, 0, 8:32:8], spectra[:, 8:32:8, 0]], axis=1)
    assert (np.abs(lines.sum(axis=0)) ** 2 / (80 * (np.abs(lines) ** 2).sum(axis=0)) < 0.1).all()


def test_theory_6_subsampled_chroma_adds_sixteenths(rng):
    """4:2:0 makes blocks of chroma 16 pixels wide in the picture."""
    slopes = rng.uniform(-0.25, 0.25, (80, 2))
    ratio = {}
    for subsampling in ("4:2:0", "4:4:4"):
        power = (np.abs(errors_on_ramps(JPEG(50, subsampling), slopes, 2)) ** 2).mean(axis=0)
        # 3/16 against the mean, in logarithms, of 5/32 and 7/32: the slope of the spectrum cancels.
        ratio[subsampling] = min(p[12] / np.sqrt(p[10] * p[14]) for p in (power[0], power[:, 0]))
    assert ratio["4:2:0"] > 3 * ratio["4:4:4"]


def test_the_grid_is_seen_on_the_axes_of_the_incoherent_power(rng):
    """Shallow ramps again, and noise too weak to survive the compression, so that there is something beside them."""
    from freqforensics import SpectrumAccumulator, SpectrumSpec, estimate_upsampling, resampling_trace

    y, x = np.mgrid[:64, :64] - 31.5
    images = []
    for across, down in rng.uniform(-0.25, 0.25, (60, 2)):
        ramp = 128 + across * x + down * y + rng.normal(0, 0.5, x.shape)
        images.append(np.repeat(np.rint(ramp).astype(np.uint8)[..., None], 3, axis=2))
    seen = []
    for compress in (lambda image: image, JPEG(50)):
        accumulator = SpectrumAccumulator(SpectrumSpec(size=64))
        changed = [compress(image) for image in images]
        accumulator.update(changed)
        report = estimate_upsampling(accumulator.result(), trace=resampling_trace(changed, size=64))
        seen.append(report.alternatives[0].on_axis)
    assert seen[0] < 1.5
    assert seen[1] > 5


@pytest.mark.parametrize("sigma", [0.1, 0.124, 0.126, 0.5, 1.0, 2.7, 3.0])
def test_the_published_blur_is_scipys_on_uint8_in_place(rng, sigma):
    image = rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)
    expected = image.copy()
    for channel in range(3):
        scipy.ndimage.gaussian_filter(expected[:, :, channel], output=expected[:, :, channel], sigma=sigma)
    before = image.copy()
    np.testing.assert_array_equal(Blur(sigma, variant="as_published")(image), expected)
    np.testing.assert_array_equal(image, before)
    if sigma < 0.125:
        np.testing.assert_array_equal(expected, image)


def test_the_published_blur_darkens_and_the_sound_one_does_not(rng):
    image = rng.integers(50, 200, (128, 128, 3), dtype=np.uint8)
    falls = {variant: image.mean() - Blur(2.0, variant=variant)(image).mean() for variant in ("as_published", "sound")}
    assert falls["as_published"] == pytest.approx(1.0, abs=0.1)
    assert abs(falls["sound"]) < 0.05
    exact = scipy.ndimage.gaussian_filter(image.astype(float), (2, 2, 0))
    assert np.abs(Blur(2.0)(image) - exact).max() <= 0.51


def test_blur_draws_sigma_uniformly():
    """A single bright pixel's peak falls with sigma: its distribution tells what was drawn."""
    image = np.zeros((33, 33, 3), np.uint8)
    image[16, 16] = 255
    peaks = [int(Blur((0.0, 3.0))(image, np.random.default_rng(seed))[16, 16, 0]) for seed in range(400)]
    above = [Blur(threshold)(image)[16, 16, 0] for threshold in (0.75, 1.5)]
    for threshold, share in zip(above, (0.25, 0.5), strict=True):
        assert np.mean(np.array(peaks) > threshold) == pytest.approx(share, abs=3 * 0.5 / 20)


@pytest.mark.parametrize("quality", range(30, 101, 7))
def test_both_codecs_give_the_bytes_of_a_direct_rendering(rng, quality):
    image = rng.integers(0, 256, (40, 56, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=quality)
    np.testing.assert_array_equal(JPEG(quality, codec="pillow")(image), np.asarray(Image.open(stream)))
    encoded = cv2.imencode(".jpg", image[:, :, ::-1], [int(cv2.IMWRITE_JPEG_QUALITY), quality])[1]
    np.testing.assert_array_equal(JPEG(quality, codec="opencv")(image), cv2.imdecode(encoded, 1)[:, :, ::-1])


def test_webp_is_pillows(rng):
    image = rng.integers(0, 256, (40, 56, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "WEBP", quality=60)
    np.testing.assert_array_equal(WebP(60)(image), np.asarray(Image.open(stream).convert("RGB")))


@pytest.mark.parametrize("shape", [(300, 256), (256, 256), (224, 224), (500, 375), (100, 400), (225, 223), (30, 41)])
def test_crops_are_torchvisions(rng, shape):
    """Its rule, written out: round half to even for the origin, the odd row of zeros below and to the right."""
    image = rng.integers(1, 256, (*shape, 3), dtype=np.uint8)
    height, width = shape
    padded = np.zeros((max(224, height), max(224, width), 3), np.uint8)
    top, left = (224 - height) // 2 if height < 224 else 0, (224 - width) // 2 if width < 224 else 0
    padded[top : top + height, left : left + width] = image
    y, x = (round((side - 224) / 2.0) for side in padded.shape[:2])
    np.testing.assert_array_equal(Crop(224)(image), padded[y : y + 224, x : x + 224])
    drawn = Crop(224, "random")(image, np.random.default_rng(0))
    assert drawn.shape == (224, 224, 3)


def test_random_crops_reach_every_corner(rng):
    image = np.arange(16, dtype=np.uint8).reshape(4, 4, 1).repeat(3, axis=2)
    corners = {int(Crop(2, "random")(image, rng)[0, 0, 0]) for _ in range(200)}
    assert corners == {0, 1, 2, 4, 5, 6, 8, 9, 10}


@pytest.mark.parametrize(
    ("shape", "expected"), [((500, 375), (341, 256)), ((256, 300), (256, 300)), ((64, 48), (341, 256))]
)
def test_the_shorter_side_is_made_256_by_pillow(rng, shape, expected):
    image = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    made = ResizeShorter(256)(image)
    assert made.shape[:2] == expected
    whole = np.asarray(Image.fromarray(image).resize(expected[::-1], Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(made, image if min(shape) == 256 else whole)


@pytest.mark.parametrize(
    ("recipe", "rates"),
    [
        ("no-aug", (0, 0)),
        ("blur", (0.5, 0)),
        ("jpeg", (0, 0.5)),
        ("blur+jpeg-0.5", (0.5, 0.5)),
        ("blur+jpeg-0.1", (0.1, 0.1)),
    ],
)
def test_recipes_blur_and_compress_at_their_rates(recipe, rates, monkeypatch):
    done = []
    monkeypatch.setattr(
        Blur, "__call__", lambda self, image, rng=None: done.append((self.sigma, self.variant)) or image
    )
    monkeypatch.setattr(JPEG, "__call__", lambda self, image, rng=None: done.append(self.quality) or image)
    rng = np.random.default_rng(1)
    image = np.zeros((8, 8, 3), np.uint8)
    for _ in range(1000):
        W20_RECIPES[recipe](image, rng)
    for kind, rate in zip((((0.0, 3.0), "as_published"), (30, 100)), rates, strict=True):
        assert done.count(kind) / 1000 == pytest.approx(rate, abs=3 * np.sqrt(rate * (1 - rate) / 1000))


def test_the_training_transform_runs_in_the_published_order():
    steps = w20_training("blur+jpeg-0.5").steps
    kinds = [type(step.step if isinstance(step, Sometimes) else step).__name__ for step in steps]
    assert kinds == ["ResizeShorter", "Blur", "JPEG", "Crop", "Flip"]
    image = np.random.default_rng(0).integers(0, 256, (300, 280, 3), dtype=np.uint8)
    made = [w20_training("blur+jpeg-0.5")(image, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert made[0].shape == (224, 224, 3)
    np.testing.assert_array_equal(made[0], made[1])
    assert not np.array_equal(made[0], made[2])
    assert W20_VALIDATION(image).shape == W20_TEST(image).shape == (224, 224, 3)
    with pytest.raises(ValueError, match="recipe must"):
        w20_training("none")


@pytest.mark.parametrize("recipe", ["no-aug", "blur", "jpeg", "blur+jpeg-0.5"])
def test_validation_tosses_coins_over_fixed_amounts(recipe):
    """As `get_val_opt` of the published code: sigma 1.5 in uint8, then quality 65 by Pillow, written out."""
    image = np.random.default_rng(0).integers(0, 256, (256, 300, 3), dtype=np.uint8)
    blurred = np.stack([scipy.ndimage.gaussian_filter(image[..., i], 1.5) for i in range(3)], axis=2)

    def compressed(pixels):
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "JPEG", quality=65)
        return np.asarray(Image.open(stream))

    expected = {
        "": image,
        "blur": blurred,
        "jpeg": compressed(image),
        "blur+jpeg": compressed(blurred),
    }
    counts = dict.fromkeys(expected, 0)
    for seed in range(60):
        made = w20_validation(recipe)(image, np.random.default_rng(seed))
        (name,) = [name for name, each in expected.items() if np.array_equal(made, each[16:240, 38:262])]
        counts[name] += 1
    rates = {
        "no-aug": (1, 0, 0, 0),
        "blur": (0.5, 0.5, 0, 0),
        "jpeg": (0.5, 0, 0.5, 0),
        "blur+jpeg-0.5": (0.25, 0.25, 0.25, 0.25),
    }[recipe]
    for count, rate in zip(counts.values(), rates, strict=True):
        assert count / 60 == pytest.approx(rate, abs=3 * np.sqrt(rate * (1 - rate) / 60))
    with pytest.raises(ValueError, match="recipe must"):
        w20_validation("none")


def test_laundering_chains(rng):
    image = rng.integers(0, 256, (64, 80, 3), dtype=np.uint8)
    np.testing.assert_array_equal(double_jpeg(90, 70)(image), JPEG(70)(JPEG(90)(image)))
    np.testing.assert_array_equal(double_jpeg(90, 70, shift=3)(image), JPEG(70)(JPEG(90)(image)[3:, 3:]))
    half = np.asarray(Image.fromarray(image).resize((40, 32), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(social(0.5, 80)(image), JPEG(80)(half))
    np.testing.assert_array_equal(Flip()(image), image[:, ::-1])
    with pytest.raises(ValueError, match="probability must"):
        Sometimes(Flip(), 1.5)
    with pytest.raises(ValueError, match="no pixel left"):
        double_jpeg(90, 70, shift=64)(image)


def test_one_of_draws_each_as_often():
    class Tag(Blur):
        def __call__(self, image, rng=None):
            return self.sigma

    drawn = OneOf((Tag(1.0), Tag(2.0), Tag(3.0)))
    source = np.random.default_rng(0)
    counts = np.bincount([int(drawn(None, source)) for _ in range(3000)])[1:]
    assert (np.abs(counts - 1000) < 100).all()
    with pytest.raises(ValueError, match="choices must"):
        OneOf(())


def test_sharpening_adds_what_a_blur_takes_away(rng):
    image = rng.integers(60, 190, (20, 24, 3), dtype=np.uint8)
    given = image.astype(float)
    blurred = np.stack([scipy.ndimage.gaussian_filter(given[..., c], 1.5) for c in range(3)], axis=-1)
    expected = np.clip(given + 0.7 * (given - blurred), 0, 255)
    assert np.abs(Sharpen(0.7, 1.5)(image) - expected).max() <= 0.51
    assert np.array_equal(Sharpen(0.0)(image), image)
    with pytest.raises(ValueError, match="amount must"):
        Sharpen((1.0, 0.5))
    with pytest.raises(ValueError, match="sigma must"):
        Sharpen(1.0, 0.0)


def test_laundering_leaves_most_images_as_they_are(rng):
    image = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
    same = np.mean([np.array_equal(augmentation("laundering")(image, rng), image) for _ in range(400)])
    assert abs(same - 0.9 * 0.9 * 0.7) < 0.08


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
def test_chroma_is_subsampled_and_luma_is_not(rng, interpolation):
    image = np.clip(rng.normal(128, 25, (41, 64, 3)), 40, 215).astype(np.uint8)
    made = ChromaSubsampling(interpolation)(image)
    assert made.shape == image.shape
    before, after = (cv2.cvtColor(x, cv2.COLOR_RGB2YCrCb).astype(float) for x in (image, made))
    assert np.abs(before - after)[..., 0].mean() < 1.0
    means = before[:40, :, 1:].reshape(20, 2, 32, 2, 2).mean(axis=(1, 3))
    if interpolation == "nearest":
        blocks = after[:40, :, 1:].reshape(20, 2, 32, 2, 2)
        assert np.abs(blocks - means[:, None, :, None]).mean() < 1.0
    assert after[..., 1:].std() < 0.8 * before[..., 1:].std()
    with pytest.raises(ValueError, match="interpolation must"):
        ChromaSubsampling("area")


@pytest.mark.parametrize(("interpolation", "sign"), [("integer-up", 1), ("integer-down", -1)])
def test_integer_chroma_is_too_great_or_too_small_between_what_is_copied(rng, interpolation, sign):
    planes = rng.integers(0, 255, (50, 60, 2), dtype=np.uint8)
    doubled = compression._doubled(planes, up=sign > 0).astype(float)
    assert np.array_equal(doubled[::2, ::2], planes)
    exact = (planes[:, :-1].astype(float) + planes[:, 1:]) / 2
    assert (sign * (doubled[::2, 1:-1:2] - exact)).mean() == pytest.approx(0.25, abs=0.03)
    four = sum(planes[i : 49 + i, j : 59 + j].astype(float) for i in (0, 1) for j in (0, 1)) / 4
    assert (doubled[1:-1:2, 1:-1:2] - four).mean() == pytest.approx(0.125 if sign > 0 else -0.375, abs=0.04)
    assert np.array_equal(doubled[-1, ::2], planes[-1])
    image = rng.integers(40, 215, (32, 32, 3), dtype=np.uint8)
    assert not np.array_equal(ChromaSubsampling(interpolation)(image), ChromaSubsampling("bilinear")(image))
