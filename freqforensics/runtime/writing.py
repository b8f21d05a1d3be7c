"""Files that are put in place whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from freqforensics.runtime.destinations import errors_name
from freqforensics.runtime.unfinished import unfinished_prefix


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path to write to; it takes the place of `path` on success and is removed on failure.

    Parameters
    ----------
    path : str or Path
        The file; its folder is created if necessary.

    Yields
    ------
    Path
        A path in the same folder with the same suffix. Its name begins with ``.unfinished-`` and names the process.

    Raises
    ------
    OSError
        The file cannot be written, as on a full disk. Its `filename` is `path`.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    with errors_name(target, target):
        handle, name = tempfile.mkstemp(
            prefix=unfinished_prefix(target.stem or "file"), suffix=target.suffix, dir=target.parent
        )
        os.close(handle)
    temporary = Path(name)
    try:
        with errors_name(target, temporary):
            yield temporary
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` as indented JSON, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
