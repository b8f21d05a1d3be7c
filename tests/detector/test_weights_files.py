"""Files that hold no weights of a detector: one line says what they are, and nothing of them is run."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save, save_file

from freqforensics.detector import (
    CheckpointError,
    WeightsError,
    checkpoint as module,
    find_weights,
    load_detector,
)
from freqforensics.detector.local import make_small_detector

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 25000000\n"
PAGE = b"<!DOCTYPE html><html><body>Sign in</body></html>"


@pytest.fixture(scope="module")
def detector():
    return make_small_detector("local")


@pytest.fixture(scope="module")
def state(detector):
    return {name: value.contiguous() for name, value in detector.network.state_dict().items()}


@pytest.fixture(scope="module")
def metadata(detector):
    return {"format": module.FORMAT, "input": detector.input, "network": module.kind_of(detector)}


def refused(path: Path, message: str) -> None:
    with pytest.raises(CheckpointError, match=message) as raised:
        load_detector(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["weights.safetensors", "weights.pth"])
@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty: no weights"),
        (POINTER, "is a Git LFS pointer"),
        (PAGE, r"is a web page \(HTML\)"),
        (bytes(1000), "zero bytes at its beginning"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "is a PNG image"),
        (b"\x1f\x8b" + bytes(100), "is a gzip archive"),
    ],
)
def test_other_files_are_named(tmp_path, name, data, message):
    path = tmp_path / name
    path.write_bytes(data)
    refused(path, message)
    with pytest.raises(WeightsError, match=message):
        find_weights(path)


def test_folders_and_text_are_named(tmp_path):
    refused(tmp_path, "is a folder, not a file of weights")
    with pytest.raises(WeightsError, match="is a folder, not a file of weights"):
        find_weights(tmp_path)
    (tmp_path / "notes.pth").write_text("lr = 0.1\nepochs = 3\n" * 9)
    refused(tmp_path / "notes.pth", r"holds no weights, or is not whole \(it is text\)")


def test_a_torn_file_is_refused_wherever_it_ends(tmp_path, state, metadata):
    path = tmp_path / "weights.safetensors"
    data = save(state, metadata)
    for cut in (1, 8, 9, 20, 200, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:cut])
        refused(path, "is not a complete safetensors file|holds no weights|no weights")
    path.write_bytes(data)
    load_detector(path)
    torch.save(state, tmp_path / "weights.pth")
    data = (tmp_path / "weights.pth").read_bytes()
    for cut in (1, 9, 200, len(data) // 2, len(data) - 1):
        (tmp_path / "cut.pth").write_bytes(data[:cut])
        refused(tmp_path / "cut.pth", "holds no weights|no weights")


@pytest.mark.long
def test_mutations_end_in_one_line(tmp_path, state, metadata):
    """Of headers, where all that could go wrong is: values are checked to be finite, no more."""
    whole = save(state, metadata)
    length = 8 + int.from_bytes(whole[:8], "little")
    rng = np.random.default_rng(0)
    path = tmp_path / "weights.safetensors"
    refusals = 0
    for _ in range(200):
        data = bytearray(whole)
        data[rng.integers(length)] = rng.integers(256)
        path.write_bytes(data)
        try:
            load_detector(path)
        except CheckpointError as error:
            refusals += 1
            if "\n" in str(error):
                raise
    assert refusals > 100


@pytest.mark.parametrize("foreign", ["tf", "flax", "mlx", "freqforensics-miniature-1", "freqforensics-detector-2", ""])
def test_foreign_formats_are_refused(tmp_path, state, metadata, foreign):
    save_file(state, tmp_path / "w.safetensors", {**metadata, "format": foreign})
    refused(tmp_path / "w.safetensors", f"its format is '{foreign}': no detector")


def test_the_format_of_other_torch_programs_is_read(tmp_path, state, metadata, detector):
    save_file(state, tmp_path / "w.safetensors", {**metadata, "format": "pt"})
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    assert load_detector(tmp_path / "w.safetensors").logits([image]) == detector.eval().logits([image])


def first_matrix(state) -> str:
    return next(name for name, value in state.items() if value.ndim >= 2 and value.is_floating_point())


def test_tensors_that_are_no_plain_numbers(tmp_path, state, metadata):
    name = first_matrix(state)
    path = tmp_path / "w.safetensors"
    for value, message in (
        (torch.ones_like(state[name]).to(torch.int8), f"{name} is int8 without scales"),
        (torch.ones_like(state[name]).to(torch.int64), f"{name} is int64: weights are real numbers"),
        (torch.ones_like(state[name]).to(torch.bool), f"{name} is bool"),
        (torch.ones_like(state[name]).to(torch.float8_e4m3fn), f"{name} is float8_e4m3fn"),
        (torch.full_like(state[name], torch.inf), "weights are not finite"),
    ):
        save_file({**state, name: value}, path, metadata)
        refused(path, message)
    scales = {f"{name}:scale": torch.ones(state[name].shape[0], dtype=torch.int32)}
    save_file({**state, name: torch.ones_like(state[name]).to(torch.int8), **scales}, path, metadata)
    refused(path, "the scales of .* are not one for each output channel")


@pytest.mark.long
def test_tensors_of_checkpoints_that_are_no_plain_numbers(tmp_path):
    state = load_detector_state()
    name = "conv1.weight"
    dense = state[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch is about to drop them; files hold them
        quantised = torch.quantize_per_tensor(dense, 0.1, 0, torch.qint8)
    for value, message in (
        (dense.to_sparse(), "conv1.weight is stored as torch.sparse_coo"),
        (quantised, "conv1.weight is quantised by torch"),
        (dense.to("meta"), "conv1.weight is without values"),
        (dense.to(torch.complex64), "conv1.weight is complex64"),
    ):
        torch.save({**state, name: value}, tmp_path / "w.pth")
        refused(tmp_path / "w.pth", message + "|holds")


def load_detector_state():
    from freqforensics.detector import make_detector

    return make_detector(seed=0).network.state_dict()


class Runs:
    def __reduce__(self):
        return (os.mkdir, ("ran",))


def test_nothing_is_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"model": {"conv1.weight": Runs()}}, "a.pth")
    Path("b.pth").write_bytes(pickle.dumps(Runs()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is on its way out; its files are not
        torch.jit.script(torch.nn.Linear(2, 1)).save("c.pth")
    for name in ("a.pth", "b.pth", "c.pth"):
        refused(Path(name), "holds no weights" if name == "b.pth" else "refused")
    assert not Path("ran").exists()


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LARGEST", 1_000_000)
    with zipfile.ZipFile(tmp_path / "w.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("w/data/0", bytes(2_000_000))
    refused(tmp_path / "w.pth", "would take 2000000 bytes unpacked, over the limit of 1000000")


@pytest.mark.long
@pytest.mark.parametrize("data", [b"", POINTER, PAGE], ids=["empty", "pointer", "page"])
def test_the_command_says_it_in_one_line(tmp_path, data):
    from PIL import Image

    (tmp_path / "images").mkdir()
    Image.new("RGB", (64, 64)).save(tmp_path / "images" / "a.png")
    (tmp_path / "w.safetensors").write_bytes(data)
    command = [sys.executable, "-m", "freqforensics", "score", "images", "--weights", "w.safetensors", "--out", "s.csv"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "w.safetensors" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "s.csv").exists()
