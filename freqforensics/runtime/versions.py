"""Versions of the libraries that results depend on, read without importing any."""

from __future__ import annotations

import importlib.metadata
import platform
from typing import Final

from freqforensics.runtime.provenance import DETECTOR_LIBRARIES, LIBRARIES

MAIN_LIBRARIES: Final = tuple(
    name for name in (*DETECTOR_LIBRARIES, *LIBRARIES, "captum", "safetensors") if name != "pillow-heif"
)
"""Distributions that results depend on."""
OPENCV: Final = ("opencv-python-headless", "opencv-python", "opencv-contrib-python-headless", "opencv-contrib-python")
"""Distributions of one module, cv2."""


def main_versions() -> dict[str, str | None]:
    """Give the versions of Python and of `MAIN_LIBRARIES`, None of those not installed."""
    versions: dict[str, str | None] = {"Python": platform.python_version()}
    for name in MAIN_LIBRARIES:
        installed = installed_versions(name)
        versions |= installed if installed else dict.fromkeys([name])
    return versions


def installed_versions(name: str) -> dict[str, str]:
    """Versions of a distribution, or of all installed ones that give cv2; empty where there is none."""
    versions = {}
    for distribution in OPENCV if name == OPENCV[0] else (name,):
        try:
            versions[distribution] = importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions
