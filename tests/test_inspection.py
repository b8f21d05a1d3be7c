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
from pictures import picture, write

import freqforensics as ff
from freqforensics.attribution import Counterfactual, integrate_path
from freqforensics.calibrated import known_detector, open_detector
from freqforensics.cli import main
from freqforensics.detector import make_detector, save_detector
from freqforensics.figures.inspection import plot_image
from freqforensics.finding import finding_schema
from freqforensics.images import ImageReadError
from freqforensics.inspection import PART, _part, inspect, inspect_files
from freqforensics.report import render_index, render_page
from freqforensics.report.words import in_short


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


@pytest.fixture(scope="module")
def finding(detector):
    return inspect(upsampled(), detector, fast=True)


@pytest.fixture(scope="module")
def page(finding):
    return render_page(finding)


def test_a_lattice_is_flagged_named_and_taken_out(finding, detector):
    assert finding.verdict == "evidence of CNN generation"
    assert finding.logit == pytest.approx(float(detector.detector.logits([upsampled()])[0]), abs=1e-3)
    found = finding.attribution
    assert found.gap == pytest.approx(found.logit - found.baseline_logit)
    assert sum(band.value for band in found.bands) == pytest.approx(found.gap, abs=1e-6)
    assert abs(found.delta) <= 0.05 * abs(found.gap)
    assert (found.bands[0].low, found.bands[-1].high) == (0.0, 1.0)
    assert all(a.high == b.low for a, b in zip(found.bands, found.bands[1:], strict=False))
    assert all(line.fx in (0.0, 0.5) and line.fy in (0.0, 0.5) for line in found.lines[:2])
    half = next(one for one in finding.counterfactuals if one.what == "the lattice of 1/2")
    assert half.change < -1
    assert half.p_value == pytest.approx(1 / 21)
    assert finding.flip_sought
    assert finding.image.format == "array"
    assert finding.image.part == (0, 0, 192, 192)


def test_the_json_is_what_its_schema_says(finding):
    schema = finding_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    plain = json.loads(json.dumps(finding.to_json()))
    jsonschema.validate(plain, schema)
    assert plain["verdict"] == finding.verdict
    assert plain["image"]["sha256"] == finding.image.sha256
    assert plain["attribution"]["bands"][0].keys() == {"low", "high", "value"}
    assert "maps" not in plain
    plain["logit"] = "high"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(plain, schema)


def test_the_same_question_gets_the_same_answer(finding, detector):
    again = inspect(upsampled(), detector, fast=True)
    assert again.to_json() == finding.to_json()
    assert inspect(upsampled(), detector, fast=True, seed=1).settings_sha256 != finding.settings_sha256


def test_a_page_loads_nothing(page):
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert sources
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert not re.search(r"https?://|@import|url\(", re.sub(r'src="data:[^"]*"', "", page))
    assert all(re.findall(r"<img [^>]*alt=\"[^\"]+\"", page))
    assert page.count("Does not mean:") == page.count("<figure") > 12


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>.png", "\"><img src=x onerror='alert(1)'>.png", "é’\u202e\n.png"]
)
def test_names_of_files_are_inert(finding, name):
    named = replace(finding, image=replace(finding.image, name=name, notes=("<b>odd</b>",)))
    page = render_page(named, command=f"freqforensics inspect {name}")
    index = render_index([("a folder", named)], [(name, "<i>reason</i>")])
    for text in (page, index):
        assert len(re.findall("<script>", text)) == (1 if text is page else 0)
        assert "<img src=x" not in text
        assert "\u202e" not in re.sub(r"<code>.*?</code>", "", text, flags=re.S)
        assert "<b>odd" not in text
        assert "<i>reason" not in text
    assert "&lt;b&gt;odd" in page


def test_an_explanation_that_fails_is_greyed_with_its_reason(finding):
    from freqforensics.attribution import Badge

    failed = replace(finding, badges={**finding.badges, "frequencies": Badge(False, ("weights do not matter",))})
    page = render_page(failed)
    assert page.count('class="failed"') == 2  # frequencies and bands
    assert "Not to be relied on: weights do not matter." in page
    assert 'class="failed"' not in render_page(finding)


