"""Sweeps with and without a folder, and folders that hold other work."""

from __future__ import annotations

import json

import pytest
from pictures import picture, write

from freqforensics.detector import make_detector, save_detector
from freqforensics.studies.robustness import robustness_study

pytestmark = pytest.mark.usefixtures("bare_pdf")


@pytest.fixture
def tree(tmp_path, rng, thin):
    for index in range(2):
        for side in ("0_real", "1_fake"):
            write(tmp_path / "data" / "crn" / side / f"{index}.png", picture(rng, 64, 64))
    save_detector(make_detector(seed=1), tmp_path / "w.safetensors")
    return tmp_path / "data"


@pytest.mark.long
def test_a_folder_changes_no_number_and_takes_the_results(tree, tmp_path):
    options = {"weights": tree.parent / "w.safetensors", "sweeps": ("social", "webp"), "view": "none"}
    plain = robustness_study([tree], **options)
    out = tmp_path / "out"
    kept = robustness_study([tree], out=out, **options)
    assert plain.to_json() == kept.to_json()
    assert sorted(path.name for path in out.iterdir()) == ["cells", "work.json"]
    kept.save(out, command="freqforensics robustness")
    about = json.loads((out / "manifest.json").read_text())
    assert about["outputs"] == ["robustness.csv", "robustness.pdf", "robustness.png"]
    assert about["command"] == "freqforensics robustness"
    cells = {path.name: path.stat().st_mtime_ns for path in (out / "cells").iterdir()}
    again = robustness_study([tree], out=out, resume=True, **options)
    again.save(out)
    assert again.to_json() == plain.to_json()
    assert cells == {path.name: path.stat().st_mtime_ns for path in (out / "cells").iterdir()}
    # Only the folder of its own cells is written to without being asked to overwrite.
    other = robustness_study([tree], **{**options, "sweeps": ("social",)})
    with pytest.raises(ValueError, match="is not empty"):
        other.save(out)
    other.save(tmp_path / "new")
    assert not (tmp_path / "new" / "cells").exists()
