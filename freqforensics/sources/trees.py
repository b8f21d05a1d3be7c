"""Folder trees of images: ForenSynths and its kin, and plain folders."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from freqforensics.images import shown_path
from freqforensics.sources.leftovers import Leftovers, is_image_name
from freqforensics.sources.model_names import is_model_name
from freqforensics.sources.records import ImageRecord, Label
from freqforensics.sources.shared import SharedReal, counterparts
from freqforensics.sources.sides import (
    Labels,
    Sides,
    is_numbered,
    is_sure_word,
    possible_side,
    question,
    tell_side,
    tell_sides,
)
from freqforensics.sources.tables import METADATA, is_metadata, read_table
from freqforensics.storage.locations import is_location
from freqforensics.storage.opening import read_small

_SPLITS: Final = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
_MULTI_CLASS: Final = frozenset({"progan", "stylegan", "stylegan2", "cyclegan"})  # of ForenSynths

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Folder:
    """One folder's entries, sorted by name: images, folders, and how many other files there are."""

    path: Path
    images: tuple[str, ...] = ()
    folders: tuple[Path, ...] = ()
    others: int = 0
    sides: Sides = field(default_factory=Sides)
    has_table: bool = False

    @property
    def labels(self) -> list[tuple[Label, Path]]:
        sides = self.sides.labels
        return sorted((sides[child.name], child) for child in self.folders if child.name in sides)

    @property
    def beside(self) -> tuple[Path, ...]:
        return tuple(child for child in self.folders if child.name not in self.sides.labels)

    @property
    def side_names(self) -> str:
        return " and ".join(sorted(self.sides.labels))


@dataclass(frozen=True, slots=True)
class Place:
    """What a folder's place says of the image files in it.

    Parameters
    ----------
    base : Path
        Folder whose name is the generator.
    label : {"real", "fake", "unknown"}
    category, split : str or None
    """

    base: Path
    label: Label = "unknown"
    category: str | None = None
    split: str | None = None


def place_of(folder: Path, note: Note, labels: Labels | None = None) -> Place:
    """Tell from the names of a folder and of those above and beside it what the files in it are.

    Parameters
    ----------
    folder : Path
    note : callable
        Called with a line where the label is doubtful.
    labels : mapping of str to {"real", "fake", "unknown"}, optional
        What folders' names mean.

    Returns
    -------
    Place
        Without a label where no folder on the way is a side; the base is the folder itself then.
    """
    whole = _named(folder)
    for side_folder in (whole, *whole.parents):
        side = _own_side(side_folder, labels or {}, alone=side_folder == whole)
        if not side.labels:
            continue
        if side.doubt:
            note(f"{shown_path(side_folder)}: {side.doubt}")
        (label,) = side.labels.values()
        base, split = _generator_of_side(side_folder, side)
        inner = whole.relative_to(side_folder).parts
        if inner and split is None and split_of(inner[0]):
            split, inner = split_of(inner[0]), inner[1:]
        return Place(base, label, "/".join(inner) or None, split)
    return Place(whole)


