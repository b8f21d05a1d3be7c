"""What a study wrote, read again: it writes the same."""

from __future__ import annotations

import json

import numpy as np
import pytest
from pictures import write

import freqforensics as ff
from freqforensics.detector.calibration import Calibration
from freqforensics.detector.score_table import Score, ScoreTable
from freqforensics.evaluation import evaluate_tables
from freqforensics.evaluation.false_alarms import count_false_alarms
from freqforensics.evaluation.robustness import Robustness, RobustnessRow
from freqforensics.regions.kinds import ImageKind
from freqforensics.spectra.population import shipped_population
from freqforensics.studies.spectrum import spectrum_study
from freqforensics.training.ablation import Ablation, AblationRow
from freqforensics.training.baselines import LATTICE, PROFILE

pytestmark = pytest.mark.usefixtures("bare_pdf")

RNG = np.random.default_rng(0)


def scores(view="views"):
    verdicts = ("none", "evidence", "inconclusive")
    return tuple(
        Score(
            f"=a, {n}", "0" * 64, "real", f"camera {n % 2}", "", float(RNG.normal()), 0.5, view, "1" * 64, "",
            verdicts[n % 3],
        )
        for n in range(9)
    )  # fmt: skip


def spectrum(folder):
    for label, side in (("0_real", 48), ("1_fake", 48)):
        for number in range(3):
            write(folder / "gan" / label / f"{number}.png", RNG.integers(0, 256, (side, side, 3), np.uint8))
    write(folder / "small" / "1_fake" / "0.png", RNG.integers(0, 256, (20, 20, 3), np.uint8))
    return spectrum_study([folder], spec=ff.SpectrumSpec(size=32), limit=3, seed=1)


def robustness(folder):
    rows = (RobustnessRow("jpeg", 90.0, "gan", 0.9, 0.8, 0.95, 0.7, 5, 6, 1, float("nan"), 0.1),)
    work = {"weights": "0" * 64, "sweeps": ["jpeg"], "threshold": None}
    return ff.RobustnessStudy(Robustness(rows, (), work, miniatures=True), ())


def ablation(folder):
    rows = (AblationRow("64", 3, "gan", 0.9, 0.8, 0.7, 0.6, 0.5, 10, 12),)
    return ff.AblationStudy(Ablation("classes", rows, (), {"axis": "classes", "images": "0"}), folder, ())


def alarms(folder):
    tables = {"as-is": ScoreTable(scores(), ()), "messenger": ScoreTable(scores(), ())}
    work = {"weights": "0" * 64, "calibration": None, "images": "1" * 64, "carriers": list(tables)}
    counted = count_false_alarms(tables, failures=(("b.png", "no image"),), work={**work, "verdicts_from": "mine"})
    return ff.FalseAlarmsStudy(counted, (), {"limit": None}, work)


def baselines(folder):
    rows = [
        Score(f"{n}.png", "0" * 64, "real" if n % 2 else "fake", "gan", "", n / 9, 0.5, "none", "1" * 64, "")
        for n in range(24)
    ]
    tables = {name: ScoreTable(tuple(rows), ()) for name in (LATTICE, PROFILE)}
    evaluations = {name: evaluate_tables([table]) for name, table in tables.items()}
    return ff.BaselinesStudy(evaluations, tables, 40, (), {"crop": None, "limit": 12}, 3)


FOLDERS = {
    "baselines": baselines,
    "spectrum": spectrum,
    "robustness": robustness,
    "ablation": ablation,
    "false alarms": alarms,
}


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.long
@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_read_again_is_written_the_same(name, tmp_path):
    study = FOLDERS[name](tmp_path / "images")
    study.save(tmp_path / "first")
    again = type(study).load(tmp_path / "first")
    again.save(tmp_path / "second")
    before, after = files(tmp_path / "first"), files(tmp_path / "second")
    assert before.keys() == after.keys()
    different = [file for file in before if before[file] != after[file]]
    # Of a group without images the counts of skipped files are only in the table.
    assert different == (["summary.csv"] if name == "spectrum" else [])
    assert "data:image/png" in again._repr_html_()


