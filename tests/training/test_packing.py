from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
from pictures import picture, write

from freqforensics.detector import load_detector
from freqforensics.spectra import Band
from freqforensics.training.packing import pack_training
from freqforensics.training.recipe import TrainConfig
from freqforensics.training.train import train_detector


@pytest.fixture(scope="module")
def run(tmp_path_factory, thin):
    source = np.random.default_rng(3)
    folder = tmp_path_factory.mktemp("packing")
    for index in range(10):
        write(folder / "photos" / f"{index}.png", picture(source, 260, 270))
    config = TrainConfig(
        (str(folder / "photos"),), held_out=0.4, crop=64, simulate=("polyphase",), ranking=1.0, batch=4,
        input="coherence", early_down=2, init="identity", learning_rate=1e-3, epochs=1,
    )  # fmt: skip
    train_detector(config, folder / "run", device="cpu")
    return folder / "run"


def test_a_configuration_comes_back_from_json():
    config = TrainConfig(("a", "b"), classes=("x",), band=Band(0.1, 0.3), simulate=("polyphase",), align=())
    assert TrainConfig.from_json(json.loads(json.dumps(config.to_json()))) == config
    with pytest.raises(TypeError):
        TrainConfig.from_json({"sources": ["a"], "unknown": 1})


@pytest.mark.long
def test_packed_weights_are_calibrated_and_described(run, tmp_path, rng):
    (tmp_path / "evaluation").mkdir()
    row = {"generator": "g", "ap": 0.75, "ap_low": 0.7, "ap_high": 0.8, "tpr_at_5": 0.5, "brier": 0.2}
    found = {"crop": "none", "mean_ap": 0.75, "generators": [row]}
    (tmp_path / "evaluation" / "evaluation.json").write_text(json.dumps(found))
    out = tmp_path / "mine.safetensors"
    folder = tmp_path / "evaluation"
    (tmp_path / "runs.csv").write_text("run,steps\na,100\nb,200\n")
    card = pack_training(
        run, out, evaluations=[folder], baselines=[("plain", folder), ("plain", folder)], runs=tmp_path / "runs.csv",
        data="own pictures", limits="all",
    )  # fmt: skip
    assert (card["data"], card["limits"]) == ("own pictures", "all")
    assert card == json.loads(out.with_suffix(".json").read_text())
    assert card["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    assert card["measured"] == [
        {"crop": "none", "mean_ap": 0.75, "generators": [{k: row[k] for k in row if k != "brier"}]}
    ]
    assert card["baselines"] == {"plain": card["measured"][0]["generators"] * 2}
    assert card["runs"] == [{"run": "a", "steps": "100"}, {"run": "b", "steps": "200"}]
    assert card["training"]["parameters"]["sources"] == ["photos"]
    low, high = card["thresholds"]["inconclusive"]
    assert low <= high
    # The logit of before, times the factor, plus the offset; but for the rounding.
    before, after = load_detector(run / "detector.safetensors"), load_detector(out)
    images = [picture(rng, 96, 96) for _ in range(8)]
    calibration = card["calibration"]
    expected = calibration["factor"] * before.logits(images) + calibration["offset"]
    assert np.abs(after.logits(images) - expected).max() < 0.2 * max(1.0, np.ptp(expected))
    assert card["validation"]["greatest_change_of_a_logit"] < 0.5
    assert card["calibration"]["images"] % 6 == 0
    with pytest.raises(ValueError, match="overwrite must be set"):
        pack_training(run, out)
    again = pack_training(run, out, overwrite=True)
    assert [again[key] for key in ("calibration", "thresholds", "validation")] == [
        card[key] for key in ("calibration", "thresholds", "validation")
    ]


@pytest.mark.long
def test_what_cannot_be_packed(run, tmp_path):
    (tmp_path / "runs.csv").write_text("run,steps\na\n")
    with pytest.raises(ValueError, match="not a table of runs"):
        pack_training(run, tmp_path / "x.safetensors", runs=tmp_path / "runs.csv")
    with pytest.raises(FileNotFoundError):
        pack_training(tmp_path, tmp_path / "x.safetensors")
    about = json.loads((run / "manifest.json").read_text())
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "detector.safetensors").write_bytes((run / "detector.safetensors").read_bytes())
    with pytest.raises(ValueError, match="holds no training"):
        pack_training(tmp_path / "other", tmp_path / "x.safetensors")
    about["parameters"] |= {"simulate": [], "ranking": 0.0}
    (tmp_path / "other" / "manifest.json").write_text(json.dumps(about))
    with pytest.raises(ValueError, match="is not a training from photographs"):
        pack_training(tmp_path / "other", tmp_path / "x.safetensors")
    about["parameters"] |= {"simulate": ["polyphase"], "validation": ["elsewhere"]}
    (tmp_path / "other" / "manifest.json").write_text(json.dumps(about))
    with pytest.raises(ValueError, match="was validated on other images"):
        pack_training(tmp_path / "other", tmp_path / "x.safetensors")
