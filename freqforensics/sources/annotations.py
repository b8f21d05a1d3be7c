"""What is written beside images, in columns of parquet and in ``key.json`` and ``key.cls`` of webdataset's tars."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any, Final, NamedTuple

from freqforensics.images import shown_path
from freqforensics.sources.leftovers import is_image_name
from freqforensics.sources.records import ImageRecord, Label, path_text
from freqforensics.sources.sides import Labels, label_of_word, possible_side, question
from freqforensics.sources.trees import Note, split_of
from freqforensics.storage.parquet import ParquetStorage
from freqforensics.storage.protocol import Storage, StorageError

_LARGEST: Final = 1 << 16
_LONGEST: Final = 200
_MOST_WORDS: Final = 10_000
_BESIDE: Final = (".cls", ".json", ".txt")
_COLUMNS: Final = {
    "label": ("label", "labels"),
    "generator": ("generator", "model"),
    "category": ("category", "class"),
    "split": ("split",),
}


class Annotation(NamedTuple):
    """What is written beside one image, empty where nothing is.

    Parameters
    ----------
    word : str
        What may be a label, or a class.
    generator, category, split : str
    """

    word: str = ""
    generator: str = ""
    category: str = ""
    split: str = ""


def annotated(
    records: Iterable[ImageRecord],
    annotations: Mapping[str, Annotation],
    where: str,
    labels: Labels,
    note: Note,
    *,
    name: str | None = None,
) -> list[ImageRecord]:
    """Give records what is written beside their images.

    Parameters
    ----------
    records : iterable of ImageRecord
        What the names of folders tell.
    annotations : mapping of str to Annotation
        By the text of a record's path.
    where : str
        The source, for messages.
    labels : mapping of str to {"real", "fake", "unknown"}
        What words mean.
    note : callable
        Called with a line where numbers may mean either label.
    name : str, optional
        Generator of all, in place of what is written.

    Returns
    -------
    list of ImageRecord

    Raises
    ------
    ValueError
        A word is a label by its place beside others, but not understood; or an image is labelled real by its folder
        and fake beside it.
    """
    records = list(records)
    texts = [path_text(record) for record in records]
    meaning = _meanings({annotations[text].word for text in texts if text in annotations} - {""}, where, labels)
    known = any(record.label != "unknown" for record in records)
    if not meaning and not known and {annotations[text].word for text in texts if text in annotations} & {"0", "1"}:
        note(f"{where}: labels are numbers, which may mean either: unknown (labels must say it, e.g. real=0,fake=1)")
    shared: dict[str, str] = {}
    return [
        _annotated(record, annotations[text], meaning, name, shared) if text in annotations else record
        for record, text in zip(records, texts, strict=True)
    ]


def _annotated(
    record: ImageRecord, beside: Annotation, meaning: Mapping[str, Label], name: str | None, shared: dict[str, str]
) -> ImageRecord:
    label = meaning.get(beside.word, record.label)
    if {label, record.label} == {"real", "fake"}:
        raise ValueError(f"{shown_path(record.path)} lies among {record.label} images, but is labelled {beside.word}")
    category = beside.category or ("" if beside.word in meaning else beside.word) or record.category or ""
    generator = name or beside.generator or record.generator
    return replace(
        record,
        label=label,
        generator=shared.setdefault(generator, generator),
        category=shared.setdefault(category, category) or None,
        split=split_of(beside.split) or record.split,
    )


def _meanings(words: set[str], where: str, labels: Labels) -> dict[str, Label]:
    """The labels of words; empty where they are classes."""
    if len(words) > _MOST_WORDS:
        return {}
    meaning = {word: label for word in words if (label := label_of_word(word, labels)) is not None}
    rest = sorted(words - set(meaning))
    doubtful = [word for word in rest if possible_side([word], labels)]
    if rest and (set(meaning.values()) & {"real", "fake"} or doubtful):
        raise question(rest[:5], where, labels)
    return meaning


def sidecars(names: Iterable[str]) -> dict[str, list[str]]:
    """Find what lies beside images by webdataset's naming: ``key.json`` and ``key.cls`` beside ``key.jpg``.

    Returns
    -------
    dict of str to list of str
        By the image's name; empty if there is neither ``.json`` nor ``.cls``.
    """
    images: dict[str, list[str]] = {}
    beside: dict[str, list[str]] = {}
    for name in names:
        key, suffix = _key(name)
        if is_image_name(name):
            images.setdefault(key, []).append(name)
        elif suffix in _BESIDE:
            beside.setdefault(key, []).append(name)
    matched = {image: beside[key] for key, members in images.items() if key in beside for image in members}
    written = any(not name.endswith(".txt") for members in matched.values() for name in members)
    return matched if written else {}


def _key(name: str) -> tuple[str, str]:
    folder, slash, file = name.rpartition("/")
    stem, dot, suffix = file.partition(".")
    return folder + slash + stem, (dot + suffix).lower()


def read_sidecars(storage: Storage, beside: Mapping[str, list[str]]) -> Iterator[tuple[str, Annotation]]:
    """Read what lies beside images; what is no JSON, or too large, is passed over."""
    for image, names in beside.items():
        values: dict[str, str] = {}
        number = ""
        for name in names:
            try:
                data = b"" if name.endswith(".txt") or storage.size(name) > _LARGEST else storage.open(name).read()
            except StorageError:
                continue
            if name.lower().endswith(".cls"):
                number = _text(data.decode(errors="replace"))
            elif data:
                values = _written(data)
        word = values.get("label", "")
        yield (
            image,
            Annotation(
                word or number,
                values.get("generator", ""),
                values.get("category", "") or (number if word else ""),
                values.get("split", ""),
            ),
        )


def _written(data: bytes) -> dict[str, str]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(value, dict):
        return {}
    return {key: _text(value.get(key)) for key in ("label", "generator", "category", "split")}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(int(value))
    return str(value).strip()[:_LONGEST] if isinstance(value, (str, int)) else ""


def read_columns(storage: ParquetStorage, file: str) -> Iterator[tuple[str, Annotation]]:
    """Give what the columns label, generator, category and split of a parquet file say of each row.

    Parameters
    ----------
    storage : ParquetStorage
    file : str
        Its name, which begins with the split on hubs: ``train-00000-of-00004.parquet``.

    Yields
    ------
    str
        Name of the row's image.
    Annotation
    """
    columns = {name.lower(): name for name in storage.columns}
    chosen = {what: columns[name] for what, names in _COLUMNS.items() for name in names[::-1] if name in columns}
    split = split_of(PurePosixPath(file).stem.partition("-")[0]) or ""
    if not chosen:
        for row in range(storage.rows if split else 0):
            yield storage.name(row), Annotation(split=split)
        return
    classes = {what: storage.class_names(column) for what, column in chosen.items()}
    for row, values in enumerate(storage.values(list(chosen.values()))):
        annotation = {what: _named(value, classes[what]) for what, value in zip(chosen, values, strict=True)}
        yield (
            storage.name(row),
            Annotation(
                annotation.get("label", ""),
                annotation.get("generator", ""),
                annotation.get("category", ""),
                annotation.get("split", "") or split,
            ),
        )


def _named(value: Any, classes: list[str] | None) -> str:
    if classes is not None and isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(classes):
        return classes[value]
    return _text(value)