class TreeOfImages:
    """The images of a folder tree, and what had to be left out.

    Parameters
    ----------
    root : Path
        The folder.
    note : callable
        Called with a line for everything left out or doubtful, except files that are no images.
    labels : mapping of str to {"real", "fake", "unknown"}, optional
        What folders' names mean, in lower case, beside or against those that are understood.

    Attributes
    ----------
    leftovers : Leftovers
        Files that are no images.
    linked : bool
        Whether some file or folder is a link, so that a file may have been listed twice.
    """

    def __init__(self, root: Path, note: Note, labels: Labels | None = None) -> None:
        self.root = root
        self.note = note
        self.labels = labels or {}
        self.leftovers = Leftovers()
        self.linked = False
        real = root.resolve()
        self._above_root = {real, *real.parents}
        self._opened: dict[Path, _Folder] = {}

    def records(self, name: str | None) -> list[ImageRecord]:
        """List the images; `name` is the generator of all of them."""
        named = _named(self.root)
        root_generator = name or named.name or "images"
        top = self._open(self.root)
        side = _own_side(named, self.labels)
        pairs = [] if is_numbered(named.name) else list(self._pairs(top, (), ()))
        if not pairs and side.labels:
            return self._one_side(named, name, side)
        if not pairs:
            return self._plain(top, root_generator, name)
        if all(folder.path != top.path for folder, _ in pairs):
            self._leave_out_around(top, pairs)
        source_split = split_of(named.name)
        if source_split and name is None:
            root_generator = named.parent.name or root_generator
        levels = _split_levels([parts for _, parts in pairs])
        records: list[ImageRecord] = []
        for folder, parts in pairs:
            split = source_split
            if split is None:
                split, parts, in_root = _taken_split(parts, levels)
            else:
                in_root = False
            if folder.has_table:
                records += self._table(folder, name)
                continue
            if folder.sides.generators:
                records += self._shared(folder, name, "/".join(parts) or None, split)
                continue
            training = (in_root and split in ("train", "val")) or source_split in ("train", "val")
            categories_only = name is not None or (training and not _is_generator(folder, parts))
            if categories_only or named.name.lower() in _MULTI_CLASS or not parts:
                generator, inner = root_generator, parts
            else:
                generator, inner = parts[0], parts[1:]
            records += self._pair(folder, generator, "/".join(inner) or None, split)
        return records

    def files(self) -> list[Path]:
        """List all image files, whatever they are of, by folder and name."""
        return [image for image, _ in self._images_below(self.root)]

    def _open(self, path: Path, above: Sequence[Path] = ()) -> _Folder:
        if path not in self._opened:
            self._opened[path] = self._listed(path, above)
        return self._opened[path]

    def _listed(self, path: Path, above: Sequence[Path]) -> _Folder:
        images, folders, others, has_table = [], [], 0, False
        if holds_results(path):
            self.note(f"{shown_path(path)} holds results of freqforensics: left out")
            return _Folder(path)
        try:
            with os.scandir(path) as entries:
                for entry in sorted(entries, key=lambda entry: entry.name):
                    child = path / entry.name
                    if entry.name.startswith("."):
                        continue
                    try:
                        is_folder, is_file, is_link = entry.is_dir(), entry.is_file(), entry.is_symlink()
                        loop = is_folder and is_link and self._is_above(child.resolve(), (*above, path))
                    except OSError:  # a link to itself
                        is_folder = is_file = is_link = loop = False
                    self.linked |= is_link
                    if loop:
                        self.note(f"{shown_path(child)} links back to a folder above it: left out")
                    elif is_folder:
                        folders.append(child)
                    elif is_file and is_image_name(entry.name):
                        images.append(entry.name)
                    elif is_file and entry.name == METADATA and is_metadata(child):
                        has_table = True
                    elif is_file:
                        self.leftovers.add(entry.name)
                        others += 1
                    else:
                        self.note(f"{shown_path(child)}: a broken link or special file, left out")
        except OSError as error:
            self.note(f"{shown_path(path)} cannot be listed ({(error.strerror or str(error)).lower()}): left out")
        sides = tell_sides([child.name for child in folders], alone=not images, labels=self.labels)
        return _Folder(path, tuple(images), tuple(folders), others, sides, has_table)

    def _is_above(self, real: Path, above: Sequence[Path]) -> bool:
        return real in self._above_root or real in {parent.resolve() for parent in above}

    def _leave_out_images(self, folder: _Folder, why: str) -> None:
        if folder.images:
            first = shown_path(folder.path / folder.images[0])
            what = first if len(folder.images) == 1 else f"{len(folder.images)} files, first {first}"
            self.note(f"{what}: an image {why}, left out")

    def _images_below(self, path: Path, above: Sequence[Path] = ()) -> Iterator[tuple[Path, str | None]]:
        """Every image at or below a folder, with the folder it lies in relative to it (None at the top)."""
        empty = True
        pending: list[tuple[Path, tuple[Path, ...], str | None]] = [(path, tuple(above), None)]
        while pending:
            current, parents, inner = pending.pop()
            folder = self._open(current, parents)
            for image in folder.images:
                empty = False
                yield current / image, inner
            pending += [
                (child, (*parents, current), child.name if inner is None else f"{inner}/{child.name}")
                for child in reversed(folder.folders)
            ]
        if empty:
            self.note(f"{shown_path(path)} holds no image: left out")

    def _one_side(self, named: Path, name: str | None, side: Sides) -> list[ImageRecord]:
        """The records of a source that is one side itself."""
        (label,) = side.labels.values()
        if side.doubt:
            self.note(f"{shown_path(self.root)}: {side.doubt}")
        generator, split = _generator_of_side(named, side)
        return self._sides([(label, self.root)], name or generator.name or "images", None, split, ())

    def _pair(self, folder: _Folder, generator: str, category: str | None, split: str | None) -> list[ImageRecord]:
        """The records of a folder that holds a side or both."""
        if folder.sides.doubt:
            self.note(f"{shown_path(folder.path)}: {folder.sides.doubt}")
        self._leave_out_beside(folder)
        return self._sides(folder.labels, generator, category, split, (folder.path,))

    def _shared(self, folder: _Folder, name: str | None, category: str | None, split: str | None) -> list[ImageRecord]:
        """The records of generators by their own names, with the real side that all of them share."""
        if name is not None:
            return self._pair(folder, name, category, split)
        self._leave_out_beside(folder)
        above = (folder.path,)
        records: list[ImageRecord] = []
        for label, side in folder.labels:
            generators = folder.sides.generators if label == "real" else (side.name,)
            images = self._sides([(label, side)], side.name, category, split, above)
            records += counterparts(images, generators) if label == "real" else images
            if label == "real" and images:
                self.note(SharedReal(str(side), len(images), generators))
        return records

    def _leave_out_beside(self, folder: _Folder) -> None:
        self._leave_out_images(folder, f"beside {folder.side_names}")
        for other in folder.beside:
            self.note(f"{shown_path(other)} lies beside {folder.side_names}: left out")

    def _sides(
        self,
        sides: Sequence[tuple[Label, Path]],
        generator: str,
        category: str | None,
        split: str | None,
        above: tuple[Path, ...],
    ) -> list[ImageRecord]:
        """The records of folders that are a side each; train, val and test in all of them are splits."""
        opened = [self._open(side, above) for _, side in sides]
        splits_below = split is None and all(
            folder.folders and not folder.images and all(split_of(child.name) for child in folder.folders)
            for folder in opened
        )
        records = []
        for label, side in sides:
            for image, inner in self._images_below(side, above):
                if splits_below and inner is not None:
                    first, _, inner = inner.partition("/")
                    split = split_of(first)
                records.append(ImageRecord(image, label, generator, category or inner or None, split))
        return records

    def _table(self, folder: _Folder, name: str | None) -> list[ImageRecord]:
        """The records of a folder that has a table of its images."""
        table = folder.path / METADATA
        records = read_table(table, name, self.note, labels=self.labels)
        listed = {os.path.normpath(record.path) for record in records}
        others = [image for image, _ in self._images_below(folder.path) if os.path.normpath(image) not in listed]
        if others:
            first = shown_path(others[0])
            self.note(f"images that {shown_path(table)} does not list, left out: {len(others)}, first {first}")
        return records

    def _pairs(
        self, folder: _Folder, parts: tuple[str, ...], above: tuple[Path, ...]
    ) -> Iterator[tuple[_Folder, tuple[str, ...]]]:
        """Every folder that holds a side or both, or a table, with its place."""
        if not folder.has_table and (folder.sides.generators or folder.sides.unclear):
            below = list(self._pairs_below(folder, parts, above))
            if below:  # what looks like generators beside a real side holds sides of its own
                yield from below
                return
            if folder.sides.unclear:
                raise question(folder.sides.unclear, shown_path(folder.path), self.labels)
        if folder.labels or folder.has_table:
            yield folder, parts
            return
        yield from self._pairs_below(folder, parts, above)

    def _pairs_below(
        self, folder: _Folder, parts: tuple[str, ...], above: tuple[Path, ...]
    ) -> Iterator[tuple[_Folder, tuple[str, ...]]]:
        for child in folder.folders:
            opened = self._open(child, (*above, folder.path))
            yield from self._pairs(opened, (*parts, child.name), (*above, folder.path))

    def _leave_out_around(self, top: _Folder, pairs: list[tuple[_Folder, tuple[str, ...]]]) -> None:
        """Name what lies beside the folders on the way to the pairs."""
        held = {folder.path for folder, _ in pairs}
        on_the_way = {parent for path in held for parent in path.parents if parent.is_relative_to(top.path)}
        pending = [top]
        while pending:
            folder = pending.pop()
            self._leave_out_images(folder, "outside the folders of real and fake images")
            for child in folder.folders:
                if child in held:
                    continue
                opened = self._opened[child]
                if child in on_the_way:
                    pending.append(opened)
                else:
                    empty = not opened.images and not opened.folders and not opened.others
                    what = "is empty" if empty else "has neither 0_real nor 1_fake"
                    self.note(f"{shown_path(child)} {what}: left out")

    def _plain(self, top: _Folder, generator: str, name: str | None) -> list[ImageRecord]:
        records = [ImageRecord(top.path / image, "unknown", generator) for image in top.images]
        for child in top.folders:
            for image, inner in self._images_below(child, (top.path,)):
                if name is None:
                    records.append(ImageRecord(image, "unknown", child.name, inner))
                else:
                    records.append(
                        ImageRecord(image, "unknown", name, f"{child.name}/{inner}" if inner else child.name)
                    )
        self._ask_of_possible_sides(records)
        return records

    def _ask_of_possible_sides(self, records: Sequence[ImageRecord]) -> None:
        """Refuse what may be real and fake images in one source; ValueError that names the folders."""
        words: dict[Path, dict[str, Label]] = {}
        for folder in dict.fromkeys(record.path.parent for record in records):
            parts = folder.relative_to(self.root).parts
            side = possible_side(parts, self.labels)
            if side:
                words.setdefault(self.root.joinpath(*parts[: side[0]]), {})[parts[side[0]]] = side[1]
        for folder, sides in words.items():
            if len(set(sides.values())) == 2:
                raise question(sorted(sides), shown_path(folder), self.labels)
            for word in sides:
                if is_sure_word(word):
                    self.note(f"{shown_path(folder)}: the folder {word!r} has no other side beside it: label unknown")


