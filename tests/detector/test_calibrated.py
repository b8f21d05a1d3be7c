import math

import numpy as np
import pytest

from freqforensics.detector.calibrated import known_detector, open_detector
from freqforensics.detector.calibration import FEWEST, Calibration
from freqforensics.detector.inference import weights_sha256
from freqforensics.detector.local import make_small_detector
from freqforensics.detector.verdict import EVIDENCE, INCONCLUSIVE, MARGIN, Rate
from freqforensics.images.jpeg import JpegTables, luma_table
from freqforensics.perturbations import JPEG, Chain, WebP
from freqforensics.perturbations.carriers import CARRIERS
from freqforensics.regions.kinds import ImageKind, encoding_of, kind_of_image

JPEG_LARGE = ImageKind("JPEG", "4:2:0", "high", "large")
PLAIN = ImageKind("lossless", size="medium")


def calibration(logits, kinds, weights="w"):
    count = len(logits)
    return Calibration(np.array(logits, np.float32), tuple(kinds), ("as-is",) * count, ("set",) * count, weights)


def test_the_rate_counts_photographs_of_the_kind():
    logits = np.arange(FEWEST)
    both = calibration([*logits, *(logits + 1000)], [JPEG_LARGE] * FEWEST + [PLAIN] * FEWEST)
    found = both.rate(FEWEST - 3, JPEG_LARGE)
    assert (found.above, found.photographs, found.kind) == (3, FEWEST, JPEG_LARGE)
    assert found.rate == 4 / (FEWEST + 1)
    assert both.rate(FEWEST - 3, PLAIN).above == FEWEST


def test_a_kind_with_few_photographs_is_widened_step_by_step():
    kinds = [JPEG_LARGE] * 10 + [ImageKind("JPEG", "4:2:0", "high", "small")] * FEWEST + [PLAIN] * 50
    found = calibration(np.zeros(len(kinds)), kinds)
    assert found.rate(1, JPEG_LARGE).kind == ImageKind("JPEG", "4:2:0", "high")
    assert found.rate(1, ImageKind("JPEG", "4:4:4", "low", "large")).kind == ImageKind("JPEG")
    assert found.rate(1, ImageKind("WebP", size="small")).kind == ImageKind()


@pytest.mark.parametrize("share", [EVIDENCE, INCONCLUSIVE, 0.5])
def test_threshold_and_rate_are_one_rule(share):
    logits = np.random.default_rng(0).normal(size=777).astype(np.float32)
    found = calibration(logits, [PLAIN] * 777)
    threshold = found.threshold(share, PLAIN)
    for logit in (*logits, threshold, np.nextafter(np.float32(threshold), np.float32(9))):
        assert (found.rate(float(logit), PLAIN).rate <= share) == (logit > threshold)


@pytest.mark.long
def test_the_rate_is_valid_for_exchangeable_photographs():
    """Of fresh photographs of the kind at most 1 % have a rate of 1 % or less, whatever the distribution."""
    rng = np.random.default_rng(1)
    shares = []
    for _ in range(200):
        own = calibration(rng.standard_t(2, 400), [PLAIN] * 400)
        fresh = rng.standard_t(2, 200)
        shares.append(np.mean([own.rate(float(x), PLAIN).rate <= EVIDENCE for x in fresh]))
    mean, error = np.mean(shares), np.std(shares) / math.sqrt(len(shares))
    assert mean <= EVIDENCE + 3 * error
    assert mean >= EVIDENCE - 1 / 400 - 3 * error  # and no more careful than the number of photographs makes it


def test_no_carrier_is_outvoted():
    """900 photographs that came as they are, and 60 that score higher by themselves: these decide alone."""
    rng = np.random.default_rng(2)
    logits = np.concatenate([rng.normal(0, 1, 900), rng.normal(3, 1, 60)]).astype(np.float32)
    carriers = ("as-is",) * 900 + ("gif",) * 60
    found = Calibration(logits, (PLAIN,) * 960, carriers, ("set",) * 960, "w")
    bounds = found.thresholds(PLAIN)
    assert bounds.high > found.threshold(EVIDENCE, PLAIN) + MARGIN
    # 2 % of 60: one photograph may score as high
    assert bounds.high == pytest.approx(float(np.sort(logits[900:])[-2]) + MARGIN)
    for logit in (*logits[900:] + MARGIN, *np.sort(logits[900:])[-3:] + 2 * MARGIN):
        rate = found.rate(float(logit), PLAIN)
        assert rate.carrier in ("", "gif")
        assert rate.carried == np.mean(logits[900:] >= np.float32(float(logit) - MARGIN))
        if abs(logit - bounds.high) > 1e-4:
            assert (rate.verdict == "evidence") == (logit > bounds.high)
    # A carrier that ends in another container is not asked.
    other = Calibration(logits, (PLAIN,) * 900 + (ImageKind("GIF"),) * 60, carriers, ("set",) * 960, "w")
    assert other.thresholds(PLAIN).high == other.threshold(EVIDENCE, PLAIN) + MARGIN


