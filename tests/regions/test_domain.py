"""Where the photograph is: against canvases that say where they put it, and photographs that have flat parts."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw

from freqforensics.images.reading import read_image
from freqforensics.perturbations import JPEG, Chain, Perturbation, Resize, WebP
from freqforensics.perturbations.canvases import Border, Canvas, Caption, Collage, Letterbox
from freqforensics.perturbations.carriers import GIF, Grey
from freqforensics.perturbations.screens import ChatScreenshot, TextPage
from freqforensics.regions.domain import Domain, find_region
from freqforensics.regions.ground import Tiles, largest_rectangle

Box = tuple[int, int, int, int]


def photograph(rng: np.random.Generator, height: int = 360, width: int = 480) -> np.ndarray:
    """Detail at all scales, 1/f, in colour, and some grain."""
    image = np.zeros((height, width, 3))
    for scale in (2, 5, 12, 30, 80):
        layer = rng.normal(0, 1, (height // scale + 3, width // scale + 3, 3))
        layer = 0.7 * layer.mean(axis=2, keepdims=True) + 0.3 * layer
        layer = cv2.resize(layer, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)[:height, :width]
        image += layer / layer.std() * scale**0.5
    image = 120 + 55 * (image - image.mean()) / image.std() + rng.normal(0, 2, image.shape)
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def hills(rng: np.random.Generator, width: int, level: float, amplitude: float) -> np.ndarray:
    """Height of an uneven horizon in each column."""
    line = cv2.GaussianBlur(rng.normal(0, 1, (1, width)), (0, 0), width / 25)[0]
    return level + amplitude * line / line.std()


def overlap(first: Box, second: Box) -> float:
    """Intersection over union."""
    sides = [max(0, min(first[i] + first[i + 2], second[i] + second[i + 2]) - max(first[i], second[i])) for i in (0, 1)]
    common = sides[0] * sides[1]
    return common / (first[2] * first[3] + second[2] * second[3] - common)


def is_inside(inner: Box, outer: Box) -> bool:
    return all(inner[i] >= outer[i] and inner[i] + inner[i + 2] <= outer[i] + outer[i + 2] for i in (0, 1))


def assert_whole(image: np.ndarray) -> None:
    domain = find_region(image)
    assert domain == Domain((0, 0, image.shape[1], image.shape[0]), ""), domain
    assert domain.judged


# --- photographs stay whole -------------------------------------------------------------------------------------------


def test_a_photograph_is_judged_whole(rng: np.random.Generator) -> None:
    for shape in ((64, 64), (128, 100), (257, 391), (800, 600)):
        assert_whole(photograph(rng, *shape))


@pytest.mark.parametrize(
    "step",
    [JPEG(30), JPEG(75), WebP(50), GIF(256), GIF(256, "none"), Grey(), Resize(2.0, "bicubic"), Resize(0.4, "area")],
    ids=repr,
)
def test_compression_colours_and_size_do_not_matter(step: Perturbation, rng: np.random.Generator) -> None:
    assert_whole(step(photograph(rng), rng))


@pytest.mark.parametrize("level", [(255, 255, 255), (0, 0, 0), (120, 160, 230)])
@pytest.mark.parametrize("step", [None, JPEG(30), JPEG(90), GIF(256)], ids=repr)
def test_a_flat_sky_stays(level: Box, step: Perturbation | None, rng: np.random.Generator) -> None:
    image = photograph(rng)
    horizon = hills(rng, image.shape[1], 0.6 * image.shape[0], 15)
    image[np.arange(image.shape[0])[:, None] < horizon] = level
    assert_whole(image if step is None else step(image, rng))


def test_a_straight_horizon_under_a_sky_that_is_lit_stays(rng: np.random.Generator) -> None:
    image = photograph(rng)
    width = image.shape[1]
    shade = 215 - 40 * np.linspace(0, 1, 200)[:, None] + 12 * np.linspace(0, 1, width) ** 2
    image[:200] = np.rint(shade + rng.normal(0, 0.7, (200, width)))[..., None]
    image[200:] = image[200:] // 2
    assert_whole(image)
    assert_whole(JPEG(75)(image))


@pytest.mark.parametrize("step", [None, JPEG(30), JPEG(90)], ids=repr)
def test_dim_hazy_and_blurred_photographs_stay(step: Perturbation | None, rng: np.random.Generator) -> None:
    image = photograph(rng).astype(float)
    night = np.clip(image - 110, 0, 255)
    haze = 150 + 0.25 * (image - 128)
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    focus = np.exp(-(((x - 240) / 90) ** 2) - ((y - 180) / 90) ** 2)[..., None]
    portrait = image * focus + cv2.GaussianBlur(image, (0, 0), 25) * (1 - focus)
    for kind in (night, haze, portrait):
        picture = np.rint(kind).astype(np.uint8)
        assert_whole(picture if step is None else step(picture, rng))


def test_a_face_without_noise_on_plain_ground_stays(rng: np.random.Generator) -> None:
    for side, ground in ((128, 250), (256, 12), (512, 200)):
        y, x = (np.mgrid[:side, :side] - side / 2) / side
        oval = 1 / (1 + np.exp(((x / 0.3) ** 2 + (y / 0.4) ** 2 - 1) * 25))[..., None]
        face = cv2.GaussianBlur(photograph(rng, side, side), (0, 0), side / 100).astype(float)
        assert_whole(np.rint(face * oval + ground * (1 - oval)).astype(np.uint8))


def test_captions_stay_in_the_picture(rng: np.random.Generator) -> None:
    for step in (Caption(), Chain((Caption(height=0.16), JPEG(75)))):
        assert_whole(step(photograph(rng), rng))


# --- borders, bars, gaps ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("quality", [None, 50, 75, 95])
@pytest.mark.parametrize(
    "canvas", [Border(0.1), Border(0.02), Border(0.15, 0), Border(0.05, 128), Letterbox()], ids=repr
)
def test_borders_and_bars_are_cut_off(canvas: Canvas, quality: int | None, rng: np.random.Generator) -> None:
    image = photograph(rng)
    truth = canvas.region(image.shape, np.random.default_rng(4))
    framed = canvas(image, np.random.default_rng(4))
    assert truth is not None
    domain = find_region(framed if quality is None else JPEG(quality)(framed))
    assert domain.region is not None
    assert is_inside(domain.region, truth), (domain, truth)
    bounds = [(box[0], box[1], box[0] + box[2], box[1] + box[3]) for box in (domain.region, truth)]
    assert np.abs(np.subtract(*bounds)).max() <= 4, (domain, truth)
    assert domain.reason.endswith("cut off")


def test_reasons_name_what_was_cut_off(rng: np.random.Generator) -> None:
    image = photograph(rng)
    assert find_region(Border(0.1)(image)).reason == "white border cut off"
    assert find_region(Letterbox((16 / 9,))(image)).reason == "black bars cut off"
    assert find_region(Border(0.1, 128)(image)).reason == "grey border cut off"


def test_a_border_next_to_a_sky_of_its_colour_goes_as_far_as_the_other_sides(rng: np.random.Generator) -> None:
    image = photograph(rng)
    horizon = hills(rng, image.shape[1], 120, 10)
    image[np.arange(image.shape[0])[:, None] < horizon] = 255
    domain = find_region(JPEG(80)(Border(0.1)(image)))
    truth = Border(0.1).region(image.shape)
    assert domain.region is not None
    assert truth is not None
    assert is_inside(domain.region, truth)
    assert overlap(domain.region, truth) > 0.95


def test_a_small_picture_is_judged_with_its_border(rng: np.random.Generator) -> None:
    image = photograph(rng, 70, 70)
    image[:4], image[-4:] = 0, 0
    assert_whole(image)
    large = np.full((300, 300, 3), 255, np.uint8)
    large[100:150, 100:150] = photograph(rng, 50, 50)
    assert not find_region(large).judged


@pytest.mark.parametrize("quality", [None, 80])
def test_one_picture_of_a_collage_is_taken(quality: int | None, rng: np.random.Generator) -> None:
    image = photograph(rng)
    for gap in (0.015, 0.04):
        canvas = Collage(gap, parts="copies")
        collage = canvas(image, rng)
        domain = find_region(collage if quality is None else JPEG(quality)(collage))
        assert domain.region is not None
        shares = [overlap(domain.region, box) for box in canvas.regions(image.shape) if is_inside(domain.region, box)]
        assert len(shares) == 1, domain
        assert shares[0] > 0.85
        assert "the largest picture between gaps" in domain.reason or "the picture in a screenshot" in domain.reason


# --- screens and pages ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    "step",
    [None, JPEG(75), WebP(70), Chain((Resize(0.5, "antialiased"), JPEG(80)))],
    ids=["png", "jpeg", "webp", "half"],
)
@pytest.mark.long
def test_the_picture_in_a_chat_is_found(theme: str, step: Perturbation | None, rng: np.random.Generator) -> None:
    canvas = ChatScreenshot(theme=theme)  # type: ignore[arg-type]
    for seed in range(3):
        image = photograph(rng)
        truth = canvas.region(image.shape, np.random.default_rng(seed))
        screen = canvas(image, np.random.default_rng(seed))
        scale = 1.0
        if step is not None:
            changed = step(screen, rng)
            scale = changed.shape[0] / screen.shape[0]
            screen = changed
        assert truth is not None
        box = (round(truth[0] * scale), round(truth[1] * scale), round(truth[2] * scale), round(truth[3] * scale))
        domain = find_region(screen)
        assert domain.region is not None
        assert domain.reason == "the picture in a screenshot"
        assert overlap(domain.region, box) >= 0.85, (seed, domain, box)
        assert is_inside(domain.region, box), (seed, domain, box)


def test_a_screenshot_cut_to_the_photograph_is_a_photograph(rng: np.random.Generator) -> None:
    assert_whole(ChatScreenshot("photograph")(photograph(rng), rng))


@pytest.mark.parametrize(
    "step",
    [None, JPEG(40), JPEG(75), WebP(60), Resize(0.5, "antialiased"), Chain((Resize(1.5, "bicubic"), JPEG(90)))],
    ids=repr,
)
def test_pages_of_text_are_not_judged(step: Perturbation | None, rng: np.random.Generator) -> None:
    for height, width in ((256, 256), (480, 320), (800, 1100)):
        page = TextPage()(photograph(rng, height, width), rng)
        domain = find_region(page if step is None else step(page, rng))
        assert not domain.judged, (height, width, domain)
        assert domain.reason in ("rows of text", "few colours: a drawing or a screen")


def test_the_picture_on_a_page_is_found(rng: np.random.Generator) -> None:
    canvas = TextPage(inset=True)
    for seed in range(4):
        image = photograph(rng, 900, 700)
        truth = canvas.region(image.shape, np.random.default_rng(seed))
        domain = find_region(JPEG(80)(canvas(image, np.random.default_rng(seed))))
        assert domain.region is not None
        assert truth is not None
        assert is_inside(domain.region, truth)
        assert overlap(domain.region, truth) >= 0.85


def settings(rng: np.random.Generator) -> np.ndarray:
    """Draw a list with an icon and a line of text in each row."""
    screen = Image.new("RGB", (720, 1280), (242, 242, 247))
    draw = ImageDraw.Draw(screen)
    for y in range(100, 1180, 86):
        draw.rectangle((30, y, 690, y + 80), fill=(255, 255, 255))
        draw.rounded_rectangle((46, y + 16, 94, y + 64), 10, fill=tuple(rng.integers(30, 230, 3).tolist()))
        draw.text((120, y + 24), "Some setting or other", fill=(0, 0, 0), font_size=28)
    return np.asarray(screen)


def panels(rng: np.random.Generator) -> np.ndarray:
    """Draw a window with panels, and text in two of them."""
    screen = Image.new("RGB", (1280, 720), (30, 30, 30))
    draw = ImageDraw.Draw(screen)
    draw.rectangle((0, 0, 1280, 34), fill=(90, 90, 90))
    draw.rectangle((0, 34, 260, 700), fill=(60, 62, 70))
    draw.rectangle((0, 700, 1280, 720), fill=(0, 122, 204))
    for y in range(60, 660, 22):
        draw.text((20, y), "some_file.py", fill=(204, 204, 204), font_size=15)
        draw.text((290 + 30 * (y % 4), y), "a line of a program, " * 3, fill=(150, 200, 240), font_size=15)
    return np.asarray(screen)


@pytest.mark.parametrize("step", [None, JPEG(75), WebP(60)], ids=repr)
@pytest.mark.parametrize("draw", [settings, panels])
def test_screens_without_a_photograph_are_not_judged(
    draw: object, step: Perturbation | None, rng: np.random.Generator
) -> None:
    screen = draw(rng)  # type: ignore[operator]
    domain = find_region(screen if step is None else step(screen, rng))
    assert not domain.judged, domain


# --- nothing to judge, regions given by hand --------------------------------------------------------------------------


def test_uniform_and_small_images_are_not_judged(rng: np.random.Generator) -> None:
    assert find_region(np.full((200, 300, 3), 128, np.uint8)).reason == "uniform: no residual to look at"
    ramp = np.repeat(np.repeat(np.linspace(0, 255, 400)[:, None], 300, axis=1)[..., None], 3, axis=2)
    assert find_region(np.rint(ramp).astype(np.uint8)) == Domain(None, "uniform: no residual to look at")
    assert find_region(photograph(rng, 48, 200)).reason == "too small: 200x48 pixels, 64 are needed"
    large = np.zeros((1800, 2400, 3), np.uint8)
    large[:400] = photograph(rng, 400, 2400)  # the middle has no residual
    assert find_region(large).judged


def test_a_region_given_by_hand_is_only_checked(rng: np.random.Generator) -> None:
    screen = ChatScreenshot()(photograph(rng), rng)
    domain = find_region(screen, region=(10, 20, 64, 70))
    assert domain.region == (10, 20, 64, 70)
    assert domain.reason == "chosen by hand"
    with pytest.raises(ValueError, match=r"region must .*\(1050, 0, 64, 64\)"):
        find_region(screen, region=(1050, 0, 64, 64))
    with pytest.raises(ValueError, match="region must"):
        find_region(screen, region=(-1, 0, 64, 64))
    with pytest.raises(ValueError, match="at least 64 pixels"):
        find_region(screen, region=(0, 0, 63, 64))
    with pytest.raises(ValueError, match=r"uint8 of shape \(H, W, 3\), got float64"):
        find_region(np.zeros((100, 100, 3)))  # type: ignore[arg-type]


# --- tiles ------------------------------------------------------------------------------------------------------------


def test_largest_rectangle_is_that_of_a_search_over_all(rng: np.random.Generator) -> None:
    for _ in range(60):
        mask = rng.random(rng.integers(1, 8, 2)) < rng.uniform(0.3, 0.95)
        rows, columns = mask.shape
        best = max(
            (y1 - y0) * (x1 - x0) * bool(mask[y0:y1, x0:x1].all())
            for y0 in range(rows)
            for y1 in range(y0 + 1, rows + 1)
            for x0 in range(columns)
            for x1 in range(x0 + 1, columns + 1)
        )
        x, y, width, height = largest_rectangle(mask)
        assert width * height == best
        assert mask[y : y + height, x : x + width].all()


def test_tiles_tell_ground_from_photograph(rng: np.random.Generator) -> None:
    image = np.full((480, 640, 3), (236, 229, 221), np.uint8)
    image[160:320, 160:480] = photograph(rng, 160, 320)
    tiles = Tiles.of(image)
    assert tiles.size == 16
    assert tiles.colours.tolist() == [[236, 229, 221]]
    inside = np.zeros((30, 40), bool)
    inside[10:20, 10:30] = True
    np.testing.assert_array_equal(tiles.exact, ~inside)
    np.testing.assert_array_equal(tiles.photo, inside)


# --- real files -------------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_real_images_keep_nearly_all_of_themselves(data: Path) -> None:
    folders = sorted([*data.glob("*/[01]_*"), *data.parent.glob("everyday/*/[01]_*")])
    areas = []
    for folder in folders:
        files = sorted(folder.iterdir())
        for path in files[:: max(1, len(files) // 10)][:10]:
            image = read_image(path, on_note=lambda _: None)
            domain = find_region(image)
            assert domain.region is not None, (path, domain)
            areas.append(domain.region[2] * domain.region[3] / (image.shape[0] * image.shape[1]))
    assert np.mean(np.array(areas) >= 0.9) >= 0.97  # the others have borders or bars
