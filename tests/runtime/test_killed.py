"""kill -9 at random moments, three times each; what --resume ends with is what an undisturbed run ends with."""

from __future__ import annotations

import contextlib
import csv
import os
import random
import shutil
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pytest
import torch
from forked import start
from networks import thin_networks
from pictures import write_tree
from safetensors.torch import load_file

from freqforensics.detector import make_detector, save_detector

pytestmark = pytest.mark.slow
TRAINING = [
    "--crop", "32", "--batch", "4", "--init", "scratch", "--held-out", "0.3", "--device", "cpu",
    "--learning-rate", "1e-3",
]  # fmt: skip


IMAGES = 16


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("killed") / "set"
    return write_tree(folder, np.random.default_rng(8), count=IMAGES, shape=(40, 48))


def state(out: Path) -> list[tuple[Path, int, int]]:
    """What lies at a place: its files, when they were changed, their sizes."""
    names = [Path(folder, name) for folder, *inside in os.walk(out) for group in inside for name in group]
    files = []
    for path in [out, *names]:
        with contextlib.suppress(FileNotFoundError):  # deleted meanwhile, as folders are that os.walk leaves out
            about = path.stat()
            files.append((path, about.st_mtime_ns, about.st_size))
    return sorted(files)


def unfinished(out: Path) -> set[Path]:
    """The files under a place that somebody writes or was killed while writing."""
    return {path for path, *_ in state(out) if path.name.startswith(".unfinished-")}


def begin(arguments: list[object], out: Path) -> BaseProcess:
    """Start a command, and return when it has begun to work: starting it is not what is tested."""
    before, limit = state(out), time.monotonic() + 60
    process = start(*arguments, "--out", out, output=out.with_suffix(".log"))
    while state(out) == before and process.is_alive() and time.monotonic() < limit:
        time.sleep(0.005)
    return process


def undisturbed(arguments: list[object], out: Path) -> float:
    """Run a command to its end; return the seconds for which it worked."""
    process = begin(arguments, out)
    began = time.monotonic()
    process.join(timeout=300)
    assert process.exitcode == 0, out.with_suffix(".log").read_text()
    return time.monotonic() - began


def disturbed(arguments: list[object], out: Path, worked: float, *, checkpoint: str = "") -> int:
    """Kill a command three times at random moments of its work, then let it end; return how often there was a rest.

    Where it writes a checkpoint, the first two moments are while the next one of this name is being written. On a
    machine that has become faster meanwhile, the later moments may come after the end.
    """
    moments, interrupted = random.Random(str(out)), 0
    for number in range(3):
        process, before = begin([*arguments, "--resume"], out), unfinished(out)
        time.sleep(moments.uniform(0.0, 0.3) * worked)
        while checkpoint and number < 2 and process.is_alive():
            if any(checkpoint in path.name for path in unfinished(out) - before):
                break
            time.sleep(0.001)
        interrupted += process.is_alive()
        process.kill()
        process.join()
    undisturbed([*arguments, "--resume"], out)
    return interrupted


PACE = ("seconds", "images_per_second", "in_network")
"""Columns that depend on the machine."""


def rows(path: Path, *leave_out: str) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return [{k: v for k, v in row.items() if k not in leave_out} for row in csv.DictReader(file)]


def test_training(root, tmp_path):
    arguments = ["train", root, *TRAINING, "--epochs", "2", "--checkpoint-minutes", "0.0005"]
    whole, out = tmp_path / "whole", tmp_path / "killed"
    worked = undisturbed(arguments, whole)
    assert disturbed(arguments, out, worked, checkpoint="-last") >= 1
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
    with thin_networks():
        save_detector(make_detector(seed=1), tmp_path / "weights.safetensors")
    arguments = ["score", many, "--weights", tmp_path / "weights.safetensors", "--batch", "1"]
    whole, out = tmp_path / "whole.csv", tmp_path / "killed.csv"
    worked = undisturbed(arguments, whole)
    assert disturbed(arguments, out, worked) >= 1
    one, other = (sorted(rows(path), key=lambda row: row["path"]) for path in (whole, out))
    assert len(one) == 8 * 2 * IMAGES
    assert one == other


def test_an_ablation(root, tmp_path):
    arguments = [
        "ablate", root, "--test", root, "--limit", "6", "--view", "none", "--axis", "band", "--values", "all,0.25:",
        *TRAINING, "--epochs", "1", "--passes", "4",
    ]  # fmt: skip
    whole, out = tmp_path / "whole", tmp_path / "killed"
    worked = undisturbed(arguments, whole)
    assert disturbed(arguments, out, worked) >= 1
    assert rows(whole / "ablation.csv") == rows(out / "ablation.csv")
    assert not list(out.rglob(".unfinished-*"))
    assert not list(out.rglob("*.safetensors"))