def _named(folder: Path) -> Path:
    """The folder with a name: a link keeps its own, "." gets one."""
    return folder if is_location(str(folder)) else Path(os.path.abspath(folder))  # noqa: PTH100


def holds_results(path: Path) -> bool:
    """Whether this package wrote a folder of results, whose figures are not images to index; simulated images are."""
    try:
        manifest = json.loads(read_small(path / "manifest.json"))
        return "freqforensics" in manifest and manifest.get("holds") != "images"
    except (OSError, ValueError, TypeError, AttributeError):
        return False


def _folders_beside(folder: Path) -> list[str]:
    try:
        with os.scandir(folder.parent) as entries:
            return [entry.name for entry in entries if entry.is_dir()]
    except OSError:
        return []


def split_of(name: str) -> str | None:
    """Give the part of a data set that a folder's name stands for."""
    return _SPLITS.get(name.casefold())


def _own_side(folder: Path, labels: Labels, *, alone: bool = True) -> Sides:
    """The label of a folder by its own name and by those beside it."""
    if not is_sure_word(folder.name, labels):
        return Sides()
    return tell_side(folder.name, _folders_beside(folder), labels=labels, alone=alone)


def _generator_of_side(folder: Path, side: Sides) -> tuple[Path, str | None]:
    """The folder whose name is the generator of a side, and the split that it is in."""
    if side.generators:
        return folder, split_of(folder.parent.name)
    above = folder.parent
    split = split_of(above.name)
    if split and above.parent.name and above.parent.name.lower() not in _MULTI_CLASS:
        return above.parent, split
    return above, None


