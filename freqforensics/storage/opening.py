"""From a text to its storage: opened once in a process, and read by member."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Final

from freqforensics.storage.locations import (
    CONTAINER_SUFFIXES,
    is_address,
    is_location,
    is_pattern,
    split_location,
    without_query,
)
from freqforensics.storage.protocol import Storage, StorageError
from freqforensics.storage.ranges import FileRanges, Ranges
from freqforensics.storage.shards import MOST_SHARDS, ShardedStorage, expanded
from freqforensics.storage.tars import COMPRESSED_SUFFIXES, check_not_compressed

_OPEN: Final = 2 * MOST_SHARDS
_LOCK: Final = threading.RLock()
_CACHE: Final[OrderedDict[tuple[object, ...], Storage]] = OrderedDict()


def is_container(text: str) -> bool:
    """Whether a text names an archive, several, or a remote folder; a local folder of such a name is none."""
    name = without_query(text).lower()
    if is_address(text):
        return True
    if not name.endswith((*CONTAINER_SUFFIXES, *COMPRESSED_SUFFIXES)):
        return False
    return not Path(text).is_dir()


def is_collection(text: str) -> bool:
    """Whether a text names what `is_container` says, or a member or a folder in it."""
    container, member = split_location(text)
    return member is not None or is_container(container)


def open_storage(text: str) -> Storage:
    """Open an archive, several archives, or a remote folder.

    Parameters
    ----------
    text : str
        The path or address of a .zip, .tar or .parquet; a pattern of them, ``shards/{000..099}.tar`` or
        ``data/*.parquet``; or the address of a folder.

    Returns
    -------
    Storage
        The same as at the last call, unless a local file has changed since; what is remote is listed once in a process.
        It keeps a list of the members, but no file open.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    StorageError
        It is of no known kind, damaged, or over a limit; a shard is missing; or an extra is not installed.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from zipfile import ZipFile
    >>> with TemporaryDirectory() as folder:
    ...     with ZipFile(f"{folder}/photos.zip", "w") as archive:
    ...         archive.writestr("cats/a.png", b"12345")
    ...     list(open_storage(f"{folder}/photos.zip").list())
    [Entry(name='cats/a.png', size=5)]
    """
    name = without_query(text)
    base = name.rpartition("/")[2]
    if is_pattern(base) and name.lower().endswith(CONTAINER_SUFFIXES) and (is_address(text) or not Path(text).exists()):
        shards = _shards(text)
        return _cached((text, *map(_stamp, shards)), lambda: _sharded(shards))
    check_not_compressed(name)
    return _cached((text, _stamp(text)), lambda: _opened(text))


def _stamp(text: str) -> tuple[int, int] | None:
    """What tells whether a local file has changed; FileNotFoundError if it is not there."""
    if is_address(text):
        return None
    status = Path(text).stat()
    return status.st_mtime_ns, status.st_size


def _cached(key: tuple[object, ...], make: Callable[[], Storage]) -> Storage:
    key = (os.getpid(), *key)
    with _LOCK:
        if key not in _CACHE:
            _CACHE[key] = make()
            while len(_CACHE) > _OPEN:
                _CACHE.popitem(last=False)
        _CACHE.move_to_end(key)
        return _CACHE[key]


def _opened(text: str) -> Storage:
    suffix = os.path.splitext(without_query(text))[1].lower()  # noqa: PTH122
    if suffix == ".zip":
        from freqforensics.storage.zips import ZipStorage

        return ZipStorage(_ranges(text))
    if suffix == ".tar":
        from freqforensics.storage.tars import TarStorage

        return TarStorage(_ranges(text))
    if suffix == ".parquet":
        from freqforensics.storage.parquet import ParquetStorage

        return ParquetStorage(_ranges(text))
    if is_address(text):
        from freqforensics.storage.remote import RemoteFolder

        return RemoteFolder(text)
    raise StorageError(text, "not an archive of a known kind (.zip, .tar, .parquet)")


def _ranges(text: str) -> Ranges:
    if is_address(text):
        from freqforensics.storage.remote import RemoteRanges

        return RemoteRanges(text)
    return FileRanges(text)


def _sharded(shards: list[str]) -> Storage:
    return ShardedStorage([open_storage(shard) for shard in shards], [shard.rpartition("/")[2] for shard in shards])


def _shards(pattern: str) -> list[str]:
    shards = _matching(pattern) if "*" in pattern else expanded(pattern)
    if len(shards) > MOST_SHARDS:
        raise StorageError(pattern, f"more than {MOST_SHARDS} shards")
    if not shards:
        raise StorageError(pattern, "no file matches")
    return shards


def _matching(pattern: str) -> list[str]:
    if is_address(pattern):
        from freqforensics.storage.remote import reason_of, remote_file

        system, name = remote_file(pattern)
        try:
            return sorted(str(system.unstrip_protocol(path)) for path in system.glob(name))
        except Exception as error:
            raise StorageError(pattern, reason_of(error)) from error
    path = Path(pattern)
    return sorted(str(file) for file in path.parent.glob(path.name))


def file_size(path: str | os.PathLike[str]) -> int:
    """Give the size in bytes of a file, a member of an archive, or a remote file.

    Parameters
    ----------
    path : str or PathLike
        File, member of an archive, or remote address.

    Raises
    ------
    OSError, StorageError
        It is not there.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from zipfile import ZipFile
    >>> with TemporaryDirectory() as folder:
    ...     with ZipFile(f"{folder}/photos.zip", "w") as archive:
    ...         archive.writestr("a.png", b"12345")
    ...     file_size(f"{folder}/photos.zip::a.png")
    5
    """
    text = os.fspath(path)
    if not is_location(text):
        return Path(text).stat().st_size
    container, member = split_location(text)
    if member is not None:
        return open_storage(container).size(member)
    from freqforensics.storage.remote import remote_size

    return remote_size(text)


def read_location(text: str, most: int) -> bytes:
    """Read a member of an archive, or a remote file.

    Parameters
    ----------
    text : str
        A location, for which `is_location` holds.
    most : int
        Bytes at most; a larger one is refused unread.

    Returns
    -------
    bytes
        The whole content.

    Raises
    ------
    OSError, StorageError
        It is not there, cannot be read, or is too large.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from zipfile import ZipFile
    >>> with TemporaryDirectory() as folder:
    ...     with ZipFile(f"{folder}/photos.zip", "w") as archive:
    ...         archive.writestr("a.png", b"12345")
    ...     read_location(f"{folder}/photos.zip::a.png", 1000)
    b'12345'
    """
    size = file_size(text)
    if size > most:
        raise StorageError(text, f"{size} bytes are over the limit of {most}")
    container, member = split_location(text)
    if member is None:
        from freqforensics.storage.remote import read_remote

        return read_remote(text, size)
    with open_storage(container).open(member) as file:
        return file.read()


def read_small(path: str | os.PathLike[str], most: int = 1 << 24) -> bytes:
    """Read a small file, local or remote; OSError if it does not exist, cannot be read, or is larger.

    Parameters
    ----------
    path : str or PathLike
        File, member of an archive, or remote address.
    most : int
        Number of bytes at most.
    """
    text = os.fspath(path)
    if not is_location(text):
        with Path(text).open("rb") as file:
            return file.read(most)
    with contextlib.suppress(StorageError):
        return read_location(text, most)
    raise FileNotFoundError(2, "No such file or directory", text)
