"""Commands on weights and on methods without a network, and their tables: what a person sees without --json."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest
from command import run
from pictures import picture, write, write_tree

from freqforensics.cli.robustness import _print_robustness
from freqforensics.detector import load_detector
from freqforensics.evaluation.robustness import Robustness, RobustnessRow
from freqforensics.training.recipe import TrainConfig
from freqforensics.training.train import train_detector

pytestmark = pytest.mark.usefixtures("thin")


@pytest.fixture(scope="module")
def training(tmp_path_factory, thin):
    """A training from photographs, of a thin network and for one epoch."""
    source = np.random.default_rng(3)
    folder = tmp_path_factory.mktemp("training")
    for index in range(10):
        write(folder / "photos" / f"{index}.png", picture(source, 100, 110))
    config = TrainConfig(
        (str(folder / "photos"),), held_out=0.4, crop=64, simulate=("polyphase",), batch=4, input="residual",
        init="scratch", learning_rate=1e-3, epochs=1,
    )  # fmt: skip
    train_detector(config, folder / "run", device="cpu")
    return folder / "run"


def test_quantised_weights_are_smaller_and_score_about_the_same(training, tmp_path, rng):
    out = tmp_path / "small.safetensors"
    done = run("weights", "quantise", training / "detector.safetensors", "--out", out)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(rf"{re.escape(str(out))}: \d+\.\d MB\n", done.stdout)
    assert out.stat().st_size < 0.5 * (training / "detector.safetensors").stat().st_size
    images = [picture(rng, 64, 64) for _ in range(4)]
    before, after = (load_detector(path).logits(images) for path in (training / "detector.safetensors", out))
    assert np.abs(after - before).max() < 0.2 * max(1.0, np.abs(before).max())
    again = run("weights", "quantise", training / "detector.safetensors", "--out", out)
    assert (again.returncode, "--overwrite must be set to replace it" in again.stderr) == (2, True)


@pytest.mark.long
def test_a_training_is_packed_with_a_card(training, tmp_path):
    out = tmp_path / "mine.safetensors"
    words = ("weights", "pack", training, "--out", out, "--data", "own pictures", "--quiet")
    done = run(*words)
    assert (done.returncode, done.stderr) == (0, "")
    card = json.loads(out.with_suffix(".json").read_text(encoding="utf-8"))
    assert card["data"] == "own pictures"
    low, high = card["thresholds"]["inconclusive"]
    assert done.stdout.splitlines()[0].endswith(f"SHA-256 {card['sha256']}")
    assert f"AP on {card['calibration']['images']} images: {card['validation']['ap']:.4f}, in 8 bits" in done.stdout
    assert done.stdout.endswith(f"inconclusive from a logit of {low:+.2f} to {high:+.2f}\n")
    shown = json.loads(run(*words, "--overwrite", "--json").stdout)
    assert shown == json.loads(out.with_suffix(".json").read_text(encoding="utf-8"))
    for key in ("validation", "thresholds", "calibration"):
        assert shown[key] == card[key]
    for wrong in (("--baseline", "plain"), ("--baseline", "=folder")):
        refused = run(*words, "--overwrite", *wrong)
        assert (refused.returncode, refused.stderr) == (
            2,
            f"freqforensics: --baseline must be NAME=DIR, got {wrong[1]!r}\n",
        )


def test_a_card_is_completed_in_place(tmp_path):
    path = tmp_path / "card.json"
    path.write_text('{"name": "mine", "limits": "old"}', encoding="utf-8")
    done = run("weights", "card", path, "--limits", "small images", "--about", "A test.")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{path}: name, limits, about\n"
    card = json.loads(path.read_text(encoding="utf-8"))
    assert card == {"name": "mine", "limits": "small images", "about": "A test."}
    assert json.loads(run("weights", "card", path, "--json").stdout) == card
    path.write_text("[]", encoding="utf-8")
    assert run("weights", "card", path).returncode == 2


def test_weights_that_ship_are_verified():
    done = run("weights", "verify", "everyday")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"is what its model card says: SHA-256 [0-9a-f]{64}\n", done.stdout)


def test_the_table_of_robustness_names_the_least_and_counts_what_cannot_be_judged(capsys):
    def row(generator, value, ap, **more):
        return RobustnessRow("jpeg", value, generator, ap, 0.0, 1.0, 0.5, 6, 6, **more)

    rows = (row("biggan", 90, 0.9), row("crn", 90, 0.5), row("biggan", 30, math.nan, cannot_judge=3))
    _print_robustness(Robustness(rows, (), {}))
    head, _, first, second = (line.split() for line in capsys.readouterr().out.splitlines() if line.strip())
    assert head == ["sweep", "value", "mean", "AP", "least", "of", "generator", "cannot", "be", "judged"]
    assert first == ["jpeg", "90", "0.700", "0.500", "crn", "0"]
    assert second == ["jpeg", "30", "3"]
    _print_robustness(Robustness((row("crn", 90, 0.5, evidence_fake=0.25, evidence_real=0.0),), (), {}))
    assert capsys.readouterr().out.split()[-2:] == ["0.250", "0.000"]


@pytest.mark.long
def test_methods_without_a_network_are_evaluated(tmp_path, rng):
    write_tree(tmp_path / "set", rng, ("dcgan",), count=6, shape=(64, 64))
    for index in range(12):
        write(tmp_path / "photos" / f"{index}.png", picture(rng, 200, 210))
    done = run(
        "baselines", tmp_path / "set", "--photographs", tmp_path / "photos", "--out", tmp_path / "out", "--quiet"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^lattice-test\n.*dcgan.*^radial-profile\n.*dcgan", done.stdout, flags=re.M | re.S)
    assert (tmp_path / "out" / "manifest.json").exists()
