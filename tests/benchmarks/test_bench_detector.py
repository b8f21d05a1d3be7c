"""The detector on a CPU, as ratios against the plain network in the same run. `make bench` runs this.

Scoring: batches of 16 images of 224 pixels, from uint8 to logits. Training: steps of 32 crops of 64 pixels.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from freqforensics.detector import make_detector
from freqforensics.detector.inference import make_scorer


@pytest.fixture(scope="module")
def images() -> list[np.ndarray]:
    source = np.random.default_rng(0)
    return [source.integers(0, 256, (224, 224, 3), dtype=np.uint8) for _ in range(16)]


def seconds(call: Callable[[], object], rounds: int = 3) -> float:
    call()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


@pytest.mark.parametrize("backend", ["torch", "onnx"])
def test_scoring(benchmark, images, backend):
    """Against eager evaluation of the plain network, contiguous."""
    if backend == "onnx":
        pytest.importorskip("onnxruntime")
    detector = make_detector(seed=0)
    scorer = make_scorer(detector, backend=backend)
    eager = seconds(lambda: detector.logits(images))
    benchmark.pedantic(lambda: scorer(images), rounds=3, warmup_rounds=1)
    fast = benchmark.stats.stats.min
    benchmark.extra_info["times faster than eager"] = round(eager / fast, 2)
    print(f"\n{backend}: {1000 * fast / 16:.0f} ms an image, {eager / fast:.2f} times faster than eager")
    assert eager / fast > 1.1


def test_training(benchmark):
    """Channels last, as the training has it, against contiguous."""
    crops, fake = torch.randn(32, 3, 64, 64), (torch.arange(32) % 2).float()

    def stepper(memory_format: torch.memory_format) -> Callable[[], None]:
        detector = make_detector(seed=0).train().to(memory_format=memory_format)
        optimiser = torch.optim.Adam(detector.parameters(), lr=1e-4)
        batch = crops.contiguous(memory_format=memory_format)

        def step() -> None:
            optimiser.zero_grad(set_to_none=True)
            F.binary_cross_entropy_with_logits(detector(batch), fake).backward()
            optimiser.step()

        return step

    plain = seconds(stepper(torch.contiguous_format))
    benchmark.pedantic(stepper(torch.channels_last), rounds=3, warmup_rounds=1)
    fast = benchmark.stats.stats.min
    benchmark.extra_info["times faster than contiguous"] = round(plain / fast, 2)
    print(f"\ntraining: {1000 * fast / 32:.0f} ms an image, {plain / fast:.2f} times faster than contiguous")
    assert plain / fast > 1.05
