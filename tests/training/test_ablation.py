"""Ablations: what is varied, and what is trained for it; against averages computed by others."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from pictures import picture, write
from sklearn.metrics import average_precision_score

from freqforensics.detector import ScoreTable
from freqforensics.sources.sources import index_images
from freqforensics.spectra import Band
from freqforensics.training import ablation
from freqforensics.training.ablation import Ablation, AblationRow, run_ablation
from freqforensics.training.recipe import TrainConfig


@pytest.fixture
def records(tmp_path, rng):
    for generator in ("crn", "progan"):
        for index in range(3):
            for side in ("0_real", "1_fake"):
                write(tmp_path / "data" / generator / side / f"{index}.png", picture(rng, 64, 64))
    return index_images(tmp_path / "data")


@pytest.fixture
def config(records, tmp_path, rng) -> TrainConfig:
    for category in ("cat", "dog", "cow"):
        for index in range(6 if category == "cow" else 3):
            for side in ("0_real", "1_fake"):
                write(tmp_path / "train" / category / side / f"{index}.png", picture(rng, 32, 32))
    return TrainConfig(
        (str(tmp_path / "train"),), (str(tmp_path / "data"),), crop=32, init="scratch", batch=6, epochs=1
    )


def test_an_ablation_varies_one_thing(config):
    recipes = ablation._configs(config, "recipe", None)
    assert (
        [c.recipe for c in recipes.values()]
        == list(recipes)
        == ["no-aug", "blur", "jpeg", "blur+jpeg-0.5", "blur+jpeg-0.1"]
    )
    bands = ablation._configs(config, "band", ["all", "0.25:"])
    assert bands["all"].band is None
    assert bands["0.25:"].band.low == 0.25
    # Equal numbers of steps: one category has half as many images as the two others together have, or a quarter.
    classes = ablation._configs(config, "classes", None)
    assert {value: c.classes for value, c in classes.items()} == {"1": 1, "2": 2}
    with pytest.raises(ValueError, match="values must be numbers of classes from 1 to 3, got 4"):
        ablation._configs(config, "classes", ["4"])
    by_number = ablation._configs(config, "classes", ["1", "2", "3"])
    assert [c.passes for c in by_number.values()] == [4, 1, 1]
    with pytest.raises(ValueError, match="band must be LOW:HIGH"):
        ablation._configs(config, "band", ["high"])


def test_every_named_start_can_be_ablated(config, tmp_path):
    """ "identity" is a start by name as "scratch" is: no file is looked for."""
    for init in ("imagenet", "scratch", "identity"):
        assert ablation._init_sha256(replace(config, init=init)) is None
    (tmp_path / "w.pth").write_bytes(b"weights")
    digest = ablation._init_sha256(replace(config, init=str(tmp_path / "w.pth")))
    assert digest == hashlib.sha256(b"weights").hexdigest()


@pytest.mark.long
def test_an_ablation_ends_in_a_table(config, records, tmp_path, thin):
    options = {"axis": "band", "values": ["all", ":0.25"], "seeds": (0, 1), "view": "none", "device": "cpu"}
    result = run_ablation(config, records, tmp_path / "out", **options)
    assert [(row.value, row.seed, row.generator) for row in result.rows] == [
        (value, seed, generator) for value in ("all", ":0.25") for seed in (0, 1) for generator in ("crn", "progan")
    ]
    assert not list((tmp_path / "out").rglob("*.ckpt"))
    cell = tmp_path / "out" / "cells" / "to0.25-seed1"
    scores = ScoreTable.load(cell / "scores.csv")
    progan = [score for score in scores.scores if score.generator == "progan"]
    fake, logits = ([score.label == "fake" for score in progan], [score.logit for score in progan])
    assert result.rows[-1].ap == pytest.approx(average_precision_score(fake, logits))
    again = run_ablation(config, records, tmp_path / "out", **options, resume=True)
    assert again == result
    # Cells of other training images are not taken for these.
    write(tmp_path / "train" / "cat" / "0_real" / "0.png", picture(np.random.default_rng(9), 64, 64))
    with pytest.raises(ValueError, match=r"holds other work \(another images\)"):
        run_ablation(config, records, tmp_path / "out", **options, resume=True)
    with pytest.raises(ValueError, match="axis must be one of recipe, classes, band; got 'size'"):
        run_ablation(config, records, tmp_path / "x", axis="size")
    with pytest.raises(ValueError, match="seeds must not be empty"):
        run_ablation(config, records, tmp_path / "x", axis="band", seeds=())
    with pytest.raises(ValueError, match="band must not be set where it is varied"):
        run_ablation(replace(config, band=Band(0.25, 0.5)), records, tmp_path / "x", axis="band")


def test_an_ablations_table_of_before_is_read(tmp_path):
    row = AblationRow("blur", 0, "crn", 0.75, 0.5, 1.0, 0.625, 0.875, 12, 3)
    Ablation("recipe", (row,), (), {}).save(tmp_path)
    assert Ablation.load(tmp_path / "ablation.csv", axis="recipe").rows == (row,)
    lines = (tmp_path / "ablation.csv").read_text().splitlines()
    assert lines[0].endswith(",cannot_judge")
    (tmp_path / "before.csv").write_text("\n".join(line.rpartition(",")[0] for line in lines) + "\n")
    assert Ablation.load(tmp_path / "before.csv", axis="recipe").rows == (replace(row, cannot_judge=0),)
