from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from rounds import Bench
from workload import SCALE

LIBRARIES = (
    "numpy", "scipy", "opencv-python-headless", "pillow", "simplejpeg", "imagecodecs", "scikit-image",
    "torch", "torchvision", "captum", "grad-cam", "ImageHash",
)  # fmt: skip


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A quick run is of what the page shows alone, not of the other benchmarks."""
    if SCALE.name in ("quick", "short") and config.getoption("benchmark_only", False):
        items[:] = [item for item in items if "bench" in getattr(item, "fixturenames", ())]


@pytest.fixture
def bench(benchmark: Any) -> Bench:
    """Measure what the page of benchmarks says."""
    return Bench(benchmark)


def cpu_model() -> str:
    """Name the processor, by Linux or else by Python."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_machine_info(config: pytest.Config, machine_info: dict[str, Any]) -> None:
    """Say what else `page.py` names of the machine."""
    import psutil

    from freqforensics import __version__
    from freqforensics.runtime.processors import default_workers

    machine_info["freqforensics"] = {
        "cpu": cpu_model(),
        "cores": default_workers(),
        "memory_gb": psutil.virtual_memory().total / 1e9,
        "system": platform.system(),
        "versions": {"freqforensics": __version__} | {name: version(name) for name in LIBRARIES},
        "scale": SCALE.name,
    }
