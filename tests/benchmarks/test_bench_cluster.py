"""Images a second with two dask workers against one, in one run. `make bench` runs this, on two quiet cores."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from pictures import picture
from PIL import Image

from freqforensics.runtime.cluster import cluster
from freqforensics.runtime.processors import default_workers
from freqforensics.spectra import SpectrumSpec, files, mean_spectrum

COUNT = 9000
DISTINCT = 200


def seconds(paths: list[Path], workers: int) -> float:
    """Average JPEG files on local workers that are up already."""
    with cluster("local", workers=workers):
        mean_spectrum(paths[:200], spec=SpectrumSpec(size=256))
        start = time.perf_counter()
        mean_spectrum(paths, spec=SpectrumSpec(size=256))
        return time.perf_counter() - start


@pytest.mark.dask
@pytest.mark.skipif(default_workers() < 2, reason="two cores")
def test_two_workers_against_one(benchmark, tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    rng = np.random.default_rng(0)
    for index in range(DISTINCT):
        Image.fromarray(picture(rng, 256, 256)).save(tmp_path / f"{index}.jpg", quality=90)
    monkeypatch.setattr(files, "distinct_files", lambda paths: list(range(len(paths))))  # a few files stand for many
    paths = [tmp_path / f"{index % DISTINCT}.jpg" for index in range(COUNT)]
    one = seconds(paths, 1)
    two = benchmark.pedantic(seconds, args=(paths, 2), rounds=1)
    benchmark.extra_info.update(one=COUNT / one, two=COUNT / two, ratio=one / two)
    print(f"{COUNT / one:.0f} and {COUNT / two:.0f} images a second, ratio {one / two:.2f}")
    assert one / two > 1.7
