"""kill -9 at random moments, three times each; what --resume ends with is what an undisturbed run ends with."""

from __future__ import annotations

import contextlib
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
from pictures import write_tree
from safetensors.torch import load_file

from freqforensics.detector import make_detector, save_detector

pytestmark = pytest.mark.slow
TRAINING = [
    "--crop", "32", "--batch", "4", "--init", "scratch", "--held-out", "0.3", "--device", "cpu",
    "--learning-rate", "1e-3",
]  # fmt: skip


IMAGES = 16
PROGRAM = ["-m", "freqforensics"]
THIN_PROGRAM = [str(Path(__file__).parents[1] / "thin_program.py")]


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("killed") / "set"
    return write_tree(folder, np.random.default_rng(8), count=IMAGES, shape=(40, 48))


def state(out: Path) -> list[tuple[Path, int, int]]:
    """What lies at a place: its files, when they were changed, their sizes."""
    files = []
    for path in [out, *out.rglob("*")]:
        with contextlib.suppress(FileNotFoundError):
            about = path.stat()
            files.append((path, about.st_mtime_ns, about.st_size))
    return sorted(files)


def begin(program: list[str], arguments: list[object], out: Path) -> subprocess.Popen[str]:
    """Start a command, and return when it has begun to work: starting Python is not what is tested."""
    before, limit = state(out), time.monotonic() + 60
    process = subprocess.Popen(
        [sys.executable, *program, *map(str, arguments), "--out", str(out)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    while state(out) == before and process.poll() is None and time.monotonic() < limit:
        time.sleep(0.02)
    return process


def undisturbed(program: list[str], arguments: list[object], out: Path) -> float:
    """Run a command to its end; return the seconds for which it worked."""
    process = begin(program, arguments, out)
    start = time.monotonic()
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return time.monotonic() - start


def disturbed(program: list[str], arguments: list[object], out: Path, worked: float) -> int:
    """Kill a command three times at random moments of its work, then let it end; return how often there was a rest."""
    moments, interrupted = random.Random(str(out)), 0
    for _ in range(3):
        process = begin(program, [*arguments, "--resume"], out)
        time.sleep(moments.uniform(0.0, 0.5) * worked)
        interrupted += process.poll() is None
        process.kill()
        process.communicate()
    undisturbed(program, [*arguments, "--resume"], out)
    return interrupted


PACE = ("seconds", "images_per_second", "in_network")
"""Columns that depend on the machine."""


def rows(path: Path, *leave_out: str) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return [{k: v for k, v in row.items() if k not in leave_out} for row in csv.DictReader(file)]


def test_training(root, tmp_path):
    """With the network itself, whose checkpoints take long enough to be interrupted."""
    arguments = ["train", root, *TRAINING, "--epochs", "2", "--checkpoint-minutes", "0.005"]
    whole, out = tmp_path / "whole", tmp_path / "killed"
    worked = undisturbed(PROGRAM, arguments, whole)
    assert disturbed(PROGRAM, arguments, out, worked) >= 2
    one, other = (load_file(folder / "detector.safetensors") for folder in (whole, out))
    assert all(torch.equal(one[name], other[name]) for name in one)
    for name in ("steps.csv", "epochs.csv"):
        assert rows(whole / name, *PACE) == rows(out / name, *PACE)
    assert not list(out.glob(".unfinished-*"))


def test_scoring(root, tmp_path):
    many = tmp_path / "many"
    for copy in range(8):
        shutil.copytree(root, many / f"set{copy}")
        # Other bytes, or they would be scored once.
        for path in (many / f"set{copy}").rglob("*.png"):
            path.write_bytes(path.read_bytes() + bytes(copy))
    save_detector(make_detector(seed=1), tmp_path / "weights.safetensors")
    arguments = ["score", many, "--weights", tmp_path / "weights.safetensors", "--batch", "1"]
    whole, out = tmp_path / "whole.csv", tmp_path / "killed.csv"
    worked = undisturbed(PROGRAM, arguments, whole)
    assert disturbed(PROGRAM, arguments, out, worked) >= 1
    one, other = (sorted(rows(path), key=lambda row: row["path"]) for path in (whole, out))
    assert len(one) == 8 * 2 * IMAGES
    assert one == other


def test_an_ablation(root, tmp_path):
    arguments = [
        "ablate", root, "--test", root, "--limit", "6", "--view", "none", "--axis", "band", "--values", "all,0.25:",
        *TRAINING, "--epochs", "1", "--passes", "4",
    ]  # fmt: skip
    whole, out = tmp_path / "whole", tmp_path / "killed"
    worked = undisturbed(THIN_PROGRAM, arguments, whole)
    assert disturbed(THIN_PROGRAM, arguments, out, worked) >= 2
    assert rows(whole / "ablation.csv") == rows(out / "ablation.csv")
    assert not list(out.rglob(".unfinished-*"))
    assert not list(out.rglob("*.safetensors"))
