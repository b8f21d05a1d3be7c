"""What every kind of storage does, and the bounds within which a hostile one is held."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO, Final, Generic, NamedTuple, Protocol, TypeVar

from freqforensics.storage.locations import shown_path

MOST_MEMBERS: Final = 500_000
"""Largest number of members of one archive."""
_DEEPEST: Final = 64
_LONGEST: Final = 4096
_DRIVE: Final = re.compile(r"[A-Za-z]:")

Value = TypeVar("Value")


class StorageError(ValueError):
    """A storage that cannot be opened, or a member that cannot be read.

    Parameters
    ----------
    place : str
        The archive, address or member.
    reason : str
        Why, in one line.
    """

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{shown_path(place)}: {reason}")
        self.place = place
        self.reason = reason

    def __reduce__(self) -> tuple[type[StorageError], tuple[str, str]]:
        """Keep both arguments when the error is sent between processes."""
        return type(self), (self.place, self.reason)


class Entry(NamedTuple):
    """One file in a storage.

    Parameters
    ----------
    name : str
        Names of folders and file, with "/" between them.
    size : int or None
        Size in bytes; None where it is unknown before reading.
    """

    name: str
    size: int | None


class Storage(Protocol):
    """A store of files that are read by name; safe in several threads."""

    @property
    def left_out(self) -> Counter[str]:
        """How many members cannot be used, by reason."""
        ...

    def list(self) -> Iterator[Entry]:
        """List the files."""
        ...

    def size(self, name: str) -> int:
        """Size of a file in bytes; StorageError if it is not there.

        Parameters
        ----------
        name : str
            Name of the file, as in its `Entry`.
        """
        ...

    def open(self, name: str) -> BinaryIO:
        """Open a file for reading, never beyond its declared size; StorageError if it cannot be read.

        Parameters
        ----------
        name : str
            Name of the file, as in its `Entry`.
        """
        ...

    def location(self, name: str) -> str:
        """Text from which `read_location` reads the file, in any process.

        Parameters
        ----------
        name : str
            Name of the file, as in its `Entry`.
        """
        ...


class Members(Generic[Value]):
    """The members of an archive by name; those with names that lead elsewhere are counted, not kept.

    Parameters
    ----------
    place : str
        The archive.
    """

    def __init__(self, place: str) -> None:
        self.place = place
        self.left_out: Counter[str] = Counter()
        self._values: dict[str, Value] = {}

    def add(self, name: str, value: Value) -> None:
        """Keep a member; the last of those of one name counts, as it does when an archive is unpacked."""
        reason, clean = cleaned(name)
        if reason:
            self.left_out[reason] += 1
            return
        if clean in self._values:
            self.left_out["repeated names"] += 1
        self._values[clean] = value

    def check_count(self, count: int) -> None:
        """Raise StorageError if an archive has too many members."""
        if count > MOST_MEMBERS:
            raise StorageError(self.place, f"{count} members are over the limit of {MOST_MEMBERS} an archive")

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def items(self) -> Iterator[tuple[str, Value]]:
        """Names and values."""
        return iter(self._values.items())

    def __getitem__(self, name: str) -> Value:
        try:
            return self._values[name]
        except KeyError:
            raise StorageError(f"{self.place}::{name}", "no such member") from None


def cleaned(name: str) -> tuple[str, str]:
    """Give why a member's name cannot be used, empty if it can, and the name without dots and doubled slashes.

    >>> cleaned("./a//b.png"), cleaned("../b.png")
    (('', 'a/b.png'), ('names with ..', ''))
    """
    if name.startswith("/") or _DRIVE.match(name):
        return "absolute names", ""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        return "names with ..", ""
    if not parts or "\0" in name:
        return "no names", ""
    if len(parts) > _DEEPEST or len(name) > _LONGEST:
        return "too long names", ""
    return "", "/".join(parts)


def first_line(error: Exception) -> str:
    """Give the first line of a library's error, or its kind where it says nothing."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__
