"""Several archives as one: ``shards/{000..099}.tar``, ``data/*.parquet``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import PurePosixPath
from typing import BinaryIO, Final

from freqforensics.storage.protocol import Entry, Storage, StorageError

MOST_SHARDS: Final = 10_000
_BRACES: Final = re.compile(r"\{([^{}]*)\}")
_NUMBER: Final = re.compile(r"\d+")
_SPAN: Final = re.compile(r"(\d+)\.\.(\d+)")


def expanded(pattern: str) -> list[str]:
    """Write out the braces of a pattern.

    Parameters
    ----------
    pattern : str
        ``{000..099}`` counts, with as many digits as its ends have; ``{a,b}`` lists.

    Returns
    -------
    list of str
        In order; the pattern itself if it has no such braces.

    Raises
    ------
    StorageError
        More than 10 000 shards.

    Examples
    --------
    >>> expanded("{train,val}-{08..10}.tar")[:4]
    ['train-08.tar', 'train-09.tar', 'train-10.tar', 'val-08.tar']
    """
    choices: list[Sequence[str]] = []
    count = 1
    for index, text in enumerate(_BRACES.split(pattern)):
        span = _SPAN.fullmatch(text) if index % 2 else None
        if not index % 2:
            choices.append([text])
        elif span:
            first, last, digits = int(span[1]), int(span[2]), len(span[1])
            if abs(last - first) >= MOST_SHARDS:
                raise StorageError(pattern, f"more than {MOST_SHARDS} shards")
            step = 1 if last >= first else -1
            choices.append([str(number).zfill(digits) for number in range(first, last + step, step)])
        else:
            choices.append(text.split(",") if "," in text else [f"{{{text}}}"])
        count *= len(choices[-1])
        if count > MOST_SHARDS:
            raise StorageError(pattern, f"more than {MOST_SHARDS} shards")
    return ["".join(parts) for parts in product(*choices)]


def gathered(paths: Sequence[str]) -> str | None:
    """Give the pattern of files that are the shards of one set by their numbers, None if they are not.

    >>> gathered(["a/000.tar", "a/001.tar"]), gathered(["a/cats.tar", "a/dogs.tar"])
    ('a/{000..001}.tar', None)
    """
    kinds = {_NUMBER.sub("#", path) for path in paths}
    if len(paths) < 2 or len(kinds) > 1 or "{" in paths[0] or "," in "".join(paths):
        return None
    numbers = [_NUMBER.findall(path) for path in sorted(paths)]
    varying = [index for index, values in enumerate(zip(*numbers, strict=True)) if len(set(values)) > 1]
    if len(varying) != 1:
        return None
    values = [number[varying[0]] for number in numbers]
    consecutive = [str(int(values[0]) + step).zfill(len(values[0])) for step in range(len(values))] == values
    choice = f"{{{values[0]}..{values[-1]}}}" if consecutive else f"{{{','.join(values)}}}"
    pieces = _NUMBER.split(paths[0])
    between = [choice if index == varying[0] else number for index, number in enumerate(numbers[0])]
    return pieces[0] + "".join(number + piece for number, piece in zip(between, pieces[1:], strict=True))


class ShardedStorage:
    """The files of several archives together.

    Names that several archives have are told apart by the archive's, before the file's own.

    Parameters
    ----------
    parts : sequence of Storage
        The archives.
    names : sequence of str
        A short name of each.
    """

    def __init__(self, parts: Sequence[Storage], names: Sequence[str]) -> None:
        self.parts = tuple(parts)
        counts = Counter(entry.name for part in parts for entry in part.list())
        self._places: dict[str, tuple[int, str]] = {}
        for index, part in enumerate(parts):
            for entry in part.list():
                name = entry.name
                if counts[name] > 1:
                    path = PurePosixPath(name)
                    name = str(path.with_name(f"{PurePosixPath(names[index]).stem}:{path.name}"))
                self._places[name] = index, entry.name

    @property
    def left_out(self) -> Counter[str]:
        """How many members cannot be used, by reason."""
        return sum((part.left_out for part in self.parts), Counter[str]())

    def list(self) -> Iterator[Entry]:
        """List the files, without sizes."""
        return (Entry(name, None) for name in self._places)

    def size(self, name: str) -> int:
        """Size of a file in bytes."""
        part, inside = self.place(name)
        return part.size(inside)

    def location(self, name: str) -> str:
        """Text from which `read_location` reads the file: in its own archive."""
        part, inside = self.place(name)
        return part.location(inside)

    def open(self, name: str) -> BinaryIO:
        """Open a file."""
        part, inside = self.place(name)
        return part.open(inside)

    def place(self, name: str) -> tuple[Storage, str]:
        """Give the archive that a file is in, and its name there."""
        try:
            index, inside = self._places[name]
        except KeyError:
            raise StorageError(name, "no such member") from None
        return self.parts[index], inside
