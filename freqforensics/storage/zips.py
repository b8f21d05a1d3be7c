"""Zip archives: their members are read by ranges of bytes, several at once, and never unpacked to disk."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

from freqforensics.storage.protocol import MOST_MEMBERS, Entry, Members, StorageError, first_line
from freqforensics.storage.ranges import Ranges

_END: Final = struct.Struct("<4s4H2LH")  # of the central directory; APPNOTE.TXT 4.3.16
_END64: Final = struct.Struct("<4sQ2H2L4Q")  # 4.3.14
_LOCATOR64: Final = struct.Struct("<4sLQL")  # 4.3.15
_LISTED: Final = struct.Struct("<4s4B4HL2L5H2L")  # 4.3.12
_HEADER: Final = struct.Struct("<4s5H3L2H")  # of a member, 4.3.7
_LONGEST_COMMENT: Final = 0xFFFF
_SLACK: Final = 512  # for extra fields that only a member's own header has
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others cannot be decompressed within bounds


class _Member(NamedTuple):
    offset: int
    stored: int
    size: int
    crc: int
    deflated: bool


class ZipStorage:
    """The files of a zip archive.

    Links, encrypted members, and those compressed otherwise than by deflate are left out and counted.

    Parameters
    ----------
    ranges : Ranges
        The archive. StorageError if it is none, is damaged, or has too many members.
    """

    def __init__(self, ranges: Ranges) -> None:
        self._ranges = ranges
        self._members: Members[_Member] = Members(ranges.place)
        self._check_directory()
        try:
            with ranges.open() as file, zipfile.ZipFile(file) as archive:
                listed = archive.infolist()
        except StorageError:
            raise
        except Exception as error:  # a hostile archive can lead zipfile to any error
            raise StorageError(ranges.place, f"not a zip archive, or a damaged one ({first_line(error)})") from error
        self._members.check_count(len(listed))
        for info in listed:
            self._add(info)

    def _add(self, info: zipfile.ZipInfo) -> None:
        name = info.filename
        if info.create_system == 0 and "/" not in name:  # some writers on Windows put backslashes
            name = name.replace("\\", "/")
        mode = info.external_attr >> 16 if info.create_system == 3 else 0
        if name.endswith("/"):
            return
        reason = (
            "encrypted"
            if info.flag_bits & 0x41
            else "links"
            if stat.S_ISLNK(mode)
            else "special files"
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG)
            else "compressed by other methods than deflate"
            if info.compress_type not in _METHODS
            else ""
        )
        if reason:
            self.left_out[reason] += 1
            return
        deflated = info.compress_type == zipfile.ZIP_DEFLATED
        self._members.add(name, _Member(info.header_offset, info.compress_size, info.file_size, info.CRC, deflated))

    @property
    def left_out(self) -> Counter[str]:
        """How many members cannot be used, by reason."""
        return self._members.left_out

    def list(self) -> Iterator[Entry]:
        """List the files."""
        return (Entry(name, member.size) for name, member in self._members.items())

    def size(self, name: str) -> int:
        """Size of a file in bytes, as declared."""
        return self._members[name].size

    def location(self, name: str) -> str:
        """Text from which `read_location` reads the file."""
        return f"{self._ranges.place}::{name}"

    def open(self, name: str) -> BinaryIO:
        """Open a file, never beyond its declared size; StorageError if it is damaged."""
        member = self._members[name]
        if member.deflated and member.size > 1100 * (member.stored + 8):  # deflate gives 1032 to 1 at best
            raise StorageError(self.location(name), "its declared size is more than deflate can give")
        start = member.offset
        data = self._ranges.read_at(start, _HEADER.size + len(name.encode(errors="replace")) + _SLACK + member.stored)
        if len(data) < _HEADER.size or data[:4] != b"PK\x03\x04":
            raise StorageError(self.location(name), "no such member where the archive's directory says")
        begin = _HEADER.size + sum(_HEADER.unpack_from(data)[-2:])
        stored = data[begin : begin + member.stored]
        if len(stored) < member.stored:
            stored = self._ranges.read_at(start + begin, member.stored)
        content = self._inflated(name, stored, member.size) if member.deflated else stored
        if len(content) != member.size or zlib.crc32(content) != member.crc:
            raise StorageError(self.location(name), "damaged in the archive (size or check sum is wrong)")
        return io.BytesIO(content)

    def _inflated(self, name: str, stored: bytes, size: int) -> bytes:
        try:
            return zlib.decompressobj(-zlib.MAX_WBITS).decompress(stored, size + 1)
        except zlib.error as error:
            raise StorageError(self.location(name), f"damaged in the archive ({error})") from error

    def _check_directory(self) -> None:
        """Refuse an archive with too many members before its directory is parsed."""
        tail_size = min(self._ranges.size, _END.size + _LONGEST_COMMENT)
        tail_at = self._ranges.size - tail_size
        tail = self._ranges.read_at(tail_at, tail_size)
        end_at = tail.rfind(b"PK\x05\x06")
        if end_at < 0 or len(tail) - end_at < _END.size:
            raise StorageError(self._ranges.place, "not a zip archive, or one that ends early")
        _, _, _, _, count, size, offset, _ = _END.unpack_from(tail, end_at)
        end = tail_at + end_at
        if count == 0xFFFF or 0xFFFFFFFF in (size, offset):
            locator = self._ranges.read_at(max(0, end - _LOCATOR64.size), _LOCATOR64.size)
            if locator[:4] == b"PK\x06\x07":
                record = self._ranges.read_at(_LOCATOR64.unpack(locator)[2], _END64.size)
                if len(record) == _END64.size and record[:4] == b"PK\x06\x06":
                    count, size = _END64.unpack(record)[-3:-1]
                    end = _LOCATOR64.unpack(locator)[2]
        self._members.check_count(count)
        # The count may lie; how many members the directory has room for does not.
        if size // (_LISTED.size + 1) > MOST_MEMBERS:
            self._members.check_count(self._counted(end - size, end))

    def _counted(self, start: int, end: int) -> int:
        count, block, at = 0, b"", 0
        while start < end and count <= MOST_MEMBERS:
            if len(block) - at < _LISTED.size:
                block, at = self._ranges.read_at(start, 1 << 20), 0
                if len(block) < _LISTED.size:
                    break
            lengths = _LISTED.unpack_from(block, at)[12:15]
            step = _LISTED.size + sum(lengths)
            start, at, count = start + step, at + step, count + 1
            if at > len(block):
                block, at = b"", 0
        return count
