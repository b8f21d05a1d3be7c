"""Remote addresses: ``s3://``, ``hf://``, ``https://`` and whatever else fsspec knows; extra ``remote``.

Credentials, endpoints and other options come from where fsspec and its file systems look for them: files in
``~/.config/fsspec``, and variables such as ``AWS_ENDPOINT_URL`` or ``FSSPEC_S3_ANON``.
"""

from __future__ import annotations

import importlib.util
import io
from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from freqforensics.storage.protocol import MOST_MEMBERS, Entry, Members, StorageError, first_line
from freqforensics.storage.ranges import RangeFile

_BUFFER: Final = 1 << 18
_WEB: Final = ("http://", "https://")


def remote_file(address: str) -> tuple[Any, str]:
    """Give the file system of an address, and its name there; StorageError where none is known or installed."""
    if importlib.util.find_spec("fsspec") is None:
        raise StorageError(address, "a remote address needs the extra: pip install 'freqforensics[remote]'")
    from fsspec.core import url_to_fs

    try:
        system, name = url_to_fs(address)
    except ImportError as error:
        reason = f"{first_line(error)} (pip install 'freqforensics[remote]' brings s3fs and aiohttp)"
        raise StorageError(address, reason) from error
    except Exception as error:
        raise StorageError(address, first_line(error)) from error
    return system, name


class RemoteRanges:
    """Ranges of a remote file.

    Parameters
    ----------
    address : str
        The file. StorageError if it is not there, or the server gives no ranges of bytes.
    """

    def __init__(self, address: str) -> None:
        self.place = address
        self._system, self._name = remote_file(address)
        about = remote_info(address, self._system, self._name)
        if about.get("size") is None:
            raise StorageError(address, "the server does not tell its size")
        self.size = int(about["size"])
        if address.startswith(_WEB):
            try:
                self.read_at(max(0, self.size - 1), 1)
            except StorageError as error:
                reason = "the server gives no ranges of bytes, which reading from an archive needs"
                raise StorageError(address, reason) from error

    def read_at(self, offset: int, size: int) -> bytes:
        """Read a range, in one request."""
        end = min(offset + size, self.size)
        if end <= offset:
            return b""
        try:
            if self.place.startswith(_WEB):  # a server may send the whole file, which is refused unread here
                with self._system.open(self._name, size=self.size, cache_type="none", block_size=size) as file:
                    file.seek(offset)
                    data: bytes = file.read(end - offset)
            else:
                data = self._system.cat_file(self._name, start=offset, end=end)
        except Exception as error:  # botocore, aiohttp and their kin have errors of their own
            raise StorageError(self.place, reason_of(error)) from error
        if len(data) != end - offset:
            raise StorageError(self.place, f"the server gave {len(data)} bytes where {end - offset} were asked for")
        return data

    def open(self) -> BinaryIO:
        """Open it as a file that can be searched."""
        return io.BufferedReader(RangeFile(self), _BUFFER)


class RemoteFolder:
    """The files below a remote folder.

    Parameters
    ----------
    address : str
        The folder. StorageError if nothing lies there, or too much.
    """

    def __init__(self, address: str) -> None:
        self._address = address.rstrip("/")
        # A web server lists a folder only with the slash.
        self._system, root = remote_file(f"{self._address}/" if address.startswith(_WEB) else address)
        try:
            listed: dict[str, dict[str, Any]] = self._system.find(root, detail=True)
        except Exception as error:
            raise StorageError(address, reason_of(error)) from error
        self._files: Members[int | None] = Members(self._address)
        prefix = root.rstrip("/") + "/"
        for path, about in listed.items():
            if not path.startswith(prefix):
                self.left_out["outside the folder"] += path.rstrip("/") != prefix[:-1]
                continue
            if about.get("type", "file") == "file":
                size = about.get("size")
                self._files.add(path[len(prefix) :], None if size is None else int(size))
        if not listed:
            raise StorageError(address, "no such file or folder, or an empty one")
        if len(listed) > 10 * MOST_MEMBERS:
            raise StorageError(address, f"{len(listed)} files are over the limit of {10 * MOST_MEMBERS}")

    @property
    def left_out(self) -> Counter[str]:
        """How many files cannot be used, by reason."""
        return self._files.left_out

    def list(self) -> Iterator[Entry]:
        """List the files; a web server does not tell their sizes."""
        return (Entry(name, size) for name, size in self._files.items())

    def size(self, name: str) -> int:
        """Size of a file in bytes."""
        size = self._files[name]
        return remote_size(self.location(name)) if size is None else size

    def location(self, name: str) -> str:
        """Address of the file."""
        return f"{self._address}/{name}"

    def open(self, name: str) -> BinaryIO:
        """Open a file."""
        return io.BytesIO(read_remote(self.location(name), self.size(name)))


def remote_size(address: str) -> int:
    """Size of a remote file in bytes; StorageError if it is not there or the server does not tell."""
    size = remote_info(address, *remote_file(address)).get("size")
    if size is None:
        raise StorageError(address, "the server does not tell its size")
    return int(size)


def read_remote(address: str, size: int) -> bytes:
    """Read a remote file whole, and not beyond the size that the server declares."""
    system, name = remote_file(address)
    try:
        with system.open(name, "rb", cache_type="none", block_size=max(size, 1)) as file:
            data: bytes = file.read(size + 1) if size else b""
    except Exception as error:
        raise StorageError(address, reason_of(error)) from error
    if len(data) != size:
        raise StorageError(address, f"the server gave {len(data)} bytes where {size} were declared")
    return data


def remote_info(address: str, system: Any, name: str) -> dict[str, Any]:
    """What the server says of a file; StorageError if it is not there."""
    try:
        about: dict[str, Any] = system.info(name)
    except Exception as error:
        raise StorageError(address, reason_of(error)) from error
    return about


def reason_of(error: Exception) -> str:
    """Why a request failed, in one line."""
    if isinstance(error, FileNotFoundError):
        return "no such file or directory"
    if isinstance(error, PermissionError):
        return "no permission, or no credentials"
    return f"cannot be read ({first_line(error)})"
