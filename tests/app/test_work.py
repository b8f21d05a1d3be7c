"""Pictures and folders that are examined by a detector, through the page."""

from __future__ import annotations

import html
import re

import numpy as np
import pytest
from pictures import encoded, picture, write, write_tree
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from served import wait_for

from freqforensics.app.folder_work import examine_folder, summary_of
from freqforensics.app.picture_work import examine_picture
from freqforensics.app.reports import page_scripts, printing, source_of, write_thumbnail
from freqforensics.app.results import Group
from freqforensics.app.wording import STAGES
from freqforensics.detector import make_detector
from freqforensics.detector.calibrated import known_detector
from freqforensics.images import ImageReadError

pytestmark = pytest.mark.usefixtures("thin", "bare_pdf")


@pytest.fixture(scope="module")
def detector(thin):
    return known_detector(make_detector(input="coherence", early_down=2, seed=0))


@pytest.mark.long
@pytest.mark.usefixtures("undrawn")
def test_a_picture_is_examined_stage_by_stage(tmp_path, rng, detector):
    path = write(tmp_path / "3f.png", picture(rng, 96, 128))
    stages = []
    result = examine_picture(
        path, detector, lambda *stage: stages.append(stage), name="<my> photo.png", mode="quick", out=tmp_path
    )
    assert list(dict.fromkeys(name for name, _, _ in stages)) == list(STAGES.values())
    steps = [step for _, step, _ in stages]
    assert steps == sorted(steps)
    assert steps[0] == 0
    assert {total for *_, total in stages} == {steps[-1]}
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "&lt;my&gt; photo.png" in page
    assert "3f.png" not in page
    assert (tmp_path / "thumbnail.jpg").read_bytes()[:2] == b"\xff\xd8"
    for sentence in (result.headline, result.what, result.how_often, result.then):
        assert sentence
        assert html.escape(sentence, quote=False) in " ".join(page.split()).replace("&#39;", "'").replace("&#34;", '"')


@pytest.mark.usefixtures("undrawn")
def test_a_picture_that_cannot_be_judged_says_why(tmp_path, detector):
    path = write(tmp_path / "grey.png", np.full((200, 200, 3), 128, np.uint8))
    result = examine_picture(path, detector, lambda *stage: None, name="grey.png", mode="quick", out=tmp_path)
    assert (result.verdict, result.tone) == ("cannot-judge", "unknown")
    assert result.headline == "This picture cannot be judged."
    assert "of one colour all over" in result.what
    assert (tmp_path / "page.html").exists()


@pytest.mark.long
@pytest.mark.usefixtures("undrawn")
def test_a_file_that_names_its_generator_says_so_beside_the_verdict(tmp_path, rng, detector):
    path = tmp_path / "a.png"
    chunks = PngInfo()
    chunks.add_text("parameters", "a cat, Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 96x96, Model: x")
    Image.fromarray(picture(rng, 96, 96)).save(path, pnginfo=chunks)
    blind = known_detector(detector.detector, thresholds=(1000.0, 1001.0))
    result = examine_picture(path, blind, lambda *stage: None, name="a.png", mode="quick", out=tmp_path)
    assert result.verdict == "none"
    assert "the file says that a generator made it" in result.contradictions[0]


def test_what_a_stage_raises_ends_the_examination(tmp_path, rng, detector):
    path = write(tmp_path / "a.png", picture(rng, 96, 128))

    def stop(name, step, steps):
        if step >= 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        examine_picture(path, detector, stop, name="a.png", mode="quick", out=tmp_path)
    assert not (tmp_path / "page.html").exists()


def test_a_damaged_picture_is_refused_by_its_decoder(tmp_path, rng, detector):
    path = tmp_path / "a.jpg"
    path.write_bytes(encoded(picture(rng), "JPEG")[:-200])
    with pytest.raises(ImageReadError, match="truncated"):
        examine_picture(path, detector, lambda *stage: None, name="a.jpg", mode="quick", out=tmp_path)
    write_thumbnail(path, tmp_path)
    assert not (tmp_path / "thumbnail.jpg").exists()


def test_stages_need_no_glossary():
    jargon = r"\b(logit|CNN|residual|spectrum|spectra|lattice|calibrat\w+|attribution|coherence|p-value|detector)\b"
    for text in STAGES.values():
        assert not re.search(jargon, text, re.IGNORECASE), text


