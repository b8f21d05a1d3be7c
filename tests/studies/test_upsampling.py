from __future__ import annotations

import json

import numpy as np
import pytest
from pictures import picture, write

from freqforensics import upsampling_study
from freqforensics.spectra import file_evidence
from freqforensics.studies import upsampling as module

pytestmark = pytest.mark.usefixtures("bare_pdf")


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Real images in two folders, and fakes with a pattern of period 4 from their origin."""
    rng = np.random.default_rng(11)
    root = tmp_path_factory.mktemp("upsampled")
    tile = np.tile(rng.normal(0, 6, (4, 4, 1)), (16, 16, 1))
    for index in range(20):
        fake = np.clip(picture(rng, 64, 64) + tile, 0, 255).astype(np.uint8)
        write(root / "gan" / "1_fake" / f"{index}.png", fake)
        write(root / ("one" if index % 2 else "two") / f"{index}.png", picture(rng, 64, 64))
    (root / "gan" / "1_fake" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return root


def test_a_study_computes_and_its_result_saves(tree, tmp_path):
    study = upsampling_study([tree / "gan"], crop=64)
    assert [path.rpartition("/")[2] for path, _ in study.skipped] == ["broken.png"]
    (group,) = study.to_json()
    assert (group["factor"], group["n"], group["size"], group["controlled"]) == (4, 20, 64, False)
    study.save(tmp_path / "out", command="freqforensics upsampling gan")
    assert json.loads((tmp_path / "out" / "upsampling.json").read_text()) == [group]
    about = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert about["parameters"] == {"size": 64, "limit": None, "control": None}
    assert about["command"] == "freqforensics upsampling gan"
    assert about["outputs"] == ["lattices.pdf", "lattices.png", "upsampling.json"]
    with pytest.raises(ValueError, match="is not empty"):
        study.save(tmp_path / "out")


def test_real_images_may_come_from_several_sources(tree):
    study = upsampling_study([tree / "gan"], real=[tree / "one", tree / "two"])
    (group,) = study.to_json()
    assert (group["factor"], group["controlled"]) == (4, True)
    assert study.parameters["control"] == [str(tree / "one"), str(tree / "two")]
    # The test has twice the real images of either source alone.
    alone = upsampling_study([tree / "gan"], real=[tree / "one"])
    p_values = [s.reports["gan", "fake"].lattice.p_value for s in (study, alone)]
    assert p_values[0] != p_values[1]
    write(tree / "small" / "0.png", picture(np.random.default_rng(0), 32, 32))
    with pytest.raises(ValueError, match="real must hold images of 64x64 pixels or more"):
        upsampling_study([tree / "gan"], real=[tree / "small"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"crop": 40}, "crop must be a multiple of 16 from 32, got 40"),
        ({"crop": 16}, "crop must be a multiple of 16 from 32, got 16"),
        ({"predict": "glow"}, "family must be one of"),
    ],
)
def test_parameters_are_named_before_anything_is_read(options, message):
    with pytest.raises(ValueError, match=message):
        upsampling_study(["nowhere"], **options)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        upsampling_study(["nowhere"])


@pytest.mark.parametrize(
    ("shapes", "sides"),
    [
        ([(64, 80)] * 12, [64]),
        ([(130, 150)] * 10 + [(90, 200)], [128]),  # one of eleven is smaller: less than a tenth
        ([(130, 150), (90, 200), (90, 200)], [64]),
        ([(130, 150), (70, 90)] * 9, [128, 64]),  # every second header is read: the pass knows better
    ],
)
def test_a_group_is_measured_once_where_a_few_headers_tell_its_size(tmp_path, rng, monkeypatch, shapes, sides):
    for index, shape in enumerate(shapes):
        write(tmp_path / f"{index:02}.png", picture(rng, *shape))
    tried = []

    def counted(records, *, spec, **options):
        tried.append(spec.shape[0])
        return file_evidence(records, spec=spec, **options)

    monkeypatch.setattr(module, "file_evidence", counted)
    (group,) = upsampling_study(tmp_path).to_json()
    assert (tried, group["size"]) == (sides, sides[-1])
    assert group["n"] == sum(min(shape) >= sides[-1] for shape in shapes)
