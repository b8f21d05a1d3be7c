"""Folders and tables of images to a sorted list of records.

Layouts understood (`LAYOUTS` is what an error shows): ForenSynths trees, plain folders, and tables. What lies in the
way of them (stray files, empty folders, loops of links) is named, never fatal, and never becomes a class.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, get_args

from freqforensics.images.headers import SUFFIXES
from freqforensics.images.reading import shown_path

Label = Literal["real", "fake", "unknown"]

LAYOUTS: Final = """\
layouts understood:
  <root>/<generator>/{0_real,1_fake}/*             ForenSynths, several generators
  <root>/<generator>/<category>/{0_real,1_fake}/*  ForenSynths, multi-class generators
  <generator>/{0_real,1_fake}/*                    one generator, or one of the two folders itself
  <root>/{train,val}/<category>/{0_real,1_fake}/*  training roots; <root>/test/ is a root of generators
  <folder>/* or <root>/<folder>/*                  plain folders: label unknown, generator = folder name
  table.csv or table.tsv                           columns path, label, generator [, category, split]"""

LABEL_FOLDERS: Final[dict[str, Label]] = {"0_real": "real", "1_fake": "fake"}
_NO_SUFFIX: Final = "no image by the name's ending"
_SPLITS: Final = frozenset({"train", "val", "test"})
_MULTI_CLASS: Final = frozenset({"progan", "stylegan", "stylegan2", "cyclegan"})  # of ForenSynths


class FolderWarning(UserWarning):
    """Something in a source of images was left out or is doubtful."""


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One image file and what its place says of it.

    Parameters
    ----------
    path : Path
    label : {"real", "fake", "unknown"}
    generator : str
        For real images: the generator whose counterparts they are.
    category : str or None
        Content class, where the source has one.
    split : {"train", "val", "test"} or None
    """

    path: Path
    label: Label
    generator: str
    category: str | None = None
    split: str | None = None


def index_images(
    source: str | Path,
    *,
    generator: str | None = None,
    on_note: Callable[[str], None] | None = None,
) -> list[ImageRecord]:
    """List the images of a folder tree or a table, in an order that does not depend on the machine.

    Parameters
    ----------
    source : str or Path
        A folder in one of the layouts of `LAYOUTS`, a ``0_real`` or ``1_fake`` folder itself, or a CSV/TSV table
        (header line; paths relative to the table). No file is opened but the table.
    generator : str, optional
        Name for everything found. It also settles what the layout leaves open: below it, folders are categories.
        Without it ``<source>/<name>/{0_real,1_fake}`` makes ``name`` the generator, unless the source is called
        train or val, or progan, stylegan, stylegan2 or cyclegan (multi-class in ForenSynths).
    on_note : callable, optional
        Called with a line for everything left out or doubtful; without it each is a `FolderWarning`.

    Returns
    -------
    list of ImageRecord
        Sorted by generator, category, split, label, path.

    Raises
    ------
    ValueError
        No image is found (the message shows the layouts understood), or a table lacks a column or has a label other
        than real, fake or unknown.
    FileNotFoundError
        `source` does not exist.

    Notes
    -----
    Folder convention of Wang et al., CVPR 2020. Linked folders are followed, loops are not.
    """
    tell = on_note or (lambda text: warnings.warn(text, FolderWarning, stacklevel=4))
    told: set[str] = set()

    def note(text: str) -> None:
        if text not in told:  # a folder may be looked into twice
            told.add(text)
            tell(text)

    root = Path(source)
    if not root.exists():
        raise FileNotFoundError(f"no such folder or table: {shown_path(root)}")
    if root.is_file():
        if root.suffix.lower() not in (".csv", ".tsv"):
            raise ValueError(f"{shown_path(root)} is a file, not a folder or a .csv/.tsv table\n{LAYOUTS}")
        records = _from_table(root, generator, note)
    else:
        records = _from_tree(root, generator, note)
    if not records:
        raise ValueError(f"no image in {shown_path(root)}\n{LAYOUTS}")
    records = [record if _printable(record) else _made_printable(record) for record in records]
    records.sort(key=_order)
    _note_twins(records, note)
    return records


def index_sources(
    sources: Sequence[str | Path],
    *,
    on_note: Callable[[str], None] | None = None,
) -> list[ImageRecord]:
    """Index several sources into one list; ``NAME=PATH`` names a source's generator.

    Parameters
    ----------
    sources : sequence of str or Path
        Each as for `index_images`. A string that is no path and holds ``=`` is split at the first one.
    on_note : callable, optional
        As for `index_images`.

    Returns
    -------
    list of ImageRecord
        Sorted. Generators of one name in different sources are kept apart by their parent folders' names, and a file
        that two sources list is kept once; both are noted.

    Raises
    ------
    ValueError, FileNotFoundError
        As `index_images`, for the first source that fails.
    """
    note = on_note or (lambda text: warnings.warn(text, FolderWarning, stacklevel=3))
    merged: list[ImageRecord] = []
    owner: dict[str, Path] = {}
    seen: set[Path] = set()
    for source in sources:
        name, path = _split_name(source)
        records = index_images(path, generator=name, on_note=note)
        fresh = records
        if len(sources) > 1:
            places = [record.path.resolve() for record in records]
            fresh = [record for record, place in zip(records, places, strict=True) if place not in seen]
            seen.update(places)
        if len(fresh) < len(records):
            repeated = len(records) - len(fresh)
            note(f"files of {shown_path(path)} that an earlier source lists too, kept once: {repeated}")
        base = path.resolve()
        for taken in sorted({record.generator for record in fresh}):
            if name is None and taken in owner and owner[taken] != base:
                apart = _apart(taken, base, owner)
                owner[apart] = base
                note(f"two sources have a generator {taken!r}: that of {shown_path(path)} is called {apart!r}")
                fresh = [replace(r, generator=apart) if r.generator == taken else r for r in fresh]
            else:
                owner.setdefault(taken, base)
        merged.extend(fresh)
    merged.sort(key=_order)
    return merged


def _apart(taken: str, base: Path, owner: Mapping[str, Path]) -> str:
    """A name for a generator whose name another source has: with as many parent folders as tell them apart."""
    parents = [part for part in (base.parent if taken == base.name else base).parts if part != base.anchor]
    names = ["/".join((*parents[-count:], taken)) for count in range(1, len(parents) + 1)]
    return next((name for name in names if owner.get(name, base) == base), names[-1] if names else taken)


def by_generator(records: Sequence[ImageRecord]) -> dict[tuple[str, Label], list[ImageRecord]]:
    """Sort records into one list for each generator and label: generators by name, real before fake before unknown."""
    groups: dict[tuple[str, Label], list[ImageRecord]] = {}
    for record in records:
        groups.setdefault((record.generator, record.label), []).append(record)
    return dict(sorted(groups.items(), key=lambda item: (item[0][0], get_args(Label).index(item[0][1]))))


def first_of_each(records: Sequence[ImageRecord], limit: int | None) -> list[ImageRecord]:
    """Keep the first so many records of each generator and label, in their order; None: all."""
    counts: Counter[tuple[str, str]] = Counter()
    kept = []
    for record in records:
        counts[record.generator, record.label] += 1
        if limit is None or counts[record.generator, record.label] <= limit:
            kept.append(record)
    return kept


def records_sha256(records: Sequence[ImageRecord]) -> str:
    """Hash what records say and the sizes of their files: the same images, as far as can be told without reading."""
    digest = hashlib.sha256()
    for record in records:
        said = (str(record.path), record.label, record.generator, record.category, record.path.stat().st_size)
        digest.update(f"{said}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _split_name(source: str | Path) -> tuple[str | None, Path]:
    text = str(source)
    name, equals, rest = text.partition("=")
    if equals and name and rest and not Path(text).exists():
        return name, Path(rest)
    return None, Path(source)


def _order(record: ImageRecord) -> tuple[str, str, str, str, str]:
    return (record.generator, record.category or "", record.split or "", record.label, str(record.path))


def _printable(record: ImageRecord) -> bool:
    return record.generator.isprintable() and (record.category is None or record.category.isprintable())


def _made_printable(record: ImageRecord) -> ImageRecord:
    """Names go into tables and figures: line feeds and bytes that are no text become escapes there."""

    def escaped(text: str) -> str:
        return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)

    category = None if record.category is None else escaped(record.category)
    return replace(record, generator=escaped(record.generator), category=category)


def _note_twins(records: list[ImageRecord], note: Callable[[str], None]) -> None:
    stems = Counter(str(record.path).rpartition(".")[0] for record in records)
    twins = sorted(stem for stem, count in stems.items() if count > 1)
    if twins:
        note(f"names with more than one suffix (the same image twice?): {len(twins)}, first {shown_path(twins[0])}")


# --- trees ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Folder:
    """One folder's entries, sorted by name: images, other files, folders."""

    path: Path
    images: tuple[Path, ...]
    strays: tuple[Path, ...]
    folders: tuple[Path, ...]

    @property
    def labels(self) -> dict[Label, Path]:
        return {LABEL_FOLDERS[child.name]: child for child in self.folders if child.name in LABEL_FOLDERS}

    @property
    def others(self) -> tuple[Path, ...]:
        return tuple(child for child in self.folders if child.name not in LABEL_FOLDERS)


def _holds_results(path: Path) -> bool:
    """Whether a folder is one that this package wrote: its figures are no material, but simulated images are."""
    try:
        manifest = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
        return "freqforensics" in manifest and manifest.get("holds") != "images"
    except (OSError, ValueError, TypeError, AttributeError):
        return False


class _Tree:
    """Walks folders, and remembers what it had to leave out."""

    def __init__(self, note: Callable[[str], None]) -> None:
        self.note = note

    def open(self, path: Path, above: Sequence[Path] = ()) -> _Folder:
        images, strays, folders = [], [], []
        if _holds_results(path):
            self.note(f"{shown_path(path)} holds results of freqforensics: left out")
            return _Folder(path, (), (), ())
        loops = {parent.resolve() for parent in above} | {path.resolve()}
        try:
            with os.scandir(path) as entries:
                for entry in sorted(entries, key=lambda entry: entry.name):
                    child = path / entry.name
                    if entry.name.startswith("."):
                        continue
                    try:
                        is_folder, is_file = entry.is_dir(), entry.is_file()
                        loop = is_folder and entry.is_symlink() and child.resolve() in loops
                    except OSError:  # a link to itself
                        is_folder = is_file = loop = False
                    if loop:
                        self.note(f"{shown_path(child)} links back to a folder above it: left out")
                    elif is_folder:
                        folders.append(child)
                    elif is_file and child.suffix.lower() in SUFFIXES:
                        images.append(child)
                    elif is_file and child.name != "manifest.json":  # of `simulate`
                        strays.append(child)
                    elif is_file:
                        continue
                    else:
                        self.note(f"{shown_path(child)}: a broken link or special file, left out")
        except OSError as error:
            self.note(f"{shown_path(path)} cannot be listed ({(error.strerror or str(error)).lower()}): left out")
        return _Folder(path, tuple(images), tuple(strays), tuple(folders))

    def leave_out(self, files: Sequence[Path], why: str) -> None:
        if files:
            what = shown_path(files[0]) if len(files) == 1 else f"{len(files)} files, first {shown_path(files[0])}"
            self.note(f"{what}: {why}, left out")

    def images_below(self, path: Path, above: Sequence[Path] = ()) -> Iterator[tuple[Path, str | None]]:
        """Every image at or below a folder, with the folder it lies in relative to it (None at the top)."""
        found = False
        pending: list[tuple[Path, tuple[Path, ...], str | None]] = [(path, tuple(above), None)]
        while pending:
            place, parents, inner = pending.pop()
            folder = self.open(place, parents)
            self.leave_out(folder.strays, _NO_SUFFIX)
            for image in folder.images:
                found = True
                yield image, inner
            pending += [
                (child, (*parents, place), child.name if inner is None else f"{inner}/{child.name}")
                for child in reversed(folder.folders)
            ]
        if not found:
            self.note(f"{shown_path(path)} holds no image: left out")

    def pair(self, folder: _Folder, generator: str, category: str | None, split: str | None) -> list[ImageRecord]:
        """The records of a folder that holds ``0_real`` or ``1_fake``."""
        self.leave_out(folder.images, "an image beside 0_real and 1_fake")
        self.leave_out(folder.strays, _NO_SUFFIX)
        for other in folder.others:
            self.note(f"{shown_path(other)} lies beside 0_real and 1_fake: left out")
        return [
            ImageRecord(image, label, generator, category or inner, split)
            for label, place in folder.labels.items()
            for image, inner in self.images_below(place, (folder.path,))
        ]


def _from_tree(root: Path, name: str | None, note: Callable[[str], None]) -> list[ImageRecord]:
    tree = _Tree(note)
    named = Path(os.path.abspath(root))  # noqa: PTH100 - a link keeps its own name, "." gets one
    own = name or named.name or "images"
    if named.name in LABEL_FOLDERS:
        own = name or named.parent.name or "images"
        label = LABEL_FOLDERS[named.name]
        return [ImageRecord(image, label, own, inner) for image, inner in tree.images_below(root)]

    top = tree.open(root)
    pairs = list(_pairs(tree, top, (), ()))
    if not pairs:
        return _plain(tree, top, own, name)
    if not top.labels:
        _leave_out_around(tree, top, pairs)
    source_split = named.name if named.name in _SPLITS else None
    if source_split and name is None:
        own = named.parent.name or own
    records: list[ImageRecord] = []
    for folder, parts in pairs:
        split = source_split
        if split is None and parts and parts[0] in _SPLITS:
            split, parts = parts[0], parts[1:]
        categories_only = name is not None or split in ("train", "val") or named.name.lower() in _MULTI_CLASS
        if categories_only or not parts:
            generator, inner = own, parts
        else:
            generator, inner = parts[0], parts[1:]
        records += tree.pair(folder, generator, "/".join(inner) or None, split)
    return records


def _pairs(
    tree: _Tree, folder: _Folder, parts: tuple[str, ...], above: tuple[Path, ...]
) -> Iterator[tuple[_Folder, tuple[str, ...]]]:
    """Every folder that holds 0_real or 1_fake, at most <split>/<generator>/<category> deep, with its place."""
    if folder.labels:
        yield folder, parts
        return
    if len(parts) == 3:
        return
    for child in folder.folders:
        opened = tree.open(child, (*above, folder.path))
        yield from _pairs(tree, opened, (*parts, child.name), (*above, folder.path))


def _leave_out_around(tree: _Tree, top: _Folder, pairs: list[tuple[_Folder, tuple[str, ...]]]) -> None:
    """Name what lies beside the folders on the way to the pairs."""
    held = {folder.path for folder, _ in pairs}
    on_the_way = {parent for path in held for parent in path.parents if parent.is_relative_to(top.path)}
    pending = [top]
    while pending:
        folder = pending.pop()
        tree.leave_out(folder.images, "an image outside the folders 0_real and 1_fake")
        tree.leave_out(folder.strays, _NO_SUFFIX)
        for child in folder.folders:
            if child in held:
                continue
            opened = _Tree(lambda text: None).open(child)  # what is odd in it was named when it was first opened
            if child in on_the_way:
                pending.append(opened)
            else:
                empty = not opened.images and not opened.folders and not opened.strays
                tree.note(f"{shown_path(child)} {'is empty' if empty else 'has neither 0_real nor 1_fake'}: left out")


def _plain(tree: _Tree, top: _Folder, own: str, name: str | None) -> list[ImageRecord]:
    tree.leave_out(top.strays, _NO_SUFFIX)
    records = [ImageRecord(image, "unknown", own) for image in top.images]
    for child in top.folders:
        for image, inner in tree.images_below(child, (top.path,)):
            if name is None:
                records.append(ImageRecord(image, "unknown", child.name, inner))
            else:
                records.append(ImageRecord(image, "unknown", name, f"{child.name}/{inner}" if inner else child.name))
    return records


# --- tables --------------------------------------------------------------------------------------------------------


def _from_table(table: Path, name: str | None, note: Callable[[str], None]) -> list[ImageRecord]:
    records: dict[Path, ImageRecord] = {}
    repeated: list[Path] = []
    delimiter = "\t" if table.suffix.lower() == ".tsv" else ","
    try:
        with table.open(newline="", encoding="utf-8-sig") as lines:
            rows = csv.DictReader(lines, delimiter=delimiter)
            missing = [column for column in ("path", "label", "generator") if column not in (rows.fieldnames or ())]
            if missing:
                raise ValueError(f"{shown_path(table)} lacks the column {', '.join(missing)}\n{LAYOUTS}")
            for row in rows:
                label = (row["label"] or "unknown").strip().lower()
                if label not in get_args(Label):
                    raise ValueError(
                        f"{shown_path(table)} line {rows.line_num}: label {label!r} is not real, fake, unknown"
                    )
                if not row["path"]:
                    raise ValueError(f"{shown_path(table)} line {rows.line_num}: no path")
                path = table.parent / row["path"]
                if path in records:
                    repeated.append(path)
                    continue
                records[path] = ImageRecord(
                    path,
                    label,  # type: ignore[arg-type]  # checked above
                    name or (row["generator"] or "").strip() or _folder_name(path),
                    row.get("category") or None,
                    row.get("split") or None,
                )
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{shown_path(table)} is not a table of text in UTF-8: {error}") from error
    if repeated:
        first = shown_path(repeated[0])
        note(f"rows of {shown_path(table)} that repeat a path, kept once: {len(repeated)}, first {first}")
    return list(records.values())


def _folder_name(path: Path) -> str:
    folder = path.parent
    return (folder.parent if folder.name in LABEL_FOLDERS else folder).name or "images"
