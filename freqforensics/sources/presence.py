"""Quick checks of sources, before anything slow begins: they exist, hold images, and say which are real.

What decodes images is imported only where a file has to be opened.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from freqforensics.sources.records import Label
from freqforensics.sources.selection import SourcesLike, as_sources, split_name

_SMALL_TABLE: Final = 1 << 20
_LOOKED_AT: Final = 10_000
"""Entries of folders that are looked at for names that need labels."""


def check_sources(*sources: SourcesLike | None) -> None:
    """Raise what `index_sources` does of sources that do not exist, hold no image, or need labels.

    Parameters
    ----------
    *sources : Sources, str, Path, sequence of str or Path, or None
        Sources; None is none. A whole tree is indexed only where its first folders leave something to say.

    Raises
    ------
    ValueError, FileNotFoundError
        As `index_sources`.
    """
    from freqforensics.sources.sources import index_sources

    for several in sources:
        if several is not None:
            group = as_sources(several)
            for source in (*group, *group.real):
                path = split_name(source)[1]
                if not _holds_images(path) or _needs_labels(path, group.labels):
                    index_sources(group.alike(source), on_note=lambda _: None)  # says what is wrong, or that nothing is


def check_images(paths: Sequence[str]) -> None:
    """Raise ValueError if there is no file at any of the paths of images; folders and lists are checked as sources.

    Parameters
    ----------
    paths : sequence of str
        Image files, folders, archives and lists of files.

    Raises
    ------
    ValueError
        None of the files can be read, or a folder or list holds no image.
    """
    from freqforensics.images import ImageReadError, read_file, shown_path
    from freqforensics.sources.containers import holds_several
    from freqforensics.sources.listing import is_list
    from freqforensics.sources.sources import image_files
    from freqforensics.storage.locations import as_path

    several = [path for path in paths if holds_several(path) or is_list(path)]
    for path in several:
        if not _holds_images(as_path(path)):
            image_files(path, on_note=lambda _: None)  # says what is wrong, or that nothing is
    if several:
        return
    reasons = []
    for path in paths:
        if Path(path).is_file():
            return
        try:
            read_file(path)
        except ImageReadError as error:
            reasons.append(f"{shown_path(path)}: {error.reason}")
        except OSError as error:
            reasons.append(f"{shown_path(path)}: {(error.strerror or str(error)).lower()}")
    if len(reasons) == len(paths):
        raise ValueError("; ".join(reasons))


def _holds_images(path: Path) -> bool:
    """Whether there is an image below a folder, as its first files tell, or a table too large to be read twice."""
    from freqforensics.images.headers import SUFFIXES
    from freqforensics.sources.containers import holds_images, names_an_image
    from freqforensics.sources.leftovers import is_image_name
    from freqforensics.sources.listing import is_list, listed_files
    from freqforensics.storage.opening import is_collection

    if is_collection(str(path)):
        return not names_an_image(str(path)) and holds_images(str(path))
    if is_list(path):
        return bool(listed_files(path))
    if path.is_file() and is_image_name(path.name):
        return True
    if path.is_file():
        return path.suffix.lower() in (".csv", ".tsv") and path.stat().st_size > _SMALL_TABLE
    for folder, below, files in os.walk(path):
        below[:] = [name for name in below if not name.startswith(".")]
        if "manifest.json" in files:  # of results, perhaps, which are not images
            below.clear()
            continue
        if any(Path(folder, name).suffix.lower() in SUFFIXES and not name.startswith(".") for name in files):
            return True
    return False


def _needs_labels(path: Path, labels: Mapping[str, Label]) -> bool:
    """Whether the first folders of a tree have names that `index_sources` would ask about, as it seems."""
    from freqforensics.sources.sides import possible_side, tell_sides
    from freqforensics.storage.locations import is_address
    from freqforensics.storage.opening import is_collection

    if is_collection(str(path)):
        return not is_address(str(path))  # listed in no time

    pending, count = [path] if path.is_dir() else [], 0
    while pending and count < _LOOKED_AT:
        folders = []
        try:
            with os.scandir(pending.pop(0)) as entries:
                for entry in islice(entries, _LOOKED_AT):
                    count += 1
                    if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False):
                        folders.append(Path(entry.path))
        except OSError:
            continue
        names = [folder.name for folder in folders]
        sides = tell_sides(names, labels=labels)
        possible = {side[1] for name in names if (side := possible_side([name], labels))}
        if sides.unclear or (len(possible) == 2 and not sides.labels):
            return True
        if not sides.labels:
            pending += folders
    return False
