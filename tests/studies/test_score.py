"""Scores of sources: with and without a table, by any number of threads."""

from __future__ import annotations

import numpy as np
import pytest
from pictures import picture, write
from toys import calibrated, rough_detector

from freqforensics.detector import ScoreTable, make_detector, save_detector
from freqforensics.studies import score as module
from freqforensics.studies.score import score_study


@pytest.fixture
def tree(tmp_path, rng):
    for index in range(3):
        for side in ("0_real", "1_fake"):
            write(tmp_path / "data" / "crn" / side / f"{index}.png", picture(rng, 100, 120))
    write(tmp_path / "data" / "crn" / "0_real" / "flat.png", np.full((100, 120, 3), 77, np.uint8))
    (tmp_path / "data" / "crn" / "1_fake" / "bad.png").write_bytes(b"no image")
    return tmp_path / "data"


def test_verdicts_are_counted_by_group(tree, monkeypatch):
    detector = calibrated(rough_detector(), np.zeros(500))
    monkeypatch.setattr(module, "open_detector", lambda *arguments, **options: detector)
    study = score_study([tree])
    fake, real = study.groups()
    assert (fake["label"], fake["images"], fake["evidence"], fake["cannot_judge"]) == ("fake", 3, 3, 0)
    assert (real["label"], real["images"], real["evidence"], real["cannot_judge"]) == ("real", 4, 3, 1)
    assert real["mean_logit"] == pytest.approx(
        np.mean([score.logit for score in study.table.scores if score.label == "real" and score.judged])
    )
    assert [path for path, _ in study.skipped] == [str(tree / "crn" / "1_fake" / "bad.png")]
    assert study.verdicts_from == detector.thresholds.source
    assert study.to_json() == {"verdicts_from": study.verdicts_from, "groups": [fake, real]}


@pytest.mark.long
def test_a_table_and_threads_change_no_score(tree, tmp_path, thin):
    save_detector(make_detector(seed=1), tmp_path / "w.safetensors")
    options = {"weights": tmp_path / "w.safetensors", "view": "none"}
    plain = score_study([tree], **options)
    assert plain.verdicts_from == "view 'none' has no verdicts"
    above = {label: sum(s.logit > 0 for s in plain.table.scores if s.label == label) for label in ("fake", "real")}
    assert [group["above_0"] for group in plain.groups()] == list(above.values())
    kept = score_study([tree], out=tmp_path / "kept.csv", workers=3, **options)
    plain.save(tmp_path / "saved.csv")
    assert (tmp_path / "kept.csv").read_bytes() == (tmp_path / "saved.csv").read_bytes()
    assert repr(ScoreTable.load(tmp_path / "kept.csv").scores) == repr(plain.table.scores)  # a rate may be NaN
    assert kept.to_json() == plain.to_json()
    with pytest.raises(ValueError, match="exists"):
        plain.save(tmp_path / "saved.csv")
    with pytest.raises(ValueError, match="workers must be at least 1, got 0"):
        score_study([tree], workers=0, **options)
