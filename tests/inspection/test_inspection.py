"""From an image to a finding, its page and its JSON."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace

import cv2
import jsonschema
import numpy as np
import pytest
import skimage.data
import torch
from networks import thin_networks
from pictures import picture, write

from freqforensics.attribution import integrate_path, pixel_map
from freqforensics.cli import main
from freqforensics.detector import make_detector, save_detector, score_files
from freqforensics.detector.calibrated import known_detector, open_detector
from freqforensics.detector.calibration import Calibration
from freqforensics.detector.fusion import FusedDetector
from freqforensics.detector.inference import weights_sha256
from freqforensics.detector.local import make_small_detector
from freqforensics.figures.inspect import plot_counterfactuals, plot_image
from freqforensics.images import ImageReadError
from freqforensics.inspection.finding import finding_schema
from freqforensics.inspection.inspection import inspect
from freqforensics.inspection.parts import PhotographRate
from freqforensics.inspection.score import judge_image
from freqforensics.regions.kinds import ImageKind
from freqforensics.report import render_index, render_page, write_report
from freqforensics.sources.sources import index_images


def sentences(finding):
    """The page with its lines joined."""
    return " ".join(render_page(finding).split())


def upsampled(side=192):
    """A photograph, halved and doubled with a lattice: a zero insertion whose mean is kept."""
    image = skimage.data.astronaut()[40 : 40 + side, 180 : 180 + side]
    small = cv2.resize(image, (side // 2, side // 2), interpolation=cv2.INTER_AREA)
    made = cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC).astype(np.int16)
    made[::2, ::2] += 6
    made[1::2, 1::2] -= 6
    return np.clip(made, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def detector():
    return open_detector("miniature-resnet50")


def thin_detector(kind="coherence"):
    """An untrained ResNet of few channels, where the size of the network does not matter."""
    with thin_networks():
        return make_detector(input=kind, early_down=2 if kind == "coherence" else 4, seed=0).eval()


@pytest.fixture(scope="module")
def thin():
    return known_detector(thin_detector())


def calibrated(detector, logits):
    """A detector whose photographs have the logits given."""
    count, kind = len(logits), ImageKind("lossless", size="small")
    shown = Calibration(
        np.asarray(logits, np.float32), (kind,) * count, ("as-is",) * count, ("test",) * count, weights_sha256(detector)
    )
    return known_detector(detector, calibration=shown)


@pytest.fixture(scope="module")
def fused():
    """Two untrained parts, of which the local one adds most, with 400 photographs around 0."""
    parts = {"local": make_small_detector("local", seed=0), "coherence": make_small_detector("coherence-small", seed=0)}
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        parts["local"].network.fc.weight.normal_(0, 20)
    made = FusedDetector(parts, scales={"local": (1.0, 3.0), "coherence": (1.0, 0.0)}).eval()
    return calibrated(made, np.linspace(-1, 1, 400))


@pytest.fixture(scope="module")
def fused_run(fused):
    """A finding, the stages that were told on the way, and the finding as far as it was known."""
    stages, so_far = [], []
    finding = inspect(
        upsampled(96), fused, fast=True, on_stage=lambda *stage: stages.append(stage), on_finding=so_far.append
    )
    return finding, stages, so_far


@pytest.fixture(scope="module")
def fused_finding(fused_run):
    return fused_run[0]


@pytest.fixture(scope="module")
def finding(detector):
    return inspect(upsampled(), detector, fast=True)


@pytest.mark.long
def test_a_lattice_is_flagged_named_and_taken_out(finding, detector):
    assert finding.verdict == "evidence"
    assert finding.logit == pytest.approx(float(detector.detector.logits([upsampled()])[0]), rel=1e-4)
    found = finding.explanation
    assert found.logit == pytest.approx(finding.logit, rel=1e-4)
    assert found.gap == pytest.approx(found.logit - found.baseline_logit)
    assert sum(band.value for band in found.bands) == pytest.approx(found.gap, abs=1e-6)
    assert abs(found.delta) <= 0.05 * abs(found.gap)
    assert (found.bands[0].low, found.bands[-1].high) == (0.0, 1.0)
    assert all(a.high == b.low for a, b in zip(found.bands, found.bands[1:], strict=False))
    assert all(line.fx in (0.0, 0.5) and line.fy in (0.0, 0.5) for line in found.lines[:2])
    most, half, eighth = finding.changes.counterfactuals  # a fast inspection tests no more
    assert most.what == "the 8 frequencies that count most"
    assert (half.what, eighth.what) == ("the lattice of 1/2", "the lattice of 1/8")
    assert max(most.change, half.change, eighth.change) < -1
    for change in (most, half):
        assert (change.nulls, change.p_value) == (19, pytest.approx(1 / 20))
    assert finding.changes.flip_sought
    assert finding.image.format == "array"
    assert finding.score.region == finding.score.views[0].box == (0, 0, 192, 192)
    assert (len(finding.score.views), finding.score.view, finding.score.domain) == (1, 0, "")
    assert (finding.score.rate, finding.score.rate_of, finding.score.parts) == (None, None, None)
    assert finding.score.probability == pytest.approx(1 / (1 + np.exp(-finding.logit)))


@pytest.mark.long
def test_stages_tell_how_much_is_done(fused_run, thin):
    finding, stages, so_far = fused_run
    assert [part.explanation is None for part in so_far] == [True, False, False, False, False]
    assert all(part.maps[name] is finding.maps[name] for part in so_far for name in part.maps)
    assert so_far[-1].tests == finding.tests
    names, done, totals = zip(*stages, strict=True)
    assert list(dict.fromkeys(names))[0::7] == ["reading and scoring", "changes"]
    assert list(done) == sorted(done)
    assert len(set(totals)) == 1
    assert max(done) <= totals[0]
    assert sum(name == "deletion" for name in names) > 2  # it moves within a stage

    def stop(name, done, total):
        if name == "deletion":
            raise InterruptedError

    with pytest.raises(InterruptedError):
        inspect(upsampled(96), thin, fast=True, on_stage=stop)


@pytest.mark.long
def test_the_number_of_threads_plays_no_part(fused, fused_finding):
    threads = torch.get_num_threads()
    torch.set_num_threads(3 if threads != 3 else 2)
    try:
        other = inspect(upsampled(96), fused, fast=True)
    finally:
        torch.set_num_threads(threads)
    assert other.to_json() == fused_finding.to_json()


@pytest.mark.long
def test_the_same_question_gets_the_same_answer(thin):
    finding, again = (inspect(upsampled(), thin, fast=True) for _ in range(2))
    assert again.to_json() == finding.to_json()
    for name, array in finding.maps.items():
        np.testing.assert_array_equal(again.maps[name], array)
    grey = np.full((96, 96, 3), 128, np.uint8)
    digests = {inspect(grey, thin, seed=seed).inspection.settings_sha256 for seed in (0, 1, 1)}
    assert len(digests) == 2


@pytest.mark.long
def test_a_detector_without_a_card_is_calibrated_on_nothing():
    given = known_detector(make_detector(input="residual", seed=0))
    assert given.thresholds.high == pytest.approx(np.log(9))
    assert "calibrated on nothing" in given.thresholds.source
    with pytest.raises(ValueError, match="ascend"):
        known_detector(make_detector(seed=0), thresholds=(1.0, 0.0))


@pytest.mark.long
@pytest.mark.parametrize("kind", ["rgb", "residual"])
def test_detectors_of_pixels_are_inspected_too(undrawn, kind):
    image = picture(np.random.default_rng(0), 96, 128)
    made = thin_detector(kind)
    found = inspect(image, made, fast=True)
    assert found.explanation.baseline == "median"
    assert sum(band.value for band in found.explanation.bands) == pytest.approx(found.explanation.gap, abs=1e-6)
    assert "input" not in found.maps
    page = sentences(found)
    assert "its own 5×5 median" in page
    assert "the logit through a logistic function" in page
    natural = inspect(image, made, reference="natural", fast=True)
    assert natural.explanation.baseline == "natural"


@pytest.mark.long
def test_the_score_is_the_median_and_the_view_with_the_greatest_logit_is_explained(undrawn, thin, tmp_path):
    large = cv2.resize(upsampled(), (1000, 800), interpolation=cv2.INTER_CUBIC)
    path = write(tmp_path / "large.png", large)
    found = inspect(path, thin, fast=True)
    (score,) = score_files(index_images(tmp_path), thin).scores
    assert found.logit == pytest.approx(score.logit, rel=1e-5)
    assert (found.verdict, ",".join(map(str, found.score.region))) == (score.verdict, score.region)
    assert found.score.region == (0, 0, 1000, 800)
    logits = [view.logit for view in found.score.views]
    assert len(logits) == 5
    assert found.logit == np.median(logits)
    assert logits[found.score.view] == max(logits)
    x, y, width, height = found.score.views[found.score.view].box
    assert (width, height) == (224, 224)
    np.testing.assert_array_equal(found.maps["view"], large[y : y + 224, x : x + 224])
    assert found.explanation.logit == pytest.approx(max(logits), rel=1e-4)
    page = sentences(found)
    assert "the whole image. 5 views of 224 × 224 pixels" in page
    assert f"the view with the strongest traces ({max(logits):+.2f}), at x {x}, y {y}, 224 × 224 pixels" in page
    assert "The frame shows the part with the strongest traces." in page
    assert found.maps["image"].shape == (512, 640, 3)
    (frame, _) = [patch.get_bbox().bounds for patch in plot_image(found).patches]
    np.testing.assert_allclose(frame, (x * 0.64 - 0.5, y * 0.64 - 0.5, 224 * 0.64, 224 * 0.64))


@pytest.mark.long
def test_a_region_chosen_by_hand_is_scored_and_framed(undrawn, thin):
    image = np.full((300, 400, 3), 250, np.uint8)
    image[40:232, 100:292] = upsampled()
    found = inspect(image, thin, region=(100, 40, 192, 192), fast=True)
    assert found.score.region == found.score.views[0].box == (100, 40, 192, 192)
    assert found.logit == pytest.approx(float(thin.detector.logits([upsampled()])[0]), rel=1e-4)
    assert found.score.domain == "chosen by hand"
    assert found.inspection.settings["region"] == "100,40,192,192"
    assert "x 100, y 40, 192 × 192 pixels (dashed frame): chosen by hand" in sentences(found)
    assert next(patch.get_bbox().bounds for patch in plot_image(found).patches) == (99.5, 39.5, 192.0, 192.0)
    x, y, width, height = judge_image(image, thin).score.region  # and found by itself
    assert max(abs(x - 100), abs(y - 40), abs(x + width - 292), abs(y + height - 232)) <= 2
    with pytest.raises(ValueError, match="region must"):
        inspect(image, thin, region=(300, 0, 192, 192))


@pytest.mark.parametrize(
    ("image", "why"),
    [
        (np.full((200, 300, 3), 128, np.uint8), "uniform: no residual to look at"),
        (picture(np.random.default_rng(0), 40, 100), "too small: 100x40 pixels, 64 are needed"),
    ],
)
def test_what_cannot_be_judged_has_no_score(undrawn, image, why, thin, tmp_path):
    found = inspect(image, thin, fast=True)
    assert (found.verdict, found.score.domain, found.judged) == ("cannot-judge", why, False)
    plain = json.loads(json.dumps(found.to_json()))
    jsonschema.validate(plain, finding_schema())
    assert {plain[name] for name in ("logit", "probability", "rate", "rate_of", "region", "attribution")} == {None}
    assert (plain["views"], plain["curves"], plain["counterfactuals"]) == ([], [], [])
    with pytest.raises(ValueError, match="cannot be judged"):
        _ = found.explained
    page = render_page(found, command="freqforensics inspect x.png")
    assert why.removeprefix("uniform: ") in page or "of one colour all over" in page
    assert page.count("<figure") == 1
    assert "<strong>This picture cannot be judged.</strong>" in page
    assert "This says nothing about where it came from." in page
    assert ("--region" in page) == (min(image.shape[:2]) >= 64)
    assert not re.search(r"logit [+-]|<svg|In short|None\b", re.sub(r'src="data:[^"]*"|<dt>Settings.*?</dd>', "", page))
    write_report(found, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out" / "figures").iterdir()] == ["image.png"]


@pytest.mark.long
def test_all_parts_of_a_fused_detector_are_explained(undrawn, fused, fused_finding):
    """Each along its own path; logits, gaps and maps add up."""
    found = fused_finding
    image = upsampled(96)
    parts = fused.detector.parts
    assert found.score.parts.strongest == "local"
    own = {name: float(part.logits([image])[0]) for name, part in parts.items()}
    assert found.score.parts.logits == pytest.approx(own, rel=1e-4)
    assert found.logit == pytest.approx(sum(own.values()), rel=1e-4)
    paths = {name: integrate_path(image, part, steps=8, most_steps=16) for name, part in parts.items()}
    explained = found.explanation
    assert explained.baseline == "smooth, incoherent"
    assert explained.logit == pytest.approx(found.logit, rel=1e-4)
    assert explained.gap == pytest.approx(sum(path.gap for path in paths.values()), rel=1e-3)
    assert sum(band.value for band in explained.bands) == pytest.approx(explained.gap, rel=1e-6)
    np.testing.assert_allclose(
        found.maps["pixels"], sum(pixel_map(path) for path in paths.values()), atol=0.02 * abs(explained.gap) / 100
    )
    for change in found.changes.counterfactuals:
        assert change.before == pytest.approx(found.logit, rel=1e-4)
    assert found.tests.deletion.before == pytest.approx(found.logit, rel=1e-4)
    assert found.tests.randomisation["pixels"].stages == ("stem",)
    assert "input" not in found.maps
    jsonschema.validate(json.loads(json.dumps(found.to_json())), finding_schema())
    page = sentences(found)
    assert f"local (traces of decoders in small neighbourhoods) {own['local']:+.2f}, coherence" in page
    assert "Compared with a view without a residual and the same view with random phases in each tile" in page


@pytest.mark.long
def test_notches_are_drawn_where_the_score_would_be_inconclusive(fused_finding):
    ax = plot_counterfactuals(fused_finding)
    (field,) = [patch for patch in ax.patches if patch.get_facecolor()[:3] == pytest.approx((0xEE / 255,) * 3)]
    edges = field.get_x(), field.get_x() + field.get_width()
    assert edges == pytest.approx((fused_finding.score.thresholds.low, fused_finding.score.thresholds.high))


@pytest.mark.long
def test_the_rate_takes_the_place_of_the_probability(undrawn, fused, fused_finding):
    assert fused_finding.logit > 1  # above all photographs
    assert fused_finding.score.rate_of == PhotographRate(0, 400, "lossless, small")
    assert fused_finding.score.rate == pytest.approx(1 / 401)
    assert (fused_finding.verdict, fused_finding.score.probability) == ("evidence", None)
    assert fused_finding.score.thresholds.source.startswith("10% and 1% of 400 photographs (lossless, small)")
    assert fused_finding.changes.flip_sought
    page = sentences(fused_finding)
    assert "None of 400 photographs of this kind (lossless, small) scores as high." in page
    assert "<dt>Probability</dt>" not in page
    index = render_index([("001", fused_finding)])
    assert "None of 400 photographs saved in the same way scores as high." in index


@pytest.mark.long
def test_a_threshold_that_no_logit_reaches_is_null(undrawn, thin):
    below = float(thin.detector.logits([upsampled(96)])[0]) - 1
    few = calibrated(thin.detector, np.linspace(below - 1, below, 20))  # with 20 photographs no rate is as low as 1 %
    found = inspect(upsampled(96), few, fast=True)
    assert found.verdict == "inconclusive"
    assert found.score.thresholds.high == np.inf
    plain = json.loads(json.dumps(found.to_json(), allow_nan=False))
    jsonschema.validate(plain, finding_schema())
    assert plain["thresholds"]["high"] is None
    assert "to any logit are inconclusive." in sentences(found)


def test_what_is_no_image_is_named(thin, tmp_path):
    with pytest.raises(ValueError, match=r"\(2, 80, 80, 3\)"):
        inspect(np.zeros((2, 80, 80, 3), np.uint8), thin)
    (tmp_path / "no.png").write_bytes(b"no image")
    with pytest.raises(ImageReadError):
        inspect(tmp_path / "no.png", thin)


@pytest.mark.long
def test_a_deletion_like_chance_fails(finding):
    from freqforensics.inspection.test import map_badges

    path = integrate_path(upsampled(96), thin_detector(), steps=2, most_steps=2)
    like_chance = replace(finding.tests.deletion, deleted_at_random=(finding.tests.deletion.deleted,) * 9)
    found = map_badges(path, like_chance, finding.tests.randomisation)
    assert any("does not move the score more" in reason for reason in found["frequencies"].reasons)


def test_a_detector_of_another_kind_is_named():
    with pytest.raises(TypeError, match="got str"):
        inspect(upsampled(96), "weights.pth")


@pytest.mark.long
def test_the_command_prints_findings_as_json(tmp_path, monkeypatch, capsys):
    image = write(tmp_path / "one image.png", upsampled(96))
    options = ["--region", "8,16,80,80", "--fast", "--json", "--out", str(tmp_path / "o")]
    monkeypatch.setattr(sys, "argv", ["freqforensics", "inspect", str(image), *options])
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    printed = capsys.readouterr()
    (found,) = json.loads(printed.out)
    jsonschema.validate(found, finding_schema())
    assert (found["image"]["name"], found["region"]) == ("one image.png", [8, 16, 80, 80])
    assert "has seen no image generator's output" in printed.err
    assert json.loads((tmp_path / "o" / "finding.json").read_text()) == found
    assert (tmp_path / "o" / "index.html").stat().st_size > 100_000


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "give at least one image"),
        (["nothere.png"], "nothere.png: no such file or directory"),
        (["x.png", "--thresholds", "3"], "--thresholds must be LOW:HIGH"),
        (["x.png", "--thresholds", "3:1"], "thresholds must be finite and ascend"),
        (["x.png", "--thresholds=-inf:inf"], "thresholds must be finite and ascend"),
        (["x.png", "--region", "1,2,3"], "--region must be X,Y,W,H"),
        (["x.png", "--thresholds", "0:1", "--calibration", "x.npz"], "not both"),
        (["x.png", "--weights", "nope"], "no weights at nope"),
        (["x.png", "--population", "nope.npz"], "nope.npz"),
    ],
)
def test_bad_input_is_one_line(arguments, line, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["freqforensics", "inspect", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("freqforensics: ")
    assert line in last


@pytest.mark.long
def test_own_weights_and_thresholds(tmp_path, monkeypatch, capsys):
    save_detector(thin_detector("residual"), tmp_path / "own.safetensors")
    image = write(tmp_path / "image.png", picture(np.random.default_rng(0)))
    command = f"inspect {image} --weights {tmp_path / 'own.safetensors'} --thresholds=-50:50 --fast --json".split()
    monkeypatch.setattr(sys, "argv", ["freqforensics", *command])
    with thin_networks(), pytest.raises(SystemExit):
        main()
    (found,) = json.loads(capsys.readouterr().out)
    assert found["verdict"] == "inconclusive"
    assert found["thresholds"] == {"low": -50.0, "high": 50.0, "source": "given"}
    assert found["weights"]["name"] == "own.safetensors"


@pytest.mark.long
def test_the_command_prints_verdicts_and_rates_in_words(tmp_path, monkeypatch, capsys):
    image = write(tmp_path / "image.png", skimage.data.astronaut()[:96, :120])
    grey = write(tmp_path / "grey.png", np.full((96, 96, 3), 128, np.uint8))
    monkeypatch.setattr(sys, "argv", f"freqforensics inspect {image} {grey} --fast".split())
    with pytest.raises(SystemExit) as end:
        main()
    printed = capsys.readouterr()
    assert not end.value.code
    assert " of " in printed.out.splitlines()[3]
    assert "photographs as high" in printed.out
    assert "cannot be judged" in printed.out
    assert "grey.png cannot be judged: uniform: no residual to look at" in printed.err


@pytest.mark.long
def test_the_schema_is_printed_without_torch():
    code = "import sys; sys.argv = ['freqforensics', 'inspect', '--schema']; from freqforensics.cli import main; main()"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert json.loads(printed) == finding_schema()
