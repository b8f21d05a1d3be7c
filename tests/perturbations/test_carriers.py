"""What happens to images on their way: each carrier against a direct rendering, each canvas against what changes."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from pictures import picture
from PIL import Image, features

from freqforensics.perturbations import AVIF, JPEG
from freqforensics.perturbations.canvases import Border, Caption, Collage, Letterbox
from freqforensics.perturbations.carriers import CARRIERS, GIF, CutGrid, Denoise, FitWithin, Grey
from freqforensics.perturbations.screens import ChatScreenshot, TextPage

needs_avif = pytest.mark.skipif(not features.check("avif"), reason="this Pillow cannot write AVIF")
CANVASES = [
    Border(0.1),
    Border(0.01, value=0),
    Letterbox(),
    Letterbox((1.0,)),
    Collage(parts="quarters"),
    Collage(parts="copies", gap=0.05, value=200),
    ChatScreenshot(theme="light"),
    ChatScreenshot(theme="dark", width=540, height=1100),
    ChatScreenshot("photograph"),
    TextPage(inset=True),
    TextPage(),
]


def through_pillow(image: np.ndarray, form: str, **options) -> np.ndarray:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, form, **options)
    return np.asarray(Image.open(stream).convert("RGB"))


def smaller(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))


def inside(shape: tuple[int, ...], regions) -> np.ndarray:
    mask = np.zeros(shape[:2], bool)
    for x, y, width, height in regions:
        mask[y : y + height, x : x + width] = True
    return mask


@pytest.mark.parametrize("name", CARRIERS)
def test_every_carrier_repeats_itself_and_leaves_the_image_alone(rng, name):
    if name == "avif" and not features.check("avif"):
        pytest.skip("this Pillow cannot write AVIF")
    image = picture(rng, 150, 210)
    before = image.copy()
    first, again = (CARRIERS[name](image, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(image, before)
    assert first.dtype == np.uint8
    assert first.shape[2] == 3
    assert first.shape != image.shape or not np.array_equal(first, image)


def test_the_table_has_no_absence_of_a_carrier():
    assert "as-is" not in CARRIERS


@pytest.mark.parametrize(
    ("name", "shape", "size"),
    [
        ("messenger", (1200, 1900), (1600, 1011)),
        ("messenger", (400, 300), (300, 400)),
        ("web", (1500, 1000), (800, 1200)),
        ("thumbnail", (300, 500), (256, 154)),
        ("enlarged-1.5", (101, 200), (300, 152)),
        ("enlarged-2", (101, 200), (400, 202)),
        ("screenshot", (101, 200), (1080, 1920)),
        ("screenshot-half", (101, 200), (540, 960)),
    ],
)
def test_sizes(rng, name, shape, size):
    made = CARRIERS[name](picture(rng, *shape), np.random.default_rng(0))
    assert made.shape[:2] == size[::-1]


def test_a_messenger_makes_smaller_and_compresses(rng):
    image = picture(rng, 1000, 2000)
    expected = through_pillow(smaller(image, (1600, 800)), "JPEG", quality=75, subsampling="4:2:0")
    assert np.abs(CARRIERS["messenger"](image).astype(int) - expected).max() <= 3
    assert FitWithin(2000)(image) is image
    with pytest.raises(ValueError, match=r"side must .*got 0"):
        FitWithin(0)
    with pytest.raises(ValueError, match="interpolation must"):
        FitWithin(10, "cubic")


@pytest.mark.parametrize(("name", "subsampling"), [("web", "4:2:0"), ("web-444", "4:4:4")])
def test_the_web_draws_its_quality(rng, name, subsampling):
    image = picture(rng, 40, 56)
    choices = {JPEG(quality, subsampling)(image).tobytes() for quality in range(85, 96)}
    drawn = {CARRIERS[name](image, rng).tobytes() for _ in range(150)}
    assert drawn == choices


@needs_avif
def test_avif_is_pillows(rng):
    image = picture(rng, 40, 56)
    np.testing.assert_array_equal(AVIF(60)(image), through_pillow(image, "AVIF", quality=60))
    errors = [np.abs(AVIF(quality)(image).astype(int) - image).mean() for quality in (30, 60, 90)]
    assert errors == sorted(errors, reverse=True)
    with pytest.raises(ValueError, match="quality must"):
        AVIF(101)


def test_avif_says_when_pillow_has_none(monkeypatch):
    monkeypatch.setattr(features, "check", lambda name: False)
    with pytest.raises(ValueError, match="cannot write AVIF"):
        AVIF(60)(np.zeros((8, 8, 3), np.uint8))


@pytest.mark.parametrize("dither", ["floyd-steinberg", "none"])
def test_a_gif_loses_nothing_more_when_it_is_written(rng, dither):
    image = picture(rng, 60, 80)
    made = GIF(64, dither)(image)
    assert len(np.unique(made.reshape(-1, 3), axis=0)) <= 64
    np.testing.assert_array_equal(through_pillow(made, "GIF"), made)


def test_dithering_keeps_the_local_mean():
    """Few colours give bands on a ramp, unless the error is spread."""
    ramp = np.repeat(np.tile(np.linspace(0, 255, 128).astype(np.uint8), (64, 1))[..., None], 3, axis=2)
    errors = {}
    for dither in ("floyd-steinberg", "none"):
        difference = GIF(8, dither)(ramp)[..., 0].astype(float) - ramp[..., 0]
        errors[dither] = np.abs(difference.reshape(8, 8, 16, 8).mean(axis=(1, 3))).mean()
    assert errors["floyd-steinberg"] < 0.4 * errors["none"]
    with pytest.raises(ValueError, match=r"colours must .*got 1"):
        GIF(1)
    with pytest.raises(ValueError, match="dither must"):
        GIF(8, "ordered")


def test_a_cut_moves_the_grid(rng):
    """Steps between neighbours are largest at the edges of blocks: their phase tells the number of columns cut."""
    image = picture(rng, 160, 160)
    for cut in (1, 3, 12):
        made = CutGrid(cut)(JPEG(20, "4:4:4")(image)).astype(float)[..., 1]
        for axis in (0, 1):
            steps = np.abs(np.diff(made, axis=axis)).mean(axis=1 - axis)
            by_phase = [steps[phase::8].mean() for phase in range(8)]
            assert (int(np.argmax(by_phase)) + 1 + cut) % 8 == 0


def test_a_drawn_cut_has_every_offset_but_a_multiple_of_8(rng):
    image = np.zeros((40, 40, 3), np.uint8)
    shapes = [CutGrid((1, 15))(image, rng).shape for _ in range(1500)]
    numbers = set(range(1, 16)) - {8}
    assert {(40 - height, 40 - width) for height, width, _ in shapes} == {(r, c) for r in numbers for c in numbers}
    with pytest.raises(ValueError, match="CutGrid draws at random here: give rng"):
        CutGrid()(image)
    for wrong in (0, 8, -3, (5, 2)):
        with pytest.raises(ValueError, match="offset must"):
            CutGrid(wrong)
    with pytest.raises(ValueError, match="no pixel left after 41 and 41 are cut"):
        CutGrid(41)(image)


def test_grey_is_luma(rng):
    image = rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)
    made = Grey()(image)
    assert np.ptp(made, axis=2).max() == 0
    assert np.abs(made[..., 0] - image @ [0.299, 0.587, 0.114]).max() <= 0.51


def test_denoising_takes_noise_and_leaves_edges(rng):
    clean = np.full((80, 80, 3), 80, np.uint8)
    clean[:, 40:] = 180
    noisy = np.clip(clean + rng.normal(0, 5, clean.shape), 0, 255).astype(np.uint8)
    made = Denoise()(noisy).astype(float)
    assert made[:, :35].std() < 0.4 * noisy[:, :35].std()
    assert (made[:, 40] - made[:, 39]).mean() > 95
    with pytest.raises(ValueError, match=r"strength must .*got 0"):
        Denoise(0)


@pytest.mark.parametrize("canvas", CANVASES, ids=repr)
@pytest.mark.parametrize("shape", [(120, 180, 3), (211, 97, 3)])
def test_what_changes_with_the_photograph_is_its_region(canvas, shape):
    """A black and a white photograph on the same canvas: all that differs is the region, its round corners apart."""
    for seed in range(4):
        black, white = (
            canvas(np.full(shape, level, np.uint8), np.random.default_rng(seed)).astype(np.int16) for level in (0, 255)
        )
        regions = canvas.regions(shape, np.random.default_rng(seed))
        mask = inside(black.shape, regions)
        assert mask.sum() == sum(width * height for _, _, width, height in regions)
        assert (black == white)[~mask].all()
        changed = (white - black > 250)[mask].mean() if regions else 1.0
        assert changed > (0.995 if isinstance(canvas, ChatScreenshot) else 0.999999)


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(2, 400),
    width=st.integers(2, 400),
    seed=st.integers(0, 1000),
    canvas=st.sampled_from(CANVASES),
)
def test_regions_lie_on_the_canvas(height, width, seed, canvas):
    made = canvas(np.zeros((height, width, 3), np.uint8), np.random.default_rng(seed))
    regions = canvas.regions((height, width, 3), np.random.default_rng(seed))
    for x, y, across, down in regions:
        assert min(x, y) >= 0
        assert min(across, down) >= 1
        assert x + across <= made.shape[1]
        assert y + down <= made.shape[0]
    largest = canvas.region((height, width), np.random.default_rng(seed))
    assert largest == (max(regions, key=lambda box: box[2] * box[3]) if regions else None)


@pytest.mark.parametrize("canvas", [Border(0.1), Letterbox()], ids=repr)
def test_frames_and_bars_leave_every_pixel(rng, canvas):
    image = picture(rng, 90, 120)
    made = canvas(image, np.random.default_rng(2))
    x, y, width, height = canvas.region(image.shape, np.random.default_rng(2))
    np.testing.assert_array_equal(made[y : y + height, x : x + width], image)
    assert (made[~inside(made.shape, [(x, y, width, height)])] == canvas.value).all()


def test_a_border_is_a_tenth_of_the_shorter_side():
    assert Border(0.1).region((90, 120)) == (9, 9, 120, 90)
    with pytest.raises(ValueError, match=r"fraction must .*got 0"):
        Border(0)
    with pytest.raises(ValueError, match=r"value must .*got 256"):
        Border(value=256)


@pytest.mark.parametrize("shape", [(90, 120), (120, 90), (100, 100), (108, 192)])
def test_letterboxes_have_one_of_both_aspects(shape):
    """And 16:9 becomes 9:16 only, for otherwise it would get no bars."""
    sizes = set()
    for seed in range(20):
        made = Letterbox()(np.full((*shape, 3), 9, np.uint8), np.random.default_rng(seed))
        assert (made == 9).all(axis=2).sum() == shape[0] * shape[1]
        sizes.add(made.shape[:2])
    aspects = sorted(width / height for height, width in sizes)
    expected = [9 / 16] if shape == (108, 192) else [9 / 16, 16 / 9]
    assert aspects == pytest.approx(expected, rel=0.01)
    np.testing.assert_array_equal(Letterbox((16 / 9,))(np.ones((108, 192, 3), np.uint8)), np.ones((108, 192, 3)))
    with pytest.raises(ValueError, match="aspects must"):
        Letterbox(())


def test_quarters_put_together_are_the_image(rng):
    image = picture(rng, 91, 120)
    made = Collage(parts="quarters")(image)
    boxes = Collage().regions(image.shape)
    a, b, c, d = (made[y : y + height, x : x + width] for x, y, width, height in boxes)
    np.testing.assert_array_equal(np.vstack([np.hstack([a, b]), np.hstack([c, d])]), image)
    assert (made[~inside(made.shape, boxes)] == 255).all()


def test_copies_are_sections_of_different_scales():
    """On a ramp, the difference across a copy tells how much of the image it shows: half to all."""
    ramp = np.repeat(np.tile(np.arange(250, dtype=np.uint8), (100, 1))[..., None], 3, axis=2)
    canvas = Collage(parts="copies")
    spans = []
    for seed in range(20):
        made = canvas(ramp, np.random.default_rng(seed)).astype(int)
        spans += [made[y + 9, x + width - 1, 0] - made[y + 9, x, 0] for x, y, width, _ in canvas.regions(ramp.shape)]
    assert min(spans) >= 122
    assert max(spans) <= 249
    assert np.ptp(spans) > 90
    with pytest.raises(ValueError, match=r"parts must .*got 'halves'"):
        Collage(parts="halves")
    with pytest.raises(ValueError, match="cannot be cut into four parts"):
        canvas(ramp[:1], np.random.default_rng(0))


@pytest.mark.parametrize("shape", [(300, 400), (400, 300)])
def test_captions_are_white_on_black_at_two_edges(shape):
    blue = np.full((*shape, 3), (20, 60, 180), np.uint8)
    made = Caption()(blue, np.random.default_rng(1))
    rows = np.flatnonzero((made != blue).any(axis=(1, 2)))
    third = shape[0] // 3
    assert not ((rows > third) & (rows < 2 * third)).any()
    for part in (made[:third], made[-third:]):
        assert (part == 255).all(axis=2).sum() > 100
        assert (part == 0).all(axis=2).sum() > 100
        # Around white there is black: what lies next to a white pixel is a grey of letter and outline, without blue.
        near = cv2.dilate((part[..., 0] > 250).astype(np.uint8), np.ones((3, 3))).astype(bool)
        assert np.ptp(part[near], axis=1).max() <= 1
    again = Caption(upper="ONE", lower="TWO")
    np.testing.assert_array_equal(again(blue), again(blue, np.random.default_rng(3)))
    with pytest.raises(ValueError, match="Caption draws at random here: give rng"):
        Caption()(blue)
    with pytest.raises(ValueError, match=r"height must .*got 0\.6"):
        Caption(0.6)


@pytest.mark.parametrize("shape", [(600, 900), (1500, 1000), (60, 80)])
def test_a_screenshot_shows_the_photograph_scaled(rng, shape):
    image = picture(rng, *shape)
    made = ChatScreenshot()(image, np.random.default_rng(4))
    x, y, width, height = ChatScreenshot().region(image.shape, np.random.default_rng(4))
    assert width / height == pytest.approx(shape[1] / shape[0], rel=0.01)
    inner = (slice(20, height - 20), slice(20, width - 20))
    shown = made[y : y + height, x : x + width]
    np.testing.assert_array_equal(shown[inner], smaller(image, (width, height))[inner])
    # The cut shows the same pixels, 6 to 16 inside each edge.
    cut = ChatScreenshot("photograph")(image, np.random.default_rng(4))
    places = [
        (top, left)
        for top in range(6, 17)
        for left in range(6, 17)
        if np.array_equal(shown[top : top + cut.shape[0], left : left + cut.shape[1]], cut)
    ]
    assert len(places) == 1
    assert 6 <= height - cut.shape[0] - places[0][0] <= 16
    assert 6 <= width - cut.shape[1] - places[0][1] <= 16


def test_screens_say_what_they_cannot_do():
    image = np.zeros((30, 40, 3), np.uint8)
    with pytest.raises(ValueError, match="ChatScreenshot draws at random here: give rng"):
        ChatScreenshot()(image)
    with pytest.raises(ValueError, match=r"show must .*got 'half'"):
        ChatScreenshot("half")
    with pytest.raises(ValueError, match=r"theme must .*got 'blue'"):
        ChatScreenshot(theme="blue")
    with pytest.raises(ValueError, match="at least 270 and 480, got 100 and 1920"):
        ChatScreenshot(width=100)


def test_screens_are_mostly_flat():
    """Bars, bubbles and background make most of the screen, letters little of it; the photograph is flat here."""
    for seed in range(6):
        made = ChatScreenshot()(np.full((80, 120, 3), 77, np.uint8), np.random.default_rng(seed)).astype(int)
        same = (np.diff(made, axis=1) == 0).all(axis=2)
        assert 0.85 < same.mean() < 0.995


@pytest.mark.parametrize("shape", [(400, 300), (900, 1200)])
def test_a_page_has_rows_of_ink(shape):
    """Rows of letters and rows of paper take turns, about as often as the size of the letters lets them."""
    for seed in range(4):
        page = TextPage()(np.zeros((*shape, 3), np.uint8), np.random.default_rng(seed))
        assert page.shape[:2] == shape
        ink = page[..., 0] < 150
        assert 0.02 < ink.mean() < 0.3
        turns = np.count_nonzero(np.diff(ink.any(axis=1).astype(int)) == 1)
        assert 12 <= turns <= 60
        assert not ink[:, : round(0.06 * shape[1])].any()
    other = TextPage()(np.full((*shape, 3), 200, np.uint8), np.random.default_rng(3))
    np.testing.assert_array_equal(page, other)


def test_text_runs_around_the_photograph():
    """No ink lies on it or close beside it."""
    shape = (700, 500, 3)
    for seed in range(8):
        page = TextPage(inset=True)(np.full(shape, 255, np.uint8), np.random.default_rng(seed))
        x, y, width, height = TextPage(inset=True).region(shape, np.random.default_rng(seed))
        assert not (page[y - 1 : y + height + 1, x - 4 : x + width + 4] < 150).any()
        assert (page[y : y + height] < 150).any()
