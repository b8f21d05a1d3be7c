"""What a cluster costs, against images, workers and shards: local workers, and storage that answers late.

    python tests/benchmarks/simulated_cluster.py [IMAGES ...]

Each read of an image sleeps 20 ms first, as from storage across a network: so eight workers can be simulated on few
cores, for most of the time they wait. Writes two tables in Markdown to standard output.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from freqforensics.runtime.cluster import cluster
from freqforensics.runtime.executors import PassesEnded, end_of_passes
from freqforensics.runtime.parallel import map_reduce
from freqforensics.runtime.shards import find_parts, shard, stored_parts
from freqforensics.spectra import SpectrumSpec, files

LATENCY = 0.02
SPEC = SpectrumSpec(size=256)


def late(latency: float, chunk):
    """Average a chunk of images from storage that answers late."""
    from freqforensics.images import MAX_PIXELS

    time.sleep(latency * len(chunk))
    return files._average(SPEC, "raise", False, MAX_PIXELS, False, False, chunk)


def averaged(items, latency: float) -> None:
    map_reduce(items, partial(late, latency), files._merge, workers=1)
    end_of_passes()


def with_workers(items, workers: int) -> float:
    with cluster("local", workers=workers):
        averaged(items[: 32 * workers], 0)  # starts them, and loads the libraries
        start = time.perf_counter()
        averaged(items, LATENCY)
        return time.perf_counter() - start


def with_shards(items, count: int) -> tuple[float, float, int]:
    """Seconds of the longest shard and of merging, and bytes of a part."""
    with tempfile.TemporaryDirectory() as folder:
        longest = 0.0
        for number in range(1, count + 1):
            start = time.perf_counter()
            with contextlib.suppress(PassesEnded), shard(number, count, folder):
                averaged(items, 0)
            longest = max(longest, time.perf_counter() - start)
        size = max(path.stat().st_size for path in Path(folder).iterdir())
        start = time.perf_counter()
        with stored_parts(find_parts([folder])):
            averaged(items, 0)
        return longest, time.perf_counter() - start, size


def main() -> None:
    counts = [int(word) for word in sys.argv[1:]] or [500, 2000]
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        for index in range(100):
            pixels = np.clip(128 + rng.normal(0, 20, (256, 256, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(f"{folder}/{index}.jpg", quality=90)
        every = [(Path(folder) / f"{index % 100}.jpg", None) for index in range(max(counts))]
        print(f"load average {os.getloadavg()[0]:.1f} at the beginning, {os.cpu_count()} processors\n")
        print("| images | workers | seconds | images a second | images a second and worker |")
        print("|---:|---:|---:|---:|---:|")
        for count in counts:
            for workers in (2, 4, 8):
                took = with_workers(every[:count], workers)
                rate = count / took
                print(f"| {count} | {workers} | {took:.1f} | {rate:.0f} | {rate / workers:.1f} |", flush=True)
        print("\n| images | shards | seconds of the longest shard | seconds of merging | MB of a part |")
        print("|---:|---:|---:|---:|---:|")
        for count in counts:
            for shards in (2, 4, 8):
                longest, merging, size = with_shards(every[:count], shards)
                print(f"| {count} | {shards} | {longest:.1f} | {merging:.2f} | {size / 1e6:.1f} |", flush=True)


if __name__ == "__main__":
    main()