def _is_generator(folder: _Folder, parts: Sequence[str]) -> bool:
    """Whether the first folder below train or val is a generator, and not a class of ForenSynths."""
    words = {name.casefold() for name in folder.sides.labels}
    return bool(parts) and (words <= {"nature", "ai"} or is_model_name(parts[0]))


def _split_levels(places: Collection[tuple[str, ...]]) -> set[tuple[str, ...]]:
    """Folders, as places, in which every folder on the way to images is a split.

    A single folder "train" of one of the generators with classes is a class: trains are among ProGAN's.
    """
    children: dict[tuple[str, ...], set[str]] = {}
    for parts in places:
        for level in range(1, len(parts)):
            children.setdefault(parts[:level], set()).add(parts[level])
    return {
        above
        for above, names in children.items()
        if all(map(split_of, names)) and (len(names) > 1 or above[-1].lower() not in _MULTI_CLASS)
    }


def _taken_split(parts: tuple[str, ...], levels: set[tuple[str, ...]]) -> tuple[str | None, tuple[str, ...], bool]:
    """The split that a place names, the place without it, and whether it stands first."""
    if parts and split_of(parts[0]):
        return split_of(parts[0]), parts[1:], True
    for level in range(1, len(parts)):
        if parts[:level] in levels:
            return split_of(parts[level]), (*parts[:level], *parts[level + 1 :]), False
    return None, parts, False
