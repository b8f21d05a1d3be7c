"""Folders and tables of images to a sorted list of records.

Layouts understood (`LAYOUTS` is what an error shows): ForenSynths trees, plain folders, and tables. What lies in the
way of them (stray files, empty folders, loops of links) is named, never fatal, and never becomes a class.
"""

from __future__ import annotations

import csv
import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
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
  <generator>/{0_real,1_fake}/*                    one generator
  <root>/{train,val,test}/<category>/{0_real,1_fake}/*  training roots
  <folder>/* or <root>/<folder>/*                  plain folders: label unknown, generator = folder name
  table.csv or table.tsv                           columns path, label, generator [, category, split]"""

LABEL_FOLDERS: Final[dict[str, Label]] = {"0_real": "real", "1_fake": "fake"}
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
        train, val or test, or progan, stylegan, stylegan2 or cyclegan (multi-class in ForenSynths).
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
    note = on_note or (lambda text: warnings.warn(text, FolderWarning, stacklevel=3))
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
        Sorted. Generators of one name in different sources are kept apart by their parent folder's name, and a file
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
        fresh = [record for record in records if record.path.absolute() not in seen]
        if len(fresh) < len(records):
            note(f"{len(records) - len(fresh)} files of {shown_path(path)} are listed by an earlier source: kept once")
        seen.update(record.path.absolute() for record in fresh)
        base = path.resolve()
        for taken in sorted({record.generator for record in fresh}):
            if name is None and taken in owner and owner[taken] != base:
                apart = f"{base.parent.name if taken == base.name else base.name}/{taken}"
                note(f"two sources have a generator {taken!r}: that of {shown_path(path)} is called {apart!r}")
                fresh = [replace(r, generator=apart) if r.generator == taken else r for r in fresh]
            else:
                owner.setdefault(taken, base)
        merged.extend(fresh)
    merged.sort(key=_order)
    return merged


def by_generator(records: Sequence[ImageRecord]) -> dict[tuple[str, Label], list[ImageRecord]]:
    """Sort records into one list for each generator and label: generators by name, real before fake before unknown."""
    groups: dict[tuple[str, Label], list[ImageRecord]] = {}
    for record in records:
        groups.setdefault((record.generator, record.label), []).append(record)
    return dict(sorted(groups.items(), key=lambda item: (item[0][0], get_args(Label).index(item[0][1]))))


def _split_name(source: str | Path) -> tuple[str | None, Path]:
    text = str(source)
    name, equals, rest = text.partition("=")
    if equals and name and rest and not Path(text).exists():
        return name, Path(rest)
    return None, Path(source)


def _order(record: ImageRecord) -> tuple[str, str, str, str, str]:
    return (record.generator, record.category or "", record.split or "", record.label, str(record.path))


def _note_twins(records: list[ImageRecord], note: Callable[[str], None]) -> None:
    stems = Counter(str(record.path).rpartition(".")[0] for record in records)
    twins = sorted(stem for stem, count in stems.items() if count > 1)
    if twins:
        note(
            f"{len(twins)} names occur with more than one suffix (the same image twice?), first {shown_path(twins[0])}"
        )


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


class _Tree:
    """Walks folders, and remembers what it had to leave out."""

    def __init__(self, note: Callable[[str], None]) -> None:
        self.note = note

    def open(self, path: Path, above: Sequence[Path] = ()) -> _Folder:
        images, strays, folders = [], [], []
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
                    else:
                        strays.append(child)
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
            self.leave_out(folder.strays, "not an image")
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
        self.leave_out(folder.strays, "not an image")
        for other in folder.others:
            self.note(f"{shown_path(other)} lies beside 0_real and 1_fake: left out")
        return [
            ImageRecord(image, label, generator, category or inner, split)
            for label, place in folder.labels.items()
            for image, inner in self.images_below(place, (folder.path,))
        ]


def _from_tree(root: Path, name: str | None, note: Callable[[str], None]) -> list[ImageRecord]:
    tree = _Tree(note)
    named = root.resolve()
    own = name or named.name or "images"
    if named.name in LABEL_FOLDERS:
        label = LABEL_FOLDERS[named.name]
        own = name or named.parent.name or "images"
        return [ImageRecord(image, label, own, inner) for image, inner in tree.images_below(root)]

    top = tree.open(root)
    if top.labels:
        return tree.pair(top, own, None, None)

    children = [(child, tree.open(child, (root,))) for child in top.folders]
    grandchildren = {
        child: [(inner, tree.open(inner, (root, child))) for inner in folder.folders]
        for child, folder in children
        if not folder.labels
    }
    forensynths = any(folder.labels for _, folder in children) or any(
        inner.labels for inners in grandchildren.values() for _, inner in inners
    )
    if not forensynths:
        return _plain(tree, top, own, name)

    tree.leave_out(top.images, "an image outside the folders 0_real and 1_fake")
    tree.leave_out(top.strays, "not an image")
    below_is_category = name is not None or named.name in _SPLITS or named.name.lower() in _MULTI_CLASS
    if named.name in _SPLITS and name is None:
        own = named.parent.name or own
    split = named.name if named.name in _SPLITS else None
    records: list[ImageRecord] = []
    for child, folder in children:
        if folder.labels:
            if child.name in _SPLITS:
                records += tree.pair(folder, own, None, child.name)
            elif below_is_category:
                records += tree.pair(folder, own, child.name, split)
            else:
                records += tree.pair(folder, child.name, None, None)
            continue
        pairs = [(inner, opened) for inner, opened in grandchildren[child] if opened.labels]
        if not pairs:
            empty = not folder.images and not folder.folders
            why = "is empty" if empty else "has neither 0_real nor 1_fake"
            note(f"{shown_path(child)} {why}: left out")
            continue
        tree.leave_out(folder.images, "an image outside the folders 0_real and 1_fake")
        tree.leave_out(folder.strays, "not an image")
        for inner, opened in grandchildren[child]:
            if not opened.labels:
                note(f"{shown_path(inner)} has neither 0_real nor 1_fake: left out")
        for inner, opened in pairs:
            if child.name in _SPLITS:
                records += tree.pair(opened, own, inner.name, child.name)
            elif below_is_category:
                records += tree.pair(opened, own, f"{child.name}/{inner.name}", split)
            else:
                records += tree.pair(opened, child.name, inner.name, None)
    return records


def _plain(tree: _Tree, top: _Folder, own: str, name: str | None) -> list[ImageRecord]:
    tree.leave_out(top.strays, "not an image")
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
        note(f"{len(repeated)} rows of {shown_path(table)} repeat a path, first {shown_path(repeated[0])}: kept once")
    return list(records.values())


def _folder_name(path: Path) -> str:
    folder = path.parent
    return (folder.parent if folder.name in LABEL_FOLDERS else folder).name or "images"
