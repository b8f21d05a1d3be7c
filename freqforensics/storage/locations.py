"""The text of a location: a file, a member of an archive ``shard.tar::key``, an address ``s3://bucket/key``."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from functools import total_ordering
from pathlib import Path, PurePosixPath
from typing import Final, cast

CONTAINER_SUFFIXES: Final = (".zip", ".tar", ".parquet")
"""Endings, lower case, of files that hold images as members."""

_ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")  # one letter would be a drive of Windows
_MEMBER: Final = re.compile(r"\.(?:zip|tar|parquet)(?:\?[^:]*)?::", re.IGNORECASE)


def shown_path(path: str | os.PathLike[str]) -> str:
    r"""Write a path so that it stays on one line: as it is, or quoted if it has unprintable characters.

    Parameters
    ----------
    path : str or PathLike
        Path of any kind.

    Examples
    --------
    >>> shown_path("a photo.png"), shown_path("two\nlines.png")
    ('a photo.png', "'two\\nlines.png'")
    """
    text = str(path)
    return text if text.isprintable() else repr(text)


def is_address(text: str) -> bool:
    """Tell whether a text is a remote address, with a scheme such as ``s3://``.

    Parameters
    ----------
    text : str
        Path or address.

    Examples
    --------
    >>> is_address("s3://bucket/photo.png"), is_address("photo.png")
    (True, False)
    """
    return _ADDRESS.match(text) is not None


def is_location(text: str) -> bool:
    """Tell whether a text is a member of an archive or an address, not a local path.

    Parameters
    ----------
    text : str
        Path, location of a member, or address.

    Examples
    --------
    >>> is_location("shard.tar::a/b.png"), is_location("s3://bucket/b.png"), is_location("a/b.png")
    (True, True, False)
    """
    return ("::" in text and _MEMBER.search(text) is not None) or ("://" in text and is_address(text))


def split_location(text: str) -> tuple[str, str | None]:
    """Split a location into the archive or address and the member's name, None where there is none.

    Parameters
    ----------
    text : str
        Location or path.

    Examples
    --------
    >>> split_location("s3://bucket/x.zip::a/b.png")
    ('s3://bucket/x.zip', 'a/b.png')
    """
    matched = _MEMBER.search(text) if "::" in text else None
    return (text, None) if matched is None else (text[: matched.end() - 2], text[matched.end() :])


def ordering_name(text: str) -> str:
    """Give the name within the archive, by which images are sorted as in a folder; numbered rows stay in their file."""
    container, member = split_location(text)
    if member is None or (member.isdigit() and container.lower().endswith(".parquet")):
        return text
    return member


def without_query(address: str) -> str:
    """Drop what follows a question mark in an address: ``https://host/x.zip?download=1`` is a zip."""
    return address.partition("?")[0] if is_address(address) else address


