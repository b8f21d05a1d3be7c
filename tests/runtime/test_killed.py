"""kill -9 at random moments, three times each; what --resume ends with is what an undisturbed run ends with."""

from __future__ import annotations

import csv
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from pictures import picture, write
from safetensors.torch import load_file

from freqforensics.detector import make_detector, save_detector

pytestmark = pytest.mark.slow
TRAINING = [
    "--crop",
    "32",
    "--batch",
    "4",
    "--init",
    "scratch",
    "--held-out",
    "0.3",
    "--device",
    "cpu",
    "--learning-rate",
    "1e-3",
]


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    source = np.random.default_rng(8)
    folder = tmp_path_factory.mktemp("killed") / "set"
    for index in range(40):
        for side in ("0_real", "1_fake"):
            write(folder / side / f"{index}.png", picture(source, 40, 48))
    return folder


def call(*arguments: str, kill_after: float | None = None) -> float:
    """Run a command, to its end or until it is killed; return the seconds it took."""
    start = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "freqforensics", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        _, errors = process.communicate(timeout=kill_after)
        assert process.returncode == 0, errors
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
    return time.monotonic() - start


def disturbed(arguments: list[str], out: Path, whole_took: float, started: Path) -> int:
    """Kill a command three times at random moments of its work, then let it end; return how often there was a rest."""
    moments, interrupted = random.Random(str(out)), 0
    for _ in range(3):
        before = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "freqforensics", *map(str, arguments), "--resume"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        # From when it has begun to work: starting Python is not what is tested.
        while not started.exists() and process.poll() is None and time.monotonic() - before < 60:
            time.sleep(0.02)
        time.sleep(moments.uniform(0.0, 0.5) * whole_took)
        interrupted += process.poll() is None
        process.kill()
        process.wait()
    call(*arguments, "--resume")
    return interrupted


def rows(path: Path, *leave_out: str) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return [{k: v for k, v in row.items() if k not in leave_out} for row in csv.DictReader(file)]


def test_training(root, tmp_path):
    arguments = ["train", root, *TRAINING, "--epochs", "3", "--checkpoint-minutes", "0.005"]
    took = call(*arguments, "--out", tmp_path / "whole")
    out = tmp_path / "killed"
    assert disturbed([*arguments, "--out", out], out, took, out / "steps.csv") >= 2
    one, other = (load_file(tmp_path / name / "detector.safetensors") for name in ("whole", "killed"))
    assert all(torch.equal(one[name], other[name]) for name in one)
    for name in ("steps.csv", "epochs.csv"):
        assert rows(tmp_path / "whole" / name, "seconds") == rows(out / name, "seconds")
    assert not list(out.glob(".unfinished-*"))


def test_scoring(root, tmp_path):
    many = tmp_path / "many"
    for copy in range(3):
        shutil.copytree(root, many / f"set{copy}")
        # Other bytes, or they would be scored once.
        for path in (many / f"set{copy}").rglob("*.png"):
            path.write_bytes(path.read_bytes() + bytes(copy))
    save_detector(make_detector(seed=1), tmp_path / "weights.safetensors")
    arguments = ["score", many, "--weights", tmp_path / "weights.safetensors", "--batch", "1"]
    took = call(*arguments, "--out", tmp_path / "whole.csv")
    out = tmp_path / "killed.csv"
    assert disturbed([*arguments, "--out", out], out, took, out) >= 1
    one, other = (sorted(rows(tmp_path / name), key=lambda row: row["path"]) for name in ("whole.csv", "killed.csv"))
    assert len(one) == 240
    assert one == other


def test_an_ablation(root, tmp_path):
    arguments = [
        "ablate", root, "--test", root, "--limit", "6", "--view", "none", "--axis", "band", "--values", "all,0.25:",
        *TRAINING, "--epochs", "1", "--passes", "3",
    ]  # fmt: skip
    took = call(*arguments, "--out", tmp_path / "whole")
    out = tmp_path / "killed"
    assert disturbed([*arguments, "--out", out], out, took, out / "work.json") >= 2
    assert rows(tmp_path / "whole" / "ablation.csv") == rows(out / "ablation.csv")
    assert not list(out.rglob(".unfinished-*"))
    assert not list(out.rglob("*.safetensors"))
