"""From images to associations, figures and tables; what is planted is found, what is not is not."""

from __future__ import annotations

import csv
import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from pictures import picture, write

from freqforensics.cli import main
from freqforensics.detector import ScoreTable, open_detector
from freqforensics.detector.score_table import Score
from freqforensics.detector.weights import DEFAULT
from freqforensics.quality.fakeness import fakeness_by_quality
from freqforensics.quality.scores import QualityRow, QualityTable, as_score
from freqforensics.studies.quality import quality_study

pytestmark = pytest.mark.usefixtures("bare_pdf")


def tables(rng, *, count=60, quality=False):
    """Logits that follow the score of generator a, and not of b; with JPEG quality, because both follow that."""
    scored, rows = [], []
    for generator in "ab":
        for label in ("real", "fake"):
            for index in range(count):
                path = f"{generator}/{label}/{index}"
                jpeg = int(rng.integers(30, 100)) if quality else None
                cause = 0.0 if jpeg is None else (jpeg - 65) / 20
                value = rng.normal() + cause
                follows = value if generator == "a" and label == "fake" and not quality else cause
                logit = follows + 0.7 * rng.normal()
                scored.append(Score(path, "", label, generator, "", logit, 0.5, "none", "w", ""))
                rows.append(QualityRow(path, generator, label, "", 64, 64, "JPEG", jpeg, (value,)))
    return ScoreTable(tuple(scored), ()), QualityTable(("worth",), tuple(rows))


def test_each_generator_and_label_by_itself():
    study = fakeness_by_quality(*tables(np.random.default_rng(0)), resamples=200, permutations=499)
    found = {(test.generator, test.label): test for test in study.associations.tests}
    assert found["a", "fake"].rho > 0.6
    assert found["a", "fake"].q_value <= 0.01
    for key in (("a", "real"), ("b", "real"), ("b", "fake")):
        assert abs(found[key].rho) < 0.3
        assert found[key].q_value > 0.05
    trend = next(one for one in study.trends if (one.generator, one.label) == ("a", "fake"))
    assert trend.y[-1] - trend.y[0] > 1
    assert (trend.low <= trend.y).mean() > 0.9
    assert (np.diff(trend.x) >= 0).all()


def test_what_jpeg_quality_does_goes_when_it_is_held_fixed():
    study = fakeness_by_quality(
        *tables(np.random.default_rng(1), count=200, quality=True), resamples=200, permutations=499
    )
    tests = [test for test in study.associations.tests if test.score == "worth"]
    assert all(test.rho > 0.3 and test.p_value <= 0.01 for test in tests)
    assert all(abs(test.partial_rho) < 0.2 for test in tests)
    assert np.mean([test.partial_rho for test in tests]) == pytest.approx(0, abs=0.08)
    assert "jpeg_quality" in study.scores


def test_percentiles_are_those_of_the_logits():
    scored, quality = tables(np.random.default_rng(2), count=41)
    study = fakeness_by_quality(scored, quality, resamples=10, permutations=9)
    for name, chosen in study.percentile_images().items():
        logits = sorted(one.logit for one in scored.scores if (one.generator, one.label) == (name, "fake"))
        assert [share for share, _, _ in chosen] == [0, 25, 50, 75, 100]
        assert [logit for _, _, logit in chosen] == [logits[0], logits[10], logits[20], logits[30], logits[40]]
    least = study.least["a"]
    assert [one.k for one in least] == [1, 2, 5]
    assert least[0].expected == pytest.approx(np.mean(study.logits[study.groups("fake")["a"]]))
    assert least[0].expected > least[1].expected > least[2].expected


def test_images_of_unknown_label_and_without_a_logit():
    scored, quality = tables(np.random.default_rng(3), count=8)
    rows = tuple(QualityRow(**{**vars(row), "label": "unknown"}) for row in quality.rows[:20])
    study = fakeness_by_quality(scored, QualityTable(("worth",), rows), resamples=10, permutations=9)
    assert set(study.labels) == {"fake"}
    assert "images of unknown label count as fake" in study.notes
    with pytest.raises(ValueError, match="no image has both"):
        fakeness_by_quality(ScoreTable((), ()), quality)


def test_what_cannot_be_judged_is_left_out_and_counted():
    scored, quality = tables(np.random.default_rng(5), count=30)
    rows = [replace(one, verdict="none") for one in scored.scores]
    for place in (0, 7, 40):
        rows[place] = replace(rows[place], logit=math.nan, verdict="cannot-judge")
    study = fakeness_by_quality(ScoreTable(tuple(rows), ()), quality, resamples=10, permutations=9)
    kept = tuple(one for one in rows if one.judged)
    other = fakeness_by_quality(ScoreTable(kept, ()), quality, resamples=10, permutations=9)
    assert study.cannot_judge == study.to_json()["cannot_judge"] == 3
    assert "images that cannot be judged, left out: 3" in study.notes
    assert study.associations.tests == other.associations.tests
    assert study.verdicts == ("none",) * 117
    nothing = ScoreTable(tuple(replace(one, logit=math.nan) for one in rows), ())
    with pytest.raises(ValueError, match="scores of quality: 120 cannot be judged"):
        fakeness_by_quality(nothing, quality)


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    root, rng = tmp_path_factory.mktemp("quality"), np.random.default_rng(4)
    for label in ("0_real", "1_fake"):
        for index in range(12):
            image = cv2.GaussianBlur(picture(rng, 100, 110), (0, 0), 0.4 + 0.2 * index)
            write(root / "somegan" / label / f"{index}.png", image)
    return root


