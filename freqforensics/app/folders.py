"""A path that somebody typed: whether it is a folder, and whether it holds pictures."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from freqforensics.app.limits import RefusedError
from freqforensics.images import SUFFIXES, shown_path

_LOOKING: Final = 1.0
"""Seconds that a folder is looked through before it is accepted."""


def folder_at(text: str) -> Path:
    """Give the folder that somebody typed or pasted; RefusedError, in one line, unless it is one.

    Quotes around it, a leading ``~`` and ``file://`` addresses are understood.
    """
    typed = text.strip().strip("\"'").strip()
    if typed.startswith("file://"):
        typed = unquote(urlsplit(typed).path)
    if not typed or "\0" in typed:
        raise RefusedError("Type the path of a folder on this computer.")
    try:
        path = Path(typed).expanduser()
        if path.is_dir():
            os.listdir(path)  # noqa: PTH208 - only whether it may be read
            return path.resolve()
        exists = path.exists()
    except (OSError, RuntimeError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise RefusedError(f"{shown_path(typed)}: {reason}") from error
    if exists:
        raise RefusedError(f"{shown_path(typed)} is a file, not a folder.")
    raise RefusedError(f"There is no folder {shown_path(typed)} on this computer.", 404)


def count_pictures(folder: Path) -> str:
    """Say how many files look like pictures, by their names; RefusedError if none does."""
    count, until = 0, time.monotonic() + _LOOKING
    for _, below, names in os.walk(folder):
        below[:] = [name for name in below if not name.startswith(".")]
        count += sum(os.path.splitext(name)[1].lower() in SUFFIXES for name in names)  # noqa: PTH122
        if time.monotonic() > until:
            return f"More than {count:,} pictures." if count else "A large folder: no picture in it so far."
    if not count:
        raise RefusedError(f"There are no pictures in {shown_path(folder)}.")
    return f"{count:,} {'picture' if count == 1 else 'pictures'}."