@pytest.mark.long
def test_a_folder_is_counted_and_averaged(tmp_path, rng, detector):
    tree = write_tree(tmp_path / "tree", rng, ("one", "two"), count=3, shape=(128, 140))
    write(tree / "two" / "1_fake" / "large.png", picture(rng, 300, 300))
    (tree / "one" / "0_real" / "bad.png").write_bytes(b"no picture")
    out = tmp_path / "out"
    out.mkdir()
    stages = []
    result = examine_folder(tree, detector, lambda *stage: stages.append(stage), limit=None, out=out)
    assert [name.partition(":")[0] for name, _, _ in stages] == [
        "Looking for pictures", "Scoring pictures", "Averaging spectra", "Drawing figures",
    ]  # fmt: skip
    assert [step for _, step, _ in stages] == [0, 1, 2, 3]
    assert result.crop == 128  # the largest square that all groups have
    assert [(group.name, group.side, group.pictures) for group in result.groups] == [
        ("one", "photographs", 3), ("two", "photographs", 3), ("one", "generated", 3), ("two", "generated", 4),
    ]  # fmt: skip
    for group in result.groups:
        assert group.evidence + group.inconclusive + group.none + group.cannot_judge == group.pictures
    assert [path for path, _ in result.skipped] == ["one/0_real/bad.png"]
    assert {path.name for path in (out / "spectra").iterdir()} >= {
        "overview.png", "fingerprints.png", "fingerprints.pdf", "profiles.png", "summary.csv", "scores.csv",
    }  # fmt: skip
    assert len(result.signs) == sum(group.evidence for group in result.groups)


def test_pictures_too_small_to_be_averaged_are_still_counted(tmp_path, rng, detector):
    write(tmp_path / "small" / "a.png", picture(rng, 50, 50))
    out = tmp_path / "out"
    out.mkdir()
    result = examine_folder(tmp_path / "small", detector, lambda *stage: None, limit=None, out=out)
    assert result.crop == 0
    assert result.notes[-1].startswith("no average spectrum: no image was averaged: 1 are smaller")
    assert result.groups[0].cannot_judge == 1
    assert result.summary == ("Traces were found in 0 of 1 picture (0 %). The folder does not say what they are.",)
    assert (out / "spectra" / "scores.csv").exists()


def test_a_folder_without_a_readable_picture_is_one_line(tmp_path, detector):
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="none of the 1 pictures can be read") as refused:
        examine_folder(tmp_path, detector, lambda *stage: None, limit=None, out=tmp_path)
    assert len(str(refused.value).splitlines()) == 1


def test_false_alarms_are_told_from_what_was_noticed():
    groups = [
        Group("a", "photographs", 30, 1, 2, 27, 0),
        Group("b", "photographs", 10, 1, 0, 9, 0),
        Group("a", "generated", 8, 6, 1, 1, 0),
    ]
    assert summary_of(groups) == (
        "False alarms: traces were found in 2 of 40 photographs (5 %).",
        "In more photographs like these it may be 0.6 to 17 %.",
        "Noticed: traces were found in 6 of 8 generated pictures (75 %).",
    )
    assert summary_of([]) == ()


@pytest.mark.long
@pytest.mark.usefixtures("examined")
def test_a_picture_of_a_folder_is_examined_closer(tmp_path, rng, serving, detector):
    tree = write_tree(tmp_path / "tree", rng, count=2, shape=(96, 100))
    eager = known_detector(detector.detector, thresholds=(-1000.0, -999.0))  # all have signs
    served = serving(eager)
    assert served.ask("POST", "folders/check", {"path": str(tree)}).json["text"] == "4 pictures."
    assert served.ask("POST", "folders", {"path": str(tree), "limit": "7"}).status == 400
    assert served.ask("POST", "folders", {"path": str(tree), "limit": "50"}).status == 201
    (job,) = served.finished()
    assert (job["kind"], job["state"], job["error"]) == ("folder", "done", "")
    result = job["result"]
    assert result["summary"] == [
        "False alarms: traces were found in 2 of 2 photographs (100 %).",
        "In more photographs like these it may be 16 to 100 %.",
        "Noticed: traces were found in 2 of 2 generated pictures (100 %).",
    ]
    assert sorted(result["shown"]) == ["0_real/0.png", "0_real/1.png", "1_fake/0.png", "1_fake/1.png"]
    assert "signs" not in result
    for name, kind in (("fingerprints.png", "image/png"), ("scores.csv", "text/csv; charset=utf-8")):
        answer = served.get(f"jobs/{job['key']}/files/{name}")
        assert (answer.status, answer.headers["content-type"]) == (200, kind)
        assert answer.body
    for number in (-1, 4, 99):
        assert served.ask("POST", f"jobs/{job['key']}/closer/{number}").status == 404
    assert served.ask("POST", f"jobs/{job['key']}/closer/0").status == 201
    closer = served.finished()[1]
    assert (closer["kind"], closer["state"], closer["mode"]) == ("image", "done", "whole")
    assert closer["thumbnail"]
    assert closer["name"] == result["shown"][0].split("/")[1]
    wait_for(lambda: len(served.log) == 2)


def test_reports_may_run_their_own_scripts_alone():
    from importlib.resources import files

    script = (files("freqforensics.report") / "templates" / "page.js").read_text(encoding="utf-8")
    assert source_of(script) in page_scripts()
    assert printing("<body>a</body>b").startswith("<body>a<script>")
