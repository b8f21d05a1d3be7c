from __future__ import annotations

import gc
import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

mpl.use("agg")
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")  # as the command line does, before OpenCV is loaded


def pytest_collection_finish() -> None:
    """Let the garbage collector leave out what importing left behind, and look less often.

    It holds a million objects where torch and all tests are loaded, and took a fifth of the tests' time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20200619)


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real images, where there is one."""
    folder = os.environ.get("FREQFORENSICS_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("FREQFORENSICS_DATA names no folder")
    return Path(folder)


@pytest.fixture(scope="module")
def thin() -> Iterator[None]:
    """For a whole module: networks that are quickly trained, where what is tested does not depend on their size."""
    from networks import thin_networks

    with thin_networks():
        yield


@pytest.fixture(scope="module")
def bare_pdf() -> Iterator[None]:
    """For a whole module: PDFs are there but without their drawing, which takes twice as long as that of a PNG.

    Every figure function is drawn as PDF in tests/figures/test_every_figure.py.
    """
    savefig = Figure.savefig

    def saved(figure: Figure, target: Any, **options: Any) -> None:
        if options.get("format") == "pdf":
            target.write(f"%PDF-1.4\n% {options['metadata']}\n".encode())
        else:
            savefig(figure, target, **options)

    with mock.patch.object(Figure, "savefig", saved):
        yield


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of findings without their figures, which take most of the time."""
    monkeypatch.setattr("freqforensics.report.views._png", lambda finding, plot, size: b"a figure")


@pytest.fixture(scope="session")
def generated() -> Iterator[ModuleType]:
    """What writes tables and reference when the pages are built."""
    folder = str(Path(__file__).parents[1] / "docs" / "_ext")
    sys.path.insert(0, folder)
    try:
        yield importlib.import_module("generated")
    finally:
        sys.path.remove(folder)
