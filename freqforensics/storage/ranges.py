"""Ranges of bytes of a file, local or remote; no file stays open between reads, so threads and forks are safe."""

from __future__ import annotations

import io
import os
from typing import BinaryIO, Protocol

from freqforensics.storage.protocol import StorageError


class Ranges(Protocol):
    """A file of known size that is read by ranges."""

    place: str
    size: int

    def read_at(self, offset: int, size: int) -> bytes:
        """Read `size` bytes, fewer at the end of the file."""
        ...

    def open(self) -> BinaryIO:
        """Open it as a file that can be searched."""
        ...


class FileRanges:
    """Ranges of a local file.

    Parameters
    ----------
    path : str
        The file; OSError if it is not there.
    """

    def __init__(self, path: str) -> None:
        self.place = path
        self.size = os.stat(path).st_size  # noqa: PTH116

    def read_at(self, offset: int, size: int) -> bytes:
        """Read a range."""
        try:
            with open(self.place, "rb", buffering=0) as file:  # noqa: PTH123
                file.seek(offset)
                data = file.read(size)
                while len(data) < size and (more := file.read(size - len(data))):
                    data += more
                return data
        except OSError as error:
            raise StorageError(self.place, (error.strerror or str(error)).lower()) from error

    def open(self) -> BinaryIO:
        """Open the file."""
        return open(self.place, "rb")  # noqa: PTH123 - the caller closes it


class RangeFile(io.RawIOBase):
    """A file that can be searched, on top of ranges.

    Parameters
    ----------
    ranges : Ranges
    """

    def __init__(self, ranges: Ranges) -> None:
        self._ranges, self._position = ranges, 0

    def readable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say yes."""
        return True

    def tell(self) -> int:
        """Give the position."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position, counted from the beginning, from here or from the end."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._ranges.size}[whence]
        if base + offset < 0:
            raise ValueError(f"offset must not lead before the beginning, got {base + offset}")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read as many bytes as the buffer takes."""
        wanted = min(len(buffer), max(0, self._ranges.size - self._position))
        data = self._ranges.read_at(self._position, wanted) if wanted else b""
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
