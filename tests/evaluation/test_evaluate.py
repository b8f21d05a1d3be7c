"""Tables of scores to numbers, and curves of them: against sums written out, and images that are what they are said."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from pictures import dead_prefix, picture, write, write_tree
from sklearn.metrics import average_precision_score
from toys import calibrated, rough_detector

from freqforensics import figures
from freqforensics.detector import ScoreTable, make_detector, save_detector, score_files
from freqforensics.detector.score_table import Score
from freqforensics.evaluation import (
    SWEEPS,
    PhotographScores,
    are_miniatures,
    evaluate_tables,
    robustness as robustness_module,
    sweep_robustness,
)
from freqforensics.evaluation.metrics import fit_threshold
from freqforensics.images import read_image
from freqforensics.perturbations import JPEG, WebP
from freqforensics.perturbations.augmentation import social
from freqforensics.runtime.results import claim_folder
from freqforensics.sources.records import ImageRecord
from freqforensics.sources.sources import index_images
from freqforensics.studies import evaluate as evaluate_module
from freqforensics.studies.evaluate import evaluate_study
from freqforensics.studies.robustness import robustness_study

# Detectors are compared with themselves alone.
pytestmark = pytest.mark.usefixtures("thin", "bare_pdf")


def table(rng, groups, weights="w" * 64, shift=1.0, crop="center") -> ScoreTable:
    """Scores of (generator, category, number of each side); fakes lie `shift` higher."""
    scores = []
    for generator, category, count in groups:
        for side, label in enumerate(("real", "fake")):
            for index in range(count):
                logit = float(rng.normal(shift * side, 1))
                path = f"{generator}/{category}/{label}/{label}{index}.png"
                scores.append(Score(path, path, label, generator, category, logit, 0.5, crop, weights, ""))
    return ScoreTable(tuple(scores), ())


def arrays(scores, generator):
    chosen = [s for s in scores.scores if s.generator == generator]
    return np.array([s.logit for s in chosen]), np.array([s.label == "fake" for s in chosen])


def test_generators_are_pooled_over_categories(rng):
    scores = table(rng, [("progan", name, 20) for name in "abcdef"] + [("crn", "", 30)])
    found = evaluate_tables([scores])
    progan, crn = (next(g for g in found.generators if g.generator == name) for name in ("progan", "crn"))
    for evaluation in (progan, crn):
        logits, fake = arrays(scores, evaluation.generator)
        assert evaluation.metrics.ap == pytest.approx(average_precision_score(fake, logits))
        assert evaluation.metrics.accuracy == pytest.approx(((logits > 0) == fake).mean())
        assert evaluation.ap_interval.low < evaluation.metrics.ap < evaluation.ap_interval.high
    means = []
    for category in "abcdef":
        chosen = [s for s in scores.scores if s.category == category]
        means.append(average_precision_score([s.label == "fake" for s in chosen], [s.logit for s in chosen]))
    assert progan.class_mean_ap == pytest.approx(np.mean(means))
    assert (progan.clusters, crn.clusters, crn.class_mean_ap) == ("category", "image", None)
    rows = {row["generator"]: row for row in found.rows()}
    assert rows["progan"]["published_ap_blur+jpeg-0.5"] == 1.0
    assert rows["crn"]["published_ap_blur+jpeg-0.1"] == 0.982
    assert found.summary()["map_11"] is None
    # They are of central crops, and of no miniatures.
    for other in (
        evaluate_tables([scores], miniatures=True),
        evaluate_tables([table(rng, [("progan", "", 20)], crop="none")]),
    ):
        assert not any(key.startswith("published") for key in other.rows()[0])


def test_the_threshold_is_fitted_on_other_images(rng):
    scores, other = table(rng, [("crn", "", 80)], shift=3), table(rng, [("x", "", 80)], shift=2)
    found = evaluate_tables([scores], validation=other)
    logits, fake = arrays(other, "x")
    assert found.threshold == fit_threshold(logits, fake) != 0
    assert found.threshold_from == "160 validation images"
    metrics = found.generators[0].metrics
    test_logits, test_fake = arrays(scores, "crn")
    assert metrics.accuracy == pytest.approx(((test_logits > found.threshold) == test_fake).mean())
    assert metrics.threshold == found.threshold
    # Brier is that of tempered probabilities; ranks are what they were.
    tempered = 1 / (1 + np.exp(-test_logits / found.temperature))
    assert metrics.brier == pytest.approx(np.mean((tempered - test_fake) ** 2))
    assert metrics.ap == evaluate_tables([scores]).generators[0].metrics.ap


def test_a_single_pair_is_evaluated_too():
    pair = [Score(f"{label}/0.png", label, label, "crn", "", logit, 0.5, "none", "w", "") for label, logit in
            (("real", -1.0), ("fake", 1.0))]  # fmt: skip
    (found,) = evaluate_tables([ScoreTable(tuple(pair), ())]).generators
    assert (found.metrics.ap, found.clusters) == (1.0, "image")


def test_several_detectors(rng):
    tables = [table(np.random.default_rng(seed), [("crn", "", 30)], weights=str(seed) * 64) for seed in (1, 2, 3)]
    found = evaluate_tables(tables)
    aps = [average_precision_score(fake, logits) for logits, fake in (arrays(t, "crn") for t in tables)]
    (row,) = found.rows()
    assert (row["ap_mean"], row["ap_sd"]) == pytest.approx((np.mean(aps), np.std(aps, ddof=1)))
    assert row["ap"] == pytest.approx(aps[0])
    with pytest.raises(ValueError, match="the tables must hold the same images"):
        evaluate_tables([tables[0], table(rng, [("crn", "", 31)])])


def test_tables_that_say_nothing(rng):
    scores = table(rng, [("crn", "", 5), ("imle", "", 5)])
    one_sided = ScoreTable(tuple(s for s in scores.scores if (s.generator, s.label) != ("imle", "fake")), ())
    assert evaluate_tables([one_sided]).left_out == (("imle", "has no fake image"),)
    with pytest.raises(ValueError, match="no generator has both real and fake images"):
        evaluate_tables([ScoreTable(tuple(s for s in scores.scores if s.label == "real"), ())])
    for empty in ([], [ScoreTable((), ())]):
        with pytest.raises(ValueError, match="there is no score to evaluate"):
            evaluate_tables(empty)
    with pytest.raises(ValueError, match="scores must be of one view, got center, none"):
        evaluate_tables([scores, table(rng, [("crn", "", 5)], crop="none")])


def test_an_evaluation_is_saved(rng, tmp_path):
    found = evaluate_tables([table(rng, [("crn", "", 10), ("progan", "", 10)])])
    found.save(tmp_path)
    written = json.loads((tmp_path / "evaluation.json").read_text())
    assert written["mean_ap"] == found.mean_ap
    with (tmp_path / "evaluation.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["ap"]) for row in rows] == [row["ap"] for row in written["generators"]]


def test_miniatures_are_known_by_their_manifest(tmp_path):
    record = ImageRecord(tmp_path / "trees" / "mine" / "progan" / "1_fake" / "0.png", "fake", "progan")
    other = ImageRecord(tmp_path / "photos" / "0.png", "real", "photos")
    record.path.parent.mkdir(parents=True)
    assert not are_miniatures([record])
    (tmp_path / "trees" / "mine" / "manifest.json").write_text('{"freqforensics": "1", "holds": "images"}')
    assert are_miniatures([other, record])
    assert not are_miniatures([other])
    (tmp_path / "trees" / "mine" / "manifest.json").write_text("[]")
    assert not are_miniatures([record])


# --- sweeps --------------------------------------------------------------------------------------------------------


@pytest.fixture
def records(tmp_path, rng):
    return index_images(write_tree(tmp_path / "data", rng, ("crn", "progan"), count=3, shape=(64, 64)))


@pytest.mark.long
def test_each_cell_is_the_images_perturbed(records, tmp_path):
    detector = make_detector(seed=1)
    result = sweep_robustness(records, detector, tmp_path / "out", sweeps=("webp", "resize"), view="none")
    assert [row.value for row in result.curve("webp", "crn")] == list(SWEEPS["webp"].values)
    (at_40,) = [row for row in result.curve("webp", "crn") if row.value == 40]
    chosen = [record for record in records if record.generator == "crn"]
    logits = [float(detector.eval().logits([WebP(40)(read_image(record.path))])[0]) for record in chosen]
    assert at_40.ap == pytest.approx(average_precision_score([r.label == "fake" for r in chosen], logits))
    # What leaves images as they are is scored once.
    names = {path.name for path in (tmp_path / "out" / "cells").iterdir()}
    assert "unchanged.csv" in names
    assert "resize-1.csv" not in names
    result.save(tmp_path)
    with (tmp_path / "robustness.csv").open() as file:
        assert len(list(csv.DictReader(file))) == len(result.rows) == 2 * (8 + 6)


@pytest.mark.long
def test_sweeps_are_gone_on_with_cell_by_cell(records, tmp_path, monkeypatch):
    detector, out = make_detector(seed=1), tmp_path / "out"
    calls = []

    def counted(*arguments, **options):
        calls.append(options["perturb"])
        if len(calls) == 4:
            raise KeyboardInterrupt
        return score_files(*arguments, **options)

    monkeypatch.setattr(robustness_module, "score_files", counted)
    with pytest.raises(KeyboardInterrupt):
        sweep_robustness(records, detector, out, sweeps=("jpeg",), view="none")
    with pytest.raises(ValueError, match="resume must be set"):
        sweep_robustness(records, detector, out, sweeps=("jpeg",), view="none")
    resumed = sweep_robustness(records, detector, out, sweeps=("jpeg",), view="none", resume=True)
    assert calls == [JPEG(q) for q in (100, 90, 80, 70, 70, 60, 50, 40, 30)]
    whole = sweep_robustness(records, detector, tmp_path / "other", sweeps=("jpeg",), view="none")
    assert resumed == whole
    for another in ({"sweeps": ("webp",)}, {"view": "center"}):
        with pytest.raises(ValueError, match=r"holds other work \(another (sweeps|crop)\)"):
            sweep_robustness(records, detector, out, **{"sweeps": ("jpeg",), "view": "none", **another}, resume=True)
    with pytest.raises(ValueError, match="sweeps must be of blur, jpeg"):
        sweep_robustness(records, detector, out, sweeps=("rain",))


def test_files_that_a_sweep_cannot_score_are_named_also_when_resumed(records, tmp_path):
    records[0].path.write_bytes(b"no image")
    for resume in (False, True):
        result = sweep_robustness(
            records,
            make_detector(seed=1),
            tmp_path / "out",
            sweeps=("social",),
            view="none",
            resume=resume,
        )
        assert [path for path, _ in result.failures] == [str(records[0].path)]


def test_images_that_are_too_small_for_a_sweep(tmp_path, rng):
    for side in ("0_real", "1_fake"):
        write(tmp_path / "crn" / side / "0.png", picture(rng, 40, 40))
    with pytest.raises(ValueError, match=r"no image could be scored at social 90; .*30x30 pixels are too few"):
        sweep_robustness(
            index_images(tmp_path / "crn"), make_detector(seed=1), tmp_path / "out", sweeps=("social",), view="none"
        )


@pytest.mark.long
def test_a_generator_may_be_missing_at_some_strength(tmp_path, rng):
    for generator, side in (("large", 80), ("small", 48)):
        for label in ("0_real", "1_fake"):
            for index in range(2):
                write(tmp_path / "data" / generator / label / f"{index}.png", picture(rng, side, side))
    write(tmp_path / "data" / "large" / "0_real" / "flat.png", picture(rng, 4, 400))
    records = index_images(tmp_path / "data")
    options = {"sweeps": ("resize", "double-jpeg"), "view": "none"}
    result = sweep_robustness(records, make_detector(seed=1), tmp_path / "out", **options)
    assert [row.value for row in result.curve("resize", "small")] == [2, 1.5, 1.25, 1, 0.75]
    assert {Path(path).name for path, _ in result.failures} >= {"flat.png"}
    figure = figures.plot_robustness(result, fig=figures.new_figure())
    by_name = {len(line.get_xdata()): line for line in figure.axes[0].lines}
    assert list(by_name[6].get_xdata()) == [0, 1, 2, 3, 4, 5]
    assert list(by_name[5].get_xdata()) == [0, 1, 2, 3, 4]
    renamed = [replace(record, generator="other") for record in records]
    with pytest.raises(ValueError, match=r"holds other work \(another images\)"):
        sweep_robustness(renamed, make_detector(seed=1), tmp_path / "out", **options, resume=True)


def test_the_sweeps_of_the_protocol():
    assert SWEEPS["blur"].values == (0, 1, 2, 3, 4)
    assert SWEEPS["jpeg"].values == (100, 90, 80, 70, 60, 50, 40, 30)
    assert SWEEPS["blur"].make(0) is SWEEPS["resize"].make(1) is None
    assert SWEEPS["social"].make(70) == social(0.75, 70)
    for sweep in SWEEPS.values():
        image = picture(np.random.default_rng(0), 64, 64)
        changed = [sweep.make(value) for value in sweep.values]
        means = [np.abs(p(image).astype(float) - image).mean() for p in changed if p and p(image).shape == image.shape]
        assert means == sorted(means), sweep.name


def test_work_that_is_claimed(tmp_path):
    folder = claim_folder(tmp_path / "a", {"x": (1, 2)})
    assert claim_folder(folder, {"x": [1, 2]}, resume=True) == folder
    with pytest.raises(ValueError, match=r"holds other work \(another x\)"):
        claim_folder(folder, {"x": [1]}, resume=True)
    prefix = dead_prefix()
    mine, foreign = folder / f"{prefix}mine", tmp_path / "foreign" / f"{prefix}job"
    foreign.parent.mkdir()
    (folder / ".unfinished-novel").touch()  # a user's, for we give other names
    for path in (mine, foreign, foreign.parent / "result.csv"):
        path.touch()
    claim_folder(folder, {"x": [1, 2]}, resume=True)
    with pytest.raises(ValueError, match="is not empty: give another folder"):
        claim_folder(foreign.parent, {}, resume=True)
    assert (mine.exists(), foreign.exists(), (folder / ".unfinished-novel").exists()) == (False, True, True)
    (foreign.parent / "result.csv").unlink()
    claim_folder(foreign.parent, {}, resume=True)  # killed before it had written its note
    (folder / "work.json").write_text("{")
    with pytest.raises(ValueError, match=r"work\.json cannot be read"):
        claim_folder(folder, {"x": [1]}, resume=True)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "mine.txt").touch()
    for resume in (False, True):
        with pytest.raises(ValueError, match="is not empty"):
            claim_folder(tmp_path / "b", {}, resume=resume)


@pytest.mark.long
def test_figures_of_them_show_the_numbers(records, tmp_path, rng):
    sweep = sweep_robustness(records, make_detector(seed=1), tmp_path / "r", sweeps=("social", "blur"), view="none")
    figure = figures.plot_robustness(sweep, fig=figures.new_figure())
    lines = [line.get_ydata() for line in figure.axes[0].lines]
    np.testing.assert_array_equal(lines[1], [row.ap for row in sweep.curve("social", "progan")])
    found = evaluate_tables([table(rng, [("crn", "", 10), ("progan", "", 10)])])
    figure = figures.plot_evaluation(found, fig=figures.new_figure())
    points = [line.get_xdata()[0] for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert points == [row["ap"] for row in found.rows()]


@pytest.mark.long
def test_from_sources_to_folders(records, tmp_path):
    """What the commands call: the same files again, byte for byte, and everything in its place."""
    source, path = tmp_path / "data", tmp_path / "w.safetensors"
    save_detector(make_detector(seed=1), path)
    for name in ("one", "two"):
        out = tmp_path / name
        evaluated = evaluate_study([source], weights=[path, path], view="none", limit=2)
        evaluated.save(out / "e")
        swept = robustness_study([source], weights=path, sweeps=("social",), view="none", out=out / "r")
        swept.save(out / "r")
    assert evaluated.evaluation.generators[0].metrics.real == 2
    assert len(swept.robustness.rows) == 2 * 4
    one, two = (
        {p.relative_to(tmp_path / n): p for p in (tmp_path / n).rglob("*.*") if p.parent.name != "tensorboard"}
        for n in ("one", "two")
    )
    assert one.keys() == two.keys()
    names = {path.as_posix() for path in one}
    assert {"e/ap.png", "e/ap.pdf", "e/evaluation.csv", "e/evaluation.json", "e/scores-1.csv", "e/scores-2.csv"} < names
    assert {"r/robustness.png", "r/robustness.csv"} < names
    for name in one:
        if name.suffix in (".png", ".pdf", ".csv") and name.name != "epochs.csv":
            assert one[name].read_bytes() == two[name].read_bytes(), name


# --- what cannot be judged, ways, and photographs -------------------------------------------------------------------


def judged_table(rng, *, unjudged=()):
    """As `table`, of crop views; images at some places cannot be judged."""
    scores = list(table(rng, [("crn", "", 40), ("progan", "", 40)], crop="views").scores)
    for place in range(len(scores)):
        bad = place in unjudged
        logit = math.nan if bad else scores[place].logit
        verdict = "cannot-judge" if bad else "evidence" if logit > 2 else "none"
        scores[place] = replace(scores[place], logit=logit, verdict=verdict, region="" if bad else "0,0,64,64")
    return ScoreTable(tuple(scores), ())


def test_what_cannot_be_judged_is_counted_and_plays_no_part(rng):
    whole = judged_table(np.random.default_rng(7), unjudged=(0, 3, 41, 85))
    without = ScoreTable(tuple(score for score in whole.scores if score.judged), ())
    found, other = (evaluate_tables([scores]) for scores in (whole, without))
    assert [g.metrics for g in found.generators] == [g.metrics for g in other.generators]
    rows = {row["generator"]: row for row in found.rows()}
    assert [rows[name]["cannot_judge"] for name in ("crn", "progan")] == [3, 1]
    assert (rows["crn"]["real"], rows["crn"]["fake"]) == (38, 39)
    assert found.summary()["cannot_judge"] == 4
    fakes = [s for s in whole.scores if (s.generator, s.label) == ("crn", "fake")]
    assert rows["crn"]["evidence_fake"] == sum(s.verdict == "evidence" for s in fakes) / 40
    # Detectors are compared on the same images.
    second = ScoreTable(tuple(replace(s, logit=math.nan) if i == 5 else s for i, s in enumerate(whole.scores)), ())
    several = evaluate_tables([whole, second])
    assert several.generators[0].metrics.real == 37
    nothing = ScoreTable(tuple(replace(s, logit=math.nan, verdict="cannot-judge") for s in whole.scores), ())
    with pytest.raises(ValueError, match=r"there is nothing to tell apart \(160 images cannot be judged\)"):
        evaluate_tables([nothing])
    one_side = ScoreTable(
        tuple(replace(s, logit=math.nan) if (s.generator, s.label) == ("crn", "real") else s for s in whole.scores), ()
    )
    assert evaluate_tables([one_side]).left_out == (("crn", "has no real image that can be judged"),)


def test_sets_of_one_side_are_compared_with_photographs(rng, tmp_path):
    scores = judged_table(rng)
    fakes = ScoreTable(tuple(s for s in scores.scores if (s.generator, s.label) != ("crn", "real")), ())
    photographs = PhotographScores("drawn", rng.normal(size=300))
    found = evaluate_tables([fakes], photographs=photographs, threshold=(1.5, "a test"))
    assert found.left_out == ()
    assert [one.generator for one in found.generators] == ["progan"]
    crn, progan = found.rows()
    assert (crn["ap"], crn["ap_low"], crn["evidence_real"]) == (None, None, None)
    assert (crn["real"], crn["fake"]) == (0, 40)
    logits = np.array([s.logit for s in fakes.scores if s.generator == "crn"])
    assert crn["auc_photographs"] == pytest.approx((logits[:, None] > photographs.logits).mean())
    assert crn["tpr_photographs_5"] == (logits > photographs.threshold(0.05)).mean()
    progan_fakes = np.array([s.logit for s in fakes.scores if (s.generator, s.label) == ("progan", "fake")])
    assert progan["fake_accuracy"] == (progan_fakes > 1.5).mean()
    assert found.threshold_from == "a test"
    found.save(tmp_path)
    summary = json.loads((tmp_path / "evaluation.json").read_text())
    means = summary["ways"]["as-is"]
    assert means["mean_auc_photographs"] == pytest.approx((crn["auc_photographs"] + progan["auc_photographs"]) / 2)
    assert means["mean_ap"] == progan["ap"]
    assert summary["photographs"]["images"] == 300
    only = ScoreTable(tuple(s for s in fakes.scores if s.generator == "crn"), ())
    alone = evaluate_tables([only], photographs=photographs)
    assert alone.summary()["mean_ap"] is None
    figure = figures.plot_evaluation(alone, fig=figures.new_figure())
    assert crn["tpr_photographs_1"] in [line.get_xdata()[0] for line in figure.axes[1].lines]
    with pytest.raises(ValueError, match="no image is labelled real or fake"):
        evaluate_tables(
            [ScoreTable(tuple(replace(s, label="unknown") for s in only.scores), ())], photographs=photographs
        )


@pytest.fixture
def toy(monkeypatch):
    """Whatever weights are named: the roughness of an image, calibrated on five hundred numbers."""
    detector = calibrated(rough_detector(), np.linspace(0, 12, 500))
    monkeypatch.setattr(evaluate_module, "open_detector", lambda *arguments, **options: detector)
    return detector


@pytest.fixture
def mixed(tmp_path, rng):
    """A set with both sides, one with fakes alone, photographs; flat images that cannot be judged."""
    for index in range(6):
        rough = picture(rng, 100, 120)
        write(tmp_path / "in" / "crn" / "0_real" / f"{index}.png", cv2.GaussianBlur(rough, (0, 0), 0.3 + 0.05 * index))
        write(tmp_path / "in" / "crn" / "1_fake" / f"{index}.png", rough)
        write(tmp_path / "in" / "dcgan" / "1_fake" / f"{index}.png", picture(rng, 100, 120))
        write(tmp_path / "photos" / f"{index}.png", cv2.GaussianBlur(picture(rng, 100, 120), (0, 0), 0.6))
    for place in ("in/crn/0_real", "in/dcgan/1_fake", "photos"):
        write(tmp_path / place / "flat.png", np.full((100, 120, 3), 77, np.uint8))
    return tmp_path


@pytest.mark.long
def test_every_set_is_reported_three_ways(toy, mixed, tmp_path):
    out = tmp_path / "out"
    study = evaluate_study([mixed / "in"], weights=["toy"])
    study.save(out)
    found, notes = study.evaluation, study.notes
    assert not study.skipped
    assert list(found.ways) == ["as-is", "re-encoded", "fakes-jpeg96"]
    rows = {(row["generator"], row["way"]): row for row in found.rows()}
    assert list(rows) == [(name, way) for name in ("crn", "dcgan") for way in found.ways]
    assert [row["cannot_judge"] for row in rows.values()] == [1] * 6
    assert "images that cannot be judged, left out of metrics: 2" in notes
    assert all(rows["dcgan", way]["ap"] is None for way in found.ways)
    for way, file in (
        ("as-is", "scores"),
        ("re-encoded", "scores-re-encoded"),
        ("fakes-jpeg96", "scores-fakes-jpeg96"),
    ):
        written = ScoreTable.load(out / f"{file}.csv")
        logits = {label: [s.logit for s in written.scores if (s.generator, s.label) == ("crn", label) and s.judged]
                  for label in ("real", "fake")}  # fmt: skip
        fake = np.repeat([False, True], [len(logits["real"]), len(logits["fake"])])
        row = rows["crn", way]
        assert row["ap"] == pytest.approx(average_precision_score(fake, logits["real"] + logits["fake"]))
        calibration = toy.calibration.logits
        assert row["auc_photographs"] == pytest.approx(
            np.mean([(f > calibration).mean() for f in np.float32(logits["fake"])]), abs=1e-6
        )
        verdicts = [s.verdict for s in written.scores if (s.generator, s.label) == ("crn", "real")]
        assert row["evidence_real"] == verdicts.count("evidence") / 7
    assert found.threshold == toy.thresholds.high
    assert found.photographs.name == "calibration (drawn for a test)"
    # Only what is asked for; of published crops files as they are, without verdicts and without a population.
    one = evaluate_study([mixed / "in"], weights=["toy"], ways=["fakes-jpeg96"]).evaluation
    assert [row["way"] for row in one.rows()] == ["fakes-jpeg96"] * 2
    assert one.rows()[0]["auc"] == rows["crn", "fakes-jpeg96"]["auc"]
    center = evaluate_study([mixed / "in"], weights=["toy"], view="center")
    (row,) = center.evaluation.rows()
    assert (row["way"], row["evidence_fake"], row["auc_photographs"], row["cannot_judge"]) == ("as-is", None, None, 0)
    assert "dcgan has no real image: left out" in center.notes
    with pytest.raises(ValueError, match="ways must be of as-is"):
        evaluate_study([mixed / "in"], weights=["toy"], ways=["sideways"])


def test_photographs_of_ones_own_give_the_thresholds(toy, mixed, tmp_path):
    study = evaluate_study([mixed / "in"], weights=["toy"], ways=["as-is"], photographs=[mixed / "photos"])
    study.save(tmp_path / "out")
    found = study.evaluation
    table = ScoreTable.load(tmp_path / "out" / "scores-photographs.csv")
    logits = sorted(score.logit for score in table.scores if score.judged)
    assert (found.photographs.name, found.photographs.cannot_judge) == (str(mixed / "photos"), 1)
    assert sorted(found.photographs.logits) == logits
    fakes = [s.logit for s in ScoreTable.load(tmp_path / "out" / "scores.csv").scores if s.generator == "dcgan"]
    (row,) = [row for row in found.rows() if row["generator"] == "dcgan"]
    assert row["tpr_photographs_1"] == np.mean([logit > logits[-1] for logit in fakes if math.isfinite(logit)])
    with pytest.raises(ValueError, match="there is no photograph in"):
        evaluate_study([mixed / "in"], weights=["toy"], photographs=[mixed / "in" / "dcgan"])


def test_a_sweep_keeps_its_rows_where_nothing_can_be_judged(toy, mixed, tmp_path):
    """At half the size these images are too small for a verdict."""
    records = [record for record in index_images(mixed / "in") if record.generator == "crn"]
    result = sweep_robustness(records, toy, tmp_path / "out", sweeps=("resize",))
    rows = {row.value: row for row in result.curve("resize", "crn")}
    assert [rows[value].cannot_judge for value in (2, 1, 0.75, 0.5)] == [1, 1, 1, 13]
    assert math.isnan(rows[0.5].ap)
    assert (rows[0.5].real, rows[0.5].evidence_fake) == (0, 0)
    assert rows[0.5].to_json()["ap"] is None
    cell = ScoreTable.load(tmp_path / "out" / "cells" / "unchanged.csv")
    threshold = toy.thresholds.high
    right = [(score.logit > threshold) == (score.label == "fake") for score in cell.scores if score.judged]
    assert rows[1].accuracy == np.mean(right)
    fakes = [score.verdict == "evidence" for score in cell.scores if score.label == "fake"]
    assert rows[1].evidence_fake == np.mean(fakes)
    assert result.work["threshold"] == threshold
    figure = figures.plot_robustness(result, fig=figures.new_figure())
    np.testing.assert_array_equal(figure.axes[1].lines[0].get_ydata(), [row.evidence_fake for row in rows.values()])
    result.save(tmp_path)
    with (tmp_path / "robustness.csv").open() as file:
        assert [row["cannot_judge"] for row in csv.DictReader(file)][-1] == "13"
    other = calibrated(rough_detector(), np.linspace(0, 11, 500))
    with pytest.raises(ValueError, match="holds other work"):
        sweep_robustness(records, other, tmp_path / "out", sweeps=("resize",), resume=True)
