"""The detector on a CPU, as ratios against the plain network in the same run. `make bench` runs this.

Scoring: batches of 16 images of 224 pixels, from uint8 to logits. Files: JPEGs of 500 x 375 pixels and of 12
megapixels, by processor time against the network alone. Training: steps of 32 crops of 64 pixels.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import cv2
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from freqforensics.detector import make_detector, open_detector, prepare_input, score_files
from freqforensics.detector.inference import folded, make_scorer
from freqforensics.detector.lanes import one_thread_each
from freqforensics.regions.views import SIDE, view_boxes


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


@pytest.mark.parametrize(("shape", "count"), [((375, 500), 12), ((3000, 4000), 4)], ids=["500 pixels", "12 megapixels"])
def test_scoring_files(benchmark, tmp_path, shape, count):
    """Whole files by the bundled detector, against its network on ready tensors of the same views; processor time."""
    source = np.random.default_rng(0)
    for index in range(count):
        smooth = cv2.resize(source.integers(0, 256, (12, 16, 3), np.uint8), shape[::-1], interpolation=cv2.INTER_CUBIC)
        noisy = np.clip(smooth + source.normal(0, 3, (*shape, 3)), 0, 255).astype(np.uint8)
        assert cv2.imwrite(str(tmp_path / f"{index}.jpg"), noisy, [cv2.IMWRITE_JPEG_QUALITY, 92])
    detector = open_detector("everyday")
    parts = [part.eval() for part in folded(detector.detector).parts.values()]
    view = source.integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    views = len(view_boxes((0, 0, shape[1], shape[0])))
    ready = [prepare_input([view] * views, part.input).contiguous(memory_format=torch.channels_last) for part in parts]

    def network() -> None:
        for part, prepared in zip(parts, ready, strict=True):
            part(prepared)

    with one_thread_each(), torch.inference_mode():
        network()
        start = time.process_time()
        for _ in range(count):
            network()
        alone = time.process_time() - start
    score_files(tmp_path, detector)
    start, began = time.process_time(), time.perf_counter()
    table = benchmark.pedantic(lambda: score_files(tmp_path, detector), rounds=1)
    spent, wall = time.process_time() - start, time.perf_counter() - began
    assert sum(score.judged for score in table.scores) == count
    ratio = spent / alone
    benchmark.extra_info["times the network alone"] = round(ratio, 2)
    print(
        f"\n{1000 * spent / count:.0f} ms an image, {ratio:.2f} times the network alone; {spent / wall:.2f} processors"
    )
    assert ratio < 2


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
