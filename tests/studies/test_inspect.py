"""Files inspected one by one: pages as they come, an index, and nothing of it where nothing could be inspected."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from findings import hand_made, unjudged, with_parts
from pictures import write

import freqforensics as ff
from freqforensics.inspection.read import open_image
from freqforensics.studies.inspect import inspect_study

LOGITS = {"plain.png": 2.5, "lattice.png": 9.0}


@pytest.fixture
def asked(monkeypatch, undrawn):
    """Findings made by hand in place of inspections; gives the list of what was asked for."""
    calls = []

    def inspect(path, detector=None, **options):
        about = open_image(path).about
        calls.append({"name": about.name, "detector": detector, **options})
        finding = unjudged() if about.name == "grey.png" else hand_made()
        score = {} if about.name == "grey.png" else {"logit": LOGITS.get(about.name, 3.0)}
        return with_parts(finding, image={"name": about.name}, score=score)

    monkeypatch.setattr("freqforensics.studies.inspect.inspect", inspect)
    return calls


@pytest.fixture
def files(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "bad.png").write_bytes(b"no image")
    for name in ("plain.png", "lattice.png", "grey.png"):
        write(tmp_path / "images" / name, np.full((96, 96, 3), 128, np.uint8))
    return tmp_path / "images"


def test_a_batch_goes_on_past_bad_files_and_sorts_by_score(asked, files, tmp_path):
    names = ("plain.png", "bad.png", "lattice.png", "grey.png", "none.png")
    study = inspect_study([files / name for name in names], out=tmp_path / "out", command="freqforensics inspect")
    assert [finding.image.name for finding in study.findings] == ["plain.png", "lattice.png", "grey.png"]
    assert study.skipped == (
        (str(files / "bad.png"), "text, not an image that can be read"),
        (str(files / "none.png"), "no such file or directory"),
    )
    index = (tmp_path / "out" / "index.html").read_text()
    assert index.index("lattice.png") < index.index("plain.png") < index.index("grey.png")
    assert re.search(r"This picture cannot be judged\.</strong></p>\s*<p>uniform: no residual to look at</p>", index)
    links = re.findall(r'href="([^"]*)"', index)
    assert len(links) == 6
    assert all((tmp_path / "out" / link).is_file() for link in links)
    values = json.loads((tmp_path / "out" / "003" / "finding.json").read_text())
    assert values == study.to_json()[1]
    assert values["image"]["name"] == "lattice.png"
    assert (tmp_path / "out" / "003" / "figures" / "frequencies.png").is_file()
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["parameters"] == hand_made().inspection.settings
    assert manifest["command"] == "freqforensics inspect"
    assert len(manifest["inputs"]["images"]) == 3
    assert "003/index.html" in manifest["outputs"]


def test_of_several_images_no_maps_are_kept(asked, files, tmp_path):
    study = inspect_study([files / "plain.png", files / "grey.png"], out=tmp_path / "out")
    assert [list(finding.maps) for finding in study.findings] == [["thumbnail"]] * 2
    assert all(finding.maps["thumbnail"].nbytes <= 3 * 160 * 160 for finding in study.findings)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    study.save(tmp_path / "out")  # is there already
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")} == before
    with pytest.raises(ValueError, match=r"^out must be given to inspect_study"):
        study.save(tmp_path / "other")
    shown = study._repr_html_()
    assert "plain.png" in shown
    assert "href" not in shown


def test_one_image_is_saved_later_or_at_once(asked, files, tmp_path):
    study = inspect_study([files / "plain.png"])
    study.save(tmp_path / "later", command="freqforensics inspect plain.png")
    inspect_study([files / "plain.png"], out=tmp_path / "once", command="freqforensics inspect plain.png")
    written = [
        {path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()}
        for out in (tmp_path / "later", tmp_path / "once")
    ]
    assert written[0] == written[1]
    assert study._repr_html_() == ff.Page(study.finding)._repr_html_()
    with pytest.raises(ValueError, match="overwrite"):
        inspect_study([files / "plain.png"], out=tmp_path / "once")


def test_nothing_inspected_leaves_what_was_there(asked, files, tmp_path):
    bad = [files / "bad.png", files / "none.png"]
    inspect_study([files / "plain.png", files / "bad.png"], out=tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*") if path.is_file()}
    for paths in (bad, bad[:1]):
        with pytest.raises(ValueError, match=r"bad.png: text, not an image"):
            inspect_study(paths, out=tmp_path / "out", overwrite=True)
        assert {path: path.stat().st_mtime_ns for path in before} == before
        with pytest.raises(ValueError, match=r"bad.png"):
            inspect_study(paths, out=tmp_path / "new")
        assert not (tmp_path / "new").exists()


def test_a_folder_stands_for_its_images(asked, files, tmp_path):
    write(tmp_path / "other.png", np.zeros((96, 96, 3), np.uint8))
    study = inspect_study([files, tmp_path / "other.png"], seed=3, fast=True, reference="grey", region=(0, 0, 64, 64))
    assert [finding.image.name for finding in study.findings] == ["grey.png", "lattice.png", "plain.png", "other.png"]
    assert [call["seed"] for call in asked] == [3] * 4
    assert {(call["fast"], call["reference"], call["region"]) for call in asked} == {(True, "grey", (0, 0, 64, 64))}
    with pytest.raises(ValueError, match="findings must hold one, got 4"):
        _ = study.finding
