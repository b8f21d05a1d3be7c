"""Attribution on a CPU, as ratios against a named slow way in the same run. `make bench` runs this."""

from __future__ import annotations

import time
from collections.abc import Callable

import cv2
import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients
from skimage.data import astronaut

from freqforensics.attribution import (
    PixelLogit,
    cosine_map,
    fourier_map,
    integrate_path,
    pixel_map,
    sensitivity_map,
    wavelet_maps,
)
from freqforensics.attribution.differentiable import as_tensor
from freqforensics.detector import make_detector

STEPS = 16


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return np.ascontiguousarray(astronaut()[:224, 100:324])


def seconds(call: Callable[[], object], rounds: int = 4) -> float:
    call()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def test_all_bases(benchmark, image):
    """Pixels, frequencies, wavelets and cosines together, against captum's pixel map alone at the same steps."""
    detector = make_detector(input="rgb", seed=0).eval()
    function, x = PixelLogit(detector), as_tensor(image)
    x0 = as_tensor(cv2.medianBlur(image, 5))
    slow = seconds(
        lambda: IntegratedGradients(function).attribute(x, baselines=x0, n_steps=STEPS, internal_batch_size=8)
    )

    def all_maps() -> None:
        path = integrate_path(image, detector, steps=STEPS, most_steps=STEPS)
        for view in (pixel_map, fourier_map, wavelet_maps, cosine_map):
            view(path)

    benchmark.pedantic(all_maps, rounds=4, warmup_rounds=1)
    ratio = benchmark.stats.stats.min / slow
    benchmark.extra_info["times captum's pixel map"] = round(ratio, 3)
    print(f"\nfour bases: {ratio:.3f} times captum's pixel map alone")
    assert ratio <= 1.1


def test_sensitivity(benchmark, image):
    """One gradient, against one forward for each frequency of the half plane (some are timed, all are counted)."""
    detector = make_detector(input="rgb", seed=0).eval()
    function, x = PixelLogit(detector), as_tensor(image)
    rows, columns = np.indices(image.shape[:2])

    def some_waves() -> None:
        with torch.no_grad():
            for k in range(8):
                wave = np.cos(2 * np.pi * (k * rows + 3 * columns) / 224).astype(np.float32)
                function(x + 0.01 * torch.from_numpy(wave))

    slow = seconds(some_waves) / 8 * (224 * 224 / 2)
    benchmark.pedantic(lambda: sensitivity_map(image, detector), rounds=3, warmup_rounds=1)
    ratio = slow / benchmark.stats.stats.min
    benchmark.extra_info["times faster"] = round(ratio)
    print(f"\nsensitivity map: {ratio:.0f} times faster than one forward a frequency")
    assert ratio >= 100
