"""Single image files, and lists of them, to records."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, MutableMapping, Sequence
from pathlib import Path
from typing import IO, Final, NamedTuple
from weakref import WeakKeyDictionary

from freqforensics.images import shown_path
from freqforensics.sources.leftovers import HEIC_SUFFIXES, is_image_name
from freqforensics.sources.records import ImageRecord, Label
from freqforensics.sources.sides import Labels, possible_side, question
from freqforensics.sources.trees import Place, place_of
from freqforensics.storage.locations import as_path, is_address, is_location

LIST_SUFFIX: Final = ".txt"
STANDARD_INPUT: Final = "-"
_NAMED: Final = 80
_READ: Final[MutableMapping[IO[str], bytes]] = WeakKeyDictionary()
"""What was read of standard input, which is there only once."""


class PlacedFiles(NamedTuple):
    """Records of single files that have one generator, and the folder that gives its name."""

    base: Path
    records: list[ImageRecord]


def is_list(source: str | Path) -> bool:
    """Whether a source is a list of files: a text file, or standard input."""
    path = Path(source)
    if str(source) == STANDARD_INPUT:
        return not path.exists()
    return path.suffix.lower() == LIST_SUFFIX and path.is_file()


def listed_files(source: str | Path) -> list[str]:
    """Read a list of image files, from a text file or standard input; see `read_list`."""
    return read_standard_input() if str(source) == STANDARD_INPUT else read_list(Path(source))


def read_list(source: Path) -> list[str]:
    """Read a list of image files: one path a line, relative to the list; lines that begin with # are comments.

    Raises
    ------
    ValueError
        A line is no image file, with its number; or there is none.
    """
    return _listed(source.read_bytes(), str(source.parent), shown_path(source))


def read_standard_input() -> list[str]:
    """Read a list of image files from standard input: paths separated by line feeds, or by NUL, as `find -print0` has.

    What was read once is given again.

    Raises
    ------
    ValueError
        A line is no image file, or there is none, as for `read_list`.
    """
    if sys.stdin not in _READ:
        _READ[sys.stdin] = sys.stdin.buffer.read()
    return _listed(_READ[sys.stdin], ".", "standard input")


def _listed(data: bytes, folder: str, where: str) -> list[str]:
    nul = b"\0" in data
    paths = []
    for line, cell in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\0" if nul else b"\n"), 1):
        text = os.fsdecode(cell if nul else cell.strip())
        if not text or (text.startswith("#") and not nul):
            continue
        if is_location(text):
            paths.append(text if is_address(text) or folder == "." else os.path.join(folder, text))  # noqa: PTH118
            continue
        path = os.path.join(folder, text) if folder != "." else text  # noqa: PTH118 - quick
        if not os.path.isfile(path):  # noqa: PTH113 - quick
            what = "a folder, no file" if os.path.isdir(path) else "no such file"  # noqa: PTH112
            raise ValueError(f"{where} line {line}: {what}: {_shown(path)}")
        if not is_image_name(text):
            raise ValueError(f"{where} line {line}: {why_no_image(text)}")
        paths.append(path)
    if not paths:
        raise ValueError(f"no image in {where}")
    return paths


def why_no_image(name: str) -> str:
    """Say why a file is not taken for an image."""
    suffix = Path(name).suffix
    if suffix.lower() in HEIC_SUFFIXES:
        return f"{shown_path(name)} is HEIC, which needs the extra: pip install 'freqforensics[heic]'"
    return f"{shown_path(name)} is not an image by its suffix {suffix!r}"


def records_of_files(
    files: Sequence[str | Path], name: str | None, note: Callable[[str], None], labels: Labels | None = None
) -> list[PlacedFiles]:
    """Give records of image files, by the folder that names their generator.

    Parameters
    ----------
    files : sequence of str or Path
    name : str or None
        Generator of all, in place of the folder's name.
    note : callable
        Called with a line for every doubtful label.
    labels : mapping of str to {"real", "fake", "unknown"}, optional
        What folders' names mean.

    Returns
    -------
    list of PlacedFiles
        In the order of the first file of each.

    Raises
    ------
    ValueError
        Folders beside each other have names that may mean real and fake images, and are not understood.
    """
    places: dict[str, Place] = {}
    groups: dict[Path, list[ImageRecord]] = {}
    texts: dict[str, str] = {}
    for file in files:
        text = os.fspath(file)
        folder = str(as_path(text).parent) if is_location(text) else os.path.dirname(text)  # noqa: PTH120 - quick
        place = places.get(folder)
        if place is None:
            place = places[folder] = place_of(as_path(folder), note, labels)
        label: Label = place.label
        generator = name or place.base.name or "images"
        records = groups.setdefault(place.base, [])
        records.append(
            ImageRecord(
                text,  # type: ignore[arg-type]  # kept as text in any case
                label,
                texts.setdefault(generator, generator),
                place.category,
                place.split,
            )
        )
    _ask_of_possible_sides(places.values(), labels)
    return [PlacedFiles(base.resolve(), records) for base, records in groups.items()]


def _ask_of_possible_sides(places: Iterable[Place], labels: Labels | None) -> None:
    words: dict[Path, dict[str, Label]] = {}
    for place in places:
        side = possible_side([place.base.name], labels) if place.label == "unknown" else None
        if side:
            words.setdefault(place.base.parent, {})[place.base.name] = side[1]
    for folder, sides in words.items():
        if len(set(sides.values())) == 2:
            raise question(sorted(sides), shown_path(folder), labels)


def _shown(path: str) -> str:
    """Show the end of a long path, which has the name of the file."""
    shown = shown_path(path)
    return shown if len(shown) <= _NAMED else f"...{shown[-_NAMED:]}"
