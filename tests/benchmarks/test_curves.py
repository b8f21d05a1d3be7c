"""How cost grows: with images, pixels, workers and steps. `make bench` draws it."""

from __future__ import annotations

from pathlib import Path

import peers
import pytest
from rounds import Bench, Way, in_a_process, take_turns
from workload import COUNTS, SCALE, photo_like, write_images

from freqforensics.runtime.processors import default_workers

SMALL_OPERATIONS = {"small_spectra": "spectra", "audit": "audit", "near_duplicates": "near duplicates"}
"""Seconds grow by about half a millisecond an image, so that all counts can be measured."""
PIXEL_OPERATIONS = {"whole_spectra": "spectra, all tiles", "audit": "audit", "score": "score", "quality": "quality"}


@pytest.mark.parametrize("count", COUNTS)
def test_images(bench: Bench, count: int, tmp_path: Path) -> None:
    folder = write_images(tmp_path / "images", count, (64, 64), "jpg", distinct=50)
    results: dict[str, dict[str, float]] = {}

    def every() -> None:
        for name in SMALL_OPERATIONS:
            results[name] = in_a_process(name, folder)

    take_turns(bench.benchmark, [Way("", every)], rounds=1, warm=False)
    for name, word in SMALL_OPERATIONS.items():
        bench.point("images", word, count, count, results[name]["seconds"], results[name]["memory"])


@pytest.mark.parametrize("megapixels", SCALE.megapixels)
def test_megapixels(bench: Bench, megapixels: float, tmp_path: Path) -> None:
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    count = 2 if megapixels >= 10 else 8
    folder = write_images(tmp_path / "images", count, (height, height * 4 // 3), "jpg", distinct=2)
    results: dict[str, dict[str, float]] = {}

    def every() -> None:
        for name in PIXEL_OPERATIONS:
            results[name] = in_a_process(name, folder)

    take_turns(bench.benchmark, [Way("", every)], rounds=1, warm=False)
    for name, word in PIXEL_OPERATIONS.items():
        bench.point("megapixels", word, megapixels, count, results[name]["seconds"], results[name]["memory"])


@pytest.mark.parametrize("name", ["spectra", "audit", "score"])
def test_workers(bench: Bench, name: str, tmp_path: Path) -> None:
    count = {"spectra": SCALE.images, "audit": SCALE.images}.get(name, SCALE.share)
    folder = write_images(tmp_path / "images", count, (500, 500), "jpg")
    workers = sorted({1, min(2, default_workers()), default_workers()})
    results: dict[int, dict[str, float]] = {}

    def every() -> None:
        for number in workers:
            results[number] = in_a_process(name, folder, number)

    take_turns(bench.benchmark, [Way("", every)], rounds=1, warm=False)
    for number in workers:
        bench.point("workers", name, number, count, results[number]["seconds"], results[number]["memory"])


@pytest.mark.parametrize("steps", SCALE.steps)
def test_steps(bench: Bench, steps: int) -> None:
    """Integrated gradients of ResNet-50 at 224 pixels; every way takes the same number of steps."""
    import torch

    from freqforensics.attribution import PixelLogit, integrate_path
    from freqforensics.attribution.differentiable import as_tensor
    from freqforensics.detector import make_detector

    image = photo_like(0, 224, 224)
    detector = make_detector(seed=0).eval()
    function, x = PixelLogit(detector), as_tensor(image)
    grey = torch.full_like(x, 128)
    ways = [
        Way(
            "freqforensics", lambda: integrate_path(image, detector, baselines=("grey",), steps=steps, most_steps=steps)
        ),
        Way("captum", lambda: peers.integrated_gradients(function, x, grey, steps)),
        Way("the network alone", lambda: peers.gradients_alone(function, x, steps)),
    ]
    times = take_turns(bench.benchmark, ways, rounds=1, warm=steps == SCALE.steps[0])[-1]
    for way, seconds in zip(ways, times, strict=True):
        bench.point("steps", way.name, steps, 1, seconds)
