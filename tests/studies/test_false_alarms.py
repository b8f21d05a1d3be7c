"""Wrong verdicts on photographs: counted against counting by hand, intervals against scipy's."""

from __future__ import annotations

import csv
import json
import math
import sys

import numpy as np
import pytest
import scipy.stats
from pictures import picture, write
from toys import calibrated, rough_detector

from freqforensics import figures
from freqforensics.cli import main
from freqforensics.detector import ScoreTable, score_files
from freqforensics.detector.score_table import Score
from freqforensics.evaluation import binomial_interval, count_false_alarms
from freqforensics.perturbations.carriers import CARRIERS
from freqforensics.studies import false_alarms as module
from freqforensics.studies.false_alarms import false_alarms_study

pytestmark = pytest.mark.usefixtures("bare_pdf")

VERDICTS = ("evidence", "inconclusive", "none", "cannot-judge")


def drawn(rng, sources, carriers):
    """Scores with verdicts at random."""
    tables = {}
    for carrier in carriers:
        rows = []
        for source, count in sources.items():
            for index in range(count):
                verdict = VERDICTS[rng.choice(4, p=[0.1, 0.2, 0.5, 0.2])]
                logit = math.nan if verdict == "cannot-judge" else float(rng.normal())
                path = f"{source}/{index}.png"
                rows.append(
                    Score(path, path, "real", source, "", logit, 0.5, "views", "w", "", verdict, 0.5, "0,0,9,9")
                )
        tables[carrier] = ScoreTable(tuple(rows), ())
    return tables


@pytest.mark.parametrize(("count", "trials"), [(0, 1), (0, 80), (1, 80), (3, 167), (80, 80), (40, 81)])
@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_intervals_are_those_of_clopper_and_pearson(count, trials, level):
    exact = scipy.stats.binomtest(count, trials).proportion_ci(level, method="exact")
    assert binomial_interval(count, trials, level=level) == pytest.approx((exact.low, exact.high), abs=1e-12)


def test_intervals_of_nothing_and_of_nonsense():
    assert binomial_interval(0, 0) == (0.0, 1.0)
    for count, trials in ((-1, 5), (6, 5)):
        with pytest.raises(ValueError, match="count must"):
            binomial_interval(count, trials)
    with pytest.raises(ValueError, match="level must"):
        binomial_interval(1, 5, level=1.0)


def test_verdicts_are_counted_by_source_and_carrier(rng):
    tables = drawn(rng, {"cameras": 40, "kodak": 24}, ["as-is", "webp"])
    found = count_false_alarms(tables, worst=7)
    assert found.sources == ("cameras", "kodak", "all sources")
    assert found.carriers == ("as-is", "webp")
    for source in found.sources:
        for carrier, table in tables.items():
            verdicts = [s.verdict for s in table.scores if source in (s.generator, "all sources")]
            row = found.row(source, carrier)
            assert row.images == len(verdicts) == {"cameras": 40, "kodak": 24, "all sources": 64}[source]
            for name, verdict in (("evidence",) * 2, ("inconclusive",) * 2, ("cannot_judge", "cannot-judge")):
                count = verdicts.count(verdict)
                assert getattr(row, name) == count
                assert getattr(row, f"{name}_rate") == count / len(verdicts)
                exact = scipy.stats.binomtest(count, len(verdicts)).proportion_ci(method="exact")
                low, high = (getattr(row, f"{name}_{end}") for end in ("low", "high"))
                assert (low, high) == pytest.approx((exact.low, exact.high), abs=1e-12)
    scores = [(score, carrier) for carrier, table in tables.items() for score in table.scores if score.judged]
    highest = sorted(scores, key=lambda pair: -pair[0].logit)[:7]
    assert [(one.path, one.carrier, one.logit) for one in found.worst] == [(s.path, c, s.logit) for s, c in highest]


def test_what_is_no_photograph_or_has_no_verdict(rng):
    (score,) = drawn(rng, {"a": 1}, ["as-is"])["as-is"].scores
    for change, said in (({"label": "fake"}, "is labelled fake"), ({"verdict": "", "crop": "none"}, "view 'none'")):
        table = ScoreTable((Score(**{**vars(score), **change}),), ())
        with pytest.raises(ValueError, match=said):
            count_false_alarms({"as-is": table})
    with pytest.raises(ValueError, match="there is no score of a photograph"):
        count_false_alarms({"as-is": ScoreTable((), ())})


def test_the_figure_shows_the_rates(rng):
    found = count_false_alarms(drawn(rng, {"cameras": 40, "kodak": 24}, ["as-is", "webp"]))
    ax = figures.plot_false_alarms(found, fig=figures.new_figure()).axes[0]
    shown = {text.get_position(): text.get_text() for text in ax.texts}
    for i, source in enumerate(found.sources):
        for j, carrier in enumerate(found.carriers):
            assert shown[j, i] == f"{100 * found.row(source, carrier).evidence_rate:.3g}"
    assert [label.get_text() for label in ax.get_yticklabels()] == ["cameras  (40)", "kodak  (24)", "all sources  (64)"]
    assert ax.images[0].get_clim() == (0, 20)


@pytest.fixture
def sources(tmp_path, rng):
    """Photographs of two collections, one of them beside fakes; one image is flat."""
    for index in range(3):
        write(tmp_path / "cameras" / f"{index}.png", picture(rng, 160, 200))
        write(tmp_path / "gan" / "0_real" / f"{index}.png", picture(rng, 160, 160))
        write(tmp_path / "gan" / "1_fake" / f"{index}.png", picture(rng, 160, 160))
    write(tmp_path / "cameras" / "flat.png", np.full((160, 160, 3), 128, np.uint8))
    return [tmp_path / "cameras", tmp_path / "gan"]


