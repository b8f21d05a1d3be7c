"""Folder trees of images: ForenSynths and its kin, and plain folders."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from freqforensics.images import shown_path
from freqforensics.sources.leftovers import Leftovers, is_image_name
from freqforensics.sources.records import ImageRecord, Label
from freqforensics.sources.sides import Sides, is_numbered, is_sure_word, possible_side, tell_side, tell_sides

_SPLITS: Final = frozenset({"train", "val", "test"})
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


class TreeOfImages:
    """The images of a folder tree, and what had to be left out.

    Parameters
    ----------
    root : Path
        The folder.
    note : callable
        Called with a line for everything left out or doubtful, except files that are no images.

    Attributes
    ----------
    leftovers : Leftovers
        Files that are no images.
    linked : bool
        Whether some file or folder is a link, so that a file may have been listed twice.
    """

    def __init__(self, root: Path, note: Note) -> None:
        self.root = root
        self.note = note
        self.leftovers = Leftovers()
        self.linked = False
        real = root.resolve()
        self._above_root = {real, *real.parents}
        self._opened: dict[Path, _Folder] = {}

    def records(self, name: str | None) -> list[ImageRecord]:
        """List the images; `name` is the generator of all of them."""
        named = Path(os.path.abspath(self.root))  # noqa: PTH100 - a link keeps its own name, "." gets one
        root_generator = name or named.name or "images"
        top = self._open(self.root)
        side = tell_side(named.name, _folders_beside(named)) if is_sure_word(named.name) else Sides()
        pairs = [] if is_numbered(named.name) else list(self._pairs(top, (), ()))
        if not pairs and side.labels:
            return self._one_side(named, name, side)
        if not pairs:
            return self._plain(top, root_generator, name)
        if not top.labels:
            self._leave_out_around(top, pairs)
        source_split = named.name if named.name in _SPLITS else None
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
            categories_only = (
                name is not None or (in_root and split in ("train", "val")) or source_split in ("train", "val")
            )
            if categories_only or named.name.lower() in _MULTI_CLASS or not parts:
                generator, inner = root_generator, parts
            else:
                generator, inner = parts[0], parts[1:]
            records += self._pair(folder, generator, "/".join(inner) or None, split)
        return records

    def _open(self, path: Path, above: Sequence[Path] = ()) -> _Folder:
        if path not in self._opened:
            self._opened[path] = self._listed(path, above)
        return self._opened[path]

    def _listed(self, path: Path, above: Sequence[Path]) -> _Folder:
        images, folders, others = [], [], 0
        if _holds_results(path):
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
                    elif is_file:
                        self.leftovers.add(entry.name)
                        others += 1
                    else:
                        self.note(f"{shown_path(child)}: a broken link or special file, left out")
        except OSError as error:
            self.note(f"{shown_path(path)} cannot be listed ({(error.strerror or str(error)).lower()}): left out")
        sides = tell_sides([child.name for child in folders], alone=not images)
        return _Folder(path, tuple(images), tuple(folders), others, sides)

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
        above = named.parent
        split = None
        if above.name in _SPLITS and above.parent.name and above.parent.name.lower() not in _MULTI_CLASS:
            split, above = above.name, above.parent
        generator = name or above.name or "images"
        return [ImageRecord(image, label, generator, inner, split) for image, inner in self._images_below(self.root)]

    def _pair(self, folder: _Folder, generator: str, category: str | None, split: str | None) -> list[ImageRecord]:
        """The records of a folder that holds a side or both."""
        if folder.sides.doubt:
            self.note(f"{shown_path(folder.path)}: {folder.sides.doubt}")
        self._leave_out_images(folder, f"beside {folder.side_names}")
        for other in folder.beside:
            self.note(f"{shown_path(other)} lies beside {folder.side_names}: left out")
        return [
            ImageRecord(image, label, generator, category or inner, split)
            for label, side in folder.labels
            for image, inner in self._images_below(side, (folder.path,))
        ]

    def _pairs(
        self, folder: _Folder, parts: tuple[str, ...], above: tuple[Path, ...]
    ) -> Iterator[tuple[_Folder, tuple[str, ...]]]:
        """Every folder that holds a side or both, with its place."""
        if folder.labels:
            yield folder, parts
            return
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
        return self._possible_sides_apart(records)

    def _possible_sides_apart(self, records: list[ImageRecord]) -> list[ImageRecord]:
        """Keep what may be real and fake images out of one group, and say so."""
        places: dict[Path, tuple[Path, str, Label] | None] = {}
        words: dict[Path, dict[Label, str]] = {}
        for record in records:
            folder = record.path.parent
            if folder not in places:
                parts = folder.relative_to(self.root).parts
                side = possible_side(parts)
                places[folder] = side and (self.root.joinpath(*parts[: side[0]]), parts[side[0]], side[1])
                if side:
                    words.setdefault(self.root.joinpath(*parts[: side[0]]), {})[side[1]] = parts[side[0]]
        apart = []
        for record in records:
            place = places[record.path.parent]
            if place is not None and len(words[place[0]]) == 2 and record.generator != place[1]:
                record = replace(record, generator=f"{record.generator}/{place[1]}")
            apart.append(record)
        for folder, sides in words.items():
            names = " and ".join(repr(word) for _, word in sorted(sides.items(), reverse=True))
            if len(sides) == 2:
                self.note(
                    f"{shown_path(folder)}: the folders {names} may be real and fake images: kept apart, label unknown"
                    " (name them 0_real and 1_fake, or list the files in a table)"
                )
            elif any(is_sure_word(word) for word in sides.values()):
                self.note(f"{shown_path(folder)}: the folder {names} has no other side beside it: label unknown")
        return apart


def _holds_results(path: Path) -> bool:
    """Whether this package wrote a folder of results, whose figures are not images to index; simulated images are."""
    try:
        manifest = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
        return "freqforensics" in manifest and manifest.get("holds") != "images"
    except (OSError, ValueError, TypeError, AttributeError):
        return False


def _folders_beside(folder: Path) -> list[str]:
    try:
        with os.scandir(folder.parent) as entries:
            return [entry.name for entry in entries if entry.is_dir()]
    except OSError:
        return []


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
        if names <= _SPLITS and (len(names) > 1 or above[-1].lower() not in _MULTI_CLASS)
    }


def _taken_split(parts: tuple[str, ...], levels: set[tuple[str, ...]]) -> tuple[str | None, tuple[str, ...], bool]:
    """The split that a place names, the place without it, and whether it stands first."""
    if parts and parts[0] in _SPLITS:
        return parts[0], parts[1:], True
    for level in range(1, len(parts)):
        if parts[:level] in levels:
            return parts[level], (*parts[:level], *parts[level + 1 :]), False
    return None, parts, False