@pytest.mark.long
def test_spectra_read_again_are_the_same(tmp_path):
    study = spectrum(tmp_path / "images")
    study.save(tmp_path / "results")
    again = ff.SpectrumStudy.load(tmp_path / "results")
    assert again.to_json()["groups"][:2] == study.to_json()["groups"][:2]
    assert list(again.spectra) == list(study.spectra)
    assert (again.spec, again.lines, again.parameters, again.seed) == (study.spec, study.lines, study.parameters, 1)


@pytest.mark.parametrize("name", ["robustness", "ablation", "baselines"])
def test_whether_images_are_simulated_is_stored_or_asked_for(name, tmp_path):
    study = FOLDERS[name](tmp_path / "images")
    study.save(tmp_path / "results")
    for given in (None, True, False):
        again = type(study).load(tmp_path / "results", miniatures=given)
        results = again.evaluations.values() if name == "baselines" else [getattr(again, name)]
        expected = name == "robustness" if given is None else given
        assert [result.miniatures for result in results] == [expected] * len(results)
    if name == "baselines":
        return
    # A folder of an earlier version does not say.
    about = json.loads((tmp_path / "results" / "manifest.json").read_text())
    del about["inputs"]["miniatures"]
    (tmp_path / "results" / "manifest.json").write_text(json.dumps(about))
    with pytest.raises(ValueError, match=r"^miniatures must be True or False, because the folder does not say it"):
        type(study).load(tmp_path / "results")
    assert getattr(type(study).load(tmp_path / "results", miniatures=True), name).work == getattr(study, name).work


def test_false_alarms_read_again_are_the_same(tmp_path):
    study = alarms(tmp_path)
    study.save(tmp_path / "results")
    again = ff.FalseAlarmsStudy.load(tmp_path / "results")
    assert again.to_json() == study.to_json()
    assert again.skipped == study.skipped
    assert repr(again.alarms.tables["messenger"].scores) == repr(study.alarms.tables["messenger"].scores)


def test_files_are_read_again(tmp_path):
    kinds = (ImageKind("lossless", "", "", "small"),) * 3
    calibration = Calibration(np.arange(3, dtype=np.float32), kinds, ("as-is",) * 3, ("mine",) * 3, "0" * 64)
    ff.CalibrationStudy(calibration, (), ()).save(tmp_path / "scores.npz")
    again = ff.CalibrationStudy.load(tmp_path / "scores.npz")
    assert again.calibration.kinds == kinds
    assert "data:image/png" in again._repr_html_()
    ff.PopulationStudy(shipped_population(), (), ()).save(tmp_path / "population.npz")
    population = ff.PopulationStudy.load(tmp_path / "population.npz")
    assert population.population.names == shipped_population().names
    assert "data:image/png" in population._repr_html_()
    table = ff.ScoreStudy(ScoreTable(scores(), ()), "mine", ())
    table.save(tmp_path / "scores.csv")
    assert ff.ScoreStudy.load(tmp_path / "scores.csv").groups() == table.groups()
    assert "data:image/png" in table._repr_html_()


@pytest.mark.parametrize("study", [ff.SpectrumStudy, ff.RobustnessStudy, ff.AblationStudy, ff.FalseAlarmsStudy])
def test_other_folders_are_refused(study, tmp_path):
    with pytest.raises(ValueError, match=r"^folder must hold a result with its manifest\.json, got "):
        study.load(tmp_path)
    (tmp_path / "manifest.json").write_text(json.dumps({"freqforensics": "0", "inputs": {}, "parameters": {}}))
    with pytest.raises(ValueError, match=r"^folder must hold a result of this kind, got .*, without "):
        study.load(tmp_path)
    for name in ("summary.csv", "robustness.csv", "ablation.csv", "false_alarms.json", "scores.csv"):
        (tmp_path / name).write_text("nonsense\n")
    with pytest.raises(ValueError, match=r" holds no result that can be read: "):
        study.load(tmp_path)
