"""Tar archives: headers are scanned once, files are read by ranges of bytes, and nothing is unpacked to disk."""

from __future__ import annotations

import io
import tarfile
from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO, Final

from freqforensics.storage.protocol import Entry, Members, StorageError, first_line
from freqforensics.storage.ranges import Ranges

COMPRESSED_SUFFIXES: Final = (
    *(".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".tar.lz4", ".tar.lzma"),
)
_LONGEST_HEADER: Final = 1 << 20


class TarStorage:
    """The files of a tar archive.

    Links, devices and sparse files are left out and counted. Memory holds a name and two numbers for each file.

    Parameters
    ----------
    ranges : Ranges
        The archive. StorageError if it is none, is compressed or damaged, or has too many members.
    """

    def __init__(self, ranges: Ranges) -> None:
        self._ranges = ranges
        self._members: Members[tuple[int, int]] = Members(ranges.place)
        try:
            with ranges.open() as file, tarfile.open(fileobj=_BoundedReads(file), mode="r:") as archive:
                self._scan(archive)
        except StorageError:
            raise
        except Exception as error:  # a hostile archive can lead tarfile to any error
            reason = f"not a tar archive, or a damaged one ({first_line(error)})"
            raise StorageError(ranges.place, reason) from error

    def _scan(self, archive: tarfile.TarFile) -> None:
        count, last = 0, -1
        while (info := archive.next()) is not None:
            archive.members = []  # type: ignore[attr-defined]  # it would keep every header
            count += 1
            self._members.check_count(count)
            if archive.offset <= last:
                raise StorageError(self._ranges.place, "a damaged tar archive: it leads back to its beginning")
            last = archive.offset
            if info.isdir():
                continue
            reason = (
                "links"
                if info.issym() or info.islnk()
                else "special files"
                if not info.isreg()
                else "sparse files"
                if info.issparse()
                else ""
            )
            if reason:
                self.left_out[reason] += 1
            elif info.offset_data + info.size > self._ranges.size:
                raise StorageError(self._ranges.place, "a damaged tar archive: it ends early")
            else:
                self._members.add(info.name, (info.offset_data, info.size))

    @property
    def left_out(self) -> Counter[str]:
        """How many members cannot be used, by reason."""
        return self._members.left_out

    def list(self) -> Iterator[Entry]:
        """List the files."""
        return (Entry(name, size) for name, (_, size) in self._members.items())

    def size(self, name: str) -> int:
        """Size of a file in bytes."""
        return self._members[name][1]

    def location(self, name: str) -> str:
        """Text from which `read_location` reads the file."""
        return f"{self._ranges.place}::{name}"

    def open(self, name: str) -> BinaryIO:
        """Open a file."""
        data = self._ranges.read_at(*self._members[name])
        if len(data) != self._members[name][1]:
            raise StorageError(self.location(name), "the archive ends inside it")
        return io.BytesIO(data)


class _BoundedReads(io.RawIOBase):
    """Refuses the reads of a hostile header, which tarfile takes into memory whatever its declared length."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _LONGEST_HEADER:
            raise ValueError(f"a header of {size} bytes")
        return self._file.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


def check_not_compressed(place: str) -> None:
    """Raise StorageError if a tar is compressed as a whole, by its name."""
    if place.lower().endswith(COMPRESSED_SUFFIXES):
        raise StorageError(
            place, "a compressed tar has no random access: decompress it to a .tar once (images hardly shrink)"
        )
