"""One image file and what its place says of it, and lists of such records: their order, groups and hash."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, Literal, get_args

from freqforensics.storage.locations import as_path, ordering_name
from freqforensics.storage.opening import file_size

Label = Literal["real", "fake", "unknown"]


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """An image file with the label and generator that its place gives it.

    Parameters
    ----------
    path : Path
        The image file. A member of an archive, or a remote file, is a `Location`, which has names as a path has.
    label : {"real", "fake", "unknown"}
        Whether the image is a photograph or generated, as far as its source tells.
    generator : str
        For real images: the generator whose counterparts they are.
    category : str or None
        Content class, where the source has one.
    split : {"train", "val", "test"} or None
        Part of a data set, where the source has one.

    Examples
    --------
    >>> record = ImageRecord(Path("biggan/1_fake/cat.png"), "fake", "biggan", category="cat")
    >>> record.path.stem, record.label, record.split
    ('cat', 'fake', None)
    """

    path: Path
    label: Label
    generator: str
    category: str | None = None
    split: str | None = None


_SLOT: Final[Any] = vars(ImageRecord)["path"]

path_text: Final[Callable[[ImageRecord], str]] = _SLOT.__get__
"""The path of a record as text, without making a `Path`."""


class _PathStoredAsText:
    """Keeps a record's path as text: as a `Path` it would take three times the memory, 300 MB for a million records."""

    def __get__(self, record: ImageRecord | None, owner: type[ImageRecord]) -> Path:
        if record is None:
            raise AttributeError("path")
        return as_path(path_text(record))

    def __set__(self, record: ImageRecord, path: str | Path) -> None:
        _SLOT.__set__(record, os.fspath(path))


setattr(ImageRecord, "path", _PathStoredAsText())  # noqa: B010 - only instances are frozen


def sort_records(records: list[ImageRecord]) -> None:
    """Sort in place by generator, category, split, label, path; the name in an archive counts before the archive's."""
    # Stable sorts from the last key to the first: tuples as keys would take more memory than the records.
    records.sort(key=path_text)
    if any("::" in path_text(record) for record in records):
        records.sort(key=lambda record: ordering_name(path_text(record)))
    records.sort(key=attrgetter("label"))
    records.sort(key=lambda record: record.split or "")
    records.sort(key=lambda record: record.category or "")
    records.sort(key=attrgetter("generator"))


def by_generator(records: Sequence[ImageRecord]) -> dict[tuple[str, Label], list[ImageRecord]]:
    """Sort records into one list for each generator and label: generators by name, real before fake before unknown.

    Parameters
    ----------
    records : sequence of ImageRecord
        Records of any order.

    Examples
    --------
    >>> records = [
    ...     ImageRecord(Path(name), label, "stylegan")
    ...     for name, label in (("a.png", "fake"), ("b.png", "real"), ("c.png", "fake"))
    ... ]
    >>> {side: len(members) for side, members in by_generator(records).items()}
    {('stylegan', 'real'): 1, ('stylegan', 'fake'): 2}
    """
    groups: dict[tuple[str, Label], list[ImageRecord]] = {}
    for record in records:
        groups.setdefault((record.generator, record.label), []).append(record)
    return dict(sorted(groups.items(), key=lambda item: (item[0][0], get_args(Label).index(item[0][1]))))


def first_of_each(records: Sequence[ImageRecord], limit: int | None) -> list[ImageRecord]:
    """Keep the first `limit` records of each generator and label; None keeps all.

    Parameters
    ----------
    records : sequence of ImageRecord
        Records in order.
    limit : int or None
        Number of records of each generator and label.

    Examples
    --------
    >>> records = [ImageRecord(Path(f"{number}.png"), "fake", "biggan") for number in range(5)]
    >>> [str(record.path) for record in first_of_each(records, 2)]
    ['0.png', '1.png']
    """
    counts: Counter[tuple[str, str]] = Counter()
    chosen = []
    for record in records:
        counts[record.generator, record.label] += 1
        if limit is None or counts[record.generator, record.label] <= limit:
            chosen.append(record)
    return chosen


def records_sha256(records: Sequence[ImageRecord]) -> str:
    """Hash the records and the sizes of their files, to identify a set without reading its images.

    Parameters
    ----------
    records : sequence of ImageRecord
        Records of existing files.
    """
    digest = hashlib.sha256()
    for record in records:
        facts = (path_text(record), record.label, record.generator, record.category, file_size(path_text(record)))
        digest.update(f"{facts}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()
