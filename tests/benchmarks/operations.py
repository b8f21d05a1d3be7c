"""The package's operations on a folder, as a benchmark calls them here and, for their memory, in a process of its own.

    python tests/benchmarks/operations.py NAME FOLDER [WORKERS]

prints a JSON line: seconds, and the greatest resident memory of the process in MB.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

from workload import files

CHEAP_SCORES = ("blur_effect", "laplacian_variance", "noise_sigma", "colourfulness", "entropy")


def spectra(folder: Path, workers: int | None = None) -> None:
    from freqforensics import SpectrumSpec, mean_spectrum

    mean_spectrum(files(folder), spec=SpectrumSpec(size=256), workers=workers)


def small_spectra(folder: Path, workers: int | None = None) -> None:
    from freqforensics import SpectrumSpec, mean_spectrum

    mean_spectrum(files(folder), spec=SpectrumSpec(size=64), workers=workers)


def whole_spectra(folder: Path, workers: int | None = None) -> None:
    """All tiles of 256 pixels, so that every pixel counts."""
    from freqforensics import SpectrumSpec, mean_spectrum

    mean_spectrum(files(folder), spec=SpectrumSpec(size=256, crop="tiles"), workers=workers)


def audit(folder: Path, workers: int | None = None) -> None:
    from freqforensics import audit_study

    audit_study(folder, workers=workers)


def quality(folder: Path, workers: int | None = None) -> None:
    from freqforensics.quality import measure_quality

    measure_quality(files(folder), CHEAP_SCORES, workers=workers)


def niqe(folder: Path, workers: int | None = None) -> None:
    from freqforensics.quality import measure_quality

    measure_quality(files(folder), ["niqe"], workers=workers)


def compare(folder: Path, workers: int | None = None) -> None:
    from freqforensics import compare_study

    compare_study(folder, workers=workers)


def near_duplicates(folder: Path, workers: int | None = None) -> None:
    """By one thread, as its peers."""
    from freqforensics import read_image
    from freqforensics.sources.copies import difference_hash, near_copies

    near_copies(difference_hash(read_image(path)) for path in files(folder))


def score(folder: Path, workers: int | None = None) -> None:
    from freqforensics import open_detector, score_files

    score_files(files(folder), open_detector("everyday"), workers=workers)


def inspect_fast(folder: Path, workers: int | None = None) -> None:
    from freqforensics import inspect

    for path in files(folder):
        inspect(path, fast=True)


def inspect_whole(folder: Path, workers: int | None = None) -> None:
    from freqforensics import inspect

    for path in files(folder):
        inspect(path)


OPERATIONS: dict[str, Callable[..., None]] = {
    function.__name__: function
    for function in (
        spectra, small_spectra, whole_spectra, audit, quality, niqe, compare, near_duplicates, score, inspect_fast,
        inspect_whole,
    )
}  # fmt: skip


def greatest_memory() -> float:
    """Give the greatest resident memory of this process so far, in MB."""
    status = Path("/proc/self/status")
    if status.is_file():  # ru_maxrss would count the parent's, from before exec
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1000
    unit = 1e6 if sys.platform == "darwin" else 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def main(name: str, folder: str, workers: str = "") -> None:
    begin = time.perf_counter()
    OPERATIONS[name](Path(folder), int(workers) if workers else None)
    print(json.dumps({"seconds": time.perf_counter() - begin, "memory": greatest_memory()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