@pytest.fixture
def detector(monkeypatch):
    """All photographs that it is calibrated on are smooth: whatever it can judge is evidence."""
    made = calibrated(rough_detector(), np.zeros(500))
    monkeypatch.setattr(module, "open_detector", lambda *arguments, **options: made)
    return made


@pytest.mark.long
def test_from_sources_to_a_folder(sources, detector, tmp_path):
    out = tmp_path / "out"
    study = false_alarms_study(sources, carriers=["screenshot-photo", "as-is", "webp"], out=out)
    study.save(out)
    found = study.alarms
    assert "images labelled fake are not photographs, skipped: 3" in study.notes
    assert "images of unknown label, taken for photographs: 4" in study.notes
    assert found.carriers == ("as-is", "webp", "screenshot-photo")
    as_is = found.row("cameras", "as-is")
    assert (as_is.images, as_is.evidence, as_is.cannot_judge) == (4, 3, 1)
    assert found.row("gan", "as-is").evidence == 3
    names = {path.name for path in out.iterdir()}
    assert names == {
        "cells", "false_alarms.csv", "false_alarms.json", "false_alarms.pdf", "false_alarms.png", "manifest.json",
        "scores.csv", "work.json", "worst.csv",
    }  # fmt: skip
    with (out / "scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["carrier"] for row in rows] == ["as-is"] * 7 + ["webp"] * 7 + ["screenshot-photo"] * 7
    told = json.loads((out / "false_alarms.json").read_text())
    with (out / "false_alarms.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [float(row["evidence_high"]) for row in table] == [row["evidence_high"] for row in told["rows"]]
    # Carrier by carrier what score_files gives; what is drawn depends on the file alone.
    whole = score_files(found_records(sources), detector, perturb=CARRIERS["screenshot-photo"])
    assert [float(row["logit"]) for row in rows[14:]] == pytest.approx([s.logit for s in whole.scores], nan_ok=True)
    again = false_alarms_study(sources[::-1], carriers=["as-is", "webp", "screenshot-photo"], workers=3)
    assert again.alarms.rows == found.rows


def found_records(sources):
    from freqforensics.sources.sources import index_sources

    return [record for record in index_sources(sources) if record.label != "fake"]


def test_it_is_resumed_carrier_by_carrier(sources, detector, tmp_path, monkeypatch):
    out, asked = tmp_path / "out", []

    def counted(*arguments, perturb, **options):
        asked.append(perturb)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return score_files(*arguments, perturb=perturb, **options)

    monkeypatch.setattr(module, "score_files", counted)
    options = {"carriers": ["as-is", "webp", "grey"]}
    with pytest.raises(KeyboardInterrupt):
        false_alarms_study(sources, out=out, **options)
    with pytest.raises(ValueError, match="resume must be set"):
        false_alarms_study(sources, out=out, **options)
    resumed = false_alarms_study(sources, out=out, resume=True, **options).alarms
    assert asked == [None, CARRIERS["webp"], CARRIERS["webp"], CARRIERS["grey"]]
    whole = false_alarms_study(sources, **options).alarms
    assert (resumed.rows, resumed.worst) == (whole.rows, whole.worst)
    # By other photographs' scores verdicts are others.
    other = calibrated(rough_detector(), np.ones(500))
    monkeypatch.setattr(module, "open_detector", lambda *arguments, **given: other)
    with pytest.raises(ValueError, match=r"holds other work \(another calibration\)"):
        false_alarms_study(sources, out=out, resume=True, **options)


def test_files_that_cannot_be_scored_are_named(sources, detector, tmp_path):
    (sources[0] / "1.png").write_bytes(b"no image")
    for resume in (False, True):
        study = false_alarms_study(sources, carriers=["as-is", "webp"], out=tmp_path / "out", resume=resume)
        assert [path for path, _ in study.skipped] == [str(sources[0] / "1.png")]
        assert study.alarms.row("cameras", "webp").images == 3


def call(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["freqforensics", "false-alarms", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        main()
    return end.value.code or 0, capsys.readouterr()


@pytest.mark.long
def test_the_command_tells_the_same(sources, detector, tmp_path, monkeypatch, capsys):
    arguments = [*sources, "--carrier", "webp", "--carrier", "as-is", "--limit", 2]
    code, shown = call(monkeypatch, capsys, *arguments, "--out", tmp_path / "a", "--json")
    assert code == 0, shown.err
    told = json.loads(shown.out)
    assert [(row["source"], row["carrier"], row["images"]) for row in told["rows"]] == [
        (source, carrier, count)
        for source, count in (("cameras", 2), ("gan", 2), ("all sources", 4))
        for carrier in ("as-is", "webp")
    ]
    assert told["rows"] == json.loads((tmp_path / "a" / "false_alarms.json").read_text())["rows"]
    code, shown = call(monkeypatch, capsys, *arguments, "--out", tmp_path / "b")
    assert code == 0, shown.err
    assert "highest logits:" in shown.out
    assert shown.out.count("%") > 6 * 3


def test_bad_input_is_one_line(sources, tmp_path, monkeypatch, capsys):
    for arguments, line in (
        ([sources[0], "--carrier", "pigeon"], "carrier must be as-is, all or of"),
        ([sources[1] / "1_fake"], "there is no photograph in the sources"),
        ([tmp_path / "nowhere"], "no such file or folder"),
        ([sources[0], "--weights", "nobody"], "no weights at nobody"),
        ([sources[0], "--calibration", tmp_path / "none.npz"], "none.npz"),
    ):
        code, shown = call(monkeypatch, capsys, *arguments, "--out", tmp_path / "out")
        last = shown.err.strip().splitlines()[-1]
        assert code == 2
        assert last.startswith("freqforensics: ")
        assert line in last
        assert not (tmp_path / "out").exists()
