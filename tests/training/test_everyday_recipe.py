import json
from collections import Counter

import cv2
import numpy as np
import pytest

from freqforensics.detector import load_detector, save_detector
from freqforensics.detector.calibrated import open_detector
from freqforensics.detector.local import make_small_detector
from freqforensics.perturbations.carriers import CARRIERS
from freqforensics.sources.records import ImageRecord
from freqforensics.sources.sources import index_sources
from freqforensics.training.everyday import EverydayConfig
from freqforensics.training.everyday_data import WeightedSource
from freqforensics.training.everyday_recipe import PARTS, make_everyday, share_carriers
from freqforensics.training.model_card import complete_card


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("recipe")
    rng = np.random.default_rng(0)
    for folder, count in (("seen", 1), ("others", 5), ("pairs/net/0_real", 1), ("pairs/net/1_fake", 1)):
        (root / folder).mkdir(parents=True)
        for n in range(count):
            picture = cv2.GaussianBlur(rng.normal(128, 400, (160, 160, 3)), (0, 0), 6) + rng.normal(0, 4, (160, 160, 3))
            assert cv2.imwrite(str(root / folder / f"{n}.png"), picture.clip(0, 255).astype(np.uint8))
    for seed, (name, network) in enumerate(PARTS.items()):
        save_detector(make_small_detector(network, seed=seed).eval(), root / f"{name}.safetensors")
    return root


def config(tree):
    return EverydayConfig("local", (WeightedSource(str(tree / "seen")),), (WeightedSource(str(tree / "pairs")),))


def test_every_photograph_goes_through_as_many_carriers_and_all_carriers_are_used_alike():
    records = [ImageRecord(path=f"{n}.png", label="real", generator="g", category=None, split=None) for n in range(96)]
    shares = share_carriers(records, 4)
    assert len(shares["as-is"][1]) == 96
    assert set(shares) == {"as-is", *CARRIERS}
    each = Counter(record.path for name, (_, own) in shares.items() if name != "as-is" for record in own)
    assert set(each.values()) == {4}
    sizes = [len(own) for name, (_, own) in shares.items() if name != "as-is"]
    assert max(sizes) - min(sizes) <= 96 / len(CARRIERS)
    with pytest.raises(ValueError, match="each must lie between"):
        share_carriers(records, 99)


@pytest.mark.long
def test_the_recipe_fuses_and_calibrates(tree, tmp_path):
    trained = {name: tree / f"{name}.safetensors" for name in PARTS}
    made = make_everyday(config(tree), [tree / "others"], tmp_path, trained=trained, each=2, about="five pictures")
    photographs = list(index_sources([tree / "others"]))
    known = open_detector(tmp_path / "everyday.safetensors", calibration=tmp_path / "everyday.npz")
    assert known.calibration is not None
    as_is = [logit for logit, name in zip(known.calibration.logits, known.calibration.carriers, strict=True)
             if name == "as-is"]  # fmt: skip
    assert len(as_is) == len(photographs) == 5
    # Each part is on the common scale: the greatest of the parts' logits counts.
    fused = load_detector(tmp_path / "everyday.safetensors")
    image = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    for name, part in fused.parts.items():
        factor, offset = made.scales[name]
        plain = load_detector(trained[name]).logits([image])
        np.testing.assert_allclose(part.logits([image]), factor * plain + offset, rtol=0.05, atol=0.05 * factor)
    card = json.loads((tmp_path / "everyday.json").read_text())
    assert card["calibration"] == {"photographs": 5, "rows": len(known.calibration.logits), "about": "five pictures"}


def test_photographs_of_the_calibration_must_not_be_learnt_from(tree, tmp_path):
    trained = {name: tree / f"{name}.safetensors" for name in PARTS}
    with pytest.raises(ValueError, match="1 photographs of the calibration are trained on"):
        make_everyday(config(tree), [tree / "others", tree / "seen"], tmp_path, trained=trained)
    with pytest.raises(ValueError, match="parts must"):
        make_everyday(config(tree), [tree / "others"], tmp_path, parts=["other"])


def test_a_card_keeps_what_was_measured(tmp_path):
    (tmp_path / "card.json").write_text('{"name": "everyday", "limits": "old"}')
    (tmp_path / "evaluation").mkdir()
    row = {"generator": "gan", "way": "as-is", "ap": 0.123456, "evidence_fake": 0.5, "brier": 1}
    found = {"crop": "views", "photographs": None, "ways": {"as-is": {"mean_ap": 0.123456}}, "generators": [row]}
    (tmp_path / "evaluation/evaluation.json").write_text(json.dumps(found))
    (tmp_path / "alarms").mkdir()
    alarm = dict.fromkeys(("images", "evidence", "inconclusive", "cannot_judge", "evidence_rate"), 3)
    alarm |= {"source": "kodak", "carrier": "gif"}
    (tmp_path / "alarms/false_alarms.json").write_text(json.dumps({"rows": [alarm]}))
    (tmp_path / "runs.csv").write_text("run,steps\na,1\n")
    complete_card(
        tmp_path / "card.json",
        evaluations=[tmp_path / "evaluation"],
        false_alarms=[tmp_path / "alarms"],
        runs=tmp_path / "runs.csv",
        limits="new",
        data="",
    )
    card = json.loads((tmp_path / "card.json").read_text())
    assert card["detection"][0]["generators"][0]["ap"] == 0.1235
    assert "brier" not in card["detection"][0]["generators"][0]
    assert card["false_alarms"][0][0]["carrier"] == "gif"
    assert card["runs"] == [{"run": "a", "steps": "1"}]
    assert (card["limits"], "data" in card) == ("new", False)
