"""The manifest of a result: how it was made."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping, Sequence
from typing import Any, Final

from freqforensics._version import __version__

LIBRARIES: Final = (
    "numpy",
    "scipy",
    "opencv-python-headless",
    "pillow",
    "simplejpeg",
    "imagecodecs",
    "tifffile",
    "pillow-heif",
    "matplotlib",
    "scikit-image",
    "PyWavelets",
)
"""Distributions that every result depends on, in the order of manifests."""
DETECTOR_LIBRARIES: Final = ("torch", "torchvision", "lightning-fabric", "scikit-learn")
"""Distributions that results of a detector depend on, too."""
FORMAT: Final = 1
"""Version of the manifest's form."""


def manifest(
    parameters: Mapping[str, Any],
    *,
    inputs: Mapping[str, Any],
    seed: int | None = None,
    command: str | None = None,
    also: Sequence[str] = (),
) -> dict[str, Any]:
    """Describe how a result was made.

    It holds no time and no host name, so the same run writes the same manifest.

    Parameters
    ----------
    parameters : mapping
        Parameters of the run, JSON values.
    inputs : mapping
        Counts and hashes of the inputs, JSON values.
    seed : int, optional
        Random seed.
    command : str, optional
        The command line.
    also : sequence of str
        Further distributions that the result depends on, as `DETECTOR_LIBRARIES`.

    Returns
    -------
    dict
        With the keys format, freqforensics, python, libraries, parameters, seed, inputs, command.
    """
    return {
        "format": FORMAT,
        "freqforensics": __version__,
        "python": platform.python_version(),
        "libraries": library_versions(also),
        "parameters": dict(parameters),
        "seed": seed,
        "inputs": dict(inputs),
        "command": command,
    }


def library_versions(also: Sequence[str] = ()) -> dict[str, str]:
    """Give the versions of `LIBRARIES` and further distributions by name, without those that are not installed."""
    versions = {}
    for name in (*LIBRARIES, *also):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions
