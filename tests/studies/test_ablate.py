"""From sources to a folder of ablations: the numbers of the table in JSON and figure, the same bytes again."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from pictures import picture, write

from freqforensics import figures
from freqforensics.studies.ablate import ablate_study
from freqforensics.training.recipe import TrainConfig

pytestmark = pytest.mark.usefixtures("bare_pdf")


@pytest.fixture
def config(tmp_path, rng) -> TrainConfig:
    for side in ("0_real", "1_fake"):
        for index in range(3):
            for name, size in (("train", 32), ("val", 32), ("test/crn", 64), ("test/progan", 64)):
                write(tmp_path / name / side / f"{index}.png", picture(rng, size, size))
    (tmp_path / "test" / "crn" / "1_fake" / "0.png").write_bytes(b"no image")
    sources = ((str(tmp_path / "train"),), (str(tmp_path / "val"),))
    return TrainConfig(*sources, crop=32, init="scratch", batch=6, epochs=1, seed=3)


def files(folder: Path) -> dict[str, bytes]:
    """Results, without those that tell the time."""
    paths = (path for path in folder.rglob("*.*") if path.suffix in (".png", ".pdf", ".csv"))
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths if path.name != "epochs.csv"}


@pytest.mark.long
def test_from_sources_to_a_folder(config, tmp_path, thin):
    options = {"test": [tmp_path / "test"], "axis": "band", "values": ["all", ":0.25"], "view": "none", "device": "cpu"}
    for name in ("one", "two"):
        study = ablate_study(config, tmp_path / name, **options)
        study.save(tmp_path / name, command="ablate")
    assert files(tmp_path / "one") == files(tmp_path / "two")
    assert {"ablation.png", "ablation.pdf", "ablation.csv"} < set(files(tmp_path / "one"))
    manifest = json.loads((tmp_path / "one" / "manifest.json").read_text())
    assert (manifest["command"], manifest["inputs"]["seeds"], manifest["inputs"]["crop"]) == ("ablate", [3], "none")
    with (tmp_path / "two" / "ablation.csv").open() as file:
        rows = [{name: str(value) for name, value in row.items()} for row in study.to_json()["rows"]]
        assert list(csv.DictReader(file)) == rows
    assert [Path(skipped.path).name for skipped in study.skipped] == ["0.png"]
    # The figure: a row for each value, a column for each generator, and the mean over generators.
    texts = [text.get_text() for text in figures.plot_ablation(study.ablation, fig=figures.new_figure()).axes[0].texts]
    aps = [row.ap for row in study.ablation.rows]
    assert [texts[0], texts[1], texts[3], texts[4]] == [f"{ap:.2f}" for ap in aps]
    assert float(texts[2]) == pytest.approx(np.mean(aps[:2]), abs=0.006)
    # Resumed, the trainings' own folder takes the same results again; another folder must be empty.
    with pytest.raises(ValueError, match="holds unfinished or finished work"):
        ablate_study(config, tmp_path / "two", **options)
    before = files(tmp_path / "two")
    ablate_study(config, tmp_path / "two", **options, resume=True).save(tmp_path / "two")
    assert files(tmp_path / "two") == before
    with pytest.raises(ValueError, match="is not empty"):
        study.save(tmp_path / "one")


@pytest.mark.long
def test_every_run_has_its_own_seed(config, tmp_path, thin):
    options = {"test": [tmp_path / "test"], "axis": "band", "values": ["0.25:"], "view": "none", "device": "cpu"}
    study = ablate_study(config, tmp_path / "out", **options, runs=2, limit=2)
    assert [(row.seed, row.generator) for row in study.ablation.rows] == [
        (3, "crn"), (3, "progan"), (4, "crn"), (4, "progan")
    ]  # fmt: skip
    with pytest.raises(ValueError, match="runs must be at least 1, got 0"):
        ablate_study(config, tmp_path / "none", **options, runs=0)
