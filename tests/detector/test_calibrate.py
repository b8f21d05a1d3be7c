"""From photographs to a calibration: each row is what `score_files` would judge by, and is read back by it."""

from __future__ import annotations

import json
import shutil
import sys

import numpy as np
import pytest
from pictures import encoded, picture, write
from toys import calibrated, rough_detector

from freqforensics.cli import main
from freqforensics.detector import (
    calibration as calibration_module,
    make_detector,
    save_detector,
    score_files,
    verdict as verdict_module,
)
from freqforensics.detector.calibrate import (
    calibrate_photographs,
    chosen_carriers,
    kind_of_score,
    left_out_evidence,
)
from freqforensics.detector.calibrated import known_detector, open_detector
from freqforensics.detector.calibration import Calibration, calibration_sha256
from freqforensics.perturbations import JPEG, Chain, Resize, WebP
from freqforensics.perturbations.carriers import CARRIERS
from freqforensics.regions.kinds import ImageKind
from freqforensics.sources.sources import index_images, index_sources
from freqforensics.studies.population import calibration_study


@pytest.fixture
def photographs(tmp_path, rng):
    folder = tmp_path / "cameras"
    folder.mkdir()
    for index, quality in enumerate((60, 80, 95)):
        (folder / f"{index}.jpg").write_bytes(encoded(picture(rng, 260, 300), "JPEG", quality=quality))
    write(folder / "3.png", picture(rng, 700, 640))
    write(folder / "flat.png", np.full((200, 200, 3), 90, np.uint8))
    shutil.copy(folder / "3.png", folder / "4.png")
    return folder


def test_carriers_are_chosen_by_name():
    assert list(chosen_carriers(["webp", "as-is", "messenger"])) == ["as-is", "messenger", "webp"]
    assert chosen_carriers(["all"]) == CARRIERS
    assert list(chosen_carriers(["as-is", "all", "gif"])) == ["as-is", *CARRIERS]
    for names in ([], ["pigeon"]):
        with pytest.raises(ValueError, match="carrier must"):
            chosen_carriers(names)


def test_a_row_for_each_photograph_and_carrier(photographs):
    records = index_sources([f"mine={photographs}"])
    carriers = {"as-is": None, "small": Chain((Resize(0.5, "area"), JPEG(80, "4:4:4"))), "webp": WebP(80)}
    made, failures = calibrate_photographs(records, known_detector(rough_detector()), carriers=carriers, about="mine")
    assert not failures
    # The flat one cannot be judged, and two files are the same.
    assert made.carriers == ("as-is",) * 4 + ("small",) * 4 + ("webp",) * 4
    assert set(made.collections) == {"mine"}
    kinds = made.kinds
    assert [str(kind) for kind in kinds[:4]] == [
        "JPEG 4:2:0, low quality, medium", "JPEG 4:2:0, medium quality, medium", "JPEG 4:2:0, high quality, medium",
        "lossless, large",
    ]  # fmt: skip
    assert set(kinds[4:7]) == {ImageKind("JPEG", "4:4:4", "medium", "small")}
    assert set(kinds[8:]) == {ImageKind("WebP", size="medium"), ImageKind("WebP", size="large")}
    for start, carrier in ((0, None), (4, carriers["small"]), (8, carriers["webp"])):
        table = score_files(records, rough_detector(), perturb=carrier)
        judged = [score for score in table.scores if score.judged][:4]
        np.testing.assert_allclose(made.logits[start : start + 4], [score.logit for score in judged], rtol=1e-5)


def test_kinds_are_those_that_verdicts_go_by(photographs, rng):
    """Photographs of the one kind score high, those of the other low: rates show which was compared with."""
    detector = rough_detector()
    low, high = (
        calibrated(detector, np.zeros(300), ImageKind("JPEG", "4:2:0", "low", "medium")),
        calibrated(detector, np.full(300, 1e3), ImageKind("JPEG", "4:2:0", "high", "medium")),
    )
    merged = known_detector(detector, calibration=low.calibration.merged(high.calibration))
    for carrier in (None, JPEG((60, 70)), WebP(80)):
        for score in score_files(index_images(photographs), merged, perturb=carrier).scores:
            if score.judged:
                _, rate = merged.judge(score.logit, kind_of_score(score, carrier))
                assert score.rate == rate.rate
    with pytest.raises(ValueError, match="score must have a region"):
        kind_of_score(score_files(index_images(photographs), detector, view="center").scores[0])


@pytest.mark.long
def test_it_is_written_and_read_where_verdicts_are_given(photographs, tmp_path, monkeypatch, thin):
    monkeypatch.setattr(calibration_module, "FEWEST", 3)
    weights = tmp_path / "weights.safetensors"
    save_detector(make_detector(seed=1), weights)
    study = calibration_study([photographs], weights=weights, carriers=["as-is", "web"], about="six of mine")
    assert (study.calibration.about, study.notes, study.skipped) == ("six of mine", (), ())
    assert study.to_json()["carriers"] == {"as-is": 4, "web": 4}
    study.save(tmp_path / "mine.npz")
    with pytest.raises(ValueError, match=r"mine\.npz exists"):
        study.save(tmp_path / "mine.npz")
    assert calibration_sha256(Calibration.load(tmp_path / "mine.npz")) == calibration_sha256(study.calibration)
    opened = open_detector(weights, calibration=tmp_path / "mine.npz")
    table = score_files(index_images(photographs), opened)
    judged = [score for score in table.scores if score.judged]
    for score in judged:
        members, _ = opened.calibration.of_kind(kind_of_score(score))
        # Batches change logits in the last digits: a photograph may or may not be counted as scoring as high as itself.
        above = (members >= score.logit - 1e-4).sum(), (members >= score.logit + 1e-4).sum()
        assert (above[1] + 1) / (len(members) + 1) <= score.rate <= (above[0] + 1) / (len(members) + 1)
    other = tmp_path / "other.safetensors"
    save_detector(make_detector(seed=2), other)
    with pytest.raises(ValueError, match="the calibration is of other weights"):
        open_detector(other, calibration=tmp_path / "mine.npz")


