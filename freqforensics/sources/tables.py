"""Tables of images, CSV or TSV."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

from freqforensics.images import shown_path
from freqforensics.runtime.tables import streamed_rows
from freqforensics.sources.records import ImageRecord, Label, path_text
from freqforensics.sources.repeats import contradiction
from freqforensics.sources.shared import SharedReal
from freqforensics.sources.sides import Labels, is_numbered, label_of_word
from freqforensics.storage.locations import as_path, is_address, is_location

METADATA: Final = "metadata.csv"
"""Name of the tables in the folders of ArtiFact's generators."""
_COLUMNS: Final = ("path", "label", "generator", "category", "split")
_ARTIFACT: Final = ("image_path", "target")
_LONGEST: Final = 4096


def read_table(
    table: Path, name: str | None, note: Callable[[str], None], *, layouts: str = "", labels: Labels | None = None
) -> list[ImageRecord]:
    """Read a table of images: columns path, label, generator and, where there are any, category and split.

    A table of ArtiFact (Rahman et al., ICIP 2023) has the columns image_path and target, which is 0 for real images.
    Its generator is the folder that it is in.

    Parameters
    ----------
    table : Path
        Paths in it are relative to its folder.
    name : str or None
        Generator of all images, in place of the column.
    note : callable
        Called with a line about paths that the table repeats.
    layouts : str
        Layouts understood, for the message about a missing column.
    labels : mapping of str to {"real", "fake", "unknown"}, optional
        What words of the column label mean, in lower case, beside those of `label_of_word`.

    Returns
    -------
    list of ImageRecord
        Sorted by path, each path once; a real image once for each generator that a row gives it.

    Raises
    ------
    ValueError
        The file is not a table in UTF-8, a column is missing, a row has no path or an unknown label, or a path is
        listed as real and as fake.
    """
    return _each_path_once(list(_records(table, name, layouts, labels or {})), table, note)


def is_metadata(table: Path) -> bool:
    """Whether the header of a table is that of ArtiFact's."""
    try:
        with table.open(encoding="utf-8-sig") as lines:
            return _is_artifact(lines.readline(_LONGEST).strip().replace('"', "").split(","))
    except (OSError, ValueError):
        return False


def _is_artifact(header: Sequence[str]) -> bool:
    return set(_ARTIFACT) <= set(header) and "path" not in header


def _records(table: Path, name: str | None, layouts: str, words: Labels) -> Iterator[ImageRecord]:
    rows = streamed_rows(table, delimiter="\t" if table.suffix.lower() == ".tsv" else ",")
    _, header = next(rows, (0, []))
    artifact = _is_artifact(header)
    columns = (*_ARTIFACT, *_COLUMNS[2:]) if artifact else _COLUMNS
    missing = [column for column in columns[:3] if column not in header and not (artifact and column == "generator")]
    if missing:
        raise ValueError(f"{shown_path(table)} lacks the column {', '.join(missing)}\n{layouts}".rstrip())
    path_at, label_at, generator_at, category_at, split_at = (
        header.index(column) if column in header else len(header) for column in columns
    )
    own_name = (Path(os.path.abspath(table)).parent.name or "images") if artifact else ""  # noqa: PTH100 - keeps links
    label_of = _label_of_target if artifact else _label
    labels: dict[str, Label] = {}
    # One string for all rows that say the same, or a million rows take twice the memory.
    texts: dict[str, str] = {}
    parent = str(table.parent)
    width = len(header) + 1  # the last cell is that of absent columns
    for line, row in rows:
        if not row:
            continue
        row = row[: width - 1] + [""] * max(1, width - len(row))
        label = labels.get(row[label_at])
        if label is None:
            label = labels[row[label_at]] = label_of(row[label_at], table, line, words)
        if not row[path_at]:
            raise ValueError(f"{shown_path(table)} line {line}: no path")
        path = _joined(parent, row[path_at])
        generator = name or row[generator_at].strip() or own_name or _folder_name(as_path(path))
        category, split = row[category_at], row[split_at]
        yield ImageRecord(
            path,  # type: ignore[arg-type]  # kept as text in any case
            label,
            texts.setdefault(generator, generator),
            texts.setdefault(category, category) or None,
            texts.setdefault(split, split) or None,
        )


def _label(text: str, table: Path, line: int, words: Labels) -> Label:
    word = text.strip().lower() or "unknown"
    label = label_of_word(word, words)
    if label is None:
        answer = f"labels must say what it is, e.g. fake={word}"
        raise ValueError(f"{shown_path(table)} line {line}: label {word!r} is not real, fake, unknown: {answer}")
    return label


def _label_of_target(text: str, table: Path, line: int, words: Labels) -> Label:
    word = text.strip()
    if word in words:
        return words[word]
    if not word.isdecimal():
        raise ValueError(f"{shown_path(table)} line {line}: target {word!r} is not a number")
    return "fake" if int(word) else "real"


def _joined(parent: str, path: str) -> str:
    r"""Join as ``str(Path(parent) / path)`` does, ten times as fast where the path is plain already."""
    if ":" in path and is_location(path):  # its text is kept
        return path if is_address(path) or parent == "." else os.path.join(parent, path)  # noqa: PTH118
    if os.sep != "/" or "//" in path or "/." in path or path[0] == "." or path[-1] == "/":
        return str(Path(parent) / path)
    if path[0] == "/" or parent == ".":
        return path
    return parent + path if parent == "/" else f"{parent}/{path}"


def _each_path_once(records: list[ImageRecord], table: Path, note: Callable[[str], None]) -> list[ImageRecord]:
    """Keep the first row of each path; of a real image the first of each generator, whose real side it is."""
    records.sort(key=path_text)  # stable: of the rows of one path the first stays first
    distinct: list[ImageRecord] = []
    repeated: list[str] = []
    shared: set[str] = set()
    images = 0
    for text, group in groupby(records, key=path_text):
        rows = list(group)
        chosen = rows[:1]
        if len(rows) > 1:
            labelled = {row.label: row for row in reversed(rows)}
            if {"real", "fake"} <= set(labelled):
                first, second = (row for row in rows if labelled[row.label] is row and row.label != "unknown")
                raise contradiction(first, second, shown_path(table))
            generators = {row.generator: row for row in reversed(rows) if row.label == "real"}
            chosen = list(reversed(generators.values())) or chosen
            repeated += [text] * (len(rows) - len(chosen))
        if len(chosen) > 1:
            images += 1
            shared.update(row.generator for row in chosen)
        distinct += chosen
    if repeated:
        first_path = shown_path(repeated[0])
        note(f"rows of {shown_path(table)} that repeat a path, kept once: {len(repeated)}, first {first_path}")
    if shared:
        note(SharedReal(str(table), images, sorted(shared)))
    return distinct


def _folder_name(path: Path) -> str:
    folder = path.parent
    return (folder.parent if is_numbered(folder.name) else folder).name or "images"
