"""Names of half-written files, which tell those of killed processes from those of live ones."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Final

_PREFIX: Final = ".unfinished-"
_NAME: Final = re.compile(r"\.unfinished-(?P<host>[0-9a-f]{8})-(?P<pid>\d+)-(?P<start>\d+)-(?P<rest>.+)", re.DOTALL)


def unfinished_prefix(stem: str = "") -> str:
    """Give the beginning of a temporary name that says which process of which machine holds it."""
    start = f"{_PREFIX}{_host()}-{os.getpid()}-{_start_of(os.getpid())}-"
    return f"{start}{stem[:40]}-" if stem else start


def is_unfinished(path: Path) -> bool:
    """Say whether a path has a temporary name of this package, held by a live process or not."""
    return _NAME.fullmatch(path.name) is not None


def is_abandoned(path: Path) -> bool:
    """Say whether a path has a temporary name of this package whose process, of this machine, is gone.

    Names given on other machines, whose processes cannot be looked up, count as held.
    """
    match = _NAME.fullmatch(path.name)
    return match is not None and match["host"] == _host() and not _is_alive(int(match["pid"]), match["start"])


def abandon(path: Path) -> Path:
    """Rename a path of this process, so that the next run, even in this process, takes it for abandoned."""
    match = _NAME.fullmatch(path.name)
    if match is None:
        raise ValueError(f"path must have a temporary name, got {path.name!r}")
    return path.rename(path.with_name(f"{_PREFIX}{_host()}-0-0-{match['rest']}"))


def abandoned_in(folder: Path, *, deep: bool = False) -> list[Path]:
    """List the abandoned paths in a folder, with `deep` also in the folders below; sorted."""
    if not folder.is_dir():
        return []
    paths = folder.rglob(f"{_PREFIX}*") if deep else folder.glob(f"{_PREFIX}*")
    return sorted(path for path in paths if is_abandoned(path))


def abandoned_beside(path: Path) -> list[Path]:
    """List the abandoned temporary files of a file; sorted."""
    ending = re.compile(re.escape(f"{path.stem[:40]}-") + r"[a-z0-9_]{8}" + re.escape(path.suffix))
    abandoned = []
    for candidate in abandoned_in(path.parent):
        match = _NAME.fullmatch(candidate.name)
        if match is not None and ending.fullmatch(match["rest"]) and candidate.is_file():
            abandoned.append(candidate)
    return abandoned


def remove_abandoned(paths: Iterable[Path]) -> None:
    """Remove abandoned files and folders; missing ones are no error."""
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


@lru_cache(maxsize=1)
def _host() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def _start_of(pid: int) -> str:
    """When a process started, in the kernel's ticks; "0" where that cannot be told."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return "0"


def _is_alive(pid: int, start: str) -> bool:
    if pid == 0:
        return False
    if os.name == "nt":  # signal 0 is Ctrl-C there
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # of another user
        pass
    # A number is given again to later processes.
    return start == "0" or _start_of(pid) in (start, "0")