def test_the_hash_is_of_what_verdicts_follow_from(photographs):
    one = calibrated(rough_detector(), [1.0, 2.0]).calibration
    assert calibration_sha256(None) is None
    assert calibration_sha256(one) == calibration_sha256(calibrated(rough_detector(), [1.0, 2.0]).calibration)
    assert calibration_sha256(one) != calibration_sha256(calibrated(rough_detector(), [1.0, 2.5]).calibration)
    other = calibrated(rough_detector(), [1.0, 2.0], ImageKind("WebP")).calibration
    assert calibration_sha256(one) != calibration_sha256(other)


def test_nothing_to_calibrate_on(photographs, tmp_path, rng):
    write(tmp_path / "gan" / "1_fake" / "0.png", picture(rng, 100, 100))
    detector = known_detector(rough_detector())
    with pytest.raises(ValueError, match="records must"):
        calibrate_photographs(index_images(tmp_path / "gan"), detector)
    flat = [record for record in index_images(photographs) if record.path.name == "flat.png"]
    with pytest.raises(ValueError, match="none of 1 photographs can be judged"):
        calibrate_photographs(flat, detector)
    records = index_images(photographs)
    (photographs / "0.jpg").write_bytes(b"no image")
    made, failures = calibrate_photographs(records, detector, carriers={"as-is": None, "webp": WebP(80)})
    assert len(made.logits) == 6
    assert [reason.startswith("webp: ") for _, reason in failures] == [False, True]


def call(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["freqforensics", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        main()
    return end.value.code or 0, capsys.readouterr()


@pytest.mark.long
def test_the_command_writes_what_score_reads(photographs, tmp_path, monkeypatch, capsys):
    file = tmp_path / "mine.npz"
    code, shown = call(
        monkeypatch, capsys, "population", photographs, "--calibration-out", file, "--carrier", "web", "--json"
    )
    assert code == 0, shown.err
    told = json.loads(shown.out)["calibration"]
    assert (told["scores"], told["carriers"]) == (4, {"web": 4})
    assert sum(told["kinds"].values()) == 4
    assert "no kind has 300 scores" in shown.err
    code, shown = call(
        monkeypatch, capsys, "score", photographs, "--calibration", file, "--out", tmp_path / "scores.csv", "--json"
    )
    assert code == 0, shown.err
    ships = len(open_detector("everyday").calibration.logits)
    assert f"{ships + 4} photographs" in json.loads(shown.out)["verdicts_from"]
    for arguments, line in (
        (["population", photographs], "give --out FILE, --calibration-out FILE or both"),
        (["population", photographs, "--calibration-out", file], "exists: --overwrite must be set"),
        (["population", photographs, "--calibration-out", tmp_path / "b", "--carrier", "pigeon"], "--carrier must be"),
        (
            ["score", photographs, "--calibration", photographs / "3.png", "--out", tmp_path / "b"],
            "holds no calibration",
        ),
    ):
        code, shown = call(monkeypatch, capsys, *arguments)
        last = shown.err.strip().splitlines()[-1]
        assert code == 2
        assert last.startswith("freqforensics: ")
        assert line in last


def test_a_collection_left_out_is_judged_by_the_others(rng):
    kinds = (ImageKind("JPEG", "4:2:0", "75-90", "M"),)
    logits = np.concatenate([rng.normal(size=400), rng.normal(size=300) + 3]).astype(np.float32)
    collections = ("low",) * 400 + ("high",) * 300
    own = Calibration(logits, kinds * 700, ("as-is",) * 700, collections, "w")
    counts = left_out_evidence(own)
    assert {key: total for key, (_, total) in counts.items()} == {("low", "as-is"): 400, ("high", "as-is"): 300}
    assert counts["low", "as-is"][0] == 0
    rest = Calibration(logits[:400], kinds * 400, ("as-is",) * 400, collections[:400], "w")
    expected = sum(rest.rate(float(logit), kinds[0]).verdict == "evidence" for logit in logits[400:])
    assert counts["high", "as-is"] == (expected, 300)
    assert expected > 100
    with pytest.raises(ValueError, match="none would be left"):
        left_out_evidence(rest)


@pytest.mark.long
def test_the_margin_is_the_least_that_collections_left_out_allow(monkeypatch):
    calibration = open_detector("everyday").calibration

    def holds(margin):
        monkeypatch.setattr(calibration_module, "MARGIN", margin)
        counts = left_out_evidence(calibration)
        return all(
            evidence <= (0.02 if carrier == "as-is" else 0.03) * photographs
            for (_, carrier), (evidence, photographs) in counts.items()
            if carrier == "as-is" or photographs >= 40
        )

    chosen = verdict_module.MARGIN
    assert [holds(round(0.1 * step, 1)) for step in range(round(10 * chosen) + 1)] == [False] * round(10 * chosen) + [
        True
    ]
