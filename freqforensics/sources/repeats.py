"""Files that a source lists more than once: by the same path, through links, or under two suffixes."""

from __future__ import annotations

import os
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from freqforensics.images import shown_path
from freqforensics.sources.records import ImageRecord, path_text
from freqforensics.storage.locations import is_address, is_location, split_location


def real_paths(records: Iterable[ImageRecord]) -> Iterator[str]:
    """Give each record's path with every link followed; folders are looked up once."""
    folders: dict[str, str] = {}
    for record in records:
        if is_location(path_text(record)):
            container, member = split_location(path_text(record))
            if container not in folders:
                folders[container] = container if is_address(container) else os.path.realpath(container)
            yield folders[container] if member is None else f"{folders[container]}::{member}"
            continue
        folder, name = os.path.split(path_text(record))
        if folder not in folders:
            folders[folder] = os.path.realpath(folder)
        path = f"{folders[folder].rstrip('/')}/{name}" if os.sep == "/" else os.path.join(folders[folder], name)  # noqa: PTH118
        yield os.path.realpath(path) if os.path.islink(path) else path  # noqa: PTH114 - quick


def folders_meet(records: Iterable[ImageRecord]) -> bool:
    """Whether two folders, as records spell them, are one."""
    folders = {os.path.dirname(path_text(record)) for record in records}  # noqa: PTH120 - quick
    return len({os.path.realpath(folder) for folder in folders}) < len(folders)


def merge_same_files(records: Sequence[ImageRecord], note: Callable[[str], None], where: str) -> list[ImageRecord]:
    """Keep each file once, though links or dots give it several paths.

    A real image may be the counterpart of several generators, and is kept once for each.

    Parameters
    ----------
    records : sequence of ImageRecord
        Records of one source.
    note : callable
        Called with a line about files that are listed twice.
    where : str
        The source, for messages.

    Returns
    -------
    list of ImageRecord
        One record for each file: the one whose path holds no link, else the first.

    Raises
    ------
    ValueError
        A file is listed as real and as fake.
    """
    best: dict[tuple[str, str], int] = {}
    labels: dict[str, ImageRecord] = {}
    repeated: list[ImageRecord] = []
    for index, (record, path) in enumerate(zip(records, real_paths(records), strict=True)):
        check_label(labels, path, record, where)
        key = (path, record.generator if record.label == "real" else "")
        if key not in best:
            best[key] = index
            continue
        direct = os.path.abspath(path_text(record)) == path  # noqa: PTH100 - keeps links
        repeated.append(records[best[key]] if direct else record)
        if direct:
            best[key] = index
    if repeated:
        first = shown_path(min(path_text(record) for record in repeated))
        note(f"files of {where} that links list twice, kept once: {len(repeated)}, first {first}")
    return [records[index] for index in sorted(best.values())]


def check_label(labels: dict[str, ImageRecord], path: str, record: ImageRecord, where: str) -> None:
    """Remember a file's record; ValueError where it contradicts the one remembered."""
    before = labels.get(path, record)
    if before is record or before.label == "unknown":
        labels[path] = record
    elif {before.label, record.label} == {"real", "fake"}:
        raise contradiction(before, record, where)


def contradiction(first: ImageRecord, second: ImageRecord, where: str) -> ValueError:
    """Make the error of a file that is listed as real and as fake."""
    texts = [shown_path(path_text(record)) for record in (first, second)]
    again = "" if texts[0] == texts[1] else f" ({texts[1]})"
    return ValueError(f"{where} lists {texts[0]} as {first.label} and as {second.label}{again}")


def note_twins(records: Sequence[ImageRecord], note: Callable[[str], None]) -> None:
    """Note files whose names differ in the suffix only."""
    hashes = np.array(array("q", (hash(_stem(record)) for record in records)), dtype=np.int64)
    order = np.sort(hashes)
    often = set(order[1:][order[1:] == order[:-1]].tolist())
    if not often:
        return
    # A real image may be listed once for each of several generators.
    paths = {path_text(record) for record in records if hash(_stem(record)) in often}
    stems = Counter(path.rpartition(".")[0] for path in paths)
    twins = sorted(stem for stem, count in stems.items() if count > 1)
    if twins:
        note(f"names with more than one suffix (the same image twice?): {len(twins)}, first {shown_path(twins[0])}")


def _stem(record: ImageRecord) -> str:
    text = path_text(record)
    stem, _, suffix = text.rpartition(".")
    return text if "::" in suffix or "/" in suffix else stem  # a row of a table has no suffix
