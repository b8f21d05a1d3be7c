"""What is stored beside a result, and how a result is put in place whole or not at all."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from freqforensics import __version__

_LIBRARIES: Final = ("numpy", "scipy", "opencv-python-headless", "pillow", "matplotlib", "scikit-image", "PyWavelets")
FORMAT: Final = 1
"""Version of the manifest's form."""


def manifest(
    parameters: Mapping[str, Any],
    *,
    inputs: Mapping[str, Any],
    seed: int | None = None,
    command: str | None = None,
) -> dict[str, Any]:
    """Describe how a result was made.

    It holds no time and no host name, so the same run writes the same manifest.

    Parameters
    ----------
    parameters : mapping
        What was asked for, JSON values.
    inputs : mapping
        What went in: counts and hashes, JSON values.
    seed : int, optional
    command : str, optional
        The command line.

    Returns
    -------
    dict
        With the keys format, freqforensics, python, libraries, parameters, seed, inputs, command.
    """
    return {
        "format": FORMAT,
        "freqforensics": __version__,
        "python": platform.python_version(),
        "libraries": library_versions(),
        "parameters": dict(parameters),
        "seed": seed,
        "inputs": dict(inputs),
        "command": command,
    }


def library_versions() -> dict[str, str]:
    """Versions of the libraries that results depend on, by distribution name; those not installed are left out."""
    versions = {}
    for name in _LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to; it takes `path`'s place on success and goes on failure.

    Parameters
    ----------
    path : str or Path
        Its folder is made if need be.

    Yields
    ------
    Path
        Same folder, same suffix.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.stem[:40]}-", suffix=target.suffix, dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` as indented JSON, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