def test_three_verdicts_have_three_tones(finding):
    for logit, words in ((9.0, "Evidence, not proof"), (0.0, "Nothing follows from it"), (-9.0, "Absence of evidence")):
        thresholds = finding.thresholds
        verdict = "inconclusive" if logit == 0 else "evidence of CNN generation" if logit > 0 else "no evidence found"
        assert words in render_page(replace(finding, logit=logit, verdict=verdict, thresholds=thresholds))


def test_a_detector_without_a_card_is_calibrated_on_nothing():
    given = known_detector(make_detector(input="residual", seed=0))
    assert given.thresholds.high == pytest.approx(np.log(9))
    assert "calibrated on nothing" in given.thresholds.source
    with pytest.raises(ValueError, match="ascend"):
        known_detector(make_detector(seed=0), thresholds=(1.0, 0.0))


@pytest.mark.parametrize("kind", ["rgb", "residual"])
def test_detectors_of_pixels_are_inspected_too(kind):
    image = picture(np.random.default_rng(0), 96, 128)
    made = make_detector(input=kind, seed=0).eval()
    found = inspect(image, made, fast=True)
    assert found.attribution.baseline == "median"
    assert sum(band.value for band in found.attribution.bands) == pytest.approx(found.attribution.gap, abs=1e-6)
    assert "input" not in found.maps
    page = render_page(found)
    assert "its own 5×5 median" in page
    natural = inspect(image, made, baseline="natural", fast=True)
    assert natural.attribution.baseline == "natural"


def test_large_images_are_explained_in_their_middle():
    assert _part(512, 768) == (0, 0, 512, 768)
    top, left, bottom, right = _part(3000, 4000)
    assert (bottom - top, right - left) == (PART, PART)
    assert top % 32 == left % 32 == 0
    assert abs(top + bottom - 3000) <= 64
    assert _part(100, 9000)[:2] == (0, 4160)


def test_what_is_too_small_or_no_image_is_named(detector, tmp_path):
    with pytest.raises(ValueError, match="64x64 pixels can be inspected, got 100x40"):
        inspect(np.zeros((40, 100, 3), np.uint8), detector)
    with pytest.raises(ValueError, match=r"uint8 \(H, W, 3\)"):
        inspect(np.zeros((80, 80), np.uint8), detector)
    (tmp_path / "no.png").write_bytes(b"no image")
    with pytest.raises(ImageReadError):
        inspect(tmp_path / "no.png", detector)


def test_a_batch_goes_on_past_bad_files_and_sorts_by_score(tmp_path, detector):
    lattice = write(tmp_path / "lattice.png", upsampled(96))
    plain = write(tmp_path / "plain.png", skimage.data.astronaut()[:96, :96])
    (tmp_path / "bad.png").write_bytes(b"no image")
    findings, failures = inspect_files(
        [plain, tmp_path / "bad.png", lattice], detector, out=tmp_path / "out", fast=True
    )
    assert [found.image.name for found in findings] == ["plain.png", "lattice.png"]
    assert [path for path, _ in failures] == [str(tmp_path / "bad.png")]
    index = (tmp_path / "out" / "index.html").read_text()
    first, second = sorted(findings, key=lambda found: -found.logit)
    assert index.index(first.image.name) < index.index(second.image.name)
    for link in re.findall(r'href="([^"]*)"', index):
        assert (tmp_path / "out" / link).is_file()
    values = json.loads((tmp_path / "out" / "003" / "finding.json").read_text())
    assert values["image"]["name"] == "lattice.png"
    assert (tmp_path / "out" / "003" / "figures" / "frequencies.png").is_file()
    assert "003/index.html" in json.loads((tmp_path / "out" / "manifest.json").read_text())["outputs"]


def test_nothing_inspected_leaves_what_was_there(tmp_path, detector):
    (tmp_path / "bad.png").write_bytes(b"no image")
    good = write(tmp_path / "good.png", upsampled(96))
    bad = [tmp_path / "bad.png", tmp_path / "none.png"]
    inspect_files([good, bad[0]], detector, out=tmp_path / "out", fast=True)
    before = sorted(path for path in (tmp_path / "out").rglob("*"))
    findings, failures = inspect_files(bad, detector, out=tmp_path / "out", fast=True, overwrite=True)
    assert (findings, len(failures)) == ([], 2)
    assert sorted(path for path in (tmp_path / "out").rglob("*")) == before
    inspect_files(bad, detector, out=tmp_path / "new", fast=True)
    assert not (tmp_path / "new").exists()


