from __future__ import annotations

import math
from pathlib import Path
from threading import Barrier

import cv2
import numpy as np
import pytest
import pywt
from pictures import encoded, picture, write
from skimage import measure

from freqforensics.quality.niqe import luma_plane, niqe
from freqforensics.quality.scores import (
    FACTS,
    SCORES,
    QualityRow,
    QualityTable,
    as_score,
    blur_effect,
    colourfulness,
    entropy,
    laplacian_variance,
    measure_quality,
    noise_sigma,
)
from freqforensics.sources.records import ImageRecord


def flat(*colour: int, side: int = 32) -> np.ndarray:
    return np.full((side, side, 3), colour, np.uint8)


def checkerboard(side: int = 32) -> np.ndarray:
    board = np.indices((side, side)).sum(axis=0) % 2 * 255
    return np.repeat(board[..., None], 3, axis=2).astype(np.uint8)


def halves(left: tuple[int, ...], right: tuple[int, ...]) -> np.ndarray:
    return np.hstack([flat(*left), flat(*right)])


def test_colourfulness_of_two_colours():
    """Red and black: red-green and yellow-blue have means and deviations of 127.5 and 63.75 each."""
    assert colourfulness(halves((255, 0, 0), (0, 0, 0))) == pytest.approx(1.3 * math.hypot(127.5, 63.75))
    assert colourfulness(flat(0, 0, 200)) == pytest.approx(0.3 * 200)
    assert colourfulness(checkerboard()) == 0


def test_entropy_counts_bits():
    assert entropy(flat(9, 9, 9)) == 0
    assert entropy(checkerboard()) == pytest.approx(1)
    ramp = np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16)[..., None], 3, axis=2)
    assert entropy(ramp) == pytest.approx(8)
    quarter = np.vstack([halves((0, 0, 0), (255, 255, 255)), halves((0, 0, 0), (0, 0, 0))])
    assert entropy(quarter) == pytest.approx(-(0.75 * math.log2(0.75) + 0.25 * math.log2(0.25)))


def test_the_laplacian_of_a_checkerboard_is_four_times_its_step():
    assert laplacian_variance(checkerboard()) == pytest.approx((4 * 255) ** 2, rel=1e-5)
    assert laplacian_variance(flat(5, 80, 200)) == pytest.approx(0, abs=1e-6)


def test_blur_effect_rises_with_blur(rng):
    image = picture(rng, 128, 160)
    values = [blur_effect(image), *(blur_effect(cv2.GaussianBlur(image, (0, 0), sigma)) for sigma in (1, 2, 4))]
    assert values == sorted(values)
    assert values[0] > 0
    assert values[-1] < 1
    assert blur_effect(flat(1, 2, 3)) == 1
    with pytest.raises(ValueError, match="more than 11 pixels"):
        blur_effect(flat(1, 2, 3, side=11))


@pytest.mark.parametrize("shape", [(12, 15), (64, 64), (97, 131)])
def test_blur_and_noise_are_the_libraries_own_to_the_last_bit(rng, shape):
    image = picture(rng, *shape)
    assert blur_effect(image) == measure.blur_effect(luma_plane(image) / 255, h_size=11)
    diagonals = [pywt.dwt2(image[..., colour].astype(np.float64), "db2")[1][2] for colour in range(3)]
    expected = np.mean([np.median(np.abs(diagonal)) / 0.6744897501960817 for diagonal in diagonals])
    assert noise_sigma(image) == expected


@pytest.mark.parametrize("sigma", [2, 5, 12])
def test_noise_of_a_known_deviation_is_found(rng, sigma):
    """Rounding adds a twelfth to the variance."""
    noisy = np.rint(rng.normal(128, sigma, (256, 256, 3))).astype(np.uint8)
    assert noise_sigma(noisy) == pytest.approx(math.sqrt(sigma**2 + 1 / 12), rel=0.03)


def test_noise_is_the_mean_of_the_colours_and_none_where_nothing_is(rng):
    noisy = np.rint(rng.normal(128, 6, (256, 256, 3))).astype(np.uint8)
    both = noise_sigma(noisy)
    noisy[..., 0] = 0
    assert noise_sigma(noisy) == pytest.approx(both * 2 / 3, rel=0.03)
    assert noise_sigma(flat(0, 0, 0)) == 0
    smooth = np.repeat(np.tile(np.arange(64), (64, 1))[..., None], 3, axis=2).astype(np.uint8)
    assert noise_sigma(smooth) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("name", SCORES)
def test_scores_refuse_what_is_no_image(name):
    for wrong in (np.zeros((200, 200), np.uint8), np.zeros((200, 200, 3)), np.zeros((0, 4, 3), np.uint8)):
        with pytest.raises(ValueError, match="uint8"):
            SCORES[name].function(wrong)


def test_only_what_claims_it_has_a_better_end():
    assert {name for name, score in SCORES.items() if score.lower_is_better} == {"niqe", "niqe_48", "blur_effect"}
    assert {score.lower_is_better for score in SCORES.values()} == {True, None}
    assert "quality" not in SCORES["laplacian_variance"].label
    assert all(score.name == name and score.about for name, score in SCORES.items())


@pytest.fixture
def records(rng, tmp_path) -> list[ImageRecord]:
    large, small = picture(rng, 200, 240), picture(rng, 64, 80)
    write(tmp_path / "large.png", large)
    write(tmp_path / "small.png", small)
    (tmp_path / "a,b\n.jpg").write_bytes(encoded(large, "JPEG", quality=83))
    (tmp_path / "broken.png").write_bytes(encoded(large, "PNG")[:900])
    return [
        ImageRecord(tmp_path / "large.png", "real", "x", "cat"),
        ImageRecord(tmp_path / "small.png", "fake", "x"),
        ImageRecord(tmp_path / "broken.png", "fake", "x"),
        ImageRecord(tmp_path / "a,b\n.jpg", "unknown", "y"),
    ]


