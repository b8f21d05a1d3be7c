"""How many simulations to make, and the table that they fill."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from pathlib import Path

import pytest

COLUMNS = ("name", "setting", "nominal", "measured", "simulations", "low", "high")


@pytest.fixture(scope="session")
def simulations() -> Callable[[int, int], int]:
    """Choose the number of simulations: the second where FREQFORENSICS_CALIBRATION is "full"."""
    whole = os.environ.get("FREQFORENSICS_CALIBRATION") == "full"
    return lambda quick, full: full if whole else quick


@pytest.fixture(scope="session")
def calibration_row() -> Callable[..., None]:
    """Append a row to the table that FREQFORENSICS_CALIBRATION_TABLE names, if it does."""
    path = os.environ.get("FREQFORENSICS_CALIBRATION_TABLE")

    def append(
        name: str, setting: str, nominal: float, measured: float, simulations: int, low: float, high: float
    ) -> None:
        if path:
            fresh = not Path(path).exists()
            with Path(path).open("a", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                if fresh:
                    writer.writerow(COLUMNS)
                writer.writerow(
                    [name, setting, *(f"{v:.4g}" for v in (nominal, measured)), simulations, f"{low:.4g}", f"{high:.4g}"]
                )

    return append