def call(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["freqforensics", "quality", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        main()
    return end.value.code or 0, capsys.readouterr()


@pytest.mark.long
def test_from_sources_to_a_folder(tree, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    fast = ["--bootstrap", 20, "--permutations", 19]
    code, shown = call(monkeypatch, capsys, tree, "--out", out, *fast)
    assert code == 0, shown.err
    assert "blur_effect" in shown.out
    assert "niqe: no value for 24 images" in shown.err
    names = {path.name for path in out.iterdir()}
    for name in ("forest", "percentiles", "least", "scatter-blur_effect"):
        assert {f"{name}.png", f"{name}.pdf"} <= names
    with (out / "images.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 24
    assert {row["verdict"] for row in rows} <= {"evidence", "inconclusive", "none"}
    assert "verdicts: evidence of CNN generation" in shown.err
    blur = [float(row["blur_effect"]) for row in rows if row["label"] == "fake"]
    assert blur[-1] > blur[0]
    with (out / "associations.csv").open(newline="") as file:
        assert {row["label"] for row in csv.DictReader(file)} == {"real", "fake"}
    told = json.loads((out / "quality.json").read_text())
    assert told["images"] == 24
    assert next(test for test in told["tests"] if test["score"] == "niqe")["rho"] is None
    # Made again, the same to the byte.
    first = {name: (out / name).read_bytes() for name in names if name.endswith((".png", ".csv"))}
    code, _ = call(monkeypatch, capsys, tree, "--out", out, "--overwrite", *fast)
    assert code == 0
    assert {name: (out / name).read_bytes() for name in first} == first


def test_logits_that_are_there_and_a_score_of_ones_own(tree, tmp_path):
    paths = sorted(tree.rglob("*.png"))
    table = ScoreTable(
        tuple(
            Score(str(path), "", path.parent.name[2:], "somegan", "", float(path.stem), 0.5, "none", "w", "")
            for path in paths
        ),
        (),
    )
    table.save(tmp_path / "scores.csv")
    # The more blurred, the greater its number: a flat picture varies less.
    rough = as_score(lambda image: float(np.abs(np.diff(image.astype(int), axis=1)).mean()), name="roughness")
    study = quality_study([tree], logits=tmp_path / "scores.csv", scores=[rough], bootstrap=20, permutations=199)
    assert not study.skipped
    assert study.fakeness.scores == ("roughness",)
    for test in study.fakeness.associations.tests:
        assert test.rho < -0.6
        assert test.few


def test_tables_threshold_and_clusters(tree, tmp_path, monkeypatch, capsys):
    paths = sorted(tree.rglob("*.png"))
    scores = [
        Score(str(path.resolve()), "", path.parent.name[2:], "somegan", "", float(path.stem), 0.5, "none", "w", "")
        for path in paths[:20]
    ]
    ScoreTable(tuple(scores), ()).save(tmp_path / "scores.csv")
    (tmp_path / "clusters.csv").write_text("".join(f"{path},{int(path.stem) // 2}\n" for path in paths))
    monkeypatch.chdir(tree)  # a table by absolute paths, images by relative ones
    fast = [
        "--logits",
        tmp_path / "scores.csv",
        "--score",
        "entropy",
        "--bootstrap",
        20,
        "--permutations",
        19,
        "--json",
    ]
    code, shown = call(monkeypatch, capsys, ".", *fast, "--clusters", tmp_path / "clusters.csv", "--threshold", "3.5")
    assert code == 0, shown.err
    told = json.loads(shown.out)
    assert told["images"] == 20
    assert told["threshold"] == 3.5
    assert "4 of 24 images are not in the table of logits" in shown.err
    assert {test["label"]: test["clusters"] for test in told["tests"]} == {"real": 6, "fake": 4}
    # Made by other weights than those that ship: a probability of one half.
    code, shown = call(monkeypatch, capsys, ".", *fast)
    assert json.loads(shown.out)["threshold"] == 0
    (tmp_path / "clusters.csv").write_text("a,b,c\n")
    code, shown = call(monkeypatch, capsys, ".", *fast, "--clusters", tmp_path / "clusters.csv")
    assert code == 2
    assert "every row must hold a path and a cluster" in shown.err


@pytest.mark.long
def test_logits_of_the_weights_that_ship_have_their_threshold_without_torch(tree, tmp_path):
    shipped = open_detector(DEFAULT)
    ScoreTable(
        tuple(
            Score(str(path), "", path.parent.name[2:], "somegan", "", 0.5, 0.5, "", shipped.weights.sha256, "")
            for path in tree.rglob("*.png")
        ),
        (),
    ).save(tmp_path / "scores.csv")
    code = (
        "import sys; from freqforensics.studies.quality import quality_study;"
        f"study = quality_study([{str(tree)!r}], logits={str(tmp_path / 'scores.csv')!r}, scores=['entropy'],"
        " bootstrap=2, permutations=1);"
        "print(repr(study.fakeness.threshold), [m for m in ('torch', 'matplotlib', 'skimage') if m in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == f"{shipped.thresholds.high!r} []"


@pytest.mark.long
def test_bad_input_is_told_in_one_line(tree, tmp_path, monkeypatch, capsys):
    for arguments in (["--score", "beauty"], ["--logits", tmp_path / "none.csv"], ["--weights", "nobody"]):
        code, shown = call(monkeypatch, capsys, tree, *arguments)
        assert code == 2
        assert shown.err.strip().splitlines()[-1].startswith("freqforensics: ")
