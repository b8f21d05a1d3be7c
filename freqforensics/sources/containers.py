"""Archives, shards, parquet files and remote folders to records."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Final

from freqforensics.images import shown_path
from freqforensics.sources.annotations import Annotation, annotated, read_columns, read_sidecars, sidecars
from freqforensics.sources.leftovers import is_image_name
from freqforensics.sources.members import TreeOfMembers
from freqforensics.sources.records import ImageRecord, Label, path_text
from freqforensics.sources.trees import Note
from freqforensics.storage.locations import Location, as_path, is_address, is_pattern, split_location, without_query
from freqforensics.storage.opening import is_collection, open_storage
from freqforensics.storage.parquet import ParquetStorage
from freqforensics.storage.protocol import Storage
from freqforensics.storage.remote import RemoteFolder
from freqforensics.storage.shards import ShardedStorage, gathered
from freqforensics.storage.tars import TarStorage

_SHARDS: Final = (".parquet", ".tar")


def names_an_image(text: str) -> bool:
    """Whether a location is that of one image."""
    container, member = split_location(text)
    if member is None:
        return is_address(text) and is_image_name(without_query(text))
    return is_image_name(member) or (bool(member) and container.lower().endswith(".parquet"))


def holds_several(text: str) -> bool:
    """Whether a text names a folder or a collection, not one image."""
    return Path(text).is_dir() or (is_collection(text) and not names_an_image(text))


def holds_images(text: str) -> bool:
    """Whether there is an image in a collection, by the names."""
    container, member = split_location(text)
    storage = open_storage(container)
    if any(isinstance(part, ParquetStorage) for part in _parts(storage)):
        return True
    below = f"{member.rstrip('/')}/" if member else ""
    return any(entry.name.startswith(below) and is_image_name(entry.name) for entry in storage.list())


def read_collection(
    text: str, name: str | None, note: Note, labels: Mapping[str, Label]
) -> tuple[list[ImageRecord], str]:
    """List the images of an archive, of several, or of a remote folder.

    The names of folders in it mean what they mean in a folder. Columns of parquet, and ``key.json`` and ``key.cls`` in
    tars, add to that.

    Parameters
    ----------
    text : str
        As for `open_storage`, or the location of a folder in it.
    name : str or None
        Generator of all images.
    note : callable
        Called with a line for what is left out or doubtful.
    labels : mapping of str to {"real", "fake", "unknown"}
        What words mean.

    Returns
    -------
    list of ImageRecord
        Not sorted. The path of each is a location that reads from the archive it is in.
    str
        Other files, counted by kind.

    Raises
    ------
    OSError, ValueError
        It is not there, is damaged or over a limit, or a label is not understood.
    """
    container, member = split_location(text)
    storage = open_storage(container)
    if storage.left_out:
        note(f"{shown_path(container)}: left out {_counted(storage.left_out)}")
    if isinstance(storage, RemoteFolder) and (shards := shards_among([entry.name for entry in storage.list()])):
        note(f"{shown_path(container)}: its {len(shards)} {PurePosixPath(shards[0]).suffix} files are read as one set")
        return read_collection(f"{container.rstrip('/')}/*{PurePosixPath(shards[0]).suffix}", name, note, labels)
    parts = _parts(storage)
    remote = isinstance(storage, RemoteFolder)
    whole = Location(container.rstrip("/") if remote else f"{container}::")
    below = f"{member.strip('/')}/" if member else ""
    names = [entry.name.removeprefix(below) for entry in storage.list() if entry.name.startswith(below)]
    root = Location(str(whole / below.rstrip("/"))) if below else whole
    beside = sidecars(names) if all(isinstance(part, TarStorage) for part in parts) else {}
    rows = all(isinstance(part, ParquetStorage) for part in parts)
    passed_over = {name for others in beside.values() for name in others}
    tree = TreeOfMembers(
        root,
        (name for name in names if name not in passed_over),
        note,
        labels,
        only_images=rows,
        unpacked=not below and not remote,
    )
    records = tree.records(name)
    annotations: dict[str, Annotation] = {}
    if beside:
        inside = {below + image: [below + other for other in others] for image, others in beside.items()}
        annotations = {storage.location(image): annotation for image, annotation in read_sidecars(storage, inside)}
    for part in parts:
        if isinstance(part, ParquetStorage):
            file = part.location("").removesuffix("::").rpartition("/")[2]
            annotations |= {part.location(row): annotation for row, annotation in read_columns(part, file)}
    if isinstance(storage, ShardedStorage):
        cut = len(str(whole))
        places = (storage.location(path_text(record)[cut:]) for record in records)
        records = [replace(record, path=as_path(place)) for record, place in zip(records, places, strict=True)]
    if annotations:
        records = annotated(records, annotations, shown_path(container), labels, note, name=name)
    return records, str(tree.leftovers)


def collected_files(text: str, note: Note) -> list[Path]:
    """List the locations of the images of a collection by name, whatever they are of; ValueError if there is none."""
    container, member = split_location(text)
    storage = open_storage(container)
    if storage.left_out:
        note(f"{shown_path(container)}: left out {_counted(storage.left_out)}")
    rows = any(isinstance(part, ParquetStorage) for part in _parts(storage))
    below = f"{member.strip('/')}/" if member else ""
    names = (entry.name for entry in storage.list() if entry.name.startswith(below))
    files = [as_path(storage.location(name)) for name in sorted(names) if rows or is_image_name(name)]
    if not files:
        raise ValueError(f"no image in {shown_path(text)}")
    return files


def _parts(storage: Storage) -> tuple[Storage, ...]:
    return storage.parts if isinstance(storage, ShardedStorage) else (storage,)


def shards_among(names: list[str]) -> list[str]:
    """Files of a folder that are the shards of one set: all its files but texts, in one of two kinds."""
    for suffix in _SHARDS:
        shards = [name for name in names if name.lower().endswith(suffix) and "/" not in name]
        if shards and not any(is_image_name(name) for name in names):
            return shards
    return []


def shards_in(folder: Path) -> str | None:
    """Pattern of the parquet files or tars that a local folder holds, None if it holds none."""
    names = sorted(path.name for path in folder.iterdir() if path.is_file())
    shards = shards_among(names)
    return str(folder / f"*{PurePosixPath(shards[0]).suffix}") if shards else None


def as_one_set(sources: Sequence[str | Path], note: Note) -> list[str | Path]:
    """Put one pattern in place of sources that are shards of one set, as the shell expands it: 000.tar, 001.tar, ..."""
    sets: dict[str, list[str]] = {}
    for source in sources:
        if str(source).lower().endswith(_SHARDS) and not is_pattern(str(source)):
            sets.setdefault(re.sub(r"\d+", "#", str(source)), []).append(str(source))
    patterns = {shard: pattern for shards in sets.values() if (pattern := gathered(shards)) for shard in shards}
    for pattern in dict.fromkeys(patterns.values()):
        note(f"{shown_path(pattern)}: numbered archives, read as one set")
    firsts = {pattern: shard for shard, pattern in reversed(patterns.items())}
    chosen: list[str | Path] = []
    for source in sources:
        pattern = patterns.get(str(source))
        if pattern is None:
            chosen.append(source)
        elif firsts[pattern] == str(source):
            chosen.append(pattern)
    return chosen


def _counted(left_out: Counter[str]) -> str:
    count = sum(left_out.values())
    reasons = ", ".join(f"{reason}: {number}" for reason, number in sorted(left_out.items()))
    return f"{count} member{'' if count == 1 else 's'} ({reasons})"
