"""Trees of images within archives and remote folders: the rules of folders, on a list of names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, cast

from freqforensics.images import shown_path
from freqforensics.sources.leftovers import is_image_name
from freqforensics.sources.sides import Labels, tell_sides
from freqforensics.sources.trees import Note, TreeOfImages, _Folder, holds_results
from freqforensics.storage.locations import Location

_MANIFEST: Final = "manifest.json"
_NO_FOLDERS: Final = frozenset({"__MACOSX"})


class TreeOfMembers(TreeOfImages):
    """The images of an archive or a remote folder, as `TreeOfImages` lists those of a folder.

    Parameters
    ----------
    root : Location
        The archive, ``shard.tar::``, the address of a folder, or a folder in either.
    names : iterable of str
        Names of all files below `root`, with "/" between folders.
    note : callable
        Called with a line for everything left out or doubtful.
    labels : mapping of str to {"real", "fake", "unknown"}, optional
        What the words mean, as for `TreeOfImages`.
    only_images : bool
        Whether every file is an image, whatever its name.
    unpacked : bool
        Whether to go into the only folder at the top, as it is when a folder was packed with its name.
    """

    def __init__(
        self,
        root: Location,
        names: Iterable[str],
        note: Note,
        labels: Labels | None = None,
        *,
        only_images: bool = False,
        unpacked: bool = False,
    ) -> None:
        self._only_images = only_images
        self._files: dict[str, list[str]] = {}
        self._folders: dict[str, set[str]] = {"": set()}
        for name in names:
            folder, _, file = name.rpartition("/")
            if folder not in self._files:
                self._files[folder] = []
                self._add_folder(folder)
            self._files[folder].append(file)
        self.base = root
        top = self._only_folder() if unpacked else None
        super().__init__(cast(Path, root) if top is None else root / top, note, labels)
        for name in self._files.get("", ()) if top is not None else ():
            self.leftovers.add(name)

    def _add_folder(self, folder: str) -> None:
        while folder and folder not in self._folders:
            self._folders[folder] = set()
            above, _, name = folder.rpartition("/")
            known = above in self._folders
            if not known:
                self._add_folder(above)
            self._folders[above].add(name)
            folder = above if not known else ""

    def _only_folder(self) -> str | None:
        folders = [name for name in self._folders[""] if not _passed_over(name)]
        images = any(self._is_image(name) for name in self._files.get("", ()))
        return folders[0] if len(folders) == 1 and not images else None

    def _is_image(self, name: str) -> bool:
        return self._only_images or is_image_name(name)

    def _listed(self, path: Path, above: Sequence[Path]) -> _Folder:
        inner = str(path.relative_to(self.base))
        inner = "" if inner == "." else inner
        files = sorted(name for name in self._files.get(inner, ()) if not name.startswith("."))
        if _MANIFEST in files and holds_results(path):
            self.note(f"{shown_path(path)} holds results of freqforensics: left out")
            return _Folder(path)
        images = tuple(name for name in files if self._is_image(name))
        others = [name for name in files if not self._is_image(name)]
        for name in others:
            self.leftovers.add(name)
        folders = tuple(path / name for name in sorted(self._folders.get(inner, ())) if not _passed_over(name))
        sides = tell_sides([child.name for child in folders], alone=not images, labels=self.labels)
        return _Folder(path, images, folders, len(others), sides)


def _passed_over(name: str) -> bool:
    return name.startswith(".") or name in _NO_FOLDERS