@total_ordering
class Location(os.PathLike[str]):
    """A member of an archive or a remote address, with the names of its parts as a `Path` has them.

    A `Path` would change the text: of ``s3://bucket/key`` it makes ``s3:/bucket/key``.

    Parameters
    ----------
    text : str
        Such as ``shard.tar::a/b.png`` or ``s3://bucket/b.png``. It is kept as it is.

    Examples
    --------
    >>> path = Location("shard.tar::a/b.png")
    >>> path.name, path.stem, path.suffix, str(path.parent)
    ('b.png', 'b', '.png', 'shard.tar::a')
    """

    __slots__ = ("_text",)

    def __init__(self, text: str | os.PathLike[str]) -> None:
        self._text = os.fspath(text)

    def __fspath__(self) -> str:
        return self._text

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"Location({self._text!r})"

    def __hash__(self) -> int:
        return hash(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Location) and self._text == other._text

    def __lt__(self, other: object) -> bool:
        return self._text < os.fspath(other) if isinstance(other, os.PathLike) else NotImplemented

    def _pieces(self) -> tuple[str, str]:
        """What stands before the names of folders and file, and these."""
        container, member = split_location(self._text)
        if member is not None:
            return f"{container}::", member
        scheme, _, rest = self._text.partition("://")
        host, slash, names = rest.partition("/")
        return f"{scheme}://{host}{slash}", names

    @property
    def name(self) -> str:
        """The last of the names; of a whole archive its own without the ending, of shards their folder's."""
        before, names = self._pieces()
        if names:
            return names.rstrip("/").rpartition("/")[2]
        if not before.endswith("::"):
            return before.partition("://")[2].rstrip("/")
        container = as_path(without_query(before[:-2]))
        return container.parent.name if is_pattern(container.name) else container.stem

    @property
    def suffix(self) -> str:
        """The ending of the name, without what follows a question mark in an address."""
        return PurePosixPath(without_query(self._text) if self._pieces()[1] else "").suffix

    @property
    def stem(self) -> str:
        """The name without its ending."""
        return PurePosixPath(self.name).stem

    @property
    def parts(self) -> tuple[str, ...]:
        """The names from the outermost; of an archive its name without the ending."""
        before, names = self._pieces()
        inner = tuple(name for name in names.split("/") if name)
        if before.endswith("::"):
            above = Location(before)
            return (*above.parent.parts, above.name, *inner)
        return (before.partition("://")[2].rstrip("/"), *inner)

    @property
    def anchor(self) -> str:
        """What the first of the parts is of a local archive's absolute path, else empty."""
        container, _ = split_location(self._text)
        return "" if is_address(container) else Path(container).anchor

    @property
    def parent(self) -> Path:
        """The folder; of a whole archive the folder that it lies in."""
        before, names = self._pieces()
        if names:
            return cast(Path, Location(before + names.rstrip("/").rpartition("/")[0]))
        return as_path(before[:-2]).parent if before.endswith("::") else cast(Path, self)

    @property
    def parents(self) -> tuple[Path, ...]:
        """The folders above, the nearest first."""
        above: list[Path] = []
        folder = self.parent
        while not above or folder != above[-1]:
            above.append(folder)
            folder = folder.parent
        return tuple(above)

    def joinpath(self, *names: str) -> Path:
        """Give the location of what lies below.

        Parameters
        ----------
        *names : str
            Names of folders and file, the outermost first.
        """
        text = self._text
        for name in names:
            text += name if text.endswith(("::", "/")) else f"/{name}"
        return cast(Path, Location(text))

    def __truediv__(self, name: str) -> Path:
        return self.joinpath(name)

    def is_relative_to(self, other: os.PathLike[str]) -> bool:
        """Whether this lies at or below another location.

        Parameters
        ----------
        other : PathLike
            Location of a folder.
        """
        above = os.fspath(other)
        return self._text == above or self._text.startswith(above if above.endswith(("::", "/")) else f"{above}/")

    def relative_to(self, other: os.PathLike[str]) -> PurePosixPath:
        """Give the names below another location; ValueError if this does not lie there.

        Parameters
        ----------
        other : PathLike
            Location of a folder.
        """
        if not self.is_relative_to(other):
            raise ValueError(f"{self._text!r} is not below {os.fspath(other)!r}")
        return PurePosixPath(self._text[len(os.fspath(other)) :].lstrip("/"))

    def resolve(self) -> Path:
        """Follow the links on the way to a local archive; an address stays as it is."""
        return self._moved(Path.resolve)

    def absolute(self) -> Path:
        """Give the location of a local archive from the root on; an address stays as it is."""
        return self._moved(Path.absolute)

    def _moved(self, move: Callable[[Path], Path]) -> Path:
        container, member = split_location(self._text)
        return cast(Path, self if is_address(container) else Location(f"{move(Path(container))}::{member}"))


def as_path(text: str | os.PathLike[str]) -> Path:
    """Convert text to a `Path`, or to a `Location` for a member of an archive or an address.

    A `Location` is no file: `file_size` and `read_file` take both.

    Parameters
    ----------
    text : str or PathLike
        Path, location of a member, or address.

    Examples
    --------
    >>> as_path("s3://bucket/a.png"), as_path("a.png").name
    (Location('s3://bucket/a.png'), 'a.png')
    """
    whole = os.fspath(text)
    return cast(Path, Location(whole)) if is_location(whole) else Path(whole)


def is_pattern(name: str) -> bool:
    """Whether a name stands for several files: ``{000..099}.tar``, ``*.parquet``."""
    return "*" in name or re.search(r"\{[^{}]*(?:\.\.|,)[^{}]*\}", name) is not None