def test_findings_of_a_batch_say_that_their_maps_are_gone(finding):
    with pytest.raises(ValueError, match="inspect the image by itself"):
        render_page(replace(finding, maps={}))


def test_names_that_are_no_text_are_written(finding, tmp_path):
    odd = replace(finding, image=replace(finding.image, name="caf\udce9.png"))
    odd.save(tmp_path / "out")
    assert json.loads((tmp_path / "out" / "finding.json").read_text())["image"]["name"] == "caf\udce9.png"
    assert "caf" in (tmp_path / "out" / "index.html").read_text()


def test_a_significant_line_is_not_hidden_by_a_lattice_that_is_not(finding):
    def changed(what, after, z, p):
        return Counterfactual("notch", what, 8.0, after, after, 0.1, 100, 0.0, 0.1, z, p)

    line, lattice = changed("one line", 6.0, -30.0, 0.01), changed("a lattice", 5.9, -1.5, 0.2)
    words = in_short(replace(finding, counterfactuals=(line, lattice)))
    assert any("Without one line" in sentence for sentence in words)
    assert not any("do not matter" in sentence for sentence in words)
    nothing = in_short(replace(finding, counterfactuals=(lattice,), flip=None))
    assert any("the peaks do not matter to this decision" in sentence for sentence in nothing)


def test_a_deletion_like_chance_fails(finding):
    from freqforensics.inspection import _badges

    path = integrate_path(upsampled(96), make_detector(input="coherence", early_down=2, seed=0), steps=2, most_steps=2)
    like_chance = replace(finding.deletion, deleted_at_random=(finding.deletion.deleted,) * 9)
    found = _badges(path, like_chance, finding.randomisation)
    assert any("does not move the score more" in reason for reason in found["frequencies"].reasons)


def test_a_detector_of_another_kind_is_named():
    with pytest.raises(TypeError, match="got str"):
        inspect(upsampled(96), "weights.pth")


def test_the_part_of_a_large_image_is_framed(detector):
    large = cv2.resize(upsampled(), (1000, 800), interpolation=cv2.INTER_CUBIC)
    found = inspect(large, detector, fast=True)
    assert found.image.part == (64, 160, 704, 800)
    assert found.maps["image"].shape == (512, 640, 3)
    assert "the middle, rows 64 to 704, columns 160 to 800: the rest was only scored" in render_page(found)
    ax = plot_image(found)
    frames = [patch.get_bbox().bounds for patch in ax.patches]
    np.testing.assert_allclose(frames[0], (160 * 0.64 - 0.5, 64 * 0.64 - 0.5, 409.6, 409.6))


def test_jupyter_shows_the_page_in_a_frame(finding):
    html = finding._repr_html_()
    assert html.startswith("<iframe srcdoc=")
    assert "<script>" not in html  # escaped, so it is the frame's
    assert finding.show().finding is finding
    assert ff.inspect is inspect


def test_the_command_prints_findings_as_json(tmp_path, monkeypatch, capsys):
    image = write(tmp_path / "one image.png", upsampled(96))
    monkeypatch.setattr(
        sys, "argv", ["freqforensics", "inspect", str(image), "--out", str(tmp_path / "o"), "--fast", "--json"]
    )
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    printed = capsys.readouterr()
    (found,) = json.loads(printed.out)
    jsonschema.validate(found, finding_schema())
    assert found["image"]["name"] == "one image.png"
    assert "has seen no generator's image" in printed.err
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


def test_own_weights_and_thresholds(tmp_path, monkeypatch, capsys):
    save_detector(make_detector(input="residual", seed=0), tmp_path / "own.safetensors")
    image = write(tmp_path / "image.png", picture(np.random.default_rng(0)))
    command = f"inspect {image} --weights {tmp_path / 'own.safetensors'} --thresholds=-50:50 --fast --json".split()
    monkeypatch.setattr(sys, "argv", ["freqforensics", *command])
    with pytest.raises(SystemExit):
        main()
    (found,) = json.loads(capsys.readouterr().out)
    assert found["verdict"] == "inconclusive"
    assert found["thresholds"] == {"low": -50.0, "high": 50.0, "source": "given"}
    assert found["weights"]["name"] == "own.safetensors"


def test_the_schema_is_printed_without_torch():
    code = "import sys; sys.argv = ['freqforensics', 'inspect', '--schema']; from freqforensics.cli import main; main()"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert json.loads(printed) == finding_schema()