def test_files_are_measured_one_by_one(records):
    table = measure_quality(records)
    assert table.scores == tuple(SCORES)
    kept = [records[0], records[1], records[3]]
    assert [(row.path, row.label, row.generator) for row in table.rows] == [
        (str(record.path), record.label, record.generator) for record in kept
    ]
    assert [(row.category, row.width, row.height, row.format, row.jpeg_quality) for row in table.rows] == [
        ("cat", 240, 200, "PNG", None),
        ("", 80, 64, "PNG", None),
        ("", 240, 200, "JPEG", 83),
    ]
    image = cv2.imread(str(records[0].path))[..., ::-1].copy()
    assert table.rows[0].values == pytest.approx([score.function(image) for score in SCORES.values()])
    assert table.values("niqe")[0] == niqe(image)


def test_what_cannot_be_measured_is_counted_and_what_cannot_be_read_is_listed(records):
    table = measure_quality(records)
    assert [Path(path).name for path, _ in table.failures] == ["broken.png"]
    assert np.isnan(table.values("niqe")).tolist() == [False, True, False]
    assert table.missing == (
        ("niqe", 1, "NIQE needs an image of at least 192x192 pixels, got 80x64"),
        ("niqe_48", 1, "NIQE needs an image of at least 96x96 pixels, got 80x64"),
    )


def test_a_score_of_ones_own_may_fail_for_some(records):
    def height_of_wide(image: np.ndarray) -> float:
        if image.shape[1] > 100:
            raise ValueError(f"too wide: {image.shape[1]}")
        return float(image.shape[0])

    mine = as_score(height_of_wide, name="mine", lower_is_better=False)
    never = as_score(lambda image: math.inf, name="never")
    assert (mine.lower_is_better, mine.label, never.lower_is_better) == (False, "mine", None)
    table = measure_quality(records, [mine, never, "entropy"])
    assert table.scores == ("mine", "never", "entropy")
    np.testing.assert_array_equal(table.values("mine"), [np.nan, 64, np.nan])
    assert np.isnan(table.values("never")).all()
    assert table.missing == (("mine", 2, "too wide: 240"), ("never", 3, "the number is not finite"))


def test_another_error_of_ones_own_score_is_not_hidden(records):
    with pytest.raises(ZeroDivisionError):
        measure_quality(records, [as_score(lambda image: 1 / 0, name="mine")])


def test_a_score_that_writes_to_the_image_spoils_no_other(records):
    def spoil(image: np.ndarray) -> float:
        image[:] = 0
        return 0.0

    table = measure_quality(records, [as_score(spoil, name="spoil"), "entropy"])
    np.testing.assert_array_equal(table.values("entropy"), measure_quality(records, ["entropy"]).values("entropy"))


def test_the_table_does_not_depend_on_the_workers(records):
    many = [*records, *records[::-1], *records]
    assert repr(measure_quality(many, workers=1)) == repr(measure_quality(many, workers=3))


def test_a_table_is_saved_and_read(records, tmp_path):
    table = measure_quality(records, ["niqe", "entropy"])
    table.save(tmp_path / "t.csv")
    back = QualityTable.load(tmp_path / "t.csv")
    assert repr(back) == repr(QualityTable(table.scores, table.rows))  # NaN is not equal to itself
    header = (tmp_path / "t.csv").read_text(encoding="utf-8").splitlines()[0]
    assert header == "path,generator,label,category,width,height,format,jpeg_quality,niqe,entropy"


def test_names_that_are_no_text_come_back(tmp_path):
    row = QualityRow("a\udcff.png", "x", "real", "", 1, 2, "PNG", None, (math.nan,))
    QualityTable(("one",), (row,)).save(tmp_path / "t.csv")
    assert repr(QualityTable.load(tmp_path / "t.csv").rows) == repr((row,))


@pytest.mark.parametrize(
    "text",
    ["", "path,score\n", ",".join([*FACTS, "niqe"]) + "\na,b\n", ",".join(FACTS) + "\na,b,real,c,wide,3,PNG,\n"],
)
def test_other_tables_are_refused(tmp_path, text):
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="not a table of quality"):
        QualityTable.load(tmp_path / "t.csv")


def test_what_is_asked_for_is_checked(records):
    with pytest.raises(ValueError, match="must not be empty"):
        measure_quality([])
    with pytest.raises(ValueError, match="beauty"):
        measure_quality(records, ["beauty"])
    with pytest.raises(ValueError, match="different names"):
        measure_quality(records, ["entropy", "entropy"])
    with pytest.raises(ValueError, match="one or more"):
        measure_quality(records, [])
    with pytest.raises(ValueError, match="the text"):
        measure_quality(records, "entropy")
    with pytest.raises(ValueError, match="'beauty'"):
        measure_quality(records, ["entropy"]).values("beauty")
    for name in ("", "two\nlines", "width"):
        with pytest.raises(ValueError, match="name must"):
            as_score(niqe, name=name)


def test_few_images_are_shared_out_among_all_threads(tmp_path, rng):
    """Two large ones take two threads."""
    together = Barrier(2, timeout=60)

    def wait(image: np.ndarray) -> float:
        return float(together.wait() >= 0)

    for name in "ab":
        write(tmp_path / f"{name}.png", picture(rng, 16, 16))
    table = measure_quality(tmp_path, [as_score(wait, name="met")], workers=2)
    assert table.values("met").tolist() == [1, 1]
