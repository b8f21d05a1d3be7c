"""Destinations of results: whether they can be written, and the path in errors of writing."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from freqforensics.runtime.unfinished import is_abandoned, is_unfinished

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO})
"""Errors of writing that come without a path where a file is open already."""


def check_result_folder(
    out: str | Path,
    *,
    overwrite: bool = False,
    hint: str = "overwrite must be set to replace the results in it, or give another folder",
) -> None:
    """Raise ValueError unless results can be written to `out`.

    That is, if it or a folder above it is a file or may not be written to, or it holds something and `overwrite` is
    not given. Temporary files that killed runs left do not count.
    """
    target = Path(out)
    if target.is_symlink() and not target.exists():
        raise ValueError(f"{target} is a broken link")
    folder = _existing(target)
    if not folder.is_dir():
        raise ValueError(f"{target if folder == target.absolute() else folder} is a file, not a folder")
    _check_writable(folder)
    if target.is_dir() and not overwrite and not all(map(is_abandoned, target.iterdir())):
        raise ValueError(f"{target} is not empty: {hint}")


def check_parts(out: str | Path, parts: Sequence[str], *, overwrite: bool = False) -> None:
    """Raise ValueError unless results can be written to folders of `out`, and a page and a manifest into it."""
    root = Path(out)
    for part in parts:
        check_result_folder(root / part, overwrite=overwrite)
    for name in ("index.html", "manifest.json"):
        check_result_file(
            root / name, overwrite=overwrite, hint="overwrite must be set to replace it, or give another folder"
        )


def check_result_file(
    path: str | Path, *, overwrite: bool = False, hint: str = "overwrite must be set to replace it"
) -> None:
    """Raise ValueError unless a result can be written to the file `path`.

    That is, if it is a folder or a device, a folder above it is a file or may not be written to, or it exists and
    `overwrite` is not given.
    """
    target = Path(path)
    if target.is_dir():
        raise ValueError(f"{target} is a folder, not a file")
    if target.exists() and not target.is_file():
        raise ValueError(f"{target} is a device, not a file")
    if target.exists() and not overwrite:
        raise ValueError(f"{target} exists: {hint}")
    if target.is_symlink() and not target.exists():
        raise ValueError(f"{target} is a broken link")
    folder = _existing(target.parent)
    if not folder.is_dir():
        raise ValueError(f"{folder} is a file, not a folder")
    _check_writable(folder)


def _existing(path: Path) -> Path:
    """Give the path, absolute, or the nearest folder above it that exists."""
    folder = path.absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _check_writable(folder: Path) -> None:
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ValueError(f"no permission to write to {folder}")


@contextmanager
def errors_name(target: Path, temporary: Path) -> Iterator[None]:
    """Add the destination to errors of writing, which those of a full disk lack.

    Parameters
    ----------
    target : Path
        File or folder that the result is for.
    temporary : Path
        Path to which it is written meanwhile.

    Raises
    ------
    OSError
        The error, with `target` or a path below it as its `filename`; also in place of another library's error where
        the disk is full.
    """
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno in _FULL:
            error.filename = str(target)
        elif isinstance(error.filename, (str, Path)) and Path(error.filename).is_relative_to(temporary):
            error.filename = str(target / Path(error.filename).relative_to(temporary))
        elif isinstance(error.filename, (str, Path)) and is_unfinished(Path(error.filename)):
            error.filename = str(target)
        raise
    except (ValueError, MemoryError):
        raise
    except Exception as error:
        # Libraries that write files by themselves have errors of their own.
        if "No space left" in str(error) or shutil.disk_usage(target.parent).free < 1 << 12:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target)) from error
        raise