def test_evidence_clears_the_photographs_by_a_margin():
    logits = np.random.default_rng(3).normal(size=500).astype(np.float32)
    found = calibration(logits, [PLAIN] * 500)
    top = found.threshold(EVIDENCE, PLAIN)
    just, clear = found.rate(top + MARGIN / 2, PLAIN), found.rate(top + 1.01 * MARGIN, PLAIN)
    assert just.rate <= EVIDENCE
    assert (just.verdict, clear.verdict) == ("inconclusive", "evidence")
    assert just.nearly > just.above


@pytest.mark.parametrize(
    ("above", "nearly", "carried", "verdict"),
    [
        (0, 8, 0.02, "evidence"),
        (0, 9, 0.02, "evidence"),
        (0, 10, 0.0, "inconclusive"),
        (0, 0, 0.021, "inconclusive"),
        (98, 98, 1.0, "inconclusive"),
        (99, 99, 1.0, "inconclusive"),
        (100, 100, 1.0, "none"),
    ],
)
def test_the_verdicts(above, nearly, carried, verdict):
    """Of 999 photographs: at most 10 of 1000 score nearly as high, the image itself counted in; at most 100 as high."""
    assert Rate(above, 999, PLAIN, nearly, "gif", carried).verdict == verdict


def test_saved_and_loaded_it_is_what_it_was(tmp_path):
    own = calibration([1.5, 2.5], [JPEG_LARGE, PLAIN])
    own.save(tmp_path / "c.npz")
    loaded = Calibration.load(tmp_path / "c.npz")
    np.testing.assert_array_equal(loaded.logits, own.logits)
    assert (loaded.kinds, loaded.carriers, loaded.collections) == (own.kinds, own.carriers, own.collections)
    (tmp_path / "none.npz").write_bytes(b"<html>")
    with pytest.raises(ValueError, match="holds no calibration"):
        Calibration.load(tmp_path / "none.npz")


def test_photographs_are_added_of_the_same_weights_only():
    merged = calibration([1], [PLAIN]).merged(calibration([2, 3], [JPEG_LARGE] * 2))
    assert merged.logits.tolist() == [1, 2, 3]
    with pytest.raises(ValueError, match="other weights"):
        merged.merged(calibration([1], [PLAIN], weights="v"))


def test_the_verdict_of_a_detector_follows_its_calibration_or_its_thresholds():
    detector = make_small_detector("local", seed=0).eval()
    own = calibration(np.zeros(FEWEST), [PLAIN] * FEWEST, weights_sha256(detector))
    judged, rate = known_detector(detector, calibration=own).judge(1.0, PLAIN)
    assert (judged, rate.above) == ("evidence", 0)
    assert known_detector(detector).judge(1.0, PLAIN) == ("inconclusive", None)
    assert known_detector(detector).judge(9.0, PLAIN) == ("evidence", None)
    with pytest.raises(ValueError, match="calibration is of other weights"):
        known_detector(detector, calibration=calibration([1], [PLAIN]))


def test_the_detector_that_ships_is_calibrated():
    known = open_detector("everyday")
    assert known.calibration is not None
    assert len(known.calibration.logits) >= FEWEST
    assert known.thresholds.low < known.thresholds.high < math.inf


def test_kinds_by_what_a_file_says():
    def tables(quality, subsampling):
        return JpegTables(quality, True, subsampling, tuple(luma_table(quality).ravel()))

    assert kind_of_image("JPEG", tables(95, "4:2:0"), shorter=960) == JPEG_LARGE
    assert kind_of_image("JPEG", tables(75, "4:4:4"), shorter=224) == ImageKind("JPEG", "4:4:4", "medium", "small")
    assert kind_of_image("JPEG", tables(74, "4:4:4"), shorter=225).quality == "low"
    assert kind_of_image("PNG", None, shorter=600) == kind_of_image("array", None, shorter=600) == PLAIN
    assert kind_of_image("WebP", None, shorter=601) == ImageKind("WebP", size="large")
    assert str(JPEG_LARGE) == "JPEG 4:2:0, high quality, large"
    assert list(PLAIN.wider()) == [PLAIN, ImageKind("lossless"), ImageKind()]


def test_what_a_perturbation_is_saved_as():
    name, jpeg = encoding_of(Chain((WebP(50), Chain((JPEG((80, 90), "4:2:2"),)))))
    assert (name, jpeg.quality, jpeg.subsampling) == ("JPEG", 85, "4:2:2")
    assert encoding_of(WebP(80)) == ("WebP", None)
    assert encoding_of(CARRIERS["grey"]) == ("PNG", None)
    assert encoding_of(CARRIERS["messenger"])[1].quality == 75
